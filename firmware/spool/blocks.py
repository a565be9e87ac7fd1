"""The spool on a bare NOR flash partition: a ring of blocks, each erased as a whole, its records programmed in place.

    block    header, then records from its start up, cursors from its end down
    header   "NFR1" serial(4) epoch(8) first-seq(8) acknowledged(8) sent(8) old-epoch(8) old-acknowledged(8) crc32(4)
    record   length(2) bytes crc32(4); the CRC covers epoch and seq too
    cursor   acknowledged(8) sent(8) crc32(4); the CRC covers epoch and serial too

Blocks are used in turn: the one with serial n lies at n modulo their number, so all wear alike. A header repeats the
cursor, so the newest block alone says how things stand, and nothing has to be read at a start but the headers and that
block. Cursors lie apart from the records, so one damaged place cannot hide both that a seq was sent and its record.

Rules: a block is erased right before its header is programmed, however blank it looks. What is programmed is read
back; what reads badly is closed and programmed again in the next block. At a start the last things written are
programmed once more, the same bits: what a cut left half programmed reads well today and not tomorrow. Records behind
the newest block are `_SPARE` blocks away from being overwritten, so that there is room to say what goes before it does.

Records wait in RAM until `flush` or until they are `_BUFFER` bytes. While a batch is in flight its blocks are not
overwritten: a ring that is full of what was never sent then refuses (OSError) rather than grow.
"""

from collections import namedtuple

from .. import wire
from . import nor
from .ring import NO_EPOCH, Base, check, crc, number


def const(value):
    """The value: MicroPython's compiler puts it in place of the name."""
    return value


_MAGIC = b"NFR1"
_HEADER = const(60)
_SLOT = 20
_FRAME = const(6)
_SPARE = const(2)  # blocks kept free ahead of the newest
_BUFFER = const(1024)
_TRIES = const(4)  # blocks in a row that may be bad

Header = namedtuple("Header", ("serial", "epoch", "first", "acknowledged", "sent", "old", "old_acknowledged"))


def _blank(data):
    return not bytes(data).strip(b"\xff")


def _int(data, at, n=8):
    return int.from_bytes(data[at:at + n], "big")


