"""The frame of all pages: templates, words, menu, headers, errors, log-in. What they show is the features'.

Rendered here, no script needed to read them.
"""

import functools
import hashlib
import logging
import sqlite3
import urllib.parse
from pathlib import Path

import jinja2
from aiohttp import web
from markupsafe import Markup, escape

from ..data import attention, media
from ..data.clock import DAY
from ..office.roles import ALL, OPEN
from ..stores import Busy, StoreError
from . import access, feature, parts, words
from .gate import Gate
from .recent import Recent
from .words import N_

log = logging.getLogger("netti.pages")

HERE = Path(__file__).parent
COOKIE = "netti_language"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                               "object-src 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
ERRORS = {404: (N_("Not found"), N_("There is nothing at this address.")),
          403: (N_("Not allowed"), N_("Your role does not include this.")),
          503: (N_("Not possible just now"), N_("Try again shortly."))}
KINDS = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}  # of static files


def _gettext(language):
    """`_` of templates, as Jinja's new style has it: the text is markup, what is put in is escaped. What lists say in
    every row, with nothing put in, is kept."""
    texts = words.translations(language)

    @functools.lru_cache(4096)
    def fixed(text):
        return Markup(texts.gettext(text)) % {}

    def gettext(text, **values):
        return Markup(texts.gettext(text)) % values if values else fixed(text)
    return gettext


