"""Which telegrams leave the home, and how often: the filter and the thinning that come before the spool.

Only water (media types 06, 07, 15, 16) and, once the works has sent its list, only the meters and makes on it; from
makes that give water a type byte of their own, only what such a list names. Per (meter, CI, length) one telegram per
relay window, and at once any whose plaintext status byte changed: CI and length keep full and compact frames apart. Of
a message in fragments the whole is kept: from a first fragment that is due on, all that follow it one by one, and
another message in the same window only when the one before was not heard whole.

Windows are those of the clock (window n starts at Unix second n * length), so that all gateways agree on them. What is
not relayed is counted and forgotten; what a relayed meter's further telegrams leave is a count and a signal strength
per day.

The table is bounded: the addresses of all meters in one byte array, searched in C, and one small byte array a meter. A
dict of objects for 200 meters would not fit a device's heap. Where it overflows, the meter heard longest ago makes
room: its next telegram is relayed once more, which is harmless.
"""

import struct

MAX_METERS = 400
MAX_VARIANTS = 6  # (CI, length) pairs remembered per meter
# While the clock is unknown the true window's edge is too: then more than one telegram is kept per window.
_UNKNOWN_PART = 4
MAX_CHANGES = 16  # status changes relayed per window: a faulty meter must not fill the spool
_NO_STATUS = 256
# Water under a type byte of the maker's own (Techem's radio modules, Apator's 17-2): only what the works' list names.
OWN_WATER = {b"\x68\x50": (0x62, 0x72), b"\x14\x06": (0x11,)}  # by the code's bytes
AFL = 0x90  # the CI of a fragment; its entry holds the fragment awaited in place of a status, 0 once all are there
_MESSAGE_S = 60  # how long fragments of one message may take

# An entry: telegrams counted u32, last heard (seconds since boot) u32, best RSSI + 128, then how often each strength
# was heard, then the variants: CI, length, last relayed (seconds since boot) u32, its status u16, changes u8.
_COUNT, _SEEN, _BEST, _LEVELS, _BUCKETS, _WIDE = 0, 4, 8, 9, 14, 7  # 14 buckets of 7 dB from -128 dBm up
_FIRST = _LEVELS + _BUCKETS
_VARIANT = "<BBIHB"
_SIZE = struct.calcsize(_VARIANT)


def code(letters):
    """The two bytes of a manufacturer's three letters."""
    value = 0
    for letter in letters:
        value = value << 5 | ord(letter) - 64
    return value.to_bytes(2, "little")


def address(meter):
    """The 8 address bytes of a meter (manufacturer, id, version, type) as on the air: M(2 LE) ID(4 LE) version type."""
    return code(meter.manufacturer) + int(meter.id, 16).to_bytes(4, "little") + bytes((meter.version, meter.type))


def new_entry():
    """The entry of a meter not heard before."""
    return bytearray(_FIRST)


def add(entry, rssi, at_s):
    """Count one telegram of this strength (dBm; 0 is unknown)."""
    # Without min and max: this is done for every telegram of a street.
    if entry[0] < 255:
        entry[0] += 1
    else:
        struct.pack_into("<I", entry, _COUNT, count(entry) + 1)
    struct.pack_into("<I", entry, _SEEN, at_s)
    if rssi:
        level = rssi + 128
        if not 0 < level < 128:
            level = 1 if level < 1 else 127
        if level > entry[_BEST]:
            entry[_BEST] = level
        bucket = level // _WIDE
        bucket = _LEVELS + (bucket if bucket < _BUCKETS else _BUCKETS - 1)
        if entry[bucket] == 255:
            # Halving all keeps the median near enough and the memory fixed.
            for i in range(_LEVELS, _FIRST):
                entry[i] >>= 1
        entry[bucket] += 1


def count(entry):
    """How many telegrams were counted."""
    return struct.unpack_from("<I", entry, _COUNT)[0]


def best(entry):
    """The best signal strength in dBm; 0 if none was known."""
    return entry[_BEST] - 128 if entry[_BEST] else 0


def median(entry):
    """The middle signal strength in dBm, to 4 dB; 0 if none was known."""
    total = sum(entry[_LEVELS:_FIRST])
    seen = 0
    for i in range(_BUCKETS):
        seen += entry[_LEVELS + i]
        if total and 2 * seen >= total:
            return i * _WIDE + _WIDE // 2 - 128
    return 0


