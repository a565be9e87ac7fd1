"""The pages of the meters. They read the store through its queries; a home's electricity is not among what they ask."""

import datetime

from aiohttp import web

from ...data import attention, usage
from ...data.clock import DAY
from ...office import roles
from ...stores import queries
from ...web import access, charts, parts
from ...web.lists import ListQuery
from ...web.words import N_
from .claims import REASONS
from .coverage import by_gateway

COVERED_DAYS = 7  # on a meter's page
SHOWN = ("all", "silent", "missing", "wrong", "nokey", "unsealed", "held", "alarm")


class Page:
    """The pages; `site` renders them."""

    def __init__(self, site):
        self.site, self.store, self.clock = site, site.store, site.clock

    async def meters(self, request: web.Request) -> web.Response:
        """The list of meters: searched, filtered, sorted."""
        now = self.clock.seconds()
        query = ListQuery(request, SHOWN, queries.meters.ORDERS, "id")
        if not access.may(request, roles.USE) and query.order.lstrip("-") == "reading":
            query.order = "id"
        rows, count = await self._rows(query, now)
        if query.beyond(count):
            rows, count = await self._rows(query, now)
        total = count if query.everything else (await self.store.read(queries.summary.totals))[0]
        return self.site.render(
            request, "meters/meters.html", rows=access.redacted_for(request, rows), found=count, total=total, c=query,
            search=query.search, show=query.show, order=query.order, week=queries.meters.WEEK,
            may_see_use=access.may(request, roles.USE), first=iso_day(now - 31 * DAY),
            may_see_hours=access.may(request, roles.HOURS), last=iso_day(now + DAY), purposes=roles.PURPOSES,
            silent=lambda m: attention.silent_meter(m, now))

    async def _rows(self, query, now):
        return await self.store.read(queries.meters.page, self.site.recent.day(), now, *query.arguments(),
                                     await ranks(self.site, query.order))

    async def meter(self, request: web.Request) -> web.Response:
        """One meter: its state, its use, who hears it."""
        name = request.match_info["id"].upper()
        stored = await self.store.read(queries.meters.one, self.site.recent.day(), name)
        if stored is None:
            return self.site.render(request, "error.html", 404, title=N_("Not found"),
                                    detail=N_("No meter called %(name)s has been heard."), value=name)
        m, now = access.redacted_for(request, [stored])[0], self.clock.seconds()
        view = request.query.get("view", "days")
        view = view if view in ("days", "hours", "months") else "days"
        day = a_day(request.query.get("day", ""), usage.local(now).date())
        if view == "hours":
            bounds = usage.hour_bounds(day)
            if not await access.hours(self.site.accounts.audit, request, m["id"], bounds[0], bounds[-1], now):
                return self.site.render(request, "purpose.html", subject=m["id"], back=parts.meter_url(m["id"]),
                                        purposes=roles.PURPOSES)
        used = await self._uses(m["row"], view, day) if access.may(request, roles.USE) else []
        return self.site.render(
            request, "meters/meter.html", m=m, most_plain=queries.meters.MOST_PLAIN,
            may_see_use=access.may(request, roles.USE),
            may_see_hours=access.may(request, roles.HOURS), purpose=request.query.get("purpose", ""),
            silent=attention.silent_meter(m, now), view=view, day=day, uses=used,
            chart=lambda w: charts.use_chart(w, used, view, now), any_use=any(u.ml is not None for u in used),
            today=usage.local(now).date(), one_day=datetime.timedelta(days=1),
            coverage=by_gateway(await self.store.read(queries.meters.coverage, m["row"], now // DAY - COVERED_DAYS + 1),
                                now // DAY, COVERED_DAYS), first_day=now // DAY - COVERED_DAYS + 1,
            claims=await self.store.read(queries.claims.of_meter, m["row"]), reasons=REASONS,
            may_decide=self.site.has(parts.meter_url(m["id"]), "POST") and access.may(request, roles.HOURS),
            alarms=await self.store.read(queries.alarms.of_meter, m["row"]), latest=latest_fields(m["latest"]),
            directory=str(self.site.directory.path))

    async def _uses(self, row, view, day):
        if view == "months":
            bounds, near = usage.month_bounds(day, 13), usage.NEAR["month"]
            return usage.uses(await self.store.read(queries.readings.around, row, bounds, near), bounds, near)
        if view == "hours":
            bounds, near = usage.hour_bounds(day), usage.NEAR["hour"]
        else:
            bounds, near = usage.day_bounds(day, 31), usage.NEAR["day"]
        readings = await self.store.read(queries.readings.between, row, bounds[0] - near, bounds[-1] + near)
        return usage.uses(readings, bounds, near)


async def ranks(site, order: str):
    """What an order of meters goes by that the store does not know: the coverage, or None."""
    return await site.recent.coverage() if order.lstrip("-") in ("by", "signal") else None


def latest_fields(latest) -> "list[tuple[str, object]]":
    """The decoded fields of the latest telegram that its page does not show elsewhere."""
    hidden = ("manufacturer", "id", "version", "type", "media", "alarms")
    return [(n, value) for n, value in sorted(latest.items()) if n not in hidden and value not in ("", None, [])]


def iso_day(seconds: int) -> str:
    """The UTC day of Unix seconds: 2026-11-24."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date().isoformat()


def a_day(text: str, today: datetime.date) -> datetime.date:
    """The day of a query: within what dates can be shown, and not after today."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return today
    return min(max(day, datetime.date(2000, 1, 1)), today)
