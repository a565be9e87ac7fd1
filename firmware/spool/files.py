"""The spool on a file system: a ring of records that survives the end of the process at any byte.

A ring (what one is: `ring`) is a folder of segments, appended to and dropped whole, and a small cursor file that is
replaced, never changed in place:

    segment   "NSP1" epoch(8) first-seq(8) crc32(4), then per record: length(2) bytes crc32(4)
    cursor    "NCU1" epoch(8) acknowledged(8) sent(8) old-epoch(8) old-acknowledged(8) crc32(4)

A record's CRC covers its epoch and seq too, so that no leftover can pass for it. On Linux, what `append` returned is
with the operating system and survives a kill; on LittleFS it waits in RAM for `flush` or for more.

Acknowledged records stay until their segment is dropped to make room. Dropping records that were not acknowledged
writes a lost record first.
"""

from .. import wire
from .ring import NO_EPOCH, Base, check, crc, number

_SEGMENT, _CURSOR = b"NSP1", b"NCU1"
_HEADER = 24
_SEGMENTS = 16  # a ring's capacity in segments
_CHUNK = 1024  # bytes of records read at a time


class _Part:
    """One segment as the RAM knows it: file name, epoch, first seq, count of good records, bytes, whether its end is
    clean (an append may follow)."""

    __slots__ = ("clean", "count", "epoch", "first", "name", "size")

    def __init__(self, name, epoch, first):
        self.name = name
        self.epoch = epoch
        self.first = first
        self.count = 0
        self.size = _HEADER
        self.clean = True

    def last(self):
        """The seq of the last record, first - 1 if there is none."""
        return self.first + self.count - 1


