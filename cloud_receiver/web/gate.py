"""The gate before every page and API route.

Without a public name the pages are for this machine: who reaches them reads as `local`, and nothing can be changed.
With one (a proxy on this machine adds TLS; `localhost`: none does) a request needs a session or an API token, and each
route asks for a role (access.py). What changes something needs the session's CSRF token and our own origin, wherever
it goes: the gate asks, so that no route can forget to.
"""

import hmac
import logging
import urllib.parse

from aiohttp import web

from ..edge.connections import proved
from ..office import roles
from . import access

log = logging.getLogger("netti.login")

COOKIE = "__Host-netti"  # Secure, Path=/ and no Domain: no other host can set or see it
BROWSER_COOKIE = "__Host-netti-browser"  # as COOKIE; says that an account logged in here before, and opens nothing
MAX_FORM = 4096


class Gate:
    """Who asks, and whether they may."""

    def __init__(self, accounts, clock, public_name: str, has, start):
        """has(address): whether there is such a page; start(who): where somebody begins, or None."""
        self.accounts, self.clock, self.public_name = accounts, clock, public_name
        self._has, self._start = has, start

    async def refusal(self, request: web.Request) -> "web.Response | None":
        """Find out who asks; what they get instead of an answer where they may not have one."""
        request[access.ASKING] = who = self._who(request)
        if who.via in ("session", "token"):
            proved(request)
        rule = access.rule(request)
        missing = request.match_info.http_exception is not None  # 404 and 405
        if rule is roles.OPEN:
            if request.method not in ("GET", "HEAD"):
                self._same_origin(request)
            return None
        if who is roles.NOBODY:
            if request.path.startswith("/v1/"):
                return web.json_response({"error": "log in, or give a token that is valid"}, status=401,
                                         headers={"WWW-Authenticate": "Bearer"})
            return self._sent_to("/login")
        if missing:
            return None
        if rule is None:
            log.error("%s %s is in no feature's ROUTES, and is shown to nobody", request.method,
                      request.match_info.route.resource)
        if rule is None or who.role not in rule:
            start = self._start(who) if request.path == "/" else None
            return self._sent_to(start or "")
        if request.method not in ("GET", "HEAD"):
            await self._may_change(request, who)
        first = {roles.PASSWORD: "/account", roles.FACTOR: "/account/second"}.get(who.once)
        if first and request.path not in (first, "/logout"):
            return self._sent_to(first)
        return None

    def _sent_to(self, address) -> web.Response:
        """What sends a browser to another page; raises HTTPForbidden where there is no such page."""
        if not self._has(address):
            raise web.HTTPForbidden
        return web.Response(status=303, headers={"Location": address})

    def _who(self, request) -> roles.Who:
        if not self.public_name:
            return roles.LOCAL
        now = self.clock.seconds()
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and request.path.startswith("/v1/"):
            return self.accounts.bearer(bearer.strip(), now) or roles.NOBODY
        cookie = request.cookies.get(COOKIE)
        return (self.accounts.session(cookie, now) if cookie else None) or roles.NOBODY

    def session(self, request: web.Request) -> "roles.Who | None":
        """Whose session a request is; None for a token and where nobody logs in."""
        who = access.who(request)
        return who if who.via == "session" else None

    async def _may_change(self, request, who):
        """Raise HTTPForbidden unless a change is meant by whoever asks: a session's comes with its CSRF token."""
        if who.via == "token":
            return
        self._same_origin(request)
        given = request.headers.get("X-CSRF-Token") or (await fields(request)).get("csrf", "")
        if who.via != "session" or not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), who.csrf.encode()):
            raise web.HTTPForbidden

    def _same_origin(self, request):
        """Raise HTTPForbidden for what another site's page sends."""
        origin = request.headers.get("Origin")
        ours = [f"https://{self.public_name}"]
        if self.public_name == "localhost":
            ours = [f"http://{request.host}"]
        if (origin is not None and origin not in ours) \
                or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise web.HTTPForbidden


async def fields(request) -> "dict[str, str]":
    """The fields of a form as our pages send it; nothing of any other body."""
    if request.content_type != "application/x-www-form-urlencoded" or (request.content_length or 0) > MAX_FORM \
            or request.content_length is None:
        return {}
    body = (await request.read()).decode("utf-8", "replace")
    try:
        return dict(urllib.parse.parse_qsl(body, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        return {}
