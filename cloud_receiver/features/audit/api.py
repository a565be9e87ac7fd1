"""The whole audit log, as JSON or CSV."""

from aiohttp import web

from ...office.accounts import Line
from ...web import export
from ...web.lists import PIECE, bad_request


class Api:
    """The route; `site` has the accounts."""

    def __init__(self, site):
        self.accounts = site.accounts

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """Every line, as a list or (`format=csv`) as CSV, oldest first."""
        try:
            form = export.form(request)
        except ValueError as e:
            return bad_request(e)

        async def pieces():
            after = 0
            while lines := self.accounts.piece(after, PIECE):
                after = lines[-1].id
                yield [tuple(export.audit_fields(line).values()) for line in lines]
        return await export.stream(request, "audit", form, {}, Line._fields, pieces())
