"""What the tests of all pages are told of the alarms."""

from statuses import API, STAFF

STATUSES = {("GET", "/alarms"): STAFF, ("GET", "/v1/alarms"): API}
ADDRESSES = {
    "/alarms": ("/alarms", "/alarms?show=low_battery&sort=id"),
    "/v1/alarms": ("/v1/alarms", "/v1/alarms?format=csv"),
}
PICTURES = {"/alarms": "alarms"}
