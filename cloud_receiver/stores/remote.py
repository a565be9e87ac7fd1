"""A store's writer in a process of its own, and what the other processes hold of it.

So nothing that computes elsewhere (signatures, decoding, a long page) takes the interpreter's lock from the one that
commits. Each other process has one end of a socket pair made before the fork, so there is nobody to be kept out. A
frame is its length (4 bytes) and a pickle: jobs as [(number, function, args)], answers as (waiting, [(number,
result)]).
"""

import asyncio
import os
import pickle
import selectors
import socket
import struct

from . import Busy, StoreError
from .writer import MAX_WAITING, Groups, resolve

_LENGTH = struct.Struct(">I")
_READY = b"ready"
PIECE = 1 << 16


class _Frames:
    """Takes frames apart that come in any pieces."""

    def __init__(self):
        self._data = bytearray()

    def feed(self, data):
        """The objects that are complete with this piece."""
        self._data += data
        objects, at = [], 0
        while len(self._data) - at >= 4:
            size = _LENGTH.unpack_from(self._data, at)[0]
            if len(self._data) - at - 4 < size:
                break
            objects.append(pickle.loads(memoryview(self._data)[at + 4:at + 4 + size]))
            at += 4 + size
        if at:
            self._data = self._data[at:]
        return objects


def _frame(value):
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


class RemoteWriter:
    """The writer as seen from another process; used by one event loop."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self._frames = _Frames()
        self._futures: "dict[int, asyncio.Future]" = {}
        self._number = 0
        self._outgoing: list = []
        self._unsent = b""
        self._loop: "asyncio.AbstractEventLoop | None" = None
        self._depth = 0
        self.lost = asyncio.Event()  # set when the writer is gone

    def submit(self, job, *args) -> "asyncio.Future":
        """Queue a job; its future ends after the commit. Raises Busy when too many wait."""
        if len(self._futures) >= MAX_WAITING:
            raise Busy
        if self.lost.is_set():
            raise StoreError("the store's writer has ended")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._sock.setblocking(False)
            self._loop.add_reader(self._sock, self._readable)
        self._number += 1
        future = self._futures[self._number] = self._loop.create_future()
        self._outgoing.append((self._number, job, args))
        if len(self._outgoing) == 1:  # all that is submitted before the loop comes round goes at once
            self._loop.call_soon(self._flush)
        return future

    @property
    def waiting(self) -> int:
        """Jobs not yet begun, as of the writer's last answer."""
        return self._depth

    def hang_up(self) -> None:
        """Let the writer know, from any thread, that nothing more will be asked."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        """Nothing more will be asked."""
        number = self._sock.fileno()
        if number >= 0 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(number)
        self._sock.close()

    def _flush(self) -> None:
        if self._outgoing:
            self._unsent += _frame(self._outgoing)
            self._outgoing = []
        self._send()

    def _send(self) -> None:
        assert self._loop is not None
        waited = bool(self._unsent)
        try:
            while self._unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent):]
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._send)
            return
        except OSError:
            self._gone()
            return
        if waited:
            self._loop.remove_writer(self._sock)

    def _readable(self):
        try:
            data = self._sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        for depth, answers in self._frames.feed(data):
            self._depth = depth
            resolve([(self._futures.pop(number), result) for number, result in answers])

    def _gone(self) -> None:
        assert self._loop is not None
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self.lost.set()
        futures, self._futures = self._futures, {}
        resolve([(future, StoreError("the store's writer has ended")) for future in futures.values()])


def wait_ready(sock: socket.socket) -> None:
    """Until the writer has its store open; raises StoreError with what it says instead."""
    sock.setblocking(True)
    head = sock.recv(4, socket.MSG_WAITALL)
    said = sock.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL) if len(head) == 4 else b"the store's writer has ended"
    if said != _READY:
        raise StoreError(said.decode())


def run(groups: Groups, socks: "list[socket.socket]") -> None:
    """Be the writer until all others have gone; the first socket is told whether the store is open."""
    try:
        connection = groups._connect()
    except Exception as e:  # noqa: BLE001 - told to whoever started this process
        said = str(e).encode()
        socks[0].sendall(_LENGTH.pack(len(said)) + said)
        return
    socks[0].sendall(_LENGTH.pack(len(_READY)) + _READY)
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            sock.settimeout(30)  # one that does not take its answers is not waited for
            selector.register(sock, selectors.EVENT_READ, _Frames())
        groups.more = lambda seconds: _take_in(selector, groups, seconds) or bool(groups._jobs)  # type: ignore
        while selector.get_map() or groups.waiting:
            _take_in(selector, groups, 0 if groups.waiting else None)
            if groups.waiting:
                _tell(selector, groups._group(connection), groups.waiting)
    groups._leave(connection)


def _take_in(selector, groups, seconds):
    """Queue what has come, or comes within some seconds (None: until something does)."""
    if not selector.get_map():
        return
    for key, _ in selector.select(seconds):
        sock = key.fileobj
        try:
            data = sock.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            selector.unregister(sock)
            sock.close()
            continue
        for jobs in key.data.feed(data):
            for number, job, args in jobs:
                groups._add((sock, number), job, args)


def _tell(selector, done, waiting):
    by_sock: dict = {}
    for (sock, number), result in done:
        by_sock.setdefault(sock, []).append((number, result))
    for sock, answers in by_sock.items():
        if sock.fileno() < 0:  # its process has gone: what it asked for is done, nobody is told
            continue
        try:
            sock.sendall(_answer(waiting, answers))
        except OSError:
            selector.unregister(sock)
            sock.close()


def _answer(waiting, answers):
    try:
        return _frame((waiting, answers))
    except Exception:  # noqa: BLE001 - an exception that cannot be sent, by its name
        return _frame((waiting, [(number, _sendable(result)) for number, result in answers]))


def _sendable(result):
    try:
        pickle.dumps(result)
        return result
    except Exception:  # noqa: BLE001 - whatever its own methods raise
        return RuntimeError(repr(result))


def fork(groups: Groups, count: int) -> "tuple[int, list[socket.socket]]":
    """Start the writer's process before there are threads; returns its process id and the ends for `count` others."""
    pairs = [socket.socketpair() for _ in range(count)]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for ours, _ in pairs:
                ours.close()
            run(groups, [theirs for _, theirs in pairs])
            status = 0
        finally:
            os._exit(status)
    for _, theirs in pairs:
        theirs.close()
    return child, [ours for ours, _ in pairs]
