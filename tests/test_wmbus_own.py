"""A household's own meter that sends compact frames, or messages in several frames."""

from wmbus_cases import KEY, RECORDS, address, ell, flipped, fragmented, mode5, mode7, short, telegram

import wmbus
from firmware import port
from firmware.home.own_meters import OwnMeters

T = 1795478400
METERS = [("NET-12345678-01-07", KEY)]
WATER = address()


def compact(values="39300000" "10270000" "ff2c" "7800" "09"):
    known = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    signature, full = wmbus.crc(known), wmbus.crc(RECORDS)
    return telegram(b"\x79" + bytes((signature & 255, signature >> 8, full & 255, full >> 8)) + bytes.fromhex(values))


def sealed():
    """The compact frame under the key."""
    return ell(compact()[10:])


class Home:
    """Own meters with what they kept and counted."""

    def __init__(self, kept=None, meters=METERS):
        self.kept = [kept]
        self.counted = []
        self.own = OwnMeters(meters, port.aes, lambda *row: None, self.counted.append, kept, self.kept.append)

    def take(self, frame, at=T, meter=WATER):
        return self.own.decode_own(meter, frame, at)


def test_a_format_learnt_survives_a_restart():
    home = Home()
    assert home.take(sealed()) is None and home.counted == ["own_errors"]
    assert home.take(mode5())["total_m3"] == 12.345
    assert home.take(sealed())["target_m3"] == 10.0
    # The power goes: nothing is left but what was kept.
    home = Home(home.kept[-1])
    assert home.take(sealed())["total_m3"] == 12.345 and home.counted == ["own"]
    # Kept formats that are damaged give no reading and are learnt anew.
    home = Home(home.kept[-1].replace(b"0413", b"0414"))
    assert home.take(sealed()) is None
    for kept in (b"[[], [[1, 2]]]", b"[[], 7]", b"[]", b"[[], [[\"x\", \"00\"]]]", b"[[], [[[], 1, \"00\", 1]]]"):
        assert Home(kept).take(sealed()) is None


def test_what_an_earlier_release_saved_keeps_its_hours_and_loses_its_formats():
    """It did not say of which meter a format was."""
    known = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    home = Home(b'[[["NET-12345678-01-07", %d, 77]], [[%d, "04134413426c023b015b"]]]' % (T, wmbus.crc(known)))
    assert home.own._running == {"NET-12345678-01-07": (T, 77)}
    assert home.take(sealed()) is None


def test_a_format_is_kept_when_it_is_learnt_not_with_the_next_hour():
    home = Home()
    home.take(mode5())
    count = len(home.kept)
    home.take(mode5(RECORDS[:6]), T + 1)
    assert len(home.kept) == count + 1


def test_a_meter_with_a_key_is_not_read_from_what_nobody_sealed():
    home = Home()
    for frame in (short(), telegram(b"\x78" + RECORDS), compact(), telegram(b"\x8c\x20\x77" + short()[10:])):
        assert home.take(frame) is None
    assert home.counted == ["own_unsealed"] * 4 and home.own._running == {}
    assert home.own._formats == {"NET-12345678-01-07": {}} and home.kept == [None]
    # Without a key there is nothing else to go by.
    home = Home(meters=[("NET-12345678-01-07", None)])
    assert home.take(short())["total_m3"] == 12.345 and home.take(compact())["total_m3"] == 12.345


def test_a_format_is_its_own_meters_and_opened_under_its_key():
    other = address("NET", "00000002")
    home = Home(meters=METERS + [("NET-00000002-01-07", None)])
    assert home.take(short(who=other), meter=other)["total_m3"] == 12.345
    assert home.take(sealed()) is None, "another meter's"
    assert home.take(mode5(key=bytes(16))) is None and home.take(sealed()) is None, "under another key"
    assert home.take(mode7())["total_m3"] == 12.345 and home.take(sealed())["total_m3"] == 12.345
    # What it was heard to send before it had a key is not taken over.
    home = Home(meters=[("NET-12345678-01-07", None)])
    home.take(short())
    assert Home(home.kept[-1]).take(sealed()) is None


def test_the_formats_kept_are_few():
    from wmbus import accel
    home = Home(meters=[("NET-12345678-01-07", None)])
    for i in range(30):
        home.take(short(bytes((0x01, 0xFD, 0x30 + i % 10, 1)) * (1 + i // 10)))
    assert len(home.own._formats["NET-12345678-01-07"]) == accel.FORMATS
    home.take(short())
    assert Home(home.kept[-1], [("NET-12345678-01-07", None)]).take(compact())["total_m3"] == 12.345


def test_hostile_fragments_do_not_ruin_the_message_after_them():
    home = Home()
    forged = fragmented(RECORDS * 4, key=bytes(16))
    for piece in forged[:2] + forged + forged[:1]:
        assert home.take(piece) is None
    assert [home.take(piece) for piece in fragmented(RECORDS * 4)][-1]["total_m3_4"] == 12.345


def test_a_message_in_fragments_is_one_reading():
    home = Home()
    pieces = fragmented(RECORDS * 4)
    readings = [home.take(piece) for piece in pieces]
    assert readings[:2] == [None, None] and readings[2]["total_m3_4"] == 12.345
    assert home.counted == ["own"] and readings[2]["total_m3"] == 12.345
    # A damaged one is an error and no reading.
    home = Home()
    readings = [home.take(piece) for piece in (pieces[0], flipped(pieces[1], 8 * 40), pieces[2])]
    assert readings == [None] * 3 and home.counted == ["own_errors"]
