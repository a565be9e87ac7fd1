"""Log in, log out, the own password. Where nobody logs in (pages on this machine alone) there is nothing of it."""

from ...office.roles import ALL, OPEN
from ...web.feature import Route

ROUTES = (
    Route("GET", "/login", OPEN, "page.form", log_in=True),
    Route("POST", "/login", OPEN, "page.log_in", log_in=True),
    Route("POST", "/logout", ALL, "page.log_out", log_in=True),
    Route("GET", "/account", ALL, "page.account", log_in=True),
    Route("POST", "/account", ALL, "page.change", log_in=True),
)
