"""A home's electricity of the last days: sums, rows and the chart."""

from ...data import usage
from ...web.charts import Chart, bars


def power(hours, days, month_start: int) -> dict:
    """Energy in Wh from (hour, import, export, estimated): today, this month, and per day (None without an hour)."""
    per_day: "list[int | None]" = [None] * (len(days) - 1)
    for hour, imported, _, _ in hours:
        for n in range(len(days) - 1):
            if days[n] <= hour < days[n + 1]:
                per_day[n] = (per_day[n] or 0) + imported
                break
    return {"days": per_day, "today": per_day[-1], "month": sum(h[1] for h in hours if h[0] >= month_start),
            "export": sum(h[2] for h in hours if h[0] >= month_start), "last": hours[-1]}


def power_rows(days, now) -> "list[tuple[int, int]]":
    """(start, Wh) of the local days that end with today and have a value, the latest first."""
    starts = usage.day_bounds(usage.local(now).date(), len(days))[:-1]
    return [(s, d) for s, d in zip(starts, days) if d is not None][::-1]


def power_chart(w, days, now) -> Chart:
    """The bar chart of a home's electricity per day, from Wh of the local days that end with today; `w` is a
    words.Words."""
    starts = usage.day_bounds(usage.local(now).date(), len(days))[:-1]
    titles = [f"{w.day(s)}: " + (w.text("no reading") if d is None else w.number(d / 1000, 1) + " kWh")
              for s, d in zip(starts, days)]
    labels = [w.short_day(s) if n % 7 == 0 else "" for n, s in enumerate(starts)]
    kinds = ["none" if d is None else "use partial" if n == len(days) - 1 else "use" for n, d in enumerate(days)]
    return bars([None if d is None else d / 1000 for d in days], titles, labels, kinds)
