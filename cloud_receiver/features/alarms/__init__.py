"""The alarms that stand: as a page, as JSON and CSV."""

from ...office.roles import STAFF
from ...web.feature import Menu, Route

ROUTES = (
    Route("GET", "/alarms", STAFF, "page.alarms"),
    Route("GET", "/v1/alarms", STAFF, "api.alarms"),
)
MENU = Menu(30, "/alarms", "Alarms", STAFF)
