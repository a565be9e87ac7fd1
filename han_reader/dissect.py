"""Every byte of a message with its meaning, layer by layer: what `explain` hands to a program that shows it.

Spans are (start, end, layer, meaning) over the message's bytes, in order and without gaps. Layers: "hdlc", "mbus",
"block" (general block transfer), "llc", "cipher", "apdu", "list", "p1", "sealed" (ciphertext without its key) and
"rest". GCM keeps every byte in its place, so the spans fit the deciphered bytes too.
"""

import struct

from . import accel, framing, mbus, obis, p1, p1_list, security, walk
from . import apdu as axdr
from .clock import civil, date_time
from .errors import DecodeError, KeyMissing, WrongKey
from .plan import layout_of

TAGS = {0: "no value", 1: "array", 2: "structure", 3: "boolean", 4: "bit-string", 5: "double-long",
        6: "double-long-unsigned", 9: "octet-string", 10: "visible-string", 12: "utf8-string", 13: "bcd", 15: "integer",
        16: "long", 17: "unsigned", 18: "long-unsigned", 20: "long64", 21: "long64-unsigned", 22: "enum",
        23: "float32", 24: "float64", 25: "date-time", 26: "date", 27: "time", 255: "don't care"}
SIGNED = (5, 15, 16, 20)


class _Pieces:
    """An APDU whose bytes lie in several places of the message."""

    def __init__(self):
        self.parts = []  # (index in the message, size)

    def add(self, start, end):
        if end > start:
            self.parts.append((start, end - start))

    def bytes_of(self, data):
        return b"".join([bytes(data[at:at + size]) for at, size in self.parts])

    def spans(self, start, end):
        """The places in the message of the APDU's bytes start to end."""
        out = []
        base = 0
        for at, size in self.parts:
            low = max(start, base)
            high = min(end, base + size)
            if low < high:
                out.append((at + low - base, at + high - base))
            base += size
        return out


def explain(message, ek=None, ak=None, aes=None):
    """What each byte of a message means, as far as it can be read; never raises DecodeError.

    "spans": see above. "plain": the bytes after deciphering. "meter": its number, or None. "error": (kind, reason) of
    what stopped it, kind "key missing", "wrong key" or "damaged", or None.
    """
    message = bytes(message)
    spans: "list" = []
    out: "dict" = {"spans": spans, "plain": message, "meter": None, "error": None}
    try:
        _explain(message, ek, ak, aes, spans, out)
    except KeyMissing as error:
        out["error"] = ("key missing", error.reason)
    except WrongKey as error:
        out["error"] = ("wrong key", error.reason)
    except DecodeError as error:
        out["error"] = ("damaged", error.reason)
    except IndexError:
        out["error"] = ("damaged", "cut off")
    _close(spans, len(message))
    return out


def _close(spans, end):
    """Put the spans in order and fill the gaps."""
    spans.sort()
    at = 0
    filled = []
    for start, stop, layer, meaning in spans:
        stop = min(stop, end)
        if start > at:
            filled.append((at, start, "rest", "not read"))
        if stop > at:
            filled.append((max(start, at), stop, layer, meaning))
            at = stop
    if at < end:
        filled.append((at, end, "rest", "not read"))
    spans[:] = filled


def _explain(message, ek, ak, aes, spans, out):
    first = message[0] if message else 0
    if first == 0x2F:
        _telegram(message, ek, ak, aes, spans, out)
        return
    pieces = _Pieces()
    if first == framing.FLAG:
        _frames(message, spans, pieces)
    elif first == mbus.START:
        _long_frames(message, spans, pieces)
    else:
        start = axdr.llc(message, 0)
        if start:
            spans.append((0, start, "llc", "LLC header"))
        pieces.add(start, len(message))
    _apdu(message, pieces, ek, ak, aes, spans, out)


# HDLC


def _frames(message, spans, pieces):
    end = len(message)
    at = 0
    while at < end:
        info = framing.header_end(message, at, end)
        if info <= 0:
            raise DecodeError("no frame", at)
        size = (message[at + 1] & 7) << 8 | message[at + 2]
        stop = at + size + 2
        segment = ", more segments follow" if message[at + 1] & 8 else ""
        spans.append((at, at + 1, "hdlc", "flag"))
        spans.append((at + 1, at + 3, "hdlc", "format type 3, %d bytes%s" % (size, segment)))
        middle = at + 3
        while not message[middle] & 1:
            middle += 1
        spans.append((at + 3, middle + 1, "hdlc", "destination address"))
        spans.append((middle + 1, info - 1, "hdlc", "source address"))
        control = message[info - 1]
        if control & 1:
            kind = "unnumbered information" if control & 0xEF == 3 else "control 0x%02x" % control
        else:
            kind = "information, N(S) %d" % (control >> 1 & 7)
        spans.append((info - 1, info, "hdlc", kind))
        spans.append((info, info + 2, "hdlc", "header check " + _verdict(message, at + 1, info + 2)))
        start = axdr.llc(message, info + 2)
        if start > info + 2:
            spans.append((info + 2, start, "llc", "LLC header"))
        if stop > end:
            pieces.add(start, end)
            raise DecodeError("frame cut off", end)
        if message[start] == axdr.GENERAL_BLOCK and not segment:
            number = message[start + 2] << 8 | message[start + 3]
            last = ", the last" if message[start + 1] & 0x80 else ""
            _, inner = axdr.length(message, start + 6, stop)
            spans.append((start, inner, "block", "general block transfer, block %d%s" % (number, last)))
            start = inner
        pieces.add(start, stop - 3)
        spans.append((stop - 3, stop - 1, "hdlc", "frame check " + _verdict(message, at + 1, stop - 1)))
        spans.append((stop - 1, stop, "hdlc", "flag"))
        if not accel.x25_ok(message, at + 1, stop - 1):
            raise DecodeError("frame check wrong", stop - 3)
        at = stop


