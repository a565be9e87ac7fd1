"""From a file to its pieces: bytes or text, then frame by frame.

A stream of a HAN port is cut into frames here by the length each says it has, only so that a fault has a place and a
replay a rhythm; whether a frame is whole and right is for the codec's reader to say.
"""

from typing import BinaryIO, Callable, Iterator

from .lines import read_line
from .piece import AIR, AIR_S, CUT, FRAME, MESSAGE, TELEGRAM, UNKNOWN, Piece, kind_of, mode_s_at, size_of

PEEK = 4096
LONGEST = 4096  # a HAN frame of more bytes than this is none
_P1_LINE = b"-0:"  # every data line of P1 holds a medium and channel


def pieces(stream: BinaryIO, name: str) -> Iterator[Piece]:
    """The pieces of a capture, each as soon as it is whole; `name` is what its places are called by."""
    head = _some(stream)
    if not head:
        return iter(())
    rest = _chunks(stream, head)
    if _is_bursts(head):
        return _bursts(rest, name)
    if _is_p1(head) or not _is_text(head):
        return _bytes(rest, head, lambda offset: f"{name}@{offset}")
    return _text(rest, name)


def _bytes(chunks: Iterator[bytes], head: bytes, where: "Callable[[int], str]") -> Iterator[Piece]:
    """The pieces of bytes that are not text: of a radio, of a HAN port, or one telegram or message."""
    kind, flag = kind_of(head), _start(head, 0)
    if kind == TELEGRAM and head[0] in (len(head) - 1, 0x68):
        return iter((Piece(where(0), TELEGRAM, b"".join(chunks)),))
    # A list alone may hold a flag; what only might be one, by its first byte, is none if there is a frame in it.
    if kind == MESSAGE and (head[0] > 0x0F or head[0] == 0x0F and head[5:6] in (b"\0", b"\x09", b"\x0c") or flag < 0):
        return iter((Piece(where(0), MESSAGE, b"".join(chunks)[:LONGEST]),))
    # A radio's stream holds its sync word; a HAN frame begins with a flag, which a telegram does not.
    at, at_s = head.find(b"\x54\x3d"), mode_s_at(head)
    if at_s >= 0 and (flag < 0 or at_s < flag) and (at < 0 or at_s < at):
        return _air(chunks, where, AIR_S)
    if at >= 0 and (flag < 0 or at < flag):
        return _air(chunks, where, AIR)
    return _stream(chunks, where)


def _some(stream: BinaryIO) -> bytes:
    """What is there to read, at least one byte unless the file is empty: a pipe must not be waited for to fill."""
    read = getattr(stream, "read1", stream.read)
    return read(PEEK)


