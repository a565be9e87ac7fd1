"""Ctrl-C and SIGTERM as a wish that long work can meet: at once where it waits, else when what it is at is done."""

import contextlib
import signal
import threading
import time
from typing import Iterator


class Stopped(Exception):
    """The user has asked for the end while the work was waiting."""


class Stop:
    """Takes both signals while it is entered; a second one ends the program as a first does elsewhere.

    Only a program's main thread is given signals: in another, nothing is ever asked.
    """

    def __init__(self) -> None:
        self.asked = False
        self._may_raise = False
        self._before: dict = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, _number, _frame) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._may_raise:
            raise Stopped

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done in it may be left anywhere; raises Stopped when asked to stop, also if that was before."""
        before, self._may_raise = self._may_raise, True
        try:
            if self.asked:
                raise Stopped
            yield
        finally:
            self._may_raise = before

    def sleep(self, seconds: float) -> None:
        """Sleep; raises Stopped when asked to stop."""
        with self.waiting():
            if seconds > 0:
                time.sleep(seconds)
