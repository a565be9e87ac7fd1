"""The makes of the simulated street: what each meter sends, how it protects it, how often, in which mode.

One row of `MODELS` is one type of meter. Record fields are (DIF and VIF, coding, register): the registers are those of
`Registers`, in litres, watt-hours and so on; the coding's step turns a register into what the meter shows. The layouts
are those of EN 13757-3; versions and types are ones that the makes use.
"""

import datetime
from collections import namedtuple

from . import wmbus_encoder as enc

# The Norwegian meters' clock: normal time all the year round.
NORMAL_TIME = datetime.timezone(datetime.timedelta(hours=1))

WATER_TYPES = (0x06, 0x07, 0x15, 0x16)

Registers = namedtuple("Registers", (
    "total_l", "target_l", "flow_lh", "energy_wh", "power_w", "volume_l", "units", "temperature_c", "battery_days",
    "flags", "export_wh"))
Registers.__new__.__defaults__ = (0,) * len(Registers._fields)

# security: "ctr" ELL AES-CTR; "5" mode 5; "" plain. header: "7a", "72" behind a radio converter, "8c" ELL + 7A.
Model = namedtuple("Model", ("name", "make", "version", "kind", "mode", "period", "security", "header", "records"))

_DATE, _TIME = "date", "time"

# Codings: (kind, bytes or digits, step in the register's unit).
_RECORDS_MULTICAL = (("02ff20", ("int", 2, 1), "flags"), ("0413", ("int", 4, 1), "total_l"),
                     ("4413", ("int", 4, 1), "target_l"), ("615b", ("int", 1, 1), "temperature_c"),
                     ("6167", ("int", 1, 1), "temperature_c"))

MODELS = (
    Model("kamstrup", "KAM", 0x1B, 0x16, "C1B", 96, "ctr", "8d", _RECORDS_MULTICAL),
    Model("kamstrup-a", "KAM", 0x1C, 0x16, "C1A", 96, "ctr", "8d", _RECORDS_MULTICAL),
    Model("sensus", "SEN", 0x68, 0x07, "T1", 60, "5", "7a", (
        ("0413", ("int", 4, 1), "total_l"), ("023b", ("int", 2, 1), "flow_lh"))),
    Model("axioma", "AXI", 0x10, 0x07, "T1", 64, "5", "7a", (
        ("046d", _TIME, ""), ("0413", ("int", 4, 1), "total_l"), ("023b", ("int", 2, 1), "flow_lh"),
        ("0259", ("int", 2, 0.01), "temperature_c"), ("446d", _TIME, "month"), ("4413", ("int", 4, 1), "target_l"),
        ("01fd74", ("int", 1, 40), "battery_days"))),  # a percent of a life of 4000 days
    Model("diehl", "DME", 0x70, 0x07, "T1", 48, "5", "8c", (
        ("0c13", ("bcd", 8, 1), "total_l"), ("4c13", ("bcd", 8, 1), "target_l"), ("426c", _DATE, "month"),
        ("0b3b", ("bcd", 6, 1), "flow_lh"), ("02fd74", ("int", 2, 1), "battery_days"),
        ("025a", ("int", 2, 0.1), "temperature_c"))),
    Model("zenner", "ZRI", 0x14, 0x07, "T1", 120, "5", "72", (
        ("0c13", ("bcd", 8, 1), "total_l"), ("026c", _DATE, ""), ("4c13", ("bcd", 8, 1), "target_l"),
        ("426c", _DATE, "month"), ("02fd17", ("int", 2, 1), "flags"))),
    Model("itron", "ITW", 0x30, 0x16, "C1A", 90, "5", "7a", (
        ("0414", ("int", 4, 10), "total_l"), ("4414", ("int", 4, 10), "target_l"), ("426c", _DATE, "month"),
        ("02fd17", ("int", 2, 1), "flags"))),
    Model("apator", "APA", 0x01, 0x16, "T1", 75, "5", "7a", (
        ("0413", ("int", 4, 1), "total_l"), ("03fd17", ("int", 3, 1), "flags"),
        ("4413", ("int", 4, 1), "target_l"), ("04933c", ("int", 4, 1), "export_wh"))),
    Model("engelmann", "EFE", 0x01, 0x07, "C1A", 112, "5", "8c", (
        ("0c13", ("bcd", 8, 1), "total_l"), ("046d", _TIME, ""), ("4c13", ("bcd", 8, 1), "target_l"),
        ("426c", _DATE, "month"), ("02fd17", ("int", 2, 1), "flags"))),
    Model("qundis-warm", "QDS", 0x16, 0x06, "C1B", 225, "5", "7a", (
        ("0c13", ("bcd", 8, 1), "total_l"), ("4c13", ("bcd", 8, 1), "target_l"), ("426c", _DATE, "month"),
        ("046d", _TIME, ""))),
    # Sends in plain text: relayed as bytes all the same.
    Model("bmeters", "BMT", 0x15, 0x07, "T1", 80, "", "7a", (
        ("0c13", ("bcd", 8, 1), "total_l"), ("046d", _TIME, ""), ("4c13", ("bcd", 8, 1), "target_l"))),
    # Not water: heard, counted, never relayed.
    Model("heat-kamstrup", "KAM", 0x34, 0x04, "C1B", 64, "ctr", "8d", (
        ("0406", ("int", 4, 1000), "energy_wh"), ("0414", ("int", 4, 10), "volume_l"),
        ("022d", ("int", 2, 100), "power_w"), ("0259", ("int", 2, 0.01), "temperature_c"))),
    Model("heat-diehl", "DME", 0x40, 0x04, "T1", 120, "5", "7a", (
        ("0c06", ("bcd", 8, 1000), "energy_wh"), ("0c13", ("bcd", 8, 1), "volume_l"),
        ("0c2b", ("bcd", 8, 1), "power_w"), ("426c", _DATE, "month"))),
    Model("electricity-emh", "EMH", 0x02, 0x02, "T1", 40, "5", "7a", (
        ("0403", ("int", 4, 1), "energy_wh"), ("04833c", ("int", 4, 1), "export_wh"),
        ("042b", ("int", 4, 1), "power_w"))),
    Model("heat-cost-qundis", "QDS", 0x35, 0x08, "C1A", 240, "", "7a", (
        ("0b6e", ("bcd", 6, 1), "units"), ("4b6e", ("bcd", 6, 1), "units"), ("426c", _DATE, "month"))),
)
BY_NAME = {m.name: m for m in MODELS}
WATER = tuple(m for m in MODELS if m.kind in WATER_TYPES)
OTHER = tuple(m for m in MODELS if m.kind not in WATER_TYPES)


