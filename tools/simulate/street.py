"""The street: row houses with their meters and people, gateways among them, and who hears what when.

Everything is drawn from one seed. The street knows simulated time only; `serve` moves it along in real time and
`netti simulate --offline` as fast as it goes.
"""

import heapq
import math
import random
from collections import namedtuple
from collections.abc import Iterator

from . import han_encoder, household, meters, radio, wmbus_encoder
from .meters import Meter, Registers
from .truth import Truth

PITCH_M, WIDTH_M = 9.0, 14.0  # from door to door, across the street
LOOK_BACK_S = 2 * 86400  # use is simulated from so long before the start, so that flows and registers are under way
SPARE_S = 2 * 3600  # and so long after the end, which may be moved
DAMAGED = 0.01  # share of bursts that arrive damaged, of each make's air and of the HAN line alike
OLD_METER_DB = 3

Radio = namedtuple("Radio", ("driver", "x", "y"))  # driver: the firmware's name of the byte stream
Site = namedtuple("Site", ("name", "kind", "home", "radios", "han"))  # han: a dialect or ""
# What of a transmission arrived where: raw is the burst as on the air, damaged or not.
Reception = namedtuple("Reception", ("site", "radio", "rssi", "raw", "good"))
Due = namedtuple("Due", ("at", "order", "source", "which"))  # source: a Meter, or a Site for its HAN list `which`


