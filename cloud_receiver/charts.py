"""Bar charts as plain data for the template: bars in a 0-100 box, tick values, labels. No script draws them."""

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
