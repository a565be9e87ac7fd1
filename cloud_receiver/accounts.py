"""Who may see the works' pages once they are shown beyond this machine: accounts, sessions, log-in and log-out.

Without a public name the pages are for loopback and need no log-in. With one (a proxy on this machine adds TLS) every
request but a home's secret link needs a session. Passwords are kept as scrypt hashes, sessions as hashes of their
cookie. So far there is one role: administrator.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
from collections import namedtuple

from aiohttp import web

from . import limits

COOKIE = "__Host-netti"  # Secure, Path=/ and no Domain: no other host can set or see it
SESSION_S = 12 * 3600
MAX_FORM = 4096
LEAST_PASSWORD = 12  # characters

Session = namedtuple("Session", ("user", "role", "csrf", "until"))

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL, role TEXT NOT NULL, made INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
"""


def password_hash(password: str, salt: bytes) -> bytes:
    """scrypt at 32 MiB, about a tenth of a second."""
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=32)


class Accounts:
    """Users and sessions in a KeyStore's file."""

    def __init__(self, keys):
        self.db = keys.db
        self.db.executescript(SCHEMA)

    def put(self, name: str, password: str, now: int, role: str = "administrator") -> bool:
        """Make an account or give it a new password, which ends its sessions; True if it is new."""
        salt = os.urandom(16)
        new = self.db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone() is None
        self.db.execute("INSERT OR REPLACE INTO users VALUES (?,?,?,?,?)",
                        (name, salt, password_hash(password, salt), role, now))
        self.db.execute("DELETE FROM sessions WHERE user = ?", (name,))
        return new

    def names(self) -> "list[str]":
        """The accounts there are."""
        return [row[0] for row in self.db.execute("SELECT name FROM users ORDER BY name")]

    def salt_and_hash(self, name: str) -> "tuple[bytes, bytes]":
        """What a password is checked against; for an unknown name something that takes as long and never fits."""
        row = self.db.execute("SELECT salt, hash FROM users WHERE name = ?", (name,)).fetchone()
        return row or (bytes(16), bytes(32))

    def begin(self, name: str, now: int) -> str:
        """A new session; returns its cookie."""
        cookie = secrets.token_urlsafe(24)
        self.db.execute("DELETE FROM sessions WHERE until < ?", (now,))
        self.db.execute("INSERT INTO sessions VALUES (?,?,?,?)",
                        (_hash(cookie), name, secrets.token_urlsafe(12), now + SESSION_S))
        return cookie

    def session(self, cookie: str, now: int) -> "Session | None":
        """The session of a cookie, if it still runs."""
        row = self.db.execute("SELECT s.user, u.role, s.csrf, s.until FROM sessions s JOIN users u ON u.name = s.user "
                              "WHERE s.hash = ? AND s.until > ?", (_hash(cookie), now)).fetchone()
        return None if row is None else Session(*row)

    def end(self, cookie: str) -> None:
        """End a session."""
        self.db.execute("DELETE FROM sessions WHERE hash = ?", (_hash(cookie),))


class LogIn:
    """The log-in page and the gate before the others; `pages` renders it."""

    OPEN = ("/login", "/static/", "/home/")

    def __init__(self, receiver, pages):
        self.accounts, self.clock, self.pages = Accounts(receiver.keys), receiver.clock, pages
        self.public_name = receiver.public_name
        self.by_name = limits.Buckets(rate=1 / 30, burst=10)

    def routes(self) -> "list[web.RouteDef]":
        """Its routes; none where nobody has to log in."""
        if not self.public_name:
            return []
        return [web.get("/login", self.form), web.post("/login", self.log_in), web.post("/logout", self.log_out)]

    def gate(self, request: web.Request) -> "web.Response | None":
        """What a request gets instead of its page while nobody is logged in."""
        if not self.public_name or request.path.startswith(self.OPEN) or self.session(request) is not None:
            return None
        if request.path.startswith("/v1/"):
            return web.json_response({"error": "log in"}, status=401)
        return web.Response(status=303, headers={"Location": "/login"})

    def session(self, request: web.Request) -> "Session | None":
        """The session of a request; None where nobody has to log in."""
        cookie = request.cookies.get(COOKIE)
        return self.accounts.session(cookie, self.clock.seconds()) if self.public_name and cookie else None

    async def form(self, request: web.Request) -> web.Response:
        """The log-in form."""
        return self.pages.render(request, "login.html", wrong=False, wait=0)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check name and password, begin a session."""
        self._same_origin(request)
        fields = await request.post() if (request.content_length or MAX_FORM + 1) <= MAX_FORM else {}
        name, password = str(fields.get("name", ""))[:80], str(fields.get("password", ""))[:200]
        wait = self.by_name.spend(name)
        if wait:
            return self.pages.render(request, "login.html", 429, wrong=False, wait=wait)
        salt, expected = self.accounts.salt_and_hash(name)
        given = await asyncio.get_running_loop().run_in_executor(None, password_hash, password, salt)
        if not hmac.compare_digest(given, expected):
            return self.pages.render(request, "login.html", 403, wrong=True, wait=0)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, self.accounts.begin(name, self.clock.seconds()), max_age=SESSION_S, secure=True,
                            httponly=True, samesite="Lax", path="/")
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session of whoever asks with its token."""
        self._same_origin(request)
        session = self.session(request)
        fields = await request.post() if (request.content_length or MAX_FORM + 1) <= MAX_FORM else {}
        if session is None or not hmac.compare_digest(str(fields.get("csrf", "")).encode(), session.csrf.encode()):
            raise web.HTTPForbidden
        self.accounts.end(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": "/login"})
        response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        return response

    def _same_origin(self, request):
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"https://{self.public_name}":
            raise web.HTTPForbidden


def client_address(request: web.Request, public_name: str) -> str:
    """Who asks: behind the proxy of a public name whom that names last, else whoever is connected."""
    if public_name:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if forwarded:
            return forwarded[-1].rsplit(",", 1)[-1].strip()
    return request.remote or ""


def _hash(cookie):
    return hashlib.sha256(cookie.encode()).digest()
