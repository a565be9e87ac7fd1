"""From telegram to reading: layers, security, records; each kind of wrong is told from the others."""

from wmbus_cases import (
    KEY,
    RECORDS,
    VALUES,
    address,
    cbc,
    ell,
    flipped,
    little,
    long,
    mode5,
    mode7,
    mode10,
    padded,
    short,
    telegram,
)

import wmbus
from firmware.port import aes
from wmbus import accel, plan, transport

OTHER = bytes(range(1, 17))


def refused(kind, *args):
    try:
        wmbus.decode(*args)
    except wmbus.DecodeError as error:
        assert isinstance(error, kind), error
        return error
    raise AssertionError("decoded")


def check(reading, extra=None):
    for name in VALUES:
        assert reading[name] == VALUES[name], (name, reading)
    assert reading["status"] == "OK" and reading["alarms"] == []


def test_plain_telegram():
    reading = wmbus.decode(short())
    check(reading)
    assert reading["manufacturer"] == "NET" and reading["id"] == "12345678"
    assert reading["version"] == 1 and reading["type"] == 7 and reading["media"] == "water"


def test_the_long_header_names_the_meter():
    sample = long()
    check(wmbus.decode(sample))
    assert wmbus.decode(sample)["id"] == "87654321"
    assert wmbus.meter(sample) == ("NET", "87654321", 2, 7)
    assert wmbus.meter_text(wmbus.meter(sample)) == "NET-87654321-02-07"
    assert wmbus.parse_meter("net-87654321-02-07") == wmbus.meter(sample)


def test_meter_names_are_read_strictly():
    for text in ("", "NET-1234567-02-07", "NET-12345678-02", "NET-12345678-0g-07", "NETT-12345678-02-07"):
        try:
            wmbus.parse_meter(text)
        except wmbus.DecodeError:
            continue
        raise AssertionError(text)


def test_mode_5():
    check(wmbus.decode(mode5(), KEY, aes))
    check(wmbus.decode(mode5(tail=bytes.fromhex("0174052f")), KEY, aes))
    assert wmbus.decode(mode5(tail=bytes.fromhex("017405")), KEY, aes)["actuality_duration_s"] == 5
    assert refused(wmbus.KeyMissing, mode5()).meter == "NET-12345678-01-07"
    refused(wmbus.WrongKey, mode5(), OTHER, aes)
    refused(wmbus.WrongKey, mode5(), b"short", aes)
    refused(wmbus.DecodeError, mode5(), KEY)


def test_ell_aes_ctr():
    sample = ell(b"\x78" + RECORDS)
    check(wmbus.decode(sample, KEY, aes))
    refused(wmbus.KeyMissing, sample)
    refused(wmbus.WrongKey, sample, OTHER, aes)
    many = ell(b"\x78" + RECORDS + b"\x2f" * 150)
    check(wmbus.decode(many, KEY, aes))


def test_ell_without_encryption_checks_its_crc():
    body = b"\x78" + RECORDS
    value = wmbus.crc(body)
    sample = telegram(b"\x8d\x20\x77\x21\x43\x65\x07" + bytes((value & 255, value >> 8)) + body)
    check(wmbus.decode(sample))
    assert wmbus.summary(sample).ci == 0x78
    refused(wmbus.DecodeError, flipped(sample, len(sample) * 8 - 3))


def test_mode_7_checks_the_mac_first():
    sample = mode7()
    check(wmbus.decode(sample, KEY, aes))
    refused(wmbus.KeyMissing, sample)
    refused(wmbus.WrongKey, sample, OTHER, aes)
    for bit in range(80, len(sample) * 8, 5):
        try:
            reading = wmbus.decode(flipped(sample, bit), KEY, aes)
        except wmbus.DecodeError:
            continue
        check(reading)  # only what the MAC does not cover may change: the ELL


def test_mode_10():
    sample = mode10()
    check(wmbus.decode(sample, KEY, aes))
    check(wmbus.decode(mode10(RECORDS + b"\x2f" * 9), KEY, aes))
    refused(wmbus.KeyMissing, sample)
    refused(wmbus.WrongKey, sample, OTHER, aes)
    for bit in range(11 * 8, len(sample) * 8, 3):
        refused(wmbus.DecodeError, flipped(sample, bit), KEY, aes)


def test_summary_needs_no_key():
    plain = wmbus.summary(short(status=0x08))
    assert plain == (("NET", "12345678", 1, 7), 0x7A, 0x2A, 0x08, False)
    assert wmbus.summary(mode5(status=4)) == (("NET", "12345678", 1, 7), 0x7A, 0x2A, 4, True)
    sealed = wmbus.summary(ell(b"\x78" + RECORDS))
    assert sealed == (("NET", "12345678", 1, 7), 0x8D, 0x77, None, True)
    assert wmbus.summary(mode7()) == (("NET", "12345678", 1, 7), 0x7A, 0x2A, 0, True)


def test_the_short_way_to_the_head_is_the_long_way_s():
    samples = [short(), mode5(), mode5(status=4), mode7(), mode10(), long(), ell(b"\x78" + RECORDS)]
    for sample in samples:
        for at in range(len(sample)):
            for value in (0, 0x10, 0x2F, 0x7A, 0x8D, 0xFF):
                changed = sample[:at] + bytes((value,)) + sample[at + 1:]
                heads = []
                for function in (transport.head, transport.head_walked):
                    try:
                        heads.append(function(changed))
                    except wmbus.DecodeError as error:
                        heads.append(error.reason)
                assert heads[0] == heads[1], changed
                try:
                    meter, ci, status, mark = transport.sender(changed)
                    assert (meter[0], meter[1], meter[2:]) == (heads[0][0][0], heads[0][0][1] & 0x7F, heads[0][0][2:])
                    assert (ci, status) == (heads[0][1], heads[0][3]), changed
                    number = heads[0][2]
                    assert mark == (0 if number is None else number | changed[-1] << 8), changed
                except wmbus.DecodeError as error:
                    assert error.reason == heads[0]


