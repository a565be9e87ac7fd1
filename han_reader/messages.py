"""From one whole message to a reading: the layers in order, each imported when its dialect first comes."""

from . import apdu as axdr
from . import framing
from .errors import DecodeError, WrongKey

_cache: "list" = []  # the plans, once there is a DLMS message


def _plans():
    if not _cache:
        from .plan import Plans
        _cache.append(Plans())
    return _cache[0]


def decode(message, ek=None, ak=None, aes=None, counters=None):
    """The reading of one message as a Reader gives it (HDLC frames, M-Bus frames, a P1 telegram), or of a bare APDU.

    Values carry their unit in the name; `time` is UTC seconds. `ek` and `ak` are the encryption and authentication
    key (16 bytes), `aes` makes a cipher of a key; `counters` is a dict the caller keeps, so that no ciphered message is
    read twice. Raises DecodeError, KeyMissing or WrongKey.
    """
    if not message:
        raise DecodeError("empty message")
    first = message[0]
    try:
        if first == 0x7E:
            reading = _plans().frame(message)
            if reading is not None:
                return reading
            data, at, end, single = framing.unwrap(message)
            return apdu_reading(data, at, end, ek, ak, aes, counters, single, single)
        if first == 0x68:
            from . import mbus
            data = mbus.unwrap(message)
            return apdu_reading(data, 0, len(data), ek, ak, aes, counters)
        if first == 0x2F:
            from . import p1
            return p1.reading(message, True, ek, ak, aes)
        if first in (axdr.GENERAL_GLO, axdr.GENERAL_CIPHERING):
            # No frame check around it: its own tag, or the CRC of a telegram inside, has to vouch for it.
            return _ciphered(message, 0, len(message), ek, ak, aes, counters, False)
        return apdu_reading(message, axdr.llc(message, 0), len(message), ek, ak, aes, counters)
    except IndexError:
        raise DecodeError("message cut off") from None


def apdu_reading(data, at, end, ek=None, ak=None, aes=None, counters=None, cut=False, framed=False):
    """The reading of the APDU at data[at:end], ciphered or plain. `cut` as in layout.layout, `framed` as in plan.py."""
    if at >= end:
        raise DecodeError("empty APDU", at)
    first = data[at]
    if first in (axdr.GENERAL_GLO, axdr.GENERAL_CIPHERING):
        return _ciphered(data, at, end, ek, ak, aes, counters, True)
    if first not in (axdr.DATA_NOTIFICATION, axdr.STRUCTURE, axdr.ARRAY):
        raise DecodeError("unknown APDU 0x%02x" % first, at)
    return _plans().reading(data, at, end, cut, framed)


def _ciphered(data, at, end, ek, ak, aes, counters, checked):
    from . import security
    text, tagged = security.decipher(data, at, end, ek, ak, aes, counters)
    if text[:1] == b"/":
        from . import p1
        reading = p1.reading(text, False, None, None, None, tagged or checked)
    elif text[:1] == b"\x0f":
        if not checked and not tagged:
            raise DecodeError("neither a tag nor a frame check", at)
        try:
            reading = _plans().reading(text)
        except DecodeError as e:
            if tagged:
                raise
            raise WrongKey("deciphers to no list: " + e.reason) from None
    else:
        raise WrongKey("deciphers to nothing known")
    if counters is not None:
        security.note(data, at, end, counters)
    return reading
