"""The JSON API of the works: /v1/summary, /v1/gateways, /v1/meters, /v1/meters/{id}/readings.

Times are ISO 8601 in UTC. Electricity of homes is not here: it belongs to the homeowner.
"""

from aiohttp import web

from . import access, commands, meters
from .clock import iso, parse_time
from .stores import queries

DAY = 86_400
RECENT_DAYS = 1  # coverage shown with a meter: today and the day before
MOST_DAYS = 400  # of readings in one answer


class Api:
    """The works' API over a store."""

    def __init__(self, store, clock, revoked, commands_of, accounts):
        self.store, self.clock, self._revoked, self._commands_of = store, clock, revoked, commands_of
        self._accounts = accounts

    def routes(self) -> "list[web.RouteDef]":
        """The API's routes."""
        return [web.get("/v1/summary", self.summary), web.get("/v1/gateways", self.gateways),
                web.get("/v1/gateways/{id}", self.gateway), web.get("/v1/meters", self.meters),
                web.get("/v1/meters/{id}", self.meter), web.get("/v1/meters/{id}/readings", self.readings)]

    def recent(self) -> int:
        """The Unix day from which coverage counts as recent."""
        return self.clock.seconds() // DAY - RECENT_DAYS

    async def summary(self, request: web.Request) -> web.Response:
        """Counts over the whole store."""
        found = await self.store.read(queries.summary)
        found["time"] = iso(self.clock.seconds())
        return web.json_response(found)

    async def gateways(self, request: web.Request) -> web.Response:
        """Every gateway."""
        rows = await self.store.read(queries.gateways)
        return web.json_response({"gateways": [self._gateway(g) for g in rows]})

    async def gateway(self, request: web.Request) -> web.Response:
        """One gateway, with what came twice and with two contents."""
        rows = await self.store.read(queries.gateways, request.match_info["id"])
        if not rows:
            return web.json_response({"error": "no such gateway"}, status=404)
        found = self._gateway(rows[0])
        found["equivocations"] = [dict(q, time=iso(q["time"]))
                                  for q in await self.store.read(queries.equivocations, rows[0]["row"])]
        now = self.clock.seconds()
        found["commands"] = [{"counter": c.counter, "name": c.name, "state": commands.state(c, now),
                              "made": iso(c.made), "not_after": iso(c.not_after), "answered": iso(c.answered),
                              "result": commands.outcome(c)} for c in self._commands_of(rows[0]["id"])]
        return web.json_response(found)

    def _gateway(self, g):
        revoked = self._revoked().get(g["id"])
        return {"id": g["id"], "kind": g["kind"], "name": g["name"], "enrolled": iso(g["enrolled"]),
                "last_contact": iso(g["last_contact"]), "firmware": g["firmware"], "boot": g["boot"],
                "clock": g["clock"], "revoked": iso(revoked), "status": g["status"], "status_at": iso(g["status_at"]),
                "epochs": [dict(e, epoch=e["epoch"].lower(), first_contact=iso(e["first_contact"]),
                                last_contact=iso(e["last_contact"])) for e in g["epochs"]]}

    async def meters(self, request: web.Request) -> web.Response:
        """Every meter with its latest."""
        rows = access.fitting(request, await self.store.read(queries.meters, self.recent()))
        return web.json_response({"meters": [self._meter(m) for m in rows]})

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
        return {"id": m["id"], "media": meters.media_name(m["media"]), "first_heard": iso(m["first_heard"]),
                "last_heard": iso(m["last_heard"]), "heard_by": m["heard_by"], "best_rssi_dbm": m["best"],
                "key": m["key"], "note": m["note"], "status": m["status"], "total_m3": meters.cubic(m["total_ml"]),
                "read_at": iso(m["read_at"]),
                "alarms": [dict(a, since=iso(a["since"])) for a in m["alarms"]]}

    async def readings(self, request: web.Request) -> web.Response:
        """Hourly readings of a meter; `from` and `to` are ISO 8601 or Unix seconds, the last 31 days if not given."""
        now = self.clock.seconds()
        try:
            end = parse_time(request.query["to"]) if "to" in request.query else now + DAY
            start = parse_time(request.query["from"]) if "from" in request.query else end - 32 * DAY
            if not 0 <= start < 1 << 40 or not 0 <= end < 1 << 40:
                raise ValueError
        except ValueError:
            return web.json_response({"error": "from and to are ISO 8601 or Unix seconds"}, status=400)
        if end - start > MOST_DAYS * DAY:
            return web.json_response({"error": f"at most {MOST_DAYS} days at once"}, status=400)
        rows = await self.store.read(queries.meters, self.recent(), request.match_info["id"].upper())
        if not rows:
            return web.json_response({"error": "no such meter"}, status=404)
        if not await access.hours(self._accounts, request, rows[0]["id"], start, end, now):
            return web.json_response({"error": f"purpose is one of {', '.join(access.PURPOSES)}"}, status=400)
        found = [] if end <= start else await self.store.read(queries.readings, rows[0]["row"], start, end)
        return web.json_response({"meter": rows[0]["id"], "from": iso(start), "to": iso(end),
                                  "readings": [{"time": iso(t), "total_m3": meters.cubic(ml)} for t, ml in found]})

