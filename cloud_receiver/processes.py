"""A receiver as several processes of one machine, started before there is a thread or an event loop.

    the writer      has the store's one writing connection and commits (stores/remote.py)
    ingest          one or more: gateways' connections, signatures, records; the kernel shares connections out
    the decoder     decodes behind them
    the first one   pages, API, and the others' parent

None is restarted alone: where one ends by itself the receiver ends, and what supervises it starts it anew. The
directory's lock is held by all, so a new receiver starts only when the last of a killed one has gone.
"""

import asyncio
import logging
import os
import signal
import socket
from collections import namedtuple

from .data.clock import Clock
from .decoding.decoder import Decoder
from .edge.counts import Counts
from .edge.devices import Devices
from .office.directory import Directory, SettingsError, unlock
from .office.office import Office
from .stores import open_store, remote, writer_groups

log = logging.getLogger("netti.receiver")

# Niceness: while cores are short, all wait for the one that commits, and batches do not wait for their decoding.
INGEST, DECODER = 5, 15
KEYS_S = 1.0  # how soon a decision made in another process is seen
_GO, _END = b"g", b"e"

# What the first process has of the others. lock: of the directory; writer: a RemoteWriter; port: gateways'; children:
# {pid: its control socket, None for the writer}; counts: what ingest counts.
Workers = namedtuple("Workers", ("lock", "writer", "port", "children", "counts"))


def start(directory: Directory, clock: Clock, port: int, ingest: int, host: "str | None" = None) -> Workers:
    """Start the other processes, `ingest` of them to take batches; returns what the first one needs. Raises
    SettingsError or StoreError."""
    settings = directory.load()
    lock = directory.lock()
    writer, ends = remote.fork(writer_groups(settings.store_url(directory)), ingest + 2)
    children: "dict[int, socket.socket | None]" = {writer: None}
    try:
        remote.wait_ready(ends[0])
        socks = bind_shared(host, port, ingest)  # not before: the writer is to hold none of them
    except BaseException:
        for end in ends:
            end.close()
        _wait(writer)
        unlock(lock)
        raise
    settings.port, counts = socks[0].getsockname()[1], Counts()
    for n in range(ingest + 1):
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ours.close()
                for other in [c for c in children.values() if c] + ends[:n + 1] + ends[n + 2:]:
                    other.close()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first process says when
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                sock = socks[n] if n < ingest else None
                for other in socks:
                    if other is not sock:
                        other.close()
                os.nice(DECODER if sock is None else INGEST)
                asyncio.run(_child(directory, settings, clock, ends[n + 1], theirs, sock, counts))
                status = 0
            except BaseException:  # noqa: BLE001 - nothing of it must get into the parent's code
                log.exception("a process of the receiver failed")
            finally:
                os._exit(status)
        theirs.close()
        children[child] = ours
    for sock in [*socks, *ends[1:]]:
        sock.close()
    return Workers(lock, remote.RemoteWriter(ends[0]), settings.port, children, counts)


async def _child(directory, settings, clock, writer_end, control, sock, counts):
    writer = remote.RemoteWriter(writer_end)
    store = open_store(settings.store_url(directory), writer)
    loop = asyncio.get_running_loop()
    control.setblocking(False)
    if await loop.sock_recv(control, 1) != _GO:
        os._exit(1)
    ending = asyncio.ensure_future(loop.sock_recv(control, 1))
    lost = asyncio.ensure_future(writer.lost.wait())
    if sock is None:
        decoding = asyncio.ensure_future(Decoder(store, directory).run())
        await asyncio.wait((ending, lost, decoding), return_when=asyncio.FIRST_COMPLETED)
        decoding.cancel()
        await asyncio.gather(decoding, return_exceptions=True)
    else:
        devices = Devices(Office(directory, settings, signs=True), clock, store, counts)
        await devices.listen(sock)
        while not (ending.done() or lost.done()):
            await asyncio.wait((ending, lost), timeout=KEYS_S, return_when=asyncio.FIRST_COMPLETED)
            await devices.reload_if_changed()
        if ending.done() and ending.result() == _END:  # else the first process was killed
            await devices.drain()
    if not (ending.done() and ending.result() == _END):
        os._exit(1)
    store.close()


def start_serving(workers: Workers) -> None:
    """Have ingest answer and the decoder decode: the store knows every gateway now."""
    for control in workers.children.values():
        if control is not None:
            control.send(_GO)


async def any_exited(workers: Workers) -> None:
    """Until one of the other processes has ended by itself."""
    loop = asyncio.get_running_loop()
    waits = [asyncio.ensure_future(workers.writer.lost.wait())]
    for control in workers.children.values():
        if control is not None:
            control.setblocking(False)
            waits.append(asyncio.ensure_future(loop.sock_recv(control, 1)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def stop(workers: Workers) -> None:
    """Have ingest answer what is in progress, the decoder finish, and then the writer commit and close."""
    ends = [(pid, control) for pid, control in workers.children.items() if control is not None]
    for _, control in ends:
        try:
            control.setblocking(True)
            control.send(_END)
        except OSError:
            pass
    for pid, control in ends:
        _wait(pid)
        control.close()
    workers.writer.hang_up()
    for pid, control in workers.children.items():
        if control is None:
            _wait(pid)


def _wait(pid):
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def bind_shared(host: "str | None", port: int, count: int) -> "list[socket.socket]":
    """Listening sockets of one port, each for a process of its own; raises SettingsError where the port is taken."""
    socks: "list[socket.socket]" = []
    for n in range(count):
        if n == 0:
            bind(host, port).close()  # alone: another program's port is not to be shared
        socks.append(bind(host, port, shared=True))
        port = socks[0].getsockname()[1]
    return socks


def bind(host: "str | None", port: int, shared: bool = False) -> socket.socket:
    """A listening socket; raises SettingsError where the port is taken. No host: all addresses, IPv6 and IPv4."""
    try:
        if host is None:
            if socket.has_dualstack_ipv6():
                try:
                    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True,
                                                reuse_port=shared)
                except OSError as e:
                    if "ddress already in use" in str(e):
                        raise
            return socket.create_server(("0.0.0.0", port), reuse_port=shared)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, reuse_port=shared)
    except OSError as e:
        raise SettingsError(f"cannot listen on port {port}: {e.strerror or e}") from None


