"""Which telegrams leave the home, and how often: the filter and the thinning that come before the spool.

Only water (media types 06, 07, 15, 16) and, once the works has sent its list, only the meters and makes on it; from
makes that give water a type byte of their own, only what such a list names. Per (meter, CI, length) one telegram per
relay window, and at once any whose plaintext status byte changed: CI and length keep full and compact frames apart. Of
a message in fragments the whole is kept: from a first fragment that is due on, all that follow it one by one, and
another message in the same window only when the one before was not heard whole.

Anybody can send in a meter's name, and take a window's place with a telegram recorded elsewhere. So where two send,
more than one is relayed. That two do shows in the access number, which rises from telegram to telegram of one sender:
whoever adds one of his own either goes back behind the meter's last, or is ahead, and then the meter's next goes back.
From then on the window is contested: the next telegram is relayed, whosever it is, and then the first that is heard
after each of up to EXTRA - 1 pauses, whose length only this gateway knows; the first of these that nobody contests ends
it. So who sends a few a window keeps out nothing, and who floods the address gets the places in the proportion of what
he sends. A meter without an access number has its one place.

Windows are those of the clock (window n starts at Unix second n * length), so that all gateways agree on them. What is
not relayed is counted and forgotten; what a relayed meter's further telegrams leave is a count and a signal strength
per day.

The table is bounded and flat: the addresses of all meters in one byte array, searched in C, and their entries in pieces
of some. Objects of their own for 200 meters would not fit a device's heap, and would lie scattered over it. Where the
table overflows, the meter relayed longest ago makes room: its next telegram is relayed once more, which is harmless.
"""

from struct import pack_into, unpack_from


def const(value):
    """The value: MicroPython's compiler puts it in place of the name."""
    return value


MAX_METERS = 400
MAX_VARIANTS = 6  # (CI, length) pairs remembered per meter
MAX_MORE = 32  # meters of which more than _INLINE are
# While the clock is unknown the true window's edge is too: then more than one telegram is kept per window.
_UNKNOWN_PART = 4
MAX_CHANGES = const(16)  # status changes relayed per window: a faulty meter must not fill the spool
_AT_ONCE = const(9)  # of these from the window's start on; the others come due one by one, so that none burns them all
EXTRA = const(7)  # further telegrams relayed in a contested window
_PAUSES = const(16)  # a pause between them is one to three of so many parts of the window
_NO_STATUS = const(256)
# Water under a type byte of the maker's own (Techem's radio modules, Apator's 17-2): only what the works' list names.
OWN_WATER = {b"\x68\x50": (0x62, 0x72), b"\x14\x06": (0x11,)}  # by the code's bytes
AFL = 0x90  # the CI of a fragment; its entry holds the fragment awaited in place of a status, 0 once all are there
_MESSAGE_S = 60  # how long fragments of one message may take

# An entry: telegrams counted u32, best RSSI + 128, then how often each strength was heard, then the variants: CI,
# length, last relayed (seconds since boot) u32, the mark last heard u16, the last status u16, further ones u8 (and
# _CONTESTED), changes u8. CI 0 marks a free one.
_COUNT = const(0)
_BEST = const(4)
_LEVELS = const(5)
_BUCKETS = const(16)  # of 8 dB from -128 dBm up
_WIDE = const(8)
_FIRST = const(_LEVELS + _BUCKETS)
_VARIANT = "<BBIHHBB"
_MARK = const(6)
_STATUS = const(8)
_FURTHER = const(10)
_SIZE = const(12)
_CONTESTED = const(128)
_INLINE = const(2)  # most meters send one form or two; those of the few that send more are kept apart
_ENTRY = const(_FIRST + _INLINE * _SIZE)
_PIECE = const(32)  # entries


def code(letters):
    """The two bytes of a manufacturer's three letters."""
    value = 0
    for letter in letters:
        value = value << 5 | ord(letter) - 64
    return value.to_bytes(2, "little")


