"""P1 telegrams: whole, in pieces, joined, damaged, without CRC; their values, times and sub-meters."""

import han_vectors as v

import han_reader
from han_reader import clock, p1, p1_list, security

LINES = v.P1_LINES


def read(data, size=None, without_crc=False, finish=False):
    """What a fresh reader gives for data, fed whole or in chunks."""
    reader = han_reader.Reader(p1_without_crc=without_crc)
    out = []
    size = size or len(data)
    for i in range(0, len(data), size):
        out += reader.feed(data[i:i + size])
    if finish:
        out += reader.finish()
    return out


def test_every_way():
    wire = v.telegram(LINES)
    message = wire[:-2]  # the line end behind the CRC is not part of it
    assert read(wire) == [message]
    assert read(wire, 1) == [message]
    assert read(wire, 11) == [message]
    assert read(b"\x00\xff~/12/AB!\r\n!F00\r\n" + wire + b"\xfe/KF~", 3) == [message]
    assert read(wire + wire) == [message, message]
    assert read(wire + v.frame(v.LLC + v.kaifa(1)) + wire) == [message, v.frame(v.LLC + v.kaifa(1)), message]


def test_values():
    out = han_reader.decode(v.telegram(LINES)[:-2])
    assert out["list"] == "P1" and out["meter_model"] == "NET5NETTI-TEST"
    assert out["meter_id"] == "E0044007131650618"
    assert out["obis"]["0-0:96.1.1"] == ["4530303434303037313331363530363138", None]
    assert out["time"] == 1752505210
    expected = {"import_w": 1234, "export_w": 0, "import_t1_kwh": 3432.827, "import_t2_kwh": 3224.632,
                "import_kwh": 6657.459, "export_kwh": 1.5, "export_t2_kwh": 1.5,
                "voltage_l1_v": 230.1, "current_l1_a": 2, "import_l1_w": 612,
                "gas_m3": 671.79}
    for name in expected:
        assert abs(out[name] - expected[name]) <= 1e-6 * expected[name], name
    assert out["gas_time"] == 1752504910
    assert out["obis"]["1-0:1.7.0"] == [1.234, "kW"]
    assert out["obis"]["0-1:24.2.1"] == [671.79, "m3"]
    assert out["obis"]["1-0:99.97.0"] == [["1", "0-0:96.7.19", "180417201458S", "0000000236*s"], None]
    assert out["obis"]["0-0:96.13.0"] == ["", None]


