"""What the tests of all pages are told of the gateways."""

from statuses import API, STAFF

from cloud_receiver.data import attention, crashes
from cloud_receiver.office.orders import RESULTS

STATUSES = {
    ("GET", "/gateways"): STAFF, ("GET", "/gateways/{id}"): STAFF,
    ("GET", "/v1/gateways"): API, ("GET", "/v1/gateways/{id}"): API,
}
ADDRESSES = {
    "/gateways": ("/gateways", "/gateways?show=fault", "/gateways?show=fault&sort=name"),
    "/gateways/{id}": ("/gateways/{gateway}",),
    "/v1/gateways": ("/v1/gateways", "/v1/gateways?format=csv"),
    "/v1/gateways/{id}": ("/v1/gateways/{gateway}",),
}
NOWHERE = ("/gateways/AAAAAAAAAAAAAAAA", "/v1/gateways/AAAAAAAAAAAAAAAA")
EXTRA = (*(text for _, text in attention.delivery([{"equivocations": 1, "lost": 1, "gaps": [1]}], ["gaps"])), *RESULTS,
         *crashes.CAUSES.values(), crashes.UNKNOWN)
PICTURES = {
    "/gateways": "gateways",
    "/gateways/{gateway}": "gateway",
    "/gateways?show=fault&sort=name": "gateways-fault",
}
