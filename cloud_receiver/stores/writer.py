"""One writer for a store whose connection must be used by one alone; groups what is waiting into a commit.

A job is a function called as `job(connection, *args)` inside the group's transaction. One that fails takes nothing with
it: the group is rolled back and done again with each job behind a savepoint. (It is rare, and a savepoint each time is
a tenth of what a batch takes.) Whoever submitted it gets its result only after COMMIT has returned. Jobs marked
by jobs.can_wait (decoding, keeping) let the others go first, for a while. A job with `alone` set runs in no
transaction, and is not done again where it fails.
"""

import asyncio
import collections
import sqlite3
import threading
import time

from . import Busy, StoreError

MAX_WAITING = 2000  # jobs; more are refused at once
MAX_GROUP = 200  # jobs in one commit
# A group is closed after this time; where the commit itself takes long, after a few times that, so that most of the
# time is work and not waiting for the disk. A longer group would keep those behind it waiting.
MAX_GROUP_S = 0.02
SLOW_GROUP_S = 0.2
COMMITS = 4
PATIENCE_S = 1.0  # how long a job that can wait does
ERRORS = (sqlite3.Error, StoreError)


class Groups:
    """The jobs that wait, and how a group of them is committed; no thread, no lock."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self, connect, leave):
        """`connect()` gives the connection, `leave(connection)` ends it; both are called by whoever runs the groups."""
        self._connect, self._leave = connect, leave
        self._jobs: collections.deque = collections.deque()  # (ticket, job, args)
        self._patient: collections.deque = collections.deque()  # (since, (ticket, job, args))
        self.commit_s = 0.0  # what a commit takes, lately

    @property
    def group_s(self) -> float:
        """For how long a group takes in jobs."""
        return min(max(MAX_GROUP_S, COMMITS * self.commit_s), SLOW_GROUP_S)

    def _add(self, ticket, job, args):
        if getattr(job, "can_wait", False):
            self._patient.append((time.monotonic(), (ticket, job, args)))
        else:
            self._jobs.append((ticket, job, args))

    @property
    def waiting(self) -> int:
        """Jobs not yet begun."""
        return len(self._jobs) + len(self._patient)

    def more(self, seconds: float) -> bool:
        """Wait a fraction of a commit for more jobs to share it; whether there are any."""
        return False

    def _next(self):
        if self._patient_first():
            return self._patient.popleft()[1]
        return self._jobs.popleft()

    def _patient_first(self):
        return bool(self._patient) and (not self._jobs or time.monotonic() - self._patient[0][0] > PATIENCE_S)

    def _next_is_alone(self):
        """Whether the next job runs in no transaction."""
        return not self._patient_first() and bool(self._jobs) and getattr(self._jobs[0][1], "alone", False)

    def _by_itself(self, connection):
        """As `_group`, of one job that runs in no transaction."""
        ticket, job, args = self._next()
        try:
            return [(ticket, self._run(connection, job, args))]
        except ERRORS as e:
            self._roll_back(connection)
            return [(ticket, StoreError(str(e)))]

    def _group(self, connection):
        """One transaction; returns (ticket, result or exception) of each of its jobs."""
        if self._next_is_alone():
            return self._by_itself(connection)
        begun: list = []  # (ticket, job, args)
        results: list = []
        start = time.monotonic()
        try:
            connection.execute(self.begin)
            while len(begun) < MAX_GROUP and (not begun or time.monotonic() - start < self.group_s):
                if not self._jobs and (begun or not self._patient) and not self.more(self.commit_s / 4):
                    break
                if self._next_is_alone():
                    break
                begun.append(self._next())
                results.append(self._run(connection, *begun[-1][1:]))
            end = time.monotonic()
            self._commit(connection)
            self.commit_s += (time.monotonic() - end - self.commit_s) / 8
        except Exception as e:
            self._roll_back(connection)
            if len(results) < len(begun):
                results = self._apart(connection, begun)
            elif isinstance(e, ERRORS):
                if not begun:  # not even BEGIN: those waiting are told, or they would wait for ever
                    while self.waiting:
                        begun.append(self._next())
                results = [StoreError(str(e))] * len(begun)
            else:
                raise
        return [(ticket, result) for (ticket, _, _), result in zip(begun, results)]

    def _run(self, connection, job, args):
        return job(connection, *args)

    def _apart(self, connection, begun):
        """The results of a group in which a job has failed: done once more, so that this one takes nothing with it."""
        try:
            connection.execute(self.begin)
            results = [self._alone(connection, job, args) for _, job, args in begun]
            self._commit(connection)
            return results
        except ERRORS as e:
            self._roll_back(connection)
            return [StoreError(str(e))] * len(begun)

    def _alone(self, connection, job, args):
        connection.execute("SAVEPOINT job")
        try:
            result = self._run(connection, job, args)
        except Exception as e:  # noqa: BLE001 - belongs to whoever submitted it
            if not connection.in_transaction:  # the store rolled everything back itself (full disk, I/O error, gone)
                raise StoreError(str(e)) from e
            connection.execute("ROLLBACK TO job")
            connection.cache.forget()  # what a job remembered may be what was taken back
            result = StoreError(str(e)) if isinstance(e, sqlite3.Error) else e
        connection.execute("RELEASE job")
        return result

    def _roll_back(self, connection):
        connection.cache.forget()
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except ERRORS:  # the connection is gone, and with it what was not committed
            pass

    def _commit(self, connection):
        connection.execute("COMMIT")


class Writer:
    """A thread that runs groups, for one process that does everything."""

    def __init__(self, groups: Groups):
        self.groups = groups
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
            if self.waiting >= MAX_WAITING or self._ending:
                raise Busy
            self.groups._add((loop, future), job, args)
            self._wake.notify()
        return future

    @property
    def waiting(self) -> int:
        """Jobs not yet begun."""
        return self.groups.waiting

    def close(self) -> None:
        """Finish what waits, then end the thread and its connection."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join()

    def _run(self):
        try:
            connection = self.groups._connect()
        except BaseException as e:  # noqa: BLE001 - handed to whoever opened the store
            self._started.append(e)
            self._ready.set()
            return
        self._ready.set()
        while True:
            with self._wake:
                while not self.waiting and not self._ending:
                    self._wake.wait()
                if not self.waiting:
                    break
            self._tell(self.groups._group(connection))
        self.groups._leave(connection)

    def _tell(self, done):
        by_loop: "dict[asyncio.AbstractEventLoop, list]" = {}
        for (loop, future), result in done:
            by_loop.setdefault(loop, []).append((future, result))
        for loop, results in by_loop.items():
            try:
                loop.call_soon_threadsafe(resolve, results)
            except RuntimeError:  # the loop has ended: nobody waits any more
                pass


def resolve(results):
    """End futures with their (result or exception); those nobody waits for any more are left."""
    for future, result in results:
        if future.done():  # cancelled
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