class Thinning:
    """The relay filter and what it remembers. Times are milliseconds since boot; `unix_of(ms)` gives Unix seconds or
    None. `on_heard(meter bytes, count, best, median)` is called when a meter's statistics end."""

    def __init__(self, relay, unix_of, parse_meter, on_heard=None):
        self._unix_of = unix_of
        self._parse = parse_meter
        self._on_heard = on_heard
        self._meters_at = bytearray()  # the 8 address bytes of each meter, in the order of _entries
        self._entries = []
        self.set_filter(relay)

    def set_filter(self, relay):
        """Use a checked relay filter (config.relay_filter) from now on."""
        self.window = relay["window"]
        self._media = relay["media"]
        self._listed = relay["meters"] is not None
        self._makes, self._meters = set(), set()
        if self._listed:
            self._makes = {code(e[:3]) for e in relay["meters"] if e.endswith("-*")}
            self._meters = {address(self._parse(e)) for e in relay["meters"] if not e.endswith("-*")}

    def wanted(self, meter):
        """Whether a meter's telegrams may be relayed at all; `meter` is its 8 address bytes."""
        if meter[7] not in self._media and not (self._listed and meter[7] in OWN_WATER.get(meter[:2], ())):
            return False
        return not self._listed or meter[:2] in self._makes or meter in self._meters

    def due(self, meter, ci, length, status, rssi, at_ms, fragment=None):
        """Count a wanted telegram; whether it is the one to relay now. `meter` is its 8 address bytes, `status` its
        plaintext status byte or None, `fragment` (number, whether more follow) where it is one."""
        at = at_ms // 1000
        index = self._meters_at.find(meter)
        entry = self._entry(meter) if index & 7 else self._entries[index >> 3]  # -1 has those bits too
        add(entry, rssi, at)
        found = _FIRST
        if len(entry) == _FIRST or entry[_FIRST] != ci or entry[_FIRST + 1] != length & 255:
            found = self._find(entry, ci, length)
        if fragment is not None:
            return self._fragment_due(entry, found, fragment, at)
        status = _NO_STATUS if status is None else status
        changes = 0
        if found is not None:
            last, last_status, changes = struct.unpack_from("<IHB", entry, found + 2)
            if self._new_window(last, at):
                changes = 0
            elif status == _NO_STATUS or last_status == status or changes >= MAX_CHANGES:
                return False
            else:
                changes += 1
        else:
            found = self._variant(entry)
            entry[found] = ci
            entry[found + 1] = length & 255
        struct.pack_into("<IHB", entry, found + 2, at, status, changes)
        return True

    def _fragment_due(self, entry, found, fragment, at):
        number, more = fragment
        awaited = number + 1 if more else 0
        changes = 0
        if found is not None:
            _ci, _length, last, expected, changes = struct.unpack_from(_VARIANT, entry, found)
        if number != 1:
            if found is None or number != expected or at - last > _MESSAGE_S:
                return False
            at = last  # the message belongs to the window its first fragment came in
        elif found is None:
            found = self._variant(entry)
        elif self._new_window(last, at):
            changes = 0
        elif expected == 0 or changes >= MAX_CHANGES:
            return False
        else:
            changes += 1
        struct.pack_into(_VARIANT, entry, found, AFL, 0, at, awaited, changes)
        return True

    @staticmethod
    def _variant(entry):
        """Where a new variant goes."""
        if (len(entry) - _FIRST) // _SIZE < MAX_VARIANTS:
            entry.extend(bytes(_SIZE))
            return len(entry) - _SIZE
        # A meter with so many forms: the one relayed longest ago is forgotten.
        return min(range(_FIRST, len(entry), _SIZE), key=lambda i: struct.unpack_from("<I", entry, i + 2)[0])

    def _index(self, meter):
        at = self._meters_at.find(meter)
        while at >= 0 and at & 7:
            at = self._meters_at.find(meter, at + 1)
        return at >> 3 if at >= 0 else None

    def _entry(self, meter):
        index = self._index(meter)
        if index is None:
            index = len(self._entries)
            if index < MAX_METERS:
                self._entries.append(new_entry())
                self._meters_at.extend(meter)
            else:
                index = min(range(index), key=lambda i: struct.unpack_from("<I", self._entries[i], _SEEN)[0])
                self._report(index)
                self._entries[index] = new_entry()
                self._meters_at[8 * index:8 * index + 8] = meter
        return self._entries[index]

    @staticmethod
    def _find(entry, ci, length):
        for i in range(_FIRST, len(entry), _SIZE):
            if entry[i] == ci and (entry[i + 1] == length & 255 or ci == AFL):
                return i
        return None

    def forget(self, meter, ci, length):
        """The telegram just found due could not be kept: the next one is due again."""
        index = self._index(meter)
        entry = self._entries[index]
        at = self._find(entry, ci, length)
        if at is not None:
            self._entries[index] = entry[:at] + entry[at + _SIZE:]

    def _new_window(self, last, now):
        # Seconds since boot; the windows are those of the clock once it is known.
        if now - last >= self.window:
            return True
        unix = self._unix_of(now * 1000)
        if unix is None:
            return now - last >= self.window // _UNKNOWN_PART
        return (unix - (now - last)) // self.window != unix // self.window

    def _report(self, index):
        entry = self._entries[index]
        if count(entry) and self._on_heard:
            self._on_heard(bytes(self._meters_at[8 * index:8 * index + 8]), count(entry), best(entry), median(entry))

    def close_day(self):
        """End the statistics of all meters: the day is over, or the gateway stops. Meters not heard in it go."""
        kept, addresses = [], bytearray()
        for index in range(len(self._entries)):
            entry = self._entries[index]
            if count(entry):
                self._report(index)
                fresh = new_entry()
                struct.pack_into("<I", fresh, _SEEN, struct.unpack_from("<I", entry, _SEEN)[0])
                kept.append(fresh + entry[_FIRST:])
                addresses.extend(self._meters_at[8 * index:8 * index + 8])
        self._entries, self._meters_at = kept, addresses

    def meters(self):
        """How many meters are remembered."""
        return len(self._entries)
