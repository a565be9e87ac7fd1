"""The contract of the radios: each against its scripted far end (radio_ends.py), in every way a line goes wrong.

A new radio is a file of firmware/radios and a far end in radio_ends.ENDS; what is promised here holds for all.
"""

import os

import radio_ends as ends
import wmbus_cases as cases
from radio_scene import LONG, ONE, SCENES, TWO, radio_class, refused, telegrams

from firmware.radios import _imst

NAMES = sorted(SCENES)


def radio_modules():
    """The names of the files of radios."""
    return sorted([n[:-3] for n in os.listdir("firmware/radios") if n.endswith(".py") and n[0] != "_"])


def scene_of(name, **known_bad):
    """A radio on its line."""
    return SCENES[name](name, **known_bad)


# --- the contract

def hears_in_any_pieces(name, **known_bad):
    for size in (None, 1, 2, 7):
        scene = scene_of(name, **known_bad).settle()
        scene.feed(b"".join([scene.end.air(t) for t in (ONE, TWO, LONG, ONE)]), size)
        assert telegrams(scene.heard) == [ONE, TWO, LONG, ONE], (name, size)
        assert scene.radio.rejected == 0, (name, size)


def hears_after_noise(name, **known_bad):
    for seed in range(12):
        scene = scene_of(name, **known_bad).settle()
        scene.feed(scene.end.noise(seed), (None, 1, 3)[seed % 3])
        if scene.end.ALONE:
            scene.feed(scene.end.air(TWO))
        scene.pause()
        scene.feed(scene.end.air(ONE))
        assert telegrams(scene.heard) == ([TWO] if scene.end.ALONE else []) + [ONE], (name, seed)


def drops_half_frames(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    whole = scene.end.air(TWO)
    for cut in (1, 2, 3, 5, len(whole) // 2, len(whole) - 1):
        assert scene.feed(whole[:cut]) == [], (name, cut)
        scene.pause()
        assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE], (name, cut)


def believes_the_receiver(name, **known_bad):
    for damaged in scene_of(name).end.damaged(TWO):
        scene = scene_of(name, **known_bad).settle()
        assert scene.feed(damaged) == [], (name, damaged)
        scene.pause()
        assert scene.heard == [], (name, damaged)
        assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE] and scene.radio.rejected >= 1, (name, damaged)


