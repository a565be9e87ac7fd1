"""One timer for many waits: each ends with its result, its error, the cancelling of whoever waits, or TimeoutError."""

import asyncio

import pytest

from cloud_receiver.edge.deadlines import Deadline


def test_results_and_errors_pass():
    async def scenario():
        deadline = Deadline(60)

        async def fails():
            raise ValueError("its own")

        assert await deadline.wait(asyncio.sleep(0, "done")) == "done"
        with pytest.raises(ValueError, match="its own"):
            await deadline.wait(fails())
        assert len(deadline) == 0
    asyncio.run(scenario())


def test_what_takes_too_long_is_cancelled_and_the_others_are_not():
    async def scenario():
        deadline = Deadline(0.05)
        loop = asyncio.get_running_loop()
        long, soon = loop.create_future(), loop.create_future()
        waits = [asyncio.ensure_future(deadline.wait(f)) for f in (long, soon)]
        await asyncio.sleep(0)
        soon.set_result(1)
        assert await waits[1] == 1
        with pytest.raises(TimeoutError):
            await waits[0]
        assert long.cancelled() and len(deadline) == 0
        with pytest.raises(TimeoutError):  # the timer goes on for those that come later
            await deadline.wait(loop.create_future())
    asyncio.run(scenario())


def test_whoever_waits_can_be_cancelled():
    async def scenario():
        deadline = Deadline(60)
        waiting = asyncio.ensure_future(deadline.wait(asyncio.get_running_loop().create_future()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(deadline) == 0
    asyncio.run(scenario())
