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
dict of objects for 200 meters would not fit a device's heap. Where it overflows, the meter relayed longest ago makes
room: its next telegram is relayed once more, which is harmless.
"""

from struct import pack_into, unpack_from


def const(value):
    """The value: MicroPython's compiler puts it in place of the name."""
    return value


MAX_METERS = 400
MAX_VARIANTS = 6  # (CI, length) pairs remembered per meter
# While the clock is unknown the true window's edge is too: then more than one telegram is kept per window.
_UNKNOWN_PART = 4
MAX_CHANGES = const(16)  # status changes relayed per window: a faulty meter must not fill the spool
_NO_STATUS = const(256)
# Water under a type byte of the maker's own (Techem's radio modules, Apator's 17-2): only what the works' list names.
OWN_WATER = {b"\x68\x50": (0x62, 0x72), b"\x14\x06": (0x11,)}  # by the code's bytes
AFL = 0x90  # the CI of a fragment; its entry holds the fragment awaited in place of a status, 0 once all are there
_MESSAGE_S = 60  # how long fragments of one message may take

# An entry: telegrams counted u32, best RSSI + 128, then how often each strength was heard, then the variants: CI,
# length, last relayed (seconds since boot) u32, its status u16, changes u8. There is always one; CI 0 marks it as free.
_COUNT = const(0)
_BEST = const(4)
_LEVELS = const(5)
_BUCKETS = const(14)  # of 7 dB from -128 dBm up
_WIDE = const(7)
_FIRST = const(_LEVELS + _BUCKETS)
_VARIANT = "<BBIHB"
_SIZE = const(9)


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
    return bytearray(_FIRST + _SIZE)


def add(entry, rssi):
    """Count one telegram of this strength (dBm; 0 is unknown)."""
    if entry[0] < 255:
        entry[0] += 1
    else:
        pack_into("<I", entry, _COUNT, count(entry) + 1)
    if rssi:
        level = rssi + 128
        if level < 1:
            level = 1
        if level > entry[_BEST]:
            entry[_BEST] = level if level < 128 else 127
        bucket = _LEVELS + level // _WIDE
        if bucket >= _FIRST:
            bucket = _FIRST - 1
        seen = entry[bucket]
        if seen == 255:
            # Halving all keeps the median near enough and the memory fixed.
            for i in range(_LEVELS, _FIRST):
                entry[i] >>= 1
            seen = 127
        entry[bucket] = seen + 1


