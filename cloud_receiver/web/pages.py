"""The works' pages: overview, meters, one meter, alarms, gateways, one gateway. Rendered here, no script needed to
read them. A list asks the store for the rows it shows, however many there are.

They read the store through its queries and know nothing of how it is filled. A home's electricity is not among what
they ask for.
"""

import datetime
import hashlib
import logging
import re
import sqlite3
import urllib.parse
from pathlib import Path

import cbor2
import jinja2
from aiohttp import web

import firmware.wire.records as records

from ..data import attention, crashes, media, usage
from ..data.clock import DAY
from ..features.home.page import HomePage
from ..office import orders as commands
from ..stores import Busy, StoreError, lists, queries
from . import access, charts, parts, words
from .gate import LogIn

log = logging.getLogger("netti.pages")

HERE = Path(__file__).parent
PAGE = 100  # rows of a list
COVERED_DAYS = 7  # on a meter's page
MOST_ITEMS = 12  # of the overview's list
COOKIE = "netti_language"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                               "object-src 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
ERRORS = {404: ("Not found", "There is nothing at this address."),
          403: ("Not allowed", "Your role does not include this."),
          503: ("Not possible just now", "Try again shortly.")}
SHOWN = ("all", "silent", "missing", "wrong", "nokey", "alarm")
GATEWAYS_SHOWN = ("all", "silent", "fault", "revoked")
RECORD_NAMES = {records.EVENT: "Event", records.BOOT: "Start", records.CLOCK: "Clock set",
                records.POSITION: "Position"}


