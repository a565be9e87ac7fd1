"""Fetches files from the works' receiver in constant memory, for updates.

Over a connection of its own, while the uplink has none: a device has memory for one TLS connection. After HOLD_MS it
lets the uplink in between. Only the receiver the gateway is enrolled at is asked, whatever a URL says.
"""

from .. import config
from ..config import ConfigError
from ..wire.release import ReleaseError
from . import http
from .connection import connect

TIMEOUT_S = 60  # real seconds for one file
HOLD_MS = 60000
PIECE = 1024


class _Room:
    """A file in memory, in one piece from the start: its pieces beside the whole would take twice as much, which a heap
    with a TLS connection in it may not have."""

    data = bytearray()
    at = 0

    def begin(self, size):
        self.data = bytearray(size)

    def write(self, piece):
        self.data[self.at:self.at + len(piece)] = piece
        self.at += len(piece)


class Source:
    """Where files come from. `line` is the lock of whoever may have a connection, `works()` the enrolment file."""

    def __init__(self, hal, works, clock, line):
        self._hal = hal
        self._works = works
        self._clock = clock
        self._line = line
        self._connection = None
        self._path = ""
        self._since = 0
        self._held = False

    def below(self, url):
        """An async context in which files below `url` can be had. Raises ReleaseError for another server's."""
        works = self._works()
        rest = url[8:] if url.startswith("https://") else ""
        slash = rest.find("/")
        try:
            where = config.split_url(url[:8 + slash] if slash >= 0 else url)
        except ConfigError:
            where = None
        if where != (works["host"], works["port"]) or slash < 0 or " " in rest or "\r" in rest or "\n" in rest:
            raise ReleaseError("not a URL at the works' receiver")
        self._path = rest[slash:].rstrip("/") + "/"
        return self

    async def __aenter__(self):
        await self._hold()
        return self

    async def __aexit__(self, _kind, _error, _trace):
        await self._let_go()

    async def whole(self, name, most):
        """The bytes of a file of at most some bytes, as a bytearray."""
        room = _Room()
        await self._get(name, None, most, room.write, room.begin)
        return room.data

    async def stream(self, name, size, take):
        """Give a file of exactly `size` bytes to `take` in pieces."""
        if self._hal.real_ms() - self._since > HOLD_MS:
            await self._let_go()
            await self._hal.sleep(1)
            await self._hold()
        await self._get(name, size, size, take)

    async def _hold(self):
        await self._line.acquire()
        self._held = True
        self._since = self._hal.real_ms()

    async def _let_go(self):
        await self._hang_up()
        if self._held:
            self._held = False
            self._line.release()

    async def _get(self, name, size, most, take, begin=None):
        await self._hal.within(TIMEOUT_S, self._exchange(name, size, most, take, begin))

    async def _exchange(self, name, size, most, take, begin):
        works = self._works()
        reader, writer = await self._connected(works)
        writer.write(http.request_head("GET", works["host"], works["port"], self._path + name))
        await writer.drain()
        status, headers, goes_on = await http.read_start(reader)
        length = headers.get("content-length", "")
        if status != 200 or not length.isdigit() or len(length) > 9:
            raise http.HttpError("HTTP %d" % status if status != 200 else "no length")
        left = int(length)
        if left > most or (size is not None and left != size):
            raise http.HttpError("%d bytes are not what it should be" % left)
        if begin is not None:
            begin(left)
        while left:
            piece = await reader.read(min(PIECE, left))
            if not piece:
                raise http.HttpError("connection ended")
            left -= len(piece)
            take(piece)
        if not goes_on:
            await self._hang_up()

    async def _connected(self, works):
        if self._connection is None:
            self._connection = await connect(self._hal, works, self._clock, 0)
        return self._connection

    async def _hang_up(self):
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._hal.close(connection[1])
