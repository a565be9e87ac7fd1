"""From one whole message to a reading: the layers in order, each imported when its dialect first comes."""

from . import apdu as axdr
from .errors import DecodeError, WrongKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_plans: "Any" = None


def decode(message, ek=None, ak=None, aes=None):
    """The reading of one message as a Reader gives it (HDLC frames, M-Bus frames, a P1 telegram), or of a bare APDU.

    Values carry their unit in the name; `time` is UTC seconds. `ek` and `ak` are the encryption and authentication
    key (16 bytes), `aes` makes a cipher of a key. Raises DecodeError, KeyMissing or WrongKey.
    """
    if not message:
        raise DecodeError("empty message")
    first = message[0]
    cut = False
    try:
        if first == 0x7E:
            from . import framing
            data, cut = framing.unwrap(message)
        elif first == 0x68:
            from . import mbus
            data = mbus.unwrap(message)
        elif first == 0x2F:
            from . import p1
            return p1.reading(message)
        else:
            start = axdr.llc(message, 0)
            data = message[start:] if start else message
        return apdu_reading(data, ek, ak, aes, cut)
    except IndexError:
        raise DecodeError("message cut off") from None


def apdu_reading(data, ek=None, ak=None, aes=None, cut=False):
    """The reading of an APDU: DataNotification, ciphered or plain. `cut`: see layout.layout."""
    global _plans
    if not data:
        raise DecodeError("empty APDU")
    first = data[0]
    if first == axdr.GENERAL_GLO:
        from . import security
        data = security.decipher(data, ek, ak, aes)
        if data[:1] == b"/":
            from . import p1
            return p1.reading(data)
        if data[:1] != b"\x0f":
            raise WrongKey("deciphers to nothing known")
    elif first not in (axdr.DATA_NOTIFICATION, axdr.STRUCTURE, axdr.ARRAY):
        raise DecodeError("unknown APDU 0x%02x" % first, 0)
    if _plans is None:
        from .plan import Plans
        _plans = Plans()
    return _plans.reading(data, cut)
