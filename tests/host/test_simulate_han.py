"""The simulator's HAN lists against amshan, gurux and dsmr-parser, and against the project's own reader."""

import datetime
from decimal import Decimal

import pytest
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser
from gurux_dlms import GXByteBuffer
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from han import obis_map
from han.autodecoder import AutoDecoder
from han.hdlc import HdlcFrameReader
from netti_tools.simulate import han_encoder
from netti_tools.simulate.han_encoder import Electricity, frame

import han_reader

AT = datetime.datetime(2026, 11, 24, 7, 0, 10, tzinfo=datetime.timezone.utc).timestamp()
METER = "7359992812345678"
E = Electricity(import_w=4321, export_w=0, inductive_var=210, capacitive_var=40, current_a=(5.3, 9.1, 4.2),
                voltage_v=(231.4, 229.8, 233.0), import_wh=12_345_670, export_wh=1230, inductive_varh=98_760,
                capacitive_varh=450)
NORWEGIAN = [(d, which) for d in ("aidon", "kaifa", "kamstrup") for which in (1, 2, 3) if (d, which) != ("kamstrup", 1)]


def amshan(raw):
    """What amshan reads of one frame, through its own frame reader."""
    (message,) = HdlcFrameReader(False).read(raw)
    assert message.is_valid
    return AutoDecoder().decode_message(message)


@pytest.mark.parametrize("dialect,which", NORWEGIAN)
def test_amshan_reads_what_was_sent(dialect, which):
    read = amshan(frame(dialect, which, E, METER, AT))
    assert read[obis_map.FIELD_METER_MANUFACTURER].lower() == dialect
    assert read[obis_map.FIELD_ACTIVE_POWER_IMPORT] == 4321
    if which >= 2:
        assert read[obis_map.FIELD_METER_ID] == METER
        assert read[obis_map.FIELD_REACTIVE_POWER_EXPORT] == 40
        currents = [read[f] for f in (obis_map.FIELD_CURRENT_L1, obis_map.FIELD_CURRENT_L2, obis_map.FIELD_CURRENT_L3)]
        assert currents == pytest.approx(E.current_a)
        volts = [read[f] for f in (obis_map.FIELD_VOLTAGE_L1, obis_map.FIELD_VOLTAGE_L2, obis_map.FIELD_VOLTAGE_L3)]
        assert volts == pytest.approx(E.voltage_v, abs=0.5)
    if which == 3:
        assert read[obis_map.FIELD_ACTIVE_POWER_IMPORT_TOTAL] == 12_345_670
        assert read[obis_map.FIELD_ACTIVE_POWER_EXPORT_TOTAL] == 1230
        stamp = read[obis_map.FIELD_METER_DATETIME].replace(tzinfo=None)
        assert stamp == datetime.datetime(2026, 11, 24, 8, 0, 10)  # normal time


def test_amshan_refuses_a_flipped_bit():
    """Known-bad: the test above rests on amshan's check of the FCS."""
    raw = bytearray(frame("kaifa", 2, E, METER, AT))
    raw[40] ^= 4
    (message,) = HdlcFrameReader(False).read(bytes(raw))
    assert not message.is_good_ffc


def gurux(raw):
    """The A-XDR value of a frame's notification body as gurux reads it."""
    apdu = raw[raw.index(b"\xe6\xe7\x00") + 3:-3]
    body = apdu[5:]
    for stamp in (b"\x09\x0c", b"\x0c"):
        if body.startswith(stamp):
            body = body[len(stamp) + 12:]
            break
    else:
        body = body[1:]
    return _GXCommon.getData(None, GXByteBuffer(body), _GXDataInfo())


def flat(value):
    """All leaves of a nested list."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    return [bytes(value) if isinstance(value, (bytes, bytearray)) else value]


@pytest.mark.parametrize("dialect,which", NORWEGIAN)
def test_gurux_reads_what_was_sent(dialect, which):
    leaves = flat(gurux(frame(dialect, which, E, METER, AT)))
    assert 4321 in leaves
    if which == 3:
        step = 1 if dialect == "kaifa" else 10
        assert 12_345_670 // step in leaves and 1230 // step in leaves
    if which >= 2:
        assert METER in leaves or METER.encode() in leaves


def test_lengths_are_those_of_the_real_lists():
    """Kaifa 41, 123, 157 bytes (with this meter type), Aidon list 1 44, Kamstrup 228 and 302."""
    assert [len(frame("kaifa", n, E, METER, AT)) for n in (1, 2, 3)] == [41, 123, 157]
    assert len(frame("aidon", 1, E, METER, AT)) == 44
    assert [len(frame("kamstrup", n, E, METER, AT)) for n in (2, 3)] == [228, 302]


def test_dsmr_parser_reads_what_was_sent():
    raw = frame("p1", 2, E, METER, AT)
    read = TelegramParser(telegram_specifications.SWEDEN).parse(raw.decode("ascii"))
    assert read.ELECTRICITY_IMPORTED_TOTAL.value == Decimal("12345.670")
    assert read.CURRENT_ELECTRICITY_USAGE.value == Decimal("4.321")
    assert read.INSTANTANEOUS_VOLTAGE_L1.value == Decimal("231.4")
    assert read.P1_MESSAGE_TIMESTAMP.value == datetime.datetime(2026, 11, 24, 7, 0, 10, tzinfo=datetime.timezone.utc)


def test_dsmr_parser_refuses_a_changed_digit():
    raw = frame("p1", 2, E, METER, AT).decode("ascii").replace("12345.670", "12345.671")
    with pytest.raises(Exception, match="(?i)crc|checksum"):
        TelegramParser(telegram_specifications.SWEDEN).parse(raw)


@pytest.mark.parametrize("dialect,which", [*NORWEGIAN, ("p1", 2)])
def test_our_own_reader_reads_what_was_sent(dialect, which):
    (message,) = han_reader.Reader().feed(frame(dialect, which, E, METER, AT))
    reading = han_reader.decode(message)
    assert reading["import_w"] == 4321
    if which == 3:
        assert reading["import_kwh"] == pytest.approx(12_345.67)
    if which >= 2 and dialect != "p1":
        assert reading["voltage_l1_v"] == pytest.approx(231.4, abs=0.5)


def test_registers_show_what_each_dialect_can():
    assert han_encoder.register_wh("kaifa", 12_345_678) == 12_345_678
    assert han_encoder.register_wh("aidon", 12_345_678) == han_encoder.register_wh("kamstrup", 12_345_678) == 12_345_670


@pytest.mark.parametrize("dialect", ["aidon", "kaifa", "kamstrup", "p1"])
@pytest.mark.parametrize("at", [1795503600, 1783843200], ids=["winter", "summer"])
def test_every_dialects_clock_is_read_right_all_the_year(dialect, at):
    (message,) = han_reader.Reader().feed(frame(dialect, 3, E, METER, at))
    assert han_reader.decode(message)["time"] == at
