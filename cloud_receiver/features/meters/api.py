"""The meters as JSON and CSV.

Times are ISO 8601 in UTC. Electricity of homes is not here: it belongs to the homeowner.
"""

from aiohttp import web

from ...data import media
from ...data.clock import DAY, iso
from ...office import roles
from ...stores import queries
from ...web import access, export
from ...web.lists import bad_request, in_pieces, limits, selection
from .page import ranks

COLUMNS = ("id", "media", "first_heard", "last_heard", "heard_by", "best_rssi_dbm", "coverage_share", "key",
           "note", "status", "total_m3", "read_at", "alarm", "alarm_since",
           "unsealed", "held")


class Api:
    """The routes; `site` has the store."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def meters(self, request: web.Request) -> web.StreamResponse:
        """The list of meters."""
        try:
            form, (show, search, order), cut = export.form(request), selection(request, "id"), limits(request)
        except ValueError as e:
            return bad_request(e)
        if not access.may(request, roles.USE) and order.lstrip("-") == "reading":
            order = "id"
        now, recent = self.clock.seconds(), self.site.recent.day()
        ids, count = await self.store.read(queries.meters.page_rows, now, show, search, order, *cut,
                                           await ranks(self.site, order))

        def told(m):
            [seen] = access.redacted_for(request, [m])
            return dict(_meter(seen), coverage_share=round(m["covered"] / queries.meters.WEEK, 4))

        def row(m):
            fields = dict(told(m), alarm=" ".join(a["alarm"] for a in m["alarms"]),
                          alarm_since=iso(min((a["since"] for a in m["alarms"]), default=None)))
            return [fields[c] for c in COLUMNS]
        return await export.stream(request, "meters", form, {"found": count}, COLUMNS, in_pieces(
            self.store, ids, row if form == "csv" else told, queries.meters.of_rows, recent, now))

    async def meter(self, request: web.Request) -> web.Response:
        """One meter, with who hears it."""
        recent = self.site.recent.day()
        stored = await self.store.read(queries.meters.one, recent, request.match_info["id"].upper())
        if stored is None:
            return web.json_response({"error": "no such meter"}, status=404)
        m = access.redacted_for(request, [stored])[0]
        coverage = await self.store.read(queries.meters.coverage, m["row"], recent - 30)
        return web.json_response(dict(
            _meter(m), latest=m["latest"],
            coverage=[dict(c, day=iso(c["day"] * DAY)[:10]) for c in coverage]))  # type: ignore[index]


def _meter(m):
    return {"id": m["id"], "media": media.media_name(m["media"]), "first_heard": iso(m["first_heard"]),
            "last_heard": iso(m["last_heard"]), "heard_by": m["heard_by"], "best_rssi_dbm": m["best"],
            "key": m["key"], "unsealed": m["unsealed"], "held": m["held"], "note": m["note"], "status": m["status"],
            "total_m3": media.cubic(m["total_ml"]), "read_at": iso(m["read_at"]),
            "alarms": [dict(a, since=iso(a["since"])) for a in m["alarms"]]}
