"""A crash as a gateway tells it after its next start, on the gateway's page in both languages and in the API."""

import json

import pytest
from receiver_support import NOW, Running, make

import firmware.wire.records as records
from cloud_receiver.data import crashes
from firmware.crash import tell
from firmware.watch import Watch

TRACE = '''Traceback (most recent call last):
  File "firmware/gateway.py", line 290, in supervise
  File "firmware/home/own_meters.py", line 71, in take
MemoryError: memory allocation failed, <allocating> 4096 bytes'''


class Ring:
    """The gateway's values ring: what its Watch writes becomes records of a batch."""

    def __init__(self, g):
        self.g, self.records = g, []

    def append(self, make_record):
        self.records.append(make_record(self.g.next()))

    def flush(self):
        pass


class Firmware:
    """As much of a gateway as its Watch needs: it crashes after 26 hours, and has started again at NOW."""

    def __init__(self, g, memory=None):
        self.values, self.memory, self.hal = Ring(g), memory, self
        self.clock = self.journal = self.watch = self

    def real_ms(self):
        return 0

    def save(self, note):
        pass

    def uptime(self):
        return 26 * 3600

    def record_time(self):
        return NOW

    def event(self, name, detail):
        self.values.append(lambda seq: records.event(seq, NOW, name, detail[:200]))


def told(g, memory, cause):
    """The records of a start after a crash, by the gateway's own code: a note that was kept, and what is told of it."""
    kept = []
    Watch(Firmware(g, memory), None, kept.append).note(TRACE)
    after = Firmware(g)
    tell(after, kept[0], cause)
    return after.values.records


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with Running(make(tmp_path_factory.mktemp("crash") / "works")) as running:
        running.crashed, running.calm, running.hung = (running.enrol(name=n) for n in ("crashed", "calm", "hung"))
        g = running.crashed
        running.through(g.batch(told(g, (20 * 1024, 108 * 1024), 3)))
        # A later status record takes the place of the one that told it.
        running.through(g.batch([records.status(g.next(), NOW, [["heard", 5]])]))
        running.through(running.calm.batch([records.event(running.calm.next(), NOW, "restart", "no crash")]))
        after = Firmware(running.hung)
        tell(after, None, 3)
        running.through(running.hung.batch(after.values.records))
        yield running


@pytest.mark.parametrize("language, expected", [
    ("nb", ("Siste krasj", "Startet igjen", "Hadde gått i", "1 døgn", "vakthunden", "108 av 128 kB",
            "Krasj: MemoryError")),
    ("en", ("Latest crash", "Started again", "Had run for", "1 day", "the watchdog", "108 of 128 kB",
            "Crash: MemoryError"))])
def test_the_page_tells_what_when_how_long_memory_and_cause(receiver, language, expected):
    text = receiver.web("/gateways/" + receiver.crashed.id, headers={"Accept-Language": language}).text
    text = text.replace("\xa0", " ")
    for part in expected:
        assert part in text, part
    assert "MemoryError: memory allocation failed, &lt;allocating&gt; 4096 bytes" in text and "<allocating>" not in text
    assert "free=" not in text


def test_a_gateway_without_a_crash_shows_none(receiver):
    text = receiver.web("/gateways/" + receiver.calm.id, headers={"Accept-Language": "en"}).text
    assert "Latest crash" not in text and "restart no crash" in text
    assert receiver.json("/v1/gateways/" + receiver.calm.id)["crash"] is None


def test_one_that_its_watchdog_reset_without_a_note_shows_that(receiver):
    text = receiver.web("/gateways/" + receiver.hung.id, headers={"Accept-Language": "en"}).text
    assert "Latest crash" in text and "the watchdog" in text and "hung, without a note" in text


def test_the_api_tells_it(receiver):
    answer = receiver.json("/v1/gateways/" + receiver.crashed.id)["crash"]
    assert answer["uptime_s"] == 26 * 3600 and answer["cause"] == "the watchdog" and answer["time"]
    assert (answer["heap_free"], answer["heap_used"]) == (20 * 1024, 108 * 1024)
    assert answer["trace"].endswith("4096 bytes")


def test_a_detail_of_any_form_is_read():
    assert crashes.crash(1, 2, "ValueError: x")[2:] == ("ValueError: x", None, None, None, None)
    assert crashes.crash(None, 2, "")[2:] == ("", None, None, None, None)
    assert crashes.crash(1, 2, "free=0 uptime=7 used=0 reset=77 x=1 y").trace == "y"
    crash = crashes.crash(1, 2, "free=0 uptime=7 used=0 reset=77 x y=2\nz")
    assert crash[2:] == ("x y=2\nz", 7, None, None, crashes.UNKNOWN)
    assert crashes.latest([(records.EVENT, 1, 2, b"\xff"), (None, 1, 2, b""), (records.BOOT, 1, 2, b"")]) is None
    assert json.dumps(crashes.crash(1, 2, "reset=1 x")._asdict())
