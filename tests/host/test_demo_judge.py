"""The demo's judge: a true run passes, and each kind of fault is found and counted under its own name."""

from types import SimpleNamespace

import pytest
from netti_tools.demo import judge
from netti_tools.demo.evidence import DECODED, Hour, Row, Store
from netti_tools.demo.judge import Heard
from netti_tools.demo.processes import Status
from netti_tools.simulate.meters import MODELS, Meter
from netti_tools.simulate.truth import Delivery, Truth

WINDOW = 900
HOUR = 1_795_500_000 // 3600 * 3600
HOME = 7


def iso(at):
    import datetime
    return f"{datetime.datetime.fromtimestamp(at, datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


class Run:
    """A small true run: two gateways, two water meters and a heat meter, two hours, every window served."""

    def __init__(self):
        self.truth = Truth()
        water = [m for m in MODELS if m.name in ("sensus", "diehl")]
        self.meters = [Meter(model, f"1234567{i}", bytes((i,) * 16)) for i, model in enumerate(water)]
        self.foreign = Meter(next(m for m in MODELS if m.kind == 4), "99999999", bytes(16))
        self.rows, self.readings, self.certain = [], {}, []
        for n in range(int(2.5 * 4)):
            for meter in self.meters:
                at = HOUR + n * WINDOW + 400 + 10 * self.meters.index(meter)
                sent = self.truth.add_sent(meter, at, f"{meter.text} {n}".encode(), 5000 + n)
                self.certain.append(Delivery(sent, "home", 0, 1, len(self.certain), at, at, -70, True))
                self.rows.append(Row(meter.text, sent.data, at + 2, DECODED, "GATEWAY"))
                self.readings.setdefault(meter.text, []).append((iso(at + 2), (5000 + n) / 1000))
            sent = self.truth.add_sent(self.foreign, HOUR + n * WINDOW + 500, b"heat %d" % n, None)
            self.certain.append(Delivery(sent, "home", 0, 1, len(self.certain), sent.at, sent.at, -70, True))
        for hour in range(3):
            self.truth.add_list("home", HOME, 1, 3, HOUR + hour * 3600 + 10, HOUR + hour * 3600, 10_000 + 700 * hour)
        self.home_hours = [("GATEWAY", HOUR + h * 3600, 700, 0) for h in range(2)]
        self.han_records, self.gaps, self.opaque = [], 0, 0
        own = self.meters[0]
        self.history = [Hour(HOUR + h * 3600, "el", "7", 700, False) for h in range(2)]
        self.history += [Hour(HOUR + h * 3600, "water", own.text, 5003 + 4 * h, False) for h in range(2)]
        self.gateways = [Heard("GATEWAY", "home", HOME, True, self.certain, [own]),
                         Heard("OTHER", "other", -1, False, [], [])]

    def counts(self, late=0.0):
        store = Store(self.rows, {}, self.home_hours, self.han_records, self.gaps, self.opaque)
        verdict = judge.judge(self.truth, self.gateways, store, self.readings, {"home": self.history}, WINDOW, late)
        self.verdict = verdict
        return {name: n for name, n in verdict.counts.items() if n}


def test_a_true_run_passes():
    run = Run()
    assert run.counts() == {}
    assert run.verdict.pairs == 20 and run.verdict.hours == 4


def cut_row(run):
    del run.rows[3], run.readings[run.meters[1].text][1]


def cut_own_hour(run):
    run.history = [h for h in run.history if h.kind != "el" or h.hour != HOUR]


def cut_water_hour(run):
    run.history = [h for h in run.history if h.kind != "water" or h.hour != HOUR]


def cut_home_hour(run):
    run.home_hours.pop()


def twice(run):
    run.rows.append(run.rows[4]._replace(gateway="OTHER"))


def hour_twice(run):
    run.history.append(run.history[0])


def litre_more(run):
    rows = run.readings[run.meters[0].text]
    rows[2] = rows[2][0], rows[2][1] + 0.001


def other_hour(run):
    run.history[0] = run.history[0]._replace(value=701)


def other_water(run):
    run.history[-1] = run.history[-1]._replace(value=5000)


def estimated(run):
    run.history[0] = run.history[0]._replace(estimated=True)


def wrong_time(run):
    run.rows[5] = run.rows[5]._replace(time=run.rows[5].time + 3600)
    run.readings[run.rows[5].meter] = []


def no_time(run):
    run.rows[5] = run.rows[5]._replace(time=None)


def never_sent(run):
    run.rows.append(Row(run.meters[0].text, b"noise", HOUR, DECODED, "GATEWAY"))


def heat_relayed(run):
    run.rows.append(Row(run.foreign.text, b"heat 1", HOUR + WINDOW + 500, DECODED, "GATEWAY"))


