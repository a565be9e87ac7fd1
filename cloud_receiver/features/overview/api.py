"""The overview's counts as JSON."""

from aiohttp import web

from ...data.clock import iso
from ...stores import queries


class Api:
    """The route; `site` has the store."""

    def __init__(self, site):
        self.store, self.clock = site.store, site.clock

    async def summary(self, request: web.Request) -> web.Response:
        """Counts over the store."""
        counts = await self.store.read(queries.summary.everything)
        counts["time"] = iso(self.clock.seconds())
        return web.json_response(counts)
