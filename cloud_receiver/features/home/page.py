"""The homeowner's page, behind a secret link or the owner's log-in: own water, and electricity if they share it.

It shows the meters bound to the home's gateway and nothing from before its present residents moved in. Electricity is
what the owner has the gateway send; no page or API of the works reads it.
"""

from aiohttp import web

from ...data import buckets, usage
from ...data.attention import silent_gateway
from ...data.clock import HOUR
from ...data.prefixes import prefix
from ...stores import queries
from ...web import access, charts
from ...web.addresses import client_address
from .power import power, power_chart, power_rows

DAYS = 31


class Page:
    """The page of one home; `site` renders it."""

    def __init__(self, site):
        self.site, self.store, self.clock, self.homes = site, site.store, site.clock, site.homes
        self.by_address = buckets.Buckets(rate=0.2, burst=30)

    async def behind_link(self, request: web.Request) -> web.Response:
        """The page of a secret; an unknown one is not found, like any other address."""
        home = self.homes.by_link(request.match_info["secret"])
        page = None if home is None else await self.page(request, *home)
        if page is None:  # who has the link sees the page, whatever else came from the address
            if self.by_address.spend(prefix(client_address(request, self.site.public_name))):
                raise web.HTTPTooManyRequests
            raise web.HTTPNotFound
        return page

    async def own(self, request: web.Request) -> web.Response:
        """The page of the home whose owner has logged in."""
        gateway = access.who(request).home
        page = None if gateway is None else await self.page(request, gateway, self.homes.since(gateway))
        if page is None:
            raise web.HTTPNotFound
        return page

    async def page(self, request: web.Request, gateway: str, since: "int | None") -> "web.Response | None":
        """The page of a gateway's home, with nothing from before `since`; None where there is no such home."""
        if since is None:
            return None
        g, now = await self.store.read(queries.gateways.one, gateway), self.clock.seconds()
        if g is None:
            return None
        today = usage.local(now).date()
        days = usage.day_bounds(today, DAYS)
        month = [usage.midnight(today.replace(day=1)), days[-1]]
        first = max(since, min(days[0], month[0]) - usage.NEAR["day"])
        meters = []
        for name in self.homes.bound(g["id"]):
            m = await self.store.read(queries.meters.one, self.site.recent.day(), name)
            if m is not None:
                readings = await self.store.read(queries.readings.between, m["row"], first, days[-1])
                used = usage.uses(readings, days, usage.NEAR["day"])
                meters.append({"meter": m, "days": used, "today": used[-1].ml,
                               "month": usage.uses(readings, month, usage.NEAR["day"])[0].ml,
                               "hour": last_hour(readings, now)})
        hours = await self.store.read(queries.people.home_hours, g["row"], max(since, min(days[0], month[0])),
                                      days[-1])
        return self.site.render(
            request, "home/home.html", g=g, meters=meters, since=since, names=self.homes.bound(g["id"]),
            power=power(hours, days, month[0]) if hours else None, shares=bool(hours),
            silent=silent_gateway(g, now), day_chart=charts.day_chart, power_chart=power_chart, power_rows=power_rows)


def last_hour(readings, now: int) -> "tuple[int, int] | None":
    """(ml, seconds) between the two latest readings, if the last is from the last two hours."""
    if len(readings) < 2 or now - readings[-1][0] > 2 * HOUR:
        return None
    return readings[-1][1] - readings[-2][1], readings[-1][0] - readings[-2][0]
