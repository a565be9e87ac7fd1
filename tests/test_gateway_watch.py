"""The watchdog, the note of a crash, and what goes when memory is short."""

import json

from gateway_bench import Bench

from firmware.watch import ROUND_S, Watch
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
    g.watch.round_at = g.hal.real_ms() - ROUND_S * 1000 - 1
    assert not g.watch.feed_if_healthy() and not fed and "housekeeping" in kept[0].decode()
    g, fed, kept = watched()
    g.hal.ms += 101000
    g.watch.round_at = g.hal.real_ms()
    assert not g.watch.feed_if_healthy() and not fed and "uplink" in kept[0].decode()


def test_a_crash_is_told_once_after_the_next_start():
    g, _, kept = watched()
    g.memory = 1000, 2000
    g.watch.note("Traceback: it broke")
    note = kept.pop()
    g, _, kept = watched()
    g.watch.tell(note, 3)
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
    g.watch.tell(note, 5)
    (text,) = [r[4] for r in g.records(g.values, records.EVENT) if r[3] == "crash"]
    assert text.startswith("free=524288 uptime=1000000000 used=524288 reset=5 ")
    assert text.endswith("ValueError: what it was") and len(text) > 190


def test_a_reset_by_the_watchdog_is_told_also_where_nothing_was_noted():
    g, _, kept = watched()
    g.watch.tell(None, 3)
    assert [r[4] for r in g.records(g.values, records.EVENT)] == ["reset=3 hung, without a note"]
    for cause in (0, 1, 2, 4, 5):
        g, _, kept = watched()
        g.watch.tell(None, cause)
        assert not g.records(g.values, records.EVENT)


def test_damaged_or_missing_notes_are_told_by_nobody():
    for note in (None, b"", b"{", b"[]", b"{}", b'{"trace": 1}'):
        g, _, kept = watched()
        g.watch.tell(note, 0)
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
