"""What the receiver queues the gateway executes, and what it refuses the gateway refuses: at every bound of the table.

Both are the real ones: an office's queue, which signs, and a gateway that opens, executes and answers.
"""

import json
import sys

import order_values
import pytest
from order_bench import Bench, T
from receiver_support import make

from cloud_receiver.office import trust
from cloud_receiver.office.office import Office
from cloud_receiver.office.orders import OrderRefused
from firmware import config
from firmware.orders import Orders
from firmware.wire import orders, records

KID = Bench().identity.kid


class Sides:
    """A works' office and one of its gateways."""

    def __init__(self, folder):
        self.office = Office(make(folder / "works", "demo"), signs=True)
        self.gateway = Bench(consent={"valve": True})
        self.id = self.gateway.identity.gateway
        self.gateway.works["command_keys"] = [
            bytes.fromhex(key) for key in trust.command_public_keys(self.office.directory.ca)]
        self.gateway.updater = True
        self.gateway.telegrams.epoch = order_values.some(("bytes", 8))
        for part in self.gateway.telegrams._parts:
            part.epoch = self.gateway.telegrams.epoch
        self.office.homes.bind(self.id, order_values.METER, T)

    def queue(self, order, arguments):
        """Queue an order; what an answer then carries of it. The keys of own meters are not queued, but looked up."""
        meters = arguments.get("meters") if isinstance(arguments, dict) else None
        if order.name == orders.OWN_METERS and isinstance(meters, list) and all(
                isinstance(row, dict) and row.keys() == {"key", "meter"} for row in meters):
            for row in meters:
                if row["key"] is not None and row["meter"] == order_values.METER:
                    self.office.meter_keys.put(row["meter"], row["key"], T)
            arguments = dict(arguments, meters=[row["meter"] for row in meters])
        counter = self.office.orders.make(self.id, order.name, arguments, T)
        [data] = self.office.orders.signed(self.id, KID, T)
        return counter, data

    def give(self, data):
        """[counter, code, text] of the result to an order; [None, None] for one dropped as too long."""
        before = len(self.gateway.records(self.gateway.values, records.RESULT))
        self.gateway.give(data)
        if len(data) > orders.MAX_ORDER:
            return [None, None]
        [result] = self.gateway.records(self.gateway.values, records.RESULT)[before:]
        return result[3:]

    def done(self):
        """What orders have changed."""
        g = self.gateway
        return (g.uplink.interval, g.kept_orders[:], g.kept_works[:], len(g.uplink.trusted), g.closed[:],
                g.state["update"])


@pytest.fixture
def sides(tmp_path):
    both = Sides(tmp_path)
    yield both
    both.office.close()


@pytest.mark.parametrize("order", orders.ORDERS, ids=[order.name for order in orders.ORDERS])
def test_what_is_queued_is_executed_and_one_beyond_refused_by_both(sides, order):
    good, bad = order_values.edges(("map", order.fields))
    for arguments in good:
        counter, data = sides.queue(order, arguments)
        assert sides.give(data) == [counter, orders.DONE, sides.gateway.state["results"][-1][2]], repr(arguments)[:200]
        sides.office.orders.result(sides.id, counter, orders.DONE, "", T)
        # And what is kept of it holds after a restart.
        kept = json.loads(sides.gateway.kept_orders[-1]) if sides.gateway.kept_orders else {}
        assert config.apply_orders({}, kept) == kept
    counter = sides.gateway.state["counter"]
    for arguments in bad:
        before = sides.done()
        counter += 1
        signed = sides.office.orders.sign(KID, counter, T + order.valid_s, order.name, arguments)
        assert sides.give(signed)[:2] in ([counter, orders.NOT_UNDERSTOOD], [None, None]), repr(arguments)[:200]
        assert sides.done() == before
        if order.name == orders.OWN_METERS and _only_the_key_is_wrong(arguments):
            continue  # no key is ever queued
        with pytest.raises(OrderRefused):
            sides.queue(order, arguments)
        assert sides.office.orders.open(sides.id) == []


def _only_the_key_is_wrong(arguments):
    rows = arguments.get("meters") if isinstance(arguments, dict) else None
    return isinstance(rows, list) and len(rows) <= 16 and len(arguments) == 1 and all(
        isinstance(row, dict) and row.keys() == {"key", "meter"} and row["meter"] == order_values.METER for row in rows)


def test_an_order_that_only_one_side_has_is_refused_by_the_other(sides, monkeypatch):
    for name in ("open-valve", "", "Interval"):
        with pytest.raises(OrderRefused, match="no order called"):
            sides.office.orders.make(sides.id, name, {}, T)
        counter = sides.gateway.state["counter"] + 1
        data = sides.office.orders.sign(KID, counter, T + 200, name, {})
        assert sides.give(data)[:2] == [counter, orders.NOT_LISTED]


def test_a_drift_of_either_side_is_seen(sides, monkeypatch):
    """Known bad: a queue whose bound is looser by one than the gateway's."""
    order = orders.named("interval")
    loose = order._replace(fields=(order.fields[0]._replace(kind=("whole", 9, 86400)),))
    with monkeypatch.context() as patch:
        patch.setattr(orders, "ORDERS", (loose,))
        counter, data = sides.queue(loose, {"seconds": 9})
    assert sides.give(data)[:2] == [counter, orders.NOT_UNDERSTOOD]


def test_every_order_has_its_method():
    taker = Bench().taker
    for order in orders.ORDERS:
        code = getattr(taker, "do_" + order.name.replace("-", "_")).__code__
        assert code.co_varnames[1:code.co_argcount] == tuple(field.name for field in order.fields), order.name
    methods = {name[3:].replace("_", "-") for name in dir(taker) if name.startswith("do_")}
    assert methods == {order.name for order in orders.ORDERS}


# --- an order's method returns at once: the gateway hears nothing meanwhile

LINES = 20_000  # of Python that one may run, with 2,000 meters in a list: some tenths of a second of a chip


class Waits(Exception):
    """It has held the gateway up."""


def waiting(kind):
    """The orders whose method sleeps, or goes on for very long, with the largest arguments that there may be."""
    lines = 0

    def counted(frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        if lines > LINES:
            raise Waits
        return counted

    def sleep(*_):
        raise Waits
    found = []
    for order in orders.ORDERS:
        g = Bench(consent={"valve": True})
        g.updater = True
        arguments = {f.name: order_values.edges(f.kind)[0][-1] for f in order.fields}
        taker, lines = kind(g.identity.kid, g.works, g.clock, g.state, g.save_state, g.values, g), 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.sleep", sleep)
            patch.setattr("select.poll", sleep)
            sys.settrace(counted)
            try:
                getattr(taker, "do_" + order.name.replace("-", "_"))(**arguments)
            except Waits:
                found.append(order.name)
            except ValueError:
                pass  # refused, at once
            finally:
                sys.settrace(None)
    return found


def test_no_order_holds_the_gateway_up():
    assert waiting(Orders) == []

    class Sleeps(Orders):
        """Known bad: it waits for the valve."""
        def do_close_valve(self):
            import time
            time.sleep(30)

    class Counts(Orders):
        """Known bad: it goes through all that is stored."""
        def do_rewind(self, epoch, after):
            while after > 0:
                after -= 1
    assert waiting(Sleeps) == ["close-valve"] and waiting(Counts) == ["rewind"]
