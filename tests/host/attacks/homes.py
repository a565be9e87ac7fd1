"""What is tried at a gateway itself: by its radio, in its receiver's name, at its HAN port. On both runtimes."""

import os
import random
import subprocess
import sys
import threading
import time

import gateway_rig
import han_vectors
import wmbus_cases as cases
from gateway_rig import COMMAND_KEY, Ca, Rig, command
from receiver_support import HOUR

from firmware.wire import records

from .registry import attack

OWN = "NET-12345678-01-07"
FAR = 1 << 40


class _Process(gateway_rig.Process):
    """A gateway process without some defence; with a valve where its folder says so."""

    lacks = "none"

    def start(self):
        root, tests = str(gateway_rig.ROOT), str(gateway_rig.ROOT / "tests")
        command = [sys.executable]
        if self.runtime == "micropython":
            command = [str(gateway_rig.MICROPYTHON), "-X", "heapsize=192wK"]
        env = dict(os.environ, MICROPYPATH=f"{root}:{tests}:.frozen")
        if self.runtime == "cpython":
            env["PYTHONPATH"] = f"{root}:{tests}"
        self.process = subprocess.Popen([*command, "-m", "lacking_gateway", self.lacks, str(self.folder), "--status"],
                                        cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reading = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reading.start()


class Homes:
    """Gateways of a runtime, each in a folder of its own. `lacks`: the defence that they lack (lacking_gateway.py)."""

    def __init__(self, folder, runtime, lacks="none"):
        self.folder, self.runtime, self.lacks = folder, runtime, lacks
        folder.mkdir(parents=True, exist_ok=True)

    def home(self, **settings):
        """A gateway with both its other ends, to be used as a context."""
        rig = Rig(self.folder / f"g{os.urandom(4).hex()}", self.runtime, **settings)
        rig.gateway = _Process(rig.folder, self.runtime)
        rig.gateway.lacks = self.lacks
        scale = settings.get("scale", 1)
        if scale != 1:
            threading.Thread(target=_keep_time, args=(rig, scale), daemon=True).start()
        return rig


def _keep_time(rig, scale):
    """Have the receiver's time run as fast as the gateway's."""
    began = time.time()
    while rig.gateway.process is None or rig.gateway.process.poll() is None:
        rig.receiver.time = int(began + (time.time() - began) * scale)
        time.sleep(0.02)


def own(key=cases.KEY, meter=OWN):
    """The setting for one own meter."""
    return [{"meter": meter, "key": None if key is None else key.hex()}]


def reached(rig, telegram, seconds=30):
    """Until the receiver has been sent a telegram; what was sent before it is there then."""
    rig.feed([telegram])
    rig.until(lambda: telegram in rig.receiver.telegrams(), seconds)


def judge(n):
    """A telegram of a meter that is in nobody's way, to see that all before it was looked at."""
    return cases.mode5(who=cases.address(number="%08d" % (50_000_000 + n)))


@attack("radio", at="gateway")
def replays_take_the_place(homes):
    """At the start of each window recorded telegrams of the victim are played: of long ago, or with just the access
    numbers that it would send next; it goes on sending its own every few minutes. Held where of its own some reach the
    receiver, window after window."""
    def recorded(number):
        return cases.mode5(cases.RECORDS[:2] + b"\x01\0\0\0" + cases.RECORDS[6:], access=number & 255)
    with homes.home(scale=600, interval=600) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"), doing=None)
        windows: list = []  # the genuine telegrams of each, of six seconds; the first is not disturbed
        hour, access, replays = None, 99, []
        end = time.monotonic() + 60
        while len(windows) < 5:
            assert time.monotonic() < end, rig.gateway.status()
            now = rig.receiver.time
            if hour is None:
                hour = now // HOUR  # what is left of it is not counted
            elif now // HOUR != hour and now % HOUR > 100:  # the gateway's clock goes by it
                hour = now // HOUR
                windows.append([])
                if len(windows) > 1:
                    first = access + 1 if len(windows) % 2 else 10 * len(windows)
                    replays += [recorded(first + n) for n in range(3)]
                    rig.feed(replays[-3:])
            elif windows and 400 < now % HOUR < 3300:
                access += 1
                windows[-1].append(cases.mode5(access=access & 255))
                rig.feed(windows[-1][-1:])
            time.sleep(0.1)
        reached(rig, judge(1))
        sent = set(rig.receiver.telegrams())
        relayed = [any(g in sent for g in genuine) for genuine in windows[:4]]
        return None if all(relayed) else f"in {sum(relayed)} of 4 windows a genuine telegram was relayed, and " \
                                         f"{sum(r in sent for r in replays)} replays"


@attack("stranger", at="gateway")
def orders_of_others(homes):
    """Orders by a key of nobody, for another works, another gateway, another purpose; altered, cut and lengthened ones;
    one without a signature. Held where none is executed and none answered, and the works' own still is."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    stranger = Ed25519PrivateKey.generate()
    with homes.home() as rig:
        me, meters = rig.me, {"meters": [{"meter": "NET-00000005-01-07", "key": cases.KEY}]}
        other = type(me)(*[bytes(10) if f == "kid" else getattr(me, f) for f in me._fields])
        good = command(me, 6, "own-meters", meters, FAR)
        signature = good.index(b"\x58\x40") + 2
        forged = command(me, 6, "own-meters", meters, FAR, key=stranger)
        named = forged.replace(forged[forged.index(b"\x04\x4a") + 2:][:10],
                               good[good.index(b"\x04\x4a") + 2:][:10])
        rig.receiver.commands = [(1000 + n, data) for n, data in enumerate((
            forged, named, command(me, 6, "own-meters", meters, FAR, works="other"),
            command(other, 6, "own-meters", meters, FAR), good[:-1], good + b"\0",
            good[:signature] + bytes(64) + good[signature + 64:],
            good[:-1] + bytes((good[-1] ^ 1,))))]
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("commands_refused", 0) >= 4 or rig.receiver.records(records.RESULT)
                  or rig.gateway.status().get("own_meters"))
        rig.receiver.commands = [(7, command(me, 7, "interval", {"seconds": 300}, FAR, key=COMMAND_KEY))]
        rig.until(lambda: 7 in [r[3] for r in rig.receiver.records(records.RESULT)]
                  or rig.gateway.status().get("own_meters"))
        executed = [r[3] for r in rig.receiver.records(records.RESULT) if r[3] != 7]
        meters = rig.gateway.status().get("own_meters")
        return f"orders {executed} were executed; own meters {meters}" if executed or meters else None


@attack("stranger", at="gateway")
def orders_again_and_late(homes):
    """The works' own orders, recorded: one that was executed comes again behind a later one, one after its time. Held
    where neither is executed."""
    with homes.home() as rig:
        me, meters = rig.me, {"meters": [{"meter": "NET-00000005-01-07", "key": cases.KEY}]}
        nothing = {"meters": []}
        rig.receiver.commands = [(3, command(me, 3, "own-meters", meters, FAR)),
                                 (4, command(me, 4, "own-meters", nothing, FAR))]
        rig.gateway.start()
        rig.until(lambda: len(rig.receiver.records(records.RESULT)) >= 2)
        now = int(time.time())
        rig.receiver.commands = [(9999, command(me, 3, "own-meters", meters, FAR)),
                                 (9998, command(me, 5, "own-meters", meters, now - 7200))]
        requests = rig.receiver.requests
        rig.until(lambda: rig.receiver.requests >= requests + 3)
        rig.until(lambda: 5 in [r[3] for r in rig.receiver.records(records.RESULT)])
        requests = rig.receiver.requests
        rig.until(lambda: rig.receiver.requests >= requests + 3 and rig.gateway.status().get("commands", 0) >= 3)
        executed = rig.gateway.status()["commands"]  # the late one is answered, and counts
        codes = {r[3]: r[4] for r in rig.receiver.records(records.RESULT)}
        if executed > 3:
            return f"three orders were executed {executed} times"
        return f"the late order is answered {codes[5]}" if codes[5] == 0 else None


@attack("stranger", at="gateway", quick=False)
def valve_without_consent(homes):
    """Whoever has the command key orders the valve closed, without the owner's consent, and with it an hour late and a
    year ahead. Held where it is refused each time."""
    with homes.home() as rig:
        now = int(time.time())
        rig.receiver.commands = [(n + 1, command(rig.me, n + 1, "close-valve", {}, at))
                                 for n, at in enumerate((now + 200, now - 3600, now + 31_536_000, FAR))]
        rig.gateway.start()
        rig.until(lambda: len(rig.receiver.records(records.RESULT)) >= 4)
        codes = [r[4] for r in rig.receiver.records(records.RESULT)]
        texts = [r[5] for r in rig.receiver.records(records.RESULT)]
        # Here is no valve: where it would be closed, that is what it says.
        return f"codes {codes}: {texts}" if 0 in codes or "no valve" in texts else None


@attack("radio", at="gateway")
def own_meter_forged_at_home(homes):
    """Plain telegrams of the household's own meter, which has a key: short header, behind headers of modes 5 and 7,
    with an ELL. Held where the gateway reads none of them, and a genuine one afterwards."""
    lie = b"\x04\x13\x40\x42\x0f\x00"
    plain = cases.padded(lie)
    checked = cases.little(cases.crc(b"\x78" + lie)) + b"\x78" + lie
    mac = b"\x25\x99\0\0\0" + bytes(8)
    forged = [cases.short(lie), cases.telegram(b"\x78" + lie),
              cases.telegram(b"\x8d\x20\x99\x01\x43\x65\x27" + checked),
              cases.telegram(bytes((0x7A, 0x77, 0, len(plain), 5)) + plain),
              cases.telegram(b"\x8c\x20\x77" + bytes((0x90, 15)) + cases.little(0x2C00) + mac
                             + bytes((0x7A, 0x2B, 0, len(plain), 7, 0x10)) + plain)]
    with homes.home(own_meters=own()) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"))
        rig.feed(forged)
        reached(rig, judge(2))
        read = rig.gateway.status().get("own", 0)
        rig.feed([cases.mode5(access=99)])
        rig.until(lambda: rig.gateway.status().get("own", 0) > read)
        return f"{read} of {len(forged)} forged telegrams were read" if read else None


@attack("user", at="gateway")
def neighbour_read_in_a_home(homes):
    """A resident has the box hear the neighbour's meters, sealed with their own key and in plain text. Held where none
    is decoded, and nothing in the gateway's folder holds a neighbour's value."""
    neighbour = cases.address(number="87654321")
    marks = (b"987654", b"NET-87654321", b"987.654")
    value = b"\x04\x13" + (987_654).to_bytes(4, "little")
    with homes.home(own_meters=own()) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"))
        rig.feed([cases.short(value, who=neighbour), cases.mode5(value, who=neighbour),
                  cases.mode7(value, who=neighbour), cases.ell(b"\x78" + value, who=neighbour)])
        reached(rig, judge(3))
        rig.gateway.stop()
        read = rig.gateway.status().get("own", 0)
        written = [p.name for p in rig.folder.rglob("*") if p.is_file() and "spool" not in str(p.parent)
                   and any(mark in p.read_bytes() for mark in marks)]
        return f"{read} telegrams were read, values stand in {written}" if read or written else None


@attack("user", at="gateway", quick=False)
def electricity_without_consent(homes):
    """The HAN port is configured, its owner has not opted in; hours pass. Held where no hour of electricity and not the
    meter's number is in what the gateway sends."""
    line = gateway_rig.Bridge()
    try:
        with homes.home(scale=1800, interval=600, han={"port": f"tcp://127.0.0.1:{line.port}"}) as rig:
            rig.gateway.start()
            rig.until(lambda: rig.gateway.status().get("acknowledged"))
            hours = set()
            end = time.monotonic() + 40
            while len(hours) < 4:
                assert time.monotonic() < end, rig.gateway.status()
                now = rig.gateway.status().get("time")
                if now:
                    hours.add(now // HOUR)
                    then = time.gmtime(now)
                    stamp = han_vectors.date_time(then[0], then[1], then[2], then[3], then[4], then[5])
                    line.send_raw(_kaifa(stamp, now // HOUR * 1000))
                time.sleep(0.1)
            assert rig.gateway.status().get("han"), rig.gateway.status()
            reached(rig, judge(4))
            hours = rig.receiver.records(records.HAN_HOUR)
            named = [raw for raw in rig.receiver.raw.values() if b"6970631401753985" in raw]
            return f"{len(hours)} hours of electricity were sent" if hours or named else None
    finally:
        line.close()


def _kaifa(stamp, wh):
    """A list with registers, as a Kaifa meter sends it each hour."""
    v = han_vectors
    data = v.structure(v.visible("KFM_001"), v.visible("6970631401753985"), v.visible("MA304H3E"), v.u32(1234),
                       v.u32(0), v.u32(0), v.u32(0), v.u32(1000), v.u32(1000), v.u32(1000), v.u32(2300), v.u32(2300),
                       v.u32(2300),
                       v.octets(stamp), v.u32(wh & 0xFFFFFFFF), v.u32(0), v.u32(0), v.u32(0))
    return v.frame(v.LLC + v.notification(data, v.tagged_time(stamp)), b"\x01\x02\x01", 0x10)


@attack("radio", at="gateway", quick=False)
def other_media_relayed(homes):
    """Heat, electricity, gas and smoke alarms in its reach. Held where only water leaves the gateway."""
    kinds = (2, 3, 4, 8, 0x0A, 0x0C, 0x1A, 0x37, 0x62, 0xFF)
    with homes.home() as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"))
        rig.feed([cases.mode5(who=cases.address(kind=kind)) for kind in kinds])
        reached(rig, judge(5))
        relayed = [t[9] for t in rig.receiver.telegrams() if t[9] in kinds]
        return f"media {relayed} were relayed" if relayed else None


@attack("stranger", at="gateway")
def receiver_of_a_stranger(homes):
    """Somebody on the way answers with a certificate of an authority of his own, for the right host. Held where the
    gateway sends nothing."""
    with homes.home(anchors=[Ca("Somebody else").pem]) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("errors", 0) >= 2 or rig.receiver.requests)
        return f"{rig.receiver.requests} batches were sent to a stranger" if rig.receiver.requests else None


@attack("radio", at="gateway", quick=False)
def noise_and_damaged_bursts(homes):
    """Bursts with bits flipped, cut, run into each other; meters by the hundred. Held where the gateway runs on and
    relays what comes after."""
    rng = random.Random(15)
    with homes.home(own_meters=own()) as rig:
        rig.gateway.start()
        rig.until(lambda: rig.gateway.status().get("acknowledged"))
        for _ in range(6):
            batch = []
            for _ in range(60):
                data = bytearray(rng.choice((cases.mode5, cases.mode7, cases.short, cases.long))())
                data[rng.randrange(2, 10)] = rng.randrange(256)
                for _ in range(rng.randrange(4)):
                    data[rng.randrange(10, len(data))] = rng.randrange(256)
                batch.append(bytes(data))
            rig.until(lambda batch=batch: rig.bridge.send(batch))
            bad = b"\x54\x3d\x54\x3d" + rng.randbytes(rng.randrange(1, 200))
            rig.until(lambda bad=bad: rig.bridge.send_raw((len(bad) + 1).to_bytes(2, "big") + b"\xba" + bad))
        reached(rig, judge(6), 40)
        return None if rig.gateway.errors == "" else f"it said {rig.gateway.errors[-200:]}"


@attack("stranger", at="gateway", quick=False)
def answers_without_end(homes):
    """A receiver that was taken over answers with a megabyte, with nested arrays, with a mark beyond all. Held where
    the gateway lives, frees nothing that was not acknowledged, and delivers in the end."""
    from firmware.wire import envelope
    with homes.home() as rig:
        answers = [bytes(1 << 20), b"\x81" * 4000 + b"\0", envelope.answer(bytes(8), 1 << 40, int(time.time())),
                   b"\xa4" + b"\xff" * 64, envelope.answer(bytes(8), 5, 1 << 40, [bytes(100)] * 50)]
        rig.receiver.script = list(answers)
        rig.gateway.start()
        rig.feed([judge(7)])
        rig.until(lambda: not rig.receiver.script, 60)
        rig.until(lambda: judge(7) in rig.receiver.telegrams(), 60)
        return f"the contract was broken: {rig.receiver.wrong[:2]}" if rig.receiver.wrong else None
