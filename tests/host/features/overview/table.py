"""What the tests of all pages are told of the overview."""

import installed
from statuses import API, page

STATUSES = {
    # Whoever may not see it is sent to where their menu begins.
    ("GET", "/"): page(200, 200, 200, 200, 303 if installed.starts("homeowner") else 403),
    ("GET", "/v1/summary"): API,
}
ADDRESSES = {"/": ("/",), "/v1/summary": ("/v1/summary",)}
PICTURES = {"/": "overview"}
