"""P1 telegrams: DSMR 2.2 to 5.0.2, ESMR, Belgian eMUCS, the Swedish and Danish profiles (IEC 62056-21 mode D).

/XXX5 identification CRLF CRLF lines of code(value*unit) ! CRC16 CRLF

- The CRC runs from "/" to "!" and stands in up to four hex digits. A telegram without one (DSMR 2 and 3) vouches for
  nothing: it is read only where the caller allows it, and never when it states a version that has a CRC.
- A line may end in LF alone; the identification may hold any byte.
- Sub-meters (gas, water, heat) stand on 0-n:24.2.1 with their own time, before DSMR 4 on 0-n:24.3.0.
"""

from . import accel, obis
from .clock import p1_time
from .errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

START = 0x2F  # /
MAX_IDENTIFICATION = 64
NEED = 0
BAD = -1
HEX = b"0123456789ABCDEFabcdef"

# Device type of the M-Bus sub-meter (0-n:24.1.0, EN 13757-3) -> start of its flat names.
SUB_METERS = {2: "submeter", 3: "gas", 4: "heat", 6: "hot_water", 7: "water", 8: "heat_cost", 10: "cooling",
              11: "cooling", 12: "heat", 13: "heat"}
UNITS = {"m3": "m3", "gj": "GJ", "mj": "MJ", "kwh": "kWh", "wh": "Wh", "kw": "kW", "w": "W", "v": "V", "a": "A",
         "ma": "mA", "kvar": "kvar", "kvarh": "kvarh", "var": "var", "varh": "varh", "kva": "kVA", "va": "VA",
         "hz": "Hz", "kvah": "kVAh", "mwh": "MWh"}
IDENTITIES = ("0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0", "0-0:96.1.4", "1-0:0.0.0")


def crc_at(data, mark, end, final):
    """(CRC digits as text, index after them) behind the "!" at data[mark], or None while they may go on."""
    i = mark + 1
    while i < end and i < mark + 5 and data[i] in HEX:
        i += 1
    if i == end and i < mark + 5 and not final:
        return None
    return str(bytes(data[mark + 1:i]), "ascii"), i


def end_mark(data, at, end):
    """The index of the "!" that ends the telegram at data[at], or -1: it stands at the start of a line."""
    i = data.find(b"!", at, end)
    while i >= 0:
        if data[i - 1] in (10, 13):
            return i
        i = data.find(b"!", i + 1, end)
    return -1


def versioned(data, at, end):
    """Whether a telegram states a version that prescribes a CRC (1-3:0.2.8, DSMR 4 on; 0-0:96.1.4, Belgium)."""
    return data.find(b"1-3:0.2.8(", at, end) >= 0 or data.find(b"0-0:96.1.4(", at, end) >= 0


def unwrap(message, without_crc=True):
    """(identification, body) of a telegram, as text; DecodeError where its CRC is wrong or has to be there."""
    end = len(message)
    mark = end_mark(message, 1, end)
    if mark < 0:
        raise DecodeError("telegram cut off", end)
    digits, stop = crc_at(message, mark, end, True)
    if digits:
        if int(digits, 16) != accel.p1(message, 0, mark + 1):
            raise DecodeError("CRC wrong", mark + 1)
    else:
        if not without_crc or versioned(message, 0, mark):
            raise DecodeError("CRC missing", mark + 1)
        if accel.text_end(message, end_of_line(message, 0), end) != end:
            raise DecodeError("CRC missing and not all text", mark + 1)
    line = end_of_line(message, 0)
    if line > mark:
        raise DecodeError("telegram without lines", 0)
    if accel.text_end(message, line, mark) != mark:
        raise DecodeError("not text", accel.text_end(message, line, mark))
    return latin(message[1:line]), str(bytes(message[line:mark]), "ascii")


def end_of_line(data, at):
    """The index of the line end after data[at]."""
    i = data.find(b"\n", at)
    j = data.find(b"\r", at)
    if i < 0 or 0 <= j < i:
        i = j
    return len(data) if i < 0 else i


def latin(raw):
    """Bytes as text, those outside ASCII as \\xNN."""
    out = ""
    for c in raw:
        out += chr(c) if 32 <= c < 127 else "\\x%02x" % c
    return out


def objects(body):
    """Every (code, [values]) of a body: a value's text as it stands between its brackets."""
    out: "Any" = []
    for line in body.replace("\r", "\n").split("\n"):
        line = line.strip()
        if not line:
            continue
        first = line.find("(")
        if first == 0 and out:
            out[-1][1].extend(_brackets(line))  # a value on a line of its own (DSMR 2 and 3)
            continue
        if first < 0 or line[-1] != ")":
            if out and first < 0:
                continue  # the rest of a text that was broken over lines
            if first < 0:
                raise DecodeError("a line that names nothing: " + line[:20])
        out.append((line[:first].split("*")[0], _brackets(line[first:])))
    return out


