"""Who has shown the password and is to show a code: kept for minutes, in memory."""

import secrets
import time

STEP_S = 300
MOST = 1000  # beyond it the oldest go; each takes a right password
TRIES = 20  # codes


class Steps:
    """What was proved, by a random cookie."""

    def __init__(self, clock=time.monotonic):
        self.clock = clock
        self._proved: dict = {}  # cookie -> (until, what, [tries left]), the oldest first

    def add(self, what) -> str:
        """A cookie for what was proved."""
        for old in [c for c, (until, *_) in self._proved.items() if until < self.clock()]:
            del self._proved[old]
        if len(self._proved) >= MOST:
            del self._proved[next(iter(self._proved))]
        cookie = secrets.token_urlsafe(24)
        self._proved[cookie] = (self.clock() + STEP_S, what, [TRIES])
        return cookie

    def get(self, cookie: str):
        """What was proved, None where the time or the tries are over; it counts as a try."""
        until, what, left = self._proved.get(cookie, (0.0, None, [0]))
        left[0] -= 1
        return what if until >= self.clock() and left[0] >= 0 else None

    def take(self, cookie: str) -> None:
        """It has served."""
        self._proved.pop(cookie, None)
