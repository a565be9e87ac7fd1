"""What the receiver shows to whom: each rule with the receiver that has forgotten it, which must be seen."""

import inspect

import pytest
from privacy_rig import NEIGHBOUR, OWN, works_sees_electricity
from receiver_support import NOW

from cloud_receiver.office import orders
from cloud_receiver.stores import queries
from firmware.wire import cbor, envelope


def test_electricity_is_in_nothing_that_the_works_sees(place):
    assert works_sees_electricity(place) == []


def keys_sent(place, gateway):
    """The meters whose keys an answer to a gateway carries."""
    answer = envelope.open_answer(place.receiver.send(gateway.batch([])).body)
    keys = []
    for data in answer.commands:
        content = cbor.decode_all(data[envelope.open_envelope(data, "command", "works").end:])
        keys += [m["meter"] for m in content[4].get("meters", ()) if m["key"]] if content[3] == "own-meters" else []
    return keys


def test_a_key_goes_to_its_own_home_only_and_it_is_seen_where_not(place, monkeypatch):
    for gateway in (place.a, place.b):
        queue(place, gateway, [OWN.text, NEIGHBOUR.text])
    assert keys_sent(place, place.a) == [OWN.text] and keys_sent(place, place.b) == [NEIGHBOUR.text]
    # Known-bad: what is queued is believed, bound or not.
    monkeypatch.setattr(orders.Orders, "_complete", lambda self, c: {
        "meters": [{"meter": m, "key": self._meter_keys.key(m)} for m in c.arguments["meters"]]}
        if c.name == "own-meters" else c.arguments)
    assert keys_sent(place, place.b) == [OWN.text, NEIGHBOUR.text]


def queue(place, gateway, meters):
    async def make_it():
        place.receiver.receiver.office.orders.make(gateway.id, "own-meters", {"meters": meters}, NOW)
    place.receiver.run(make_it())


def test_a_relay_filter_for_another_medium_cannot_be_ordered():
    for media in ([2], [4, 7], [6, 7, 21, 22, 3], []):
        with pytest.raises(orders.OrderRefused):
            orders.check("relay", {"window": 3600, "media": media, "meters": None})


def test_home_has_nothing_else_to_leak():
    """The page's query for electricity is the only one that reads it, beside the owner's own export."""
    readers = [f for module in queries.__all__ for _, f in inspect.getmembers(getattr(queries, module),
                                                                              inspect.isfunction)
               if "FROM home_hours" in inspect.getsource(f)]
    assert readers == [queries.people.home_hours, queries.people.person, queries.summary.everything]
    assert "count(*)" in inspect.getsource(queries.summary.everything)
