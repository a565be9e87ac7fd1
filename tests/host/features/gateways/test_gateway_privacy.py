"""Known-bad: the pages of the gateways show what a home uses, and that is seen."""

from privacy_rig import WH, works_sees_electricity
from receiver_support import HOUR, NOW

import firmware.wire.records as records
from cloud_receiver.features.gateways import page as gateways
from cloud_receiver.stores import queries
from cloud_receiver.stores.jobs import batch
from firmware.wire import cbor


def test_seen_where_the_works_reads_it_too(place, monkeypatch):
    """Known-bad: the query of the gateways also reads home_hours."""
    good = queries.gateways.one

    def bad(db, gateway):
        g = good(db, gateway)
        g["status"]["import"] = sum(h[1] for h in queries.people.home_hours(db, g["row"], 0, NOW))
        return g
    monkeypatch.setattr(queries.gateways, "one", bad)
    assert f"/v1/gateways/{place.a.id}" in works_sees_electricity(place)


def test_seen_where_hours_are_entered_as_any_other_record(place, monkeypatch):
    """Known-bad: HAN hours have no account of their own, and lie among the records that the works is shown."""
    monkeypatch.delitem(batch.ENTRIES, records.HAN_HOUR)
    monkeypatch.setattr(gateways, "described", lambda kind, time, received, body: (
        str(cbor.decode_all(body)), "", time, received))
    place.receiver.through(place.a.batch([records.han_hour(place.a.next(), NOW, NOW - 2 * HOUR, WH, 98_765, False)]))
    assert f"/gateways/{place.a.id}" in works_sees_electricity(place)
