"""The store's writer in a process of its own: its frames, its answers, its end."""

import asyncio
import os
import random

import pytest
from receiver_support import Meter
from store_rig import Ring

from cloud_receiver.stores import Busy, StoreError, open_store, queries, remote, writer, writer_groups
from cloud_receiver.stores.jobs import keeping

PLAIN = Meter(11111111)


def count_up(db, n):
    """A job: n, and the writer's process."""
    return n, os.getpid()


def broken(db):
    """A job with a defect."""
    db.execute("DELETE FROM records")
    raise KeyError("a defect")


class Unsendable(Exception):
    """An exception that no pickle holds."""

    def __reduce__(self):
        raise TypeError("no")


def unsendable(db):
    """A job whose exception cannot be sent."""
    raise Unsendable("what was wrong")


def with_writer(tmp_path, scenario, groups=None):
    """Run `await scenario(store, ends, child)` with a writer's process and three ends to it."""
    url = f"sqlite://{tmp_path}/store.sqlite"
    child, ends = remote.fork(groups or writer_groups(url), 3)
    remote.wait_ready(ends[0])

    async def main():
        store = open_store(url, remote.RemoteWriter(ends[0]))
        try:
            return await scenario(store, ends, child)
        finally:
            store.close()
    try:
        return asyncio.run(main())
    finally:
        for end in ends:
            end.close()
        assert os.waitpid(child, 0)[0] == child


def test_what_is_asked_is_done_elsewhere_in_order(tmp_path):
    async def scenario(store, ends, child):
        results = await asyncio.gather(*(store.writer.submit(count_up, n) for n in range(500)))
        assert results == [(n, child) for n in range(500)]
        other = remote.RemoteWriter(ends[1])
        ring = Ring(store)
        _, taken = await asyncio.gather(other.submit(count_up, 7),
                                        ring.send([ring.telegram(PLAIN.telegram(n)) for n in range(400)]))
        other.close()
        return taken.through, (await store.read(queries.summary.everything))["telegrams"]

    assert with_writer(tmp_path, scenario) == (400, 400)


def test_a_defect_belongs_to_who_asked(tmp_path):
    async def scenario(store, ends, child):
        good, bad, odd = await asyncio.gather(store.writer.submit(count_up, 1), store.writer.submit(broken),
                                              store.writer.submit(unsendable), return_exceptions=True)
        assert good == (1, child) and isinstance(bad, KeyError) and "what was wrong" in str(odd)
        return await store.writer.submit(count_up, 2)

    assert with_writer(tmp_path, scenario)[0] == 2


def test_when_the_writer_is_killed_nobody_waits_for_ever(tmp_path):
    async def scenario(store, ends, child):
        await store.writer.submit(count_up, 1)
        os.kill(child, 9)
        with pytest.raises(StoreError):
            await asyncio.wait_for(store.writer.submit(count_up, 2), 20)
        await asyncio.wait_for(store.writer.lost.wait(), 20)
        with pytest.raises(StoreError):
            store.writer.submit(count_up, 3)

    with_writer(tmp_path, scenario)


def test_too_many_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "MAX_WAITING", 3)

    async def scenario(store, ends, child):
        waiting = [store.writer.submit(count_up, n) for n in range(3)]
        with pytest.raises(Busy):
            store.writer.submit(count_up, 4)
        return await asyncio.gather(*waiting)

    assert len(with_writer(tmp_path, scenario)) == 3


def test_a_store_that_does_not_open_says_why(tmp_path):
    child, ends = remote.fork(writer_groups(f"sqlite://{tmp_path}/no/such/folder/x"), 1)
    with pytest.raises(StoreError, match="No such file"):
        remote.wait_ready(ends[0])
    ends[0].close()
    os.waitpid(child, 0)


def test_frames_in_any_pieces():
    rng = random.Random(1)
    values = [(n, os.urandom(rng.randrange(3000))) for n in range(50)]
    data = b"".join(remote._frame(v) for v in values)
    for _ in range(20):
        frames, whole, at = remote._Frames(), [], 0
        while at < len(data):
            size = rng.choice((1, 3, 700, 9000))
            whole += frames.feed(data[at:at + size])
            at += size
        assert whole == values


def test_what_can_wait_lets_the_others_go_first_but_not_for_ever():
    groups = writer.Groups(None, None)
    groups._add("later", keeping.age, ())
    for n in range(3):
        groups._add(n, count_up, ())
    assert [groups._next()[0] for _ in range(4)] == [0, 1, 2, "later"]
    groups._add("later", keeping.age, ())
    groups._patient[0] = (groups._patient[0][0] - writer.PATIENCE_S - 1, groups._patient[0][1])
    groups._add(0, count_up, ())
    assert groups._next()[0] == "later"


def test_a_group_is_bounded_in_jobs_and_in_time(tmp_path):
    """By number, and by time: as long as a few of the disk's commits, and never longer than the bound."""
    groups = writer.Groups(None, None)
    assert groups.group_s == writer.MAX_GROUP_S
    groups.commit_s = 0.02
    assert groups.group_s == writer.COMMITS * 0.02
    groups.commit_s = 5.0
    assert groups.group_s == writer.SLOW_GROUP_S
    groups = writer_groups(f"sqlite://{tmp_path}/store.sqlite")
    connection = groups._connect()
    for n in range(writer.MAX_GROUP + 50):
        groups._add(n, count_up, (n,))
    groups.commit_s = 100.0
    assert len(groups._group(connection)) == writer.MAX_GROUP and groups.waiting == 50
    groups._leave(connection)
