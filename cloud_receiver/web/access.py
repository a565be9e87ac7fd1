"""Who may see what: the roles a route asks for, and the one way to hourly values.

Every route says who may use it (feature.Route), or nobody reaches it. Whoever shows a home's hours calls `hours` first:
it asks for the right and for a purpose, and writes to the audit log before anything is shown. The roles: office/roles.
"""

from aiohttp import web

from ..office import roles
from ..office.audit import Audit, Unwritable

ASKING = web.RequestKey("who", roles.Who)  # where the gate leaves it with a request
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


def who(request: web.Request) -> roles.Who:
    """Who asks; NOBODY before the gate has looked."""
    return request.get(ASKING, roles.NOBODY)


def may(request: web.Request, allowed: "frozenset[str]") -> bool:
    """Whether whoever asks has one of these roles."""
    return who(request).role in allowed


def redacted_for(request: web.Request, meters: "list[dict]") -> "list[dict]":
    """Rows of meters as whoever asks may see them: without readings for who may not see use."""
    if may(request, roles.USE):
        return meters
    return [dict(m, total_ml=None, read_at=None, latest={}) for m in meters]


async def hours(audit: Audit, request: web.Request, subject: str, start: int, end: int, now: int,
                what: str = "hours") -> bool:
    """To be called before hourly values of a meter (its text; "all" for an export of all) are shown: True once the
    look is in the audit log. False: no purpose was given (`purpose` in the query; a token's name is its own). Raises
    HTTPForbidden, and Unwritable where the log cannot be written."""
    asking = who(request)
    if asking.role not in roles.HOURS:
        raise web.HTTPForbidden
    purpose = asking.name if asking.via == "token" else request.query.get("purpose", "")
    if asking.via == "session" and purpose not in roles.PURPOSES:
        return False
    await audit.note(now, asking, what, subject, start, end, purpose[:80])
    return True


async def answered(request: web.Request, handler) -> web.StreamResponse:
    """The handler's answer; HTTPServiceUnavailable where the audit log, which comes first, cannot be written."""
    try:
        return await handler(request)
    except Unwritable as e:
        raise web.HTTPServiceUnavailable(text=f"{e}\n") from None
