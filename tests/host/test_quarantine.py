"""A gateway is stolen: what it alone sent since then is set aside, on each store, and what others sent is as it was."""

import subprocess

import pytest
from receiver_support import DAY, HOUR, NOW, Gateway, Meter, Process, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.office.office import Office
from cloud_receiver.stores import queries
from cloud_receiver.stores.jobs import quarantine

THEFT = NOW - 6 * HOUR
OWN, BOTH, LEAK = Meter(11111111), Meter(22222222), 0x20


@pytest.fixture(params=["sqlite", "postgres"])
def running(request, tmp_path):
    """A receiver on each store, whose clock the test sets."""
    directory = make(tmp_path / "works", engine=request.param)
    with Running(directory) as receiver:
        yield receiver


class Street:
    """An honest gateway and one that is stolen at THEFT: both hear a meter, the stolen one another too."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.honest, self.stolen = receiver.enrol(Gateway()), receiver.enrol(Gateway())
        self.total = 100_000
        for n in range(24, -1, -1):
            if n:
                self.hour(n)
        receiver.clock.at = NOW

    def hour(self, n):
        at = NOW - n * HOUR
        self.receiver.clock.at = at
        self.total += 10
        heard = BOTH.telegram(self.total)
        for gateway in (self.stolen, self.honest):
            self.receiver.through(gateway.telegrams([heard], at))
        own = OWN.telegram(self.total)
        self.receiver.through(self.stolen.telegrams([own], at))
        if at >= THEFT:  # and makes some up, later in the hour
            self.receiver.clock.at = at + 1800
            self.receiver.through(self.stolen.telegrams([BOTH.telegram(self.total + 5, access=200 + n)], at + 1800))
        self.receiver.wait_for(lambda s: s["pending"] == 0)

    def readings(self, meter):
        row = self.receiver.meter(meter.text)["row"]
        return [(t, ml // 1000) for t, ml in self.receiver.read(queries.readings.between, row, NOW - DAY, NOW + DAY)]

    def states(self):
        return dict(self.receiver.read(lambda db: db.execute(
            "SELECT state, count(*) FROM telegrams GROUP BY state").fetchall()))

    def netti(self, *arguments, status=0):
        done = subprocess.run([Process.NETTI, "receiver", *arguments], capture_output=True, text=True)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        self.receiver.look()
        self.receiver.run(self.receiver.receiver.keeping.forget())
        self.receiver.wait_for(lambda s: s["pending"] == 0)
        return done.stdout + done.stderr


def test_what_it_alone_sent_is_set_aside_and_let_in_again(running):
    street = Street(running)
    where, stolen = running.directory.path, street.stolen.id
    both, own = street.readings(BOTH), street.readings(OWN)
    assert len(own) == 24 and len(both) == 24 and [t % HOUR for t, _ in both[-6:]] == [1800] * 6
    street.netti("revoke", where, stolen, "--since", "nonsense", status=2)
    street.netti("revoke", where, stolen, "--since", "2099-01-01", status=2)
    said = street.netti("revoke", where, stolen, "--since", str(THEFT))
    assert "12 telegrams" in said and "12 readings" in said and "2 meters" in said and "6 telegrams that other" in said
    assert running.send(street.stolen.batch([])).status == 401
    assert street.readings(OWN) == own[:18], "nobody else heard it"
    found = street.readings(BOTH)
    assert found[:18] == both[:18] and [t % HOUR for t, _ in found[18:]] == [0] * 6, "the honest readings are back"
    meter = running.meter(OWN.text)
    assert meter["read_at"] == own[17][0] and meter["total_ml"] == own[17][1] * 1000
    assert running.meter(BOTH.text)["total_ml"] == street.total * 1000
    listed = street.netti("quarantine", where, stolen)
    assert "12 telegrams of 2 meters" in listed and listed.count("\n") == 13 and OWN.text in listed
    page = running.web(f"/gateways/{stolen}", headers={"Accept-Language": "en"}).text
    assert "12 telegrams are set aside" in page
    assert "let in" in street.netti("quarantine", where, stolen, "--release")
    assert street.readings(OWN) == own and running.meter(OWN.text)["total_ml"] == own[-1][1] * 1000
    with Office(running.directory) as office:
        assert [line.what for line in office.accounts.audit.latest()[:2]] == ["quarantine released",
                                                                              "gateway quarantined"]
        assert office.quarantines.since(stolen) is None


def test_what_is_removed_is_gone(running):
    street = Street(running)
    before = street.states()
    street.netti("revoke", running.directory.path, street.stolen.id, "--since", str(THEFT))
    street.netti("quarantine", running.directory.path, street.stolen.id, "--remove")
    assert sum(street.states().values()) == sum(before.values()) - 12
    assert len(street.readings(OWN)) == 18 and len(street.readings(BOTH)) == 24


def test_in_pieces_of_any_size(running):
    street = Street(running)
    store, pieces, before = running.receiver.store, 0, 0
    while before is not None:
        before = running.run(piece(store, street.stolen.id, before))
        pieces += 1
    running.wait_for(lambda s: s["pending"] == 0)
    assert 3 <= pieces <= 8, "as far back as it was stolen"
    assert len(street.readings(OWN)) == 18 and len(street.readings(BOTH)) == 24


async def piece(store, gateway, before):
    return await store.writer.submit(quarantine.quarantine, gateway, "set aside", THEFT, before, 5)


@pytest.mark.parametrize("mutant", ["readings stay", "witnessed too"])
def test_seen_where_it_is_done_wrong(running, monkeypatch, mutant):
    """Known-bad: the telegrams are marked and their readings stay; what others have heard is set aside with it."""
    if mutant == "readings stay":
        monkeypatch.setattr(quarantine, "_withdraw", lambda db, meter, times: None)
    else:
        monkeypatch.setattr(quarantine, "ALONE", "1 = 1")
    with pytest.raises(AssertionError):
        test_what_it_alone_sent_is_set_aside_and_let_in_again(running)


def test_alarms_that_it_raised_are_gone(running):
    gateway = running.enrol(Gateway())
    meter = Meter(44444444)
    running.through(gateway.telegrams([meter.telegram(1000)], NOW - 8 * HOUR))
    running.clock.at = NOW
    running.through(gateway.batch([wire_records.telegram(gateway.next(), NOW - 60, -70,
                                                         meter.telegram(1001, status=0x04))]))
    running.wait_for(lambda s: s["pending"] == 0)
    assert alarms(running)
    with Office(running.directory) as office:
        office.quarantines.add(gateway.id, "set aside", NOW - 60, NOW)
    running.receiver.clock.at = NOW
    running.run(running.receiver.keeping.forget())
    assert not alarms(running)


def alarms(running):
    return running.read(lambda db: db.execute("SELECT * FROM alarms").fetchall())
