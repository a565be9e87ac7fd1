"""The list of meters, one meter with its use and who hears it, and readings; as pages and as data."""

from ...office.roles import HOURS, STAFF, USE
from ...web.feature import Menu, Route
from ...web.words import N_

ROUTES = (
    Route("GET", "/meters", STAFF, "page.meters"),
    Route("GET", "/meters/{id}", STAFF, "page.meter"),
    Route("POST", "/meters/{id}", HOURS, "claims.decide", log_in=True),
    Route("GET", "/v1/meters", STAFF, "api.meters"),
    Route("GET", "/v1/meters/{id}", STAFF, "api.meter"),
    Route("GET", "/v1/meters/{id}/held", HOURS, "claims.of_meter"),
    Route("GET", "/v1/meters/{id}/readings", HOURS, "readings.of_meter"),
    Route("GET", "/v1/readings", USE, "readings.of_all"),  # by hour: HOURS, as access.hours asks
)
MENU = Menu(20, "/meters", N_("Meters"), STAFF)
