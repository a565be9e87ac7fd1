"""Every capture, and every message of our own: what is stated in it is read, and what is not whole gives nothing."""

import han_rows as own
import han_vectors as v
from han_vectors import rows_of, swept

import han_reader

CAPTURES = "han/han_dev.jsonl"


def keys(row):
    """The row's keys as read_all takes them."""
    given = row.get("keys") or {}
    return [bytes.fromhex(given[k]) if given.get(k) else None for k in ("ek", "ak")] + [v.aes]


def near(a, b):
    """Equal to within what a device's short float keeps."""
    return not isinstance(a, str) and a is not None and abs(a - b) <= 2e-6 * abs(b) + 1e-6


def stated_values(all_rows):
    """(rows, values) read as the rows state them."""
    rows = values = 0
    for row in all_rows:
        if row["must"] != "decode":
            continue
        readings = han_reader.read_all(bytes.fromhex(row["hex"]), *keys(row))
        by_code = {}
        for reading in readings:
            for code in reading["obis"]:
                by_code[code[4:] if code[:3] in ("1-0", "1-1") else code] = reading["obis"][code]
        rows += 1
        stated = (row["expected"] or {}).get("obis") or {}
        for code in stated:
            if not isinstance(stated[code], list) or not isinstance(stated[code][0], (int, float)):
                continue
            value, unit = stated[code]
            short = code.split("*")[0]
            got = by_code.get(short[4:] if short[:3] in ("1-0", "1-1") else short)
            good = got is not None and (near(got[0], value) or (unit or "")[:3] == "raw" and near(got[0], value * 10))
            assert good, (row["id"], code, stated[code], got)
            values += 1
    return rows, values


def test_every_stated_value_of_our_own():
    rows, values = stated_values(swept(own.rows()))
    assert rows > 150 and values > 1300


def test_every_stated_value():
    rows, values = stated_values(rows_of(CAPTURES))
    assert rows > 200 and values > 1500


def test_another_value_is_found():
    """Known bad: each list is expected to hold another power."""
    wrong = 0
    for maker, name, apdu, _ in own.norwegian():
        try:
            stated_values([own.row(name, apdu, {"1-0:1.7.0": [1235, "W"]}, maker, "dlms-apdu")])
        except AssertionError:
            wrong += 1
    assert wrong == 13


def give_nothing(all_rows):
    """How many rows that are not whole gave nothing."""
    rows = 0
    for row in all_rows:
        if row["must"] == "decode":
            continue
        rows += 1
        try:
            readings = han_reader.read_all(bytes.fromhex(row["hex"]), *keys(row))
        except han_reader.DecodeError:
            continue
        raise AssertionError((row["id"], readings))
    return rows


def test_what_is_not_whole_gives_nothing_of_our_own():
    assert give_nothing(swept(own.rows())) > 60


def test_what_is_not_whole_gives_nothing():
    assert give_nothing(rows_of(CAPTURES)) > 50


def live_reader_agrees(all_rows):
    """The same bytes through a Reader in small pieces give the same readings."""
    for row in all_rows:
        data = bytes.fromhex(row["hex"])
        if row["must"] != "decode" or data[0] not in (0x7E, 0x68, 0x2F):
            continue
        reader = han_reader.Reader(p1_without_crc=True)
        messages = []
        for i in range(0, len(data), 13):
            messages += reader.feed(data[i:i + 13])
        messages += reader.finish()
        assert [han_reader.decode(m, *keys(row)) for m in messages] == han_reader.read_all(data, *keys(row)), row["id"]


def test_live_reader_agrees_with_our_own():
    live_reader_agrees(swept(own.rows()))


def test_live_reader_agrees_with_the_capture():
    live_reader_agrees(rows_of(CAPTURES))
