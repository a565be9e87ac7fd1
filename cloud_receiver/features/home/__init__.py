"""The homeowner's page: own water, and electricity if they share it; behind a secret link or a log-in."""

from ...office.roles import HOMEOWNER, OPEN
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/home", HOMEOWNER, "page.own"),
    Route("GET", "/home/{secret}", OPEN, "page.behind_link"),
)
MENU = Menu(50, "/home", N_("My home"), HOMEOWNER, log_in=True)
