"""The overview's picture: how many meters were heard on each of the last days."""

from ...data.clock import DAY
from ...web.charts import Chart, bars


def trend_chart(w, days, now) -> Chart:
    """How many meters were heard on each day, today so far; `w` is a words.Words."""
    starts = [now // DAY * DAY - n * DAY for n in range(len(days) - 1, -1, -1)]
    titles = [f"{w.day(s)}: {w.number(d)}" for s, d in zip(starts, days)]
    labels = [w.short_day(s) if n % 4 == 1 else "" for n, s in enumerate(starts)]
    kinds = ["use"] * (len(days) - 1) + ["use partial"]
    return bars(list(days), titles, labels, kinds)