class Pages:
    """The pages of a receiver."""

    def __init__(self, receiver):
        self.receiver, self.store, self.clock = receiver, receiver.store, receiver.clock
        self._static = {p.name: p.read_bytes() for p in (HERE / "static").iterdir() if p.is_file()}
        self._stamps = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._static.items()}
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True,
                                             trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
        self._templates.globals.update(static=self._static_url, p=parts, media=media.media_name,
                                       alarm_level=attention.alarm_level, delivery=attention.delivery,
                                       day_chart=charts.day_chart, power_chart=charts.power_chart,
                                       power_rows=charts.power_rows, outcome=commands.outcome)

        self._log_in = LogIn(receiver, self)
        self._hosts = ("localhost", "127.0.0.1", "[::1]", *([receiver.public_name] if receiver.public_name else []))

    def add_to(self, app: web.Application) -> None:
        """Add routes and middleware."""
        app.middlewares.append(self.guard)
        app.on_response_prepare.append(with_headers)
        app.router.add_routes([
            web.get("/", self.overview), web.get("/meters", self.meters), web.get("/meters/{id}", self.meter),
            web.get("/alarms", self.alarms),
            web.get("/gateways", self.gateways), web.get("/gateways/{id}", self.gateway),
            web.get("/static/{name}", self.static)])
        app.router.add_routes(HomePage(self.receiver, self).routes())
        app.router.add_routes(self._log_in.routes())

    # --- around every request

    @web.middleware
    async def guard(self, request: web.Request, handler):
        """Only names that are ours (no page of another site can reach in through its DNS), log-in, headers, errors."""
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if host not in self._hosts:
            return web.Response(status=421, text="this receiver does not answer to that name\n")
        page = not request.path.startswith("/v1/")
        try:
            response = await self._log_in.gate(request) or await handler(request)
        except web.HTTPException as e:
            if not page or e.status < 400:
                raise
            response = self.render(request, "error.html", e.status, title=ERRORS.get(e.status, (e.reason, ""))[0],
                                   detail=ERRORS.get(e.status, ("", ""))[1], value=None)
        except (Busy, StoreError, sqlite3.OperationalError) as e:
            log.error("%s not answered: %s", access.route(request), str(e) or "the store is busy")
            if page:
                response = self.render(request, "error.html", 503, title="The readings are away", value=None,
                                       detail="Their database does not answer just now. Try again shortly.")
            else:
                response = web.json_response({"error": "the store does not answer"}, status=503)
            response.headers["Retry-After"] = "5"
        except Exception:
            log.exception("%s could not be answered", access.route(request))  # an address may name a meter or a home
            if page:
                response = self.render(request, "error.html", 500, title="Something went wrong", value=None,
                                       detail="The receiver could not make this page. Try again shortly.")
            else:
                response = web.json_response({"error": "internal error"}, status=500)
        return response

    def render(self, request, template, status=200, **values) -> web.Response:
        """A page in the request's language."""
        asked = request.query.get("lang")
        language = words.choose(asked, request.cookies.get(COOKIE), request.headers.get("Accept-Language", ""))
        w = words.Words(language, self.clock.seconds())
        text = self._templates.get_template(template).render(
            _=w.text, w=w, session=self._log_in.session(request), who=access.who(request),
            works=self.receiver.settings.name, path=request.path, now=w.now,
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
        kinds = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}
        return web.Response(body=self._static[name], content_type=kinds[name.rsplit(".", 1)[1]],
                            headers={"Cache-Control": "public, max-age=31536000, immutable"})

    def _static_url(self, name):
        return f"/static/{name}?v={self._stamps[name]}"

    def _recent(self):
        return self.receiver.api.recent()

    # --- the pages

    async def overview(self, request: web.Request) -> web.Response:
        """The state of everything, and what needs attention."""
        now, recent, revoked = self.clock.seconds(), self._recent(), self.receiver.revoked()
        counts = await self.store.read(lists.counts, now)
        active = counts["gateways"] - len(revoked)
        _, silent = await self.store.read(lists.gateways, now, "silent", "", "id", 0, 0, tuple(revoked))
        rows, wrong = await self.store.read(lists.gateways, now, "attention", "", "contact", MOST_ITEMS, 0,
                                            tuple(revoked))
        rows_of_meters, odd = await self.store.read(lists.attention_meters, recent, now, MOST_ITEMS)
        items = attention.sorted_items(attention.gateway_items(rows, revoked, now)
                                       + attention.meter_items(rows_of_meters, now))
        days = (await self.receiver.api.coverage()).days
        return self.render(
            request, "overview.html", counts=counts, most=queries.MOST_COUNTED, meters=counts["meters"],
            heard=counts["heard"], gateways=active,
            enrolled=counts["gateways"], in_contact=active - silent, encrypted=counts["encrypted"],
            keyed=counts["keyed"], alarmed=counts["alarmed"], items=items[:MOST_ITEMS],
            more=max(wrong + odd, len(items)) - MOST_ITEMS, trend=lambda w: charts.trend_chart(w, days, now),
            any_day=any(days), days=days, kinds=await self.store.read(lists.alarm_kinds),
            directory=str(self.receiver.directory.path))

    async def meters(self, request: web.Request) -> web.Response:
        """The list of meters: searched, filtered, sorted."""
        now = self.clock.seconds()
        chosen = Chosen(request, SHOWN, lists.METER_ORDERS, "id")
        if not access.may(request, access.USE) and chosen.order.lstrip("-") == "reading":
            chosen.order = "id"
        rows, found = await self.receiver.api.meter_list(*chosen.asked())
        if chosen.beyond(found):
            rows, found = await self.receiver.api.meter_list(*chosen.asked())
        total = found if chosen.everything else (await self.store.read(lists.totals))[0]
        return self.render(request, "meters.html", rows=access.fitting(request, rows), found=found, total=total,
                           c=chosen, search=chosen.search, show=chosen.show, order=chosen.order, week=lists.WEEK,
                           may_see_use=access.may(request, access.USE), first=iso_day(now - 31 * DAY),
                           may_see_hours=access.may(request, access.HOURS), last=iso_day(now + DAY),
                           purposes=access.PURPOSES,
                           silent=lambda m: attention.silent_meter(m, now))

    async def alarms(self, request: web.Request) -> web.Response:
        """The meters that report an alarm now, and since when."""
        kinds = await self.store.read(lists.alarm_kinds)
        chosen = Chosen(request, ("all", *kinds), lists.ALARM_ORDERS, "-since")
        rows, found = await self.store.read(lists.alarms, *chosen.asked())
        if chosen.beyond(found):
            rows, found = await self.store.read(lists.alarms, *chosen.asked())
        return self.render(request, "alarms.html", rows=rows, found=found, kinds=kinds, c=chosen,
                           search=chosen.search, show=chosen.show, order=chosen.order)

    async def meter(self, request: web.Request) -> web.Response:
        """One meter: its state, its use, who hears it."""
        name = request.match_info["id"].upper()
        rows = await self.store.read(queries.meters, self._recent(), name)
        if not rows:
            return self.render(request, "error.html", 404, title="Not found",
                               detail="No meter called %s has been heard.", value=name)
        m, now = access.fitting(request, rows)[0], self.clock.seconds()
        view = request.query.get("view", "days")
        view = view if view in ("days", "hours", "months") else "days"
        day = a_day(request.query.get("day", ""), usage.local(now).date())
        if view == "hours":
            bounds = usage.hour_bounds(day)
            if not await access.hours(self.receiver.accounts, request, m["id"], bounds[0], bounds[-1], now):
                return self.render(request, "purpose.html", subject=m["id"], back=parts.meter_url(m["id"]),
                                   purposes=access.PURPOSES)
        used = await self._uses(m["row"], view, day, now) if access.may(request, access.USE) else []
        return self.render(
            request, "meter.html", m=m, may_see_use=access.may(request, access.USE),
            may_see_hours=access.may(request, access.HOURS), purpose=request.query.get("purpose", ""),
            silent=attention.silent_meter(m, now), view=view, day=day, uses=used,
            chart=lambda w: charts.use_chart(w, used, view, now), any_use=any(u.ml is not None for u in used),
            today=usage.local(now).date(), one_day=datetime.timedelta(days=1),
            coverage=by_gateway(await self.store.read(queries.meter_coverage, m["row"], now // DAY - COVERED_DAYS + 1),
                                now // DAY, COVERED_DAYS), first_day=now // DAY - COVERED_DAYS + 1,
            alarms=await self.store.read(queries.meter_alarms, m["row"]), latest=latest_fields(m["latest"]),
            directory=str(self.receiver.directory.path))

    async def _uses(self, row, view, day, now):
        if view == "months":
            bounds, near = usage.month_bounds(day, 13), usage.NEAR["month"]
            return usage.uses(await self.store.read(lists.readings_around, row, bounds, near), bounds, near)
        if view == "hours":
            bounds, near = usage.hour_bounds(day), usage.NEAR["hour"]
        else:
            bounds, near = usage.day_bounds(day, 31), usage.NEAR["day"]
        readings = await self.store.read(queries.readings, row, bounds[0] - near, bounds[-1] + near)
        return usage.uses(readings, bounds, near)

    async def gateways(self, request: web.Request) -> web.Response:
        """The list of gateways: searched, filtered, sorted."""
        now, releases = self.clock.seconds(), self.receiver.releases
        chosen = Chosen(request, GATEWAYS_SHOWN, lists.GATEWAY_ORDERS, "-contact")
        rows, found = await self.receiver.api.gateway_list(*chosen.asked())
        if chosen.beyond(found):
            rows, found = await self.receiver.api.gateway_list(*chosen.asked())
        all_meters, total = await self.store.read(lists.totals)
        every = await self.store.read(lists.versions) if releases.stages() else []
        return self.render(request, "gateways.html", rows=rows, found=found, total=total, c=chosen,
                           search=chosen.search, show=chosen.show, order=chosen.order, told=releases.told,
                           versions=releases.spread(every) if every else [], meters=all_meters,
                           revoked=self.receiver.revoked(), silent=lambda g: attention.silent_gateway(g, now),
                           clock_word=clock_word, directory=str(self.receiver.directory.path))

    async def gateway(self, request: web.Request) -> web.Response:
        """One gateway: contact, delivery, what it hears."""
        name = request.match_info["id"].upper()
        rows = await self.store.read(queries.gateways, name)
        if not rows:
            return self.render(request, "error.html", 404, title="Not found",
                               detail="No gateway called %s is enrolled.", value=name)
        g = rows[0]
        events = await self.store.read(queries.gateway_events, g["row"])
        return self.render(
            request, "gateway.html", g=g, revoked=self.receiver.revoked().get(g["id"]),
            silent=attention.silent_gateway(g, self.clock.seconds()),
            clock_word=clock_word(g),
            heard=await self.store.read(queries.gateway_meters, g["row"], self._recent()),
            equivocations=await self.store.read(queries.equivocations, g["row"]),
            orders=[(c, commands.state(c, self.clock.seconds())) for c in self.receiver.commands.of(g["id"])],
            bound=sorted(self.receiver.keys.bound(g["id"])),
            events=[described(*e) for e in events], crash=crashes.latest(events))


# --- small parts of the pages

class Chosen:
    """What somebody wants to see of a list: filter, search, order, page; what there is not is the list's own."""

    def __init__(self, request, shown, orders, order):
        query = request.query
        self.show = query.get("show") if query.get("show") in shown else "all"
        self.search = query.get("q", "").replace("\0", "").strip().upper()[:40]
        self.order = query.get("sort", order) if query.get("sort", order).lstrip("-") in orders else order
        self.page, self.pages = max(1, whole(query.get("page", "1"), 1)), 1

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered out."""
        return self.show == "all" and not self.search

    def asked(self):
        """(show, search, order, limit, offset) for lists.*"""
        return self.show, self.search, self.order, PAGE, (self.page - 1) * PAGE

    def beyond(self, found) -> bool:
        """Learn how many rows there are; True where the page is after the last, which is now asked for."""
        self.pages = max(1, -(-found // PAGE))
        if self.page <= self.pages:
            return False
        self.page = self.pages
        return True

    def file(self, path):
        """Where the same list is to be had as CSV, all pages of it."""
        return path + "?" + urllib.parse.urlencode({"format": "csv", "show": self.show, "q": self.search,
                                                    "sort": self.order})


async def with_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says of itself to browsers."""
    response.headers.update(HEADERS)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"


def clock_word(g) -> str:
    """Where a gateway's time comes from; nothing where that is not known."""
    return words.CLOCKS[g["clock"]] if g["clock"] is not None and g["clock"] < len(words.CLOCKS) else ""


def latest_fields(latest) -> "list[tuple[str, object]]":
    """The decoded fields of the latest telegram that its page does not show elsewhere."""
    hidden = ("manufacturer", "id", "version", "type", "media", "alarms")
    return [(n, value) for n, value in sorted(latest.items()) if n not in hidden and value not in ("", None, [])]


def by_gateway(coverage, today, days) -> "list[dict]":
    """Coverage rows of single days as one per gateway: its counts and levels, and which of the days it heard."""
    found: dict = {}
    for c in coverage:
        g = found.setdefault(c["gateway"], {"gateway": c["gateway"], "name": c["name"], "telegrams": 0, "heard": 0,
                                            "best": None, "medians": [], "days": [0] * days})
        g["telegrams"] += c["telegrams"]
        g["heard"] += c["heard"]
        if c["best"] is not None:
            g["best"] = c["best"] if g["best"] is None else max(g["best"], c["best"])
        if c["median"] is not None:
            g["medians"].append(c["median"])
        if 0 <= today - c["day"] < days:
            g["days"][days - 1 - today + c["day"]] = max(c["telegrams"], c["heard"])
    for g in found.values():
        g["median"] = sorted(g["medians"])[len(g["medians"]) // 2] if g["medians"] else None
    return sorted(found.values(), key=lambda g: (-999 if g["best"] is None else g["best"]), reverse=True)


def described(kind, time, received, body):
    """(name, detail, time, received) of a kept record; what cannot be read has no detail."""
    detail = ""
    if kind:
        try:
            fields = cbor2.loads(body)[3:]
            detail = {records.EVENT: lambda: f"{fields[0]} {fields[1]}".strip(),
                      records.BOOT: lambda: f"{fields[0]} · {fields[1]}",
                      records.POSITION: lambda: f"{fields[0] / 1e7:.5f}, {fields[1] / 1e7:.5f}"}.get(kind, lambda: "")()
            if kind == records.EVENT and fields[0] == "crash":
                lines = crashes.crash(time, received, fields[1]).trace.splitlines()
                return "Crash", lines[-1][:200] if lines else "", time, received
        except Exception:  # noqa: BLE001 - checked when it was taken; a page is no place to fail over it
            detail = ""
    return RECORD_NAMES.get(kind, "Record of an unknown kind"), detail[:200], time, received


def with_query(request, **changes) -> str:
    """The request's own address with some of its query changed; None takes a parameter out."""
    query = {k: v for k, v in request.query.items() if k != "lang"}
    query.update({k: str(v) for k, v in changes.items() if v is not None})
    query = {k: v for k, v in query.items() if changes.get(k, v) is not None}
    return urllib.parse.quote(request.path) + ("?" + urllib.parse.urlencode(query) if query else "")


def iso_day(seconds: int) -> str:
    """The UTC day of Unix seconds: 2026-11-24."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date().isoformat()


def whole(text: str, otherwise: int) -> int:
    """A whole number of a query, or another."""
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else otherwise


def a_day(text: str, today: datetime.date) -> datetime.date:
    """The day of a query: within what dates can be shown, and not after today."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return today
    return min(max(day, datetime.date(2000, 1, 1)), today)


