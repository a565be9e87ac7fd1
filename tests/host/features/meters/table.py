"""What the tests of all pages are told of the meters."""

from statuses import API, REFUSED, STAFF

STATUSES = {
    ("GET", "/meters"): STAFF, ("GET", "/meters/{id}"): STAFF,
    ("GET", "/v1/meters"): API, ("GET", "/v1/meters/{id}"): API,
    ("POST", "/meters/{id}"): REFUSED,
    ("GET", "/v1/meters/{id}/held"): (401, 403, 200, 403, 200, 403, 403, 200, 403, 401, 401),
    ("GET", "/v1/readings"): (401, 200, 200, 403, 200, 403, 200, 200, 403, 401, 401),
    # 400: a person says for what purpose, a token is its own.
    ("GET", "/v1/meters/{id}/readings"): (401, 403, 400, 403, 400, 403, 403, 200, 403, 401, 401),
}
VIEWS = "", "?view=hours", "?view=months", "?view=hours&day=2026-10-25"
ADDRESSES = {
    "/meters": ("/meters", "/meters?show=silent", "/meters?q=kam+123&sort=-reading", "/meters?q=nothing"),
    "/meters/{id}": tuple(f"/meters/{{{meter}}}{view}" for meter in ("meter", "locked", "wrong") for view in VIEWS),
    "/v1/meters": ("/v1/meters", "/v1/meters?format=csv"),
    "/v1/meters/{id}": ("/v1/meters/{meter}", "/v1/meters/{wrong}"),
    "/v1/meters/{id}/held": ("/v1/meters/{meter}/held",),
    "/v1/meters/{id}/readings": ("/v1/meters/{meter}/readings", "/v1/meters/{meter}/readings?format=csv"),
    "/v1/readings": ("/v1/readings", "/v1/readings?format=csv", "/v1/readings?resolution=hours"),
}
NOWHERE = (*(f"/meters/NOT-A-ME-TER{view}" for view in VIEWS), "/v1/meters/KAM-99999999-1B-16",
           "/v1/meters/KAM-99999999-1B-16/readings")
HOSTILE = ("/meters/{odd}?view=hours", "/meters/{meter}?view=hours&purpose={odd}&day={odd}",
           "/v1/meters/{meter}/readings?purpose={odd}&from={odd}", "/v1/meters/{odd}/readings?purpose=leak")
PICTURES = {
    "/meters": "meters",
    "/meters/{meter}": "meter",
    "/meters/{meter}?view=hours": "hours",
    "/meters/{locked}": "meter-no-key",
    "/meters/{wrong}?view=months": "meter-wrong-key",
    "/meters?q=nothing": "no-meter",
    "/meters/NO-SUCH-ME-TER": "unknown-meter",
}
