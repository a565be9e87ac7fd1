"""What really happened on the street: every telegram sent, every good delivery, every hour's register.

The simulator alone writes it; a judge compares it with what a receiver stored. A delivery counts only when it was
written undamaged to a connected gateway.
"""

import json
from collections import namedtuple
from pathlib import Path
from typing import TextIO

# at: simulated Unix time; litres: the register its reading must equal (None: not a water meter).
Sent = namedtuple("Sent", ("number", "meter", "at", "data", "litres"))
# order: how many bursts, good or not, this connection had been given before; real: real Unix time.
Delivery = namedtuple("Delivery", ("sent", "site", "radio", "connection", "order", "at", "real", "rssi", "good"))


class Truth:
    """The log of one run, in memory (unless `keep` is false) and as JSON lines (if a path is given)."""

    def __init__(self, path: "Path | None" = None, keep: bool = True):
        self._keep = keep
        self._count = 0
        self.sent: list[Sent] = []
        self.deliveries: list[Delivery] = []
        # (home, hour as Unix seconds) -> import register in Wh at that moment, for each list 3 delivered, and to whom.
        self.registers: dict[tuple[int, int], int] = {}
        self.lists: list[tuple[str, int, int, int, float]] = []  # site, connection, list, hour or 0, at
        self.by_data: dict[bytes, list[Sent]] = {}
        self._file: "TextIO | None" = path.open("w", encoding="utf-8") if path else None

    def add_sent(self, meter, at: float, data: bytes, litres: "float | None") -> Sent:
        """A telegram left a meter."""
        sent = Sent(self._count, meter, at, data, litres)
        self._count += 1
        if self._keep:
            self.sent.append(sent)
            self.by_data.setdefault(data, []).append(sent)
        self._write({"sent": sent.number, "meter": meter.text, "at": round(at, 3), "litres": litres,
                     "telegram": data.hex()})
        return sent

    def add_delivery(self, delivery: Delivery) -> None:
        """A burst was handed to a gateway's radio."""
        if self._keep:
            self.deliveries.append(delivery)
        self._write({"delivered": delivery.sent.number, "to": delivery.site, "radio": delivery.radio,
                     "at": round(delivery.at, 3), "rssi": delivery.rssi, "good": delivery.good})

    def add_list(self, site: str, home: int, connection: int, which: int, at: float, hour: int, import_wh: int) -> None:
        """An undamaged HAN list was handed to a gateway; for list 3, the register at its hour."""
        if self._keep:
            self.lists.append((site, connection, which, hour if which == 3 else 0, at))
        if which == 3:
            self.registers[home, hour] = import_wh
            self._write({"list": 3, "to": site, "hour": hour, "import_wh": import_wh})

    def _write(self, row) -> None:
        if self._file:
            self._file.write(json.dumps(row) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None
