"""The homeowner's page: own water, and electricity if they share it; behind a secret link or a log-in."""

from ...office.roles import HOMEOWNER, OPEN
from ...web.feature import Route

ROUTES = (
    Route("GET", "/home", HOMEOWNER, "page.own"),
    Route("GET", "/home/{secret}", OPEN, "page.behind_link"),
)
