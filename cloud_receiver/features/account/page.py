"""The pages of a session: log in, log out, own password."""

import hmac
from typing import Any

from aiohttp import web

from ...office import roles
from ...office.accounts import LEAST_PASSWORD, SESSION_S, password_hash
from ...office.browsers import KEPT_S
from ...web import access
from ...web.addresses import client_address
from ...web.gate import BROWSER_COOKIE, COOKIE, fields
from ...web.words import N_
from .limits import Attempt, Limits
from .steps import STEP_S, Steps

FULL_S = 5  # until another attempt where too many wait
STEP_COOKIE = "__Host-netti-step"  # between the password and the code
COOKIES: "dict[str, Any]" = {"secure": True, "httponly": True, "samesite": "Lax", "path": "/"}


class Page:
    """The pages; `site` renders them."""

    def __init__(self, site):
        self.site, self.clock, self.accounts = site, site.clock, site.accounts
        self.limits = Limits(lambda password, salt: password_hash(password, salt))
        self._steps = Steps()

    async def form(self, request: web.Request) -> web.Response:
        """The log-in form."""
        return self.site.render(request, "account/login.html", wrong=False, wait=0)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check name and password, begin a session, or ask for the second factor."""
        form = await fields(request)
        name, password = form.get("name", "")[:80], form.get("password", "")[:200]
        attempt = self._attempt(request, name)
        proved = await self.proved(attempt, name, password)
        if isinstance(proved, int):
            return self.site.render(request, "account/login.html", 429 if proved else 403, wrong=not proved,
                                    wait=proved)
        self.limits.right(attempt)
        if self.accounts.second.has(name):
            response = web.Response(status=303, headers={"Location": "/login/code"})
            response.set_cookie(STEP_COOKIE, self._steps.add((name, proved, attempt)), max_age=STEP_S, **COOKIES)
            return response
        return self._begun(request, name, proved, False) or self.site.render(request, "account/login.html", 403,
                                                                             wrong=True, wait=0)

    async def code_form(self, request: web.Request) -> web.Response:
        """The form for a code of the second factor."""
        return self.site.render(request, "account/code.html", wrong=False, wait=0)

    async def code(self, request: web.Request) -> web.Response:
        """Check a code of who has just shown the password, begin a session."""
        step, given = request.cookies.get(STEP_COOKIE, ""), (await fields(request)).get("code", "")[:40]
        found = self._steps.get(step)
        if found is None:
            raise web.HTTPForbidden
        name, proved, attempt = found
        codes, now = self.limits.codes, self.clock.seconds()
        counted = name if attempt.sender else attempt.key
        wait = codes.wait(counted)
        if wait:
            return self.site.render(request, "account/code.html", 429, wrong=False, wait=wait)
        how = self.accounts.second.check(name, given, now)
        if how is None:
            codes.failed(counted)
            return self.site.render(request, "account/code.html", 403, wrong=True, wait=0)
        codes.succeeded(counted)
        self._steps.take(step)
        if how == "recovery code":
            role = next((p.role for p in self.accounts.people() if p.name == name), "")
            await self.accounts.audit.note(now, roles.Who(name, role, "session", "", None), "recovery code used", name)
        response = self._begun(request, name, proved, True)
        if response is None:
            raise web.HTTPForbidden
        response.del_cookie(STEP_COOKIE, **COOKIES)
        return response

    def _begun(self, request, name, proved, second):
        """The answer that begins a session; None where the account has changed meanwhile."""
        cookie = self.accounts.begin(name, proved, self.clock.seconds(), second)
        if cookie is None:
            return None
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, cookie, max_age=SESSION_S, **COOKIES)
        if self._browser(request, name) is None:
            response.set_cookie(BROWSER_COOKIE, self.accounts.browsers.remember(name, self.clock.seconds()),
                                max_age=KEPT_S, **COOKIES)
        return response

    def _browser(self, request, name):
        cookie = request.cookies.get(BROWSER_COOKIE)
        return self.accounts.browsers.known(cookie, name, self.clock.seconds()) if cookie else None

    def _attempt(self, request, name):
        return self.limits.attempt(name, client_address(request, self.site.public_name), self._browser(request, name))

    async def proved(self, attempt: Attempt, name: str, password: str) -> "bytes | int":
        """The password's hash as it is kept if the password is right, 0 if it is wrong, else seconds to wait. The
        attempt counts as failed until the caller says that it has not: Limits.right."""
        limits = self.limits
        wait = limits.wait(attempt)
        if wait:
            return wait
        limits.begin(attempt)
        salt, expected = self.accounts.salt_and_hash(name)
        given = await limits.hash(attempt, password, salt)
        if given is None:
            return FULL_S
        return expected if hmac.compare_digest(given, expected) else 0

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
        attempt = self._attempt(request, who.name)
        proved = await self.proved(attempt, who.name, present)
        if isinstance(proved, int):
            return self.site.render(request, "account/account.html", 429 if proved else 403, wait=proved,
                                    problem="" if proved else N_("The present password is wrong."))
        self.limits.right(attempt)
        if not LEAST_PASSWORD <= len(new) <= 200:
            return self.site.render(request, "account/account.html", 400, wait=0,
                                    problem=N_("A password has at least 12 characters."))
        self.accounts.put(who.name, new, self.clock.seconds(), who.role, who.home)
        await self.accounts.audit.note(self.clock.seconds(), who, "password changed", who.name)
        return web.Response(status=303, headers={"Location": "/login"})
