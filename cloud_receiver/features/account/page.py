"""The pages of a session: log in, log out, own password."""

import asyncio
import hmac

from aiohttp import web

from ...data import buckets
from ...office.accounts import LEAST_PASSWORD, SESSION_S, password_hash
from ...web import access
from ...web.addresses import address_bucket, client_address
from ...web.gate import COOKIE, fields
from ...web.words import N_

HASHING, MOST_WAITING = 2, 20  # passwords hashed at once (32 MiB each), and those that may wait for it


class Page:
    """The pages; `site` renders them."""

    def __init__(self, site):
        self.site, self.clock, self.accounts = site, site.clock, site.accounts
        self.by_name = buckets.Buckets(rate=1 / 30, burst=10)
        self.by_address = buckets.Buckets(rate=1 / 10, burst=30)
        self.hashing, self._waiting = asyncio.Semaphore(HASHING), 0

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
        response.set_cookie(COOKIE, cookie, max_age=SESSION_S, secure=True, httponly=True, samesite="Lax", path="/")
        return response

    async def _proved(self, request, name, password) -> "bytes | int":
        """The password's hash as it is kept if the password is right, 0 if it is wrong, else seconds to wait."""
        address = address_bucket(client_address(request, self.site.public_name))
        wait = self.by_address.wait(address) or self.by_name.wait(name)
        if wait or self._waiting >= MOST_WAITING:
            return wait or 5
        self.by_address.charge(address)  # before the hash: many at once cost as much as one after the other
        self.by_name.charge(name)
        salt, expected = self.accounts.salt_and_hash(name)
        self._waiting += 1
        try:
            async with self.hashing:
                given = await asyncio.get_running_loop().run_in_executor(None, password_hash, password, salt)
        finally:
            self._waiting -= 1
        return expected if hmac.compare_digest(given, expected) else 0

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        self.accounts.end(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": "/login"})
        response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
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