def _brackets(text):
    values = []
    at = 0
    while at < len(text):
        stop = text.find(")", at)
        if text[at] != "(" or stop < 0:
            if text[at] == "(":
                values.append(text[at + 1:])
            break
        values.append(text[at + 1:stop])
        at = stop + 1
    return values


def number(text):
    """(number, unit) of 0012.345*kWh, or None for any other text."""
    star = text.find("*")
    if star <= 0:
        return None
    digits = text[:star]
    for c in digits:
        if c not in "0123456789.-":
            return None
    try:
        return float(digits), text[star + 1:]
    except ValueError:
        return None


def reading(message, without_crc=True):
    """The reading of a telegram."""
    identification, body = unwrap(message, without_crc)
    out: "Any" = {}
    result: "Any" = {"list": "P1", "meter_model": identification.strip(), "obis": out}
    kinds: "Any" = {}
    for code, values in objects(body):
        text = values[0] if values else ""
        # A value stands alone, or behind the time it was read at; everything else is a log or a text.
        timed = len(values) == 2 and p1_time(text) is not None
        found = number(values[-1]) if len(values) == 1 or timed else None
        if code == "0-0:1.0.0":
            time = p1_time(text)
            if time is not None:
                result["time"] = time
                out[code] = [time, "s"]
                continue
        if code[:2] == "0-" and code.endswith(":24.1.0"):
            try:
                kinds[code[2:-7]] = int(text)
            except ValueError:
                pass
        if found is None:
            out[code] = [text if len(values) < 2 else values, None]
            if code in IDENTITIES and text and "meter_id" not in result:
                result["meter_id"] = text
            continue
        value, unit = found
        out[code] = [value, unit]
        _flat(result, kinds, code, value, UNITS.get(unit.lower(), unit), values)
    _old_sub_meter(result, kinds, out)
    return result


def _flat(result, kinds, code, value, unit, values):
    groups = obis.split(code)
    if groups is None:
        return
    a, b, c, d, e = groups
    if a == 0 and b and c == 24 and d == 2:
        name = SUB_METERS.get(kinds.get(str(b)), "submeter") + ("" if e == 1 else "_%d" % e)
        flat, exponent = obis.flat(name, unit)
        if flat:
            result[flat] = _scaled(value, exponent)
            time = p1_time(values[0]) if len(values) > 1 else None
            if time is not None:
                result[name + "_time"] = time
        return
    known = obis.quantity(a, c, d, e)
    if known:
        flat, exponent = obis.flat(known[0], unit)
        if flat:
            result[flat] = _scaled(value, exponent)


def _scaled(value, exponent):
    if exponent < 0:
        return value / 10 ** -exponent
    # 1.234 kW is 1234 W: the product in binary may be off in its last digit.
    return round(value * 10 ** exponent, 6) if exponent else value


def _old_sub_meter(result, kinds, out):
    """DSMR 2 and 3: 0-n:24.3.0(time)(..)(..)(..)(code)(unit)(value)."""
    for code in list(out):
        values = out[code][0]
        if not code.endswith(":24.3.0") or not isinstance(values, list) or len(values) < 7:
            continue
        found = number(values[6] + "*" + values[5])
        if found:
            _flat(result, kinds, code.replace("24.3.0", "24.2.1"), found[0], UNITS.get(found[1].lower(), found[1]),
                  values)


def telegram_at(data, at, end, since, rejects, final, without_crc):
    """The size of the good telegram at data[at:end], up to its CRC; NEED for more bytes, BAD where none is.

    `since`: up to here the telegram has been looked at before, without finding its end.
    """
    line = data.find(b"\n", at, end)
    if line < 0 or line - at > MAX_IDENTIFICATION:
        return BAD if final or end - at > MAX_IDENTIFICATION else NEED
    if since < line:
        since = line
    mark = end_mark(data, since, end)
    if accel.text_end(data, since, end if mark < 0 else mark) != (end if mark < 0 else mark):
        rejects["noise"] += 1
        return BAD
    if mark < 0:
        return BAD if final else NEED
    found = crc_at(data, mark, end, final)
    if found is None:
        return NEED
    digits, stop = found
    if digits:
        good = (len(digits) == 4 or stop == end or data[stop] in (10, 13)) \
            and int(digits, 16) == accel.p1(data, at, mark + 1)
    else:
        good = without_crc and not versioned(data, at, mark) and data.find(b"\n/", at, mark) < 0
    if not good:
        rejects["crc"] += 1
        return BAD
    return stop - at
