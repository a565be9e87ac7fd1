"""The overview: the state of everything, and what needs attention."""

from ...office.roles import STAFF
from ...web.feature import Menu, Route

ROUTES = (
    Route("GET", "/", STAFF, "page.overview"),
    Route("GET", "/v1/summary", STAFF, "api.summary"),
)
MENU = Menu(10, "/", "Overview", STAFF)
