"""Readings of every list the project has an encoder for, whole frames in, names and values out."""

import han_vectors as v

import han_reader
from han_reader import plan
from han_reader import walk as data_walk

CEST = 7200
CET = 3600


def unix(year, month, day, hour, minute=0, second=0):
    """UTC seconds, by counting days."""
    days = 0
    for y in range(1970, year):
        days += 366 if y % 4 == 0 and (y % 100 or y % 400 == 0) else 365
    lengths = [31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    days += sum(lengths[:month - 1]) + day - 1
    return days * 86400 + hour * 3600 + minute * 60 + second


def reading(apdu, address=b"\x41\x08\x83", control=0x13):
    """The reading of an APDU sent through a reader in one HDLC frame; the plain path must agree."""
    (message,) = han_reader.Reader().feed(v.frame(v.LLC + apdu, address, control))
    out = han_reader.decode(message)
    assert out == han_reader.decode(message)
    assert out == plan.plain(apdu)
    return out


def holds(out, **expected):
    """Each named value is in the reading."""
    for name in expected:
        value = out.get(name)
        good = value == expected[name]
        if not good and isinstance(value, float):
            good = abs(value - expected[name]) <= 1e-6 * abs(expected[name])
        assert good, (name, value, expected[name])


def test_aidon_list_1():
    out = reading(v.aidon(1))
    holds(out, import_w=1234)
    assert out["obis"] == {"1-0:1.7.0": [1234, "W"]}
    assert "time" not in out and "voltage_l1_v" not in out


def test_aidon_list_2():
    out = reading(v.aidon(2))
    holds(out, list="AIDON_V0001", meter_id="7359990000000001", meter_model="6534", import_w=1234, export_w=0,
          import_var=0, export_var=89, current_l1_a=2.8, current_l2_a=1.2, current_l3_a=1.5, voltage_l1_v=230.1,
          voltage_l2_v=231.9, voltage_l3_v=230.6)
    assert out["obis"]["1-0:31.7.0"] == [2.8, "A"]
    assert "import_kwh" not in out


def test_aidon_list_3():
    """Energies in 10 Wh by their scaler; the clock keeps normal time and writes deviation 0."""
    out = reading(v.aidon(3))
    holds(out, import_kwh=109554.02, export_kwh=0.07, import_kvarh=130.48, export_kvarh=15319.94)
    assert out["obis"]["1-0:1.8.0"] == [109554020, "Wh"]
    assert out["time"] == unix(2025, 7, 14, 16, 0, 10)


def test_aidon_it():
    """An IT grid's meter leaves out the current of the second phase."""
    out = reading(v.aidon(2, it=True))
    holds(out, current_l1_a=2.8, current_l3_a=1.5, voltage_l2_v=231.9)
    assert "current_l2_a" not in out


def test_kaifa_lists():
    out = reading(v.kaifa(1), b"\x01\x02\x01", 0x10)
    holds(out, import_w=1234)
    assert out["obis"] == {"1-0:1.7.0": [1234, "W"]}
    out = reading(v.kaifa(2), b"\x01\x02\x01", 0x10)
    holds(out, list="KFM_001", meter_id="6970631400000001", meter_model="MA304H3E", import_w=1234, export_var=89,
          current_l1_a=2.8, current_l2_a=1.207, current_l3_a=1.503, voltage_l1_v=230.1, voltage_l2_v=231.9)
    out = reading(v.kaifa(3), b"\x01\x02\x01", 0x10)
    holds(out, import_kwh=109554.02, export_kwh=0.07, import_kvarh=130.48, export_kvarh=15319.94)
    assert out["obis"]["1-0:1.8.0"] == [109554020, "Wh"]
    out = reading(v.kaifa(3, phases=1), b"\x01\x02\x01", 0x10)
    holds(out, import_kwh=109554.02, current_l1_a=2.8, voltage_l1_v=230.1)
    assert "current_l2_a" not in out


def test_kaifa_keeps_local_time():
    """01:30 on the last Sunday of October is still summer time."""
    assert reading(v.kaifa(2))["time"] == unix(2025, 10, 25, 23, 30, 10)


def test_kamstrup_lists():
    out = reading(v.kamstrup(1), b"\x2b\x21")
    holds(out, list="Kamstrup_V0001", meter_id="5706567000000001", meter_model="6841131BN243101040", import_w=1234,
          export_var=89, current_l1_a=2.8, current_l2_a=1.2, current_l3_a=1.5, voltage_l1_v=230, voltage_l3_v=232)
    assert out["time"] == unix(2025, 7, 14, 16, 0, 5)
    out = reading(v.kamstrup(2), b"\x2b\x21")
    holds(out, import_kwh=109554.02, export_kwh=0.07, import_kvarh=130.48, export_kvarh=15319.94)
    assert out["obis"]["1-1:1.8.0"] == [109554020, "Wh"]
    out = reading(v.kamstrup(2, phases=1), b"\x2b\x21")
    holds(out, current_l1_a=2.8, voltage_l1_v=230, import_kwh=109554.02)
    assert "voltage_l2_v" not in out


def test_kamstrup_hundredths_of_a_volt():
    out = reading(v.kamstrup(1, volts=(23012, 23190, 22199)))
    holds(out, voltage_l1_v=230.12, voltage_l2_v=231.9, voltage_l3_v=221.99)


def test_kamstrup_whole_wh():
    out = reading(v.kamstrup(2, model="6841138BN245101092"))
    holds(out, import_kwh=10955.402)
    assert out["obis"]["1-1:1.8.0"] == [10955402, "Wh"]


def test_three_spellings_of_the_date():
    for spelling in (v.plain_time, v.tagged_time):
        assert reading(v.kamstrup(1, spelling=spelling))["time"] == unix(2025, 7, 14, 16, 0, 5)
    data = v.array(v.structure(v.obis("1-0:1.7.0"), v.u32(5), v.scaler_unit(0, v.W)))
    assert "time" not in reading(v.notification(data, v.NO_TIME))


def test_a_stated_deviation():
    """It leads from local time to UTC: -120 minutes in Slovenia's summer."""
    now = v.date_time(2025, 7, 14, 17, 0, 5, 0xFF88, 0x80)
    data = v.structure(v.octets(b"x" * 8), v.u32(1))
    assert reading(v.notification(data, v.plain_time(now)))["time"] == unix(2025, 7, 14, 15, 0, 5)


def test_positional_list_of_nobody():
    data = v.structure(v.octets(b"SOMEBODY"), v.u32(1), v.u16(2), v.octets(b"two"), v.i16(-3), b"\x03\x01")
    out = reading(v.notification(data))
    holds(out, list="positional", text_1="SOMEBODY", value_2=1, value_3=2, text_4="two", value_5=-3, value_6=1)


def test_described_list():
    """A push object list in front, then its values."""
    def described(number, code, attribute):
        return v.structure(v.u16(number), v.obis(code), b"\x0f" + bytes((attribute,)), v.u16(0))

    objects = (described(40, "0-8:25.9.0", 2), described(40, "0-8:25.9.0", 1), described(1, "0-0:96.1.0", 2),
               described(3, "1-0:1.7.0", 2), described(3, "1-1:1.8.0", 2), described(3, "1-0:31.7.0", 2))
    values = (v.octets(b"\x00\x08\x19\x09\x00\xff"), v.octets(b"63316890"), v.u32(331), v.u32(4912257), v.u16(49))
    out = reading(v.notification(v.structure(v.array(*objects), *values)))
    holds(out, list="described", meter_id="63316890", import_w=331, import_kwh=4912.257, current_l1_a=0.49)
    short = v.notification(v.structure(v.array(*objects), *values[:-1]))
    refused(v.frame(v.LLC + short))


def refused(message, kind=han_reader.DecodeError, **keys):
    """decode refuses a message, by this kind of error."""
    try:
        han_reader.decode(message, **keys)
    except han_reader.DecodeError as e:
        assert isinstance(e, kind), repr(e)
        return e.reason
    raise AssertionError("decoded")


def test_cut_apdus_give_nothing():
    for apdu in (v.aidon(1), v.kaifa(2), v.kamstrup(1, phases=1)):
        for n in range(len(apdu)):
            refused(apdu[:n])
        refused(apdu + b"\x00")


def test_bounds():
    deep = b"\x02\x01" * 20 + v.u32(1)
    refused(v.notification(deep))
    refused(v.notification(b"\x01\x82\xff\xff" + v.u32(1)))
    refused(v.notification(b"\x01\x81\x81" + v.u32(1) * 129))
    wide = v.array(*[v.array(*[v.u32(1)] * 100)] * 20)
    refused(v.notification(wide))
    refused(v.notification(b"\x09\x84\x00\x00\x00\x01a"))


def test_as_much_as_the_bounds_allow():
    """16 levels and 128 items are read, one more of either is refused, and both for that reason."""
    assert reading(v.notification(b"\x02\x01" * 16 + v.u32(7)))["obis"] is not None
    assert refused(v.notification(b"\x02\x01" * 17 + v.u32(7))) == "more than 16 levels"
    out = reading(v.notification(b"\x02\x81\x80" + v.u32(7) * 128))
    assert out["value_128"] == 7
    assert refused(v.notification(b"\x02\x81\x81" + v.u32(7) * 129)) == "container of 129 items"
    # 1017 values with the arrays themselves, 1025.
    many = v.array(*[v.array(*[b"\x11\x01"] * 126)] * 8)
    assert len(data_walk.walk(many, 0, len(many))[0]) == 1017
    assert refused(v.notification(v.array(*[v.array(*[b"\x11\x01"] * 127)] * 8))) == "more than 1024 values"


def test_every_bit_of_a_frame():
    """No value comes from a frame whose check fails."""
    wire = v.frame(v.LLC + v.kamstrup(1, phases=1))
    for i in range(len(wire) * 8):
        bad = bytearray(wire)
        bad[i // 8] ^= 1 << i % 8
        refused(bytes(bad))


def test_segments_and_blocks_and_long_frames():
    apdu = v.aidon(3)
    expected = plan.plain(apdu)
    assert han_reader.decode(v.segments(apdu, 150)) == expected
    assert han_reader.decode(b"".join(v.blocks(apdu, 150))) == expected
    assert han_reader.decode(b"".join(v.long_frames(apdu, 200))) == expected
    assert han_reader.decode(v.LLC + apdu) == expected
    assert han_reader.decode(apdu) == expected


EK = bytes(range(16))
AK = bytes(range(0xD0, 0xE0))


def test_ciphered():
    apdu = v.aidon(2)
    expected = plan.plain(apdu)
    for control in (0x30, 0x31):
        glo = v.security(apdu, v.aes, EK, AK, control=control)
        wire = v.frame(v.LLC + glo)
        assert han_reader.decode(wire, EK, AK, v.aes) == expected
        assert han_reader.decode(wire, EK, None, v.aes) == expected
        refused(wire, han_reader.KeyMissing)
        refused(wire, han_reader.WrongKey, ek=EK, ak=bytes(16), aes=v.aes)
        refused(wire, han_reader.WrongKey, ek=bytes(16), ak=AK, aes=v.aes)
        refused(wire, han_reader.WrongKey, ek=bytes(16), aes=v.aes)
    # Austria: no tag, over wired M-Bus (suite 0, Sagemcom and Kaifa's suite 1) and HDLC.
    for control in (0x20, 0x21):
        bare = v.security(apdu, v.aes, EK, AK, control=control)
        for wire in (b"".join(v.long_frames(bare, 200)), v.frame(v.LLC + bare)):
            assert han_reader.decode(wire, EK, None, v.aes) == expected
            assert refused(wire, ek=EK, ak=AK, aes=v.aes) == "no tag where an authentication key is configured"
        refused(bare, ek=EK, aes=v.aes)  # nothing vouches for it: no tag, no frame


def test_a_ciphertext_with_any_bit_flipped():
    glo = bytearray(v.security(v.kaifa(1), v.aes, EK, AK))
    for i in range(len(glo)):
        glo[i] ^= 0x04
        refused(bytes(glo), ek=EK, ak=AK, aes=v.aes)
        glo[i] ^= 0x04
    assert han_reader.decode(bytes(glo), EK, AK, v.aes)["import_w"] == 1234


def test_plausibility():
    """An IT grid's missing phase and nonsense stay beside their codes and leave the flat names, with the reason."""
    out = reading(v.kaifa(2, it=True))
    assert "voltage_l2_v" not in out and out["obis"]["1-0:52.7.0"] == [0, "V"]
    assert out["dropped"] == [["voltage_l2_v", "0.0 is below what a meter can mean"]]
    assert "dropped" not in reading(v.kaifa(2))
    data = v.array(v.structure(v.obis("1-0:1.7.0"), v.u32(4000000000), v.scaler_unit(0, v.W)),
                   v.structure(v.obis("1-0:32.7.0"), v.u16(5000), v.scaler_unit(-1, v.V)),
                   v.structure(v.obis("1-0:31.7.0"), v.i16(-5), v.scaler_unit(0, v.A)),
                   v.structure(v.obis("0-0:1.0.0"), v.octets(v.date_time(2000, 1, 1, 0, 0, 0))))
    out = reading(v.notification(data))
    assert sorted([name for name, _ in out["dropped"]]) == ["import_w", "time", "voltage_l1_v"]
    assert out["current_l1_a"] == -5 and "time" not in out and "import_w" not in out


def test_a_scaler_above_the_flat_unit():
    """Energies in kWh and MWh by their scaler."""
    data = v.array(v.structure(v.obis("1-0:1.8.0"), v.u32(1234), v.scaler_unit(3, v.WH)),
                   v.structure(v.obis("1-0:2.8.0"), v.u32(12), v.scaler_unit(6, v.WH)))
    out = reading(v.notification(data))
    holds(out, import_kwh=1234, export_kwh=12000)
    assert out["obis"]["1-0:1.8.0"] == [1234000, "Wh"]


def test_the_frame_counter_has_to_grow():
    counters = {}
    wires = [v.frame(v.LLC + v.security(v.kaifa(1), v.aes, EK, AK, counter=n)) for n in (5, 6, 6, 5, 7)]
    outcomes = []
    for wire in wires:
        try:
            han_reader.decode(wire, EK, AK, v.aes, counters)
            outcomes.append("read")
        except han_reader.DecodeError as e:
            outcomes.append(e.reason)
    stale = "the frame counter did not grow"
    assert outcomes == ["read", "read", stale, stale, "read"]
    other = v.frame(v.LLC + v.security(v.kaifa(1), v.aes, EK, AK, title=b"NET00002", counter=1))
    assert han_reader.decode(other, EK, AK, v.aes, counters)["import_w"] == 1234
    # A forged counter that does not prove good leaves the memory alone.
    forged = v.frame(v.LLC + v.security(v.kaifa(1), v.aes, EK, bytes(16), counter=0xFFFFFFFF))
    refused(forged, han_reader.WrongKey, ek=EK, ak=AK, aes=v.aes, counters=counters)
    last = v.frame(v.LLC + v.security(v.kaifa(1), v.aes, EK, AK, counter=8))
    assert han_reader.decode(last, EK, AK, v.aes, counters)["import_w"] == 1234


def test_authenticated_only():
    glo = v.security(v.kaifa(1), v.aes, EK, AK, control=0x10)
    assert han_reader.decode(glo, EK, AK, v.aes)["import_w"] == 1234
    bad = bytearray(glo)
    bad[-14] ^= 1
    refused(bytes(bad), han_reader.WrongKey, ek=EK, ak=AK, aes=v.aes)


def test_general_ciphering():
    """Transaction id, titles, date-time and other information are authenticated with the content."""
    extra = b"\x08" + bytes(8) + b"\x08NET00001\x08NETTI001\x00\x00"
    wire = v.frame(v.LLC + v.general(v.kaifa(1), v.aes, EK, AK, extra))
    assert han_reader.decode(wire, EK, AK, v.aes)["import_w"] == 1234
    other = v.general(v.kaifa(1), v.aes, EK, AK, extra).replace(b"NETTI001", b"NETTI002")
    refused(other, han_reader.WrongKey, ek=EK, ak=AK, aes=v.aes)


def test_unknown_suites_and_titles():
    refused(v.security(v.kaifa(1), v.aes, EK, AK, control=0x32), ek=EK, ak=AK, aes=v.aes)
    refused(v.security(v.kaifa(1), v.aes, EK, AK, control=0xB0), ek=EK, ak=AK, aes=v.aes)
    glo = v.security(v.kaifa(1), v.aes, EK, AK)
    refused(glo[:1] + b"\x07" + glo[3:], ek=EK, ak=AK, aes=v.aes)


def test_compact_array():
    """Elements without tags, described once: here {OBIS code, u32}, and an array of two numbers."""
    values = v.obis("1-0:1.7.0")[1:] + b"\x00\x00\x04\xd2" + v.obis("1-0:2.7.0")[1:] + b"\x00\x00\x00\x00"
    body = b"\x13\x02\x02\x09\x06" + bytes((len(values),)) + values
    out = reading(v.notification(v.structure(body)))
    holds(out, import_w=1234, export_w=0)
    out = reading(v.notification(v.structure(v.octets(b"NAME"), b"\x13\x01\x00\x02\x12\x04\x00\x07\x00\x09")))
    assert [out[k] for k in sorted(out) if k[:5] == "value"] == [7, 9]
    for bad in (b"\x13\x02\x01\x06\x03\x00\x00\x00", b"\x13\x06\x00", b"\x13\x02\x01",
                b"\x13" + b"\x02\x01" * 20 + b"\x06\x00", b"\x13\x01\xff\xff\x12\x00",
                b"\x13\x13\x06\x04\x00\x00\x00\x00"):
        refused(v.notification(v.structure(v.u32(1), bad)))


def test_floats():
    """float32 and float64; what is no number is dropped."""
    data = v.array(v.structure(v.obis("1-0:1.7.0"), b"\x17\x44\x9a\x50\x00", v.scaler_unit(0, v.W)),
                   v.structure(v.obis("1-0:32.7.0"), b"\x18\x40\x6c\xc2\x00\x00\x00\x00\x00", v.scaler_unit(0, v.V)),
                   v.structure(v.obis("1-0:2.7.0"), b"\x17\x7f\xc0\x00\x00", v.scaler_unit(0, v.W)),
                   v.structure(v.obis("1-0:31.7.0"), b"\x17\x7f\x80\x00\x00", v.scaler_unit(0, v.A)))
    out = reading(v.notification(data))
    holds(out, import_w=1234.5, voltage_l1_v=230.0625)
    assert "export_w" not in out and out["obis"]["1-0:2.7.0"] == [None, "W"]
    assert "current_l1_a" not in out and len(out["dropped"]) == 2
