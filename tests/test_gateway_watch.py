"""The watchdog, the note of a crash, and what goes when memory is short."""

import asyncio
import json

import fake_machine
from gateway_bench import Bench

from firmware import port
from firmware.crash import tell
from firmware.tasks import SILENT_S, Tasks
from firmware.watch import ALONE, FEED_S, GRACE_S, ROUND_S, WATCHDOG_S, Watch
from firmware.wire import records


class Task:
    def __init__(self, done=False):
        self._done = done

    def done(self):
        return self._done


class Uplink:
    due_at = 100


def watched(**settings):
    g = Bench(**settings)
    fed, kept = [], []
    g.uplink = Uplink()
    g.watch = Watch(g, lambda: fed.append(1), kept.append)
    g.watch.running = {"housekeeping": Task(), "uplink": Task()}
    return g, fed, kept


def test_the_watchdog_is_fed_while_all_goes_on():
    g, fed, kept = watched()
    assert g.watch.feed_if_healthy() and g.watch.feed_if_healthy() and len(fed) == 2 and not kept


def test_a_task_that_is_gone_ends_the_feeding_and_is_noted():
    g, fed, kept = watched()
    g.watch.running["han"] = Task(True)
    assert not g.watch.feed_if_healthy() and not fed
    assert json.loads(kept[0])["trace"] == "no progress: han"


def test_a_housekeeping_or_an_uplink_that_hangs_ends_the_feeding():
    g, fed, kept = watched()
    g.watch.sign("housekeeping", ROUND_S)
    g.hal.ms += ROUND_S * 1000 + 1
    g.uplink.due_at = 1000
    assert not g.watch.feed_if_healthy() and not fed and "housekeeping" in kept[0].decode()
    g, fed, kept = watched()
    g.hal.ms += 101000
    assert not g.watch.feed_if_healthy() and not fed and "uplink" in kept[0].decode()


class Rests:
    """An uplink with nothing to do."""
    due_at = 1 << 40

    async def run(self):
        await asyncio.sleep(3600)

    def kick(self):
        pass


class Deaf:
    """A task that hangs: it signs once at each start, and never again. `holds`: it does not even end when told to."""

    def __init__(self, g, name, seconds, holds=False):
        self.g, self.name, self.seconds, self.holds, self.starts = g, name, seconds, holds, 0

    async def run(self):
        self.starts += 1
        if self.starts == 1:
            self.g.watch.sign(self.name, self.seconds)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not self.holds:
                    raise


def living(name="wifi", holds=False, watch=Watch, steps=()):
    """A running gateway with a task that hangs. Each step is seconds that pass; then the watch looks. Returns (gateway,
    the task, what fed the dog, what was noted, whether each look was well)."""
    g = Bench()
    fed, kept, well = [], [], []
    g.uplink = Rests()
    g.watch = watch(g, lambda: fed.append(1), kept.append)
    deaf = Deaf(g, name, 60, holds)
    g.others = [(name, deaf.run)]
    g.tasks = Tasks(g)

    async def no_watchdog():
        await asyncio.sleep(3600)
    g.tasks.watchdog = no_watchdog

    async def sleep(_seconds):
        await asyncio.sleep(3600)
    g.hal.sleep = sleep

    async def run():
        running = asyncio.create_task(g.tasks.run())
        for _ in range(5):
            await asyncio.sleep(0)
        for seconds in steps:
            g.hal.ms += seconds * 1000
            g.watch.sign("housekeeping", ROUND_S)
            well.append(g.watch.feed_if_healthy())
            for _ in range(5):
                await asyncio.sleep(0)
        deaf.holds = False
        g.tasks.stop()
        await running
    asyncio.run(run())
    return g, deaf, fed, kept, well


def hung_events(g):
    return [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "hung"]


def test_a_task_that_hangs_is_started_again_alone_counted_and_told():
    g, deaf, fed, kept, well = living(steps=(1, 61, 5, 5))
    assert well == [True] * 4 and len(fed) == 4 and not kept
    assert deaf.starts == 2 and g.counters["hung"] == 1 and hung_events(g) == ["wifi"]


