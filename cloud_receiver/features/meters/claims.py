"""Readings held back: shown as data, accepted or refused by who may see hours. Each decision is in the audit log before
it is made, and carried out in the store (office/decisions.py) before the page is shown again."""

from aiohttp import web

from ...data import media
from ...data.clock import iso
from ...office import decisions
from ...stores import queries
from ...web import access, parts
from ...web.gate import fields
from ...web.words import N_

REASONS = {
    "backwards": N_("The total goes back"),
    "jump": N_("The total rises faster than the meter lets water through"),
    "range": N_("The total is no meter's"),
    "date": N_("The meter's own date is another day's"),
    "uncounted": N_("The counter is missing that its telegrams had"),
    "order": N_("A later reading has a lower counter: one of the two has the wrong time"),
}
# What a form may ask for, and how the audit log calls it.
ACTS = {decisions.ACCEPT: "reading accepted", decisions.CORRECT: "readings corrected",
        decisions.REFUSE: "reading refused", decisions.REPLACED: "meter replaced"}


class Claims:
    """The routes; `site` has the store and the office's decisions."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def of_meter(self, request: web.Request) -> web.Response:
        """The readings of a meter that are held back, the latest first."""
        m = await self._meter(request)
        if m is None:
            return web.json_response({"error": "no such meter"}, status=404)
        told = await self.store.read(queries.claims.of_meter, m["row"])
        return web.json_response({
            "meter": m["id"], "goes_on": told["goes_on"], "replayed": told["replayed"], "refused": told["refused"],
            "held": [{"telegram": h["telegram"], "time": iso(h["time"]), "reason": h["reason"],
                      "total_m3": media.cubic(h["total_ml"])}
                     for h in await self.store.read(queries.claims.held, m["row"])]})

    async def decide(self, request: web.Request) -> web.Response:
        """Accept or refuse a reading held back, or say that the meter was replaced; then its page."""
        m, form = await self._meter(request), await fields(request)
        act, telegram, time = form.get("do", ""), _number(form.get("telegram")), _number(form.get("time"))
        if m is None or act not in ACTS or act != decisions.REPLACED and (telegram is None or time is None):
            return self.site.render(request, "error.html", 400, title=N_("Not possible"),
                                    detail=N_("There is no such reading held back."), value="")
        now = self.clock.seconds()
        if act == decisions.REPLACED:
            telegram, time = None, now
        await self.site.accounts.audit.note(now, access.who(request), ACTS[act], m["id"], time, time)
        self.site.decisions.add(m["id"], act, now, telegram, time)
        await self.site.carry_out()
        return web.Response(status=303, headers={"Location": parts.meter_url(m["id"])})

    async def _meter(self, request):
        return await self.store.read(queries.meters.one, self.site.recent.day(), request.match_info["id"].upper())


def _number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
