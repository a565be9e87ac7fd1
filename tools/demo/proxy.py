"""A TCP proxy between the gateways and the receiver, to end the receiver at a moment when a batch is in flight.

It sees TLS records, not what is in them: that a request is under way shows in the bytes of application data that went
up since an answer last came down. Once armed and once such a request is up, it passes no answer down on that
connection, has the receiver killed, and hangs up: whatever became of the batch, its gateway had no answer.
"""

import asyncio
from collections import namedtuple
from collections.abc import Awaitable, Callable

REQUEST_BYTES = 900  # more than the opening of a request without records
ANSWER_WAIT_S = 10.0
_APPLICATION = 23
# TLS 1.3 hides its handshake in such records: the client's Finished comes first, then two tickets from the server.
_TLS13_UP, _TLS13_TICKETS = 1, 2

# up: bytes of application data of the unanswered request; withheld: bytes of an answer that was not passed on.
Cut = namedtuple("Cut", ("up", "withheld"))


class _Records:
    """Finds the records of application data in a stream of TLS."""

    def __init__(self):
        self._head, self._left, self._kind, self._size = b"", 0, 0, 0

    def feed(self, data: bytes) -> "list[int]":
        """The sizes of the records of application data that end in the next bytes of the stream."""
        records = []
        while data:
            if self._left:
                part = min(self._left, len(data))
                self._left -= part
                data = data[part:]
                if not self._left and self._kind == _APPLICATION:
                    records.append(self._size)
            else:
                take = 5 - len(self._head)
                self._head, data = self._head + data[:take], data[take:]
                if len(self._head) == 5:
                    self._kind, self._size = self._head[0], int.from_bytes(self._head[3:], "big")
                    self._left, self._head = self._size, b""
        return records


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
        """Call `kill` when the next batch is in flight: while its request goes up, or, with `wait_for_answer`, when the
        receiver begins to answer. The future gets the Cut."""
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
        armed, self._kill = (self._kill, self._wait_for_answer, self._done), None
        return armed


class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer, up_reader, up_writer):
        self._proxy = proxy
        self._reader, self._writer, self._up_reader, self._up_writer = reader, writer, up_reader, up_writer
        self._up = 0  # bytes of the request that has no answer yet
        self._skip_up = self._skip_down = 0  # records of the handshake still to come
        self._talked = False  # whether the client has sent application data
        self._withhold = False
        self._withheld = 0
        self._answer, self._over = asyncio.Event(), asyncio.Event()

    async def run(self):
        """Forward both ways until one end hangs up, or the cut is done."""
        tasks = [asyncio.create_task(work) for work in (self._upward(), self._downward(), self._over.wait())]
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
            for size in records.feed(data):
                self._talked = True
                if self._skip_up:
                    self._skip_up -= 1
                else:
                    self._up += size
            if self._up >= REQUEST_BYTES:
                cut = self._proxy.take()
                if cut:
                    # A task of its own: this one goes on with what is left of the request, and ends with the
                    # connection, which the kill resets.
                    self._withhold = True
                    self._proxy.begin(self._cut(*cut))

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
        self._over.set()

    async def _downward(self):
        records = _Records()
        while data := await self._up_reader.read(65536):
            for size in records.feed(data):
                if not self._talked:
                    self._skip_up, self._skip_down = _TLS13_UP, _TLS13_TICKETS
                elif self._skip_down:
                    self._skip_down -= 1
                elif self._withhold:
                    self._withheld += size
                    self._answer.set()
                else:
                    self._up = 0
            if not self._withheld:
                self._writer.write(data)
                await self._writer.drain()
