"""A gateway without one of its defences, on either runtime: `python -m lacking_gateway DEFENCE DIR [--status]`.

Each function here removes a defence in one place, by its name; "none" removes nothing. What must get through then is an
attack of tests/host/attacks/homes.py.
"""

import sys

from firmware import main as gateway


def order_signature():
    """Whoever signs an order is believed."""
    from firmware.crypto import ed25519

    def verify_steps(key, message, signature):
        if False:
            yield
        return True
    ed25519.verify_steps = verify_steps


def order_counter():
    """An order is executed whenever it comes."""
    from firmware.orders import Orders
    real = Orders.execute_all

    async def execute_all(self, orders, before):
        self._state["counter"] = 0
        return await real(self, orders, before)
    Orders.execute_all = execute_all


def order_time():
    """An order is executed however late it comes."""
    from firmware.orders import Orders
    real = Orders._execute
    Orders._execute = lambda self, not_after, name, arguments, before: real(self, 1 << 61, name, arguments, before)


def valve_consent():
    """The valve is closed without the owner's consent and by any clock."""
    from firmware.orders import Orders
    Orders._guarded = lambda self, guard, not_after, now, before: None


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


def media_filter():
    """All media are relayed."""
    from firmware.thinning import Thinning
    Thinning.wanted = lambda self, meter: True


def anchors():
    """Any certificate will do."""
    from firmware import port
    from firmware.port import tls
    tls.tls_context = port.tls_context = lambda anchors: tls.tls_unverified()
    tls.dates_hold = port.dates_hold = lambda writer, unix, confirmed: True


def none():
    """The gateway as it is."""


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    sys.exit(gateway.main(sys.argv[2:]))