def test_status_byte_as_words_and_alarms():
    reading = wmbus.decode(short(status=0x04 | 0x08 | 0x03 | 0x20))
    assert reading["status"] == "ALARM PERMANENT_ERROR POWER_LOW UNKNOWN_20"
    assert reading["alarms"] == ["low_battery"]
    assert wmbus.decode(mode5(status=0x10), KEY, aes)["status"] == "TEMPORARY_ERROR"


def test_nonsense_is_refused():
    good = short()
    for bad in (b"", b"\x10", good[:-1], good[:10], good + bytes(9), b"\x0e\x44" + bytes(13), telegram(b""),
                telegram(b"\x72\x01"), telegram(b"\x7a\x01\x02"), telegram(b"\x8d\x20"), telegram(b"\xa2\x00\x01"),
                telegram(b"\x90\x02\x00"), telegram(b"\x7a\x01\0\0\x01" + bytes(16)),
                telegram(b"\x79\x01\x02\x03\x04\x05", address("ABC"))):
        refused(wmbus.DecodeError, bad, KEY, aes)


def test_a_damaged_telegram_says_of_which_meter_it_seems():
    for bad in (short()[:-3], short() + bytes(9), mode5()[:40], flipped(mode5(), 3)):
        assert refused(wmbus.DecodeError, bad, KEY, aes).meter == "NET-12345678-01-07"
    assert refused(wmbus.DecodeError, b"\x10\x44" + bytes(40)).meter is None
    assert refused(wmbus.DecodeError, short()[:9]).meter is None


def test_compact_frame_after_a_full_one():
    formats = {}
    full = short()
    wmbus.decode(full, None, None, formats)
    assert len(formats) == 1
    signature = list(formats)[0]
    data = wmbus.crc(RECORDS)
    values = bytes.fromhex("39300000" "10270000" "ff2c" "7800" "09")
    compact = telegram(b"\x79" + bytes((signature & 255, signature >> 8, data & 255, data >> 8)) + values)
    check(wmbus.decode(compact, None, None, formats))
    refused(wmbus.DecodeError, compact)
    refused(wmbus.DecodeError, compact, None, None, {signature: b"\x84"})
    for bit in range(11 * 8, len(compact) * 8):
        refused(wmbus.DecodeError, flipped(compact, bit), None, None, formats)


def test_compact_frames_with_each_header():
    """79 without, 7B behind the short, 73 behind the long header, in plain and in mode 5."""
    formats = {}
    wmbus.decode(mode5(), KEY, aes, formats)
    known = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    values = bytes.fromhex("39300000" "10270000" "ff2c" "7800" "09")
    data = little(wmbus.crc(known)) + little(wmbus.crc(RECORDS)) + values
    who = address("NET", "87654321", 2, 7)
    head = b"\x73" + who[2:6] + who[:2] + who[6:8] + b"\x2a\x00"
    sealed = padded(data)
    for sample, number, key in (
            (telegram(b"\x79" + data), "12345678", None), (telegram(b"\x7b\x2a\0\0\0" + data), "12345678", None),
            (telegram(head + b"\0\0" + data), "87654321", None),
            (telegram(head + bytes((len(sealed), 5)) + cbc(KEY, who + b"\x2a" * 8, sealed)), "87654321", KEY),
            (ell(b"\x79" + data), "12345678", KEY)):
        reading = wmbus.decode(sample, key, aes, formats)
        check(reading)
        assert reading["id"] == number
        explained = wmbus.explain(sample, key, aes, formats)
        assert explained["error"] is None and "total_m3=12.345" in " ".join([span[3] for span in explained["spans"]])


def test_a_plan_gives_what_the_first_sight_gave():
    first = wmbus.decode(short())
    assert wmbus.decode(short()) == first
    other = wmbus.decode(short(RECORDS[:2] + b"\x01\0\0\0" + RECORDS[6:]))
    assert other["total_m3"] == 0.001 and other["target_m3"] == 10.0


def most_kept(bound):
    """The most records the plans kept have together while somebody sends ever new skeletons."""
    kept, most = accel.RECORDS, 0
    accel.RECORDS = bound
    plan.forget()
    try:
        for i in range(30):
            skeleton = bytes((0x01, 0xFD, 0x30 + i % 10, 1, 0x01, 0xFD, 0x60 + i // 10 % 10, 1, 1, i // 100, 9))
            wmbus.decode(short(skeleton * 3))
            most = max(most, sum([sum([p.weight for p in plans]) for plans in plan._plans.values()]))
            assert most >= plan._count[0]
    finally:
        accel.RECORDS = kept
        plan.forget()
    return most


def test_plans_are_bounded():
    assert 0 < most_kept(100) <= 100
    # Known bad: a bound that is none.
    assert most_kept(1 << 30) > 100


def test_mode_5_that_does_not_say_how_much_is_encrypted():
    sample = mode5()
    silent = sample[:13] + b"\0" + sample[14:]
    check(wmbus.decode(silent, KEY, aes))
    refused(wmbus.WrongKey, silent, OTHER, aes)