def count(entry):
    """How many telegrams were counted."""
    return unpack_from("<I", entry, _COUNT)[0]


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
    """The relay filter and what it remembers. `on_heard(meter bytes, count, best, median)` is called when a meter's
    statistics end."""

    def __init__(self, relay, parse_meter, on_heard=None):
        self._parse = parse_meter
        self._on_heard = on_heard
        self._meters_at = bytearray()  # the 8 address bytes of each meter, in the order of _entries
        self._entries = []
        self.set_filter(relay)

    def set_filter(self, relay):
        """Use a checked relay filter (config.relay_filter) from now on."""
        self.window = relay["window"]
        self._unknown = self.window // _UNKNOWN_PART - 1  # the most seconds since the last one that is too early
        self._media = relay["media"]
        self._listed = relay["meters"] is not None
        self.open = frozenset(() if self._listed else self._media)  # types that are `wanted` whatever the meter
        self._makes, self._meters = set(), set()
        if self._listed:
            self._makes = {code(e[:3]) for e in relay["meters"] if e.endswith("-*")}
            self._meters = {address(self._parse(e)) for e in relay["meters"] if not e.endswith("-*")}

    def wanted(self, meter):
        """Whether a meter's telegrams may be relayed at all; `meter` is its 8 address bytes."""
        if meter[7] not in self._media and not (self._listed and meter[7] in OWN_WATER.get(meter[:2], ())):
            return False
        return not self._listed or meter[:2] in self._makes or meter in self._meters

    def due(self, meter, ci, length, status, rssi, at, unix, fragment=None):
        """Count a wanted telegram; whether it is the one to relay now. `meter` is its 8 address bytes, `status` its
        plaintext status byte or None; `at` and `unix` are a `Clock.moment`; `fragment` is (number, whether more
        follow) where it is one."""
        index = self._meters_at.find(meter)
        entry = self._entry(meter) if index & 7 else self._entries[index >> 3]  # -1 has those bits too
        # As `add`, without the call, where nothing overflows: this is done for every telegram of a street.
        heard = entry[_COUNT]
        level = rssi + 128
        bucket = _LEVELS + level // _WIDE
        if heard < 255 and 0 < level <= entry[_BEST] and bucket < _FIRST and (seen := entry[bucket]) < 255:
            entry[_COUNT] = heard + 1
            entry[bucket] = seen + 1
        else:
            add(entry, rssi)
        length &= 255
        found = _FIRST
        if entry[_FIRST] != ci or entry[_FIRST + 1] != length:
            found = self._find(entry, ci, length)
        if fragment is not None:
            return self._fragment_due(entry, found, fragment, at, unix)
        if status is None:
            status = _NO_STATUS
        changes = 0
        if found is None:
            found = self._variant(entry)
            entry[found] = ci
            entry[found + 1] = length
        # As `_new_window`, without the call.
        elif at - unpack_from("<I", entry, found + 2)[0] <= (self._unknown if unix is None else unix % self.window):
            last_status, changes = unpack_from("<HB", entry, found + 6)
            if status == _NO_STATUS or last_status == status or changes >= MAX_CHANGES:
                return False
            changes += 1
        pack_into("<IHB", entry, found + 2, at, status, changes)
        return True

    def _fragment_due(self, entry, found, fragment, at, unix):
        number, more = fragment
        awaited = number + 1 if more else 0
        changes = 0
        if found is not None:
            _ci, _length, last, expected, changes = unpack_from(_VARIANT, entry, found)
        if number != 1:
            if found is None or number != expected or at - last > _MESSAGE_S:
                return False
            at = last  # the message belongs to the window its first fragment came in
        elif found is None:
            found = self._variant(entry)
        elif self._new_window(last, at, unix):
            changes = 0
        elif expected == 0 or changes >= MAX_CHANGES:
            return False
        else:
            changes += 1
        pack_into(_VARIANT, entry, found, AFL, 0, at, awaited, changes)
        return True

    @staticmethod
    def _variant(entry):
        """Where a new variant goes."""
        if not entry[_FIRST]:
            return _FIRST
        if (len(entry) - _FIRST) // _SIZE < MAX_VARIANTS:
            entry.extend(bytes(_SIZE))
            return len(entry) - _SIZE
        # A meter with so many forms: the one relayed longest ago is forgotten.
        return min(range(_FIRST, len(entry), _SIZE), key=lambda i: unpack_from("<I", entry, i + 2)[0])

    @staticmethod
    def _relayed(entry):
        """When a meter was last relayed, in seconds since boot."""
        last = 0
        for i in range(_FIRST, len(entry), _SIZE):
            last = max(last, unpack_from("<I", entry, i + 2)[0])
        return last

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
                index = min(range(index), key=lambda i: self._relayed(self._entries[i]))
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
            kept = entry[:at] + entry[at + _SIZE:]
            self._entries[index] = kept if len(kept) > _FIRST else kept + bytes(_SIZE)

    def _new_window(self, last, at, unix):
        # The windows are those of the clock once it is known: this one began unix % window seconds ago.
        return at - last > (self._unknown if unix is None else unix % self.window)

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
                kept.append(bytearray(_FIRST) + entry[_FIRST:])
                addresses.extend(self._meters_at[8 * index:8 * index + 8])
        self._entries, self._meters_at = kept, addresses

    def meters(self):
        """How many meters are remembered."""
        return len(self._entries)
