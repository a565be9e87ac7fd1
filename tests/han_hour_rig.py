"""An hour of a HAN port at a chip's UART beside all else that a gateway does, in simulated time, for both runtimes.

The meter sends its lists at its make's interval, in its make's setting, through the front end that its port needs. One
core does the rest: 12.5 telegrams a second from a radio, in bursts; garbage collected and pages of flash programmed
every ten seconds; a block erased every minute, where a gateway erases three an hour; and every five minutes, where
fifteen are the default, a signature and a handshake. How long each holds the core: instructions of the device benches
(bench/han.py, bench/wmbus.py, bench/sign.py) times what one takes on an ESP32-C3 at 160 MHz, and the figures of NOR
flash (Winbond W25Q32JV: page program 0.4 ms, at most 3; erase of 4 KiB 45 ms, at most 400). Flash turns interrupts off.
"""

import gc

import han_rows
import han_vectors as v
from han_rig import P1, Home, MBus, Upright

import han_reader
from firmware.port import uart
from firmware.spool import nor
from han_reader.ports import SETTINGS

NS = 14.4  # an instruction's worst, in nanoseconds
MESSAGE, TELEGRAM = 300000, 4000000  # instructions: at most so many for a DLMS list, a P1 telegram
RELAYED, OWN = 91000, 135000  # for a telegram of the radio
PROGRAM_US, ERASE_US, LONG_ERASE_US = 3000, 45000, 400000
SIGN_STEPS, SIGN_STEP_US = 30, 15000
SECOND = 1000000
EVEN, KAMSTRUP, P1_RAW, P1_OLD = SETTINGS[0], SETTINGS[1], SETTINGS[3], SETTINGS[4]
SLOVENIA, SLOVENIA_P1 = SETTINGS[6], SETTINGS[7]