def not_decoded(run):
    run.rows[5] = run.rows[5]._replace(state=2)


def no_reading(run):
    run.readings[run.meters[0].text] = []


def neighbour_hour(run):
    run.home_hours.append(("OTHER", HOUR, 1, 0))


def neighbour_record(run):
    run.han_records.append("OTHER")


def gap(run):
    run.gaps = 1


@pytest.mark.parametrize("plant,name", [
    (cut_row, "lost"), (cut_own_hour, "lost"), (cut_water_hour, "lost"), (cut_home_hour, "lost"),
    (twice, "duplicates"), (hour_twice, "duplicates"),
    (litre_more, "wrong"), (other_hour, "wrong"), (other_water, "wrong"), (estimated, "wrong"), (wrong_time, "wrong"),
    (no_time, "wrong"), (never_sent, "wrong"), (heat_relayed, "foreign"), (not_decoded, "missing"),
    (no_reading, "missing"), (neighbour_hour, "han"), (neighbour_record, "han"), (gap, "gaps"),
], ids=lambda x: getattr(x, "__name__", x))
def test_each_fault_is_found_under_its_name(plant, name):
    run = Run()
    plant(run)
    counts = run.counts()
    assert counts.get(name), counts
    # One fault may show in two ways (an untimed telegram serves no window), but never as a duplicate of itself.
    assert name == "duplicates" or "duplicates" not in counts


def test_two_gateways_one_telegram_is_no_duplicate_and_serves_both():
    run = Run()
    run.gateways[1] = run.gateways[1]._replace(certain=run.certain)
    assert run.counts() == {}


def test_a_gateway_with_a_slow_clock_is_judged_by_its_own_edge():
    """A telegram just inside a window by true time is in the one before by this gateway's clock: no loss."""
    run = Run()
    run.rows = [row._replace(time=row.time - 62) for row in run.rows]
    run.readings = {}
    sent = run.truth.add_sent(run.meters[1], HOUR + 30 * WINDOW + 40, b"after the edge", 1)
    run.certain.append(Delivery(sent, "home", 0, 1, 0, sent.at, sent.at, -70, True))
    assert "lost" not in run.counts()
    late = run.truth.add_sent(run.meters[1], HOUR + 31 * WINDOW + 400, b"well inside", 1)
    run.certain.append(Delivery(late, "home", 0, 1, 0, late.at, late.at, -70, True))
    assert run.counts()["lost"] == 1


def test_what_the_simulator_itself_sent_late_is_not_held_against_a_gateway():
    """An own meter's telegram of half a minute before the hour, sent by a busy machine after it."""
    run = Run()
    sent = run.truth.add_sent(run.meters[0], HOUR + 3600 - 30, b"late", 5999)
    run.certain.append(Delivery(sent, "home", 0, 1, 0, sent.at, sent.at, -70, True))
    run.rows.append(Row(run.meters[0].text, sent.data, sent.at + 2, DECODED, "GATEWAY"))
    run.readings[run.meters[0].text].append((iso(sent.at + 2), 5.999))
    assert run.counts(late=5) == {"wrong": 1} and run.counts(late=40) == {}


def test_a_verdict_on_too_little_is_no_verdict():
    run = Run()
    run.rows = [row._replace(time=row.time + 290) for row in run.rows]
    assert run.counts()["unproven"] == 1


def life(started, killed, *statuses):
    return SimpleNamespace(started=started, killed=killed, statuses=[Status(real, n, {}) for real, n in statuses])


def deliveries(*reals, radio=0):
    return [Delivery(None, "home", radio, 1, i, real, real, -70, True) for i, real in enumerate(reals)]


def test_what_is_certain_before_a_kill_is_what_the_last_status_covers():
    given = deliveries(1, 2, 3, 4, 5)
    assert judge.certain(given, [life(0, None)]) == given
    # At 4.5 it had dealt with 3 of the 4 given by then; the rest is open.
    assert judge.certain(given, [life(0, 5.5, (2.5, 2), (4.5, 3))]) == given[:3]
    assert judge.certain(given, [life(0, 5.5, (4.5, 4))]) == given[:4]
    assert judge.certain(given, [life(0, 5.5)]) == []
    # What was sent to nobody between two lives proves nothing.
    assert judge.certain(given, [life(0, 2.5, (2.4, 2)), life(3.5, None)]) == given[:2] + given[3:]


def test_with_two_radios_the_open_ones_may_be_of_either():
    given = deliveries(1, 2, 3) + deliveries(1, 2, 3, radio=1)
    sure = judge.certain(given, [life(0, 4, (3.5, 5))])
    assert sorted((d.radio, d.real) for d in sure) == [(0, 1), (0, 2), (1, 1), (1, 2)]
