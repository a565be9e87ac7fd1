"""A running gateway: what it is made of, what it does with each telegram, what it counts.

It is given everything that touches the world (`hal`, the `port` module in production). Its records are written by
journal.py, its tasks run by tasks.py.
"""

import json

import wmbus
from wmbus import sender

from .clock import QUALITY_NAMES
from .journal import Journal
from .spool.flush_rule import FlushRule
from .tasks import Tasks
from .thinning import Thinning, const
from .watch import Watch
from .wire.records import telegram as telegram_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .home.han_port import HanPort
    from .home.own_meters import OwnMeters
    from .update.updater import Updater
    from .uplink.uplink import Uplink

COUNTERS = ("heard", "rejected", "foreign", "thinned", "relayed", "own", "own_errors", "own_unsealed", "han",
            "han_errors", "batches", "acknowledged", "errors", "restarts")


_AFL = const(0x90)  # the CI of a fragment


def _nothing(*_values):
    return None


class Gateway:
    """One running gateway. `rings` is (values, telegrams); `save_state(state)` saves the small persistent state."""

    def __init__(self, hal, settings, identity, clock, rings, state, save_state, history):
        self.hal = hal
        self.config = settings
        self.identity = identity
        self.clock = clock
        self.values, self.telegrams = rings
        self.state = state
        self.save_state = save_state
        self.history = history
        self._counted = dict.fromkeys(COUNTERS, 0)
        # Good telegrams: relayed, thinned, foreign, and those that could not be kept. A list, as it is done for each.
        self._passed = [0, 0, 0, 0]
        self.journal = Journal(self)
        self.thinning = Thinning(settings["relay"], wmbus.parse_meter, self.journal.heard)
        # What each telegram needs, in one place: that is one look-up, in so large an object.
        self._ways = self._passed, self.thinning, clock.moment, self.telegrams
        # Put in place by main; own and han are None where not configured.
        self.own: "OwnMeters | None" = None
        self.han: "HanPort | None" = None
        self.uplink: "Uplink" = None  # type: ignore[assignment]
        self.radios = []  # (radio, where its stream is)
        self.others = []  # (name, coroutine function) of what else is configured
        self.orders = {}  # what the works ordered and goes before the configuration (orders.py)
        self.save_orders = _nothing
        self.save_works = _nothing
        self.make_own = _nothing  # an OwnMeters of checked meters
        self.valve = None  # called to close the main valve
        self.updater: "Updater | None" = None  # where the firmware runs from a slot
        self.flush_rule = FlushRule()
        self.supply: "Callable[[], int] | None" = None  # returns the supply in millivolts, where the board can tell
        self.saved_floor = clock.floor
        self.watch = Watch(self)
        self.memory = None  # (free, used) bytes of the heap after the last collection
        self.tasks = Tasks(self)

    @property
    def counters(self):
        """What was counted since the start, by name."""
        counted = self._counted
        passed = self._passed
        counted["relayed"], counted["thinned"], counted["foreign"] = passed[:3]
        counted["heard"] = sum(passed)
        return counted

    def count(self, name, n=1):
        """Count something that happened."""
        self._counted[name] = self._counted.get(name, 0) + n

    def telegram(self, telegram, rssi):
        """Take one good telegram from a radio: relay, thin or count it, and decode it if it is the household's own."""
        try:
            meter, ci, status, mark = sender(telegram)
        except ValueError:
            self.count("rejected")
            return
        passed, thinning, moment, ring = self._ways
        if meter[7] in thinning.open or thinning.wanted(meter):
            at, unix = moment()
            if thinning.due(meter, ci, len(telegram), status, rssi, at, unix,
                            wmbus.fragment(telegram) if ci == _AFL else None, mark):
                try:
                    ring.append(telegram_record, at if unix is None else unix, rssi, telegram)
                except OSError:
                    passed[3] += 1
                    thinning.forget(meter, ci, len(telegram))
                    raise
                passed[0] += 1
            else:
                passed[1] += 1
        else:
            passed[2] += 1
        if self.own is not None and self.own.is_own(meter):
            self.own.decode_own(meter, telegram, self.clock.now())

    def forget_layouts(self):
        """Drop the compiled layouts of telegrams: each is read again as at first sight."""
        if self.own is not None:
            from wmbus import plan
            plan.forget()

    def save_floor(self):
        """Persist the time that has certainly been reached."""
        self.saved_floor = self.state["floor"] = self.clock.floor
        self.save_state(self.state)

    def status(self):
        """The counters and state for the display."""
        row: "dict[str, object]" = dict(self.counters)
        row.update({"gateway": self.identity.gateway, "time": self.clock.now(), "uptime": self.clock.uptime(),
                    "clock": QUALITY_NAMES[self.clock.quality],
                    "spooled": self.values.pending() + self.telegrams.pending(),
                    "lost": self.values.lost + self.telegrams.lost})
        if self.uplink.last_error:
            row["last_error"] = self.uplink.last_error
        if self.memory is not None:
            row["heap"] = list(self.memory)
        if self.own is not None:
            row["own_meters"] = self.own.texts()
        return row

    def close(self):
        """Everything that is only in memory goes to where it lasts."""
        if self.clock.good():
            self.thinning.close_day()
        if self.han is not None:
            self.han.save()
        if self.own is not None:
            self.own.save()
        self.save_floor()
        self.values.close()
        self.telegrams.close()
        if self.config["status"]:
            self.hal.print_line(json.dumps(self.status()))
