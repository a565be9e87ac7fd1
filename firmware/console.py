"""What a person at the fuse cabinet is told: lines on the console, blinks of a lamp. Loaded with a board only.

Each fault is one line when it begins, one when it is over, and, where it does not cut the way there, an event at the
receiver, once a start:

    netti: ready {"id": ..., "board": ..., "radio": {"cc1101": "..."}, "han_bytes": ..., "heap": [free, used], ...}
    netti: fault 3: cc1101: no answer on SPI 1
"""

import asyncio
import json

READY_S = 20  # the line comes when radio and HAN port are known, and after that at the latest
HAN_S = 60  # no meter is silent for so long: 10 s are the most between two lists
OVER_S = 30  # a task that was started again is well when it has lived for so long
LOOK_S = 2
SIGN_S = 120  # when it has certainly looked again
ON_S, OFF_S, BETWEEN_S, PAUSE_S, LONG_S = 0.15, 0.3, 1.5, 3, 1.5

# Blinks of the lamp: docs/gateway.md, "Blink codes". None is one long one.
QUIET = 0  # power fails again and again: only reads and stores
WELL = 1
HAN = 2  # nothing from the HAN port
RADIO = 3  # the radio does not answer
WIFI = 4  # refused, or not there
RECEIVER = 5  # cannot be reached
ENROL = 6  # not enrolled
SETTING = 7  # a setting or a pin is wrong


def pattern(codes):
    """Seconds (on, off) of the flashes that tell these codes, one after the other."""
    out = []
    for code in codes:
        if code == QUIET:
            out.append((LONG_S, BETWEEN_S))
            continue
        out += [(ON_S, OFF_S)] * (code - 1) + [(ON_S, BETWEEN_S)]
    on, off = out[-1]
    out[-1] = on, off + PAUSE_S
    return out


class Console:
    """`radios` is [(task, name, what has `found`)], `lamp` a function of whether it is lit or None, `wifi` has
    `reason`."""

    def __init__(self, gateway, board, radios, lamp=None, wifi=None):
        self._gateway = gateway
        self._board = board
        self._radios = radios
        self._lamp = lamp
        self._wifi = wifi
        self.quiet = False  # whether it only reads and stores
        self._faults = {}  # code, or code and task -> what was told
        self._seen = {}  # task -> when it was last seen to have ended, real ms
        self._bytes = 0
        self._bytes_at = gateway.hal.real_ms()
        self._told = set()  # faults that are events already
        self._ready = False
        self._since = self._bytes_at

    def loud(self):
        """The quiet mode is over."""
        self.quiet = False

    async def run(self):
        """Look and blink for ever."""
        while True:
            codes = self.look()
            self._gateway.watch.sign("console", SIGN_S)
            if self._lamp is None:
                await asyncio.sleep(LOOK_S)
                continue
            try:
                for on, off in pattern(codes):
                    self._lamp(True)
                    await asyncio.sleep(on)
                    self._lamp(False)
                    await asyncio.sleep(off)
            finally:
                self._lamp(False)

    def look(self):
        """See how things are, and tell what has changed; returns the codes to blink."""
        faults = self.faults()
        for key in sorted(faults):
            if key not in self._faults:
                self._begin(key, faults[key])
        for key in self._faults:
            if key not in faults:
                self._print("over %d: %s" % (key[0], self._faults[key]))
        self._faults = faults
        if not self._ready and self._known():
            self._ready = True
            self._print("ready " + json.dumps(self.row()))
        codes = sorted({key[0] for key in faults})
        if self.quiet:
            codes.insert(0, QUIET)
        return codes or [WELL]

    def _print(self, text):
        self._gateway.hal.print_line("netti: " + text)

    def _begin(self, key, text):
        self._print("fault %d: %s" % (key[0], text))
        # What keeps it from sending is told by others, or by its silence.
        if key[0] in (HAN, RADIO, SETTING) and key not in self._told:
            self._told.add(key)
            self._gateway.journal.event_if_room("fault", text)

    def faults(self):
        """{(code, task): what is wrong}."""
        g = self._gateway
        now = g.hal.real_ms()
        out = {}
        for task, name, _ in self._radios:
            why = self._ended(task, now)
            if why:
                out[RADIO, task] = why if why.startswith(name) else name + ": " + why
        if g.han is not None:
            why = self._ended("han", now) or self._silent(now)
            if why:
                out[HAN, "han"] = "HAN port: " + why
        if self.quiet:
            return out
        if self._wifi is not None and self._wifi.reason:
            out[WIFI, "wifi"] = "Wi-Fi: " + self._wifi.reason
        elif g.uplink.last_error == "HTTP 401":
            out[ENROL, "uplink"] = "the receiver does not know this gateway"
        elif g.uplink.last_error:
            out[RECEIVER, "uplink"] = "receiver: " + g.uplink.last_error
        return out

    def _ended(self, task, now):
        # Why a task is down: it ended, and has not lived for long since.
        why = self._gateway.tasks.ended.get(task)
        if why:
            self._seen[task] = now, why
        elif now - self._seen.get(task, (-OVER_S * 1000, ""))[0] < OVER_S * 1000:
            why = self._seen[task][1]
        why = why.strip().split("\n")[-1] if why else ""  # of a trace, what it was
        for kind in ("OSError ", "OSError: ", "ValueError: "):
            if why.startswith(kind):
                return why[len(kind):]
        return why

    def _silent(self, now):
        got = self._gateway.han.bytes
        if got != self._bytes:
            self._bytes, self._bytes_at = got, now
        return "no bytes" if now - self._bytes_at >= HAN_S * 1000 else ""

    def _known(self):
        g = self._gateway
        if g.hal.real_ms() - self._since >= READY_S * 1000:
            return True
        return (g.han is None or g.han.bytes > 0) and all(
            getattr(radio, "found", "") or task in g.tasks.ended for task, _, radio in self._radios)

    def row(self):
        """What the ready line says."""
        g = self._gateway
        row = {"id": g.identity.gateway, "board": self._board, "heap": list((g.memory or g.hal.memory() or ())[:2]),
               "radio": {name: getattr(radio, "found", "") for _, name, radio in self._radios},
               "codes": sorted({key[0] for key in self._faults})}
        if g.han is not None:
            row["han_bytes"] = g.han.bytes
        return row


def refused(hal, path, error):
    """A start was refused: say so on the console, and on the lamp of the board that config.json names, if it does."""
    import time
    try:
        name = json.loads(hal.files.read_whole(path + "/config.json") or b"{}").get("board")
        board = __import__("firmware.boards." + name, None, None, ("LED",)) if name else None
        lamp = hal.lamp(*board.LED) if board is not None else None
    except (ValueError, TypeError, AttributeError, ImportError, KeyError):
        return
    if board is None:
        return
    code = ENROL if "enrol" in error or "works.json" in error else SETTING
    hal.print_line("netti: fault %d: %s" % (code, error))
    if lamp is None:
        return
    for on, off in pattern([code] * 3):
        lamp(True)
        time.sleep(on)
        lamp(False)
        time.sleep(off)
