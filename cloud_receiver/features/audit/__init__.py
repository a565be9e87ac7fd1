"""The audit log: who looked at what and changed what, as a page, as JSON and CSV. For administrators alone."""

from ...office.roles import ADMINISTRATOR
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/audit", ADMINISTRATOR, "page.audit"),
    Route("GET", "/v1/audit", ADMINISTRATOR, "api.audit"),
)
MENU = Menu(90, "/audit", N_("Audit log"), ADMINISTRATOR)
