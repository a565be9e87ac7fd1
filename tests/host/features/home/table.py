"""What the tests of all pages are told of the home's page."""

from statuses import EVERYBODY, page

STATUSES = {("GET", "/home"): page(403, 403, 403, 403, 200), ("GET", "/home/{secret}"): EVERYBODY}
ADDRESSES = {"/home": ("/home",), "/home/{secret}": ("/home/{secret}",)}
NOWHERE = ("/home/guess",)
HOSTILE = ("/home/{odd}",)
PICTURES = {"/home/{secret}": "home"}
