"""Captured telegrams, and our own of every kind: what is in them, and the same reading with and without a warm plan.

The captures' expectations are what other people's decoders read in them; ours are those the encoder was given, and what
stands in the drivers' docstrings. Each check is run on both: a clone without captures checks every layer and driver.
"""

import wmbus_vectors as own
from support import corpus
from wmbus_cases import bursts, flipped, frame_a, manchester, near, noise
from wmbus_rows import cipher, read, unload

import wmbus
from wmbus import link, plan, s1

SKIP = ("timestamp", "name", "_", "id", "media", "meter", "device", "rssi_dbm")
CAPTURES, TWINS = "wmbus/wmbusmeters_dev.jsonl", "wmbus/encrypted_twins_dev.jsonl"


def wrong(rows):
    """(rows, [(row, field, value read, value expected)]) of our own rows."""
    count = 0
    bad = []
    for row in rows:
        try:
            reading = read(row, {})
        except wmbus.DecodeError as error:
            reading = {"error": str(error)}
        unload()
        count += 1
        for field in row["expected"]:
            if not own.agrees(reading.get(field), row["expected"][field]):
                bad.append((row["id"], field, reading.get(field, reading.get("error")), row["expected"][field]))
    return count, bad


def test_own_telegrams_of_every_layer_and_driver_are_read_as_expected():
    count, bad = wrong(own.rows())
    assert count >= 100 and bad == [], bad


def test_own_encrypted_twins_are_read_as_their_plain_originals():
    count, bad = wrong(own.twins())
    assert count >= 190 and bad == [], bad


def test_a_wrong_expectation_is_found():
    """Known bad: one field of each row is expected otherwise."""
    rows = []
    for row in own.kinds():
        rows.append(dict(row, expected=dict(row["expected"], target_m3=10.001)))
    count, bad = wrong(rows)
    assert [one[0] for one in bad] == [row["id"] for row in rows]


def some(rows, step):
    """Every `step`-th row."""
    for at, row in enumerate(rows):
        if at % step == 0:
            yield row


def score(name):
    """(rows, rows whole, fields, fields right, water rows, total right) of a corpus file."""
    rows = whole = fields = right = water = totals = 0
    for row in corpus(name):
        expected = row["expected"]
        if expected is None:
            continue
        try:
            reading = read(row, {})
        except wmbus.DecodeError:
            reading = {}
        good = count = 0
        for field in expected:
            value = expected[field]
            if field not in SKIP and isinstance(value, (int, float)) and not isinstance(value, bool):
                count += 1
                good += near(reading.get(field), value)
        unload()
        rows += 1
        whole += good == count and bool(reading)
        fields += count
        right += good
        if "water" in (row["media"] or "") and "total_m3" in expected:
            water += 1
            totals += near(reading.get("total_m3"), expected["total_m3"])
    return rows, whole, fields, right, water, totals


def test_captures_are_read_as_expected():
    rows, whole, fields, right, water, totals = score(CAPTURES)
    # One row has a field from an earlier telegram; the DES row needs a cipher no device has.
    assert rows - whole <= 2, (whole, rows)
    assert fields - right <= 2, (right, fields)
    assert water - totals <= 1, (totals, water)


def test_encrypted_twins_are_read_as_their_plain_originals():
    rows, whole, fields, right, water, totals = score(TWINS)
    assert whole == rows and right == fields and totals == water


def warm_plan_changes_nothing(rows):
    for row in rows:
        readings = []
        for _ in range(2):
            try:
                readings.append(read(row, {}))
            except wmbus.DecodeError as error:
                readings.append(str(error))
        plan.forget()
        try:
            cold = read(row, {})
        except wmbus.DecodeError as error:
            cold = str(error)
        assert readings[0] == readings[1] == cold, row["id"]
        unload()


def test_a_warm_plan_changes_no_reading_of_our_own():
    warm_plan_changes_nothing(own.rows())


def test_a_warm_plan_changes_no_reading():
    warm_plan_changes_nothing(corpus(CAPTURES))


