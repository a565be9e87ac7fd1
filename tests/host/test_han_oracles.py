"""han_reader against other people's decoders: amshan, gurux-dlms, dlms-cosem and dsmr-parser.

Own vectors of every dialect, and the captures where they lie beside the repository. Each peer is asked only for what it
supports; the numbers below say how many captures it read, so that a peer that stops reading is noticed.
"""

import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_cosem.utils import parse_as_dlms_data
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser
from gurux_dlms import GXByteBuffer
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from han import obis_map
from han.autodecoder import AutoDecoder
from han.common import DlmsMessage
from han.dlde import DataReadout
from han.hdlc import HdlcFrameReader

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import han_rows
import han_vectors as v
from han_peers_rig import agree, body_of, leaves, own
from support import corpus

import han_reader
from han_reader import framing, security

NORWEGIAN = {"aidon 1": v.aidon(1), "aidon 2": v.aidon(2), "aidon 3": v.aidon(3), "kaifa 1": v.kaifa(1),
             "kaifa 2": v.kaifa(2), "kaifa 3": v.kaifa(3), "kamstrup 1": v.kamstrup(1), "kamstrup 2": v.kamstrup(2),
             "kamstrup one phase": v.kamstrup(1, phases=1)}


def amshan(message):
    """What amshan reads in a message of ours: one HDLC frame, a P1 telegram or a bare APDU; or None."""
    if message[0] == 0x7E:
        (raw,) = HdlcFrameReader(False).read(message)
        return AutoDecoder().decode_message(raw) if raw.is_valid else None
    if message[0] == 0x2F:
        readout = DataReadout(message + b"\r\n")
        return AutoDecoder().decode_message(readout) if readout.is_valid else None
    return AutoDecoder().decode_message(DlmsMessage(message))


@pytest.mark.parametrize("name", NORWEGIAN)
def test_amshan_on_own_vectors(name):
    wire = v.frame(v.LLC + NORWEGIAN[name])
    theirs = amshan(wire)
    assert agree(theirs, han_reader.decode(wire)) >= (1 if name.endswith("1") and "kamstrup" not in name else 5)
    if obis_map.FIELD_METER_ID in theirs:
        assert theirs[obis_map.FIELD_METER_ID] == han_reader.decode(wire)["meter_id"]


def gurux(data):
    """The Data as gurux reads it."""
    return leaves(_GXCommon.getData(None, GXByteBuffer(data), _GXDataInfo()))


def dlms_cosem(data):
    """The Data as dlms-cosem reads it."""
    return leaves(parse_as_dlms_data(data))


@pytest.mark.parametrize("name", NORWEGIAN)
def test_gurux_on_own_vectors(name):
    data = body_of(NORWEGIAN[name])
    assert gurux(data) == own(data)


@pytest.mark.parametrize("name", [n for n in NORWEGIAN if "kaifa" in n])
def test_dlms_cosem_on_own_vectors(name):
    data = body_of(NORWEGIAN[name])
    assert dlms_cosem(data) == own(data)


def test_gurux_on_a_compact_array():
    body = v.structure(v.u32(5), b"\x13\x02\x02\x12\x06\x0c\x00\x07\x00\x00\x04\xd2\x00\x08\x00\x00\x00\x09")
    assert gurux(body) == own(body) == [5, 7, 1234, 8, 9]


def test_dsmr_parser_on_own_vectors():
    text = v.telegram(v.P1_LINES).decode()
    telegram = TelegramParser(telegram_specifications.V5).parse(text)
    ours = han_reader.decode(text.encode().rstrip())
    assert float(telegram.ELECTRICITY_USED_TARIFF_1.value) == ours["import_t1_kwh"]
    assert float(telegram.CURRENT_ELECTRICITY_USAGE.value) * 1000 == pytest.approx(ours["import_w"])
    assert float(telegram.INSTANTANEOUS_VOLTAGE_L2.value) == ours["voltage_l2_v"]
    assert telegram.P1_MESSAGE_TIMESTAMP.value.timestamp() == ours["time"]
    (gas,) = telegram.MBUS_DEVICES
    assert float(gas.MBUS_METER_READING.value) == ours["gas_m3"]
    assert gas.MBUS_METER_READING.datetime.timestamp() == ours["gas_time"]


