"""PostgreSQL as the store: lost connections, a server that stalls, one writer a database, its dialect; every query on
both stores; a receiver that runs on it."""

import asyncio
import contextlib
import inspect
import os
import signal

import needs
import postgres
import pytest
from kill_rig import under_load
from receiver_support import DAY, NOW, Gateway, Meter, Process
from store_rig import Ring, kind, run  # noqa: F401

import firmware.wire.records as records
from cloud_receiver.stores import Settled, StoreError, open_store, queries
from firmware.wire import cbor

PLAIN, OTHER, LOCKED, COMPACT = Meter(11111111), Meter(22222222), Meter(33333333, key=bytes(16)), Meter(44444444)


@pytest.fixture
def store(kind):  # noqa: F811
    if kind != "postgres":
        pytest.skip("of PostgreSQL")
    needs.module("asyncpg")
    import cloud_receiver.stores.postgres as module
    return module


def backend(session_dsn):
    """The server's process behind the writer."""
    from cloud_receiver.stores.postgres import Session
    with contextlib.closing(Session(session_dsn)) as session:
        return session.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = "
                               "(SELECT oid FROM pg_database WHERE datname = current_database())").fetchone()[0]


def test_a_lost_connection_is_made_anew_and_nothing_counts_as_done(tmp_path, store):
    async def scenario(opened):
        ring = Ring(opened)
        await ring.send([ring.telegram(PLAIN.telegram(1))])
        os.kill(await asyncio.to_thread(backend, f"postgres://{opened.address}"), signal.SIGTERM)
        second, failures = [ring.telegram(PLAIN.telegram(2))], 0
        for _ in range(100):
            try:
                await ring.send(second, first=2)
                break
            except StoreError:
                failures += 1
                await asyncio.sleep(0.05)
        return failures, (await opened.read(queries.summary.everything))["telegrams"]

    failures, telegrams = run(tmp_path, scenario)
    assert telegrams == 2 and failures < 50


def test_a_server_that_stalls_is_given_up_and_nothing_counts_as_done(tmp_path, store, monkeypatch):
    monkeypatch.setattr(store, "STATEMENT_S", 0.5)

    async def scenario(opened):
        ring = Ring(opened)
        await ring.send([ring.telegram(PLAIN.telegram(1))])
        second = [ring.telegram(PLAIN.telegram(2))]
        pid = await asyncio.to_thread(backend, f"postgres://{opened.address}")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError):
                await asyncio.wait_for(ring.send(second, first=2), 20)
        finally:
            os.kill(pid, signal.SIGCONT)
        for _ in range(100):  # its lock goes with it
            try:
                taken = await ring.send(second, first=2)
                break
            except StoreError:
                await asyncio.sleep(0.1)
        return taken.through, (await opened.read(queries.summary.everything))["telegrams"]

    assert run(tmp_path, scenario) == (2, 2)


def test_one_writer_a_database(tmp_path, store, monkeypatch):
    monkeypatch.setattr(store, "LOCK_S", 0.3)
    url = postgres.new_database()
    first = open_store(url)
    try:
        with pytest.raises(StoreError, match="another receiver"):
            open_store(url)
    finally:
        first.close()
    open_store(url).close()


def test_values_and_lists_in_its_dialect(store):
    from cloud_receiver.stores import NUMBERS, TEXTS
    assert store.dialect("SELECT ?, ?") == "SELECT $1, $2"
    assert store.dialect("SELECT ?2, ?1") == "SELECT $2, $1"
    assert "?" not in store.dialect(f"a IN {NUMBERS} AND b IN {TEXTS} AND c = ?")
    assert store.dialect(f"a IN {NUMBERS} AND c = ?").endswith("c = $2")


def test_a_text_it_cannot_hold(tmp_path):
    async def scenario(opened):
        ring = Ring(opened)
        ring.row = await opened.enrol(ring.public, "home", "a\0b", NOW)
        await ring.send([records.event(ring.next(), NOW, "x\0y", "\0"), records.status(ring.next(), NOW, [["\0", 1]])])
        [g] = await opened.read(queries.gateways.every)
        return g["name"], g["status"]

    name, status = run(tmp_path, scenario)
    assert name in ("a\0b", "a\ufffdb") and status == {"\0": 1}


