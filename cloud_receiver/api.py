"""The API of the works, JSON and CSV: summary, gateways, meters, alarms, readings. docs/openapi.yaml describes it.

Times are ISO 8601 in UTC. Electricity of homes is not here: it belongs to the homeowner. Lists are filtered by `show`
and `q`, sorted by `sort` (`-` before it: the other way round) and cut by `limit` and `page`, as the pages' are.
"""

import asyncio
import time

from aiohttp import web

from .data import crashes, media
from .data.clock import DAY, iso, parse_time
from .office import orders
from .stores import lists, queries
from .web import access, export

RECENT_DAYS = 1  # coverage shown with a meter: today and the day before
MOST_DAYS = 400  # of readings in one answer
TREND_DAYS = 14  # of the overview's picture
QUICK_S, REST = 0.01, 50  # what takes longer to sum up is kept for so many times as long
EVERYTHING = 10_000_000  # rows: no limit
PIECE = 500  # meters read at once for an export
GATEWAY_COLUMNS = ("id", "name", "kind", "enrolled", "last_contact", "meters_heard", "coverage_share", "firmware",
                   "clock", "revoked", "gaps", "lost", "equivocations")
METER_COLUMNS = ("id", "media", "first_heard", "last_heard", "heard_by", "best_rssi_dbm", "coverage_share", "key",
                 "note", "status", "total_m3", "read_at", "alarm", "alarm_since")
ALARM_COLUMNS = ("meter", "media", "alarm", "since", "last", "last_heard")
READING_COLUMNS = ("meter", "time", "total_m3")


