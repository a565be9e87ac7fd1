"""The alarms that stand, as JSON and CSV."""

from aiohttp import web

from ...data import media
from ...data.clock import iso
from ...stores import queries
from ...web import export
from ...web.lists import PIECE, bad_request, limits, selection

COLUMNS = ("meter", "media", "alarm", "since", "last", "last_heard")


class Api:
    """The route; `site` has the store."""

    def __init__(self, site):
        self.store = site.store

    async def alarms(self, request: web.Request) -> web.StreamResponse:
        """The alarms that stand, and since when."""
        try:
            form, (show, search, order), cut = export.form(request), selection(request, "-since"), limits(request)
        except ValueError as e:
            return bad_request(e)
        rows, count = await self.store.read(queries.alarms.page, show, search, order, *cut)

        async def pieces():
            for at in range(0, len(rows), PIECE):
                yield [(a["id"], media.media_name(a["media"]), a["alarm"], iso(a["since"]), iso(a["last"]),
                        iso(a["last_heard"])) for a in rows[at:at + PIECE]]
        return await export.stream(request, "alarms", form, {"found": count}, COLUMNS, pieces())
