"""Byte streams of both runtimes: TCP, with TLS if a context is given, UDP, and serial lines."""

import asyncio
import errno
import socket
import sys

from . import MICROPYTHON, real_ms


def _address(host, port):
    """A numeric address for a name, IPv4 first: MicroPython tries only one."""
    first = None
    for family, _kind, _proto, _name, where in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if isinstance(where, tuple):
            text = where[0]
        else:
            text = socket.inet_ntop(family, socket.sockaddr(where)[1])
        if family == socket.AF_INET:
            return text
        first = first or text
    return first or host


async def connect(host, port, tls=None):
    """Open a TCP connection, under TLS if a context is given; returns (reader, writer). Raises OSError.

    On MicroPython the handshake happens at the first write, so a bad certificate shows there, as a ValueError.
    """
    if tls is None:
        return await asyncio.open_connection(_address(host, port) if MICROPYTHON else host, port)
    if MICROPYTHON:
        return await asyncio.open_connection(_address(host, port), port, ssl=tls, server_hostname=host)
    return await asyncio.open_connection(host, port, ssl=tls, server_hostname=host)


async def close(writer):
    """Close a stream without waiting for the other end."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), 1)
    except (OSError, ValueError, asyncio.TimeoutError):
        pass


async def datagram(host, port, data, size, timeout):
    """Send one UDP datagram and wait some real seconds for one back; None if there is none."""
    try:
        where = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
    except OSError:
        return None
    s = socket.socket(where[0], socket.SOCK_DGRAM)
    try:
        s.setblocking(False)
        # Connected, so that only what that address sends comes in.
        s.connect(where[-1])
        s.send(data)
        until = real_ms() + int(timeout * 1000)
        while real_ms() < until:
            try:
                return s.recv(size)
            except OSError as e:
                if e.errno not in (errno.EAGAIN, 115):
                    return None
            await asyncio.sleep(0.02)
        return None
    except OSError:
        return None
    finally:
        s.close()


# What MicroPython's termios lacks, as Linux has it (<asm-generic/termbits.h>).
_TERMIOS = {"B300": 7, "B1200": 9, "B2400": 11, "B4800": 12, "B9600": 13, "B19200": 14, "B38400": 15, "B57600": 4097,
            "B115200": 4098, "CS8": 0o60, "CREAD": 0o200, "PARENB": 0o400, "CLOCAL": 0o4000, "VTIME": 5, "VMIN": 6}


def _raw(fd, baud, parity):
    # MicroPython: eight bits as they come. Its read would wait until its buffer is full, so it takes what is there, and
    # waiting is the loop's business.
    import termios

    def value(name):
        return getattr(termios, name, _TERMIOS[name])
    mode = termios.tcgetattr(fd)
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = value("CS8") | value("CREAD") | value("CLOCAL") | (value("PARENB") if parity == "E" else 0)
    mode[4] = mode[5] = value("B%d" % baud)
    mode[6][value("VTIME")] = mode[6][value("VMIN")] = 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def _serial(path, baud, parity):
    # CPython: pyserial knows the platforms. What it raises is an OSError.
    import serial
    return serial.Serial(path, baud, parity=parity, timeout=0)


class _ByteByByte:
    """A blocking MicroPython file as a stream: a longer read would wait until it is full."""

    def __init__(self, file):
        self._one = asyncio.StreamReader(file)

    async def read(self, _n):
        """The next byte."""
        return await self._one.read(1)

    def close(self):
        """Leave it open: it is standard input."""

    async def wait_closed(self):
        """Nothing to wait for."""


def _line(spec):
    # (path, baud, parity) of a serial line.
    parts = spec.split(":") + ["", ""]
    baud = int(parts[1] or 2400)
    if "B%d" % baud not in _TERMIOS:
        raise OSError("no such baud rate: %d" % baud)
    return parts[0], baud, (parts[2] or "8N1")[1]


async def open_stream(spec):
    """Open `tcp://host:port`, `-` (standard input), a serial line `/dev/ttyX[:baud[:8N1|8E1]]`, `usb[:baud[:..]]` (the
    only USB serial adapter; on a chip its own USB serial) or `uart:...` (uart.py).

    Returns an object with `read(n)` (a coroutine, b"" at the end) and one that `close` takes; what can be written to
    has `write` and `drain` there. Raises OSError.
    """
    if spec.startswith("tcp://"):
        host, _, port = spec[6:].rpartition(":")
        return await connect(host, int(port))
    if spec.startswith("uart:"):
        from .uart import Uart
        uart = Uart(spec)
        return uart, uart
    if spec == "-":
        if MICROPYTHON:
            single = _ByteByByte(sys.stdin.buffer)
            return single, single
        source = sys.stdin.buffer
    else:
        if spec[:3] == "usb":
            from .usb import Console, found
            spec = found(spec)
            if not spec:
                console = Console()
                return console, console
        path, baud, parity = _line(spec)
        if MICROPYTHON:
            source = open(path, "r+b")  # noqa: SIM115 - the stream's
            _raw(source.fileno(), baud, parity)
            line = asyncio.StreamReader(source)  # type: ignore[arg-type]
            return line, line
        source = _serial(path, baud, parity)
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), source)
    return stream, _Pipe(transport, source)


class _Pipe:
    """A read transport that closes like a StreamWriter, and writes to the serial line that it reads."""

    def __init__(self, transport, line):
        self._transport = transport
        self._line = line

    def write(self, data):
        """Send."""
        self._line.write(data)

    async def drain(self):
        """Nothing to wait for: the system has it."""

    def close(self):
        self._transport.close()

    async def wait_closed(self):
        return None
