"""The overview: the state of everything, and what needs attention."""

from ...office.roles import STAFF
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/", STAFF, "page.overview"),
    Route("GET", "/v1/summary", STAFF, "api.summary"),
)
MENU = Menu(10, "/", N_("Overview"), STAFF)
