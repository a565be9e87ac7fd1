"""Readings as JSON and CSV: one meter's by the hour, all meters' by day or (for a purpose) by hour, streamed."""

from aiohttp import web

from ...data import media
from ...data.clock import DAY, iso, parse_time
from ...office import roles
from ...stores import queries
from ...web import access, export
from ...web.lists import PIECE, bad_request

MOST_DAYS = 400  # of readings in one answer
COLUMNS = ("meter", "time", "total_m3")
NO_PURPOSE = f"purpose is one of {', '.join(roles.PURPOSES)}"


class Readings:
    """The routes; `site` has the store."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def of_meter(self, request: web.Request) -> web.Response:
        """Hourly readings of a meter; `from` and `to` are ISO 8601 or Unix seconds, the last 31 days if not given."""
        now = self.clock.seconds()
        try:
            form, (start, end) = export.form(request), period(request, now)
        except ValueError as e:
            return bad_request(e)
        m = await self.store.read(queries.meters.one, self.site.recent.day(), request.match_info["id"].upper())
        if m is None:
            return web.json_response({"error": "no such meter"}, status=404)
        if not await access.hours(self.site.accounts.audit, request, m["id"], start, end, now):
            return bad_request(NO_PURPOSE)
        readings = [] if end <= start else await self.store.read(queries.readings.between, m["row"], start, end)
        told = [{"meter": m["id"], "time": iso(t), "total_m3": media.cubic(ml)} for t, ml in readings]
        if form == "csv":
            return export.as_csv("readings", COLUMNS, told)
        return web.json_response({"meter": m["id"], "from": iso(start), "to": iso(end),
                                  "readings": [{"time": r["time"], "total_m3": r["total_m3"]} for r in told]})

    async def of_all(self, request: web.Request) -> web.StreamResponse:
        """Readings of all meters in a period, by day or (for a purpose) by hour, streamed."""
        now = self.clock.seconds()
        resolution = request.query.get("resolution", "days")
        try:
            form, (start, end) = export.form(request), period(request, now)
            if resolution not in ("days", "hours"):
                raise ValueError("resolution is days or hours")
        except ValueError as e:
            return bad_request(e)
        if resolution == "hours" and not await access.hours(self.site.accounts.audit, request, "all", start, end, now,
                                                            "export"):
            return bad_request(NO_PURPOSE)
        head = {"from": iso(start), "to": iso(end), "resolution": resolution}
        return await export.stream(request, "readings", form, head, COLUMNS,
                                   self._pieces(start, end, resolution == "days"))

    async def _pieces(self, start, end, daily):
        for day in range(start // DAY, -(-end // DAY)):
            after = 0
            while rows := await self.store.read(queries.readings.of_day, day, after, PIECE, daily):
                after = rows[-1][0]
                yield [(meter, iso(t), media.cubic(ml)) for _, meter, readings in rows for t, ml in readings
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
