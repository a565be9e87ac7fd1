"""What coverage says over all meters and gateways. It reads all rows of some days: asked for now and then, not for
each page."""

from collections import namedtuple

# meters: {row: (gateways that heard it, best RSSI in dBm or None)}; gateways: {row: meters it heard}; days: how many
# meters were heard on each day, oldest first.
Recent = namedtuple("Recent", ("meters", "gateways", "days"))


def reception(db, day: int, today: int, days: int) -> Recent:
    """The reception since a Unix day, and how many meters were heard on each of the last days."""
    heard: dict = {}
    for meter, gateway, best in db.execute("SELECT meter, gateway, best FROM coverage WHERE day >= ?", (day,)):
        by = heard.get(meter)
        if by is None:
            by = heard[meter] = [set(), None]
        by[0].add(gateway)
        if best is not None and (by[1] is None or best > by[1]):
            by[1] = best
    counts: "dict[int, int]" = {}
    for meter, (gateways, best) in heard.items():
        for gateway in gateways:
            counts[gateway] = counts.get(gateway, 0) + 1
        heard[meter] = (len(gateways), best)
    return Recent(heard, counts, meters_per_day(db, today, days))


def meters_per_day(db, today: int, days: int) -> "list[int]":
    """How many meters were heard on each of the last days, oldest first."""
    return [db.execute("SELECT count(DISTINCT meter) FROM coverage WHERE day = ?", (day,)).fetchone()[0]
            for day in range(today - days + 1, today + 1)]
