"""The table of orders: every bound of it from both sides, and that what it allows fits the wire."""

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import order_values

import wmbus
from firmware.wire import WireError, cbor, envelope, orders


def refusal(order, arguments):
    """What check says, "" for nothing."""
    try:
        orders.check(order, arguments)
    except WireError as e:
        return str(e)
    return ""


def test_every_bound_of_every_order_from_both_sides():
    for order, arguments, good in order_values.both_sides():
        text = refusal(order, arguments)
        assert (text == "") == good, (order.name, text)
        # One line that says where, short enough for a result record, and no value: it could be a key.
        assert good or text.startswith(order.name) and len(text) <= 100 and "\n" not in text, text


def test_a_bound_that_is_moved_by_one_is_seen():
    """Known bad: every kind with a bound off by one judges some value of the edges otherwise."""
    seen = 0
    for order in orders.ORDERS:
        kind = "map", tuple([(f.name, f.kind) for f in order.fields])
        good, bad = order_values.edges(kind)
        for other in order_values.moved(kind):
            seen += 1
            assert any(orders.wrong(other, v) for v in good) or not all(orders.wrong(other, v) for v in bad), other
    assert seen > 60


def test_the_table_is_well_formed():
    names = [order.name for order in orders.ORDERS]
    assert sorted(set(names)) == sorted(names) and len(orders.RESULTS.split("|")) == orders.INTERRUPTED + 1
    for order in orders.ORDERS:
        assert orders.named(order.name) is order
        assert all("a" <= c <= "z" or c == "-" for c in order.name) and order.means and order.valid_s > 0
        assert order.replaces in (orders.ALL, orders.EQUAL, orders.NONE)
        for field in order.fields:
            # A person is asked for all of an order's fields, or for none.
            assert bool(field.means) == bool(order.fields[0].means), order.name
            for value in field.default:
                assert not orders.wrong(field.kind, value), (order.name, field.name)
        # What could do harm when late is for one moment, and the gateway takes it for a minute longer than it waits.
        assert order.guard is None or order.valid_s + 60 <= order.guard[1] <= 300
    for name in ("open-valve", "", None, 7, "close-valve ", "Interval"):
        assert orders.named(name) is None


def largest(kind):
    """The longest value of a kind."""
    return max(order_values.edges(kind)[0], key=lambda v: len(cbor.encode(v)))


def test_the_largest_order_fits_with_its_envelope():
    wrapping = len(envelope.envelope(bytes(10), bytes(32), bytes(64), orders.CONTENT_TYPE))
    for order in orders.ORDERS:
        arguments = {f.name: largest(f.kind) for f in order.fields}
        assert refusal(order, arguments) == ""
        content = cbor.encode([bytes(10), orders.LAST_SEQ, orders.LAST_SEQ, order.name, arguments])
        assert len(content) + wrapping <= orders.MAX_ORDER, order.name


def test_a_meter_of_an_order_is_one_that_the_codec_reads():
    for text in ("KAM-12345678-1B-16", "ABC-00000000-00-00", "XYZ-FFFFFFFF-FF-FF"):
        assert wmbus.meter_text(wmbus.parse_meter(text)) == text and orders.FORMS["meter"][0](text)
    for text in ("kam-12345678-1B-16", "KAM-12345678-1b-16", "KAM-1_345678-1B-16", "KAM-+2345678-1B-16",
                 "KAM- 2345678-1B-16", "KAM-12345678-1B-1G", "KAM-12345678-1B-16-", "KAM-*", "",
                 "K\xc5M-12345678-1B-16"):
        assert not orders.FORMS["meter"][0](text), text
    for text in ("kam-*", "K\xc5M-*", "KAM*", "KAM-**", "***-*", "KAMS-*"):
        assert not orders.FORMS["meter or make"][0](text), text


def test_an_address_is_a_host_and_perhaps_a_port():
    assert orders.split_url("https://works.example") == ("works.example", 443)
    assert orders.split_url("https://works.example:8443/") == ("works.example", 8443)
    assert orders.split_url("https://[::1]:8443") == ("[::1]", 8443)
    for url in ("http://x:1", "https://x:1/path", "https://:1", "https://", "https://x:", "https://x:0",
                "https://x:65536", "https://x y:1", "https://x:1\n", "https://b\xe5t:1", "https://x:\xb2"):
        assert orders.split_url(url) is None, url
