"""Reads electricity meters' HAN ports: HDLC and wired M-Bus with DLMS lists, and P1 telegrams.

Law: no I/O, no clock; imports nothing of ours.

    reader = Reader()
    for message in reader.feed(data):
        reading = decode(message)
"""

from .errors import DecodeError, KeyMissing, WrongKey  # noqa: F401
from .messages import decode  # noqa: F401
from .reader import Reader  # noqa: F401


def read_all(data, ek=None, ak=None, aes=None, p1_without_crc=True, whole=True):
    """The readings of a capture of any layer; see capture.py."""
    from .capture import read_all as read
    return read(data, ek, ak, aes, p1_without_crc, whole)


def explain(message, ek=None, ak=None, aes=None):
    """What each byte of a message means; see dissect.py."""
    from .dissect import explain as run
    return run(message, ek, ak, aes)
