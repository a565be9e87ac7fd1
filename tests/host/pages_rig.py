"""A receiver with a bit of everything, for the tests of its pages."""

import contextlib

from receiver_support import DAY, HOUR, NOW, Meter, Running, make

import firmware.wire.records as records
from cloud_receiver.office.office import Office
from firmware.wire import cbor

METER, OPEN, WRONG = Meter(12345678), Meter(20000001, key=bytes(16)), Meter(20000002, key=b"\x01" * 16)


@contextlib.contextmanager
def filled(folder):
    """A receiver in a folder, with a bit of everything."""
    WRONG.key = b"\x01" * 16  # it sends with another key than is put in below
    with Running(make(folder / "works")) as running:
        g = running.enrol(name="Fyrveien 3 <b>")
        running.enrol(kind="concentrator")
        running.through(g.batch([records.telegram(g.next(), NOW - n * HOUR, -70, METER.telegram(1_234_500 - 20 * n))
                                 for n in range(80)]))
        running.through(g.telegrams([OPEN.telegram(1), WRONG.telegram(1)], time=NOW - 2 * DAY))
        running.through(g.telegrams([METER.telegram(1_234_500, status=4)], time=NOW))
        WRONG.key = bytes(16)
        running.put_key(WRONG)
        body = [records.event(g.next(), NOW, "supply", "low <script>"), records.lost(g.next(), NOW, 1, 9, 9),
                b"\x83\x18\x63" + cbor.encode(g.next()) + b"\x00"]
        running.through(g.batch(body))
        running.send(g.batch([records.event(g.seq, NOW, "x", "y")]))
        running.send(g.batch([records.event(g.seq, NOW, "x", "z")], first=g.seq, last=g.seq))
        g.seq += 5
        running.through(g.batch([records.event(g.next(), NOW, "x", "y")]))
        running.gateway = g
        running.through(g.batch([records.han_hour(g.next(), NOW, NOW - n * HOUR, 1500, 20, False)
                                 for n in range(1, 50)]))
        office = Office(running.directory)
        office.homes.bind(g.id, METER.text, NOW)
        running.home = "/home/" + office.homes.make_link(g.id, NOW - 20 * DAY)
        office.close()
        running.run(_commanded(running))
        running.wait_for(lambda s: s["pending"] == 0 and s["wrong_key"] == 1)
        yield running


async def _commanded(running):
    for name, arguments in (("interval", {"seconds": 60}), ("close-valve", {})):
        running.receiver.office.orders.make(running.gateway.id, name, arguments, NOW)
