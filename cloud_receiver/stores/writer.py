"""One thread that writes, for a store whose connection must be used by one alone; groups what is waiting into a commit.

A job is a function called as `job(connection, *args)` inside the group's transaction, each behind its own savepoint, so
that one that fails takes nothing with it. Whoever submitted it gets its result only after COMMIT has returned.
"""

import asyncio
import collections
import sqlite3
import threading
import time

from . import Busy, StoreError

MAX_WAITING = 2000  # jobs; more are refused at once
MAX_GROUP = 200  # jobs in one commit
MAX_GROUP_S = 0.02  # a longer commit would keep those behind it waiting
ERRORS = (sqlite3.Error, StoreError)


class Writer:
    """The writer thread; `connect()` is called in it and gives the connection, `leave(connection)` ends it."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self, connect, leave):
        self._connect, self._leave = connect, leave
        self._jobs: collections.deque = collections.deque()
        self._wake = threading.Condition()
        self._ending = False
        self._started: "list[BaseException | None]" = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._started:
            raise self._started[0] or RuntimeError("the writer did not start")

    def submit(self, job, *args) -> "asyncio.Future":
        """Queue a job; its future ends after the commit. Raises Busy when too many wait."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._wake:
            if len(self._jobs) >= MAX_WAITING or self._ending:
                raise Busy
            self._jobs.append((loop, future, job, args))
            self._wake.notify()
        return future

    @property
    def waiting(self) -> int:
        """Jobs not yet begun."""
        return len(self._jobs)

    def close(self) -> None:
        """Finish what waits, then end the thread and its connection."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join()

    def _run(self):
        try:
            connection = self._connect()
        except BaseException as e:  # noqa: BLE001 - handed to whoever opened the store
            self._started.append(e)
            self._ready.set()
            return
        self._ready.set()
        while True:
            with self._wake:
                while not self._jobs and not self._ending:
                    self._wake.wait()
                if not self._jobs:
                    break
            self._tell(self._group(connection))
        self._leave(connection)

    def _group(self, connection):
        """One transaction; returns (loop, future, result or exception) of each of its jobs."""
        taken: "list[tuple]" = []
        results: list = []
        begun = time.monotonic()
        try:
            connection.execute(self.begin)
            while self._jobs and len(taken) < MAX_GROUP and (not taken or time.monotonic() - begun < MAX_GROUP_S):
                loop, future, job, args = self._jobs.popleft()
                taken.append((loop, future))
                results.append(self._one(connection, job, args))
            self._commit(connection)
        except ERRORS as e:
            self._roll_back(connection)
            if not taken:  # not even BEGIN: those waiting are told, or they would wait for ever
                while self._jobs:
                    taken.append(self._jobs.popleft()[:2])
            results = [StoreError(str(e))] * len(taken)
        return [(loop, future, result) for (loop, future), result in zip(taken, results)]

    def _one(self, connection, job, args):
        connection.execute("SAVEPOINT job")
        try:
            result = job(connection, *args)
        except Exception as e:  # noqa: BLE001 - belongs to whoever submitted it
            if not connection.in_transaction:  # the store rolled everything back itself (full disk, I/O error, gone)
                raise StoreError(str(e)) from e
            connection.execute("ROLLBACK TO job")
            result = StoreError(str(e)) if isinstance(e, sqlite3.Error) else e
        connection.execute("RELEASE job")
        return result

    def _roll_back(self, connection):
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except ERRORS:  # the connection is gone, and with it what was not committed
            pass

    def _commit(self, connection):
        connection.execute("COMMIT")

    def _tell(self, done):
        by_loop: "dict[asyncio.AbstractEventLoop, list]" = {}
        for loop, future, result in done:
            by_loop.setdefault(loop, []).append((future, result))
        for loop, results in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, results)
            except RuntimeError:  # the loop has ended: nobody waits any more
                pass


def _resolve(results):
    for future, result in results:
        if future.cancelled():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
