"""The demo on the screen: a live display on a terminal, plain progress lines elsewhere, and the summary at the end."""

import datetime
from collections import deque

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..simulate.meters import NORMAL_TIME

LINE_EVERY_S = 5.0
EVENTS_SHOWN = 7
_RUNTIMES = {"micropython": "MicroPython", "cpython": "CPython"}


def clock_text(at: float) -> str:
    """A simulated time as the street's people read it."""
    return f"{datetime.datetime.fromtimestamp(at, NORMAL_TIME):%H:%M:%S}"


class Display:
    """Shows a demo (tools/demo/run.py) while it runs; `say` tells an event."""

    def __init__(self, demo, console: "Console | None" = None):
        self._demo = demo
        self.console = console or Console(highlight=False)
        self._events: deque = deque(maxlen=EVENTS_SHOWN)
        self._live: "Live | None" = None
        self._shown = 0.0

    def start(self) -> None:
        """Begin to show; on a terminal the display stays in place."""
        self._events.clear()
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=False)
            self._live.start()

    def stop(self) -> None:
        """Leave the last state standing."""
        if self._live:
            self._live.update(self._render(), refresh=True)
            self._live.stop()
            self._live = None

    def say(self, text: str, style: str = "") -> None:
        """Tell an event."""
        self._events.append((clock_text(self._demo.now()) if self._demo.running else "", text, style))
        if not self._live:
            at = self._events[-1][0]
            self.console.print(Text(f"{at + '  ' if at else ''}{text}"), soft_wrap=True)

    def refresh(self, real: float) -> None:
        """Show the present state; called a few times a second."""
        if self._live:
            self._live.update(self._render(), refresh=True)
        elif real - self._shown >= LINE_EVERY_S:
            self._shown = real
            self.console.print(Text(self._line()), soft_wrap=True)

    def _line(self) -> str:
        d = self._demo
        each = "  ".join(f"{g.name} {g.total('heard')}/{g.total('relayed')}/{g.total('acknowledged')}"
                         for g in d.gateways)
        stored = f"stored {d.progress.stored}  decoded {d.progress.decoded}" if d.progress else ""
        return f"{clock_text(d.now())}  heard/relayed/acknowledged  {each}  {stored}"

    def _render(self):
        bar = ProgressBar(total=1.0, completed=min(1.0, self._demo.done), complete_style="cyan", finished_style="green")
        return Group(self._head(), bar, "",
                     self._gateways(), "", self._receiver(), "", self._event_table())

    def _head(self) -> Text:
        d = self._demo
        left = f"{d.left:.0f} s left" if d.left > 0 else "ending"
        return Text.assemble(("Netti demo", "bold"), f"  seed {d.seed}  street {clock_text(d.now())} "
                             f"(x{d.plan.scale})  {d.server.sent} telegrams sent  {left}")

    def _gateways(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for name in ("gateway", "runs on"):
            table.add_column(name, no_wrap=True)
        for name in ("heard", "damaged", "relayed", "decoded", "acked", "waiting", "HAN"):
            table.add_column(name, justify="right", no_wrap=True)
        for g in self._demo.gateways:
            decoded = (self._demo.progress.by_gateway.get(g.id, (0, 0))[1] or 0) if self._demo.progress else 0
            row = [g.name, _RUNTIMES[g.runtime], g.total("heard"), g.total("rejected"), g.total("relayed"), decoded,
                   g.total("acknowledged"), g.spooled if g.spooled is not None else "-",
                   g.total("han") if g.site.han else "-"]
            table.add_row(*map(str, row), style="" if g.pid else "red")
        return table

    def _receiver(self) -> Text:
        d = self._demo
        p = d.progress
        text = Text("receiver ")
        text.append("up" if d.receiver.pid else "DOWN", "green" if d.receiver.pid else "bold red")
        if p:
            text.append(f"   {p.meters} meters, {p.stored} telegrams stored, {p.decoded} decoded, "
                        f"{p.waiting} waiting for keys")
        return text

    def _event_table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column()
        for at, text, style in self._events:
            table.add_row(at, Text(text, style))
        return table

    # --- the end ---

    def summary(self, verdict, figures: "dict[str, int]", scans: "list[str]") -> None:
        """What happened and what was checked."""
        d = self._demo
        out = self.console.print
        water = d.street.water_meters()
        out()
        out(Text("Summary", "bold"))
        rows = [
            ("street", f"{len(d.street.homes)} homes, {len(water)} water meters of "
                       f"{len({m.model.make for m in water})} makes, {len(d.street.meters) - len(water)} others"),
            ("sent", f"{d.server.sent} telegrams, {d.server.delivered} times delivered to a radio, {d.server.damaged} "
                     f"of these damaged ({d.server.damaged / max(1, d.server.delivered):.1%}); never more than "
                     f"{d.server.late:.0f} s of the street's time late"),
            ("killed", "; ".join(d.killed) or "nothing"),
            ("proof", f"{verdict.pairs} pairs of meter and window, {verdict.hours} own-meter hours; edges "
                      + ", ".join(f"{site} {edge} s" for site, edge in verdict.edges.items())),
            ("keys", "; ".join(scans)),
            ("figures", ", ".join(f"{name} {n}" for name, n in figures.items())),
        ]
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
        table.add_column(no_wrap=True, style="dim")
        table.add_column()
        for row in rows:
            table.add_row(*row)
        out(table)
        for note in verdict.notes[:12]:
            out(Text("  " + note, "red"), soft_wrap=True)
        if len(verdict.notes) > 12:
            out(Text(f"  … and {len(verdict.notes) - 12} more", "red"))
