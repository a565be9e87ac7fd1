"""What a receiver does of itself for its store: put right what a backup does not know, forget, age."""

import asyncio
import logging
import sqlite3
import time

from ..data.clock import DAY
from ..office.office import Office
from ..stores import Busy, StoreError, queries

log = logging.getLogger("netti.receiver")

PAUSE_S = 600.0  # between looks at what has become too old
# Bytes of a store that is written anew as soon as something was erased (seconds, in which gateways are told to come
# back); a larger one is in these hours of the machine's time.
AT_ONCE, ANY_SIZE = 2 << 30, 1 << 62
NIGHT = range(1, 4)


class Keeping:
    """The housekeeping of one works: its office decides, its store is tidied."""

    def __init__(self, office: Office, store, clock):
        self.office, self.store, self.clock = office, store, clock

    async def run(self) -> None:
        """Forget and age what has become too old, a piece at a time, until cancelled."""
        while True:
            try:
                await self.keep()
            except (StoreError, Busy) as e:
                log.warning("nothing is forgotten or aged: %s", e)
            await asyncio.sleep(PAUSE_S)

    async def reconcile(self) -> None:
        """Put right what a store from a backup does not know: gateways enrolled since, gaps that nobody asked about.
        Whether it is from a backup it cannot know, so open gaps are asked about at each start."""
        in_store = {g["id"] for g in await self.store.read(queries.gateways.every)}
        for gateway in self.office.enrolled.all():
            if gateway.id not in in_store:
                await self.store.enrol(gateway.public_key, gateway.kind, gateway.name, gateway.since)
        asked = set()  # rings: what is sent again from one gap on brings those behind it
        for gateway_id, epoch, first, heard in await self.store.read(queries.rings.open_gaps):
            if (gateway_id, epoch) not in asked and self.office.orders.rewind(gateway_id, epoch, first - 1, heard,
                                                                              self.clock.seconds()):
                asked.add((gateway_id, epoch))
        await self.forget()

    async def forget(self) -> None:
        """Wipe the electricity of residents who have moved out and what is to be erased, also what came in late. Raises
        StoreError, Busy, sqlite3.Error."""
        for gateway, at in self.office.homes.moved_in():
            await self.store.forget_home(gateway, at)
        for number, home, meters, before in self.office.erasures.due(self.clock.seconds()):
            after: "int | None" = 0
            while after is not None:
                after = await self.store.erase(home, meters, before, after)
            self.office.erasures.done(number, self.clock.seconds())
        await self.decide()
        hour = time.localtime(self.clock.seconds()).tm_hour
        for left in await self.store.scrub(ANY_SIZE if hour in NIGHT else AT_ONCE):
            log.warning("%s", left)

    async def decide(self) -> None:
        """Carry out in the store what people decided about readings. Raises StoreError, Busy, sqlite3.Error."""
        for number, *decision in self.office.decisions.due():
            await self.store.decide(*decision)
            self.office.decisions.done(number, self.clock.seconds())
        for q in self.office.quarantines.due():
            before: "int | None" = 0
            while before is not None:
                before = await self.store.quarantine(q.gateway, q.act, q.since, before)
            self.office.quarantines.done(q.id, self.clock.seconds())

    async def forget_decided(self) -> None:
        """As `forget`, after people have decided something; what fails is tried again by `run`."""
        try:
            await self.forget()
        except (sqlite3.Error, StoreError, Busy) as e:
            log.warning("not forgotten yet: %s", e)

    async def keep(self) -> None:
        """Forget the raw telegrams and age the hourly values that the settings no longer keep. Raises StoreError,
        Busy."""
        await self.forget()
        while await self.store.retime(self.clock.seconds()):
            pass
        now, settings = self.clock.seconds(), self.office.settings
        while await self.store.forget_telegrams(now - settings.keep_telegrams * DAY):
            pass
        while await self.store.age(now // DAY - settings.keep_hours):
            pass
