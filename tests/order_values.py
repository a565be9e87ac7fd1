"""Values at and just beyond every bound of the table of orders, made from the table: for both sides of the wire."""

from firmware.wire import orders

METER = "KAM-12345678-1B-16"
PEM = "-----BEGIN CERTIFICATE-----\n"


def text(form, size):
    """A text of a form and of so many bytes; None where the form has none of this size."""
    made = {"": "v" * size, "meter": METER, "meter or make": METER if size >= len(METER) else "KAM-*",
            "address": "https://" + "h" * (size - 8), "https": "https://" + "h" * (size - 8),
            "certificate": PEM + "A" * (size - len(PEM)) if size >= len(PEM) else PEM[:-1]}[form]
    return made if len(made) == size and (not form or orders.FORMS[form][0](made)) else None


def some(kind):
    """A value of a kind: the smallest."""
    return edges(kind)[0][0]


def edges(kind):
    """(values at the bounds of a kind, values just beyond or of another kind)."""
    what = kind[0]
    if what == "or null":
        good, bad = edges(kind[1])
        return good + [None], [v for v in bad if v is not None]
    if what == "list":
        least, most, inner = kind[1:]
        good, bad = edges(inner)
        item = good[-1] if good[-1] is not None else good[0]
        beyond = [[item] * (most + 1), {}, "x", None] + [[item] * max(least - 1, 0) + [v] for v in bad]
        return [[good[0]] * least, [item] * most] + [[v] for v in good], beyond + ([[]] if least else [])
    if what == "map":
        whole = {row[0]: some(row[1]) for row in kind[1]}
        goods, bads = [whole], [dict(whole, more=1), [], None, {"x": 1, 7: 2}]
        for name, inner in [row[:2] for row in kind[1]]:
            good, bad = edges(inner)
            goods += [dict(whole, **{name: v}) for v in good]
            bads += [dict(whole, **{name: v}) for v in bad]
            bads.append({n: whole[n] for n in whole if n != name})
        return goods, bads
    if what == "text":
        least, most, form = kind[1:]
        texts = [t for t in [text(form, least), text(form, most)] if t is not None]
        bad = ["", 7, b"x", None] + [t for t in [text(form, least - 1), text(form, most + 1)] if t is not None]
        if form:
            bad += [t[1:] for t in texts]
        if form not in ("", "certificate"):
            bad += [t[:-1] + "\xe6" for t in texts]
        return texts, bad
    if what == "bytes":
        return [bytes(kind[1])], [bytes(kind[1] - 1), bytes(kind[1] + 1), "0" * kind[1], None, 0]
    if what == "whole":
        return list(kind[1:]), [kind[1] - 1, kind[2] + 1, True, "1", None]
    return list(kind[1]), [max(kind[1]) + 1, -1, True, None, "%d" % kind[1][0]]


def both_sides():
    """Yield (order, arguments, whether it may be given) for each bound of each field of each order."""
    for order in orders.ORDERS:
        good, bad = edges(("map", order.fields))
        for arguments in good:
            yield order, arguments, True
        for arguments in bad:
            yield order, arguments, False


def moved(kind):
    """Yield a kind with one of its bounds moved by one, for each bound in it."""
    what = kind[0]
    numbers = {"whole": (1, 2), "list": (1, 2), "text": (1, 2), "bytes": (1,)}.get(what, ())
    for i in numbers:
        for by in (-1, 1):
            if kind[i] + by >= 0 and (what != "text" or _told_apart(kind[3], kind[i], kind[i] + by, i == 2)):
                yield kind[:i] + (kind[i] + by,) + kind[i + 1:]
    if what == "one of":
        yield "one of", kind[1][1:]
        yield "one of", kind[1] + (max(kind[1]) + 1,)
    if what in ("list", "or null"):
        for inner in moved(kind[-1]):
            yield kind[:-1] + (inner,)
    if what == "or null":
        yield kind[1]
    if what == "map":
        for n, row in enumerate(kind[1]):
            for inner in moved(row[1]):
                yield "map", kind[1][:n] + ((row[0], inner),) + kind[1][n + 1:]
            yield "map", kind[1][:n] + kind[1][n + 1:]


def _told_apart(form, size, other, most):
    # Whether there is a text of the form that one of two bounds takes and the other does not.
    return bool(text(form, max(size, other) if most else min(size, other)))
