"""The pages of the gateways."""

from aiohttp import web

from ...data import attention, bounds, crashes
from ...office import orders
from ...stores import queries
from ...web import words
from ...web.lists import ListQuery
from ...web.words import N_
from . import rows as listed
from .records import described

# The bounds of the day in words.
BOUNDS = {"records": N_("records"), "bytes": N_("bytes"), "other": N_("bytes that are no telegrams"),
          "meters": N_("new meters"), "epochs": N_("new rings"), "gaps": N_("gaps"), "lost": N_("rows of lost records"),
          "equivocations": N_("records in two versions"), "boots": N_("starts without a time")}
SHOWN = ("all", "silent", "fault", "revoked")


class Page:
    """The pages; `site` renders them."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def gateways(self, request: web.Request) -> web.Response:
        """The list of gateways: searched, filtered, sorted."""
        now, releases = self.clock.seconds(), self.site.releases
        query = ListQuery(request, SHOWN, queries.gateways.ORDERS, "-contact")
        rows, count = await listed.read(self.site, queries.gateways.page, *query.arguments())
        if query.beyond(count):
            rows, count = await listed.read(self.site, queries.gateways.page, *query.arguments())
        all_meters, total = await self.store.read(queries.summary.totals)
        every = await self.store.read(queries.gateways.versions) if releases.stages() else []
        return self.site.render(
            request, "gateways/gateways.html", rows=rows, found=count, total=total, c=query, search=query.search,
            show=query.show, order=query.order, told=releases.newest_offered,
            versions=releases.spread(every) if every else [], meters=all_meters, revoked=self.site.revoked(),
            silent=lambda g: attention.silent_gateway(g, now), clock_word=clock_word,
            directory=str(self.site.directory.path))

    async def gateway(self, request: web.Request) -> web.Response:
        """One gateway: contact, delivery, what it hears."""
        name = request.match_info["id"].upper()
        g = await self.store.read(queries.gateways.one, name)
        if g is None:
            return self.site.render(request, "error.html", 404, title=N_("Not found"),
                                    detail=N_("No gateway called %(name)s is enrolled."), value=name)
        events = await self.store.read(queries.gateways.events, g["row"])
        return self.site.render(
            request, "gateways/gateway.html", g=g, revoked=self.site.revoked().get(g["id"]),
            silent=attention.silent_gateway(g, self.clock.seconds()), clock_word=clock_word(g),
            since=self.site.quarantined(g["id"]), aside=await self.store.read(queries.quarantine.set_aside, g["id"]),
            heard=await self.store.read(queries.meters.heard_by_gateway, g["row"], self.site.recent.day()),
            equivocations=await self.store.read(queries.rings.equivocations, g["row"]),
            orders=[(c, orders.state(c, self.clock.seconds())) for c in self.site.orders.of(g["id"])],
            over_words=[BOUNDS[name] for name in g["over"]["bounds"]] if g["over"] else [],
            refused=bool(g["over"] and set(g["over"]["bounds"]) & set(bounds.ANSWERS)),
            directory=str(self.site.directory.path), outcome=orders.outcome,
            bound=sorted(self.site.homes.bound(g["id"])),
            events=[described(*e) for e in events], crash=crashes.latest(events))


def clock_word(g) -> str:
    """Where a gateway's time comes from; nothing where that is not known."""
    return words.CLOCKS[g["clock"]] if g["clock"] is not None and g["clock"] < len(words.CLOCKS) else ""
