"""Bar charts as plain data for the templates: bars in a 0-100 box, tick values, labels; and those of the pages, with
words in one language (`w`, a words.Words). No script draws them."""

import math
from collections import namedtuple

# x, width, y, height in the 100 x 100 box; title: what the bar says in words; kind: its CSS class.
Bar = namedtuple("Bar", ("x", "width", "y", "height", "title", "kind"))
Chart = namedtuple("Chart", ("bars", "top", "labels"))

GAP = 0.18  # of a bar's room


def bars(values: "list[float | None]", titles: "list[str]", labels: "list[str]", kinds: "list[str]") -> Chart:
    """A chart of values (below zero is drawn as zero); without a value the bar is the whole height, for
    the style sheet to show as absent; without a kind there is none. Labels may be empty texts."""
    top = nice(max((v for v in values if v is not None), default=0))
    room = 100 / max(len(values), 1)
    drawn = []
    for n, value in enumerate(values):
        x, width = n * room + room * GAP / 2, room * (1 - GAP)
        height = 100 if value is None else max(value, 0) / top * 100
        if kinds[n]:
            x, width, y, height = (round(v, 3) for v in (x, width, 100 - height, height))
            drawn.append(Bar(x, width, y, height, titles[n], kinds[n]))
    return Chart(drawn, top, labels)


def nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten at or above a value; 1 for nothing."""
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(step * m for m in (1, 2, 5, 10) if value <= step * m * (1 + 1e-9))


def use_chart(w, used, view, now) -> Chart:
    """The bar chart of a meter's use, with words in one language."""
    name = {"hours": lambda u: f"{w.clock(u.start)}–{w.clock(u.end)}", "days": lambda u: w.day(u.start),
            "months": lambda u: w.month(u.start)}[view]
    label = {"hours": lambda u: w.clock(u.start), "days": lambda u: w.short_day(u.start),
             "months": lambda u: w.month(u.start, short=True)}[view]
    every = {"hours": 6, "days": 7, "months": 3}[view]
    titles = [f"{name(u)}: " + (w.text("no reading") if u.ml is None else w.litres(u.ml) + " l") for u in used]
    labels = [label(u) if n % every == 0 else "" for n, u in enumerate(used)]
    kinds = ["" if u.start >= now else "none" if u.ml is None else "use partial" if u.partial else "use" for u in used]
    return bars([None if u.ml is None else u.ml / 1000 for u in used], titles, labels, kinds)


def day_chart(w, used) -> Chart:
    """The bar chart of a home's water per day."""
    return use_chart(w, used, "days", w.now)