def test_the_times_are_those_that_docs_gateway_md_tells():
    assert (ROUND_S, ALONE, SILENT_S, WATCHDOG_S, FEED_S) == (120, 3, 3600, 60, 5)


def test_one_that_hangs_each_time_again_resets_the_chip_in_the_end():
    steps = (61, 5) + (GRACE_S + 1, 5) * ALONE
    g, deaf, fed, kept, well = living(steps=steps)
    assert deaf.starts == 1 + ALONE and g.counters["hung"] == ALONE and len(hung_events(g)) == 1
    assert well == [True] * (2 * ALONE) + [False, False] and len(fed) == 2 * ALONE
    assert json.loads(kept[0])["trace"] == "no progress: wifi"


def test_one_that_does_not_end_resets_the_chip():
    _, deaf, fed, kept, well = living(holds=True, steps=(61, 5))
    assert well == [True, False] and len(fed) == 1 and deaf.starts == 1 and b"wifi" in kept[0]


def test_a_line_that_is_silent_is_opened_again_for_ever_and_resets_nothing():
    for name in ("radio0", "han"):
        g, deaf, fed, kept, well = living(name, steps=(61, 5) + (GRACE_S + 1, 5) * 9)
        assert well == [True] * 20 and deaf.starts == 11 and not kept and g.counters["hung"] == 10
        assert len(hung_events(g)) == 1


def test_a_radio_and_a_han_port_that_spoke_and_fall_silent_are_opened_again():
    """The real tasks, on streams that give one piece and then nothing."""
    opened = []

    class Stream:
        def __init__(self, pieces):
            self.pieces = pieces

        async def read(self, _n):
            if self.pieces:
                return self.pieces.pop()
            await asyncio.sleep(3600)
            return b""

    class Radio:
        rejected = 0

        def feed(self, data):
            return []

        def reset(self):
            pass
    g = Bench(han={"port": "tcp://127.0.0.1:1"})

    async def open_stream(where):
        opened.append(where)
        return Stream([b"x"] if len(opened) < 4 else []), None

    async def close(_end):
        pass
    g.hal.open_stream, g.hal.close = open_stream, close
    g.uplink, g.radios = Rests(), [(Radio(), "tcp://127.0.0.1:2"), (Radio(), "-")]
    fed = []
    g.watch = Watch(g, lambda: fed.append(1))
    g.tasks = Tasks(g)

    async def listens():
        stream, _ = await open_stream("han")
        while True:
            g.han.feed(await stream.read(512))
    g.han.run = listens

    async def sleep(_seconds):
        await asyncio.sleep(3600)
    g.hal.sleep = sleep

    async def run():
        running = asyncio.create_task(g.tasks.run())
        for _ in range(9):
            await asyncio.sleep(0)
        g.tasks.tick()
        assert sorted(g.watch.due) == ["han", "housekeeping", "radio0"]
        g.hal.ms += SILENT_S * 1000 + 1
        for _ in range(4):
            g.tasks.tick()
            assert g.watch.feed_if_healthy()
            for _ in range(9):
                await asyncio.sleep(0)
        g.tasks.stop()
        await running
    asyncio.run(run())
    assert sorted(opened) == ["-", "han", "han", "tcp://127.0.0.1:2", "tcp://127.0.0.1:2"]
    assert g.counters["hung"] == 2 and sorted(hung_events(g)) == ["han", "radio0"]


def test_a_sign_forgives_what_was_before():
    class Forgiving(Watch):
        def feed_if_healthy(self):
            well = Watch.feed_if_healthy(self)
            if not self._ending:
                self.sign("wifi", 60)
            return well
    _, deaf, _, kept, well = living(watch=Forgiving, steps=(61, 5) * 6)
    assert well == [True] * 12 and deaf.starts == 7 and not kept


