"""The page of the alarms that stand."""

from aiohttp import web

from ...stores import queries
from ...web.lists import ListQuery


class Page:
    """The page; `site` renders it."""

    def __init__(self, site):
        self.site, self.store = site, site.store

    async def alarms(self, request: web.Request) -> web.Response:
        """The meters that report an alarm now, and since when."""
        kinds = await self.store.read(queries.alarms.kinds)
        query = ListQuery(request, ("all", *kinds), queries.alarms.ORDERS, "-since")
        rows, count = await self.store.read(queries.alarms.page, *query.arguments())
        if query.beyond(count):
            rows, count = await self.store.read(queries.alarms.page, *query.arguments())
        return self.site.render(request, "alarms/alarms.html", rows=rows, found=count, kinds=kinds, c=query,
                                search=query.search, show=query.show, order=query.order)
