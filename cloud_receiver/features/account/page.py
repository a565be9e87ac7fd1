"""The pages of a session: log in, log out, own password."""

import hmac
from typing import Any

from aiohttp import web

from ...office.accounts import LEAST_PASSWORD, SESSION_S, password_hash
from ...office.browsers import KEPT_S
from ...web import access
from ...web.addresses import client_address
from ...web.gate import BROWSER_COOKIE, COOKIE, fields
from ...web.words import N_
from .limits import Limits

FULL_S = 5  # until another attempt where too many wait
COOKIES: "dict[str, Any]" = {"secure": True, "httponly": True, "samesite": "Lax", "path": "/"}


class Page:
    """The pages; `site` renders them."""

    def __init__(self, site):
        self.site, self.clock, self.accounts = site, site.clock, site.accounts
        self.limits = Limits(lambda password, salt: password_hash(password, salt))

    async def form(self, request: web.Request) -> web.Response:
        """The log-in form."""
        return self.site.render(request, "account/login.html", wrong=False, wait=0)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check name and password, begin a session."""
        form = await fields(request)
        name, password = form.get("name", "")[:80], form.get("password", "")[:200]
        proved = await self._proved(request, name, password)
        if isinstance(proved, int):
            return self.site.render(request, "account/login.html", 429 if proved else 403, wrong=not proved,
                                    wait=proved)
        cookie = self.accounts.begin(name, proved, self.clock.seconds())
        if cookie is None:
            return self.site.render(request, "account/login.html", 403, wrong=True, wait=0)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, cookie, max_age=SESSION_S, **COOKIES)
        if self._browser(request, name) is None:
            response.set_cookie(BROWSER_COOKIE, self.accounts.browsers.remember(name, self.clock.seconds()),
                                max_age=KEPT_S, **COOKIES)
        return response

    def _browser(self, request, name):
        cookie = request.cookies.get(BROWSER_COOKIE)
        return self.accounts.browsers.known(cookie, name, self.clock.seconds()) if cookie else None

    async def _proved(self, request, name, password) -> "bytes | int":
        """The password's hash as it is kept if the password is right, 0 if it is wrong, else seconds to wait."""
        limits, address = self.limits, client_address(request, self.site.public_name)
        attempt = limits.attempt(name, address, self._browser(request, name))
        wait = limits.wait(attempt)
        if wait:
            return wait
        limits.begin(attempt)
        salt, expected = self.accounts.salt_and_hash(name)
        given = await limits.hash(attempt, password, salt)
        if given is None:
            return FULL_S
        if not hmac.compare_digest(given, expected):
            return 0
        limits.right(attempt)
        return expected

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        self.accounts.end(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": "/login"})
        response.del_cookie(COOKIE, **COOKIES)
        return response

    async def account(self, request: web.Request) -> web.Response:
        """Whose session this is, and the form for a new password."""
        return self.site.render(request, "account/account.html", problem="", wait=0)

    async def change(self, request: web.Request) -> web.Response:
        """Give the own account a new password, which ends its sessions."""
        who, form = access.who(request), await fields(request)
        if who.via != "session":
            raise web.HTTPForbidden
        present, new = form.get("password", "")[:200], form.get("new", "")
        proved = await self._proved(request, who.name, present)
        if isinstance(proved, int):
            return self.site.render(request, "account/account.html", 429 if proved else 403, wait=proved,
                                    problem="" if proved else N_("The present password is wrong."))
        if not LEAST_PASSWORD <= len(new) <= 200:
            return self.site.render(request, "account/account.html", 400, wait=0,
                                    problem=N_("A password has at least 12 characters."))
        self.accounts.put(who.name, new, self.clock.seconds(), who.role, who.home)
        await self.accounts.audit.note(self.clock.seconds(), who, "password changed", who.name)
        return web.Response(status=303, headers={"Location": "/login"})
