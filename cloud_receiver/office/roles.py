"""Who may do what at a works' receiver: the roles, their rights, and who it is that asks.

reader: lists and daily values. operations: also hourly values, for a purpose. installer: gateways, meters, reception
and keys, no readings. administrator: all of it, the users and the audit log. homeowner: the own home's page and nothing
else.
"""

from collections import namedtuple

ROLES = ("reader", "operations", "installer", "administrator", "homeowner")
ALL = frozenset(ROLES)
STAFF = frozenset(ROLES[:4])
USE = frozenset(("reader", "operations", "administrator"))  # totals and daily use
HOURS = frozenset(("operations", "administrator"))  # hourly use
ADMINISTRATOR, HOMEOWNER = frozenset(("administrator",)), frozenset(("homeowner",))
OPEN = frozenset(("anyone",))  # no log-in: what shows nothing, or asks for a secret of its own
PURPOSES = ("leak", "request", "fault", "billing")  # of a look at hourly use

# Who asks. via: session, token, command, or local (pages on this machine only, where nobody logs in); home: a
# homeowner's gateway; once: PASSWORD or FACTOR is to be chosen before anything else.
PASSWORD, FACTOR = 1, 2
Who = namedtuple("Who", ("name", "role", "via", "csrf", "home", "once"), defaults=(0,))
LOCAL = Who("local", "administrator", "local", "", None)
NOBODY = Who("", "", "", "", None)