class _Compiled(jinja2.BytecodeCache):
    """What templates were compiled to, for as long as the process lives: once for all languages."""

    def __init__(self):
        self._code = {}  # key of jinja's: check sum of the source, code

    def load_bytecode(self, bucket):
        checksum, code = self._code.get(bucket.key, (None, None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket):
        self._code[bucket.key] = bucket.checksum, bucket.code


_compiled = _Compiled()


class Site:
    """The pages and API of a receiver: what its features may use, and the frame they are shown in."""

    def __init__(self, receiver, features: "list[feature.Feature]"):
        self.store, self.clock, self.directory, self.settings = (
            receiver.store, receiver.clock, receiver.directory, receiver.settings)
        office = receiver.office
        self.homes, self.accounts, self.orders, self.releases, self.revoked = (
            office.homes, office.accounts, office.orders, office.releases, office.enrolled.revoked)
        self.disk = office.disk
        self.quarantined = office.quarantines.since
        self.decisions, self.carry_out = office.decisions, receiver.keeping.decide
        self.public_name = receiver.public_name
        self.recent = Recent(self.store, self.clock)
        self.features = features
        self._answers = feature.Answers(self)
        self._routes = [(f, route) for f in features for route in f.routes if self.public_name or not route.log_in]
        self._addresses = {method: feature.Addresses(r.path for _, r in self._routes if r.method == method)
                           for method in ("GET", "POST")}
        if self.public_name and not self.has("/login"):
            log.warning("there is no page to log in on: people cannot, programs can")
        self._gate = Gate(self.accounts, self.clock, self.public_name, self.has, self.start)
        self._hosts = ("localhost", "127.0.0.1", "[::1]", *([self.public_name] if self.public_name else []))
        self._static = static_files(HERE / "static", *(f.folder / "static" for f in features))
        self._stamps = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._static.items()}
        self._templates = {language: self._environment(language) for language in words.LANGUAGES}

    def app(self, others=()) -> web.Application:
        """Everything people and programs of the works reach; `others`: (method, path, roles, handler) of routes that
        are no feature's."""
        app = web.Application()
        rules = app[access.RULES] = {}
        app.middlewares.append(self.guard)
        app.on_response_prepare.append(with_headers)
        routes = [("GET", "/static/{name}", OPEN, self.static), *others]
        routes += [(r.method, r.path, r.roles, self._answers.method(f, r.answers)) for f, r in self._routes]
        if not self.has("/"):
            routes.append(("GET", "/", ALL, self.begin))
        for method, path, roles, handler in routes:
            (app.router.add_get if method == "GET" else app.router.add_post)(path, handler)
            rules[method, path] = roles
        return app

    def _environment(self, language) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(HERE / "templates"), jinja2.PrefixLoader(
                {f.name: jinja2.FileSystemLoader(f.folder) for f in self.features})]),
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
            extensions=["jinja2.ext.i18n"], bytecode_cache=_compiled)
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            words.translations(language), newstyle=True)
        environment.globals.update(_=_gettext(language), static=self._static_url, p=parts, media=media.media_name,
                                   alarm_level=attention.alarm_level, delivery=attention.delivery, has=self.has,
                                   to=self.to)
        return environment

    def has(self, address: str, method: str = "GET") -> bool:
        """Whether there is a feature that answers at an address; its query is not looked at."""
        return address in self._addresses[method]

    def to(self, address: str, shown) -> Markup:
        """A link to what a feature shows, or what it would say alone where there is no such feature."""
        return Markup(f'<a href="{escape(address)}">{escape(shown)}</a>') if self.has(address) else escape(shown)

    def start(self, who) -> "str | None":
        """Where somebody begins: at the first entry of their menu."""
        entries = self._menu(who)
        return entries[0][0] if entries else None

    async def begin(self, request: web.Request) -> web.Response:
        """What is at "/" where there is no overview."""
        start = self.start(access.who(request))
        if start is None:
            raise web.HTTPNotFound
        return web.Response(status=303, headers={"Location": start})

    def answering(self, name: str, module: str):
        """The object of a feature's module that answers its requests: what it counts and limits."""
        return self._answers.object(next(f for f in self.features if f.name == name), module)

    # --- around every request

    @web.middleware
    async def guard(self, request: web.Request, handler):
        """Only names that are ours (no page of another site can reach in through its DNS), log-in, headers, errors."""
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if host not in self._hosts:
            return web.Response(status=421, text="this receiver does not answer to that name\n")
        page = not request.path.startswith("/v1/")
        try:
            response = await self._gate.refusal(request) or await access.answered(request, handler)
        except web.HTTPException as e:
            if not page or e.status < 400:
                raise
            response = self.render(request, "error.html", e.status, title=ERRORS.get(e.status, (e.reason, ""))[0],
                                   detail=ERRORS.get(e.status, ("", ""))[1], value=None)
        except (Busy, StoreError, sqlite3.OperationalError) as e:
            log.error("%s not answered: %s", access.route(request), str(e) or "the store is busy")
            if page:
                response = self.render(request, "error.html", 503, title=N_("Readings are temporarily unavailable"),
                                       value=None,
                                       detail=N_("Their database does not answer just now. Try again shortly."))
            else:
                response = web.json_response({"error": "the store does not answer"}, status=503)
            response.headers["Retry-After"] = "5"
        except Exception:
            log.exception("%s could not be answered", access.route(request))  # an address may name a meter or a home
            if page:
                response = self.render(request, "error.html", 500, title=N_("Something went wrong"), value=None,
                                       detail=N_("The receiver could not make this page. Try again shortly."))
            else:
                response = web.json_response({"error": "internal error"}, status=500)
        return response

    def render(self, request, template, status=200, **values) -> web.Response:
        """A page in the request's language."""
        asked = request.query.get("lang")
        language = words.choose(asked, request.cookies.get(COOKIE), request.headers.get("Accept-Language", ""))
        w, who = words.Words(language, self.clock.seconds()), access.who(request)
        session = who if who.via == "session" else None  # None for a token and where nobody logs in
        text = self._templates[language].get_template(template).render(
            w=w, session=session, who=who, menu=self._menu(who),
            begins=session is None or self.start(who) is not None,  # whether "/" leads them anywhere
            works=self.settings.name, path=request.path, now=w.now,
            languages=[(name, words.NAMES[name], with_query(request, lang=name)) for name in words.LANGUAGES],
            link=lambda **changes: with_query(request, **changes), **values)
        response = web.Response(text=text, content_type="text/html", status=status,
                                headers={"Content-Language": language, "Vary": "Accept-Language, Cookie"})
        if asked in words.LANGUAGES:
            response.set_cookie(COOKIE, asked, max_age=365 * DAY, samesite="Lax", httponly=True, path="/")
        return response

    async def static(self, request: web.Request) -> web.Response:
        """A file of static/; its address carries its content's hash, so it may be kept."""
        name = request.match_info["name"]
        if name not in self._static:
            raise web.HTTPNotFound
        return web.Response(body=self._static[name], content_type=KINDS[name.rsplit(".", 1)[1]],
                            headers={"Cache-Control": "public, max-age=31536000, immutable"})

    def _static_url(self, name):
        return f"/static/{name}?v={self._stamps[name]}"

    def _menu(self, who):
        """(path, text) of the entries that somebody's role may see."""
        entries = [f.menu for f in self.features if f.menu is not None]
        return [(m.path, m.text) for m in sorted(entries, key=lambda m: m.order)
                if who.role in m.roles and (self.public_name or not m.log_in)]


async def with_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says of itself to browsers."""
    response.headers.update(HEADERS)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"


def with_query(request, **changes) -> str:
    """The request's own address with some of its query changed; None takes a parameter out."""
    query = {k: v for k, v in request.query.items() if k != "lang"}
    query.update({k: str(v) for k, v in changes.items() if v is not None})
    query = {k: v for k, v in query.items() if changes.get(k, v) is not None}
    return urllib.parse.quote(request.path) + ("?" + urllib.parse.urlencode(query) if query else "")


def static_files(*folders: Path) -> "dict[str, bytes]":
    """The files of the folders that there are, by name; raises ValueError where two have the same name."""
    files: "dict[str, bytes]" = {}
    for path in (p for folder in folders if folder.is_dir() for p in sorted(folder.iterdir()) if p.is_file()):
        if path.name in files:
            raise ValueError(f"two static files are called {path.name}")
        files[path.name] = path.read_bytes()
    return files
