"""What in a telegram's head must rise from one telegram of its meter to the next, and cannot be altered without its
key: the message counter of security modes 7 and 10 (EN 13757-7 §6.2.6 and §9.5), the session number of an encrypted
ELL (EN 13757-4 §12.2.4).

It says something of a telegram that opened, and nothing of any other: anybody can write a number into a head.
"""

from .errors import DecodeError
from .transport import begin, walk

MCR = "mcr"  # the message counter: one for each message
ELL = "ell"  # the session number: 25 bits of minutes, 4 bits of the session within the minute
ACCESS = "access"  # mode 5 has its access number alone, of 8 bits: one more for each telegram, after 255 comes 0
NOTHING = ("", 0)  # plain text, a maker's own: a replay looks like the first time


def of(telegram: bytes) -> "tuple[str, int] | None":
    """(MCR, ELL or ACCESS, its value), NOTHING where nothing must rise; None where that cannot be told, as of a
    fragment that leaves the counter to another, or of bytes that are no telegram."""
    size = len(telegram)
    if size > 22 and telegram[0] == size - 1 and telegram[10] == 0x7A and telegram[14] & 31 in (0, 5):
        # The commonest head: a short TPL header, nothing in front of it.
        return (ACCESS, telegram[11]) if telegram[14] & 31 else NOTHING
    try:
        layers = begin(telegram)
        walk(layers, True)
        if layers.ell_at is not None and layers.ci == 0 and layers.afl is None:
            if layers.ell_encrypted:
                number = layers.data[layers.at - 4:layers.at]  # the field in front of what is encrypted
                return ELL, int.from_bytes(number, "little") & 0x1FFFFFFF
            layers.at += 2  # the payload CRC of an ELL that is not encrypted: anybody can make it
            walk(layers, True)
    except DecodeError:
        return None
    if layers.afl is not None and (layers.mode == 7 or layers.ci == 0 or layers.afl[4]):
        counter = layers.afl[3]
        return None if counter is None else (MCR, int.from_bytes(counter, "little"))
    if layers.mode == 10:  # behind two bytes of configuration extension
        counter = layers.data[layers.at + 2:layers.at + 6]
        return (MCR, int.from_bytes(counter, "little")) if len(counter) == 4 else None
    return NOTHING if layers.mode != 5 or layers.access_number is None else (ACCESS, layers.access_number)