def address(meter):
    """The 8 address bytes of a meter (manufacturer, id, version, type) as on the air: M(2 LE) ID(4 LE) version type."""
    return code(meter.manufacturer) + int(meter.id, 16).to_bytes(4, "little") + bytes((meter.version, meter.type))


def add(table, at, rssi):
    """Count one telegram of this strength (dBm; 0 is unknown) in the entry at table[at:]."""
    if table[at + _COUNT] < 255:
        table[at + _COUNT] += 1
    else:
        pack_into("<I", table, at + _COUNT, count(table, at) + 1)
    if rssi:
        level = rssi + 128
        if level < 1:
            level = 1
        elif level > 127:
            level = 127
        if level > table[at + _BEST]:
            table[at + _BEST] = level
        bucket = at + _LEVELS + level // _WIDE
        if table[bucket] == 255:
            # Halving all keeps the median near enough and the memory fixed.
            for i in range(at + _LEVELS, at + _FIRST):
                table[i] >>= 1
        table[bucket] += 1


def count(table, at):
    """How many telegrams were counted."""
    return unpack_from("<I", table, at + _COUNT)[0]


def best(table, at):
    """The best signal strength in dBm; 0 if none was known."""
    return table[at + _BEST] - 128 if table[at + _BEST] else 0


def median(table, at):
    """The middle signal strength in dBm, to 4 dB; 0 if none was known."""
    levels = table[at + _LEVELS:at + _FIRST]
    total = sum(levels)
    seen = 0
    for i in range(_BUCKETS):
        seen += levels[i]
        if total and 2 * seen >= total:
            return i * _WIDE + _WIDE // 2 - 128
    return 0


def _last(place):
    # When the variant in a place (bytes, index) was last relayed, for their order: 0 where it is free.
    held, i = place
    return unpack_from("<I", held, i + 2)[0] + 1 if held[i] else 0