def wrong_bytes_raise_decode_errors_alone(rows):
    for row in rows:
        telegram = bytes.fromhex(row["telegram_hex"])
        key = bytes.fromhex(row["key"]) if row["key"] else None
        for at in range(1, len(telegram), 7):
            for value in (0x00, 0x8D, 0xFF):
                broken = telegram[:at] + bytes((value,)) + telegram[at + 1:]
                try:
                    wmbus.decode(broken, key, cipher)
                    wmbus.summary(broken)
                except wmbus.DecodeError:
                    pass
            unload()


def test_single_wrong_bytes_raise_nothing_but_decode_errors_of_our_own():
    wrong_bytes_raise_decode_errors_alone(own.kinds())


def test_single_wrong_bytes_raise_nothing_but_decode_errors():
    wrong_bytes_raise_decode_errors_alone(corpus(CAPTURES))


def no_flip_under_a_mac_gives_another_value(rows):
    flips = 0
    for row in rows:
        if "twin:mode7" not in row["source"]:
            continue
        telegram = bytes.fromhex(row["telegram_hex"])
        key = bytes.fromhex(row["key"])
        right = wmbus.decode(telegram, key, cipher)
        meter = wmbus.meter(telegram)
        for bit in range(len(telegram) * 8):
            broken = flipped(telegram, bit)
            try:
                # A key belongs to a whole meter: maker, version and type are not under the MAC of a short header.
                reading = wmbus.decode(broken, key if wmbus.meter(broken) == meter else None, cipher)
            except wmbus.DecodeError:
                continue
            assert reading == right, (row["id"], bit)
            flips += 1
        unload()
    assert flips  # the control field and the ELL are outside the MAC and say nothing about the meter


def test_a_flipped_bit_under_a_mac_never_gives_another_value_of_our_own():
    no_flip_under_a_mac_gives_another_value(some(own.twins(), 23))


def test_a_flipped_bit_under_a_mac_never_gives_another_value():
    no_flip_under_a_mac_gives_another_value(corpus(TWINS))


def no_flip_under_crcs_gives_another_telegram(rows):
    for row in rows:
        frame = bytes.fromhex(row["telegram_hex"])
        if row["link"] != "wmbus+crc" or not wmbus.has_crc(frame):
            continue
        right = wmbus.strip_crc(frame)
        sync = b"\x54\x3d\x54\xcd" if link.strip_a(frame) else b"\x54\x3d\x54\x3d"
        stream = noise(40, 1) + sync + frame + noise(40, 2)
        reader = wmbus.Reader()
        telegrams = []
        for i in range(len(stream)):
            telegrams += reader.feed(stream[i:i + 1])
        assert telegrams == [right]
        for bit in range(len(frame) * 8):
            assert not wmbus.has_crc(flipped(frame, bit))
            assert wmbus.Reader().feed(sync + flipped(frame, bit) + noise(300, 3)) == []


def test_a_flipped_bit_under_link_layer_crcs_never_gives_another_telegram_of_our_own():
    no_flip_under_crcs_gives_another_telegram(own.kinds())


def test_a_flipped_bit_under_link_layer_crcs_never_gives_another_telegram():
    no_flip_under_crcs_gives_another_telegram(corpus(CAPTURES))


def passes_every_link_mode(rows):
    for row in rows:
        telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
        if row["link"] == "mbus" or telegram[0] != len(telegram) - 1 or telegram[0] > 240:
            continue
        for mode, burst in bursts(telegram):
            reader = wmbus.Reader()
            assert reader.feed(noise(9, 5) + burst + noise(9, 6)) == [telegram]
            assert reader.modes == [mode]
        assert s1.Reader().feed(b"\x76\x96" + manchester(frame_a(telegram))) == [telegram]


def test_every_own_telegram_passes_every_link_mode():
    passes_every_link_mode(own.rows())


def test_every_capture_passes_every_link_mode():
    passes_every_link_mode(corpus(CAPTURES))
