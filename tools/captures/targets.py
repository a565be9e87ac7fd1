"""Where a replay goes as bytes: a TCP connection, one that is waited for, a pseudo-terminal, standard output.

Each has `write(data)`, `close()` once all was read, and a `name` to print; all are used as context managers. Where one
waits for its reader, a wish to stop ends that: at once while it waits for one to come, after STOPPING_S while it waits
for one to read, so that no frame is cut that a reader would take.
"""

import fcntl
import os
import pty
import select
import socket
import struct
import sys
import termios
import time
import tty
from typing import Callable

from ..errors import CommandError
from ..stopping import Stop, Stopped

TIMEOUT_S = 10.0
SETTLE_S = 0.5  # a program that opens a serial port sets it up, and throws away what has come so far
DRAIN_S = 10.0  # how long a reader may take for the rest
STOPPING_S = 1.0  # the same where the replay is to stop
TURN_S = 0.2
PIECE = 1024  # bytes written at once: what is ready for a write takes so much


def open_target(url: str, say: Callable[[str], None], stop: Stop):
    """The target a URL names, connected: tcp://HOST:PORT, tcp-listen://[HOST:]PORT, pty[:LINK], or -.

    `say` prints a line: where to connect, what is waited for. CommandError when it can't be had, Stopped when that is
    asked for before somebody reads.
    """
    if url == "-":
        return Output(stop)
    if url == "pty" or url.startswith("pty:"):
        return Pty(url[4:], say, stop)
    if url.startswith("tcp://"):
        return Connection(*_address(url, url[6:]), stop)
    if url.startswith("tcp-listen://"):
        return Listener(*_address(url, url[13:], "127.0.0.1"), say, stop)
    raise CommandError(f"--to {url}: not tcp://HOST:PORT, tcp-listen://[HOST:]PORT, pty[:LINK], https://HOST:PORT or -")


def _address(url: str, text: str, default: str = "") -> "tuple[str, int]":
    host, _, port = text.rstrip("/").rpartition(":")
    host = host.strip("[]") or default
    if not host or not port.isdigit() or int(port) > 65535:
        raise CommandError(f"--to {url}: give HOST:PORT")
    return host, int(port)


class Target:
    """What all targets share."""

    name = ""
    descriptor = -1

    def __init__(self, stop: Stop):
        self.stop = stop

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Hand over bytes; waits while the reader does not keep up. Raises OSError when it has gone, Stopped when
        it does not read and the replay is to stop."""
        patience = self.patience()
        while data:
            self.check()
            if select.select([], [self.descriptor], [], TURN_S)[1]:
                try:
                    data = data[os.write(self.descriptor, data[:PIECE]):]
                    patience = self.patience()
                except BlockingIOError:
                    pass
            elif time.monotonic() > patience():
                raise Stopped

    def check(self) -> None:
        """Raises OSError when the reader has gone and a write would not tell."""

    def patience(self) -> "Callable[[], float]":
        """When to give up waiting, as it is asked for: STOPPING_S from now if the replay is to stop, else never."""
        end = time.monotonic() + STOPPING_S
        return lambda: end if self.stop.asked else float("inf")

    def close(self) -> None:
        """End the replay; what was written can still be read."""


class Output(Target):
    """Standard output, for a pipe."""

    name = "standard output"

    def __init__(self, stop: Stop):
        super().__init__(stop)
        self.descriptor = sys.stdout.fileno()


class Connection(Target):
    """A connection to a port somebody listens at."""

    def __init__(self, host: str, port: int, stop: Stop):
        super().__init__(stop)
        self.name = f"{host}:{port}"
        try:
            with stop.waiting():
                self._use(socket.create_connection((host, port), TIMEOUT_S))
        except OSError as e:
            raise CommandError(f"tcp://{self.name}: {e.strerror or e}") from None

    def _use(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.setblocking(False)
        self.descriptor = connection.fileno()

    def close(self) -> None:
        try:
            # A close with unread input on our side would throw away what the reader has not read yet.
            self.socket.shutdown(socket.SHUT_WR)
            end = time.monotonic() + DRAIN_S
            patience = self.patience()
            while time.monotonic() < min(end, patience()):
                if select.select([self.socket], [], [], TURN_S)[0] and not self.socket.recv(4096):
                    break
        except OSError:
            pass
        self.socket.close()


class Listener(Connection):
    """A port of our own; the first that connects gets the replay."""

    def __init__(self, host: str, port: int, say: Callable[[str], None], stop: Stop):
        Target.__init__(self, stop)
        try:
            server = socket.create_server((host, port))
        except OSError as e:
            raise CommandError(f"tcp-listen://{host}:{port}: {e.strerror or e}") from None
        self.name = "{}:{}".format(*server.getsockname()[:2])
        with server:
            say(f"waiting for a reader at tcp://{self.name}")
            with stop.waiting():
                self._use(server.accept()[0])


class Pty(Target):
    """A pseudo-terminal: a serial port for programs that read one. `link` gives it a name that stays."""

    def __init__(self, link: str, say: Callable[[str], None], stop: Stop):
        super().__init__(stop)
        self.link = ""
        self.descriptor, slave = pty.openpty()
        tty.setraw(slave)
        self.path = self.name = os.ttyname(slave)
        # With our own end closed the master hangs up until a reader opens the other: that is how it is noticed.
        os.close(slave)
        if link:
            try:
                if os.path.islink(link):
                    os.remove(link)
                os.symlink(self.path, link)
            except OSError as e:
                raise CommandError(f"--to pty:{link}: {e.strerror}") from None
            self.name = self.link = link
        say(f"waiting for a reader at {self.name}")
        try:
            while self._hung_up():
                stop.sleep(0.05)
            stop.sleep(SETTLE_S)
        except Stopped:
            self._remove()
            raise

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self.descriptor, 0)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def check(self) -> None:
        if self._hung_up():
            raise BrokenPipeError("the reader has closed the terminal")

    def _unread(self) -> int:
        try:
            slave = os.open(self.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return 0
        try:
            return struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, bytes(4)))[0]
        finally:
            os.close(slave)

    def close(self) -> None:
        # What is unread when the master closes is lost to the reader, also what the kernel has still under way to it:
        # only when nothing has been there for a while has all been read.
        end = time.monotonic() + DRAIN_S
        patience = self.patience()
        empty = 0
        while empty < 10 and not self._hung_up() and time.monotonic() < min(end, patience()):
            time.sleep(0.05)
            empty = 0 if self._unread() else empty + 1
        self._remove()

    def _remove(self) -> None:
        os.close(self.descriptor)
        if self.link:
            os.remove(self.link)
