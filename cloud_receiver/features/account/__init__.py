"""Log in, log out, the own password, the own second factor. Where nobody logs in (pages on this machine alone) there is
nothing of it."""

from ...office.roles import ALL, OPEN, STAFF
from ...web.feature import Route

ROUTES = (
    Route("GET", "/login", OPEN, "page.form", log_in=True),
    Route("POST", "/login", OPEN, "page.log_in", log_in=True),
    Route("GET", "/login/code", OPEN, "page.code_form", log_in=True),
    Route("POST", "/login/code", OPEN, "page.code", log_in=True),
    Route("POST", "/logout", ALL, "page.log_out", log_in=True),
    Route("GET", "/account", ALL, "page.account", log_in=True),
    Route("POST", "/account", ALL, "page.change", log_in=True),
    Route("GET", "/account/second", STAFF, "second.page", log_in=True),
    Route("POST", "/account/second", STAFF, "second.change", log_in=True),
)
