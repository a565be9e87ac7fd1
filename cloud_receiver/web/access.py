"""Who may see what: roles, the routes each may use, and the one way to hourly values.

Every route says who may use it (feature.Route), or nobody reaches it. Whoever shows a home's hours calls `hours` first:
it asks for the right and for a purpose, and writes to the audit log before anything is shown.

reader: lists and daily values. operations: also hourly values, for a purpose. installer: gateways, meters, reception
and keys, no readings. administrator: all of it, the users and the audit log. homeowner: the own home's page and nothing
else.
"""

from collections import namedtuple

from aiohttp import web

ROLES = ("reader", "operations", "installer", "administrator", "homeowner")
ALL = frozenset(ROLES)
STAFF = frozenset(ROLES[:4])
USE = frozenset(("reader", "operations", "administrator"))  # totals and daily use
HOURS = frozenset(("operations", "administrator"))  # hourly use
ADMINISTRATOR, HOMEOWNER = frozenset(("administrator",)), frozenset(("homeowner",))
OPEN = frozenset(("anyone",))  # no log-in: what shows nothing, or asks for a secret of its own
PURPOSES = ("leak", "request", "fault", "billing")

# Who asks. via: session, token, or local (pages on this machine only, where nobody logs in); home: a homeowner's
# gateway; once: a password is to be chosen before anything else.
Who = namedtuple("Who", ("name", "role", "via", "csrf", "home", "once"), defaults=(0,))
LOCAL = Who("local", "administrator", "local", "", None)
NOBODY = Who("", "", "", "", None)
ASKING = web.RequestKey("who", Who)  # where the gate leaves it with a request
RULES = web.AppKey("rules", dict)  # (method, path as routed) -> the roles that may use it, of every route there is

def rule(request: web.Request) -> "frozenset[str] | None":
    """The roles that may use a request's route; None for a route without a rule, which nobody may."""
    resource = request.match_info.route.resource
    method = "GET" if request.method == "HEAD" else request.method
    return None if resource is None else request.app[RULES].get((method, resource.canonical))


def route(request: web.Request) -> str:
    """A request's method and route, without what the address names: for logs."""
    resource = request.match_info.route.resource
    return f"{request.method} {'' if resource is None else resource.canonical}"


def who(request: web.Request) -> Who:
    """Who asks; NOBODY before the gate has looked."""
    return request.get(ASKING, NOBODY)


def may(request: web.Request, roles: "frozenset[str]") -> bool:
    """Whether whoever asks has one of these roles."""
    return who(request).role in roles


def fitting(request: web.Request, meters: "list[dict]") -> "list[dict]":
    """Rows of queries.meters as whoever asks may see them: without readings for who may not see use."""
    if may(request, USE):
        return meters
    return [dict(m, total_ml=None, read_at=None, latest={}) for m in meters]


async def hours(accounts, request: web.Request, subject: str, start: int, end: int, now: int,
                what: str = "hours") -> bool:
    """To be called before hourly values of a meter (its text; "all" for an export of all) are shown: True once the
    look is in the audit log. False: no purpose was given (`purpose` in the query; a token's name is its own). Raises
    HTTPForbidden, and HTTPServiceUnavailable where the log cannot be written."""
    asking = who(request)
    if asking.role not in HOURS:
        raise web.HTTPForbidden
    purpose = asking.name if asking.via == "token" else request.query.get("purpose", "")
    if asking.via == "session" and purpose not in PURPOSES:
        return False
    await accounts.note(now, asking, what, subject, start, end, purpose[:80])
    return True
