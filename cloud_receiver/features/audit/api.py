"""The whole audit log, as JSON or CSV."""

from aiohttp import web

from ...office.audit import Line, exported
from ...web import export
from ...web.lists import PIECE, bad_request


class Api:
    """The route; `site` has the log."""

    def __init__(self, site):
        self.log = site.accounts.audit

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """Every line, as a list or (`format=csv`) as CSV, oldest first."""
        try:
            form = export.form(request)
        except ValueError as e:
            return bad_request(e)

        async def pieces():
            after = 0
            while lines := self.log.piece(after, PIECE):
                after = lines[-1].id
                yield [tuple(exported(line).values()) for line in lines]
        return await export.stream(request, "audit", form, {}, Line._fields, pieces())