def test_the_chips_watchdog_is_fed_while_all_live_and_bites_when_one_does_not():
    """With a watchdog that resets a chip on a clock of its own (fake_machine.py)."""
    chip = fake_machine.Chip()
    with chip:
        feed = port.watchdog(WATCHDOG_S)
    g, _, _ = watched()
    g.watch = Watch(g, feed)
    g.watch.running = {"housekeeping": Task(), "uplink": Task()}
    for _ in range(100):
        chip.advance(FEED_S * 1000000)
        assert g.watch.feed_if_healthy()
    g.watch.running["supply"] = Task(True)
    chip.advance(FEED_S * 1000000)
    assert not g.watch.feed_if_healthy()
    try:
        chip.advance((WATCHDOG_S + 1) * 1000000)
        raise AssertionError("it goes on")
    except fake_machine.Reset:
        assert chip.reset_cause() == 3


class Blind(Watch):
    """Known bad: looks at nothing."""

    def stuck(self):
        return ""


class Hasty(Watch):
    """Known bad: resets the chip for one task that hangs."""

    def _mend(self, name):
        return False


class Patient(Watch):
    """Known bad: starts a task again for ever."""

    def _mend(self, name):
        self._tries.clear()
        return Watch._mend(self, name)


def test_watches_that_do_not_watch_are_seen():
    assert living(watch=Blind, steps=(1, 61, 5, 5))[1].starts == 1
    assert living(watch=Hasty, steps=(1, 61, 5, 5))[4][1] is False
    assert all(living(watch=Patient, steps=(61, 5) + (GRACE_S + 1, 5) * ALONE)[4])


def test_a_crash_is_told_once_after_the_next_start():
    g, _, kept = watched()
    g.memory = 1000, 2000
    g.watch.note("Traceback: it broke")
    note = kept.pop()
    g, _, kept = watched()
    tell(g, note, 3)
    assert [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "crash"] == [
        "free=1000 uptime=0 used=2000 reset=3 Traceback: it broke"]
    told = dict([tuple(c) for c in g.records(g.values, records.STATUS)[-1][3]])
    assert told["crash_free"] == 1000 and told["crash_used"] == 2000 and told["reset_cause"] == 3
    assert kept == [None]


def test_the_end_of_a_long_trace_is_told_with_all_figures():
    g, _, kept = watched()
    g.memory = 65536 * 8, 65536 * 8
    g.hal.ms = 10 ** 12
    g.watch.note("Traceback\n" + "  File ..., in a place\n" * 30 + "ValueError: what it was")
    note = kept.pop()
    g, _, kept = watched()
    tell(g, note, 5)
    (text,) = [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "crash"]
    assert text.startswith("free=524288 uptime=1000000000 used=524288 reset=5 ")
    assert text.endswith("ValueError: what it was") and len(text) > 190


def test_a_reset_by_the_watchdog_is_told_also_where_nothing_was_noted():
    g, _, kept = watched()
    tell(g, None, 3)
    assert [r[4] for r in g.records(g.values, records.EVENT)] == ["reset=3 hung, without a note"]
    for cause in (0, 1, 2, 4, 5):
        g, _, kept = watched()
        tell(g, None, cause)
        assert not g.records(g.values, records.EVENT)


def test_damaged_or_missing_notes_are_told_by_nobody():
    for note in (None, b"", b"{", b"[]", b"{}", b'{"trace": 1}'):
        g, _, kept = watched()
        tell(g, note, 0)
        assert not g.records(g.values, records.EVENT) and not kept


def test_load_is_shed_in_its_order_and_only_while_memory_is_short():
    g, _, kept = watched()
    steps = []
    g.forget_layouts = lambda: steps.append("layouts")
    g.thinning.close_day = lambda: steps.append("statistics")
    g.tasks.restart = lambda: steps.append("restart")
    g.watch.relieve(None)
    g.watch.relieve((500, 500))
    assert steps == []
    g.watch.relieve((95, 905))
    g.watch.relieve((95, 905))
    assert steps == ["layouts"]
    g.watch.relieve((60, 940))
    assert steps == ["layouts", "statistics"] and not kept
    g.watch.relieve((40, 960))
    assert steps == ["layouts", "statistics", "restart"] and b"out of memory" in kept[0]
    g.watch.relieve((500, 500))
    g.watch.relieve((95, 905))
    assert steps[-1] == "layouts" and g.counters["shed"] == 4
