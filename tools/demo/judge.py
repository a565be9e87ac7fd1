"""The verdict on a run: what the simulator knows happened, against what the system has to show.

lost        (meter, window) pairs in which a gateway certainly received a good telegram of a relayed meter and the store
            has none, and own-meter hours that are missing at home or, where the home opted in, at the receiver
duplicates  telegrams stored more than once, also across gateways, and hours kept twice
wrong       readings, hours or times that are not the true ones; contents that no meter ever sent
missing     decoded telegrams whose hour has no reading, keys that opened nothing

What is certain. A gateway tells how many bursts it has dealt with. At a SIGKILL everything that its last status does
not cover is left out of the proof: it may or may not have been read from the socket. Near a window's edge a telegram
may fall to either side by the gateway's clock. How far that can be is measured per gateway, as the greatest difference
between the receiver's time and the true time over all it brought (`edge`, doubled, plus EDGE_S), and at least as long
as the simulator itself was late; deliveries closer to an edge than that prove nothing, the others of the pair still do.
"""

import datetime
from collections import Counter, namedtuple

from .evidence import DECODED, Hour, Row, Store

EDGE_S = 15  # simulated seconds: 0.2 s real at the usual scale
LEAST_PROVEN = 0.25  # of the pairs heard at all: fewer would make an empty verdict
WRONG_TIME_S = 300  # a stored time further off than this (and what the machine itself was late) is wrong

# certain: its good deliveries that it has certainly dealt with; opted_in: whether its HAN hours go to the receiver.
Heard = namedtuple("Heard", ("id", "site", "home", "opted_in", "certain", "own"))
Verdict = namedtuple("Verdict", ("counts", "pairs", "edges", "notes", "hours"))


def certain(deliveries, lives) -> list:
    """The deliveries of one gateway (its truth log rows, in order) that it has certainly dealt with.

    `lives` are its runs. Bursts of two radios may be dealt with in either order, so what the last status leaves open is
    taken off each radio.
    """
    sure = []
    for n, life in enumerate(lives):
        until = life.killed
        before = lives[n + 1].started if n + 1 < len(lives) else float("inf")
        mine = [d for d in deliveries if life.started <= d.real < (until or before)]
        if until is None:
            sure += mine
            continue
        if not life.statuses:
            continue
        said = life.statuses[-1]
        open_ = sum(d.real <= said.real for d in mine) - said.handled
        for radio in {d.radio for d in mine}:
            covered = [d for d in mine if d.radio == radio and d.real <= said.real]
            sure += covered[:max(0, len(covered) - max(0, open_))]
    return sure


def judge(truth, gateways: "list[Heard]", store: Store, readings, histories, window: int, late: float) -> Verdict:
    """Compare. `readings` is {meter: [(ISO time, total_m3)]}, `histories` {site: [Hour]}, `late` the most that the
    simulator itself was behind (simulated seconds)."""
    case = _Case(truth, gateways, store, window, late)
    case.telegrams()
    case.pairs()
    case.readings(readings)
    for gateway in gateways:
        if gateway.home >= 0:
            case.home(gateway, histories.get(gateway.site, []))
    case.privacy()
    return Verdict(case.counts, case.judged, {g.site: round(case.edge[g.id]) for g in gateways}, case.notes, case.hours)


