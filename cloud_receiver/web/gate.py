"""The gate before every page and API route, and the pages of a session: log in, log out, own password, audit log.

Without a public name the pages are for this machine: who reaches them reads as `local`, and nothing can be changed.
With one (a proxy on this machine adds TLS; `localhost`: none does) a request needs a session or an API token, and each
route asks for a role (access.py). What changes something needs the session's CSRF token and our own origin, wherever
it goes: the gate asks, so that no route can forget to.
"""

import asyncio
import hmac
import ipaddress
import logging
import urllib.parse

from aiohttp import web

from ..data import buckets
from ..data.clock import iso
from ..features.users.page import Users
from ..office.accounts import LEAST_PASSWORD, SESSION_S, Accounts, Line, password_hash
from . import access, export

log = logging.getLogger("netti.login")

COOKIE = "__Host-netti"  # Secure, Path=/ and no Domain: no other host can set or see it
MAX_FORM = 4096
HASHING, MOST_WAITING = 2, 20  # passwords hashed at once (32 MiB each), and those that may wait for it
AUDIT_LINES = 200
PIECE = 500  # lines of it read at once for an export


class LogIn:
    """The gate and its pages; `pages` renders them."""

    def __init__(self, receiver, pages):
        self.receiver, self.clock, self.pages = receiver, receiver.clock, pages
        self.accounts: Accounts = receiver.accounts
        self.public_name = receiver.public_name
        self.by_name = buckets.Buckets(rate=1 / 30, burst=10)
        self.by_address = buckets.Buckets(rate=1 / 10, burst=30)
        self._hashing, self._waiting = asyncio.Semaphore(HASHING), 0

    def routes(self) -> "list[web.RouteDef]":
        """Its routes; where nobody logs in, the audit log's alone."""
        found = [web.get("/audit", self.audit), web.get("/v1/audit", self.audit_data)]
        if self.public_name:
            found += Users(self).routes()
            found += [web.get("/login", self.form), web.post("/login", self.log_in), web.post("/logout", self.log_out),
                      web.get("/account", self.account), web.post("/account", self.change)]
        return found

    # --- the gate

    async def gate(self, request: web.Request) -> "web.Response | None":
        """Find out who asks; what they get instead of an answer where they may not have one."""
        request[access.ASKING] = who = self._who(request)
        rule = access.rule(request)
        missing = request.match_info.http_exception is not None  # 404 and 405
        if rule is access.OPEN:
            if request.method not in ("GET", "HEAD"):
                self._same_origin(request)
            return None
        if who is access.NOBODY:
            if request.path.startswith("/v1/"):
                return web.json_response({"error": "log in, or give a token that is valid"}, status=401,
                                         headers={"WWW-Authenticate": "Bearer"})
            return web.Response(status=303, headers={"Location": "/login"})
        if missing:
            return None
        if rule is None:
            log.error("%s %s has no rule in access.py, and is shown to nobody", request.method,
                      request.match_info.route.resource)
        if rule is None or who.role not in rule:
            if request.path == "/" and who.role == "homeowner":
                return web.Response(status=303, headers={"Location": "/home"})
            raise web.HTTPForbidden
        if request.method not in ("GET", "HEAD"):
            await self._may_change(request, who)
        if who.once and request.path not in ("/account", "/logout"):
            return web.Response(status=303, headers={"Location": "/account"})
        return None

    def _who(self, request) -> access.Who:
        if not self.public_name:
            return access.LOCAL
        now = self.clock.seconds()
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and request.path.startswith("/v1/"):
            return self.accounts.bearer(bearer.strip(), now) or access.NOBODY
        cookie = request.cookies.get(COOKIE)
        return (self.accounts.session(cookie, now) if cookie else None) or access.NOBODY

    def session(self, request: web.Request) -> "access.Who | None":
        """Whose session a request is; None for a token and where nobody logs in."""
        who = access.who(request)
        return who if who.via == "session" else None

    async def _may_change(self, request, who):
        """Raise HTTPForbidden unless a change is meant by whoever asks: a session's comes with its CSRF token."""
        if who.via == "token":
            return
        self._same_origin(request)
        given = request.headers.get("X-CSRF-Token") or (await self.fields(request)).get("csrf", "")
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

    async def fields(self, request) -> "dict[str, str]":
        """The fields of a form as our pages send it; nothing of any other body."""
        if request.content_type != "application/x-www-form-urlencoded" or (request.content_length or 0) > MAX_FORM \
                or request.content_length is None:
            return {}
        body = (await request.read()).decode("utf-8", "replace")
        try:
            return dict(urllib.parse.parse_qsl(body, keep_blank_values=True, max_num_fields=20))
        except ValueError:
            return {}

    # --- a session

    async def form(self, request: web.Request) -> web.Response:
        """The log-in form."""
        return self.pages.render(request, "login.html", wrong=False, wait=0)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check name and password, begin a session."""
        fields = await self.fields(request)
        name, password = fields.get("name", "")[:80], fields.get("password", "")[:200]
        who = await self._proved(request, name, password)
        if isinstance(who, int):
            return self.pages.render(request, "login.html", 429 if who else 403, wrong=not who, wait=who)
        cookie = self.accounts.begin(name, who, self.clock.seconds())
        if cookie is None:
            return self.pages.render(request, "login.html", 403, wrong=True, wait=0)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, cookie, max_age=SESSION_S, secure=True, httponly=True, samesite="Lax", path="/")
        return response

    async def _proved(self, request, name, password) -> "bytes | int":
        """The password's hash as it is kept if the password is right, 0 if it is wrong, else seconds to wait."""
        address = address_bucket(client_address(request, self.public_name))
        wait = self.by_address.wait(address) or self.by_name.wait(name)
        if wait or self._waiting >= MOST_WAITING:
            return wait or 5
        self.by_address.charge(address)  # before the hash: many at once cost as much as one after the other
        self.by_name.charge(name)
        salt, expected = self.accounts.salt_and_hash(name)
        self._waiting += 1
        try:
            async with self._hashing:
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
        return self.pages.render(request, "account.html", problem="", wait=0)

    async def change(self, request: web.Request) -> web.Response:
        """Give the own account a new password, which ends its sessions."""
        who, fields = access.who(request), await self.fields(request)
        if who.via != "session":
            raise web.HTTPForbidden
        present, new = fields.get("password", "")[:200], fields.get("new", "")
        proved = await self._proved(request, who.name, present)
        if isinstance(proved, int):
            return self.pages.render(request, "account.html", 429 if proved else 403, wait=proved,
                                     problem="" if proved else "The present password is wrong.")
        if not LEAST_PASSWORD <= len(new) <= 200:
            return self.pages.render(request, "account.html", 400, wait=0,
                                     problem="A password has at least 12 characters.")
        self.accounts.put(who.name, new, self.clock.seconds(), who.role, who.home)
        await self.accounts.note(self.clock.seconds(), who, "password changed", who.name)
        return web.Response(status=303, headers={"Location": "/login"})

    # --- the audit log

    async def audit(self, request: web.Request) -> web.Response:
        """The audit log as a page: its latest lines, of one subject if asked."""
        subject = request.query.get("q", "").strip()[:80]
        return self.pages.render(request, "audit.html", lines=self.accounts.audit(subject, 0, AUDIT_LINES),
                                 subject=subject)

    async def audit_data(self, request: web.Request) -> web.StreamResponse:
        """The whole audit log, as JSON lines' list or (`format=csv`) as CSV, oldest first."""
        try:
            asked = export.form(request)
        except ValueError as e:
            return web.json_response({"error": str(e)}, status=400)

        async def pieces():
            after = 0
            while lines := self.accounts.piece(after, PIECE):
                after = lines[-1].id
                yield [tuple(audit_fields(line).values()) for line in lines]
        return await export.stream(request, "audit", asked, {}, Line._fields, pieces())


def audit_fields(line) -> dict:
    """A line of the audit log as it is exported."""
    return dict(line._asdict(), at=iso(line.at), start=iso(line.start), end=iso(line.end))


def client_address(request: web.Request, public_name: str) -> str:
    """Who asks: behind the proxy of a public name whom that names last, else whoever is connected."""
    if public_name and public_name != "localhost":
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if forwarded:
            return forwarded[-1].rsplit(",", 1)[-1].strip()
    return request.remote or ""


def address_bucket(address: str) -> str:
    """What of an address counts as one sender: an IPv4 address, the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
