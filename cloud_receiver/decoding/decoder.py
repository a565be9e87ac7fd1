"""The decoder: takes stored telegrams in the order they came, decodes them with the works' keys, enters the readings.

It runs beside ingest and never holds it up. A telegram whose key is missing or wrong stays, and is tried again when
the key store has another key for its meter. One of a meter that has a key, of which nothing opens under it, stays as
unsealed: it is tried again only when that meter has no key any more.

What one telegram tells about another of its meter is kept: the formats of compact frames (formats.py), and the
fragments of a message until its last. Those stay in the store as not decodable, which at a start and with a new key are
tried again in their order. Fragments of meters without a key push none out of those that have one.
"""

import asyncio
import concurrent.futures
import logging
import sqlite3

from wmbus import fragments

from ..office.directory import Directory
from ..office.kek import Locked
from ..office.keyfile import KeyFile
from ..office.meter_keys import MeterKey, MeterKeys
from ..stores import NO_KEY, UNDECODABLE, UNSEALED, WRONG_KEY, Busy, Settled, StoreError, queries
from . import formats, opening

log = logging.getLogger("netti.decode")

GROUP = 500  # telegrams per round
IDLE_S = 1.0  # how soon a new key is noticed
PAUSE_S = 5.0  # after a store that failed
NEVER = (-1, -1)  # the stamp of keys that were not read yet
MESSAGES = 256  # messages in fragments put together at once, of meters with a key
PLAIN_MESSAGES = 64  # and of those without


class Decoder:
    """The worker; its key file is opened in, and used by, its own thread alone."""

    def __init__(self, store, directory: Directory):
        self.store, self._directory = store, directory
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._wake = asyncio.Event()
        self._file: "KeyFile | None" = None
        self._meter_keys: "MeterKeys | None" = None
        self._stamp = NEVER
        self._keys: "dict[str, tuple[MeterKey, ...]]" = {}
        self._learnt = formats.Learnt(directory.formats)
        self._assemblers = {True: fragments.Assembler(MESSAGES), False: fragments.Assembler(PLAIN_MESSAGES)}

    def wake(self) -> None:
        """There may be something to decode."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        changed = None
        try:
            while True:
                try:
                    if changed is None:  # at the start: keys may have come while nothing ran
                        await loop.run_in_executor(self._thread, self._new_keys)
                        changed = await self.store.read(queries.telegrams.closed_meters)
                    else:
                        changed = await loop.run_in_executor(self._thread, self._new_keys)
                    if changed:
                        await self._reopen(changed)
                    self._wake.clear()
                    if not await self.round():
                        try:
                            await asyncio.wait_for(self._wake.wait(), IDLE_S)
                        except asyncio.TimeoutError:
                            pass
                except (Busy, StoreError, sqlite3.Error, Locked) as e:
                    log.error("decoding waits: %s", str(e) or "the store is busy")
                    await asyncio.sleep(PAUSE_S)
                except Exception:
                    log.exception("decoding waits")
                    await asyncio.sleep(PAUSE_S)
        finally:
            await asyncio.shield(loop.run_in_executor(self._thread, self._close))
            self._thread.shutdown(wait=False)

    async def round(self) -> int:
        """Decode up to GROUP telegrams; returns how many there were."""
        rows = await self.store.pending(GROUP)
        if rows:
            settled = await asyncio.get_running_loop().run_in_executor(self._thread, self._decode_rows, rows)
            try:
                await self.store.settle(settled)
            except (Busy, StoreError):
                raise
            except Exception:  # a defect of ours: these are put aside, so that the others go on
                log.exception("%d readings could not be entered", len(settled))
                await self.store.settle([s._replace(state=UNDECODABLE, reading=None, note="defect: not entered")
                                         for s in settled])
            came = self._learnt.came()  # a full frame told what the compact ones before it hold
            if came:
                await self.store.reopen(came, (UNDECODABLE,))
        return len(rows)

    async def _reopen(self, meters):
        """Have what did not open of these meters tried again; what is not sealed with a key only of those without."""
        await self.store.reopen(meters, (NO_KEY, WRONG_KEY, UNDECODABLE))
        await self.store.reopen([meter for meter in meters if meter not in self._keys], (UNSEALED,))

    def _decode_rows(self, rows):
        settled = [Settled(row, meter, time, *self._decode(text, data, self._keys.get(text), time))
                   for row, meter, text, time, data in rows]
        self._learnt.save()
        return settled

    def _decode(self, text, data, ring, time):
        """Decode with the present key of a meter, else with one that was its key when the telegram came; without a key
        only where the meter has no ring of keys."""
        keyed = ring is not None
        keys = [k.key for k in ring if k.replaced is None or time <= k.replaced] if keyed else [None]
        its = self._learnt.of(text, keyed)
        before = frozenset(its)
        found = opening.decode(keys, data, its, self._assemblers[keyed])
        self._learnt.note(text, keyed, its, before)
        return found

    def _new_keys(self):
        """Read the meter keys if they changed; the meters whose key is new, another, or gone."""
        if self._file is None or self._meter_keys is None:
            self._file = KeyFile(self._directory.keys)
            self._meter_keys = MeterKeys(self._file)
        file_changed = self._file.stamp()
        if file_changed == self._stamp[0]:
            return []
        stamp = (file_changed, self._meter_keys.changes())
        changed = []
        if stamp[1] != self._stamp[1]:
            try:
                keys = self._meter_keys.rings()
            except Locked as e:  # rotated under a KEK this process was not given: what was read goes on
                if self._stamp == NEVER:
                    raise  # without knowing who has a key nothing may be read
                log.error("new meter keys are not read: %s", e)
            else:
                changed = [meter for meter in {**self._keys, **keys} if self._keys.get(meter) != keys.get(meter)]
                self._keys = keys
        self._stamp = stamp
        return changed

    def _close(self):
        if self._file is not None:
            self._file.close()
