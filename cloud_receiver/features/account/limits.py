"""How often somebody may try to log in, and how few passwords are hashed at once.

A failure makes the next attempt wait longer, a minute at most, for the same name from the same sender
(prefixes.prefix), and for nobody else: whoever knows a name cannot keep its owner out. A browser that the owner has
logged in with before is counted by itself, and so its owner gets in at once even from the address that somebody is
guessing from; a new one at that address within a minute. Many names from one sender are bounded together. Passwords are
hashed by turns.

Codes of a second factor are few, so wrong ones of a name are counted together from all addresses as well, but for those
from browsers that the owner has logged in with: who gets as far has the password.

To see what it is good for, replace `Limits.key` by one without the address (everybody locks out everybody).
"""

import asyncio
from collections import namedtuple

from ...data.buckets import Buckets
from ...data.clock import HOUR
from ...data.delays import Delays
from ...data.prefixes import prefix
from ...edge.turns import Full, Turns
from ...office.accounts import password_hash

HASHING = 2  # passwords hashed at once (32 MiB each)
MOST_WAITING, MOST_OF_A_SENDER = 40, 4  # that wait for it
FREE, FIRST_S, LONGEST_S = 5, 1.0, 60.0  # attempts without a wait; then so long, doubled up to so long
FREE_CODES = 10  # wrong codes for one name without a wait, from wherever they come

# Who tries: `key` of what is counted, `sender` of the address, None for a known browser; `turn`: who takes turns.
Attempt = namedtuple("Attempt", ("key", "sender", "turn"))


class Limits:
    """The limits of one receiver's log-in; `hashed(password, salt)` is called in a thread."""

    def __init__(self, hashed=password_hash):
        self.delays = Delays(FREE, FIRST_S, LONGEST_S, HOUR)
        self.codes = Delays(FREE_CODES, FIRST_S, LONGEST_S, HOUR)
        self.by_address = Buckets(rate=0.5, burst=60)
        self.hashing = Turns(HASHING, MOST_WAITING, MOST_OF_A_SENDER)
        self.hashed = hashed

    def attempt(self, name: str, address: str, browser: "str | None") -> Attempt:
        """An attempt for a name, from an address, with a known browser (Browsers.known) or None."""
        sender = None if browser else prefix(address)
        return Attempt(self.key(name, browser or prefix(address)), sender, browser or address)

    def key(self, name: str, whence: str) -> str:
        """What failures are counted under."""
        return f"{name}\n{whence}"

    def wait(self, attempt: Attempt) -> int:
        """Whole seconds until it may be made; 0: now."""
        return self.delays.wait(attempt.key) or (self.by_address.wait(attempt.sender) if attempt.sender else 0)

    def begin(self, attempt: Attempt) -> None:
        """It is made, and counts as failed until it has not: many at once cost as much as one after the other."""
        self.delays.failed(attempt.key)
        if attempt.sender:
            self.by_address.charge(attempt.sender)

    def right(self, attempt: Attempt) -> None:
        """It did not fail."""
        self.delays.succeeded(attempt.key)
        if attempt.sender:
            self.by_address.give_back(attempt.sender)

    async def hash(self, attempt: Attempt, password: str, salt: bytes) -> "bytes | None":
        """A password's hash; None where too many wait for theirs."""
        try:
            async with self.hashing.turn(attempt.turn):
                return await asyncio.get_running_loop().run_in_executor(None, self.hashed, password, salt)
        except Full:
            return None