class Thinning:
    """The relay filter and what it remembers. `on_heard(meter bytes, count, best, median)` is called when a meter's
    statistics end."""

    def __init__(self, relay, parse_meter, on_heard=None):
        self._parse = parse_meter
        self._on_heard = on_heard
        self._meters_at = bytearray()  # the 8 address bytes of each meter, in the order of their entries
        self._pieces = []  # of _PIECE entries each
        self._more = {}  # address bytes -> the further variants of a meter
        self.secret = 0  # 16 bits: when the pauses of a contested window end; drawn at the start
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

    def due(self, meter, ci, length, status, rssi, at, unix, fragment=None, mark=0):
        """Count a wanted telegram; whether it is the one to relay now. `meter` is its 8 address bytes, `status` its
        plaintext status byte or None; `at` and `unix` are a `Clock.moment`; `fragment` is (number, whether more
        follow) where it is one; `mark` is wmbus.sender's, 0 where two senders are not to be told apart."""
        index = self._meters_at.find(meter)
        if index & 7:  # -1 has those bits too
            index = self._enter(meter)
        table = self._pieces[index >> 8]  # as `_place`, of the number index // 8
        at_entry = (index >> 3 & 31) * _ENTRY
        # As `add`, without the call, where nothing overflows: this is done for every telegram of a street.
        heard = table[at_entry]
        level = rssi + 128
        bucket = at_entry + _LEVELS + (level >> 3)
        if heard < 255 and 0 < level <= table[at_entry + _BEST] and (seen := table[bucket]) < 255:
            table[at_entry] = heard + 1
            table[bucket] = seen + 1
        else:
            add(table, at_entry, rssi)
        at_slot = at_entry + _FIRST
        if table[at_slot] != ci or table[at_slot + 1] != length:
            at_slot += _SIZE
            if table[at_slot] != ci or table[at_slot + 1] != length:
                table, at_slot = self._find(meter, table, at_entry, ci, length)
        if fragment is not None:
            return self._fragment_due(meter, table, at_entry, at_slot, fragment, at, unix, mark)
        if status is None:
            status = _NO_STATUS
        if at_slot is None:
            table, at_slot, changes = self._new_variant(meter, table, at_entry)
            table[at_slot] = ci
            table[at_slot + 1] = length & 255
        else:
            last, before = unpack_from("<IH", table, at_slot + 2)
            # As `_new_window`, without the call.
            if at - last <= (self._unknown if unix is None else unix % self.window):
                return self._again_due(table, at_slot, status, at, unix, mark)
            changes = _CONTESTED if mark != before and mark and not 0 < mark - before & 255 < 128 else 0
        pack_into("<IIH", table, at_slot + 2, at, mark | status << 16, changes)  # mark and status in one, for speed
        return True

    def _again_due(self, table, at_slot, status, at, unix, mark):
        """Whether a telegram is to be relayed in a window that has one."""
        before, last_status, further, changes = unpack_from("<HHBB", table, at_slot + _MARK)
        if mark and mark != before:
            if not 0 < mark - before & 255 < 128:
                further |= _CONTESTED
                table[at_slot + _FURTHER] = further
            pack_into("<H", table, at_slot + _MARK, mark)
            if further & _CONTESTED and self._place_due(table, at_slot, further, at):
                pack_into("<IHH", table, at_slot + 2, at, mark, status)
                return True
        if status == _NO_STATUS or last_status == status or changes >= self._most_changes(unix):
            return False
        pack_into("<I", table, at_slot + 2, at)
        pack_into("<HBB", table, at_slot + _STATUS, status, further, changes + 1)
        return True

    def _place_due(self, table, at_slot, further, at):
        """Whether a contested window has a place for the telegram heard now; counts it."""
        used = further & 7
        if used >= EXTRA:
            return False
        if used:
            last = unpack_from("<I", table, at_slot + 2)[0]
            part = self.window // _PAUSES
            if at - last < part + 2 * part * (((last & 0xFFFF) + 977 * used + self.secret) * 75 % 65537) // 65537:
                return False
            further = used  # nobody contested since: that was the last
        table[at_slot + _FURTHER] = further + 1
        return True

    def _most_changes(self, unix):
        """How many changes of the status may have been relayed by now."""
        if unix is None:
            return MAX_CHANGES
        return _AT_ONCE + (MAX_CHANGES - _AT_ONCE + 1) * (unix % self.window) // self.window

    def _fragment_due(self, meter, table, at_entry, at_slot, fragment, at, unix, mark):
        number, more = fragment
        awaited = number + 1 if more else 0
        changes = further = 0
        if at_slot is not None:
            _ci, _length, last, before, expected, further, changes = unpack_from(_VARIANT, table, at_slot)
        if number != 1:
            if at_slot is None or number != expected or at - last > _MESSAGE_S:
                return False
            pack_into("<H", table, at_slot + _STATUS, awaited)  # it belongs to the window its first fragment came in
            return True
        if at_slot is None:
            table, at_slot, further = self._new_variant(meter, table, at_entry)
        else:
            new = self._new_window(last, at, unix)
            if new:
                changes = further = 0
            if mark and mark != before:
                if not 0 < mark - before & 255 < 128:
                    further |= _CONTESTED
                pack_into("<H", table, at_slot + _MARK, mark)
                table[at_slot + _FURTHER] = further
            if not new and (expected == 0 or changes >= MAX_CHANGES):
                if not further & _CONTESTED or not self._place_due(table, at_slot, further, at):
                    return False
                further = table[at_slot + _FURTHER]
            elif not new:
                changes += 1
        pack_into(_VARIANT, table, at_slot, AFL, 0, at, mark, awaited, further, changes)
        return True

    def _variants(self, meter, table, at_entry):
        """The places (bytes, index) of a meter's variants, free ones too."""
        places = [(table, i) for i in range(at_entry + _FIRST, at_entry + _ENTRY, _SIZE)]
        more = self._more.get(meter)
        if more is not None:
            places += [(more, i) for i in range(0, len(more), _SIZE)]
        return places

    def _find(self, meter, table, at_entry, ci, length):
        """The place of a variant; its index is None where it is not known."""
        for held, i in self._variants(meter, table, at_entry):
            if held[i] == ci and (held[i + 1] == length & 255 or ci == AFL):
                return held, i
        return table, None

    def _variant(self, meter, table, at_entry):
        """The place where a new variant goes: a free one, else the one relayed longest ago is forgotten."""
        place = min(self._variants(meter, table, at_entry), key=_last)
        if not _last(place) or meter in self._more or len(self._more) == MAX_MORE:
            return place
        more = self._more[meter] = bytearray((MAX_VARIANTS - _INLINE) * _SIZE)
        return more, 0

    def _new_variant(self, meter, table, at_entry):
        """The place of a new variant, and _CONTESTED where it may be one that others have pushed out of the table."""
        table, at_slot = self._variant(meter, table, at_entry)
        return table, at_slot, _CONTESTED if table[at_slot] or self.meters() == MAX_METERS else 0

    def _place(self, number):
        """Where the entry of a meter is, by its number: (bytes, index)."""
        return self._pieces[number // _PIECE], number % _PIECE * _ENTRY

    def _clear(self, number):
        table, at_entry = self._place(number)
        table[at_entry:at_entry + _ENTRY] = bytes(_ENTRY)

    def _meter(self, number):
        return bytes(self._meters_at[8 * number:8 * number + 8])

    def _relayed(self, number):
        """When a meter was last relayed, in seconds since boot."""
        table, at_entry = self._place(number)
        last = 0
        for held, i in self._variants(self._meter(number), table, at_entry):
            last = max(last, unpack_from("<I", held, i + 2)[0])
        return last

    def _index(self, meter):
        """Where a meter's address is; negative where it is not."""
        at = self._meters_at.find(meter)
        while at >= 0 and at & 7:
            at = self._meters_at.find(meter, at + 1)
        return at

    def _enter(self, meter):
        """Where a meter's address is, from now on if it was not."""
        index = self._index(meter)
        if index >= 0:
            return index
        number = self.meters()
        if number == MAX_METERS:
            number = min(range(number), key=self._relayed)
            self._report(number)
            self._more.pop(self._meter(number), None)
            self._clear(number)
        elif number // _PIECE == len(self._pieces):
            self._pieces.append(bytearray(_PIECE * _ENTRY))
        self._meters_at[8 * number:8 * number + 8] = meter
        return 8 * number

    def forget(self, meter, ci, length):
        """The telegram just found due could not be kept: the next one is due again."""
        table, at_entry = self._place(self._index(meter) >> 3)
        held, i = self._find(meter, table, at_entry, ci, length)
        if i is not None:
            held[i:i + _SIZE] = bytes(_SIZE)

    def _new_window(self, last, at, unix):
        # The windows are those of the clock once it is known: this one began unix % window seconds ago.
        return at - last > (self._unknown if unix is None else unix % self.window)

    def _report(self, number):
        table, at_entry = self._place(number)
        if count(table, at_entry) and self._on_heard:
            self._on_heard(self._meter(number), count(table, at_entry), best(table, at_entry), median(table, at_entry))

    def close_day(self):
        """End the statistics of all meters: the day is over, or the gateway stops. Meters not heard in it go."""
        for number in range(self.meters()):
            self._report(number)
        remaining = 0
        for number in range(self.meters()):
            table, at_entry = self._place(number)
            meter = self._meter(number)
            if not count(table, at_entry):
                self._more.pop(meter, None)
                continue
            into, to = self._place(remaining)
            into[to:to + _ENTRY] = bytes(_FIRST) + table[at_entry + _FIRST:at_entry + _ENTRY]
            self._meters_at[8 * remaining:8 * remaining + 8] = meter
            remaining += 1
        self._meters_at = self._meters_at[:8 * remaining]
        self._pieces = self._pieces[:(remaining + _PIECE - 1) // _PIECE]
        for number in range(remaining, len(self._pieces) * _PIECE):
            self._clear(number)

    def meters(self):
        """How many meters are remembered."""
        return len(self._meters_at) >> 3