class Ring(Base):
    """One ring. `files` has the functions of `port.files`, `random_bytes(n)` draws an epoch, `capacity` is in bytes,
    `record_time()` gives the time of a lost record."""

    def __init__(self, files, folder, capacity, random_bytes, record_time):
        self._files = files
        self._folder = folder
        self._capacity = capacity
        self._segment = max(capacity // _SEGMENTS, 2048)
        Base.__init__(self, random_bytes, record_time)
        self._out = None
        self._dirty = False
        self._mark = (None, 0, 0)  # segment name, seq, offset: where the last reading from the cursor began
        if random_bytes is not None:
            files.make_folder(folder)
            self._open()

    # --- opening ---

    def inspect(self):
        """What is on the disk, touching nothing (a running gateway may be writing): {epoch, last, held, acknowledged,
        pending}, or None. For a ring made without `random_bytes`."""
        cursor = self._read_cursor()
        if cursor is None:
            return None
        last = held = 0
        for name in self._files.names(self._folder):
            part = self._scan(name) if name.endswith(".seg") else None
            if part is not None and part.epoch == cursor[0]:
                last, held = part.last(), held + part.count
        return {"epoch": cursor[0].hex(), "last": last, "held": held, "acknowledged": cursor[1],
                "pending": max(last - cursor[1], 0)}

    def _open(self):
        self._parts = parts = []
        for name in self._files.names(self._folder):
            if name.endswith(".seg"):
                part = self._scan(name)
                if part is None:
                    self._files.remove(self._folder + "/" + name)
                else:
                    parts.append(part)
        self._next_name = int(parts[-1].name[:8], 16) + 1 if parts else 0
        if parts:
            # Its tail may be of a process that was killed before it flushed. From here on it counts as kept, and a
            # power cut must not open a hole before the records of this start.
            out = self._files.appender(self._folder + "/" + parts[-1].name)
            try:
                out.sync()
            finally:
                out.close()
        cursor = self._read_cursor()
        if cursor is None:
            self._begin(NO_EPOCH, 0)
            return
        self.epoch, self.acknowledged, self.sent, old, old_acknowledged = cursor
        self._old = old, old_acknowledged
        mine = [p for p in parts if p.epoch == self.epoch]
        self.last = mine[-1].last() if mine else 0
        if self.last < self.sent or self.sent < self.acknowledged:
            self._begin(self.epoch, self.acknowledged)
            return
        self._find_holes(mine)

    def _find_holes(self, mine):
        # A damaged record hides those behind it in its segment: the seq tells how many.
        expected = mine[0].first if mine else 1
        if expected > self.acknowledged + 1:
            self._append_lost(self.acknowledged + 1, expected - 1)
        for part in mine:
            if part.first > max(expected, self.acknowledged + 1):
                self._append_lost(max(expected, self.acknowledged + 1), part.first - 1)
            expected = part.last() + 1

    def _begin(self, old, old_acknowledged):
        """Start a new epoch, drawn at random."""
        self._close()
        self.epoch = self._random(8)
        self.proven = True
        self.last = self.acknowledged = self.sent = 0
        self._old = old, old_acknowledged
        self._write_cursor()

    def _scan(self, name):
        path = self._folder + "/" + name
        with self._files.reader(path) as f:
            header = f.read(_HEADER)
            if len(header) < _HEADER or header[:4] != _SEGMENT or check(header[:20]) != header[20:]:
                return None
            part = _Part(name, header[4:12], int.from_bytes(header[12:20], "big"))
            while True:
                n = self._read_record(f, part.epoch, part.first + part.count, True)
                if n is None:
                    break
                part.count += 1
                part.size += n + 6
            f.seek(0, 2)
            part.clean = f.tell() == part.size
        return part

    @staticmethod
    def _read_record(f, epoch, seq, length_only=False):
        # The record at the file's place, or None where there is no good one.
        head = f.read(2)
        if len(head) < 2:
            return None
        n = head[0] << 8 | head[1]
        if not 0 < n <= wire.MAX_RECORD:
            return None
        data = f.read(n)
        tail = f.read(4)
        if len(data) < n or len(tail) < 4 or check(data, crc(epoch + number(seq))) != tail:
            return None
        return n if length_only else data

    def _read_cursor(self):
        data = self._files.read_whole(self._folder + "/cursor")
        if data is None or len(data) != 48 or data[:4] != _CURSOR or check(data[:44]) != data[44:]:
            return None
        return (data[4:12], int.from_bytes(data[12:20], "big"), int.from_bytes(data[20:28], "big"), data[28:36],
                int.from_bytes(data[36:44], "big"))

    def _write_cursor(self):
        data = b"".join((_CURSOR, self.epoch, number(self.acknowledged), number(self.sent), self._old[0],
                         number(self._old[1])))
        self._files.write_whole(self._folder + "/cursor", data + check(data))

    # --- appending ---

    def append(self, make, time=0, rssi=0, telegram=None):
        """Append the record that `make(seq)` returns, or `make(seq, time, rssi, telegram)` with a telegram; returns its
        seq. Raises OSError when it could not be kept."""
        seq = self.last + 1
        data = make(seq) if telegram is None else make(seq, time, rssi, telegram)
        if not 0 < len(data) <= wire.MAX_RECORD:
            raise ValueError("record of %d bytes" % len(data))
        part = self._parts[-1] if self._parts else None
        if part is None or part.epoch != self.epoch or not part.clean or part.size >= self._segment:
            self._make_room()
            # A lost record may have been written meanwhile, so the seq is taken afresh.
            if self.last + 1 != seq:
                return self.append(make, time, rssi, telegram)
            part = self._new_part(seq)
        if self._out is None:
            self._out = self._files.appender(self._folder + "/" + part.name)
        block = b"".join((bytes((len(data) >> 8, len(data) & 255)), data,
                          check(data, crc(self.epoch + number(seq)))))
        part.clean = False
        self._out.write(block)
        part.clean = True
        part.count += 1
        part.size += len(block)
        self.last = seq
        self._dirty = True
        return seq

    def _new_part(self, first):
        self._close()
        part = _Part("%08x.seg" % self._next_name, self.epoch, first)
        header = _SEGMENT + self.epoch + number(first)
        self._files.write_whole(self._folder + "/" + part.name, header + check(header))
        self._next_name += 1
        self._parts.append(part)
        return part

    def _make_room(self):
        # Drops whole segments from the old end. The lost record is written before they go, so that a cut between the
        # two can only tell twice. What waits to be brought over from an earlier epoch stays, and the ring grows.
        if self._pinned:
            return
        doomed = []
        while (len(self._parts) > 1 and self._parts[0].epoch == self.epoch
               and self._held() + self._segment > self._capacity):
            doomed.append(self._parts.pop(0))
        first = through = count = 0
        for part in doomed:
            if part.last() > self.acknowledged:
                begin, last = max(part.first, self.acknowledged + 1), part.last()
                begin, its_count = self._lost_range(begin, last, self._records(part, begin - 1, last))
                first, through, count = first or begin, last, count + its_count
        if count:
            self._new_part(self.last + 1)
            self._append_lost(first, through, count)
            self.flush()  # before the cursor makes it the only trace of them
            self.acknowledged = through
            self.sent = max(self.sent, through)
            self._write_cursor()
        for part in doomed:
            self._files.remove(self._folder + "/" + part.name)

    def _held(self):
        return sum([p.size for p in self._parts])

    def flush(self):
        """Return when all appended records survive a power cut."""
        if self._dirty and self._out is not None:
            self._out.sync()
        self._dirty = False

    def _close(self):
        if self._out is not None:
            self.flush()
            self._out.close()
            self._out = None

    def close(self):
        """Flush and close."""
        self._close()

    # --- reading ---

    def read(self, after, last=None):
        """Yield (seq, bytes) of the records behind seq `after`, up to `last`."""
        last = self.last if last is None else last
        for part in list(self._parts):
            if part.epoch == self.epoch and part.last() > after and part.first <= last:
                for seq, data in self._records(part, after, last):
                    yield seq, data

    def _records(self, part, after, last):
        seq, offset = part.first, _HEADER
        if self._mark[0] == part.name and self._mark[1] <= after + 1:
            _, seq, offset = self._mark
        marked = False
        while seq <= min(part.last(), last):
            # Some at a time, with the file closed again before anybody else runs: a file that is left open on
            # LittleFS is closed by some collection, in the middle of anything.
            pieces: "list[bytes | None]" = []
            size = 0
            try:
                with self._files.reader(self._folder + "/" + part.name) as f:
                    f.seek(offset)
                    while size < _CHUNK and seq + len(pieces) <= min(part.last(), last):
                        data = self._read_record(f, part.epoch, seq + len(pieces))
                        pieces.append(data)
                        if data is None:
                            break
                        size += len(data)
            except OSError:
                return  # dropped to make room meanwhile
            if pieces and pieces[-1] is None and self._dirty:
                self.flush()  # on LittleFS nobody else sees what is not flushed
                continue
            for data in pieces:
                if data is None:
                    self._damaged(part, seq)
                    return
                if seq > after:
                    if not marked and seq == after + 1:
                        marked, self._mark = True, (part.name, seq, offset)
                    yield seq, data
                offset += len(data) + 6
                seq += 1

    def _damaged(self, part, seq):
        # It was good when it was written or at the start: the medium has lost it. Say so once, and go on behind it.
        last, part.count, part.clean = part.last(), seq - part.first, False
        if part.epoch == self.epoch and last > self.acknowledged:
            self._append_lost(max(seq, self.acknowledged + 1), last)

    # --- earlier epochs ---

    def _first_held(self):
        mine = [p for p in self._parts if p.epoch == self.epoch]
        return mine[0].first if mine else self.last + 1

    def stranded(self):
        """Whether records of an earlier epoch wait for `migrate`."""
        return any(p.epoch != self.epoch for p in self._parts)

    def migrate(self):
        """Number the pending records of earlier epochs anew in this one; a generator of their seqs, so that the loop is
        not held."""
        while self._parts and self._parts[0].epoch != self.epoch:
            part = self._parts[0]
            after = self._old[1] if part.epoch == self._old[0] else 0
            for _seq, data in self._records(part, after, part.last()):
                self._append_anew(data)
                yield self.last
            self.flush()
            if self._parts and self._parts[0] is part:
                self._parts.pop(0)
                self._files.remove(self._folder + "/" + part.name)
