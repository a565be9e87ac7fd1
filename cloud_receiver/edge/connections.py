"""The connections of one port: what each may take before it has said anything of worth, and who goes when there are
too many.

A connection has a deadline at every step: the TLS handshake, the whole head of a request, the whole body, the pause
until the next request, and the taking of an answer. One sender (prefixes.prefix) has a bounded number of them and so
has the port; where a bound is met, the connection goes that has deserved least: first one that has proved nothing
(longest open first), then one that has but does nothing; one that works on a proven sender's request stays, and the
newcomer goes instead. A connection has proved something once a request on it carried a valid signature, or a session.

Bounds are those of one process; the kernel shares connections out among the ingest processes. To see what a bound is
good for, replace `Connections.room` (always True) or `Connections.look` (does nothing).
"""

import asyncio
import collections
import errno
import logging
import resource
import socket
import ssl
import time

from aiohttp import web

from ..data.prefixes import prefix

log = logging.getLogger("netti.receiver")

HANDSHAKE_S = 15.0  # a small chip on a bad Wi-Fi takes 3 to 5
HEAD_S = 15.0  # of a request, 8 KiB at most, from its first byte, or from the handshake
BODY_S = 65.0  # 32 KiB; ingest says 408 before
IDLE_S = 60.0  # until the next request; a gateway's batches of one session follow within seconds
WORK_S = 120.0  # until there is an answer
ANSWER_S = 900.0  # until an answer was taken: a release's file over a slow line
LOOK_S = 1.0  # how late it may be noticed
MOST = 4096  # of a port
MOST_OF_A_SENDER = 256  # a carrier's /24 with a thousand gateways has some ten at once
SPARE_FILES = 128  # files a process has beside its connections
PAUSE_S = 0.2  # after the system had no file left for a connection

# How much a connection has deserved, the least first.
NOTHING, CLAIMS, PROVEN, WORKING = range(4)  # said nothing whole; a request in progress; paused; both


class Connection(asyncio.Protocol):
    """One connection, between its transport and aiohttp's protocol; it is told of nothing else."""

    __slots__ = ("owner", "sock", "prefix", "inner", "transport", "state", "until", "since", "proven", "request",
                 "worth")

    def __init__(self, owner: "Connections", sock: socket.socket, sender: str, inner):
        self.owner, self.sock, self.prefix, self.inner = owner, sock, sender, inner
        self.transport: "asyncio.Transport | None" = None
        self.request: "web.BaseRequest | None" = None
        self.proven, self.worth = False, NOTHING
        self.to("handshake", HANDSHAKE_S)

    def to(self, state: str, seconds: float) -> None:
        """Begin a step of at most so many seconds: handshake, head, body, work, answer or idle."""
        self.state, self.since = state, time.monotonic()
        self.until = self.since + seconds

    def connection_made(self, transport) -> None:
        """After the handshake."""
        self.transport = transport
        self.owner.by_transport[transport] = self
        self.to("head", HEAD_S)
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self.state == "idle" or self.state == "answer":
            self.to("head", HEAD_S)
            self.owner.judge(self)
        self.inner.data_received(data)

    def eof_received(self):
        """The other side has said all."""
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        """An answer waits to be taken."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Some of it was."""
        if self.state in ("work", "answer", "idle"):  # a long answer, which moves
            if self.state == "idle":
                self.state = "answer"
            self.until = max(self.until, time.monotonic() + IDLE_S)
        self.inner.resume_writing()

    def connection_lost(self, error) -> None:
        """It is over."""
        self.owner.forget(self)
        self.inner.connection_lost(error)

    def drop(self) -> None:
        """Close it at once, at whatever step it is."""
        self.owner.forget(self)
        if self.transport is not None:
            self.transport.abort()
        else:  # within its handshake, which ends with the socket
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


OF_REQUEST = web.RequestKey("connection", Connection)  # where `watch` leaves a request's Connection


class _Ranked:
    """Connections by what they have deserved, each kind with the longest in it first."""

    def __init__(self):
        self._kinds: "list[collections.OrderedDict[Connection, None]]" = [
            collections.OrderedDict() for _ in range(WORKING + 1)]

    def __len__(self):
        return sum(map(len, self._kinds))

    def __iter__(self):
        return (c for kind in self._kinds for c in kind)

    def put(self, connection):
        self._kinds[connection.worth][connection] = None

    def take(self, connection):
        self._kinds[connection.worth].pop(connection, None)

    def least(self):
        """The one to go for a newcomer; None where all work for proven senders."""
        return next((next(iter(kind)) for kind in self._kinds[:WORKING] if kind), None)