class Api:
    """The works' API over a store."""

    def __init__(self, store, clock, revoked, commands_of, accounts):
        self.store, self.clock, self._revoked, self._commands_of = store, clock, revoked, commands_of
        self._accounts = accounts
        self._recent: "lists.Recent | None" = None
        self._recent_until, self._summing = 0.0, asyncio.Lock()

    def routes(self) -> "list[web.RouteDef]":
        """The API's routes."""
        return [web.get("/v1/summary", self.summary), web.get("/v1/gateways", self.gateways),
                web.get("/v1/gateways/{id}", self.gateway), web.get("/v1/meters", self.meters),
                web.get("/v1/meters/{id}", self.meter), web.get("/v1/meters/{id}/readings", self.readings),
                web.get("/v1/alarms", self.alarms), web.get("/v1/readings", self.all_readings)]

    def recent(self) -> int:
        """The Unix day from which coverage counts as recent."""
        return self.clock.seconds() // DAY - RECENT_DAYS

    async def coverage(self) -> lists.Recent:
        """What coverage says over all meters and gateways: as of now in a small works; in a large one, where that takes
        long, as of some seconds ago."""
        async with self._summing:
            now = self.clock.seconds()
            began = time.monotonic()
            if self._recent is None or began >= self._recent_until:
                self._recent = await self.store.read(lists.recent, self.recent(), now // DAY, TREND_DAYS)
                took = time.monotonic() - began
                self._recent_until = time.monotonic() + (took * REST if took > QUICK_S else 0)
            return self._recent

    async def summary(self, request: web.Request) -> web.Response:
        """Counts over the store."""
        found = await self.store.read(queries.summary)
        found["time"] = iso(self.clock.seconds())
        return web.json_response(found)

    async def gateways(self, request: web.Request) -> web.StreamResponse:
        """The list of gateways."""
        try:
            asked, (show, search, sort), cut = export.form(request), _chosen(request, "-contact"), _cut(request)
        except ValueError as e:
            return _wrong(e)
        known = await self.coverage()
        ids, found = await self._gateways(lists.gateway_ids, known, show, search, sort, *cut)
        all_meters, _ = await self.store.read(lists.totals)

        def told(g):
            return dict(self._gateway(g), meters_heard=g["meters_heard"],
                        coverage_share=round(g["meters_heard"] / max(1, all_meters), 4))

        def row(g):
            rings = g["epochs"]
            fields = dict(told(g), gaps=sum(len(e["gaps"]) for e in rings), lost=sum(e["lost"] for e in rings),
                          equivocations=sum(e["equivocations"] for e in rings))
            return [fields[c] for c in GATEWAY_COLUMNS]
        return await export.stream(request, "gateways", asked, {"found": found}, GATEWAY_COLUMNS, self._of(
            ids, row if asked == "csv" else told, lists.gateways_of, known))

    async def _of(self, ids, told, query, *args):
        """What is told of each of some rows, PIECE of them read at once."""
        for at in range(0, len(ids), PIECE):
            yield [told(row) for row in await self.store.read(query, ids[at:at + PIECE], *args)]

    async def gateway_list(self, show, search, sort, limit, offset):
        """lists.gateways, with the revoked among `all` and `revoked` only."""
        return await self._gateways(lists.gateways, await self.coverage(), show, search, sort, limit, offset)

    async def _gateways(self, query, known, show, search, sort, limit, offset):
        revoked = tuple(self._revoked())
        return await self.store.read(
            query, self.clock.seconds(), show, search, sort, limit, offset,
            () if show in ("all", "revoked") else revoked, revoked if show == "revoked" else None, known)

    async def meter_list(self, show, search, sort, limit, offset):
        """lists.meters."""
        return await self.store.read(lists.meters, self.recent(), self.clock.seconds(), show, search, sort, limit,
                                     offset, await self._order(sort))

    async def _order(self, sort):
        """What an order of meters goes by that the store does not know."""
        return await self.coverage() if sort.lstrip("-") in ("by", "signal") else None

    async def gateway(self, request: web.Request) -> web.Response:
        """One gateway, with what came twice and with two contents."""
        rows = await self.store.read(queries.gateways, request.match_info["id"])
        if not rows:
            return web.json_response({"error": "no such gateway"}, status=404)
        found = self._gateway(rows[0])
        found["equivocations"] = [dict(q, time=iso(q["time"]))
                                  for q in await self.store.read(queries.equivocations, rows[0]["row"])]
        found["crash"] = _crash(await self.store.read(queries.gateway_events, rows[0]["row"]))
        now = self.clock.seconds()
        found["commands"] = [{"counter": c.counter, "name": c.name, "state": orders.state(c, now),
                              "made": iso(c.made), "not_after": iso(c.not_after), "answered": iso(c.answered),
                              "result": orders.outcome(c)} for c in self._commands_of(rows[0]["id"])]
        return web.json_response(found)

    def _gateway(self, g):
        revoked = self._revoked().get(g["id"])
        return {"id": g["id"], "kind": g["kind"], "name": g["name"], "enrolled": iso(g["enrolled"]),
                "last_contact": iso(g["last_contact"]), "firmware": g["firmware"], "boot": g["boot"],
                "clock": g["clock"], "revoked": iso(revoked), "status": g["status"], "status_at": iso(g["status_at"]),
                "epochs": [dict(e, epoch=e["epoch"].lower(), first_contact=iso(e["first_contact"]),
                                last_contact=iso(e["last_contact"])) for e in g["epochs"]]}

    async def meters(self, request: web.Request) -> web.StreamResponse:
        """The list of meters."""
        try:
            asked, (show, search, sort), cut = export.form(request), _chosen(request, "id"), _cut(request)
        except ValueError as e:
            return _wrong(e)
        if not access.may(request, access.USE) and sort.lstrip("-") == "reading":
            sort = "id"
        now = self.clock.seconds()
        ids, found = await self.store.read(lists.meter_ids, now, show, search, sort, *cut, await self._order(sort))

        def told(m):
            [seen] = access.fitting(request, [m])
            return dict(self._meter(seen), coverage_share=round(m["covered"] / lists.WEEK, 4))

        def row(m):
            fields = dict(told(m), alarm=" ".join(a["alarm"] for a in m["alarms"]),
                          alarm_since=iso(min((a["since"] for a in m["alarms"]), default=None)))
            return [fields[c] for c in METER_COLUMNS]
        return await export.stream(request, "meters", asked, {"found": found}, METER_COLUMNS, self._of(
            ids, row if asked == "csv" else told, lists.meters_of, self.recent(), now))

    async def alarms(self, request: web.Request) -> web.StreamResponse:
        """The alarms that stand, and since when."""
        try:
            asked, (show, search, sort), cut = export.form(request), _chosen(request, "-since"), _cut(request)
        except ValueError as e:
            return _wrong(e)
        rows, found = await self.store.read(lists.alarms, show, search, sort, *cut)

        async def pieces():
            for at in range(0, len(rows), PIECE):
                yield [(a["id"], media.media_name(a["media"]), a["alarm"], iso(a["since"]), iso(a["last"]),
                        iso(a["last_heard"])) for a in rows[at:at + PIECE]]
        return await export.stream(request, "alarms", asked, {"found": found}, ALARM_COLUMNS, pieces())

    async def meter(self, request: web.Request) -> web.Response:
        """One meter, with who hears it."""
        rows = await self.store.read(queries.meters, self.recent(), request.match_info["id"].upper())
        if not rows:
            return web.json_response({"error": "no such meter"}, status=404)
        m = access.fitting(request, rows)[0]
        found = dict(self._meter(m), latest=m["latest"])
        coverage = await self.store.read(queries.meter_coverage, rows[0]["row"], self.recent() - 30)
        found["coverage"] = [dict(c, day=iso(c["day"] * DAY)[:10]) for c in coverage]  # type: ignore[index]
        return web.json_response(found)

    def _meter(self, m):
        return {"id": m["id"], "media": media.media_name(m["media"]), "first_heard": iso(m["first_heard"]),
                "last_heard": iso(m["last_heard"]), "heard_by": m["heard_by"], "best_rssi_dbm": m["best"],
                "key": m["key"], "note": m["note"], "status": m["status"], "total_m3": media.cubic(m["total_ml"]),
                "read_at": iso(m["read_at"]),
                "alarms": [dict(a, since=iso(a["since"])) for a in m["alarms"]]}

    async def readings(self, request: web.Request) -> web.Response:
        """Hourly readings of a meter; `from` and `to` are ISO 8601 or Unix seconds, the last 31 days if not given."""
        now = self.clock.seconds()
        try:
            asked, (start, end) = export.form(request), period(request, now)
        except ValueError as e:
            return _wrong(e)
        rows = await self.store.read(queries.meters, self.recent(), request.match_info["id"].upper())
        if not rows:
            return web.json_response({"error": "no such meter"}, status=404)
        if not await access.hours(self._accounts, request, rows[0]["id"], start, end, now):
            return _wrong(f"purpose is one of {', '.join(access.PURPOSES)}")
        found = [] if end <= start else await self.store.read(queries.readings, rows[0]["row"], start, end)
        told = [{"meter": rows[0]["id"], "time": iso(t), "total_m3": media.cubic(ml)} for t, ml in found]
        if asked == "csv":
            return export.as_csv("readings", READING_COLUMNS, told)
        return web.json_response({"meter": rows[0]["id"], "from": iso(start), "to": iso(end),
                                  "readings": [{"time": r["time"], "total_m3": r["total_m3"]} for r in told]})

    async def all_readings(self, request: web.Request) -> web.StreamResponse:
        """Readings of all meters in a period, by day or (for a purpose) by hour, streamed."""
        now = self.clock.seconds()
        resolution = request.query.get("resolution", "days")
        try:
            asked, (start, end) = export.form(request), period(request, now)
            if resolution not in ("days", "hours"):
                raise ValueError("resolution is days or hours")
        except ValueError as e:
            return _wrong(e)
        if resolution == "hours" and not await access.hours(self._accounts, request, "all", start, end, now, "export"):
            return _wrong(f"purpose is one of {', '.join(access.PURPOSES)}")
        head = {"from": iso(start), "to": iso(end), "resolution": resolution}
        return await export.stream(request, "readings", asked, head, READING_COLUMNS,
                                   self._pieces(start, end, resolution == "days"))

    async def _pieces(self, start, end, daily):
        for day in range(start // DAY, -(-end // DAY)):
            after = 0
            while rows := await self.store.read(lists.day_readings, day, after, PIECE, daily):
                after = rows[-1][0]
                yield [(meter, iso(t), media.cubic(ml)) for _, meter, found in rows for t, ml in found
                       if start <= t < end]


def period(request: web.Request, now: int) -> "tuple[int, int]":
    """The (from, to) of a query, the last 31 days if not given; raises ValueError with what is wrong."""
    try:
        end = parse_time(request.query["to"]) if "to" in request.query else now + DAY
        start = parse_time(request.query["from"]) if "from" in request.query else end - 32 * DAY
        if not 0 <= start < 1 << 40 or not 0 <= end < 1 << 40:
            raise ValueError
    except ValueError:
        raise ValueError("from and to are ISO 8601 or Unix seconds") from None
    if end - start > MOST_DAYS * DAY:
        raise ValueError(f"at most {MOST_DAYS} days at once")
    return start, end


def _chosen(request, otherwise):
    """(show, search, sort) of a list; what there is not is as if it were not asked for."""
    query = request.query
    return query.get("show", "all")[:20], query.get("q", "").replace("\0", "").strip().upper()[:40], \
        query.get("sort", otherwise)[:20]


def _cut(request):
    """(limit, offset) of a list: all of it where no limit is given. Raises ValueError."""
    try:
        limit, page = int(request.query.get("limit", EVERYTHING)), int(request.query.get("page", 1))
    except ValueError:
        limit = page = 0
    if not 1 <= limit <= EVERYTHING or not 1 <= page <= EVERYTHING:
        raise ValueError("limit and page are whole numbers from 1")
    return limit, (page - 1) * limit


def _crash(rows):
    """The latest crash that a gateway has told, or None."""
    c = crashes.latest(rows)
    return c and {"time": iso(c.time), "received": iso(c.received), "uptime_s": c.uptime, "heap_free": c.free,
                  "heap_used": c.used, "cause": c.cause, "trace": c.trace}


def _wrong(reason) -> web.Response:
    return web.json_response({"error": str(reason)}, status=400)
