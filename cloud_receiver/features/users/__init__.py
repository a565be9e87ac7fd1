"""Who may log in, with which role, and which programs have a token. For administrators, where people log in."""

from ...office.roles import ADMINISTRATOR
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/users", ADMINISTRATOR, "page.users", log_in=True),
    Route("POST", "/users", ADMINISTRATOR, "page.change", log_in=True),
)
MENU = Menu(80, "/users", N_("Users"), ADMINISTRATOR, log_in=True)
