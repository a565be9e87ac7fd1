"""A gateway whose power fails again and again: it goes quiet, and comes back."""

import asyncio

from gateway_bench import Bench, Hal

from firmware import quiet
from firmware.spool.flush_rule import FlushRule
from firmware.tasks import STEADY_S
from firmware.wire import records

POWER, WATCHDOG, SOFT = 1, 3, 5


def test_starts_are_counted_while_power_is_what_ended_the_last_one():
    assert quiet.counted(0, POWER, False) == 1 and quiet.counted(7, POWER, False) == 8
    assert quiet.counted(7, WATCHDOG, False) == 8  # as which older firmwares report a brown-out
    assert quiet.counted(7, WATCHDOG, True) == 0  # a hung task, which left a note
    for cause in (0, 2, 4, SOFT):
        assert quiet.counted(7, cause, False) == 0


def test_the_pause_grows_and_is_bounded():
    pauses = [quiet.pause(n) for n in range(30)]
    assert pauses[:quiet.MOST] == [0] * quiet.MOST and pauses[quiet.MOST:quiet.MOST + 3] == [120, 240, 480]
    assert max(pauses) == quiet.LONGEST_S and quiet.pause(1 << 40) == quiet.LONGEST_S


class Uplink:
    due_at = 3600

    def __init__(self):
        self.began = None


def lived(starts, kind=quiet.Quiet, supply=None, pressed=None, seconds=quiet.LONGEST_S + 100):
    """A gateway that begins quiet: (gateway, uptime at which Wi-Fi began, what it was told). `supply` and `pressed` are
    functions of the uptime."""
    g = Bench(hal=Hal())
    g.uplink = Uplink()
    g.flush_rule = FlushRule(10, 3100)
    if supply is not None:
        g.supply = lambda: supply(g.clock.uptime())
    over = []
    mode = kind(g, starts, None if pressed is None else lambda: pressed(g.clock.uptime()))
    mode.on_over = lambda: over.append(g.clock.uptime())

    async def wifi():
        g.uplink.began = g.clock.uptime()
        await asyncio.sleep(3600)

    async def run():
        tasks = [asyncio.create_task(mode.held(wifi)()), asyncio.create_task(mode.run())]
        while g.clock.uptime() < seconds and g.uplink.began is None:
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
    asyncio.run(run())
    assert over == ([] if g.uplink.began is None else [g.uplink.began])
    return g, g.uplink.began, [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "quiet"]


def test_wifi_waits_for_the_pause_and_the_receiver_hears_of_it_later():
    g, began, told = lived(6)
    assert 119 <= began <= 121
    assert told == ["power failed 6 times in a row: reads and stores only, 120 s at most"]
    assert g.hal.lines == ["netti: " + told[0]] and g.counters["quiet"] == 1
    assert lived(8)[1] - lived(7)[1] >= 239
    assert g.uplink.due_at >= began + 3600  # the watch does not take the pause for a hung uplink


def test_the_uplinks_time_does_not_run_out_meanwhile():
    g = Bench()
    g.uplink = Uplink()

    async def run():
        task = asyncio.create_task(quiet.Quiet(g, 13).run())
        while g.clock.uptime() < 5000:
            await asyncio.sleep(0)
        assert g.uplink.due_at > 1 << 30
        task.cancel()
    asyncio.run(run())


def test_a_supply_that_has_been_good_for_a_minute_ends_it():
    began = lived(20, supply=lambda t: 3000 if t < 1000 else 3300)[1]
    assert 998 + quiet.GOOD_S <= began <= 1002 + quiet.GOOD_S
    # One that falls again and again is not good; 100 mV above the limit is.
    assert lived(20, supply=lambda t: 3000 if t % 50 == 0 else 3300)[1] >= quiet.LONGEST_S
    assert lived(20, supply=lambda t: 3199)[1] >= quiet.LONGEST_S


def test_the_button_ends_it():
    assert 500 <= lived(20, pressed=lambda t: t >= 500)[1] <= 502


def test_the_ring_is_not_filled_by_it():
    assert [n for n in range(6, 40) if lived(n)[2]] == [6, 8, 16, 32]


def test_a_gateway_that_is_never_quiet_is_seen():
    """Known bad: the pause of one that lets Wi-Fi begin at once."""
    class Loud(quiet.Quiet):
        def held(self, work):
            return work
    mode = Loud(None, 6)

    async def work():
        return None
    assert mode.held(work) is work  # it began before its pause

    class Hasty(quiet.Quiet):
        async def _wait(self, seconds):
            pass
    assert lived(6, Hasty)[1] == 0


def test_a_start_that_lives_for_long_is_the_end_of_it():
    g = Bench()
    g.uplink = Uplink()
    g.state["starts"] = 9
    g.hal.ms = (STEADY_S - 1) * 1000
    g.tasks.tick()
    assert g.state["starts"] == 9
    g.hal.ms = STEADY_S * 1000
    g.tasks.tick()
    assert g.state["starts"] == 0 and g.kept["starts"] == 0