def _chunks(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    while head:
        yield head
        head = _some(stream)


def _is_text(head: bytes) -> bool:
    return not any(c < 9 or 13 < c < 32 or c == 127 for c in head) and b"\n" in head + b"\n"


def _is_p1(head: bytes) -> bool:
    """P1 is text, but not lines of hex: a line `/XXX5…` or a data line such as `1-0:1.8.0(…)`."""
    for line in head.split(b"\n"):
        line = line.strip()
        if line[:1] == b"/" and line[1:4].isalpha() and len(line) > 4:
            return True
        if line[1:4] == _P1_LINE and b"(" in line:
            return True
    return False


def _is_bursts(head: bytes) -> bool:
    """The framing of a bridge beside a radio chip: length (2), RSSI (1), then the burst from its sync word on."""
    return len(head) >= 5 and head[3:5] == b"\x54\x3d" and 6 <= (head[0] << 8 | head[1]) <= 1024


def _bursts(chunks: Iterator[bytes], name: str) -> Iterator[Piece]:
    buffer, offset = b"", 0
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= 2 and len(buffer) >= 2 + (size := buffer[0] << 8 | buffer[1]):
            burst = buffer[2:2 + size]
            if burst:
                yield Piece(f"{name}@{offset}", AIR, burst[1:], None, burst[0] - 256 if burst[0] > 127 else burst[0])
            buffer = buffer[2 + size:]
            offset += 2 + size
    if buffer:
        yield Piece(f"{name}@{offset}", AIR, b"", fault=f"burst {CUT}: {len(buffer)} bytes")


def _air(chunks: Iterator[bytes], where: "Callable[[int], str]", kind: str) -> Iterator[Piece]:
    offset = 0
    for chunk in chunks:
        yield Piece(where(offset), kind, chunk)
        offset += len(chunk)


def _text(chunks: Iterator[bytes], name: str) -> Iterator[Piece]:
    log = False
    hold = _Hold()
    number = 0
    dump, dump_at = b"", ""
    for raw in _lines(chunks):
        number += 1
        text = raw.decode("utf-8", "replace")
        if "telegram=" in text:
            log = True
        line = read_line(text)
        if line is None:
            continue
        where = f"{name}:{number}"
        if line.dump:
            dump, dump_at = dump + line.data, dump_at or where
            continue
        if dump:
            yield from _dump(dump, dump_at)
            dump, dump_at = b"", ""
        if line.fault:
            yield from hold.end()
            # In a log of wmbusmeters the lines between the telegrams are its own words.
            if not log or "telegram=" in text:
                yield Piece(where, UNKNOWN, b"", line.time, line.rssi, line.fault)
            continue
        yield from hold.line(where, line.data, line.time, line.rssi)
    yield from hold.end()
    yield from _dump(dump, dump_at)


def _dump(data: bytes, where: str) -> Iterator[Piece]:
    """The pieces of a hex dump, which is a file of bytes written out; `where` it begins."""
    return _bytes(iter((data,)), data, lambda offset: where) if data else iter(())


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


class _Hold:
    """Joins the hex lines of HAN frames: a dump may break them anywhere, a line may end one and begin another."""

    def __init__(self) -> None:
        self.data = b""
        self.where = ""
        self.time: "float | None" = None

    def size(self) -> int:
        """How long the held frame says it is; 0 when there is none or it does not say yet."""
        return size_of(self.data) if self.data else 0

    def line(self, where: str, data: bytes, time: "float | None", rssi: "int | None") -> Iterator[Piece]:
        """The pieces this line completes."""
        kind = kind_of(data)
        if self.data and not self._begins_another(data, kind):
            self.data += data
            yield from self._whole(where)
            return
        yield from self.end()
        # A line may have line ends or the rest of a frame before the frame it begins.
        if kind == FRAME or kind == UNKNOWN and _start(data, 0) >= 0:
            self.data, self.where, self.time = data, where, time
            yield from self._whole(where)
        elif kind == UNKNOWN:
            yield Piece(where, kind, b"", time, rssi, "neither a wM-Bus telegram nor a HAN message")
        else:
            yield Piece(where, kind, data, time, rssi)

    def _begins_another(self, data: bytes, kind: str) -> bool:
        """Whether a line can't go on with the held frame: only what surely begins something else ends a frame early.

        An APDU's first byte may be any byte of a frame, and text may look like the head of a telegram.
        """
        if self.data[:1] == b"/" and not any(c < 10 or c > 126 for c in data):
            return kind == FRAME
        return kind == FRAME or kind in (TELEGRAM, AIR, AIR_S) and len(data) > self.size() - len(self.data)

    def _whole(self, where: str) -> Iterator[Piece]:
        """What is whole of the held bytes; the beginning of a next frame is kept."""
        at = 0
        while at < len(self.data) and kind_of(self.data[at:]) == FRAME:
            size = size_of(self.data[at:])
            if not size or size > len(self.data) - at:
                break
            at += size
        if not at:
            return
        rest = self.data[at:]
        if rest and _start(rest, 0) == 0:
            self.data = self.data[:at]
            yield from self.end()
            self.data, self.where = rest, where
        else:
            yield from self.end()

    def end(self) -> Iterator[Piece]:
        """What is held, whole or not."""
        data, self.data = self.data, b""
        if data:
            for piece in _stream(iter((data,)), lambda offset: self.where):
                yield piece._replace(time=self.time)


def _start(buffer: bytes, at: int) -> int:
    """Where the next HAN frame may begin, or -1."""
    while at < len(buffer):
        c = buffer[at]
        if c == 0x7E and (at + 1 == len(buffer) or buffer[at + 1] & 0xF0 == 0xA0):
            return at
        # Within a P1 telegram a slash stands behind text.
        if c == 0x2F and (at == 0 or not 32 <= buffer[at - 1] < 126) and (
                at + 4 > len(buffer) or buffer[at + 1:at + 4].isalpha()):
            return at
        if c == 0x68 and (at + 4 > len(buffer) or buffer[at + 3] == 0x68 and buffer[at + 1] == buffer[at + 2]):
            return at
        at += 1
    return -1


def _whole(frame: bytes) -> bool:
    """Whether a frame ends as its kind ends."""
    return frame[-1] == (0x7E if frame[0] == 0x7E else 0x16 if frame[0] == 0x68 else 0x0A)


def _stream(chunks: Iterator[bytes], where: "Callable[[int], str]") -> Iterator[Piece]:
    """Cut the bytes of a HAN port or a wired M-Bus into frames; what lies between them is noise, flags apart.

    The pieces put together are the stream again: of two frames that share a flag, the first has it.
    """
    buffer, offset = b"", 0
    flag = False  # the byte before the buffer is the flag that ended a frame; it may begin the next as well
    for chunk in _and_end(chunks):
        buffer += chunk
        final = not chunk
        while buffer:
            shared = int(flag and buffer[0] & 0xF0 == 0xA0)
            held = b"\x7e" + buffer if shared else buffer
            at = _start(held, 0)
            if at:
                noise = held[:at] if at > 0 else held
                flag = False
                only_fill = not noise.strip(b"\x7e\r\n\x00\xff")
                yield Piece(where(offset), FRAME, noise,
                            fault="" if only_fill else f"noise, {len(noise)} B in which no frame begins")
                buffer, offset = buffer[len(noise):], offset + len(noise)
                continue
            size = size_of(held) or (len(held) if final else LONGEST)
            if len(held) < size <= LONGEST and not final:
                break
            frame, fault = held[:size], ""
            if len(frame) < size or not _whole(frame):
                following = _start(held, 1)
                if following < 0 and (len(frame) < size or frame[0] == 0x2F and b"!" not in frame):
                    fault = _cut(frame, size)
                else:
                    # Its end is not where it says: it is broken, or no frame began here. The codec says which.
                    frame = held[:following] if following > 0 else held
            # An answer on a wired M-Bus has the same outer form as a meter's push; the codec wants it as a telegram.
            kind = TELEGRAM if frame[0] == 0x68 and not fault and kind_of(frame) == TELEGRAM else FRAME
            yield Piece(where(offset - shared), kind, frame[shared:], fault=fault)
            flag = frame[0] == frame[-1] == 0x7E and len(frame) > 1
            buffer, offset = buffer[len(frame) - shared:], offset + len(frame) - shared


def _cut(frame: bytes, size: int) -> str:
    if frame[0] == 0x2F:
        return f"P1 telegram {CUT} after {len(frame)} bytes"
    return f"frame {CUT}: {len(frame)} of {size} bytes"


def _and_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b""


__all__ = ["AIR", "AIR_S", "FRAME", "MESSAGE", "TELEGRAM", "UNKNOWN", "Piece", "pieces"]
