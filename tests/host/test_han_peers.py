"""Which other decoders read which of the dialects the tests' own encoder writes: the table of docs/han.md, by cell.

A cell says yes where the decoder, by its own frame check, decipherment and data, gives the values we read; no where it
refuses, gives nothing or something else. A decoder that has only a part gets the rest done as little as possible: the
segments joined and the APDU cut out by our unwrapping for the two that have no push path (gurux-dlms, dlms-cosem).
"""

import contextlib
import io
import sys
from pathlib import Path

import pytest
from dlms_cosem.connection import XDlmsApduFactory
from dlms_cosem.hdlc.frames import UnnumberedInformationFrame
from dlms_cosem.utils import parse_as_dlms_data
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser
from gurux_dlms import GXByteBuffer
from gurux_dlms._GXFCS16 import _GXFCS16
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from han.autodecoder import AutoDecoder
from han.dlde import ModeDReader
from han.hdlc import HdlcFrameReader
from han_peers_rig import agree, body_of, leaves, own

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import han_vectors as v

import han_reader
from han_reader import framing, mbus

DOC = Path(__file__).resolve().parent.parent.parent / "docs" / "han.md"
EK, AK = bytes(range(16)), bytes(range(0xD0, 0xE0))
LUX = bytes([17 * i for i in range(16)])
P1 = v.telegram(v.P1_LINES)
DH = bytes(8)
HEAD = b"\x08" + DH + b"\x08NET00001\x08" + DH + b"\x00\x00"  # general-ciphering: ids, titles, no date, nothing else


def hdlc(apdu):
    """One frame."""
    return v.frame(v.LLC + apdu)


def lines_ciphered():
    """Elgama's P1: identification and CRC in plain text, the lines between them without an APDU's tag."""
    line, mark = P1.find(b"\r\n\r\n") + 4, P1.find(b"!")
    apdu = v.security(P1[line:mark], v.aes, EK, AK, title=bytes(8), counter=0)
    return P1[:line] + b"\x00" + apdu[10:] + P1[mark:]


# name in the table -> (what the line carries, encryption key, authentication key)
DIALECTS = {
    "Aidon lists 1-3": ([hdlc(v.aidon(n)) for n in (1, 2, 3)], None, None),
    "Aidon, IT net": ([hdlc(v.aidon(2, it=True))], None, None),
    "Kaifa list 1": ([hdlc(v.kaifa(1))], None, None),
    "Kaifa lists 2-3": ([hdlc(v.kaifa(n)) for n in (2, 3)], None, None),
    "Kaifa, one phase": ([hdlc(v.kaifa(2, phases=1))], None, None),
    "Kamstrup": ([hdlc(v.kamstrup(n)) for n in (1, 2)], None, None),
    "Kamstrup, one phase": ([hdlc(v.kamstrup(1, phases=1))], None, None),
    "Kamstrup, date as octet-string": ([hdlc(v.kamstrup(1, spelling=v.tagged_time))], None, None),
    "HDLC segments": ([v.segments(v.kaifa(3), 60)], None, None),
    "general block transfer": ([b"".join(v.blocks(v.kaifa(3), 60))], None, None),
    "wired M-Bus, two segments": ([b"".join(v.long_frames(v.kaifa(3), 80))], None, None),
    "general-glo, suite 0, tag": ([hdlc(v.security(v.kaifa(2), v.aes, EK, AK))], EK, AK),
    "general-glo, suite 1, tag": ([hdlc(v.security(v.kaifa(2), v.aes, EK, AK, control=0x31))], EK, AK),
    "general-glo, no tag": ([hdlc(v.security(v.kaifa(2), v.aes, EK, b"", control=0x20))], EK, None),
    "general-ciphering": ([hdlc(v.general(v.kaifa(2), v.aes, EK, AK, HEAD))], EK, AK),
    "P1, DSMR 5": ([P1], None, None),
    "P1, DSMR 2.2 without CRC": ([v.telegram(v.P1_OLD, crc_digits=False)], None, None),
    "P1 with ciphered lines (Poland)": ([lines_ciphered()], EK, AK),
    "P1 in one general-glo APDU (Luxembourg)": ([v.security(P1, v.aes, EK, LUX)], EK, LUX),
}


def message_of(wire):
    """The one message of a line's bytes."""
    reader = han_reader.Reader(p1_without_crc=True)
    (message,) = list(reader.feed(wire)) + reader.finish()
    return message


def ours(wire, ek, ak):
    """Our reading."""
    return han_reader.decode(message_of(wire), ek, ak, v.aes)


