"""A TCP proxy between the gateways and the receiver, to end the receiver at a moment when a batch is in flight.

It sees TLS records, not what is in them: that a request is under way shows in the bytes of application data that went
up since anything last came down. Once armed and once such a request is up, it passes nothing more down on that
connection, has the receiver killed, and hangs up: whatever became of the batch, its gateway cannot have had an answer.
"""

import asyncio
from collections import namedtuple
from collections.abc import Awaitable, Callable

REQUEST_BYTES = 900  # more than the opening of a request without records
ANSWER_WAIT_S = 3.0
_HANDSHAKE, _APPLICATION = 22, 23

# up: bytes of application data of the unanswered request; withheld: bytes of an answer that was not passed on.
Cut = namedtuple("Cut", ("up", "withheld"))


class _Records:
    """Counts the application data in a stream of TLS records."""

    def __init__(self):
        self._head, self._left, self._kind = b"", 0, 0

    def feed(self, data: bytes) -> int:
        """Bytes of application data in the next bytes of the stream."""
        found = 0
        while data:
            if self._left:
                part = min(self._left, len(data))
                self._left -= part
                data = data[part:]
                found += part if self._kind == _APPLICATION else 0
            else:
                take = 5 - len(self._head)
                self._head, data = self._head + data[:take], data[take:]
                if len(self._head) == 5:
                    self._kind, self._left = self._head[0], int.from_bytes(self._head[3:], "big")
                    self._head = b""
        return found


class Proxy:
    """Forwards connections to the receiver's port; `arm` prepares the next cut."""

    def __init__(self, target: int):
        self._target = target
        self._server: "asyncio.Server | None" = None
        self._kill: "Callable[[], Awaitable[None]] | None" = None
        self._wait_for_answer = False
        self._done: "asyncio.Future[Cut] | None" = None
        self._writers: "set[asyncio.StreamWriter]" = set()
        self._tasks: "set[asyncio.Task]" = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of the loopback network."""
        self._server = await asyncio.start_server(self._connection, "localhost", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        for extra in self._server.sockets[1:]:
            if extra.getsockname()[1] != self.port:
                extra.close()

    def arm(self, kill: "Callable[[], Awaitable[None]]", wait_for_answer: bool) -> "asyncio.Future[Cut]":
        """Call `kill` when the next batch is in flight: as soon as its request is up, or, with `wait_for_answer`, when
        the receiver begins to answer. The future gets the Cut."""
        self._kill, self._wait_for_answer = kill, wait_for_answer
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def close(self) -> None:
        """Hang up and stop listening."""
        if self._server:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("localhost", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, up_writer}
        line = _Line(self, reader, writer, up_reader, up_writer)
        try:
            await line.run()
        finally:
            for end in (writer, up_writer):
                self._writers.discard(end)
                end.close()

    def begin(self, work) -> asyncio.Task:
        """Run a coroutine to its end, whatever becomes of the connection that began it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def take(self):
        """What the armed cut is to do, once: (kill, whether to wait for the answer, the future), or None."""
        if self._kill is None:
            return None
        taken, self._kill = (self._kill, self._wait_for_answer, self._done), None
        return taken


class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer, up_reader, up_writer):
        self._proxy = proxy
        self._reader, self._writer, self._up_reader, self._up_writer = reader, writer, up_reader, up_writer
        self._up = 0  # application data since the receiver last sent any
        self._withhold = False
        self._withheld = 0
        self._answer = asyncio.Event()

    async def run(self):
        """Forward both ways until one end hangs up."""
        tasks = [asyncio.create_task(self._upward()), asyncio.create_task(self._downward())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _upward(self):
        records = _Records()
        while data := await self._reader.read(65536):
            self._up_writer.write(data)
            await self._up_writer.drain()
            self._up += records.feed(data)
            if self._up >= REQUEST_BYTES:
                cut = self._proxy.take()
                if cut:
                    # A task of its own: this one ends with the connection, which the kill resets.
                    self._withhold = True
                    await asyncio.shield(self._proxy.begin(self._cut(*cut)))
                    return

    async def _cut(self, kill, wait_for_answer, done):
        if wait_for_answer:
            try:
                await asyncio.wait_for(self._answer.wait(), ANSWER_WAIT_S)
            except asyncio.TimeoutError:
                pass
        up = self._up
        await kill()
        if not done.done():
            done.set_result(Cut(up, self._withheld))

    async def _downward(self):
        records = _Records()
        while data := await self._up_reader.read(65536):
            found = records.feed(data)
            if self._withhold:
                self._withheld += found
                if found:
                    self._answer.set()
                continue
            self._writer.write(data)
            await self._writer.drain()
            if found:
                self._up = 0
