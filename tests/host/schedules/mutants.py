"""Known faults of gateway and receiver, planted one at a time: a campaign that misses one proves nothing.

Each is a context in which the fault is there, for gateways in this process.
"""

import contextlib
from unittest import mock

from cloud_receiver.stores import sqlite
from cloud_receiver.stores.jobs import batch, ledger
from firmware import orders, thinning
from firmware.spool import files
from firmware.uplink import uplink

from . import plan


@contextlib.contextmanager
def mark_before_commit():
    """The receiver's mark is durable before the records are."""
    def advance(db, gateway, head, now):
        row = db.execute("SELECT id, through FROM epochs WHERE gateway = ? AND epoch = ?",
                         (gateway, head.epoch)).fetchone()
        if row is None or not head.last:
            return None
        db.execute("UPDATE epochs SET through = max(through, ?) WHERE id = ?", (head.last, row[0]))
        return row

    def then(db, before, *arguments):
        if before is not None:
            db.execute("UPDATE epochs SET through = ? WHERE id = ?", (before[1], before[0]))
        return batch.store_batch(db, *arguments)

    async def bad(self, gateway, head, digest, records, now):
        before = await self.writer.submit(advance, gateway, head, now)
        return await self.writer.submit(then, before, gateway, head, digest, records, now)
    with mock.patch.object(sqlite.Store, "store_batch", bad):
        yield


@contextlib.contextmanager
def digest_not_compared():
    """Other content under a known range passes for what is known."""
    with mock.patch.object(ledger, "same_content", lambda stored, received: True):
        yield


@contextlib.contextmanager
def cursor_before_answer():
    """The gateway frees a batch when it is sent."""
    real = files.Ring.sending

    def bad(self, last):
        real(self, last)
        self.acknowledge(last)
    with mock.patch.object(files.Ring, "sending", bad):
        yield


@contextlib.contextmanager
def seq_from_ram():
    """How far was sent is known in RAM only: after a power cut a seq is given out again."""
    def bad(self, last):
        self.sent = max(self.sent, last)
    with mock.patch.object(files.Ring, "sending", bad):
        yield


@contextlib.contextmanager
def no_counter_check():
    """A command is executed whenever it comes."""
    real = orders.Orders.execute_all

    async def bad(self, *arguments):
        self._state["counter"] = 0
        return await real(self, *arguments)
    with mock.patch.object(orders.Orders, "execute_all", bad):
        yield


@contextlib.contextmanager
def counter_after_execution():
    """A command's counter is kept when it has been executed."""
    real = orders.Orders._run

    def bad(self, *arguments):
        save = self._save

        def not_yet(state):
            self._save = save
        self._save = not_yet
        return real(self, *arguments)
    with mock.patch.object(orders.Orders, "_run", bad):
        yield


@contextlib.contextmanager
def tail_not_flushed():
    """What a killed process had not flushed is taken for durable by the next."""
    good = files.Ring

    class Careless(good):
        def _open(self):
            real = self._files

            class Files:
                def __getattr__(self, name):
                    return getattr(real, name)

                def appender(self, path):
                    out = real.appender(path)
                    out.sync = lambda: None
                    return out
            self._files = Files()
            try:
                good._open(self)
            finally:
                self._files = real
    with mock.patch.object(files, "Ring", Careless):
        yield


@contextlib.contextmanager
def rewind_ignored():
    """The gateway says it has rewound, and has not."""
    with mock.patch.object(files.Ring, "rewind", lambda self, after: 1):
        yield


@contextlib.contextmanager
def windows_of_its_own():
    """A gateway's windows begin with the last telegram, not with the clock."""
    def bad(self, meter, ci, length, status, rssi, at, unix, fragment=None):
        return real(self, meter, ci, length, status, rssi, at, self.window - 1, fragment)  # as if one had just ended
    real = thinning.Thinning.due
    with mock.patch.object(thinning.Thinning, "due", bad):
        yield


@contextlib.contextmanager
def epoch_kept():
    """A 409 changes nothing: the same batch is sent again."""
    async def bad(self, ring, first, last, status, headers, body):
        return await real(self, ring, first, last, 403 if status == 409 else status, headers, body)
    real = uplink.Uplink._answered
    with mock.patch.object(uplink.Uplink, "_answered", bad):
        yield


@contextlib.contextmanager
def through_not_compared():
    """A gateway does not look whether the receiver has more than it has sent."""
    with mock.patch.object(uplink.Uplink, "_continues", staticmethod(lambda ring, answer: True)):
        yield


@contextlib.contextmanager
def not_asked_first():
    """It looks, but not before its first batch."""
    real = files.Ring._open

    def bad(self):
        real(self)
        self.proven = True
    with mock.patch.object(files.Ring, "_open", bad):
        yield


MUTANTS = {f.__name__: f for f in (
    mark_before_commit, digest_not_compared, cursor_before_answer, seq_from_ram,
    no_counter_check, counter_after_execution, tail_not_flushed,
    rewind_ignored, windows_of_its_own, epoch_kept, through_not_compared, not_asked_first)}
# Where the search may begin to be short: a little before the first seed that found the fault when this was written.
HINTS = {"mark_before_commit": 74, "counter_after_execution": 80, "tail_not_flushed": 22, "windows_of_its_own": 158,
         "seq_from_ram": 50, "epoch_kept": 29}


def hunt(campaign, name, most, hint=False):
    """Plant a fault and play schedules until one finds it: (seed, violation), (None, None) after `most` in vain."""
    first = HINTS.get(name, 0) if hint else 0
    with MUTANTS[name]():
        for seed in range(first, first + most):
            violation = campaign.play(plan.draw(seed))
            if violation is not None:
                return seed, violation
    return None, None
