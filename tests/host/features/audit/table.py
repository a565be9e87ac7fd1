"""What the tests of all pages are told of the audit log."""

from statuses import ADMINISTRATOR

STATUSES = {
    ("GET", "/audit"): ADMINISTRATOR,
    ("GET", "/v1/audit"): (401, 403, 403, 403, 200, 403, 403, 403, 403, 401, 401),
}
ADDRESSES = {"/audit": ("/audit", "/audit?q={meter}"), "/v1/audit": ("/v1/audit", "/v1/audit?format=csv")}
HOSTILE = ("/audit?q={odd}", "/v1/audit?format={odd}")
PICTURES = {"/audit": "audit"}
