"""The audit log's page."""

from aiohttp import web

LINES = 200


class Page:
    """The page; `site` renders it."""

    def __init__(self, site):
        self.site, self.accounts = site, site.accounts

    async def audit(self, request: web.Request) -> web.Response:
        """Its latest lines, of one subject if asked."""
        subject = request.query.get("q", "").strip()[:80]
        return self.site.render(request, "audit/audit.html", lines=self.accounts.audit.latest(subject, LINES),
                                subject=subject)