def _verdict(data, start, end):
    return "right" if end <= len(data) and accel.x25_ok(data, start, end) else "wrong"


def _long_frames(message, spans, pieces):
    end = len(message)
    at = 0
    while at < end:
        rejects = {"crc": 0}
        size = mbus.frame_at(message, at, end, rejects)
        if size <= 0:
            raise DecodeError("checksum wrong" if rejects["crc"] else "frame cut off" if size else "no frame", at)
        spans.append((at, at + 4, "mbus", "long frame, %d bytes" % (size - 6)))
        spans.append((at + 4, at + 6, "mbus", "control and address"))
        last = ", the last" if message[at + 6] & 0x10 else ""
        spans.append((at + 6, at + 7, "mbus", "segment %d%s" % (message[at + 6] & 15, last)))
        spans.append((at + 7, at + 9, "mbus", "transport addresses"))
        pieces.add(at + mbus.HEADER, at + size - 2)
        spans.append((at + size - 2, at + size - 1, "mbus", "checksum right"))
        spans.append((at + size - 1, at + size, "mbus", "stop"))
        at += size


# APDU


def _apdu(message, pieces, ek, ak, aes, spans, out):
    data = pieces.bytes_of(message)

    def add(start, end, layer, meaning):
        for low, high in pieces.spans(start, end):
            spans.append((low, high, layer, meaning))

    if not data:
        raise DecodeError("no APDU")
    at = 0
    end = len(data)
    if data[0] in (axdr.GENERAL_GLO, axdr.GENERAL_CIPHERING):
        data, at, end = _cipher(data, ek, ak, aes, add)
        plain = bytearray(message)
        taken = at
        for low, high in pieces.spans(at, end):
            plain[low:high] = data[taken:taken + high - low]
            taken += high - low
        out["plain"] = bytes(plain)
        if data[at:at + 1] == b"/":
            add(at, end, "p1", "telegram")
            out["meter"] = p1.reading(data[at:end]).get("meter_id")
            return
    _notification(data, at, end, add, out)


def _cipher(data, ek, ak, aes, add):
    """(the APDU with its content deciphered in place, index of the content, index after it)."""
    end = len(data)
    title, _, control, stop = security.header(data, 0, end)
    start = control + 5
    tagged = data[control] & security.AUTHENTICATED
    name = "general-glo-ciphering" if data[0] == axdr.GENERAL_GLO else "general-ciphering"
    add(0, 1, "cipher", name)
    add(1, control, "cipher", "system title " + axdr.text(title, 0, 8) + " and length")
    words = []
    if data[control] & security.ENCRYPTED:
        words.append("encrypted")
    if tagged:
        words.append("authenticated")
    add(control, control + 1, "cipher", "security control: " + (" and ".join(words) or "none"))
    add(control + 1, start, "cipher", "frame counter %d" % int.from_bytes(data[control + 1:start], "big"))
    content = stop - security.TAG if tagged else stop
    add(content, stop, "cipher", "tag")
    try:
        text, checked = security.decipher(data, 0, end, ek, ak, aes)
        if text[:1] not in (b"\x0f", b"/"):
            raise WrongKey("deciphers to nothing known")
    except (KeyMissing, WrongKey) as error:
        add(start, content, "sealed", "encrypted: " + error.reason)
        raise
    return data[:start] + text + data[start + len(text):], start, start + len(text)