def _coded(coding, register: str, registers: Registers, moment: datetime.datetime) -> bytes:
    if coding in (_DATE, _TIME):
        if register == "month":  # the set day: the last of the month before
            moment = moment.replace(day=1, hour=0, minute=0) - datetime.timedelta(minutes=1)
        return enc.date(moment) if coding == _DATE else enc.date_time(moment)
    kind, size, step = coding
    value = int(getattr(registers, register) / step)
    return enc.bcd(value, size) if kind == "bcd" else value.to_bytes(size, "little", signed=value < 0)


class Meter:
    """One meter: its address, its key (None: plain text) and its running counters."""

    def __init__(self, model: Model, ident: str, key: "bytes | None", access: int = 0):
        self.model, self.ident = model, ident
        self.key = key if model.security else None
        self.address = enc.address(model.make, ident, model.version, model.kind)
        # Behind a radio converter the DLL names the converter (device type 37), the long header the meter.
        self.sender = (enc.address(model.make, f"{int(ident) ^ 1:08d}", model.version, 0x37)
                       if model.header == "72" else self.address)
        self.access, self.sent = access, 0
        self.status = 0

    @property
    def text(self) -> str:
        """The meter as people write it: KAM-12345678-1B-16 (manufacturer, id, version, type)."""
        return f"{self.model.make}-{self.ident}-{self.model.version:02X}-{self.model.kind:02X}"

    @property
    def is_water(self) -> bool:
        """Whether its medium is one that a gateway relays."""
        return self.model.kind in WATER_TYPES

    def shown(self, register: str, registers: Registers) -> float:
        """The register as this meter's resolution shows it: the truth a reading of its telegram must equal."""
        step = next(coding[2] for _, coding, name in self.model.records if name == register)
        return int(getattr(registers, register) / step) * step

    def telegram(self, registers: Registers, at: float) -> bytes:
        """The next telegram, at simulated Unix time `at`; access number and session move on."""
        moment = datetime.datetime.fromtimestamp(at, NORMAL_TIME)
        records = b"".join(bytes.fromhex(head) + _coded(coding, register, registers, moment)
                           for head, coding, register in self.model.records)
        access, self.access = self.access, (self.access + 1) & 0xFF
        self.sent += 1
        if self.model.security == "ctr":
            content = enc.ell_ctr(self.address, access, self.sent & 15, int(at // 60), b"\x78" + records, self.key)
        else:
            long = self.model.header == "72"
            if self.key:
                content = enc.mode_5(self.address, access, self.status, records, self.key, long)
            else:
                content = enc.plain(self.address, access, self.status, records, long)
            if self.model.header == "8c":
                content = enc.ell_short(access, content)
        return enc.link(self.sender, content)
