"""Where a replay goes as bytes: a TCP connection, one that is waited for, a pseudo-terminal, standard output.

Each has `write(data)`, `close()` once all was read, and a `name` to print; all are used as context managers.
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

TIMEOUT_S = 10.0
SETTLE_S = 0.5  # a program that opens a serial port sets it up, and throws away what has come so far
DRAIN_S = 10.0  # how long a reader may take for the rest


def open_target(url: str, say: Callable[[str], None]):
    """The target a URL names, connected: tcp://HOST:PORT, tcp-listen://[HOST:]PORT, pty[:LINK], or -.

    `say` prints a line: where to connect, what is waited for. CommandError when it can't be had.
    """
    if url == "-":
        return Output()
    if url == "pty" or url.startswith("pty:"):
        return Pty(url[4:], say)
    if url.startswith("tcp://"):
        return Connection(*_address(url, url[6:]))
    if url.startswith("tcp-listen://"):
        return Listener(*_address(url, url[13:], "127.0.0.1"), say)
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

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Hand over bytes; waits while the reader does not keep up. Raises OSError when it has gone."""
        raise NotImplementedError

    def close(self) -> None:
        """End the replay; what was written can still be read."""


class Output(Target):
    """Standard output, for a pipe."""

    name = "standard output"

    def write(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


class Connection(Target):
    """A connection to a port somebody listens at."""

    def __init__(self, host: str, port: int):
        self.name = f"{host}:{port}"
        try:
            self.socket = socket.create_connection((host, port), TIMEOUT_S)
        except OSError as e:
            raise CommandError(f"tcp://{self.name}: {e.strerror or e}") from None
        self.socket.settimeout(None)

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        try:
            # A close with unread input on our side would throw away what the reader has not read yet.
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(DRAIN_S)
            while self.socket.recv(4096):
                pass
        except OSError:
            pass
        self.socket.close()


class Listener(Connection):
    """A port of our own; the first that connects gets the replay."""

    def __init__(self, host: str, port: int, say: Callable[[str], None]):
        try:
            server = socket.create_server((host, port))
        except OSError as e:
            raise CommandError(f"tcp-listen://{host}:{port}: {e.strerror or e}") from None
        self.name = "{}:{}".format(*server.getsockname()[:2])
        with server:
            say(f"waiting for a reader at tcp://{self.name}")
            self.socket, _ = server.accept()


class Pty(Target):
    """A pseudo-terminal: a serial port for programs that read one. `link` gives it a name that stays."""

    def __init__(self, link: str, say: Callable[[str], None]):
        self.link = link
        self.master, slave = pty.openpty()
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
            self.name = link
        say(f"waiting for a reader at {self.name}")
        while self._hung_up():
            time.sleep(0.05)
        time.sleep(SETTLE_S)

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self.master, 0)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def write(self, data: bytes) -> None:
        while data:
            if self._hung_up():
                raise BrokenPipeError("the reader has closed the terminal")
            if select.select([], [self.master], [], 0.2)[1]:
                data = data[os.write(self.master, data[:1024]):]

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
        empty = 0
        while empty < 10 and not self._hung_up() and time.monotonic() < end:
            time.sleep(0.05)
            empty = 0 if self._unread() else empty + 1
        os.close(self.master)
        if self.link:
            os.remove(self.link)
