"""What the tests of claims share: a meter of each kind of security, whose telegrams go through matching, decoding and
settling, and what the store holds of it."""

import json

import wmbus_cases as cases
from netti_tools.simulate import wmbus_encoder as encoder
from store_rig import NOW, Ring, rows

from cloud_receiver.decoding import opening
from cloud_receiver.stores import STATES, Settled, queries
from firmware.wire import records as wire_records
from wmbus import fragments

HOUR, DAY = 3600, 86_400
KEY = bytes(range(16))
LEAK = 0x04  # of the plain status byte: power low, which every make has


def litres(count):
    """The data record of a total."""
    return b"\x04\x13" + int(count).to_bytes(4, "little")


class Street:
    """A store with one gateway at first; what is sent is decoded at once."""

    def __init__(self, store):
        self.store, self.ring = store, Ring(store)
        self.keys = {}
        self.assembler = fragments.Assembler(4)

    async def send(self, telegram, time, ring=None, now=None):
        """A telegram that a gateway heard at a time, delivered then (or at `now`); the state it ended in."""
        ring = ring or self.ring
        await ring.send([ring.telegram(telegram, time=time)], now=max(now or time, time))
        return await self.decode()

    async def decode(self):
        """Decode what waits; the state of the last telegram stored."""
        while pending := await self.store.pending(500):
            await self.store.settle([
                Settled(i, m, t, *opening.decode([self.keys.get(text)], data, {}, self.assembler))
                for i, m, text, t, data in pending])
        last = await self.store.read(rows, "SELECT state FROM telegrams ORDER BY id DESC LIMIT 1")
        return STATES[last[0][0]]


class Meter:
    """A meter: `sends(litres, counter)` gives its telegram."""

    def __init__(self, street, kind, number="12345678"):
        self.street, self.kind = street, kind
        self.address = cases.address("NET", number)
        self.text = f"NET-{number}-01-07"
        if kind != "plain":
            street.keys[self.text] = KEY

    def sends(self, total, counter=0, status=0, records=b""):
        body = litres(total) + records
        if self.kind == "plain":
            return encoder.link(self.address, encoder.plain(self.address, counter & 255, status, body))
        if self.kind == "mode5":
            return encoder.link(self.address, encoder.mode_5(self.address, counter & 255, status, body, KEY))
        if self.kind == "mode7":
            return cases.mode7(body, KEY, counter.to_bytes(4, "little"), self.address, status=status)
        return encoder.link(self.address, encoder.ell_ctr(
            self.address, counter & 255, 0, counter, b"\x7a" + bytes((counter & 255, status, 0, 0)) + body, KEY))

    async def facts(self):
        """(readings as (seconds since NOW, litres), alarms that stand, the latest's litres and time since NOW)."""
        m = await self.street.store.read(queries.meters.one, 0, self.text)
        readings = await self.street.store.read(queries.readings.between, m["row"], NOW - 400 * DAY, NOW + 400 * DAY)
        litres = round(m["latest"]["total_m3"] * 1000) if m["latest"] else None
        latest = None if m["read_at"] is None else (m["read_at"] - NOW, litres)
        return ([(t - NOW, ml // 1000) for t, ml in readings], sorted(a["alarm"] for a in m["alarms"]), latest)

    async def held(self):
        """(litres, reason) of the readings held back."""
        return [(None if total is None else total // 1000, reason) for total, reason in await self.street.store.read(
            rows, "SELECT total_ml, reason FROM held ORDER BY telegram")]

    async def decide(self, act, litres=None, time=None, until=None):
        """Decide about the reading held back of so many litres (or of a period)."""
        telegram = None
        if litres is not None:
            telegram, time = (await self.street.store.read(
                rows, "SELECT telegram, time FROM held WHERE total_ml = ? ORDER BY telegram DESC LIMIT 1",
                litres * 1000))[0]
        count = await self.street.store.decide(self.text, act, telegram, time, until)
        await self.street.decode()
        return count


__all__ = ["DAY", "HOUR", "KEY", "LEAK", "NOW", "Meter", "Ring", "Street", "json", "litres", "rows", "wire_records"]
