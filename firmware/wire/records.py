"""The records of a batch: the exact bytes that lie in the spool, each a CBOR array [type, seq, time, ...].
"""

from struct import pack_into

from . import cbor

# Record types: the first item of every record.
TELEGRAM, HEARD, HAN_HOUR, EVENT, STATUS, BOOT, CLOCK, LOST, POSITION, RESULT = range(1, 11)

# A record's time is Unix seconds from here on (2004-01-10), below it seconds since the boot record before it.
UNIX_FROM = 1 << 30

# Where the gateway's time comes from, worst first: the head's clock quality.
CLOCK_NONE, CLOCK_FLOOR, CLOCK_ANSWER, CLOCK_SNTP, CLOCK_HAN = range(5)


# --- records --------------------------------------------------------------------------------------------------------
# Each is a CBOR array [type, seq, time, ...]; the fields behind time are those of the function's arguments, in order.

def record(kind, seq, time, fields=()):
    """The bytes of any record: its type, seq (from 1), time (see UNIX_FROM) and further fields."""
    return cbor.encode((kind, seq, time) + tuple(fields))


# A telegram's record up to its bytes, with room for seq, time, RSSI and length: filled in anew for each, by one thread.
_SHORT = bytearray(b"\x85\x01\x19\0\0\x1a\0\0\0\0\x38\0\x58\0")
_LONG = bytearray(b"\x85\x01\x1a\0\0\0\0\x1a\0\0\0\0\x38\0\x58\0")


def telegram(seq, time, rssi, data):
    """A relayed telegram as received, CRCs stripped, still encrypted; RSSI in dBm (0: unknown)."""
    size = len(data)
    if 23 < size < 256 and -257 < rssi < -24 and 0xFFFF < time <= 0xFFFFFFFF and seq > 0xFF:
        # By far the commonest, at a fraction of the work.
        if seq < 0x10000:
            head = _SHORT
            head[3] = seq >> 8
            head[4] = seq & 255
        elif seq <= 0xFFFFFFFF:
            head = _LONG
            pack_into(">I", head, 3, seq)
        else:
            return _telegram(seq, time, rssi, data)
        pack_into(">I", head, -8, time)
        head[-3] = -1 - rssi
        head[-1] = size
        return head + data
    return _telegram(seq, time, rssi, data)


def _telegram(seq, time, rssi, data):
    return b"".join((b"\x85\x01", cbor.head(0, seq), cbor.head(0, time),
                     cbor.head(1, -1 - rssi) if rssi < 0 else cbor.head(0, rssi), cbor.head(2, len(data)), data))


def heard(seq, time, meter, day, count, best, median):
    """How a meter was heard in one day: its 8 address bytes (M, ID, version, type), day (Unix days), good telegrams,
    best and median RSSI in dBm."""
    return record(HEARD, seq, time, (meter, day, count, best, median))


def han_hour(seq, time, hour, import_wh, export_wh, estimated):
    """One clock hour of electricity: its start (Unix seconds), energy in Wh, whether it was integrated rather than
    read from the meter's own register. Leaves a home only with the owner's consent."""
    return record(HAN_HOUR, seq, time, (hour, import_wh, export_wh, estimated))


def event(seq, time, name, detail):
    """Something that happened, by its short name; detail is a text."""
    return record(EVENT, seq, time, (name, detail))


def status(seq, time, counters):
    """The gateway's counters since boot: a list of [name, count]."""
    return record(STATUS, seq, time, (counters,))


def boot(seq, time, count, cause):
    """A start of the gateway; `time` is 0 unless the clock was already right. Times below UNIX_FROM count from here."""
    return record(BOOT, seq, time, (count, cause))


def clock(seq, uptime, unix, quality):
    """The clock was set or stepped by over 2 s: at `uptime` seconds since the boot record it is `unix`."""
    return record(CLOCK, seq, uptime, (unix, quality))


def lost(seq, time, first, last, count):
    """Records overwritten before they were acknowledged: their seq range and how many."""
    return record(LOST, seq, time, (first, last, count))


def position(seq, time, latitude, longitude, accuracy):
    """A Drive-By's place: degrees times 10^7, accuracy in metres."""
    return record(POSITION, seq, time, (latitude, longitude, accuracy))


def result(seq, time, counter, code, text):
    """What became of the command with this counter; code 0 is done."""
    return record(RESULT, seq, time, (counter, code, text))
