"""What bench/ingest.py, bench/kill.py and bench/pages.py share: gateways with real keys that push batches over TLS.

Batches are signed beforehand; while it is measured the generator only speaks TLS and HTTP, over one kept-alive
connection a gateway, one batch in flight on each, in order, as gateways do.
"""

import asyncio
import hashlib
import os
import ssl
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests"), str(ROOT)]

import receiver_support  # noqa: E402

import firmware.wire.records as wire_records  # noqa: E402
from cloud_receiver.office import trust  # noqa: E402
from cloud_receiver.stores import open_store  # noqa: E402

RECORDS = 50
REQUEST = (b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cbor-seq\r\n"
           b"Content-Length: %d\r\n\r\n")


def telegram(address: bytes, hour: int, seed: bytes) -> bytes:
    """A mode 5 telegram of a water meter, 47 bytes, under a key nobody has."""
    body = hashlib.sha256(seed + address + hour.to_bytes(4, "little")).digest()
    rest = bytes((0x7A, hour & 255, 0)) + b"\x20\x05" + body
    return bytes((9 + len(rest), 0x44)) + address + rest


class Sender:
    """A gateway with a key of its own and the meters around it; makes its batches hour by hour."""

    def __init__(self, number: int, start: int):
        self.gateway = receiver_support.Gateway()
        self.meters = [receiver_support.Meter(10_000_000 + number * RECORDS + n).address for n in range(RECORDS)]
        self.hour, self.start, self.seed = 0, start, os.urandom(8)
        self.sent = 0  # batches
        self.acknowledged = 0  # seq

    def batch(self) -> bytes:
        """The next batch, signed: 50 records of one hour."""
        at, g = self.start + self.hour * 3600, self.gateway
        records = [wire_records.telegram(g.next(), at + n, -60 - n % 40, telegram(m, self.hour, self.seed))
                   for n, m in enumerate(self.meters)]
        self.hour += 1
        return g.batch(records)


def enrol(url: str, senders) -> None:
    """Make the gateways known to a store that is not in use."""
    async def all_of_them():
        store = open_store(url)
        for s in senders:
            await store.enrol(s.gateway.public, "concentrator", "", int(time.time()))  # a bench's day is full
        await asyncio.get_running_loop().run_in_executor(None, store.close)
    asyncio.run(all_of_them())


def context(directory) -> ssl.SSLContext:
    """TLS as a gateway speaks it: the works' anchors, always verified."""
    return ssl.create_default_context(cadata="".join(trust.anchors(directory.ca)))


class Connection(asyncio.Protocol):
    """One kept-alive connection that sends a list of bodies, each after the answer to the one before."""

    def __init__(self, bodies, done, again=False):
        """`again`: from the first body once more after the last."""
        self.bodies, self.done, self.again = bodies, done, again
        self.at = 0
        self.answers: "list[int]" = []  # statuses
        self.buffer = b""
        self.stopping = False
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.send()

    def send(self):
        if self.again and self.at >= len(self.bodies):
            self.at = 0
        if self.stopping or self.at >= len(self.bodies):
            self.transport.close()
            return
        self.transport.write(REQUEST % len(self.bodies[self.at]) + self.bodies[self.at])

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.index(b"content-length:") + 15
        size = int(head[at:].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + size:
            return
        status = int(self.buffer[9:12])
        body, self.buffer = self.buffer[end + 4:end + 4 + size], self.buffer[end + 4 + size:]
        if status == 200:
            self.at += 1
        self.done(status, body)
        self.send()

    def connection_lost(self, exc):
        if not self.ended.done():
            self.ended.set_result(None)


async def push(port: int, directory, bodies: "list[list[bytes]]", warm_s: float, seconds: float, again=False) -> dict:
    """Push each list over a connection of its own; counts answers of 200 in the time after the warm-up. `short`: a list
    came to its end before."""
    loop = asyncio.get_running_loop()
    counts = {"ok": 0, "all": 0, "refused": 0}

    def done(status, _body):
        counts["ok" if status == 200 else "refused"] += 1

    tls = context(directory)
    connections = [(await loop.create_connection(lambda b=b: Connection(b, done, again), "localhost", port, ssl=tls,
                                                 server_hostname="localhost"))[1] for b in bodies]
    await asyncio.sleep(warm_s)
    before, began, cpu = counts["ok"], time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    figures = {"batches": counts["ok"] - before, "seconds": time.monotonic() - began,
             "generator_cpu_s": time.process_time() - cpu, "refused": counts["refused"],
             "short": any(c.at >= len(c.bodies) for c in connections)}
    for c in connections:
        c.stopping = True
    await asyncio.wait([c.ended for c in connections], timeout=10)
    return figures


def cpu_of(pids) -> float:
    """CPU seconds that processes have used, by /proc."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def family(pid: int) -> "list[int]":
    """A receiver's processes: the first one and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [pid, *(int(child) for child in f.read().split())]
