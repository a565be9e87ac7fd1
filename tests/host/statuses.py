"""What the routes answer to whom: the patterns that most of them follow."""

import installed

WHO = ("nobody", "reader", "operations", "installer", "administrator", "homeowner", "token:reader", "token:operations",
       "token:installer", "token:expired", "token:ended")
OUT = 303 if installed.has("/login") else 403  # nobody is sent to where people log in
EVERYBODY = (200,) * 11


def page(*statuses):
    """For the five roles; a token is for the API, on a page it is nobody."""
    return OUT, *statuses, OUT, OUT, OUT, OUT, OUT


STAFF = page(200, 200, 200, 200, 403)
ADMINISTRATOR = page(403, 403, 403, 200, 403)
REFUSED = page(403, 403, 403, 403, 403)  # a change without the CSRF token
API = 401, 200, 200, 200, 200, 403, 200, 200, 200, 401, 401