class Home:
    """One household: where it is, what it uses, what it is metered by."""

    def __init__(self, rng: random.Random, number: int, start: float, end: float):
        self.number = number
        self.x, self.y = number // 2 * PITCH_M, number % 2 * WIDTH_M
        self.people = rng.choice((1, 1, 2, 2, 3, 4, 4, 5))
        self.leak_lh = rng.choice((6.0, 14.0)) if rng.random() < 0.06 else 0.0
        self.loss_db = rng.choices([db for _, db in radio.METER_LOSS_DB], [w for w, _ in radio.METER_LOSS_DB])[0]
        # A generator of its own: how much happens depends on the time of day, what else is drawn must not.
        life = random.Random(rng.random())
        self._water = household.water_use(life, start, end, self.people, self.leak_lh)
        self._power = household.power_use(life, start, end, self.people)
        self._water_at, self._month_l = rng.randrange(40_000, 900_000), rng.randrange(3_000, 15_000)
        self._energy_at = rng.randrange(5_000_000, 90_000_000)
        self._phases = [p / 10 for p in rng.sample(range(2, 7), 3)]
        self._volts = [rng.uniform(226, 238) for _ in range(3)]
        self._temperature = rng.uniform(5, 14)
        self.meter_id = f"73599928{rng.randrange(10**8):08d}"

    def registers(self, at: float, share: float = 1.0) -> Registers:
        """What a meter of this home counts at a moment; `share` of the water goes through it (a warm water meter)."""
        watts, watt_hours = self._power.rate(at), self._power.total(at)
        litres = self._water_at + self._water.total(at)
        return Registers(
            total_l=int(litres * share), target_l=int((self._water_at - self._month_l) * share),
            flow_lh=int(self._water.rate(at) * share), energy_wh=int(self._energy_at + watt_hours),
            power_w=int(watts), volume_l=int(self._energy_at / 40 + watt_hours / 20), units=int(watt_hours / 900),
            temperature_c=round(self._temperature, 1), battery_days=3700 + self.number,
            flags=4 if self.leak_lh else 0, export_wh=self.number)

    def electricity(self, at: float, energy_at: float) -> han_encoder.Electricity:
        """What the electricity meter shows at a moment; its energy registers are those of `energy_at`."""
        watts = self._power.rate(at)
        whole = sum(self._phases)
        volts = [v + 2.5 * math.sin(at / 97 + i) for i, v in enumerate(self._volts)]
        return han_encoder.Electricity(
            import_w=watts, export_w=0, inductive_var=watts * 0.06, capacitive_var=40,
            current_a=[watts * p / whole / v for p, v in zip(self._phases, volts)], voltage_v=volts,
            import_wh=self.import_wh(energy_at), export_wh=0,
            inductive_varh=self.import_wh(energy_at) // 17, capacitive_varh=self.import_wh(energy_at) // 9)

    def import_wh(self, at: float) -> int:
        """The electricity meter's import register, Wh."""
        return int(self._energy_at + self._power.total(at))


class Street:
    """Homes, meters, gateways' sites, and the order in which things are sent."""

    def __init__(self, seed: int, start: float, end: float, homes: int = 34, dialects=("aidon", "kaifa", "kamstrup")):
        self.seed, self.start, self.end = seed, start, end
        rng = random.Random(f"street {seed}")
        self._rng = random.Random(f"air {seed}")
        self.homes = [Home(rng, n, start - LOOK_BACK_S, end + SPARE_S) for n in range(homes)]
        self.meters: list[Meter] = []
        self._home_of: dict[Meter, Home] = {}
        self._share: dict[Meter, float] = {}
        self._people(rng)
        self.sites = self._sites(rng, list(dialects))
        self._links = {(meter, s, r): self._link(rng, meter, site, antenna)
                       for meter in self.meters for s, site in enumerate(self.sites)
                       for r, antenna in enumerate(site.radios)}
        self._leaks_from = start + (end - start) * rng.uniform(0.3, 0.7)

    # --- who lives there ------------------------------------------------------------------------------------------

    def _people(self, rng: random.Random) -> None:
        cold = [m for m in meters.WATER if m.kind != 0x06]
        warm = [m for m in meters.WATER if m.kind == 0x06]
        order: list = []
        used: set[str] = set()
        for home in self.homes:
            if not order:
                order = rng.sample(cold, len(cold))
            self._install(rng, home, order.pop(), used)
            if home.number % 6 == 3:
                self._install(rng, home, rng.choice(warm), used, 0.35)
            if home.number % 4 == 1:
                self._install(rng, home, rng.choice(meters.OTHER), used)
        for model in meters.OTHER[:3]:  # each kind of foreign meter is there at least once
            self._install(rng, rng.choice(self.homes), model, used)

    def _install(self, rng: random.Random, home: Home, model, used: "set[str]", share: float = 1.0) -> None:
        ident = f"{rng.randrange(10**7, 10**8):08d}"
        while ident in used:
            ident = f"{rng.randrange(10**7, 10**8):08d}"
        used.update((ident, f"{int(ident) ^ 1:08d}"))
        meter = Meter(model, ident, rng.randbytes(16), rng.randrange(256))
        self.meters.append(meter)
        self._home_of[meter], self._share[meter] = home, share

    def _sites(self, rng: random.Random, dialects: "list[str]") -> "list[Site]":
        """Three gateways: two homes a third of the street apart, and a concentrator with two antennas between them."""
        rng.shuffle(dialects)
        n = len(self.homes)
        # Homes whose own meters are encrypted: their gateways have keys to hold.
        keyed = [h for h in range(n) if all(m.key for m in self._at(h))]
        first = rng.choice([h for h in keyed if n // 6 <= h < n * 2 // 5])
        second = rng.choice([h for h in keyed if n * 3 // 5 <= h < n * 5 // 6])
        middle = self.homes[n // 2].x
        sites = [Site(f"home-{h + 1}", "home", h, (Radio("bursts", self.homes[h].x, self.homes[h].y),), dialects[i])
                 for i, h in enumerate((first, second))]
        sites.append(Site("concentrator", "concentrator", -1,
                          (Radio("rtlwmbus", middle - 15, WIDTH_M / 2), Radio("bursts", middle + 15, WIDTH_M / 2)), ""))
        # The homes whose HAN dialect no gateway reads yet still have a stream to connect to.
        spare = [h for h in range(n) if h not in (first, second)]
        sites += [Site(f"han-{d}", "home", rng.choice(spare), (), d) for d in dialects[2:]]
        return sites

    def _link(self, rng: random.Random, meter: Meter, site: Site, antenna: Radio) -> radio.Link:
        home = self._home_of[meter]
        distance = max(4.0, math.hypot(home.x - antenna.x, home.y - antenna.y))
        own = home.number == site.home
        # A gateway's own home has no outer wall between it and its meter.
        loss = 6 if own else home.loss_db
        power = 12 - OLD_METER_DB * (int(meter.ident) % 2)
        link = radio.Link(rng, power, loss, site.kind, distance)
        if own:
            link.mean_dbm = max(link.mean_dbm, -80.0)
        return link

    def own_meters(self, site: Site) -> "list[Meter]":
        """The water meters of the household at a site."""
        return self._at(site.home)

    def _at(self, home: int) -> "list[Meter]":
        return [m for m in self.meters if m.is_water and self._home_of[m].number == home]

    def water_meters(self) -> "list[Meter]":
        """All meters whose telegrams a gateway relays."""
        return [m for m in self.meters if m.is_water]

    # --- what happens when ----------------------------------------------------------------------------------------

    def schedule(self) -> "Iterator[Due]":
        """Everything that is due, in order of simulated time, until the end of the simulation (as it is then)."""
        rng = random.Random(f"schedule {self.seed}")
        heap: list[Due] = []
        order = 0
        for meter in self.meters:
            heap.append(Due(self.start + rng.uniform(0, meter.model.period), order, meter, 0))
            order += 1
        for site in self.sites:
            if site.han:
                dialect = han_encoder.DIALECTS[site.han]
                for which, every in ((1, dialect.power_every), (2, dialect.list_every)):
                    if every:
                        heap.append(Due(self.start + rng.uniform(0, every), order, site, which))
                        order += 1
                hour = self.start // 3600 * 3600 + dialect.hour_at
                heap.append(Due(hour if hour >= self.start else hour + 3600, order, site, 3))
                order += 1
        heapq.heapify(heap)
        while heap:
            due = heap[0]
            if due.at >= self.end:
                return
            yield due
            if isinstance(due.source, Meter):
                every = due.source.model.period * rng.uniform(0.98, 1.02)
            else:
                dialect = han_encoder.DIALECTS[due.source.han]
                every = (dialect.power_every, dialect.list_every, 3600)[due.which - 1]
            heapq.heapreplace(heap, due._replace(at=due.at + every))

    def transmit(self, meter: Meter, at: float, truth: Truth):
        """A meter sends at a moment; returns (what was sent, what arrived where)."""
        home = self._home_of[meter]
        if home.leak_lh and at >= self._leaks_from:
            meter.status = 0x04 if meter.status == 0 and home.number % 2 else 0x20
        registers = home.registers(at, self._share[meter])
        data = meter.telegram(registers, at)
        litres = meter.shown("total_l", registers) if meter.is_water else None
        sent = truth.add_sent(meter, at, data, litres)
        raw = wmbus_encoder.burst(data, meter.model.mode)
        arrived = []
        for s, site in enumerate(self.sites):
            for r in range(len(site.radios)):
                rssi = self._links[meter, s, r].receive()
                if rssi is not None:
                    good = self._rng.random() >= DAMAGED
                    arrived.append(Reception(site, r, rssi, raw if good else radio.damage(self._rng, raw), good))
        return sent, arrived

    def push(self, site: Site, which: int, at: float):
        """The electricity meter of a site's home sends a list; returns (bytes, undamaged, register in Wh).

        The hourly list is never damaged: whether its hour can be known is not for chance to decide.
        """
        home = self.homes[site.home]
        energy_at = at // 3600 * 3600 if which == 3 else at
        raw = han_encoder.frame(site.han, which, home.electricity(at, energy_at), home.meter_id, at)
        good = which == 3 or self._rng.random() >= DAMAGED
        wh = han_encoder.register_wh(site.han, home.import_wh(energy_at))
        return raw if good else radio.damage(self._rng, raw), good, wh
