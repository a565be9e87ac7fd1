"""What somebody wants to see of a list: filter, search, order, and which part of it; for pages and for the API."""

import re
import urllib.parse

from aiohttp import web

PAGE = 100  # rows of a page's list
PIECE = 500  # rows read at once for an export
EVERYTHING = 10_000_000  # rows: no limit


class ListQuery:
    """A page's list as asked for; what there is not is the list's own."""

    def __init__(self, request, shown, orders, order):
        query = request.query
        self.show = query.get("show") if query.get("show") in shown else "all"
        self.search = searched(query)
        self.order = query.get("sort", order) if query.get("sort", order).lstrip("-") in orders else order
        self.page, self.pages = max(1, whole(query.get("page", "1"), 1)), 1

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered out."""
        return self.show == "all" and not self.search

    def arguments(self):
        """(show, search, order, limit, offset) for the store's lists."""
        return self.show, self.search, self.order, PAGE, (self.page - 1) * PAGE

    def beyond(self, count) -> bool:
        """Learn how many rows there are; True where the page is after the last, which is now asked for."""
        self.pages = max(1, -(-count // PAGE))
        if self.page <= self.pages:
            return False
        self.page = self.pages
        return True

    def file(self, path):
        """Where the same list is to be had as CSV, all pages of it."""
        return path + "?" + urllib.parse.urlencode({"format": "csv", "show": self.show, "q": self.search,
                                                    "sort": self.order})


def searched(query) -> str:
    """The text that a list is searched for."""
    return query.get("q", "").replace("\0", "").strip().upper()[:40]


def selection(request: web.Request, order: str) -> "tuple[str, str, str]":
    """(show, search, order) of an API's list; what there is not is as if it were not asked for."""
    query = request.query
    return query.get("show", "all")[:20], searched(query), query.get("sort", order)[:20]


def limits(request: web.Request) -> "tuple[int, int]":
    """(limit, offset) of an API's list: all of it where no limit is given. Raises ValueError."""
    try:
        limit, page = int(request.query.get("limit", EVERYTHING)), int(request.query.get("page", 1))
    except ValueError:
        limit = page = 0
    if not 1 <= limit <= EVERYTHING or not 1 <= page <= EVERYTHING:
        raise ValueError("limit and page are whole numbers from 1")
    return limit, (page - 1) * limit


def whole(text: str, otherwise: int) -> int:
    """A whole number of a query, or another."""
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else otherwise


async def in_pieces(store, ids, told, query, *args):
    """Yield what is told of each of some rows, PIECE of them read at once by query(ids, *args)."""
    for at in range(0, len(ids), PIECE):
        yield [told(row) for row in await store.read(query, ids[at:at + PIECE], *args)]


def bad_request(reason) -> web.Response:
    """The API's answer to what cannot be asked for."""
    return web.json_response({"error": str(reason)}, status=400)
