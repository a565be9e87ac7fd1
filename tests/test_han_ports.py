"""The search for a port's serial setting."""

from han_reader.ports import DWELL_S, SETTINGS, Search, upright


def test_every_setting_is_tried_in_turn():
    s = Search()
    tried = []
    now = 0
    for _ in range(len(SETTINGS)):
        tried.append(s.setting())
        assert not s.heard(0, now) and not s.heard(0, now + DWELL_S - 1)
        now += DWELL_S
        assert s.heard(0, now)
    assert tried == list(SETTINGS)
    assert s.setting() == SETTINGS[0]


def test_good_messages_settle_it():
    s = Search()
    s.heard(0, 0)
    s.heard(0, DWELL_S)
    assert s.setting() == SETTINGS[1]
    assert not s.heard(1, DWELL_S + 10) and not s.settled
    assert not s.heard(1, DWELL_S + 20) and s.settled
    assert not s.heard(0, DWELL_S + 20 + 9 * DWELL_S)
    assert s.heard(0, DWELL_S + 20 + 10 * DWELL_S) and not s.settled


def test_the_last_good_setting_comes_first():
    s = Search(SETTINGS[3])
    assert s.setting() == SETTINGS[3] and len(s.order) == len(SETTINGS)
    assert Search((1, 2, "X", 3, False)).setting() == SETTINGS[0]


def test_a_port_that_cannot_invert_has_each_setting_once():
    settings = upright()
    assert len(settings) == len(set(settings)) == len(SETTINGS) - 1
    assert True not in [s[4] for s in settings] and (9600, 7, "E", 1, False) in settings
    assert Search((9600, 7, "E", 1, False), settings).setting() == (9600, 7, "E", 1, False)
