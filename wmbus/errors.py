"""What can be wrong with a telegram.

Four different answers, because different people act on them: the bytes are damaged or not of this protocol
(DecodeError), nobody gave the meter's key (KeyMissing), the key given is not this meter's (WrongKey), or there is
nothing in the telegram that the key opens or proves, so that anybody may have sent it (Unsealed).
"""


class DecodeError(ValueError):
    """The telegram can't be read: `reason` in words, `offset` of the byte it was seen at, `meter` as text or None."""

    def __init__(self, reason: str, offset: "int | None" = None, meter: "str | None" = None):
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.meter = meter

    def __str__(self) -> str:
        where = "" if self.offset is None else " (byte %d)" % self.offset
        return (self.meter + ": " if self.meter else "") + self.reason + where


class KeyMissing(DecodeError):
    """The telegram is encrypted and no key was given."""


class WrongKey(DecodeError):
    """The telegram was decrypted with the given key, and 2F2F, payload CRC or MAC says it is not the meter's."""


class Unsealed(DecodeError):
    """A key was given, and nothing in the telegram was decrypted or authenticated under it: it says nothing."""


class Fragment(DecodeError):
    """The telegram is one of several that make a message: fragments.py puts them together."""
