"""HAN lists from the electricity meter's side: HDLC frames with DLMS DataNotifications, and DSMR P1 telegrams.

The lists of Aidon, Kaifa and Kamstrup as the Norwegian meters push them (NEK's OBIS list, each make in its own shape),
at the intervals of `DIALECTS`. Written from IEC 62056-46 (HDLC), -53/-62 (A-XDR, DataNotification) and the DSMR P1
companion standard, apart from the decoder.
"""

import datetime
import struct
import zoneinfo
from collections import namedtuple

from .meters import NORMAL_TIME

# Power in W or var, current in A, voltage in V, energy in Wh or varh.
Electricity = namedtuple("Electricity", (
    "import_w", "export_w", "inductive_var", "capacitive_var", "current_a", "voltage_v",
    "import_wh", "export_wh", "inductive_varh", "capacitive_varh"))
Dialect = namedtuple("Dialect", ("name", "power_every", "list_every", "hour_at", "line"))
# Seconds between lists 1 (power only; 0: none) and 2, seconds past the hour of list 3, bits on the line.
DIALECTS = {d.name: d for d in (
    Dialect("aidon", 2.5, 10, 10, "2400 8E1"),
    Dialect("kaifa", 2, 10, 10, "2400 8E1"),
    Dialect("kamstrup", 0, 10, 5, "2400 8N1"),
    Dialect("p1", 0, 10, 0, "115200 8N1"),
)}

_ARRAY, _STRUCTURE, _U32, _OCTETS, _VISIBLE, _I8, _I16, _U16, _ENUM = 1, 2, 6, 9, 10, 15, 16, 18, 22
_W, _VAR, _WH, _VARH, _A, _V = 27, 29, 30, 32, 33, 35
_PUSH = bytes.fromhex("e6e700")  # LLC of an unconfirmed push


def _table(polynomial: int) -> "list[int]":
    """The CRC of each byte under a reflected polynomial."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return table


_X25, _CRC16 = _table(0x8408), _table(0xA001)


def fcs(data: bytes) -> bytes:
    """The CRC-16/X-25 of HDLC, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _X25[(value ^ byte) & 0xFF]
    return (value ^ 0xFFFF).to_bytes(2, "little")


def hdlc(addresses: bytes, control: int, apdu: bytes) -> bytes:
    """An HDLC frame of format type 3 with LLC; `addresses` is destination and source."""
    head = addresses + bytes((control,))
    length = 2 + len(head) + 2 + len(_PUSH) + len(apdu) + 2
    head = (0xA000 | length).to_bytes(2, "big") + head
    body = head + fcs(head) + _PUSH + apdu
    return b"\x7e" + body + fcs(body) + b"\x7e"


def date_time(moment: datetime.datetime, weekday: bool = True, deviation: int = 0x8000) -> bytes:
    """A COSEM date-time of 12 bytes in the meter's local time."""
    return struct.pack(">HBBBBBBBHB", moment.year, moment.month, moment.day, moment.isoweekday() if weekday else 0,
                       moment.hour, moment.minute, moment.second, 0xFF, deviation, 0)


def _octets(data: bytes) -> bytes:
    return bytes((_OCTETS, len(data))) + data


def _visible(text: str) -> bytes:
    return bytes((_VISIBLE, len(text))) + text.encode("ascii")


def _u32(value: float) -> bytes:
    return bytes((_U32,)) + round(value).to_bytes(4, "big")


def _u16(value: float) -> bytes:
    return bytes((_U16,)) + round(value).to_bytes(2, "big")


def _i16(value: float) -> bytes:
    return bytes((_I16,)) + round(value).to_bytes(2, "big", signed=True)


def _obis(text: str) -> bytes:
    return _octets(bytes(int(part) for part in text.replace("-", ".").replace(":", ".").split(".")))


# --- Kaifa: a structure of values by position, no codes -------------------------------------------------------------

def kaifa(which: int, e: Electricity, meter_id: str, moment: datetime.datetime) -> bytes:
    """A frame of a Kaifa three-phase meter: list 1, 2 or 3."""
    powers = [_u32(e.import_w), _u32(e.export_w), _u32(e.inductive_var), _u32(e.capacitive_var)]
    stamp = _octets(date_time(moment))
    if which == 1:
        items = powers[:1]
    else:
        items = [_octets(b"KFM_001"), _octets(meter_id.encode()), _octets(b"MA304H3E")] + powers
        items += [_u32(a * 1000) for a in e.current_a] + [_u32(v * 10) for v in e.voltage_v]
    if which == 3:
        items += [stamp] + [_u32(x) for x in (e.import_wh, e.export_wh, e.inductive_varh, e.capacitive_varh)]
    body = bytes((_STRUCTURE, len(items))) + b"".join(items)
    return hdlc(bytes.fromhex("010201"), 0x10, b"\x0f\x40\0\0\0" + stamp + body)


# --- Aidon: an array of structures of code, value, scaler and unit --------------------------------------------------

def _scaled(obis: str, value: bytes, scaler: int, unit: int) -> bytes:
    return (bytes((_STRUCTURE, 3)) + _obis(obis) + value
            + bytes((_STRUCTURE, 2, _I8, scaler & 0xFF, _ENUM, unit)))


def _named(obis: str, value: bytes) -> bytes:
    return bytes((_STRUCTURE, 2)) + _obis(obis) + value


