"""docs/wire.cddl and docs/wire.md say of orders what their table says, for every bound."""

import re
from pathlib import Path

import cbor2
import order_values
import pytest
from wire_schema import CDDL, fits

from cloud_receiver.office.orders import RESULTS
from firmware.wire import cbor, orders

PAGE = (Path(__file__).resolve().parents[2] / "docs/wire.md").read_text(encoding="utf-8")
COMMANDS = PAGE[PAGE.index("\n## Commands\n"):PAGE.index("\n## Updates\n")]


def rule(kind):
    """A kind of the table as CDDL (RFC 8610) says it."""
    what = kind[0]
    if what == "or null":
        return f"{rule(kind[1])} / nil"
    if what == "list":
        inner = rule(kind[3])
        return f"[{kind[1]}*{kind[2]} {f'({inner})' if kind[3][0] == 'one of' else inner}]"
    if what == "map":
        rows = sorted(kind[1], key=lambda row: cbor.encode(row[0]))  # as on the wire
        return "{ " + ", ".join(f'"{row[0]}" => {rule(row[1])}' for row in rows) + " }"
    if what == "text":
        return f"tstr .size ({kind[1]}..{kind[2]})"
    if what == "bytes":
        return f"bstr .size {kind[1]}"
    return f"{kind[1]}..{kind[2]}" if what == "whole" else " / ".join(map(str, kind[1]))


def plain(text):
    """CDDL without its comments and layout."""
    return re.sub(r",?\s*([{}()\[\]])\s*", r"\1", re.sub(r"\s+", " ", re.sub(r";.*", "", text))).strip()


def told(table):
    """What the schema would have to say of a table of orders."""
    return plain(" // ".join(f'("{order.name}", {rule(("map", order.fields))})' for order in table))


def test_the_schema_says_what_the_table_says():
    written = re.search(r"^order = \(\n(.*?)^\)$", CDDL, re.M | re.S)
    assert written and plain(written[1]) == told(orders.ORDERS)
    assert re.search(rf"^signed-command = bstr \.size \(0\.\.{orders.MAX_ORDER}\)", CDDL, re.M)


def test_a_bound_that_is_moved_in_the_table_is_no_longer_what_the_schema_says():
    for n, order in enumerate(orders.ORDERS):
        for _, fields in order_values.moved(("map", tuple((f.name, f.kind) for f in order.fields))):
            other = orders.ORDERS[:n] + (order._replace(fields=fields),) + orders.ORDERS[n + 1:]
            assert told(other) != told(orders.ORDERS), fields


def sized(kind, value):
    """Whether a value keeps the bounds of its kind, whatever its form: what the schema can say."""
    if kind[0] == "text":
        return isinstance(value, str) and kind[1] <= len(value.encode()) <= kind[2]
    if kind[0] == "list":
        return isinstance(value, list) and kind[1] <= len(value) <= kind[2] and all(sized(kind[3], v) for v in value)
    if kind[0] == "map":
        return isinstance(value, dict) and set(value) == {row[0] for row in kind[1]} and all(
            sized(row[1], value[row[0]]) for row in kind[1])
    if kind[0] == "or null":
        return value is None or sized(kind[1], value)
    return not orders.wrong(kind, value)


@pytest.mark.parametrize("order", orders.ORDERS, ids=[order.name for order in orders.ORDERS])
def test_the_schema_takes_what_the_table_takes_and_refuses_one_beyond(order):
    kind = ("map", order.fields)
    for values in order_values.edges(kind):
        for arguments in values:
            if not repr(arguments).isascii():
                continue  # the size of a text is in bytes (RFC 8610 3.8.1); the validator counts characters
            data = cbor2.dumps([bytes(10), 1, 2, order.name, arguments], canonical=True)
            assert fits("command", data) == sized(kind, arguments), repr(arguments)[:200]


def test_the_page_has_a_row_for_each_order_and_each_result_code():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \| ", COMMANDS, re.M))
    assert sorted(rows) == sorted(order.name for order in orders.ORDERS)
    for order in orders.ORDERS:
        for field in order.fields:
            assert f"`{field.name}`" in rows[order.name], (order.name, field.name)
            for number in numbers(field.kind):
                assert re.search(rf"\b{number}\b", rows[order.name]), (order.name, field.name, number)
    words = re.findall(r"^\| ([0-7]) \| ([\w ]+)", COMMANDS, re.M)
    assert [int(code) for code, _ in words] == list(range(orders.INTERRUPTED + 1))
    assert all(said.startswith(RESULTS[int(code)]) for code, said in words)


def numbers(kind):
    """The bounds in a kind that a reader of the page has to know."""
    what = kind[0]
    if what in ("or null", "list"):
        return ([kind[2]] if what == "list" else []) + numbers(kind[-1])
    if what == "map":
        return [n for row in kind[1] for n in numbers(row[1])]
    if what == "one of":
        return list(kind[1])
    if what == "whole" and kind[2] == orders.LAST_SEQ:
        return []
    return list(kind[1:3]) if what == "whole" else [kind[2] if what == "text" else kind[1]]