class Connections:
    """The connections of a port in one process, used by one event loop."""

    def __init__(self, by_sender: bool = True, most: int = MOST, of_a_sender: int = MOST_OF_A_SENDER):
        """`by_sender`: whether addresses are those of senders; behind a proxy they are the proxy's."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = max(16, min(most, files - SPARE_FILES)) if files != resource.RLIM_INFINITY else most
        self.of_a_sender = of_a_sender if by_sender else self.most
        self.by_transport: "dict[asyncio.BaseTransport, Connection]" = {}
        self.dropped: "collections.Counter[str]" = collections.Counter()  # by what they were at
        self._all = _Ranked()
        self._senders: "dict[str, _Ranked]" = {}
        self._timer: "asyncio.TimerHandle | None" = None

    def __len__(self) -> int:
        return len(self._all)

    def of_sender(self, address: str) -> int:
        """How many a sender has."""
        return len(self._senders.get(prefix(address), ()))

    def room(self, sender: str) -> bool:
        """Make room for one more of a sender; False where there is none to be had."""
        own = self._senders.get(sender)
        for group, most in ((own, self.of_a_sender), (self._all, self.most)):
            if group is not None and len(group) >= most:
                least = group.least()
                if least is None:
                    self.dropped["refused"] += 1
                    return False
                self.dropped["displaced"] += 1
                least.drop()
        return True

    def add(self, sock: socket.socket, address: str, protocol) -> "Connection | None":
        """Take in a connection just accepted; None where there is no room."""
        sender = prefix(address)
        if not self.room(sender):
            return None
        connection = Connection(self, sock, sender, protocol())
        self._all.put(connection)
        self._senders.setdefault(sender, _Ranked()).put(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look_again)
        return connection

    def forget(self, connection: Connection) -> None:
        """It is closed, or about to be."""
        self._all.take(connection)
        group = self._senders.get(connection.prefix)
        if group is not None:
            group.take(connection)
            if not len(group):
                del self._senders[connection.prefix]
        if connection.transport is not None:
            self.by_transport.pop(connection.transport, None)

    def judge(self, connection: Connection) -> None:
        """Put a connection where it now belongs."""
        works = connection.state in ("body", "work", "answer")
        worth = (WORKING if works else PROVEN) if connection.proven else CLAIMS if works else NOTHING
        group = self._senders.get(connection.prefix)
        if worth == connection.worth or group is None or connection.transport not in self.by_transport:
            return  # as it was, or dropped
        self._all.take(connection)
        group.take(connection)
        connection.worth = worth
        self._all.put(connection)
        group.put(connection)

    def look(self) -> None:
        """Drop those whose time is over."""
        now = time.monotonic()
        for connection in [c for c in self._all if c.until <= now]:
            self._overdue(connection, now)

    def _overdue(self, connection, now):
        if connection.state == "body" and connection.request is not None and connection.request.content.is_eof():
            connection.to("work", WORK_S)  # all of it is there
        elif connection.state == "answer" and now - connection.since < ANSWER_S:
            if connection.transport.get_write_buffer_size():
                connection.until = now + IDLE_S
            else:
                connection.state = "idle"
                connection.until = connection.since + IDLE_S
                self.judge(connection)
                if connection.until <= now:
                    self._end(connection)
        else:
            self._end(connection)

    def _end(self, connection):
        self.dropped[connection.state] += 1
        connection.drop()

    def _look_again(self):
        self.look()
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look_again) if len(self._all) else None

    @web.middleware
    async def watch(self, request: web.Request, handler):
        """Knows a request's connection, and that its whole head has come; the first of an application's middlewares."""
        connection = self.by_transport.get(request.transport)  # type: ignore[arg-type]
        if connection is None:
            return await handler(request)
        request[OF_REQUEST] = connection
        connection.request = request
        if request.content.is_eof():
            connection.to("work", WORK_S)
        else:
            connection.to("body", BODY_S)
        self.judge(connection)
        try:
            return await handler(request)
        finally:
            connection.request = None
            connection.to("answer", LOOK_S)
            self.judge(connection)


def proved(request: web.Request) -> None:
    """Who sends on this request's connection has shown to be who they say."""
    connection = request.get(OF_REQUEST)
    if connection is not None and not connection.proven:
        connection.proven = True
        connection.owner.judge(connection)


def has_proved(request: web.Request) -> bool:
    """Whether they have, on this connection."""
    connection = request.get(OF_REQUEST)
    return connection is not None and connection.proven


class Site(web.BaseSite):
    """A listening socket whose connections are bounded, as a site of an aiohttp runner."""

    __slots__ = ("_sock", "_connections", "_tasks", "_reading")

    def __init__(self, runner: web.AppRunner, sock: socket.socket, connections: Connections,
                 context: "ssl.SSLContext | None", backlog: int):
        super().__init__(runner, ssl_context=context, backlog=backlog)
        self._sock, self._connections = sock, connections
        self._tasks: "set[asyncio.Task]" = set()
        self._reading = False

    @property
    def name(self) -> str:
        """Where it listens."""
        host, port = self._sock.getsockname()[:2]
        return f"{'https' if self._ssl_context else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        self._sock.setblocking(False)
        self._sock.listen(self._backlog)
        self._reading = True
        self._accept_when_there()

    def _accept_when_there(self):
        if self._reading:
            asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _accept(self):
        loop = asyncio.get_running_loop()
        for _ in range(self._backlog):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as e:
                if e.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.error("no connection can be accepted: %s", e.strerror)
                loop.remove_reader(self._sock)
                loop.call_later(PAUSE_S, self._accept_when_there)
                return
            connection = self._connections.add(sock, address[0], self._runner.server)
            if connection is None:
                sock.close()
                continue
            sock.setblocking(False)
            task = loop.create_task(self._connect(loop, sock, connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, loop, sock, connection):
        tls = {} if self._ssl_context is None else {"ssl": self._ssl_context, "ssl_handshake_timeout": HANDSHAKE_S}
        try:
            await loop.connect_accepted_socket(lambda: connection, sock, **tls)
        except (OSError, ssl.SSLError):  # it went away, or speaks something else (TimeoutError is an OSError)
            self._connections.forget(connection)
            sock.close()
        except BaseException:
            self._connections.forget(connection)
            raise

    async def stop(self) -> None:
        """Accept no more."""
        if self._reading:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self._sock)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._sock.close()
        await super().stop()
