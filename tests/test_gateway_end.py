"""A gateway told to end ends, also where a task does not hear it the first time."""

import asyncio

from board_rig import folder, made


def deaf(times):
    """A task that loses so many cancels, as wait_for of Python 3.11 may, and then goes on for ever."""
    lost = [0]

    async def run():
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost[0] += 1
                if lost[0] > times:
                    raise
    return run, lost


async def _ends(g):
    running = asyncio.create_task(g.tasks.run())
    await asyncio.sleep(0.05)
    g.tasks.stop()
    await running
    return g.watch.running["uplink"].done()


def test_a_task_that_loses_a_cancel_is_told_again():
    g = made(folder("deaf"))
    g.uplink.run, lost = deaf(3)
    assert asyncio.run(_ends(g)) and lost[0] == 4
