"""Who hears a meter: coverage rows of single days, gathered by gateway."""


def by_gateway(coverage, today, days) -> "list[dict]":
    """One row per gateway, best level first: its counts and levels (dBm), and which of the days it heard."""
    gateways: dict = {}
    for c in coverage:
        g = gateways.setdefault(c["gateway"], {"gateway": c["gateway"], "name": c["name"], "telegrams": 0, "heard": 0,
                                               "best": None, "medians": [], "days": [0] * days})
        g["telegrams"] += c["telegrams"]
        g["heard"] += c["heard"]
        if c["best"] is not None:
            g["best"] = c["best"] if g["best"] is None else max(g["best"], c["best"])
        if c["median"] is not None:
            g["medians"].append(c["median"])
        if 0 <= today - c["day"] < days:
            g["days"][days - 1 - today + c["day"]] = max(c["telegrams"], c["heard"])
    for g in gateways.values():
        g["median"] = sorted(g["medians"])[len(g["medians"]) // 2] if g["medians"] else None
    return sorted(gateways.values(), key=lambda g: (-999 if g["best"] is None else g["best"]), reverse=True)
