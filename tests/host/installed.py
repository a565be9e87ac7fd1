"""The features of the pages that are installed, and what each one's tests tell the tests of all of them.

tests/host/features/NAME/ holds the tests of the feature NAME; they are collected only while that feature is installed.
Its table.py has, for the tests of every page and route:

    STATUSES   {(method, route): the status for each of statuses.WHO}, of each of its routes
    ADDRESSES  {route: addresses of it that show something, the first without a query}, of each that is asked by GET;
               in braces what a test's receiver has: {meter} with its readings, {locked} without its key, {wrong} with a
               wrong key, {gateway}, {secret} of its home's link
    NOWHERE    addresses of its pages and API for which there is nothing: 404
    PICTURES   {address: name} of the pages that are looked at in a browser, of those that ask for no log-in
    HOSTILE    addresses that take what somebody sends, there and in their queries, at {odd}
    without_limits(running)
               how often somebody may ask a receiver in this process is no longer limited
    EXTRA      where what it shows says texts of modules below: those texts, for the catalogues
"""

import importlib.util
import re
from pathlib import Path

from cloud_receiver import features
from cloud_receiver.web import feature

FEATURES = {f.name: f for f in feature.installed(features)}
ROUTES = {(r.method, r.path): r for f in FEATURES.values() for r in f.routes}
OTHERS = (("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/static/{name}"))  # routes of no feature
_HERE = Path(__file__).parent / "features"
_TABLES: dict = {}


def has(address, method="GET"):
    """Whether a feature answers at an address."""
    return address in feature.Addresses(path for m, path in ROUTES if m == method)


def starts(role):
    """Whether somebody of a role has an entry in the menu, and so somewhere to begin."""
    return any(f.menu and role in f.menu.roles for f in FEATURES.values())


def table(name):
    """What the tests of a feature tell of it."""
    if name not in _TABLES:
        spec = importlib.util.spec_from_file_location(f"table_of_{name}", _HERE / name / "table.py")
        _TABLES[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(_TABLES[name])
    return _TABLES[name]


def told(what, leave=()):
    """What all tables tell of something, in one table; but for some features."""
    return {key: value for name in FEATURES if name not in leave
            for key, value in getattr(table(name), what, {}).items()}


def without_limits(running):
    """Lift what limits how often somebody may ask."""
    for name in FEATURES:
        getattr(table(name), "without_limits", lambda running: None)(running)


def addresses(ids, role="administrator", log_in=False, api=True, pages=True, leave=(), each=None):
    """Every address that somebody of a role may ask for, filled with a test's ids; those that want another are left
    out. log_in: where people log in; leave: features that are not there; each: at most so many of a route."""
    filled = []
    for route, several in told("ADDRESSES", leave).items():
        r = ROUTES["GET", route]
        if (role in r.roles or "anyone" in r.roles) and (log_in or not r.log_in) and (
                api if route.startswith("/v1/") else pages):
            filled += [a.format(**ids) for a in several[:each] if wants(a) <= set(ids)]
    return filled


def kept_to(role, ids, api=False):
    """Addresses of pages, or of the API, that somebody of a role may ask for and nobody else without a log-in; those
    for fewest others first."""
    routes = sorted((r for r in ROUTES.values() if r.method == "GET" and role in r.roles
                     and r.path.startswith("/v1/") == api), key=lambda r: (len(r.roles), r.path))
    return [address(r.path, ids) for r in routes if wants(told("ADDRESSES")[r.path][0]) <= set(ids)]


def wants(address):
    """The ids that an address is filled with."""
    return set(re.findall(r"{(\w+)}", address))


def nowhere(ids, leave=()):
    """Addresses for which there is nothing; but for some features'."""
    return [a.format(**ids) for name in FEATURES if name not in leave for a in getattr(table(name), "NOWHERE", ())]


def address(route, ids):
    """The first address of a route."""
    return told("ADDRESSES")[route][0].format(**ids) if ("GET", route) in ROUTES else route