def test_every_bit_flipped():
    """A flip is refused, unless it only changes the case of a CRC digit."""
    wire = v.telegram(LINES[:4])[:-2]
    for i in range(len(wire) * 8):
        bad = bytearray(wire)
        bad[i // 8] ^= 1 << i % 8
        got = read(bytes(bad), finish=True)
        if got:
            assert i // 8 >= len(wire) - 4 and bytes(bad).lower() == wire.lower(), i


def test_cut():
    wire = v.telegram(LINES)[:-2]
    for n in range(1, len(wire)):
        assert read(wire[:n], finish=True) == []


def test_cut_short_by_the_next():
    wire = v.telegram(LINES)
    assert read(wire[:300] + wire) == [wire[:-2]]
    assert read(wire[:300] + wire, 1) == [wire[:-2]]
    assert read(wire[300:] + wire, 1) == [wire[:-2]]


def test_without_crc():
    wire = v.telegram(LINES[2:], crc_digits=False)
    assert read(wire) == []
    assert read(wire, without_crc=True) == [wire[:-2]]
    assert read(wire[:-2], without_crc=True, finish=True) == [wire[:-2]]
    assert read(v.telegram(LINES[2:], crc_digits=False, end="\n"), 1, without_crc=True) \
        == [v.telegram(LINES[2:], crc_digits=False, end="\n")[:-1]]
    # A telegram of a version that has a CRC must have it.
    assert read(v.telegram(LINES, crc_digits=False), without_crc=True) == []
    try:
        han_reader.decode(v.telegram(LINES, crc_digits=False))
        raise AssertionError("decoded")
    except han_reader.DecodeError as e:
        assert "CRC" in e.reason


def test_short_crc():
    """Some meters leave out the CRC's leading zero."""
    for n in range(10000):
        wire = v.telegram(LINES + ("0-0:96.7.9(%05d)" % n,))
        if wire[-6:-5] == b"0":
            short = wire[:-6] + wire[-5:]
            assert read(short, 1) == [short[:-2]]
            assert han_reader.decode(short[:-2])["import_w"] == 1234
            return
    raise AssertionError("no CRC with a leading zero")


def test_identification_of_any_bytes():
    text = v.telegram(LINES)
    body = b"/FLU5\xab\x02769484_A" + text[text.find(b"\r"):text.find(b"!") + 1]
    wire = body + ("%04X" % v.crc(body, 0xA001, 0)).encode() + b"\r\n"
    assert read(wire, 1) == [wire[:-2]]
    assert han_reader.decode(wire[:-2])["meter_model"] == "FLU5\\xab\\x02769484_A"


def test_old_sub_meter():
    """DSMR 2 and 3 write the value on a line of its own, the unit before it."""
    lines = ("1-0:1.7.0(0000.91*kW)", "0-1:24.1.0(3)", "0-1:96.1.0(3238303131303038333036343239303133)",
             "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00671.790)", "0-1:24.4.0(1)")
    out = han_reader.decode(v.telegram(lines, crc_digits=False))
    assert out["import_w"] == 910
    assert out["gas_m3"] == 671.79
    assert out["gas_time"] == clock.p1_time("121030140000W")
    assert out["meter_model"] == "NET5NETTI-TEST"


def test_broken_lines_end():
    """A bracket that never closes is a text, not an endless loop; a line that names nothing refuses the telegram."""
    assert han_reader.decode(v.telegram(("1-0:1.7.0(01.234*kW", "0-0:96.1.1(1)")))["meter_id"] == "1"
    assert p1_list.objects("1-0:1.7.0(1)x(2)\r\n") == [("1-0:1.7.0", [(10, 11)])]
    try:
        han_reader.decode(v.telegram(("garbage",)))
        raise AssertionError("decoded")
    except han_reader.DecodeError:
        pass


def test_times():
    assert clock.p1_time("250714170010S") == 1752505210
    assert clock.p1_time("250714160010W") == 1752505210
    assert clock.p1_time("250714170010") == 1752505210
    assert clock.p1_time("20250714 17:00:10") == 1752505210
    for text in ("632525252525S", "", "2507141700", "250714170010X", "25071417001aS"):
        assert clock.p1_time(text) is None


def test_plans_agree_with_the_plain_path():
    """Other digits are read by the plan that is there, and what is no digit is not."""
    lines = list(LINES)
    for change in (None, ("1-0:1.7.0(01.234*kW)", "1-0:1.7.0(09.999*kW)"), ("(250714170010S)", "(250714170020S)"),
                   ("1-0:31.7.0(002*A)", "1-0:31.7.0(-02*A)"), ("0-0:96.14.0(0001)", "0-0:96.14.0(0002)"),
                   ("(000000.000*kWh)", "(00000:.000*kWh)"), ("0-1:24.1.0(003)", "0-1:24.1.0(007)"),
                   ("(250714165510S)", "(632525252525S)"), ("(250714165510S)", "(25071416551:S)"),
                   ("(250714170010S)", "(2507141700:0S)"), ("(00671.790*m3)", "(00671.7<0*m3)"),
                   ("(230.1*V)", "(2301.*V)")):
        if change:
            lines = [line.replace(change[0], change[1]) for line in LINES]
        message = v.telegram(lines)[:-2]
        line, mark = p1.checked(message)
        first = han_reader.decode(message)
        assert first == han_reader.decode(message) == p1_list.plain(message, line, mark), change
        assert han_reader.decode(v.telegram(LINES)[:-2])["import_w"] == 1234
        if change and "007" in change[1]:
            assert "water_m3" in first and "gas_m3" not in first


def test_a_plan_does_not_hide_a_wrong_crc():
    message = bytearray(v.telegram(LINES)[:-2])
    han_reader.decode(bytes(message))
    message[message.find(b"01.234") + 1] ^= 1
    try:
        han_reader.decode(bytes(message))
        raise AssertionError("decoded")
    except han_reader.DecodeError as e:
        assert e.reason == "CRC wrong"


def test_plans_are_bounded():
    for n in range(60):
        han_reader.decode(v.telegram(LINES + ("0-0:96.7.9(" + "1" * (n + 1) + ")",))[:-2])
    assert len(p1_list._plans) <= 16


EK = bytes(range(16))
AK = bytes(range(0x20, 0x30))


def test_ciphered_whole():
    """Luxembourg: the whole telegram in one general-glo-ciphering APDU, nothing around it."""
    text = v.telegram(LINES)
    glo = v.security(text, v.aes, EK, AK)
    expected = han_reader.decode(text[:-2])
    assert han_reader.decode(glo, EK, AK, v.aes) == expected
    assert han_reader.decode(glo, EK, None, v.aes) == expected  # its CRC vouches for it
    shared = v.security(text, v.aes, EK, bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert han_reader.decode(shared, EK, security.LUXEMBOURG_KEY, v.aes) == expected
    bad = bytearray(glo)
    bad[60] ^= 1
    for ak in (AK, None):
        try:
            han_reader.decode(bytes(bad), EK, ak, v.aes)
            raise AssertionError("decoded")
        except han_reader.DecodeError:
            pass
    reader = han_reader.Reader()
    got = []
    for i in range(0, len(glo), 10):
        got += reader.feed((glo + glo)[i:i + 10])
    assert got == [glo]
    # Only at the beginning of a burst: inside a broken frame nothing is read by its tag alone.
    wire = bytearray(v.frame(v.LLC + glo))
    wire[-3] ^= 1
    assert read(bytes(wire)) == []


def test_ciphered_lines():
    """Elgama: identification in plain text, then the lines ciphered without the APDU's tag."""
    text = v.telegram(LINES)
    line = text.find(b"\r\n\r\n") + 4
    lines = text[line:text.find(b"!")]
    apdu = v.security(lines, v.aes, EK, AK, title=bytes(8), counter=0)
    wire = text[:line] + b"\x00" + apdu[10:] + text[text.find(b"!"):]
    message = wire[:-2]
    assert read(wire, 7) == [message]
    assert read(b"xx" + wire + wire, 1) == [message, message]
    expected = han_reader.decode(text[:-2])
    assert han_reader.decode(message, EK, AK, v.aes) == expected
    assert han_reader.decode(message, EK, None, v.aes) == expected
    for i in range(line + 9, len(message), 7):
        bad = bytearray(message)
        bad[i] ^= 2
        for ak in (AK, None):
            try:
                out = han_reader.decode(bytes(bad), EK, ak, v.aes)
                # Where one of tag and CRC vouches for it, the other may be damaged.
                assert out == expected and i >= len(message) - (5 if ak else 17)
            except han_reader.DecodeError:
                pass


def test_sub_meters():
    """Water, heat, and gas that isn't corrected (0-n:24.2.3, Belgium); the kind may come behind the value."""
    lines = ("0-1:24.2.3(250714165510S)(00671.790*m3)", "0-1:24.1.0(003)", "0-2:24.1.0(007)",
             "0-2:24.2.1(250714165509S)(00872.234*m3)", "0-3:24.1.0(012)", "0-3:24.2.1(250714165509S)(012.345*GJ)",
             "0-4:24.2.1(250714165509S)(1.0*m3)", "1-0:1.6.0(250703200015S)(02.589*kW)")
    out = han_reader.decode(v.telegram(lines)[:-2])
    assert (out["gas_m3"], out["water_m3"], out["heat_gj"], out["submeter_m3"]) == (671.79, 872.234, 12.345, 1)
    assert out["water_time"] == 1752504909 and out["import_max_w"] == 2589
    assert "import_kwh" not in out


def test_meter_numbers_that_are_no_hex_text():
    for number in ("12345678901234567890123456789012", "00000000000000", "1ESY1336001560", "xxxxxxxxxxxxxxxxxxxxxx"):
        out = han_reader.decode(v.telegram(("0-0:96.1.1(" + number + ")", "1-0:1.7.0(01.234*kW)"))[:-2])
        assert out["meter_id"] == number