def no_flipped_bit_makes_another_telegram(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    if not scene.end.CHECKED:
        return
    whole = scene.end.air(ONE)
    for bit in range(5, len(whole) * 8, 3):
        refused(scene.feed, cases.flipped(whole, bit))
        scene.pause()
        assert [t for t in telegrams(scene.heard) if t != ONE] == [], (name, bit)
        scene.radio.reset()
        scene.end.ready = False
        scene.end.restart()
        scene.end.ready = scene.end.ready or not scene.spoken


def is_not_misled_by_its_own_words(name, **known_bad):
    scene = scene_of(name, **known_bad)
    scene.echo = True
    scene.settle()
    scene.feed(scene.end.air(ONE))
    scene.idle(70000)
    scene.feed(scene.end.air(TWO))
    assert telegrams(scene.heard) == [ONE, TWO] and scene.radio.rejected == 0, name


def configures_a_module_that_restarted(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    told = len(scene.end.told)
    scene.feed(scene.end.restart())
    if scene.spoken and scene.end.FORGETS:
        assert scene.end.air(ONE) == b"", name
    scene.idle(45000 if scene.end.FORGETS else 1000)
    scene.feed(scene.end.air(ONE))
    assert telegrams(scene.heard) == [ONE], name
    # And what stands as it should is not told again.
    told = len(scene.end.told)
    scene.idle(700000)
    scene.feed(scene.end.air(TWO))
    assert telegrams(scene.heard) == [ONE, TWO] and len(scene.end.told) == told, name


def begins_anew_when_the_stream_does(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    scene.feed(scene.end.air(TWO)[:-4])
    scene.end = type(scene.end)()  # another module of the kind, as it comes, is plugged in
    scene.radio.reset()
    scene.settle()
    assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE], name
    # Unplugged in the middle of the conversation.
    for turns in range(12):
        scene = scene_of(name, **known_bad)
        for _ in range(turns):
            scene.turn()
        scene.end = type(scene.end)()
        scene.radio.reset()
        scene.settle()
        assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE], (name, turns)


def says_that_nobody_answers(name, **known_bad):
    scene = scene_of(name, **known_bad)
    if not scene.spoken:
        return
    scene.end.mute = True
    text = refused(scene.idle, 20000)
    assert text == name + ": the module does not answer", (name, text)
    # Opened again it speaks again; and once it has spoken its silence is noticed too.
    scene.radio.reset()
    scene.end.mute = False
    scene.settle()
    assert scene.radio.found and len(scene.radio.found) < 100 and "\n" not in scene.radio.found, name
    scene.end.mute = True
    assert refused(scene.idle, 700000) == name + ": the module does not answer", name


def is_bounded(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    for size in (None, 100, 1):
        text = refused(scene.feed, scene.end.absurd(), size)
        assert bool(text) == scene.end.ABSURD_RAISES and "\n" not in text, (name, text)
        assert len(scene.held()) <= 4096, name
        scene.pause()
        assert scene.heard == [] and scene.held() in (b"", b"b", b"\xff"), (name, scene.held())
        if not scene.spoken:
            scene.feed(scene.end.noise(1))
    for _ in range(3):
        refused(scene.feed, bytes(range(256)) * 40)
        assert len(scene.held()) <= 4096, name
    scene.radio.reset()
    scene.end.restart()
    scene.idle(3000)
    scene.settle()
    assert telegrams(scene.feed(scene.end.air(ONE))) == [ONE], name


def tells_the_signal_strength(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    for rssi in ends.LEVELS:
        ((_, got),) = scene.feed(scene.end.air(ONE, rssi))
        assert abs(got - rssi) <= 1 if scene.end.RSSI else got == 0, (name, rssi, got)
    for level in (0, 1, 127, 128, 254, 255):
        ((_, got),) = scene.feed(scene.end.frame(ONE, level))
        assert got < 0 or not scene.end.RSSI or name == "bursts" and got == ends.signed(level), (name, level, got)


def takes_the_longest(name, **known_bad):
    scene = scene_of(name, **known_bad).settle()
    longest = cases.telegram(bytes([0x78] + [i & 255 for i in range(scene.end.LONGEST - 10)]))
    assert longest[0] == scene.end.LONGEST
    for size in (None, 1):
        assert telegrams(scene.feed(scene.end.air(longest) + scene.end.air(ONE), size)) == [longest, ONE], name


PROMISES = (hears_in_any_pieces, hears_after_noise, drops_half_frames, believes_the_receiver,
            no_flipped_bit_makes_another_telegram, is_not_misled_by_its_own_words, configures_a_module_that_restarted,
            begins_anew_when_the_stream_does, says_that_nobody_answers, is_bounded, tells_the_signal_strength,
            takes_the_longest)


def test_every_radio_has_a_far_end():
    known = [name for name in radio_modules() if name in SCENES or hasattr(radio_class(name), "feed")]
    assert known == NAMES  # a chip, which has no stream, has its own test too


def test_hears_in_any_pieces():
    for name in NAMES:
        hears_in_any_pieces(name)


def test_hears_after_noise():
    for name in NAMES:
        hears_after_noise(name)


def test_drops_half_frames():
    for name in NAMES:
        drops_half_frames(name)


def test_believes_the_receiver():
    for name in NAMES:
        believes_the_receiver(name)


def test_no_flipped_bit_makes_another_telegram():
    for name in NAMES:
        no_flipped_bit_makes_another_telegram(name)


def test_is_not_misled_by_its_own_words():
    for name in NAMES:
        is_not_misled_by_its_own_words(name)


def test_configures_a_module_that_restarted():
    for name in NAMES:
        configures_a_module_that_restarted(name)


def test_begins_anew_when_the_stream_does():
    for name in NAMES:
        begins_anew_when_the_stream_does(name)


def test_says_that_nobody_answers():
    for name in NAMES:
        says_that_nobody_answers(name)


def test_is_bounded():
    for name in NAMES:
        is_bounded(name)


def test_tells_the_signal_strength():
    for name in NAMES:
        tells_the_signal_strength(name)


def test_takes_the_longest():
    for name in NAMES:
        takes_the_longest(name)


# --- known bad

def mutant(name, old, new):
    """The class of a radio whose source is changed."""
    with open("firmware/radios/%s.py" % name) as f:
        text = f.read()
    assert text.count(old) == 1, (name, old)
    space = {"__name__": "firmware.radios.mutant"}
    exec(text.replace(old, new), space)
    return space["Radio"]


def changed(name, **members):
    """The class of a radio with other members."""
    return type("Changed", (radio_class(name),), members)


def keeps_its_step(self):
    if not hasattr(self, "_late"):
        radio_class("im871a").reset(self)
    self._buffer = b""


BAD = (
    (believes_the_receiver, "im871a", "control & 0x80 and check(buffer[at + 1:end]) != buffer[end:end + 2]", "False"),
    (no_flipped_bit_makes_another_telegram, "im871a",
     "control & 0x80 and check(buffer[at + 1:end]) != buffer[end:end + 2]", "False"),
    (believes_the_receiver, "rtlwmbus", 'parts[1] != b"1" or ', ""),
    (believes_the_receiver, "rtlwmbus", ' or parts[2] != b"1"', ""),
    (believes_the_receiver, "rtl433", 'row["mic"] != "CRC" or ', ""),
    (believes_the_receiver, "rtl433", 'wmbus.crc(block).to_bytes(2, "big") != data[length + 1:]', "False"),
    (believes_the_receiver, "rc1180", " or not _meter_like(self._buffer[1:4]):\n                self._lost", ":\n"
     "                self._lost"),
    (believes_the_receiver, "cul", "strip(data[:-2]) if len(data) > 2 else None", "data[:-2]"),
    (believes_the_receiver, "bursts", "            self._reader.reset()\n            telegrams",
     "            telegrams"),
    (is_not_misled_by_its_own_words, "cul", 'line[1:] not in (b"", b"rc", b"rt")', "True"),
    (configures_a_module_that_restarted, "im871a", "None if same else 0", "None"),
    (configures_a_module_that_restarted, "iu891a", "None if config == self._config else 2", "None"),
    (configures_a_module_that_restarted, "iu880b", "None if payload[1] == _SNIFFER else 2", "None"),
    (configures_a_module_that_restarted, "amb8465", "    CHECK = 6 ", "    CHECK_MS = 1 << 40 "),
    (configures_a_module_that_restarted, "cul", "None if line == self._mode else 0", "None"),
    (tells_the_signal_strength, "im871a", "(16 * rssi - 3785) // 30", "rssi - 256"),
    (tells_the_signal_strength, "iu891a", "signed(payload[7])", "payload[7]"),
    (takes_the_longest, "cul", "LONGEST = 2 + 2 * (291 + 2) + 2", "LONGEST = 500"),
    (is_bounded, "cul", "LONGEST = 2 + 2 * (291 + 2) + 2", "LONGEST = 1 << 30"),
)
BAD_MEMBERS = (
    (begins_anew_when_the_stream_does, "im871a", {"reset": keeps_its_step}),
    (drops_half_frames, "im871a", {"_stale": lambda self: None}),
    (drops_half_frames, "cul", {"_stale": lambda self: None}),
    (says_that_nobody_answers, "iu891a", {"TRIES": 1 << 30}),
    (says_that_nobody_answers, "rc1180", {"CHECK_MS": 1 << 40}),
)


def holds(promise, name, radio):
    try:
        promise(name, radio=radio)
    except (AssertionError, ValueError, IndexError):
        return False
    return True


def test_known_bad_radios_are_found():
    for promise, name, old, new in BAD:
        assert not holds(promise, name, mutant(name, old, new)), (promise.__name__, name, new)
    for promise, name, members in BAD_MEMBERS:
        assert not holds(promise, name, changed(name, **members)), (promise.__name__, name)


def test_slip_without_its_check_is_found():
    good = _imst.unslip
    _imst.unslip = lambda frame: (frame[0], frame[1], frame[2:-2]) if len(frame) > 4 else None
    try:
        assert not holds(believes_the_receiver, "iu891a", None)
    finally:
        _imst.unslip = good
    assert holds(believes_the_receiver, "iu891a", None)