class FlashRing(Base):
    """One ring on the blocks of a `nor.Flash`; the other two are as in `Base`."""

    def __init__(self, area, random_bytes, record_time):
        Base.__init__(self, random_bytes, record_time)
        self._flash = area
        self._blocks = area.blocks
        self._size = area.block_size
        self._head = -1  # serial of the newest block
        self._tail = 0  # serial of the oldest that counts
        self._used = _HEADER  # bytes of the newest block up to the end of its records
        self._slots = 0  # places for cursors used in it
        self._closed = True  # no record may follow in it
        self._buffer = []  # records not yet programmed: the last of all
        self._buffered = 0
        self._buffer_most = min(_BUFFER, self._size // 4)
        self._most = min(wire.MAX_RECORD, self._size - _HEADER - 4 * _SLOT - _FRAME)  # bytes of a record
        self._near = 0  # a record that leaves fewer bytes in the buffer needs no check; 0 where that is not known
        self._untold = 0, 0, 0  # first seq, last seq, count of dropped records that no lost record tells of yet
        self._dropped = 0  # records of earlier epochs dropped likewise
        self._told = 0  # up to where damage was told
        self._moving = -1, 0  # serial, seq: how far `migrate` is
        self._mark = -1, 0, 0  # serial, seq, offset where the last reading began
        if random_bytes is not None:
            self._open()

    def through(self, wrap):
        """Reach the device by what `wrap` makes of it."""
        self._flash.device = wrap(self._flash.device)

    # --- opening ---

    def inspect(self):
        """What is on the flash, touching nothing: {epoch, last, held, acknowledged, pending, erases}, or None. `erases`
        is how often each block has been erased. For a ring made without `random_bytes`."""
        if not self._scan():
            return None
        held = max(self.last - self._first_held() + 1, 0)
        return {"epoch": self.epoch.hex(), "last": self.last, "held": held, "acknowledged": self.acknowledged,
                "pending": max(self.last - self.acknowledged, 0), "erases": self._head // self._blocks + 1}

    def _open(self):
        if not self._scan():
            self._begin(NO_EPOCH, 0)
            return
        self._strengthen()
        if self.last < self.sent or self.sent < self.acknowledged:
            self._begin(self.epoch, self.acknowledged)
        elif not self.stranded():
            self._free(_SPARE)
            self._tell()

    def _scan(self):
        # Find the newest block and read it; whether there is one.
        newest = oldest = None
        for block in range(self._blocks):
            header = self._header_at(block)
            if header is not None:
                newest = header if newest is None or header.serial > newest.serial else newest
                oldest = header if oldest is None or header.serial < oldest.serial else oldest
        if newest is None or oldest is None:
            return False
        self._head = newest.serial
        self._tail = max(oldest.serial, newest.serial - self._blocks + 1)
        self.epoch = newest.epoch
        self._old = newest.old, newest.old_acknowledged
        self.acknowledged, self.sent = newest.acknowledged, newest.sent
        data = self._flash.read(self._head % self._blocks, 0, self._size)
        self.last, self._used = self._scan_records(data, newest)
        self._scan_cursors(data, self._head)
        self._closed = not _blank(memoryview(data)[self._used:max(self._size - self._slots * _SLOT, self._used)])
        # If a still newer block has lost its header, its cursors tell what was sent.
        acknowledged, slots = self.acknowledged, self._slots
        self._scan_cursors(self._flash.read((self._head + 1) % self._blocks, 0, self._size), self._head + 1)
        self.acknowledged, self._slots = acknowledged, slots
        return True

    def _scan_records(self, data, header):
        # The last seq of a whole block, and where its records end.
        seq, at = header.first, _HEADER
        while True:
            n = _int(data, at, 2)
            if not 0 < n <= wire.MAX_RECORD or at + n + _FRAME > self._size:
                break
            if not self._matches(data[at + 2:at + 2 + n], header.epoch, seq, data[at + 2 + n:at + _FRAME + n]):
                break
            at += n + _FRAME
            seq += 1
        return seq - 1, at

    def _scan_cursors(self, data, serial):
        # Take over the last of a whole block's cursors, and the highest that was sent.
        self._slots = 0
        seed = crc(self.epoch + number(serial))
        for i in range((self._size - _HEADER) // _SLOT):
            at = self._size - (i + 1) * _SLOT
            if at < self._used and serial == self._head:
                break
            slot = data[at:at + _SLOT]
            if _blank(slot):
                continue
            self._slots = i + 1
            if self._good_cursor(slot, seed):
                self.acknowledged = _int(slot, 0)
                self.sent = max(self.sent, _int(slot, 8))

    @staticmethod
    def _matches(data, epoch, seq, tail):
        return check(data, crc(epoch + number(seq))) == tail

    @staticmethod
    def _good_cursor(slot, seed):
        return check(slot[:16], seed) == slot[16:]

    def _strengthen(self):
        # The bytes that were just found good, over themselves: the header, the last flush, the cursors.
        block = self._head % self._blocks
        data = self._flash.read(block, 0, self._size)
        header = self._parse(data[:_HEADER], block)
        if header is None or self._scan_records(data, header)[1] != self._used:
            self._closed = True  # it reads differently from one time to the next
            return
        start = max(self._used - 2 * _BUFFER - _FRAME, _HEADER)
        self._flash.program(block, 0, data[:_HEADER])
        if start < self._used:
            self._flash.program(block, start, data[start:self._used])
        if self._slots:
            self._flash.program(block, self._size - self._slots * _SLOT, data[self._size - self._slots * _SLOT:])

    def _parse(self, data, block):
        if data[:4] != _MAGIC or check(data[:56]) != data[56:]:
            return None
        header = Header(_int(data, 4, 4), bytes(data[8:16]), _int(data, 16), _int(data, 24), _int(data, 32),
                        bytes(data[40:48]), _int(data, 48))
        return header if header.serial % self._blocks == block else None

    def _header_at(self, block):
        return self._parse(self._flash.read(block, 0, _HEADER), block)

    def _header(self, serial):
        # The header of the block with a serial, or None where it is not (or not any more, or damaged).
        header = self._header_at(serial % self._blocks)
        return header if header is not None and header.serial == serial else None

    def _begin(self, old, old_acknowledged):
        """Start a new epoch, drawn at random."""
        self.flush()
        self._closed = True
        self._near = 0
        self.epoch = self._random(8)
        self.proven = True
        self.last = self.acknowledged = self.sent = self._told = 0
        self._untold = 0, 0, 0
        self._old = old, old_acknowledged
        self._next_block()

    # --- blocks ---

    def _next_block(self):
        # Open the next block. What is still in the buffer goes into it first.
        if self._blocks - (self._head - self._tail + 1) < 1:
            if self._pinned and not self._is_done(self._tail):
                raise OSError("spool full while a batch is in flight")
            self._free(1)
        first = self.last + 1 - len(self._buffer)
        dropped = 0
        if self._dropped and not self._buffer:
            # What earlier epochs lost is given numbers of this one that no record will have, and a lost record.
            dropped, self._dropped = self._dropped, 0
            self.last += dropped
            first += dropped
        self._program_header(first)
        if not self._pinned and not self.stranded():
            self._free(_SPARE)
        if dropped:
            self._told = max(self._told, self.last)
            self._append_lost(self.last - dropped + 1, self.last)
        self._tell()

    def _program_header(self, first):
        self._near = 0
        for _ in range(_TRIES):
            serial = self._head + 1
            block = serial % self._blocks
            data = b"".join((_MAGIC, serial.to_bytes(4, "big"), self.epoch, number(first), number(self.acknowledged),
                             number(self.sent), self._old[0], number(self._old[1])))
            data += check(data)
            self._flash.erase(block)
            self._flash.program(block, 0, data)
            self._head = serial
            self._tail = max(self._tail, serial - self._blocks + 1)
            if self._flash.read(block, 0, _HEADER) == data:
                self._used, self._slots, self._closed = _HEADER, 0, False
                return
            self._closed = True
        raise OSError("flash: no block takes what is programmed")

    def _block_end(self, serial, header):
        # The last seq of a block as the next one tells it; None where nothing tells (the last of an earlier epoch).
        for later in range(serial + 1, self._head + 1):
            after = self._header(later)
            if after is not None:
                return after.first - 1 if after.epoch == header.epoch else None
        return self.last - len(self._buffer) if header.epoch == self.epoch else None

    def _is_done(self, serial):
        # Whether nothing in a block waits to be acknowledged.
        header = self._header(serial)
        return header is None or (header.epoch == self.epoch
                                  and self._block_end(serial, header) <= self.acknowledged)

    def _free(self, blocks):
        # Give up the oldest blocks until so many are free.
        while self._blocks - (self._head - self._tail + 1) < blocks:
            serial, header = self._tail, self._header(self._tail)
            self._tail += 1
            if header is None:
                continue
            if header.epoch != self.epoch:
                self._dropped += len(list(self._stranded_of(serial, header)))
                continue
            last = self._block_end(serial, header)
            first = max(header.first, self.acknowledged + 1)
            if last >= first:
                first, count = self._lost_range(first, last, self._entries(serial, header, first - 1))
                self._untold = self._untold[0] or first, last, self._untold[2] + count

    def _tell(self):
        first, through, count = self._untold
        if count:
            self._untold = 0, 0, 0
            self._append_lost(first, through, count)
            self.flush()
            self.acknowledged = max(self.acknowledged, through)
            self.sent = max(self.sent, through)
            self._write_cursor()

    # --- appending ---

    def append(self, make, time=0, rssi=0, telegram=None):
        """Append the record that `make(seq)` returns, or `make(seq, time, rssi, telegram)` with a telegram; returns its
        seq. Raises OSError when it could not be kept."""
        seq = self.last + 1
        data = make(seq) if telegram is None else make(seq, time, rssi, telegram)
        buffered = self._buffered + len(data) + _FRAME
        if data and buffered < self._near:
            self._buffer.append(data)
            self._buffered = buffered
            self.last = seq
            return seq
        while True:
            size = len(data) + _FRAME
            if not _FRAME < size <= self._most + _FRAME:
                raise ValueError("record of %d bytes" % len(data))
            if self._fits(size):
                break
            self.flush()
            if not self._fits(size):
                self._next_block()
            seq = self.last + 1
            data = make(seq) if telegram is None else make(seq, time, rssi, telegram)
        self._buffer.append(data)
        self._buffered += size
        self.last = seq
        self._near = self._room()
        if self._buffered >= self._buffer_most:
            self.flush()
        return seq

    def _room(self):
        # For `_near`: what the buffer may come to, short of a flush for its own sake or for the block's end.
        return min(self._buffer_most, self._size - (self._slots + 2) * _SLOT - self._used + 1)

    def _fits(self, n):
        # Two places are kept for cursors, so that a batch can be sent and acknowledged without a new block.
        return not self._closed and self._used + self._buffered + n <= self._size - (self._slots + 2) * _SLOT

    def flush(self):
        """Return when all appended records survive a power cut."""
        while self._buffer:
            if self._closed:
                self._next_block()
            seq = self.last - len(self._buffer) + 1
            framed = []
            for i, data in enumerate(self._buffer):
                framed += [bytes((len(data) >> 8, len(data) & 255)), data,
                           check(data, crc(self.epoch + number(seq + i)))]
            data = b"".join(framed)
            if not data:
                return  # opening the block has flushed
            self._closed = True
            self._near = 0
            self._flash.program(self._head % self._blocks, self._used, data)
            if self._flash.read(self._head % self._blocks, self._used, len(data)) == data:
                self._used += len(data)
                self._closed = False
                self._buffer = []
                self._buffered = 0
                self._near = self._room()

    def _write_cursor(self):
        data = number(self.acknowledged) + number(self.sent)
        while True:
            at = self._size - (self._slots + 1) * _SLOT
            if at < self._used + self._buffered:
                if self._buffer:
                    self.flush()
                    continue
                self._next_block()  # its header holds the cursor
                return
            self._slots += 1
            self._near = 0
            slot = data + check(data, crc(self.epoch + number(self._head)))
            self._flash.program(self._head % self._blocks, at, slot)
            if self._flash.read(self._head % self._blocks, at, _SLOT) == slot:
                return

    def close(self):
        """Flush."""
        self.flush()

    # --- reading ---

    def read(self, after, last=None):
        """Yield (seq, bytes) of the records behind seq `after`, up to `last`."""
        last = self.last if last is None else min(last, self.last)
        expected = after + 1
        epoch = self.epoch
        while expected <= last and self.epoch == epoch:
            waiting = expected - (self.last - len(self._buffer)) - 1
            if waiting >= 0:
                yield expected, self._buffer[waiting]
                expected += 1
                continue
            serial, header = self._find(expected)
            if header is None:
                return
            if header.first > expected:
                self._hole(expected, header.first - 1)
                expected = header.first
                continue
            for seq, data in self._entries(serial, header, expected - 1):
                if seq > last or serial < self._tail:
                    return
                yield seq, data
                expected = seq + 1
            end = self._block_end(serial, header)
            if expected <= end and serial >= self._tail:
                self._hole(expected, end)
                expected = end + 1

    def _hole(self, first, last):
        # Damaged, or told lost before: the medium has lost it. Say so once, and go on behind it.
        first = max(first, self.acknowledged + 1, self._told + 1)
        if first <= last:
            self._told = last
            self._append_lost(first, last)

    def _find(self, seq):
        # The last block of this epoch that begins at or before a seq, else the first that begins behind it.
        low, high = self._tail, self._head
        while low < high:
            middle = at = (low + high + 1) // 2
            header = self._header(at)
            while header is None and at < high:
                at += 1
                header = self._header(at)
            if header is not None and (header.epoch != self.epoch or header.first <= seq):
                low = at
            else:
                high = middle - 1
        for serial in range(low, self._head + 1):
            header = self._header(serial)
            if header is not None and header.epoch == self.epoch:
                return serial, header
        return -1, None

    def _entries(self, serial, header, after):
        # The good records of a block behind a seq, up to where the next block of its epoch goes on.
        block = serial % self._blocks
        seq, at = header.first, _HEADER
        if self._mark[0] == serial and self._mark[1] <= after + 1:
            _, seq, at = self._mark
        end = self._block_end(serial, header)
        marked = False
        while at + _FRAME <= self._size:
            if end is not None and seq > end:
                end = self._block_end(serial, header)  # the newest grows while it is read
                if end is None or seq > end:
                    return
            n = _int(self._flash.read(block, at, 2), 0)
            if not 0 < n <= wire.MAX_RECORD or at + n + _FRAME > self._size:
                return
            if seq > after:
                data = bytes(self._flash.read(block, at + 2, n + 4))
                if not self._matches(data[:n], header.epoch, seq, data[n:]):
                    return
                if not marked and seq == after + 1:
                    marked, self._mark = True, (serial, seq, at)
                yield seq, data[:n]
            at += n + _FRAME
            seq += 1

    # --- earlier epochs ---

    def _first_held(self):
        for serial in range(self._tail, self._head + 1):
            header = self._header(serial)
            if header is not None and header.epoch == self.epoch:
                return header.first
        return self.last + 1

    def stranded(self):
        """Whether records of an earlier epoch wait for `migrate`."""
        while self._tail < self._head:
            header = self._header(self._tail)
            if header is not None:
                return header.epoch != self.epoch
            self._tail += 1
        return False

    def _stranded_of(self, serial, header):
        # The records of an earlier epoch's block that are still to be brought over.
        after = self._old[1] if header.epoch == self._old[0] else 0
        if serial == self._moving[0]:
            after = max(after, self._moving[1])
        return self._entries(serial, header, after)

    def migrate(self):
        """Number the pending records of earlier epochs anew in this one; a generator of their seqs, so that the loop is
        not held. What the ring has no room for is told lost."""
        while self.stranded():
            serial = self._tail
            header = self._header(serial)
            for seq, data in self._stranded_of(serial, header):
                self._moving = serial, seq
                self._append_anew(data)
                yield self.last
                if self._tail != serial:
                    break  # the ring was full: it is gone
            self.flush()
            if self._tail == serial:
                # So that it is not brought over again after a start.
                self._flash.program(serial % self._blocks, 0, bytes(len(_MAGIC)))
                self._tail += 1
        if not self._pinned:
            self._free(_SPARE)
            self._tell()


def open_rings(device, random_bytes, record_time):
    """The two rings (values, telegrams) on a device."""
    return [FlashRing(area, random_bytes, record_time) for area in nor.shares(device)]
