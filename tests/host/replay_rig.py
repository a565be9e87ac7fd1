"""The other end of a replay: ports, readers, waiting for them."""

import socket
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.01)


def connected(port):
    """A connection to a replay that is about to listen."""
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            time.sleep(0.01)
    raise AssertionError("nobody listens")


def read_all(connection):
    parts = []
    with connection:
        while data := connection.recv(4096):
            parts.append(data)
    return b"".join(parts)