TODAY = NOW // DAY

class Known(Ring):
    """A ring that is the same for each store."""

    def __init__(self, store, seed, name=""):
        super().__init__(store)
        Gateway.__init__(self, "works", seed)
        self.epoch, self.name = seed[:8], name

    async def send(self, bodies, first=None, now=NOW):
        if self.row is None:
            self.row = await self.store.enrol(self.public, "home", self.name, now)
        return await super().send(bodies, first, now)


def over_bound(db, day):
    """A job: the first gateway has reached a bound."""
    db.execute("UPDATE bounds SET over = 3, since = ?, left_out = 2 WHERE gateway = 1 AND day = ?", (day * DAY, day))


def calls(ring, stolen, recent):
    """{(module, query): the arguments of each call of it}: every query of every module."""
    meter, gateway, q = PLAIN.text, ring.id, queries
    asked: dict = {}
    for module, rows in ((q.meters, [1, 2, 3, 99]), (q.gateways, [2, 1, 99])):
        of_meters = module is q.meters
        more = () if of_meters else ((), None)
        lists = [(NOW, show, search, sign + order, 2, at, *more, recent) for show in (*module.SHOWN, "nonsense")
                 for search in ("", "kam", "1111", "ÅS", "%", "1\\_") for order in (*module.ORDERS, "nonsense")
                 for sign in ("", "-") for at in (0, 1)]
        asked[module, "page_rows"] = lists
        asked[module, "page"] = [(TODAY - 1, *call) if of_meters else call for call in lists[::7]]
        asked[module, "of_rows"] = [(r, TODAY - 1, NOW) if of_meters else (r, recent) for r in (rows, [])]
    asked[q.gateways, "page_rows"] += [(NOW, "all", "", "id", 9, 0, leave, only, recent)
                                       for leave, only in (((gateway,), None), ((), (gateway,)), ((), ()))]
    return asked | {
        (q.gateways, "key"): [(gateway,), ("A",)], (q.gateways, "one"): [(gateway,), ("A",)],
        (q.gateways, "every"): [()], (q.gateways, "events"): [(1,), (1, 2)], (q.gateways, "versions"): [()],
        (q.gateways, "silent"): [(NOW,), (NOW + DAY,)],
        (q.rings, "of_gateways"): [([1, 2, 9],), ([],)], (q.rings, "equivocations"): [(1,)],
        (q.rings, "open_gaps"): [()], (q.rings, "told_lost"): [(1, 900, 901), (1, 1, 2)],
        (q.meters, "one"): [(TODAY - 1, meter), (TODAY - 1, LOCKED.text), (TODAY - 1, "X")],
        (q.meters, "needing_attention"): [(TODAY - 1, NOW, 10), (TODAY - 1, NOW + 9 * DAY, 1)],
        (q.meters, "heard_by_gateway"): [(1, TODAY - 1)], (q.meters, "coverage"): [(1, TODAY - 7)],
        (q.alarms, "page"): [(show, search, sign + order, 9, at) for show in ("all", "low_battery", "leak")
                             for search in ("", "kam 2", "_") for order in (*q.alarms.ORDERS, "nonsense")
                             for sign in ("", "-") for at in (0, 1)],
        (q.alarms, "kinds"): [()], (q.alarms, "of_meter"): [(1,), (2,)],
        (q.readings, "day_rows"): [(1, TODAY - 3, TODAY), (9, 0, 1)],
        (q.readings, "between"): [(1, NOW - 3 * DAY, NOW + 1)],
        (q.readings, "around"): [(1, [NOW - 40 * DAY, NOW - DAY, NOW], 3 * DAY), (9, [0, NOW], DAY)],
        (q.readings, "of_day"): [(TODAY - back, after, 2, daily) for back in (0, 1, 2) for after in (0, 1)
                                 for daily in (True, False)],
        (q.telegrams, "pending"): [(10,)], (q.telegrams, "closed_meters"): [()],
        (q.telegrams, "without_key"): [()],
        (q.telegrams, "progress"): [([meter],), ([LOCKED.text, meter, "X"],), ([],)],
        (q.people, "person"): [(gateway, [meter, LOCKED.text, "X"], NOW - 9 * DAY, NOW + 1),
                               (None, [meter], NOW - DAY, NOW), (gateway, [], 0, 1 << 40)],
        (q.people, "home_hours"): [(1, NOW - DAY, NOW)], (q.people, "lived_in"): [(1, NOW - DAY, NOW)],
        (q.summary, "everything"): [()], (q.summary, "counts"): [(NOW,), (NOW + 9 * DAY,)],
        (q.summary, "totals"): [()],
        (q.summary, "at_most"): [(q.telegrams.WAITING,), (q.telegrams.CLOSED,)],
        (q.quarantine, "affected"): [(gateway, 0), (gateway, NOW + 1), ("A", 0)],
        (q.quarantine, "set_aside"): [(stolen,), ("A",)], (q.quarantine, "listed"): [(stolen, 9), (gateway, 9)],
        (q.claims, "held"): [(2,), (1,)], (q.claims, "of_meter"): [(2,), (1,)],
        (q.gateways, "over_bounds"): [([1, 2],), ([],)],
        (q.recent, "reception"): [(TODAY - 1, TODAY, 5), (TODAY + 1, TODAY, 1)],
        (q.recent, "meters_per_day"): [(TODAY, 4)],
    }


