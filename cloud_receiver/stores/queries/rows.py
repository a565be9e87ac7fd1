"""What the lists have in common: rows as dicts, orders that a request names, a search pattern."""


def dicts(cursor) -> "list[dict]":
    """The rows of a cursor by their columns' names."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def order(orders: dict, name: str, otherwise: str) -> "tuple[str, str]":
    """(what goes before the id in ORDER BY, ""), or ("", the order's name) where `orders` says None: the list then goes
    by what a recent.Recent holds. A `-` before the name turns it round; a name there is not is `otherwise`."""
    if name.lstrip("-") not in orders:
        name = otherwise
    expression, way = orders[name.lstrip("-")], "DESC" if name.startswith("-") else "ASC"
    return (f"{expression} {way}, ", "") if expression else ("", name)


def ordered(rows: list, name: str, key) -> list:
    """Rows that came by id in an order's other way round or not, by a key."""
    rows.sort(key=key, reverse=name.startswith("-"))
    return rows


def like(search: str) -> str:
    """The LIKE pattern (ESCAPE '\\') of what somebody typed."""
    for special in ("\\", "%", "_"):
        search = search.replace(special, "\\" + special)
    return f"%{search}%"