def aidon(which: int, e: Electricity, meter_id: str, moment: datetime.datetime) -> bytes:
    """A frame of an Aidon three-phase meter: list 1, 2 or 3. Currents in 0.1 A, energy in 10 Wh."""
    power = _scaled("1-0:1.7.0.255", _u32(e.import_w), 0, _W)
    if which == 1:
        items = [power]
    else:
        items = [_named("1-1:0.2.129.255", _visible("AIDON_V0001")), _named("0-0:96.1.0.255", _visible(meter_id)),
                 _named("0-0:96.1.7.255", _visible("6534")), power,
                 _scaled("1-0:2.7.0.255", _u32(e.export_w), 0, _W),
                 _scaled("1-0:3.7.0.255", _u32(e.inductive_var), 0, _VAR),
                 _scaled("1-0:4.7.0.255", _u32(e.capacitive_var), 0, _VAR)]
        items += [_scaled(f"1-0:{c}.7.0.255", _i16(a * 10), -1, _A) for c, a in zip((31, 51, 71), e.current_a)]
        items += [_scaled(f"1-0:{c}.7.0.255", _u16(v * 10), -1, _V) for c, v in zip((32, 52, 72), e.voltage_v)]
    if which == 3:
        items.append(_named("0-0:1.0.0.255", _octets(date_time(moment, weekday=False, deviation=0))))
        items += [_scaled(f"1-0:{c}.8.0.255", _u32(x // 10), 1, unit) for c, x, unit in (
            (1, e.import_wh, _WH), (2, e.export_wh, _WH), (3, e.inductive_varh, _VARH), (4, e.capacitive_varh, _VARH))]
    body = bytes((_ARRAY, len(items))) + b"".join(items)
    return hdlc(bytes.fromhex("410883"), 0x13, b"\x0f\x40\0\0\0\0" + body)


# --- Kamstrup: a structure of codes and bare values -----------------------------------------------------------------

def kamstrup(which: int, e: Electricity, meter_id: str, moment: datetime.datetime) -> bytes:
    """A frame of a Kamstrup three-phase meter: its list every 10 s (2) or the hourly one (3). Currents in 0.01 A,
    energy in 10 Wh."""
    pairs = [("0.0.5", _visible(meter_id)), ("96.1.1", _visible("6841131BN243101040")),
             ("1.7.0", _u32(e.import_w)), ("2.7.0", _u32(e.export_w)),
             ("3.7.0", _u32(e.inductive_var)), ("4.7.0", _u32(e.capacitive_var))]
    pairs += [(f"{c}.7.0", _u32(a * 100)) for c, a in zip((31, 51, 71), e.current_a)]
    pairs += [(f"{c}.7.0", _u16(v)) for c, v in zip((32, 52, 72), e.voltage_v)]
    codes = [_obis(f"1-1:{code}.255") + value for code, value in pairs]
    stamp = date_time(moment)
    if which == 3:
        codes.append(_obis("0-1:1.0.0.255") + _octets(stamp))
        codes += [_obis(f"1-1:{c}.8.0.255") + _u32(x // 10) for c, x in enumerate(
            (e.import_wh, e.export_wh, e.inductive_varh, e.capacitive_varh), 1)]
    body = bytes((_STRUCTURE, 1 + 2 * len(codes))) + _visible("Kamstrup_V0001") + b"".join(codes)
    return hdlc(bytes.fromhex("2b21"), 0x13, b"\x0f\0\0\0\0\x0c" + stamp + body)


# --- DSMR P1 --------------------------------------------------------------------------------------------------------

def crc16(data: bytes) -> int:
    """The CRC16 of P1: polynomial 8005 reflected, start 0."""
    value = 0
    for byte in data:
        value = value >> 8 ^ _CRC16[(value ^ byte) & 0xFF]
    return value


def p1(_which: int, e: Electricity, _meter_id: str, moment: datetime.datetime) -> bytes:
    """A P1 telegram as the Swedish meters send it: CRC16 over everything from `/` to `!`."""
    lines = ["/ADN9 6534", "", f"0-0:1.0.0({moment:%y%m%d%H%M%S}W)"]
    lines += [f"1-0:{c}.8.0({x / 1000:012.3f}*{unit})" for c, x, unit in (
        (1, e.import_wh, "kWh"), (2, e.export_wh, "kWh"), (3, e.inductive_varh, "kvarh"),
        (4, e.capacitive_varh, "kvarh"))]
    lines += [f"1-0:{c}.7.0({x / 1000:08.3f}*{unit})" for c, x, unit in (
        (1, e.import_w, "kW"), (2, e.export_w, "kW"), (3, e.inductive_var, "kvar"), (4, e.capacitive_var, "kvar"))]
    lines += [f"1-0:{c}.7.0({v:05.1f}*V)" for c, v in zip((32, 52, 72), e.voltage_v)]
    lines += [f"1-0:{c}.7.0({a:05.1f}*A)" for c, a in zip((31, 51, 71), e.current_a)]
    text = ("\r\n".join(lines) + "\r\n!").encode("ascii")
    return text + f"{crc16(text):04X}\r\n".encode("ascii")


_LISTS = {"aidon": aidon, "kaifa": kaifa, "kamstrup": kamstrup, "p1": p1}
# Whose clock follows daylight saving; the others keep normal time all the year round.
_LOCAL_TIME = {"kaifa": zoneinfo.ZoneInfo("Europe/Oslo")}


def frame(dialect: str, which: int, e: Electricity, meter_id: str, at: float) -> bytes:
    """The bytes of one list (1, 2 or 3) of a dialect at simulated Unix time `at`."""
    zone = _LOCAL_TIME.get(dialect, NORMAL_TIME)
    return _LISTS[dialect](which, e, meter_id, datetime.datetime.fromtimestamp(at, zone))


def register_wh(dialect: str, import_wh: int) -> int:
    """The energy register as the dialect's resolution shows it: the truth an hour's reading must equal."""
    return import_wh if dialect in ("kaifa", "p1") else import_wh // 10 * 10


