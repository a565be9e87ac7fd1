"""What the tests of all pages are told of the account."""

from statuses import EVERYBODY, REFUSED, page

STATUSES = {
    ("GET", "/login"): EVERYBODY,
    ("POST", "/login"): (403,) * 11,  # without name and password
    ("GET", "/login/code"): EVERYBODY,
    ("POST", "/login/code"): (403,) * 11,  # without a password before
    ("GET", "/account/second"): page(200, 200, 200, 200, 403),
    ("POST", "/account/second"): REFUSED,
    ("POST", "/logout"): REFUSED,
    ("GET", "/account"): page(200, 200, 200, 200, 200),
    ("POST", "/account"): REFUSED,
}
ADDRESSES = {"/login": ("/login",), "/login/code": ("/login/code",), "/account": ("/account",),
             "/account/second": ("/account/second",)}


def without_limits(running):
    """As many attempts to log in as somebody likes."""
    limits = running.receiver.site.answering("account", "page").limits
    limits.by_address.burst = limits.delays.free = 1e9
