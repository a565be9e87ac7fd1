"""The decoder: takes stored telegrams in the order they came, decodes them with the works' keys, enters the readings.

It runs beside ingest and never holds it up. A telegram whose key is missing or wrong stays, and is tried again when
the key store has another key for its meter.

What one telegram tells about another is kept: the formats of compact frames, in a file beside the key store so that a
restart forgets none, and the fragments of a message until its last. Those stay in the store as not decodable, which at
a start and with a new key are tried again in their order.
"""

import asyncio
import concurrent.futures
import logging
import sqlite3

from wmbus import fragments, freshness

from ..office.directory import Directory
from ..office.kek import Locked
from ..office.keyfile import KeyFile
from ..office.meter_keys import MeterKey, MeterKeys
from ..stores import NO_KEY, UNDECODABLE, WRONG_KEY, Busy, Settled, StoreError, queries
from . import formats, opening

log = logging.getLogger("netti.decode")

GROUP = 500  # telegrams per round
IDLE_S = 1.0  # how soon a new key is noticed
PAUSE_S = 5.0  # after a store that failed
MESSAGES = 64  # messages in fragments put together at once


class Decoder:
    """The worker; its key file is opened in, and used by, its own thread alone."""

    def __init__(self, store, directory: Directory):
        self.store, self._directory = store, directory
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._wake = asyncio.Event()
        self._file: "KeyFile | None" = None
        self._meter_keys: "MeterKeys | None" = None
        self._stamp = (-1, -1)
        self._keys: "dict[str, tuple[MeterKey, ...]]" = {}
        self._formats = formats.read(directory.formats)
        self._assembler = fragments.Assembler(MESSAGES)

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
                        await self.store.reopen(changed, (NO_KEY, WRONG_KEY, UNDECODABLE))
                    else:
                        changed = await loop.run_in_executor(self._thread, self._new_keys)
                        if changed:
                            await self.store.reopen(changed, (NO_KEY, WRONG_KEY, UNDECODABLE))
                    self._wake.clear()
                    if not await self.round():
                        try:
                            await asyncio.wait_for(self._wake.wait(), IDLE_S)
                        except asyncio.TimeoutError:
                            pass
                except (Busy, StoreError, sqlite3.Error) as e:
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
            known = len(self._formats)
            settled = await asyncio.get_running_loop().run_in_executor(self._thread, self._decode_rows, rows)
            try:
                await self.store.settle(settled)
            except (Busy, StoreError):
                raise
            except Exception:  # a defect of ours: these are put aside, so that the others go on
                log.exception("%d readings could not be entered", len(settled))
                await self.store.settle([s._replace(state=UNDECODABLE, reading=None, note="defect: not entered")
                                         for s in settled])
            if len(self._formats) > known:  # a full frame told what the compact ones before it hold
                await self.store.reopen(await self.store.read(queries.telegrams.compact_meters), (UNDECODABLE,))
        return len(rows)

    def _decode_rows(self, rows):
        known = len(self._formats)
        settled = []
        for row, meter, text, time, data in rows:
            state, reading, note = self._decode(data, self._keys.get(text, ()), time)
            settled.append(Settled(row, meter, time, state, reading, note, freshness.of(data)))
        if len(self._formats) > known:
            formats.write(self._directory.formats, self._formats)
        return settled

    def _decode(self, data, ring, time):
        """Decode with the present key of a meter, else with one that was its key when the telegram came."""
        keys = [k.key for k in ring if k.replaced is None or time <= k.replaced] or [None]
        return opening.decode(keys, data, self._formats, self._assembler)

    def _new_keys(self):
        """Read the meter keys if they changed; the meters whose key is new or another."""
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
                log.error("new meter keys are not read: %s", e)
            else:
                changed = [meter for meter, ring in keys.items() if self._keys.get(meter) != ring]
                self._keys = keys
        self._stamp = stamp
        return changed

    def _close(self):
        if self._file is not None:
            self._file.close()
