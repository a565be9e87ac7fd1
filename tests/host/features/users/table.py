"""What the tests of all pages are told of the users."""

from statuses import ADMINISTRATOR, REFUSED

STATUSES = {("GET", "/users"): ADMINISTRATOR, ("POST", "/users"): REFUSED}
ADDRESSES = {"/users": ("/users",)}