class _Case:
    def __init__(self, truth, gateways, store, window, late):
        self.truth, self.gateways, self.store, self.window, self.late = truth, gateways, store, window, late
        self.counts: Counter = Counter({"lost": 0, "duplicates": 0})
        self.notes: list[str] = []
        self.judged = self.hours = 0
        self.edge: dict = {}
        self.litres: dict = {}  # (meter text, second) -> totals that a reading of then may show

    def add_fault(self, what: str, note: str, n: int = 1) -> None:
        """Count a fault, and say what it is."""
        self.counts[what] += n
        self.notes.append(f"{what}: {note}")

    # --- what is in the store ---

    def telegrams(self) -> None:
        """Each stored telegram is one that was sent, once, by a relayed meter, at about its true time."""
        off: dict = {g.id: 0.0 for g in self.gateways}
        self.served: set = set()
        times = Counter(row.data for row in self.store.rows)
        for data, n in times.items():
            extra = n - len(self.truth.by_data.get(data, ()))
            if extra > 0 and data in self.truth.by_data:
                self.add_fault("duplicates", f"{self.truth.by_data[data][0].meter.text} stored {n} times", extra)
        for row in self.store.rows:
            sent = self._sent(row)
            if sent is None:
                self.add_fault("wrong", f"{row.meter}: a telegram that no meter sent")
                continue
            if sent.meter.text != row.meter:
                self.add_fault("wrong", f"{row.meter}: a telegram of {sent.meter.text}")
            if not sent.meter.is_water:
                self.add_fault("foreign", f"{row.meter} was relayed")
            if row.time is None:
                self.add_fault("wrong", f"{row.meter}: a telegram without a time")
                continue
            error = abs(row.time - sent.at)
            if error > WRONG_TIME_S + 10 * self.late:
                self.add_fault("wrong", f"{row.meter}: {error:.0f} s from its true time")
            off[row.gateway] = max(off.get(row.gateway, 0.0), error)
            self.served |= {(row.meter, sent.at // self.window), (row.meter, row.time // self.window)}
            self.litres.setdefault((row.meter, row.time), []).append((sent.litres, row.state))
        self.edge = {gateway: max(2 * error, self.late) + EDGE_S for gateway, error in off.items()}

    def _sent(self, row: Row):
        """The sending a stored telegram stems from: of several with the same bytes, the nearest in time."""
        same = self.truth.by_data.get(bytes(row.data))
        return min(same, key=lambda s: abs(s.at - (row.time or 0))) if same else None

    def pairs(self) -> None:
        """No (meter, window) pair that a gateway certainly heard is without a stored telegram."""
        proven: dict = {}
        heard = set()
        for gateway in self.gateways:
            edge = self.edge.get(gateway.id, EDGE_S)
            for d in gateway.certain:
                if d.good and d.sent.meter.is_water:
                    pair = d.sent.meter.text, d.at // self.window
                    heard.add(pair)
                    if edge < d.at % self.window < self.window - edge:
                        proven.setdefault(pair, gateway.site)
        self.judged = len(proven)
        if len(proven) < LEAST_PROVEN * len(heard):
            self.add_fault("unproven", f"only {len(proven)} of {len(heard)} pairs can be judged, the clocks are so far "
                                       "off")
        for pair, site in sorted(proven.items()):
            if pair not in self.served:
                self.add_fault("lost", f"{pair[0]} in the window from {_clock(pair[1] * self.window)}, heard by {site}")

    # --- what it makes of it ---

    def readings(self, readings) -> None:
        """Each reading is the register of a telegram that was stored with that time; each hour with one has one."""
        hours = set()
        for meter, rows in readings.items():
            for text, total in dict.fromkeys(rows):  # the latest is mostly an hour's too
                at = int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
                hours.add((meter, at // 3600))
                true = [litres for litres, _ in self.litres.get((meter, at), ())]
                if not any(round(litres) == round(total * 1000, 3) for litres in true):
                    self.add_fault("wrong", f"{meter} at {_clock(at)}: {total} m3, true {true} l")
        wanted = set()
        for (meter, at), entries in self.litres.items():
            if all(state == DECODED for _, state in entries):
                wanted.add((meter, at // 3600))
            else:
                self.add_fault("missing", f"{meter} at {_clock(at)} is not decoded")
        for meter, hour in sorted(wanted - hours):
            self.add_fault("missing", f"{meter} has no reading for the hour from {_clock(hour * 3600)}")

    # --- the homes ---

    def home(self, gateway: Heard, history: "list[Hour]") -> None:
        """The household's own hours are all there, each once, and true."""
        for (hour, kind, meter), n in Counter((h.hour, h.kind, h.meter) for h in history).items():
            if n > 1:
                self.add_fault("duplicates", f"{gateway.site}: hour {_clock(hour)} of {kind} {meter} kept {n} times",
                               n - 1)
        got = {h.hour: h for h in history if h.kind == "el"}
        sent = {hour: wh for g, hour, wh, _ in self.store.home_hours if g == gateway.id}
        for hour, wh in self._electricity(gateway).items():
            self.hours += 1
            if hour not in got:
                self.add_fault("lost", f"{gateway.site}: own hour {_clock(hour)} of electricity")
            elif got[hour].value != wh or got[hour].estimated:
                self.add_fault("wrong", f"{gateway.site}: hour {_clock(hour)} is {got[hour].value} Wh, true {wh}")
            if gateway.opted_in:
                if hour not in sent:
                    self.add_fault("lost", f"{gateway.site}: hour {_clock(hour)} did not reach the receiver")
                elif sent[hour] != wh:
                    self.add_fault("wrong", f"{gateway.site}: hour {_clock(hour)} at the receiver is {sent[hour]} Wh, "
                                            f"true {wh}")
        for meter in gateway.own:
            at_home = {h.hour: h.value for h in history if h.kind == "water" and h.meter == meter.text}
            for hour, litres in self._water(gateway, meter).items():
                self.hours += 1
                if hour not in at_home:
                    self.add_fault("lost", f"{gateway.site}: own hour {_clock(hour)} of {meter.text}")
                elif at_home[hour] not in litres:
                    self.add_fault("wrong", f"{gateway.site}: {meter.text} {at_home[hour]} l at {_clock(hour + 3600)}, "
                                            f"true {sorted(litres)}")

    def _electricity(self, gateway: Heard) -> "dict[int, int]":
        """Wh of each hour whose register at both ends was delivered to this gateway."""
        marks = {hour for site, _, which, hour, _ in self.truth.lists if which == 3 and site == gateway.site}
        register = self.truth.registers
        return {h: register[gateway.home, h + 3600] - register[gateway.home, h] for h in sorted(marks)
                if h + 3600 in marks}

    def _water(self, gateway: Heard, meter) -> "dict[int, set[int]]":
        """What may stand for the end of each whole hour in which this own meter was heard: its last telegram of the
        hour, or one so near the hour that it may fall to either side."""
        edge = self.edge.get(gateway.id, EDGE_S)
        heard = sorted((d.at, d.sent.litres) for d in gateway.certain if d.good and d.sent.meter is meter)
        hours: dict = {}
        if not heard:
            return hours
        for hour in range(int(heard[0][0]) // 3600 * 3600, int(heard[-1][0]) // 3600 * 3600, 3600):
            end = hour + 3600
            sure = [litres for at, litres in heard if hour + edge < at < end - edge]
            if sure and heard[-1][0] > end + edge:
                near = {litres for at, litres in heard if end - edge <= at <= end + edge}
                hours[hour] = {round(litres) for litres in {sure[-1]} | near}
        return hours

    def privacy(self) -> None:
        """No electricity has reached the receiver from a home that did not opt in."""
        allowed = {g.id for g in self.gateways if g.opted_in}
        for gateway in [g for g, *_ in self.store.home_hours] + list(self.store.han_records):
            if gateway not in allowed:
                self.add_fault("han", f"a HAN record of {gateway}")
        if self.store.gaps:
            self.add_fault("gaps", "ranges never received, overwritten or received twice with other content",
                           self.store.gaps)
        if self.store.opaque:
            self.add_fault("opaque", "records the receiver could not read", self.store.opaque)


def _clock(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.timezone.utc):%H:%M}Z"
