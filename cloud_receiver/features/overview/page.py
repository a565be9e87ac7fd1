"""The overview's page."""

from aiohttp import web

from ...stores import queries
from . import items, trend

MOST_ITEMS = 12  # of the list of what needs attention


class Page:
    """The page; `site` renders it."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def overview(self, request: web.Request) -> web.Response:
        """The state of everything, and what needs attention."""
        now, recent, revoked = self.clock.seconds(), self.site.recent.day(), self.site.revoked()
        counts = await self.store.read(queries.summary.counts, now)
        active = counts["gateways"] - len(revoked)
        _, silent = await self.store.read(queries.gateways.page, now, "silent", "", "id", 0, 0, tuple(revoked))
        rows, wrong = await self.store.read(queries.gateways.page, now, "attention", "", "contact", MOST_ITEMS, 0,
                                            tuple(revoked))
        rows_of_meters, odd = await self.store.read(queries.meters.needing_attention, recent, now, MOST_ITEMS)
        worst = items.sorted_items(items.gateway_items(rows, revoked, now) + items.meter_items(rows_of_meters, now))
        days = (await self.site.recent.coverage()).days
        return self.site.render(
            request, "overview/overview.html", full=self.site.disk.full(), nearly_full=self.site.disk.nearly_full(),
            counts=counts, most=queries.summary.MOST_COUNTED,
            meters=counts["meters"], heard=counts["heard"], gateways=active,
            enrolled=counts["gateways"], in_contact=active - silent, encrypted=counts["encrypted"],
            keyed=counts["keyed"], alarmed=counts["alarmed"], items=worst[:MOST_ITEMS],
            more=max(wrong + odd, len(worst)) - MOST_ITEMS, trend=lambda w: trend.trend_chart(w, days, now),
            any_day=any(days), days=days, kinds=await self.store.read(queries.alarms.kinds),
            directory=str(self.site.directory.path))