class Random:
    """The same numbers on both runtimes."""

    def __init__(self, seed=1):
        self._state = seed

    def below(self, n):
        """A number from 0 to n - 1."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % n


# --- what the meters send

def wire_of(row):
    """The bytes that the line carries for a row of the corpus; None where they are no whole message."""
    data, form = bytes.fromhex(row["hex"]), row["format"]
    if form == "dlms-llc":
        return v.frame(data)
    if form == "dlms-apdu":
        return v.frame(v.LLC + data)
    if form == "dlms-body":
        return v.frame(v.LLC + v.notification(data))
    if form == "dsmr-p1":
        data = data.lstrip()
    if data[:1] == b"/" and data[-1:] != b"\n":  # a capture that ends with the last character
        data += b"\r\n"
    return data if data[:1] in (b"\x7e", b"\x68", b"/") else None


def line_of(row, wire):
    """(board, setting, seconds between two) of a row's meter: the makers' sheets, EN 62056-21, the national rules."""
    make, country = row["meter"], row["country"]
    if wire[:1] == b"/":
        slow = country in ("SE", "NO", "DK", "DE", "SI")
        if country == "SI":
            return Upright, SLOVENIA_P1, 10
        if wire.strip()[-1:] == b"!" and max(wire) < 128:  # no CRC: DSMR 2 and 3
            return P1, P1_OLD, 10
        return P1, P1_RAW, 10 if slow else 1
    if country == "SI":
        return Upright, SLOVENIA, 10
    if "Kamstrup" in make:
        return MBus, KAMSTRUP, 10
    short = len(wire) < 60
    if country == "AT":
        return MBus, EVEN, 5
    return MBus, EVEN, 10 if not short else 2 if "Kaifa" in make else 2.5


def groups(rows):
    """{(board's name, setting, seconds): [(board, wire, messages in it)]} of what can be sent, and the ids of what
    cannot: a message without its frame. Sent is also what cannot be read without a key."""
    out, left = {}, []
    for row in rows:
        if row["must"] not in ("decode", "frame-only"):
            continue
        wire = wire_of(row)
        count = 0 if wire is None else len(han_reader.Reader(True).feed(wire))
        if not count:
            left.append(row["id"])
            continue
        board, setting, every = line_of(row, wire)
        out.setdefault((board.__name__, setting, every), []).append((board, wire, count))
    return out, left


def own_rows():
    """Lists of each kind of line, of our own."""
    for make, name, apdu, _ in han_rows.norwegian():
        yield {"id": "%s %s" % (make, name), "meter": make, "country": "NO", "format": "dlms-apdu", "must": "decode",
               "hex": apdu.hex()}
    for country, lines, check in (("NL", v.P1_LINES * 2, True), ("NL", v.P1_OLD, False), ("SI", v.P1_LINES, True)):
        yield {"id": country, "meter": "", "country": country, "format": "dsmr-p1", "must": "decode",
               "hex": v.telegram(lines, crc_digits=check).hex()}
    yield {"id": "SI", "meter": "Iskraemeco", "country": "SI", "format": "hdlc-dlms", "must": "decode",
           "hex": v.segments(v.kaifa(3), 60).hex()}


# --- what else the core does

class Device:
    """The flash: its times only."""

    def __init__(self, chip):
        self._chip = chip
        self.erases = 0

    def ioctl(self, op, _arg):
        """Blocks, bytes of one, erase."""
        if op != 6:
            return 4096
        self.erases += 1
        self._chip.stall(LONG_ERASE_US if self.erases % 15 == 0 else ERASE_US)
        return 0


def hold(chip, instructions):
    """Compute."""
    chip.advance(int(instructions * NS / 1000))


async def radio(core, random):
    """Telegrams in bursts, 12.5 a second."""
    while True:
        count = 1 + random.below(9)  # five, on average
        for _ in range(count):
            hold(core.chip, RELAYED + (OWN if not random.below(200) else 0))
            await core.sleep_us(5000)
        await core.sleep_us(random.below(730000))


async def housekeeping(core):
    """Garbage and pages of flash."""
    while True:
        await core.sleep(10)
        core.chip.advance(20000)
        for _ in range(4):
            core.chip.stall(PROGRAM_US)
            await core.sleep(0)


async def erasing(core, device, random):
    """Blocks of flash."""
    flash = nor.Flash(device)
    while True:
        await core.sleep_us(59 * SECOND + random.below(2 * SECOND))
        flash.erase(0)


async def uplink(core, random, away_ms):
    """A batch: signature, then a handshake that holds the core for as long as it may."""
    while True:
        await core.sleep_us(280 * SECOND + random.below(40 * SECOND))
        for _ in range(SIGN_STEPS):
            core.chip.advance(SIGN_STEP_US)
            await core.sleep(0)
        core.chip.advance(away_ms * 1000)


# --- the hour

def hour(lists, setting, every, seconds=3600, away_ms=uart.AWAY_MS, patient=True):
    """A meter that sends its lists in turn, `every` so many seconds, for so long: {sent, lost, wrong, erases, away_ms}.
    `patient` erases wait for the line."""
    gc.collect()
    saved = han_port_saved(setting)
    home = Home(lists[0][0], setting, saved, lambda message: int(NS * (
        TELEGRAM if message[:1] == b"/" else MESSAGE) / 1000), p1_without_crc=True)
    random = Random()
    device = Device(home.chip)
    home.core.start(radio(home.core, random))
    home.core.start(housekeeping(home.core))
    home.core.start(uplink(home.core, random, away_ms))
    home.core.start(erasing(home.core, device, random))
    home.run(SECOND)
    if not patient:
        home.impatient()
    sent, expected, longest = 0, {}, 0
    for _board, wire, _count in lists:
        longest = max(longest, len(wire) * home.line.symbol * SECOND // setting[0])
        for message in han_reader.Reader(True).feed(wire):
            expected[message] = True
    step = max(int(every * SECOND), longest + SECOND // 2)  # some captures are several lists in one
    for n in range(seconds * SECOND // step):
        _, wire, count = lists[n % len(lists)]
        home.line.send(wire, SECOND + n * step)
        sent += count
        if n % 8 == 7:  # not all of it in memory at once
            home.run(SECOND + n * step)
    home.run(SECOND * (seconds + 10))
    wrong = sum([home.messages[m] for m in home.messages if m not in expected])
    home.close()
    return {"sent": sent, "lost": sent - home.heard + wrong, "wrong": wrong, "erases": device.erases,
            "away_ms": home.away_us // 1000, "bytes_lost": home.chip.lost}


def han_port_saved(setting):
    """What a HAN port has saved that has found this setting."""
    import json
    return json.dumps({"setting": setting}).encode()


def hours(rows, each=False, seconds=3600, tell=None):
    """An hour of each kind of line, its lists in turn, or with `each` of every single list: figures, summed, and by
    line."""
    by, left = groups(rows)
    total = {"lists": 0, "hours": 0, "sent": 0, "lost": 0, "wrong": 0, "away_ms": 0, "left_out": left, "lines": {}}
    for key in sorted(by, key=str):
        board, setting, every = key
        name = "%s %d %d%s%d%s, %g s" % ((board,) + setting[:4] + (" inverted" if setting[4] else "", every))
        line = total["lines"][name] = {"lists": len(by[key]), "sent": 0, "lost": 0, "wrong": 0}
        for lists in [[one] for one in by[key]] if each else [by[key]]:
            figures = hour(lists, setting, every, seconds)
            total["hours"] += 1
            total["away_ms"] = max(total["away_ms"], figures["away_ms"])
            for what in ("sent", "lost", "wrong"):
                line[what] += figures[what]
                total[what] += figures[what]
        total["lists"] += len(by[key])
        if tell is not None:
            tell(name, line)
    return total
