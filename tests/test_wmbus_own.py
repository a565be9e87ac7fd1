"""A household's own meter that sends compact frames, or messages in several frames."""

from wmbus_cases import KEY, RECORDS, address, flipped, fragmented, short, telegram

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


class Home:
    """Own meters with what they kept and counted."""

    def __init__(self, kept=None):
        self.kept = [kept]
        self.counted = []
        self.own = OwnMeters(METERS, port.aes, lambda *row: None, self.counted.append, kept, self.kept.append)

    def take(self, frame, at=T):
        return self.own.decode_own(WATER, frame, at)


def test_a_format_learnt_survives_a_restart():
    home = Home()
    assert home.take(compact()) is None and home.counted == ["own_errors"]
    assert home.take(short())["total_m3"] == 12.345
    assert home.take(compact())["target_m3"] == 10.0
    # The power goes: nothing is left but what was kept.
    home = Home(home.kept[-1])
    assert home.take(compact())["total_m3"] == 12.345 and home.counted == ["own"]
    # Kept formats that are damaged give no reading and are learnt anew.
    home = Home(home.kept[-1].replace(b"0413", b"0414"))
    assert home.take(compact()) is None
    for kept in (b"[[], [[1, 2]]]", b"[[], 7]", b"[]", b"[[], [[\"x\", \"00\"]]]"):
        assert Home(kept).take(compact()) is None


def test_a_format_is_kept_when_it_is_learnt_not_with_the_next_hour():
    home = Home()
    home.take(short())
    count = len(home.kept)
    home.take(short(RECORDS[:6]), T + 1)
    assert len(home.kept) == count + 1


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