def _notification(data, at, end, add, out):
    start = at
    if data[at] == axdr.DATA_NOTIFICATION:
        header, at = axdr.notification(data, at, end)
        add(start, start + 1, "apdu", "DataNotification")
        add(start + 1, start + 5, "apdu", "invoke id")
        meaning = "no date-time"
        if header >= 0:
            meaning = "date-time " + _time(data, header)
        add(start + 5, at, "apdu", meaning)
    lay, _ = layout_of(data, start, end, True)
    for _, key, _, _, value in lay.constants:
        if key == "meter_id":
            out["meter"] = value
    known = _known(lay, data)
    try:
        tokens, stop, _ = walk.walk(data, at, end, True)
    except DecodeError:
        # The list is of a shape of its own: only its values are known.
        for first in known:
            add(first, known[first][0], "list", known[first][1])
        return
    for tag, first, last in tokens:
        if tag in (axdr.ARRAY, axdr.STRUCTURE):
            head = first + (2 if data[first + 1] < 0x80 else 2 + (data[first + 1] & 0x7F))
            add(at, head, "list", "%s of %d" % (TAGS[tag], last))
            at = head
            continue
        if tag == axdr.COMPACT:
            add(at, last, "list", "compact-array")
            at = last
            continue
        add(at, last, "list", _token(data, tag, first, last, known))
        at = last
    if lay.missing:
        raise DecodeError("%d values missing" % lay.missing, end)


def _known(lay, data):
    """Start of a value -> (its end, what the layout says of it)."""
    known = {}
    for _, name, start, letter, multiplier, divisor, unit, _, _ in lay.numbers:
        value = struct.unpack_from(">" + letter, data, start)[0]
        size = struct.calcsize(">" + letter)
        if divisor:
            value = value / divisor
        elif multiplier:
            value = value * multiplier
        words = [str(value)]
        if unit:
            words.append(unit)
        if name:
            words.append("(" + name + ")")
        known[start] = (start + size, " ".join(words))
    for _, key, start, stop, value in lay.constants:
        known[start] = (stop, "%s %s" % (key, value))
    for _, _, start, stop in lay.texts:
        known[start] = (stop, "text " + axdr.text(data, start, stop))
    for _, start in lay.times:
        known[start] = (start + 12, "date-time " + _time(data, start))
    return known


def _token(data, tag, start, stop, known):
    name = TAGS.get(tag, "tag %d" % tag)
    if start in known:
        return name + ": " + known[start][1]
    if tag == axdr.OCTETS and stop - start == 6:
        code = obis.code(data, start)
        quantity = obis.quantity_of(code)
        key = obis.IDENTITIES.get(code)
        named = obis.flat(quantity[0], quantity[1])[0] if quantity else key
        return "OBIS " + code + (", " + named if named else "")
    if tag in axdr.STRINGS:
        return name + ": " + axdr.text(data, start, stop)
    if tag in walk.NUMBERS and tag not in (23, 24):
        value = int.from_bytes(data[start:stop], "big")
        if tag in SIGNED and data[start] & 0x80:
            value -= 1 << 8 * (stop - start)
        if tag == axdr.ENUM:
            return "enum %d%s" % (value, ", " + obis.UNITS[value] if obis.UNITS.get(value) else "")
        return "%s %d" % (name, value)
    return name


def _time(data, at):
    """A COSEM date-time as it is written, without regard to zones."""
    stamp = date_time(data, at, 0, False)
    if stamp is None:
        return "unspecified"
    year, month, day = civil(stamp // 86400)
    rest = stamp % 86400
    deviation = data[at + 9] << 8 | data[at + 10]
    if deviation > 0x8000:
        deviation -= 0x10000
    zone = "" if deviation == 0x8000 else ", deviation %d min" % deviation
    return "%04d-%02d-%02d %02d:%02d:%02d%s" % (year, month, day, rest // 3600, rest // 60 % 60, rest % 60, zone)


# P1


def _telegram(message, ek, ak, aes, spans, out):
    end = len(message)
    line = p1.end_of_line(message, 0, end)
    spans.append((0, line, "p1", "identification"))
    sealed, size = p1.sealed_at(message, line, end)
    if sealed:
        spans.append((sealed, sealed + size, "sealed", "ciphered lines"))
        out["meter"] = p1.reading(message, True, ek, ak, aes).get("meter_id")
        return
    mark = p1.end_mark(message, 1, end)
    stop = mark if mark >= 0 else end
    at = line
    while at < stop:
        last = message.find(b"\n", at, stop)
        last = stop if last < 0 else last + 1
        spans.append((at, last, "p1", _line(bytes(message[at:last]))))
        at = last
    if mark < 0:
        raise DecodeError("telegram cut off", end)
    spans.append((mark, mark + 1, "p1", "end"))
    after = p1.crc_at(message, mark, end, True)
    if after > mark + 1:
        right = int(bytes(message[mark + 1:after]), 16) == accel.p1(message, 0, mark + 1)
        spans.append((mark + 1, after, "p1", "CRC right" if right else "CRC wrong"))
    out["meter"] = p1.reading(message).get("meter_id")


def _line(raw):
    if accel.text_end(raw, 0, len(raw)) != len(raw):
        return "not text"
    text = str(raw, "ascii").strip()
    if not text:
        return "blank line"
    code = text.split("(")[0].split("*")[0]
    quantity = obis.quantity_of(code)
    if quantity:
        return "OBIS " + code + ", " + obis.flat(quantity[0], quantity[1])[0]
    key = "meter_id" if code in p1_list.METER_IDS else obis.IDENTITIES.get(code)
    return ("OBIS " + code if ":" in code else "continued") + (", " + key if key else "")

