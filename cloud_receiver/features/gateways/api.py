"""The gateways as JSON and CSV."""

from aiohttp import web

from ...data import crashes
from ...data.clock import iso
from ...office import orders
from ...stores import queries
from ...web import export
from ...web.lists import bad_request, in_pieces, limits, selection
from . import rows as listed

COLUMNS = ("id", "name", "kind", "enrolled", "last_contact", "meters_heard", "coverage_share", "firmware",
           "clock", "revoked", "gaps", "lost", "equivocations")


class Api:
    """The routes; `site` has the store."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def gateways(self, request: web.Request) -> web.StreamResponse:
        """The list of gateways."""
        try:
            form, chosen, cut = export.form(request), selection(request, "-contact"), limits(request)
        except ValueError as e:
            return bad_request(e)
        ids, count = await listed.read(self.site, queries.gateways.page_rows, *chosen, *cut)
        all_meters, _ = await self.store.read(queries.summary.totals)

        def told(g):
            return dict(self._gateway(g), meters_heard=g["meters_heard"],
                        coverage_share=round(g["meters_heard"] / max(1, all_meters), 4))

        def row(g):
            rings = g["epochs"]
            fields = dict(told(g), gaps=sum(len(e["gaps"]) for e in rings), lost=sum(e["lost"] for e in rings),
                          equivocations=sum(e["equivocations"] for e in rings))
            return [fields[c] for c in COLUMNS]
        recent = await self.site.recent.coverage()
        return await export.stream(request, "gateways", form, {"found": count}, COLUMNS, in_pieces(
            self.store, ids, row if form == "csv" else told, queries.gateways.of_rows, recent))

    async def gateway(self, request: web.Request) -> web.Response:
        """One gateway, with what came twice and with two contents."""
        g = await self.store.read(queries.gateways.one, request.match_info["id"])
        if g is None:
            return web.json_response({"error": "no such gateway"}, status=404)
        gateway = self._gateway(g)
        gateway["equivocations"] = [dict(q, time=iso(q["time"]))
                                    for q in await self.store.read(queries.rings.equivocations, g["row"])]
        gateway["crash"] = _crash(await self.store.read(queries.gateways.events, g["row"]))
        now = self.clock.seconds()
        gateway["commands"] = [{"counter": c.counter, "name": c.name, "state": orders.state(c, now),
                                "made": iso(c.made), "not_after": iso(c.not_after), "answered": iso(c.answered),
                                "result": orders.outcome(c)} for c in self.site.orders.of(g["id"])]
        return web.json_response(gateway)

    def _gateway(self, g):
        revoked = self.site.revoked().get(g["id"])
        return {"id": g["id"], "kind": g["kind"], "name": g["name"], "enrolled": iso(g["enrolled"]),
                "last_contact": iso(g["last_contact"]), "firmware": g["firmware"], "boot": g["boot"],
                "clock": g["clock"], "over": g["over"] and dict(g["over"], since=iso(g["over"]["since"])),
                "revoked": iso(revoked), "status": g["status"], "status_at": iso(g["status_at"]),
                "epochs": [dict(e, epoch=e["epoch"].lower(), first_contact=iso(e["first_contact"]),
                                last_contact=iso(e["last_contact"])) for e in g["epochs"]]}


def _crash(rows):
    """The latest crash that a gateway has told, or None."""
    c = crashes.latest(rows)
    return c and {"time": iso(c.time), "received": iso(c.received), "uptime_s": c.uptime, "heap_free": c.free,
                  "heap_used": c.used, "cause": c.cause, "trace": c.trace}
