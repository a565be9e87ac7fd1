"""A gateway without one of its defences, on either runtime: `python -m lacking_gateway DEFENCE DIR [--status]`.

Each function here removes a defence in one place, by its name; "none" removes nothing. What must get through then is an
attack of tests/host/attacks/homes.py.
"""

import sys

from firmware import main as gateway


def _of_orders(change):
    """Have something changed in firmware.orders whenever it is loaded: a device lets go of it in between."""
    from firmware.folder import Folder
    real = Folder.make_orders

    def make_orders(self):
        from firmware import orders
        if not hasattr(orders, "changed"):
            orders.changed = True
            change(orders.Orders)
        return real(self)
    Folder.make_orders = make_orders


def order_signature():
    """Whoever signs an order, or nobody, is believed."""
    def change(kind):
        from firmware.wire import WireError, cbor, envelope

        async def opened(self, data):
            try:
                found = envelope.open_envelope(data, "command", self.works["works"])
                _kid, counter, not_after, name, arguments = cbor.decode_all(data[found.end:])
            except (ValueError, TypeError, WireError):
                return None
            return counter, found.kid.hex(), not_after, name, arguments
        kind._opened = opened
        kind._retired = lambda self, signer: False
    _of_orders(change)


def order_counter():
    """An order is executed whenever it comes."""
    def change(kind):
        real = kind.execute_all

        async def execute_all(self, orders, before):
            self._state["counter"] = 0
            return await real(self, orders, before)
        kind.execute_all = execute_all
    _of_orders(change)


def order_time():
    """An order is executed however late it comes."""
    def change(kind):
        real = kind._execute
        kind._execute = lambda self, not_after, name, arguments, before: real(self, 1 << 61, name, arguments, before)
    _of_orders(change)


def valve_consent():
    """The valve is closed without the owner's consent and by any clock."""
    def change(kind):
        kind._guarded = lambda self, guard, not_after, now, before: None
    _of_orders(change)


def han_opt_in():
    """Electricity is sent unasked."""
    from firmware.journal import Journal
    real = Journal.electricity_hour

    def electricity_hour(self, *hour):
        self._gateway.config["han"]["send"] = True
        return real(self, *hour)
    Journal.electricity_hour = electricity_hour


def own_only():
    """Whatever can be read is decoded, whosever it is."""
    from firmware.home.own_meters import OwnMeters
    OwnMeters.is_own = lambda self, meter: True
    real = OwnMeters.decode_own

    def decode_own(self, meter, telegram, unix):
        if meter not in self._meters:
            self._meters[meter] = ("neighbour", None)
        return real(self, meter, telegram, unix)
    OwnMeters.decode_own = decode_own


def own_plain():
    """What does not open is read as a capture that somebody decrypted."""
    import wmbus
    from firmware.home.own_meters import OwnMeters
    real = OwnMeters._decode

    def decode(self, telegram, key, formats):
        try:
            return real(self, telegram, key, formats)
        except (wmbus.Unsealed, wmbus.WrongKey):
            return wmbus.decode(telegram, None, self._cipher, formats, True)
    OwnMeters._decode = decode


def one_place():
    """A window has one place, whoever contests it."""
    from firmware.thinning import Thinning
    Thinning._place_due = lambda self, table, at_slot, further, at: False


def media_filter():
    """All media are relayed."""
    from firmware.thinning import Thinning
    Thinning.wanted = lambda self, meter: True


def anchors():
    """Any certificate will do."""
    from firmware import port
    port.tls_context = lambda anchors: port.tls_unverified()
    port.dates_hold = lambda writer, unix, confirmed: True


def none():
    """The gateway as it is."""


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    sys.exit(gateway.main(sys.argv[2:]))
