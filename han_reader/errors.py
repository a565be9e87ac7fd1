"""What the codec raises. A reader never raises on wire noise; only `decode` and `read_all` do."""


class DecodeError(ValueError):
    """A message that gives no reading: `reason` in words, `offset` of the byte at fault in its layer (or None)."""

    def __init__(self, reason, offset=None):
        super().__init__(reason if offset is None else reason + " at byte " + str(offset))
        self.reason = reason
        self.offset = offset


class KeyMissing(DecodeError):
    """The message is encrypted and no encryption key was given."""


class WrongKey(DecodeError):
    """The message does not open with the key given: its tag or its content is wrong."""