async def every_answer(opened):
    """{(query "module.name", number of the call): answer} on a store with a bit of everything."""
    ring, other = Known(opened, b"r" * 32), Known(opened, b"o" * 32, "Åsen 1_%")
    n = ring.next
    for meter in (PLAIN, OTHER, LOCKED, COMPACT):
        meter.access = 0
    await ring.send([records.boot(n(), 0, 1, "power"), ring.telegram(PLAIN.telegram(1), NOW - 2 * DAY),
                     records.heard(n(), NOW, PLAIN.address, TODAY, 9, -50, -60), records.event(n(), NOW, "e", ""),
                     records.han_hour(n(), NOW, NOW - 7200, 1500, 0, False), records.status(n(), NOW, [["a", 1]]),
                     records.lost(n(), NOW, 900, 901,
                                  2), b"\x83\x18\x63" + cbor.encode(n()) + b"\x00"], now=NOW)
    ring.seq += 5
    await ring.send([ring.telegram(PLAIN.telegram(2, access=9), NOW), ring.telegram(OTHER.telegram(5), NOW - DAY)],
                    now=NOW)
    ring.seq -= 2
    await ring.send([ring.telegram(PLAIN.telegram(litres, access=3)) for litres in (3, 4)], now=NOW)
    same, closed = PLAIN.telegram(2, access=9), [LOCKED.telegram(n, access=n) for n in (1, 2)]
    await other.send([other.telegram(same, NOW, rssi=-90), other.telegram(closed[0], NOW),
                      other.telegram(closed[1], 70), other.telegram(COMPACT.telegram(1), NOW),
                      other.telegram(OTHER.telegram(6), NOW)], now=NOW - 7200)
    rows = await opened.pending(10)
    outcome = {PLAIN.text: (1, {"total_m3": 1.5, "alarms": ["low_battery", "leak"]}, None),
               OTHER.text: (1, {"total_m3": 2.25, "alarms": ["dry"]}, None), LOCKED.text: (2, None, "no key"),
               COMPACT.text: (4, None, "compact frame before a full one")}
    await opened.settle([Settled(row, meter, time, *outcome[text]) for row, meter, text, time, _ in rows[:-1]])
    stolen = Known(opened, b"s" * 32)
    await stolen.send([stolen.telegram(PLAIN.telegram(7, access=70), NOW - 60)], now=NOW)
    await opened.quarantine(stolen.id, "set aside", NOW, 0)
    await ring.send([ring.telegram(OTHER.telegram(8, access=80), NOW)], now=NOW)
    await opened.settle([Settled(row, meter, time, 1, {"total_m3": 9e5}, None)
                         for row, meter, _, time, _ in (await opened.pending(10))[-1:]])
    await opened.writer.submit(over_bound, TODAY)
    recent, answers = await opened.read(queries.recent.reception, TODAY - 1, TODAY, 3), {}
    for (module, name), asked in calls(ring, stolen.id, recent).items():
        for number, arguments in enumerate(asked):
            answers[f"{module.__name__.split('.')[-1]}.{name}", number] = await opened.read(
                getattr(module, name), *arguments)
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What both stores say to every query."""
    postgres.need()
    urls = (f"sqlite://{tmp_path_factory.mktemp('every') / 'store.sqlite'}", postgres.new_database())

    async def ask(url):
        opened = open_store(url)
        try:
            return await every_answer(opened)
        finally:
            await asyncio.to_thread(opened.close)
    return [asyncio.run(ask(url)) for url in urls]


def test_every_query_is_asked(answers):
    """A query is what takes the store's connection first."""
    there = {f"{module}.{name}" for module in queries.__all__
             for name, f in inspect.getmembers(getattr(queries, module), inspect.isfunction)
             if f.__module__ == f"{queries.__name__}.{module}" and not name.startswith("_")
             and next(iter(inspect.signature(f).parameters), None) == "db"}
    assert len(there) > 30 and there == {name for name, _ in answers[0]}


