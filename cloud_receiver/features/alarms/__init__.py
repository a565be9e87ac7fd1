"""The alarms that stand: as a page, as JSON and CSV."""

from ...office.roles import STAFF
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/alarms", STAFF, "page.alarms"),
    Route("GET", "/v1/alarms", STAFF, "api.alarms"),
)
MENU = Menu(30, "/alarms", N_("Alarms"), STAFF)
