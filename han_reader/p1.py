"""P1 telegrams on the line: DSMR 2.2 to 5.0.2, ESMR, Belgian eMUCS, the Nordic profiles (IEC 62056-21 mode D).

/XXX5 identification CRLF CRLF lines of code(value*unit) ! CRC16 CRLF

- The CRC runs from "/" to "!" and stands in up to four hex digits. A telegram without one (DSMR 2 and 3) vouches for
  nothing: it is read only where the caller allows it, never when it states a version that has a CRC, and never with a
  byte in it that is no text.
- A line may end in LF alone; the identification may hold any byte.
- Elgama's Polish meters put a ciphered APDU in place of the lines (a DLMS one without its tag DB); it is read by its
  length. The CRC behind it is that of the deciphered text.
"""

from . import accel
from .errors import DecodeError, WrongKey

START = 0x2F  # /
MAX_IDENTIFICATION = 64
BAD = 0
HEX = b"0123456789ABCDEFabcdef"


def crc_at(data, mark, end, final):
    """The index after the CRC digits behind the "!" at data[mark], or 0 while they may go on."""
    i = mark + 1
    while i < end and i < mark + 5 and data[i] in HEX:
        i += 1
    return 0 if i == end and i < mark + 5 and not final else i


def end_mark(data, at, end):
    """The index of the first "!" in data[at:end] that stands at the start of a line, or -1."""
    i = data.find(b"!", at, end)
    while i >= 0:
        if data[i - 1] in (10, 13):
            return i
        i = data.find(b"!", i + 1, end)
    return -1


def end_of_line(data, at, end):
    """The index of the line end behind data[at], or `end`."""
    i = data.find(b"\n", at, end)
    if i < 0:
        return end
    return i - 1 if data[i - 1] == 13 else i


def versioned(data, at, end):
    """Whether a telegram states a version that prescribes a CRC (1-3:0.2.8, DSMR 4 on; 0-0:96.1.4, Belgium)."""
    return data.find(b"1-3:0.2.8(", at, end) >= 0 or data.find(b"0-0:96.1.4(", at, end) >= 0


def sealed_at(data, line, end):
    """(index, size) of the ciphered APDU behind the identification that ends at data[line], or (0, 0).

    The size is 0 while its length field has not come.
    """
    i = line
    while i < end and data[i] in (10, 13):
        i += 1
    if i >= end or data[i] not in (0x00, 0xDB):
        return 0, 0
    n = i + 1 if data[i] == 0xDB else i  # the length of the system title
    if n >= end:
        return i, 0
    n += 1 + data[n]
    if n + 2 >= end:
        return i, 0
    if data[n] == 0x82:
        return i, n + 3 + (data[n + 1] << 8 | data[n + 2]) - i
    return i, n + 2 + data[n + 1] - i if data[n] == 0x81 else n + 1 + data[n] - i


def telegram_at(data, at, end, since, rejects, final, without_crc):
    """The size of the good telegram at data[at:end], up to its CRC; BAD where none is, or minus the bytes needed.

    `since`: up to here the telegram has been looked at before, without finding its end.
    """
    line = data.find(b"\n", at, end)
    if line < 0 or line - at > MAX_IDENTIFICATION:
        return BAD if final or end - at > MAX_IDENTIFICATION else _more(at, end)
    sealed, size = sealed_at(data, line, end)
    if sealed:
        return _sealed(data, at, end, sealed, size, rejects, final)
    if since < line:
        since = line
    mark = end_mark(data, since, end)
    stop = end if mark < 0 else mark
    if accel.text_end(data, since, stop) != stop:
        rejects["noise"] += 1
        return BAD
    if mark < 0:
        return BAD if final else _more(at, end)
    stop = crc_at(data, mark, end, final)
    if stop == 0:
        return _more(at, end)
    if stop == mark + 1:
        good = without_crc and not versioned(data, at, mark) and data.find(b"\n/", at, mark) < 0
    else:
        good = (stop == mark + 5 or stop == end or data[stop] in (10, 13)) \
            and int(bytes(data[mark + 1:stop]), 16) == accel.p1(data, at, mark + 1)
    if not good:
        rejects["crc"] += 1
        return BAD
    return stop - at


def _more(at, end):
    return at - end - 1


def _sealed(data, at, end, sealed, size, rejects, final):
    if size == 0:
        return BAD if final else _more(at, end)
    if size > 2047:
        rejects["overrun"] += 1
        return BAD
    mark = sealed + size
    if mark >= end:
        return BAD if final else at - mark - 1
    if data[mark] != 33:
        rejects["crc"] += 1
        return BAD
    stop = crc_at(data, mark, end, final)
    return stop - at if stop else _more(at, end)


def checked(message, without_crc=True, vouched=False):
    """(index of the end of the identification, index of the "!") of a telegram whose CRC is right.

    `vouched`: it came deciphered, so that no CRC is needed; one that stands there has to be right all the same.
    """
    end = len(message)
    mark = end_mark(message, 1, end)
    if mark < 0:
        raise DecodeError("telegram cut off", end)
    line = end_of_line(message, 0, end)
    if line > mark:
        raise DecodeError("telegram without lines", 0)
    stop = crc_at(message, mark, end, True)
    if stop > mark + 1:
        if int(bytes(message[mark + 1:stop]), 16) != accel.p1(message, 0, mark + 1):
            raise DecodeError("CRC wrong", mark + 1)
    elif not vouched and (not without_crc or versioned(message, 0, mark)):
        raise DecodeError("CRC missing", mark + 1)
    elif accel.text_end(message, line, end) != end:
        raise DecodeError("CRC missing and not all text", mark + 1)
    wrong = accel.text_end(message, line, mark)
    if wrong != mark:
        raise DecodeError("not text", wrong)
    return line, mark


def opened(message, ek, ak, aes):
    """The telegram with its ciphered APDU deciphered, or None where it has none."""
    end = len(message)
    line = end_of_line(message, 0, end)
    sealed, size = sealed_at(message, line, end)
    if not sealed:
        return None
    mark = sealed + size
    if not size or mark >= end or message[mark] != 33:
        raise DecodeError("telegram cut off", end)
    from . import security
    apdu = bytes(message[sealed:mark])
    if apdu[0] != 0xDB:
        apdu = b"\xdb" + apdu
    text, tagged = security.decipher(apdu, 0, len(apdu), ek, ak, aes)
    if accel.text_end(text, 0, len(text)) != len(text):
        raise WrongKey("deciphers to no text")
    whole = bytes(message[:sealed]) + text
    if text[-1:] != b"\n":
        whole += b"\r\n"
    whole += b"!"
    stop = crc_at(message, mark, end, True)
    if not tagged and (stop != mark + 5
                       or int(bytes(message[mark + 1:stop]), 16) != accel.p1(whole, 0, len(whole))):
        raise WrongKey("neither a tag nor a CRC vouches for it")
    return whole


def reading(message, without_crc=True, ek=None, ak=None, aes=None, vouched=False):
    """The reading of a telegram. Raises DecodeError, and for a ciphered one KeyMissing or WrongKey."""
    from . import p1_list
    values = p1_list.planned(message)
    if values is not None:
        return values
    text = opened(message, ek, ak, aes)
    if text is not None:
        return p1_list.plain(text, end_of_line(text, 0, len(text)), len(text) - 1)
    line, mark = checked(message, without_crc, vouched)
    return p1_list.compiled(message, line, mark)
