"""The live summary of a street: who is sending, who is connected, what arrives."""

import datetime
from collections import Counter

from rich.console import Group
from rich.table import Table
from rich.text import Text

from .meters import NORMAL_TIME
from .serve import Server


class Summary:
    """Counts what a server sends, and shows it."""

    def __init__(self, server: Server):
        self._server = server
        self._heard: Counter = Counter()
        self._damaged: Counter = Counter()
        self._water: dict[str, set] = {}

    def heard(self, _sent, receptions) -> None:
        """A telegram was sent and arrived at some radios, connected or not."""
        for site, _r, _rssi, _raw, good in receptions:
            self._heard[site.name] += 1
            self._damaged[site.name] += not good
            if good and _sent.meter.is_water:
                self._water.setdefault(site.name, set()).add(_sent.meter)

    def ports(self) -> Table:
        """Where each gateway's radio and HAN line is."""
        table = Table(title=f"seed {self._server.street.seed}", title_justify="left", box=None, pad_edge=False)
        for name in ("site", "kind", "radio", "HAN"):
            table.add_column(name)
        for site in self._server.street.sites:
            radios = [f"{r.driver} {self._server.url(self._server.radios[site.name, i])}"
                      for i, r in enumerate(site.radios)]
            han = f"{site.han} {self._server.url(self._server.han[site.name])}" if site.han else ""
            table.add_row(site.name, site.kind, "\n".join(radios), han)
        return table

    def table(self) -> Group:
        """The present state."""
        server = self._server
        now = datetime.datetime.fromtimestamp(min(server.clock.now(), server.street.end), NORMAL_TIME)
        left = max(0, server.street.end - server.clock.now()) / server.clock.scale
        head = Text(f"{now:%Y-%m-%d %H:%M:%S}  {server.sent} telegrams and {server.lists} HAN lists sent, "
                    f"{left:.0f} s left")
        table = Table(box=None, pad_edge=False)
        for name in ("site", "connected", "reaches it", "damaged", "water meters"):
            table.add_column(name, justify="left" if name in ("site", "connected") else "right")
        for site in server.street.sites:
            ports = [("radio", server.radios[site.name, r]) for r in range(len(site.radios))]
            if site.han:
                ports.append(("HAN", server.han[site.name]))
            table.add_row(site.name, " ".join(name for name, port in ports if port.connected) or "-",
                          str(self._heard[site.name]), str(self._damaged[site.name]),
                          str(len(self._water.get(site.name, ()))))
        return Group(head, table)

    def line(self) -> str:
        """The present state in one line."""
        server = self._server
        now = datetime.datetime.fromtimestamp(min(server.clock.now(), server.street.end), NORMAL_TIME)
        connected = sum(p.connected for p in [*server.radios.values(), *server.han.values()])
        return (f"{now:%H:%M:%S} sent={server.sent} lists={server.lists} connected={connected} "
                f"delivered={server.delivered} damaged={server.damaged}")