def single(wire):
    """Whether a line's bytes are one HDLC frame."""
    return wire[0] == 0x7E and ((wire[1] & 7) << 8 | wire[2]) == len(wire) - 2


def apdu_of(wire):
    """The APDU, checked by our framing where the peer has none."""
    message = message_of(wire)
    if message[0] == 0x68:
        return mbus.unwrap(message)
    if message[0] == 0x7E:
        data, at, end, _ = framing.unwrap(message)
        return data[at:end]
    return message


def amshan(wire, ek, ak):
    """Its frame reader and automatic decoder."""
    reader = ModeDReader() if wire[:1] == b"/" else HdlcFrameReader(False)
    for message in reader.read(wire):
        theirs = AutoDecoder().decode_message(message) if message.is_valid else None
        if theirs:
            return agree(theirs, ours(wire, ek, ak)) > 0
    return False


def plain_of(wire, ek, ak):
    """The list in plain text, by ours: what its data must be."""
    apdu = apdu_of(wire)
    if apdu[0] in (0xDB, 0xDD):
        from han_reader import security
        return security.decipher(apdu, 0, len(apdu), ek, ak, v.aes)[0]
    return apdu


def gurux(wire, ek, ak):
    """Its FCS, its decipherment and its tree."""
    if single(wire) and _GXFCS16.countFCS16(wire, 1, len(wire) - 4) != wire[-3] << 8 | wire[-2]:
        return False
    apdu = apdu_of(wire)
    if apdu[0] in (0xDB, 0xDD):
        p = AesGcmParameter(0, None, bytearray(ek), bytearray(ak or bytes(16)))
        with contextlib.redirect_stdout(io.StringIO()):
            class Settings:
                """What it asks of its settings."""
                cipher = None
            apdu = bytes(GXDLMSChippering.decryptAesGcm(Settings, p, GXByteBuffer(apdu)))
    if apdu[0] != 0x0F:
        return False
    data = body_of(apdu)
    return leaves(_GXCommon.getData(None, GXByteBuffer(data), _GXDataInfo())) == own(body_of(plain_of(wire, ek, ak)))


def dlms_cosem(wire, ek, ak):
    """Its frame, its factory, its decipherment and its tree."""
    if single(wire):
        apdu = UnnumberedInformationFrame.from_bytes(wire).payload[3:]
    else:
        apdu = apdu_of(wire)
    if apdu[0] in (0xDB, 0xDD):
        apdu = XDlmsApduFactory.apdu_from_bytes(apdu).to_plain_apdu(ek, ak)
    if apdu[:1] == b"/":
        return apdu == P1
    return leaves(parse_as_dlms_data(body_of(apdu))) == own(body_of(plain_of(wire, ek, ak)))


def dsmr_parser(wire, ek, ak):
    """Its parser, with the specification that reads it."""
    mine = ours(wire, ek, ak)
    for name in ("V5", "V2_2", "MSN"):
        parser = TelegramParser(getattr(telegram_specifications, name))
        try:
            if name == "MSN":
                telegram = parser.parse(wire.hex(), ek.hex(), ak.hex())
            else:
                telegram = parser.parse(wire.decode("ascii"))
            if float(telegram.ELECTRICITY_USED_TARIFF_1.value) == mine["import_t1_kwh"]:
                return True
        except Exception:  # a peer may fail in any way
            continue
    return False


PEERS = {"amshan": amshan, "gurux-dlms": gurux, "dlms-cosem": dlms_cosem, "dsmr-parser": dsmr_parser}


def table():
    """{dialect: {peer: whether docs/han.md says it reads it}}."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    start = next(i for i, row in enumerate(rows) if row[0] == "written by the encoder")
    return {row[0]: {peer: {"yes": True, "no": False}[cell] for peer, cell in zip(rows[start][1:], row[1:])}
            for row in rows[start + 2:]}


@pytest.mark.parametrize("name", DIALECTS)
def test_what_others_read_is_what_the_table_says(name):
    wires, ek, ak = DIALECTS[name]
    readers = {}
    for peer, reads in PEERS.items():
        try:
            readers[peer] = all(reads(wire, ek, ak) for wire in wires)
        except Exception:  # a peer may fail in any way
            readers[peer] = False
    assert readers == table()[name]


def test_the_table_has_each_dialect_once():
    assert list(table()) == list(DIALECTS)
    # Each but three is read by at least one other decoder.
    assert sum(not any(row.values()) for row in table().values()) <= 3