def test_ciphering_against_cryptography():
    """Our encoder's bitwise GCM and the reader's are both held to the library's."""
    ek, ak = bytes(range(16)), bytes(range(16, 32))
    apdu = NORWEGIAN["aidon 2"]
    glo = v.security(apdu, v.aes, ek, ak, counter=1234)
    iv = glo[2:10] + glo[-len(apdu) - 16:-len(apdu) - 12]
    # DLMS cuts the tag to 12 bytes, which the library's AESGCM does not: compare with its own 16.
    want = AESGCM(ek).encrypt(iv, apdu, b"\x30" + ak)
    assert glo[-len(apdu) - 12:] == want[:-4]
    out, tag = security.gcm(v.aes(ek), iv, want[:-16], b"\x30" + ak)
    assert out == apdu and tag == want[-16:]


# Lists that hold less than they announce, or values in front of which stands more than A-XDR has.
NO_TREE = ("node-dlms-iskra-1", "Energomera value left out", "Iskraemeco attributes")
both = pytest.mark.parametrize("source", ["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])


def decodable(source):
    """(row, message) of the rows that must decode, single frames and telegrams."""
    for row in han_rows.rows() if source == "own" else corpus("han/han_dev.jsonl"):
        if row["must"] == "decode" and not row["enc"]:
            data = bytes.fromhex(row["hex"])
            if data[0] in (0x7E, 0x2F):
                reader = han_reader.Reader(p1_without_crc=True)
                for message in list(reader.feed(data)) + reader.finish():
                    yield row, message


@both
def test_amshan_on_rows(source):
    rows = values = 0
    for row, message in decodable(source):
        # amshan takes no segments, and calls Iskraemeco's and Landis+Gyr's lists by other makers' names.
        if row["meter"] not in ("Aidon", "Kaifa", "Kamstrup") or message[0] == 0x7E and row["checks"]["frames"] > 1:
            continue
        try:
            theirs = amshan(message)
        except (ValueError, AttributeError):
            theirs = None  # an identification it doesn't know, and a list without a time, escape as these
        if not theirs:
            continue
        ours = han_reader.decode(message)
        if row["meter"] == "Kamstrup" and message[0] == 0x7E:
            # It reads Kamstrup's energies as they are, in 10 Wh.
            theirs = {k: theirs[k] for k in theirs if not k.endswith("_total")}
        if row["id"].endswith("hundredths"):  # and the voltages of some of its models in 0.01 V
            theirs = {k: theirs[k] for k in theirs if not k.startswith("voltage")}
        values += agree(theirs, ours)
        rows += 1
    least = (13, 108) if source == "own" else (121, 751)
    assert rows >= least[0] and values >= least[1], (rows, values)


def unwrapped(message):
    """The APDU of a message of HDLC frames."""
    data, at, end, _ = framing.unwrap(message)
    return data[at:end]


@both
def test_gurux_and_dlms_cosem_on_rows(source):
    rows_read = {"gurux": 0, "dlms_cosem": 0}
    for row, message in decodable(source):
        if message[0] != 0x7E or row["id"] in NO_TREE:
            continue
        data = body_of(unwrapped(message))
        mine = own(data)
        assert gurux(data) == mine, row["id"]
        rows_read["gurux"] += 1
        if b"\x0a" not in data:  # it knows no visible-string, and does not end on some lists that hold one
            assert dlms_cosem(data) == mine, row["id"]
            rows_read["dlms_cosem"] += 1
    least = (69, 15) if source == "own" else (131, 61)
    assert rows_read["gurux"] >= least[0] and rows_read["dlms_cosem"] >= least[1], rows_read


@both
def test_dsmr_parser_on_rows(source):
    specs = {"Kamstrup": "SWEDEN", "Landis+Gyr": "SWEDEN", "Ellevio/Aidon": "SWEDEN", "NES": "SWEDEN"}
    rows = 0
    for row, message in decodable(source):
        if message[0] != 0x2F or row["checks"]["p1"] != "ok":
            continue
        spec = specs.get(row["meter"], "V5")
        try:
            telegram = TelegramParser(getattr(telegram_specifications, spec)).parse(message.decode() + "\r\n")
        except Exception:  # a peer may fail in any way
            continue
        ours = han_reader.decode(message)
        for theirs, name, factor in (("CURRENT_ELECTRICITY_USAGE", "import_w", 1000),
                                     ("ELECTRICITY_USED_TARIFF_1", "import_t1_kwh", 1),
                                     ("INSTANTANEOUS_VOLTAGE_L1", "voltage_l1_v", 1),
                                     ("ELECTRICITY_IMPORTED_TOTAL", "import_kwh", 1)):
            item = getattr(telegram, theirs, None)
            if item is not None and item.value is not None and name in ours:
                factor *= {"W": 0.001, "Wh": 0.001}.get(item.unit, 1)
                assert float(item.value) * factor == pytest.approx(ours[name]), (row["id"], name)
                rows += 1
    assert rows >= (6 if source == "own" else 61)
