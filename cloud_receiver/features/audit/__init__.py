"""The audit log: who looked at what and changed what, as a page, as JSON and CSV. For administrators alone."""

from ...office.roles import ADMINISTRATOR
from ...web.feature import Menu, Route

ROUTES = (
    Route("GET", "/audit", ADMINISTRATOR, "page.audit"),
    Route("GET", "/v1/audit", ADMINISTRATOR, "api.audit"),
)
MENU = Menu(90, "/audit", "Audit log", ADMINISTRATOR)
