"""Buckets, delays and turns: whoever floods them harms nobody but himself."""

import asyncio

import pytest

from cloud_receiver.data import buckets, delays
from cloud_receiver.data.buckets import Buckets
from cloud_receiver.data.delays import Delays
from cloud_receiver.data.prefixes import prefix, site
from cloud_receiver.edge.turns import Full, Turns


@pytest.mark.parametrize("address, sender", [
    ("198.51.100.7", "198.51.100.0/24"),
    ("::ffff:198.51.100.7", "198.51.100.0/24"),  # as a socket for both families gives it
    ("::FFFF:c633:6407", "198.51.100.0/24"),
    ("64:ff9b::198.51.100.7", "198.51.100.0/24"),  # NAT64
    ("2002:c633:6407:1234::1", "198.51.100.0/24"),  # 6to4
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("::ffff:127.0.0.2", "127.0.0.2"),
    ("", ""), ("x" * 100, "x" * 64), ("198.51.100", "198.51.100"),
])
def test_what_of_an_address_is_one_sender(address, sender):
    assert prefix(address) == sender


def test_what_of_an_address_is_one_site():
    assert site("2001:db8:1:2::5") == "2001:db8:1::/48" and site("198.51.100.7") == "198.51.0.0/16"


def test_a_flood_of_names_empties_nobodys_bucket(monkeypatch):
    monkeypatch.setattr(buckets, "MOST", 1000)
    b = Buckets(rate=1.0, burst=5, clock=lambda: 1000.0)
    for _ in range(5):
        b.charge("guesser")
    for n in range(20_000):
        b.charge(f"flood {n}")
    assert b.wait("guesser") and len(b) <= 1000


def test_seen_where_a_flood_forgets_everybody(monkeypatch):
    """Known-bad: a full table is emptied."""
    monkeypatch.setattr(Buckets, "_drop", Buckets.clear)
    with pytest.raises(AssertionError):
        test_a_flood_of_names_empties_nobodys_bucket(monkeypatch)


def test_what_was_taken_can_be_given_back():
    b = Buckets(rate=1.0, burst=2, clock=lambda: 1000.0)
    assert b.spend("a") == b.spend("a") == 0 and b.spend("a")
    b.give_back("a")
    assert b.spend("a") == 0 and b.spend("a")


def test_delays_grow_end_and_are_forgotten(monkeypatch):
    monkeypatch.setattr(delays, "MOST", 1000)
    now = [1000.0]
    d = Delays(free=2, first=1.0, longest=60.0, forget=3600.0, clock=lambda: now[0])
    waits = []
    for _ in range(12):
        waits.append(d.wait("name"))
        now[0] += d.wait("name")
        d.failed("name")
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60] and d.wait("other") == 0
    for n in range(20_000):
        d.failed(f"flood {n}")
    assert d.wait("name") == 60 and len(d) <= 1000, "a flood makes nobody forgotten"
    d.succeeded("name")
    assert d.wait("name") == 0
    for _ in range(5000):  # no number overflows
        d.failed("name")
    assert d.wait("name") == 60
    now[0] += 3600
    assert d.wait("name") == 0


def test_turns_are_by_site_then_by_sender():
    async def scenario():
        turns, order = Turns(1, 100), []

        async def one(name, address):
            async with turns.turn(address):
                order.append(name)
                await asyncio.sleep(0)
        waiting = [("a1", "10.1.1.1"), ("a2", "10.1.1.2"), ("a3", "10.1.1.3"), ("b", "10.1.2.1"), ("c", "10.2.0.1"),
                   ("v6 1", "2001:db8:0:1::1"), ("v6 2", "2001:db8:0:2::1")]
        await asyncio.gather(*(one(*w) for w in waiting))
        assert order == ["a1", "a2", "c", "v6 1", "b", "v6 2", "a3"], order
        assert turns.running == 0 == turns.waiting
    asyncio.run(scenario())


def test_the_site_with_most_waiting_gives_one_up():
    async def scenario():
        turns, done, full = Turns(1, 10), [], []

        async def one(name, address):
            try:
                async with turns.turn(address):
                    done.append(name)
                    await asyncio.sleep(0)
            except Full:
                full.append(name)
        crowd = [asyncio.ensure_future(one(f"crowd {n}", f"2001:db8:0:{n:x}::1")) for n in range(50)]
        await asyncio.sleep(0)
        owner = asyncio.ensure_future(one("owner", "198.51.100.7"))
        await asyncio.gather(owner, *crowd)
        assert "owner" in done[:4] and "owner" not in full
        assert len(full) >= 39 and len(done) + len(full) == 51 and turns.running == 0 == turns.waiting
    asyncio.run(scenario())


def test_who_is_cancelled_takes_no_turn():
    async def scenario():
        turns = Turns(1, 10)
        held = asyncio.Event()

        async def hold():
            async with turns.turn("10.1.1.1"):
                await held.wait()

        async def pass_through(address):
            async with turns.turn(address):
                return address
        first = asyncio.ensure_future(hold())
        await asyncio.sleep(0)
        waits = [asyncio.ensure_future(pass_through(f"10.{n}.1.1")) for n in range(3)]
        await asyncio.sleep(0)
        waits[0].cancel()
        await asyncio.sleep(0)
        held.set()
        await asyncio.sleep(0)
        waits[1].cancel()  # as its turn comes
        assert await waits[2] == "10.2.1.1"
        await asyncio.gather(first, *waits, return_exceptions=True)
        assert turns.running == 0 == turns.waiting
    asyncio.run(scenario())
