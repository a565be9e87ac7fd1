"""The list of gateways and one gateway: contact, delivery, what it hears, orders, crashes; as pages and as data."""

from ...office.roles import STAFF
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/gateways", STAFF, "page.gateways"),
    Route("GET", "/gateways/{id}", STAFF, "page.gateway"),
    Route("GET", "/v1/gateways", STAFF, "api.gateways"),
    Route("GET", "/v1/gateways/{id}", STAFF, "api.gateway"),
)
MENU = Menu(40, "/gateways", N_("Gateways"), STAFF)