def alike(one, other):
    """Whether two answers are the same, to the type of each value."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def different(answers):
    """The calls that are not answered alike."""
    one, other = answers
    assert one.keys() == other.keys()
    return [(call, one[call], other[call]) for call in one if not alike(one[call], other[call])]


def test_every_query_answers_alike(answers):
    """Each query of the lists, the pages and of people on a store with a bit of everything, to the letter and type."""
    assert different(answers) == []
    of = {name: answer for (name, number), answer in answers[0].items() if number == 0}
    counts = of["summary.everything"]
    assert counts["gaps"] == 5 and counts["equivocations"] == 1
    assert counts["opaque"] == 1 and counts["no_key"] == 1 and counts["untimed"] == 1
    assert of["gateways.of_rows"][1]["epochs"][0]["gaps"] == [[9, 13]] and of["meters.coverage"][0]["median"] == -60
    said = {name for (name, _), answer in answers[0].items() if answer not in ([], ([], 0), None, {})}
    assert said == of.keys(), "a query that finds nothing here says nothing of its SQL"


def test_seen_where_a_store_answers_otherwise(answers):
    """Known-bad: one value of another type, one row in another place."""
    for name, spoil in (("recent.reception", lambda a: a._replace(days=[float(d) for d in a.days])),
                        ("meters.page_rows", lambda a: (a[0][::-1], a[1]))):
        spoiled = {k: spoil(a) if k[0] == name else a for k, a in answers[1].items()}
        assert different((answers[0], spoiled))


def test_a_receiver_on_it_is_killed_and_loses_nothing(tmp_path, store):
    url = postgres.new_database()

    def start(directory):
        settings = directory.load()
        if not settings.store:
            settings.store = url
            directory.save(settings)
        return Process(directory, "--processes", "1")

    def counted(process):
        from cloud_receiver.stores.postgres import Session
        with contextlib.closing(Session(url)) as session:
            counts = dict(session.execute("SELECT m.meter, count(*) FROM telegrams t JOIN meters m ON m.id = t.meter "
                                          "GROUP BY 1").fetchall())
            doubles = session.execute("SELECT count(*) FROM (SELECT 1 FROM telegrams GROUP BY meter, data "
                                      "HAVING count(*) > 1) d").fetchone()[0]
        return counts, doubles

    missing, doubles, acknowledged = under_load(tmp_path, 2, start, stored=counted)
    assert (missing, doubles) == (0, 0) and acknowledged > 50
    assert not (tmp_path / "works" / "store.sqlite").exists()


def test_what_a_database_says_tells_nothing_of_rows():
    """It goes into the log: neither the details of a row nor an argument is told."""
    asyncpg = needs.module("asyncpg")
    from cloud_receiver.stores.postgres import _told
    error = asyncpg.PostgresError.new({"S": "ERROR", "C": "23505", "M": "duplicate key", "D": "Key (name)=(Fyrveien)"})
    assert "Fyrveien" in str(error) and _told(error) == "duplicate key"
    assert _told(asyncpg.InterfaceError("connection is closed")) == "connection is closed"
    assert "Fyrveien" not in _told(asyncpg.InterfaceError("invalid input for query argument $1: 'Fyrveien'"))
