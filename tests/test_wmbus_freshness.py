"""What in a telegram's head must rise: the counters of modes 7 and 10, the session number of an encrypted ELL."""

from wmbus_cases import ell, long, mode5, mode7, mode10, short, telegram

from wmbus import freshness


def test_the_message_counter_of_modes_7_and_10():
    assert freshness.of(mode7(counter=b"\x05\x00\x00\x00")) == ("mcr", 5)
    assert freshness.of(mode7(counter=b"\x05\x01\x00\x80")) == ("mcr", 0x80000105)
    assert freshness.of(mode10(counter=b"\x06\x01\x00\x00")) == ("mcr", 0x106)


def test_the_session_number_of_an_encrypted_ell():
    sealed = ell(b"\x78" + b"\x04\x13\x39\x30\x00\x00")
    at = sealed.index(b"\x8d", 10)
    for number in (0x20000010, 0x3FFFFFFF):
        told = sealed[:at + 3] + number.to_bytes(4, "little") + sealed[at + 7:]
        assert freshness.of(told) == ("ell", number & 0x1FFFFFFF)


def test_where_nothing_must_rise():
    for sample in (short(), long()):
        assert freshness.of(sample) == ("", 0)


def test_mode_5_has_its_access_number_alone():
    assert freshness.of(mode5(access=7)) == ("access", 7)
    assert freshness.of(telegram(b"\x8c\x20\x11" + mode5(access=200)[10:])) == ("access", 200)


def test_bytes_that_are_no_telegram_tell_nothing():
    sealed = mode7()
    assert freshness.of(b"") is None and freshness.of(sealed[:20]) is None
    for at in range(len(sealed)):
        freshness.of(sealed[:at] + bytes((sealed[at] ^ 0xFF,)) + sealed[at + 1:])
