"""The street in real time: one TCP port for each gateway's radio and HAN line, as a bridge or ser2net would offer.

`bursts`: length (u16, big-endian, of what follows) | RSSI (int8, dBm) | the burst from the synchronisation on.
`rtlwmbus`: the CSV lines of rtl_wmbus. HAN: the bytes of the line. One gateway to a port; a new connection takes the
place of the old one. Nothing waits for a gateway: what is sent while none is connected is gone, as in the air.
"""

import asyncio
import datetime
import time
from collections.abc import Callable

from .clock import SimulatedClock
from .meters import NORMAL_TIME, Meter
from .street import Street
from .truth import Delivery, Truth

TICK_S = 0.01
RTL_OFFSET = 150  # rtl_wmbus shows no dBm: this much more here
BACKLOG = 1 << 20  # bytes a gateway may leave unread before the air is lost on it


def bursts(rssi: int, raw: bytes) -> bytes:
    """A burst in the `bursts` framing."""
    return (len(raw) + 1).to_bytes(2, "big") + (rssi & 0xFF).to_bytes(1, "big") + raw


def rtlwmbus(mode: str, telegram: bytes, rssi: int, good: bool, at: float, zone=NORMAL_TIME) -> bytes:
    """A line of rtl_wmbus: its CRC verdict stands in the line, damaged telegrams are shown all the same. `rssi` in dBm,
    `at` in Unix seconds, shown as the clocks of `zone` do."""
    stamp = datetime.datetime.fromtimestamp(at, zone).isoformat(" ", "milliseconds")[:23]
    six = "1" if good or not mode.startswith("T") else "0"
    ident = telegram[7:3:-1].hex()
    return (f"{mode[:2]};{int(good)};{six};{stamp};{rssi + RTL_OFFSET};{rssi + RTL_OFFSET};{ident};"
            f"0x{telegram.hex()}\n").encode("ascii")


class Port:
    """One listening socket; counts its connections and the items given to the present one."""

    def __init__(self) -> None:
        self.number = 0
        self.connection = 0
        self.order = 0
        self._writer: "asyncio.StreamWriter | None" = None
        self._server: "asyncio.Server | None" = None

    async def listen(self, host: str, port: int) -> None:
        """Start to listen; port 0 takes any free one."""
        self._server = await asyncio.start_server(self._connected, host, port)
        self.number = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer:
            self._writer.close()
        self._writer, self.order = writer, 0
        self.connection += 1
        try:
            while await reader.read(4096):
                pass
        except OSError:
            pass
        if self._writer is writer:
            self._writer = None
        writer.close()

    @property
    def connected(self) -> bool:
        """Whether a gateway listens."""
        return self._writer is not None

    def send(self, data: bytes) -> bool:
        """Hand bytes to the gateway; False when there is none, or none that reads."""
        writer = self._writer
        if writer is None or writer.is_closing() or writer.transport.get_write_buffer_size() > BACKLOG:
            return False
        writer.write(data)
        self.order += 1
        return True

    def close(self) -> None:
        """Stop listening and hang up."""
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()


class Server:
    """Serves a street to its gateways."""

    def __init__(self, street: Street, clock: SimulatedClock, truth: Truth, host: str = "127.0.0.1"):
        self.street, self.clock, self.truth, self.host = street, clock, truth, host
        self.radios = {(site.name, r): Port() for site in street.sites for r in range(len(site.radios))}
        self.han = {site.name: Port() for site in street.sites if site.han}
        # Called with (sent, receptions) of each transmission, whether or not anybody is connected.
        self.watch: list[Callable] = []
        self.watch_line: list[Callable] = []  # called with (site, bytes) of each HAN list
        self.sent = self.delivered = self.damaged = self.lists = 0
        self.late = 0.0  # the longest that anything was sent after it was due, simulated seconds

    async def listen(self, first_port: int = 0) -> None:
        """Open all ports, from `first_port` up (0: any free ones)."""
        for i, port in enumerate([*self.radios.values(), *self.han.values()]):
            await port.listen(self.host, first_port + i if first_port else 0)

    def url(self, port: Port) -> str:
        """A port as a gateway's configuration names it."""
        return f"tcp://{self.host}:{port.number}"

    async def run(self) -> None:
        """Send what is due, when it is due, until the street's end. What was due before is not made up for."""
        begin = self.clock.now()
        for due in self.street.schedule():
            if due.at < begin:
                continue
            # What falls into one tick goes out together; each thing is composed at the moment it is really sent.
            while (wait := self.clock.until(due.at)) > 0:
                await asyncio.sleep(max(wait, TICK_S))
            at = self.clock.now()
            self.late = max(self.late, at - due.at)
            if isinstance(due.source, Meter):
                self._transmit(due.source, at)
            else:
                self._push(due.source, due.which, at)

    def _transmit(self, meter: Meter, at: float) -> None:
        sent, receptions = self.street.transmit(meter, at, self.truth)
        self.sent += 1
        for watch in self.watch:
            watch(sent, receptions)
        for site, r, rssi, raw, good in receptions:
            port = self.radios[site.name, r]
            if site.radios[r].driver == "bursts":
                framed = bursts(rssi, raw)
            else:
                shown = sent.data if good else raw[4:4 + len(sent.data)]
                framed = rtlwmbus(meter.model.mode, shown, rssi, good, at)
            connection, order = port.connection, port.order
            if port.send(framed):
                self.delivered += 1
                self.damaged += not good
                self.truth.add_delivery(Delivery(sent, site.name, r, connection, order, self.clock.now(), time.time(),
                                                 rssi, good))

    def _push(self, site, which: int, at: float) -> None:
        raw, good, wh = self.street.push(site, which, at)
        self.lists += 1
        for watch in self.watch_line:
            watch(site, raw)
        port = self.han[site.name]
        connection = port.connection
        # A serial line hands over what it has: a frame comes in pieces.
        cut = self.lists % len(raw)
        written = [port.send(piece) for piece in (raw[:cut], raw[cut:]) if piece]
        if all(written) and good:
            self.truth.add_list(site.name, site.home, connection, which, at, int(at // 3600 * 3600), wh)

    def close(self) -> None:
        """Hang up everywhere."""
        for port in [*self.radios.values(), *self.han.values()]:
            port.close()
