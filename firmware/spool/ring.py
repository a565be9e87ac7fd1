"""What every ring of records does, whatever it lies on: numbers, cursor, batches to send, lost records, a new epoch.

A ring has an epoch (8 random bytes) and gives each record its seq, from 1, without a gap. What `append` returned is in
the ring; what `flush` returned survives a power cut. Only flushed records are sent, and before they are, the cursor on
the medium says up to where (`sending`): so after any cut, if the last good record is at least that one, no seq that the
receiver may have seen can be given out again. If it is not, continuity cannot be proven: a new epoch begins, and what
was not acknowledged is numbered anew in it (`migrate`).

What the medium says may itself be an older copy of it, put back. Only the receiver can tell: `proven` is whether it has
been asked since the start, and knows no more of this epoch than was sent.

`files.Ring` keeps one in files, `blocks.FlashRing` on a bare flash partition. They bring `append(make)`, `flush`,
`read(after, last)`, `rewind`, `stranded`, `migrate`, `close`, `inspect`, and below the line `_begin`, `_write_cursor`.
"""

import binascii

from ..wire import cbor
from ..wire import records as wire_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NO_EPOCH = bytes(8)


def number(value):
    """A seq or count as 8 bytes."""
    return value.to_bytes(8, "big")


def crc(data, seed=0):
    """The CRC-32 of some bytes behind others, as a number; see `check`."""
    return binascii.crc32(data, seed)


def check(data, seed=0):
    """The CRC-32 of some bytes, as the 4 bytes that are kept."""
    return binascii.crc32(data, seed).to_bytes(4, "big")


class Base:
    """A ring; `random_bytes(n)` draws an epoch, `record_time()` gives the time of a lost record."""

    if TYPE_CHECKING:
        append: "Callable[..., int]"
        flush: "Callable[[], None]"
        read: "Callable[..., Iterator[tuple[int, bytes]]]"
        _begin: "Callable[[bytes, int], None]"
        _write_cursor: "Callable[[], None]"
        _first_held: "Callable[[], int]"

    def __init__(self, random_bytes, record_time):
        self._random = random_bytes
        self._time = record_time
        self._pinned = False
        self._old = NO_EPOCH, 0
        self.epoch = NO_EPOCH
        self.last = 0
        self.acknowledged = 0
        self.sent = 0
        self.proven = False  # whether this epoch was drawn since the start, or the receiver has confirmed how far it is
        self.lost = 0  # records overwritten or damaged before they were acknowledged, since the start

    def _append_lost(self, first, last, count=None):
        count = last - first + 1 if count is None else count
        self.lost += count
        time = self._time()
        self.append(lambda seq: wire_records.lost(seq, time, first, last, count))

    def _lost_range(self, first, last, records):
        """What goes when the records of seq `first` to `last` are dropped: (first seq, count). They may themselves tell
        of records lost before: that news moves on."""
        count = last - first + 1
        for seq, data in records:
            if data[1] == wire_records.LOST:
                lost = cbor.decode_all(data)
                first = min(first, lost[3])
                count += lost[5] - 1
            if seq >= last:
                break
        return first, count

    def _append_anew(self, data):
        # A record of an earlier epoch, under its new number.
        end = cbor.skip(data, 2)
        return self.append(lambda seq: data[:2] + cbor.head(0, seq) + data[end:])

    # --- reading ---

    def pending(self):
        """How many records are not acknowledged."""
        return self.last - self.acknowledged

    def span(self, most_bytes, most_records):
        """The next records to send: (first seq, last seq, total bytes), (0, 0, 0) if there are none."""
        first = last = total = 0
        for seq, data in self.read(self.acknowledged):
            if first and (total + len(data) > most_bytes or seq - first >= most_records):
                break
            first, last, total = first or seq, seq, total + len(data)
        return first, last, total

    # --- what the receiver has ---

    def sending(self, last):
        """Records up to seq `last` are about to be sent: make them and that fact durable first."""
        self.flush()
        if last > self.sent:
            before, self.sent = self.sent, last
            try:
                self._write_cursor()
            except OSError:
                self.sent = before  # or the next attempt would send what the medium does not know to be sent
                raise

    def pin(self, held):
        """While a batch is put together and sent its records must stay: hold them, or let them go again."""
        self._pinned = held

    def acknowledge(self, through):
        """All records up to seq `through` are durable at the receiver; more than was sent is not believed."""
        through = min(through, self.sent)
        if through > self.acknowledged:
            self.acknowledged = through
            self._write_cursor()

    def give_up(self, seq):
        """The next record can't be delivered: go on behind it, and say so."""
        if seq == self.acknowledged + 1 and seq <= self.last:
            self._append_lost(seq, seq)
            self.sent = max(self.sent, seq)
            self.acknowledge(seq)

    def rewind(self, after):
        """Send again what is still held behind seq `after`; returns how many records that adds."""
        after = max(after, self._first_held() - 1)
        more = max(self.acknowledged - after, 0)
        if more:
            self.acknowledged = after
            self._write_cursor()
        return more

    def renew(self):
        """Begin a new epoch in place of one the receiver will not take; `migrate` then brings over what is pending."""
        self._begin(self.epoch, self.acknowledged)
