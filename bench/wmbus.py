"""How many telegrams a second of CPU time the wM-Bus decoder reads, each telegram alone, key and AES included.

usage: bench/wmbus.py [--quick] [--json] [--corpus FILE]

Rows are the captured telegrams of the corpus beside the repository; where it is absent, telegrams built by the tests'
own encoder. Every repeat of a row is another telegram: another access number, other values where the format allows, and
with them other cipher text, payload CRC and MAC. So nothing can be reused but what depends on key and layout. Other
decoders run interleaved with ours, on the rows where they find at least one expected value.

JSON: `rows`, `unread`, `median` and `harmonic` (telegrams per CPU second over the rows), `varied` (rows whose values
change), `peers` (name -> median_ratio, smallest_ratio, rows), `link` (bursts per CPU second by link mode), `device`
(on the unix MicroPython, instructions by callgrind without start-up, the median of three heaps: decode_instructions,
link_instructions, relay_instructions; peak_heap, the smallest heap in bytes that link and decoding work in; spread,
between two counts, not with --quick; null without valgrind).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import wmbus_cases as cases  # noqa: E402

import wmbus  # noqa: E402
from bench import _callgrind  # noqa: E402
from cloud_receiver.decoding.aes import Aes  # noqa: E402
from wmbus import blocks, modes, records, security, transport  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "wmbus" / "wmbusmeters_dev.jsonl"
VARIANTS = 8
SKIP = {"timestamp", "name", "_", "id", "media", "meter"}
_ciphers = {}


def aes(key):
    """One cipher object per key, as a caller is asked to keep them; bounded, for modes 7 and 10 draw fresh keys."""
    cipher = _ciphers.get(key)
    if cipher is None:
        if len(_ciphers) > 256:
            _ciphers.clear()
        cipher = _ciphers[key] = Aes(key)
    return cipher


# --- rows -----------------------------------------------------------------------------------------------------------

def own_rows():
    """(name, telegrams, key, prior, expected) from the tests' encoder."""
    for name, telegram, key in (("plain", cases.short(), None), ("mode 5", cases.mode5(), cases.KEY),
                                ("ell ctr", cases.ell(b"\x78" + cases.RECORDS), cases.KEY),
                                ("mode 7", cases.mode7(), cases.KEY)):
        yield name, variants(telegram, key), key, [], cases.VALUES


def corpus_rows(path):
    """(name, telegrams, key, prior, expected) of every row of a corpus that says what it holds."""
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            if row["expected"] is None:
                continue
            key = bytes.fromhex(row["key"]) if row["key"] else None
            telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
            prior = [wmbus.strip_crc(bytes.fromhex(text)) for text in row.get("prior") or []]
            yield row["id"] + " " + row["driver"], variants(telegram, key), key, prior, row["expected"]


def variants(telegram, key):
    """The telegram in VARIANTS forms that differ as two telegrams of a meter do; only itself where that can't be."""
    made = []
    for number in range(VARIANTS):
        try:
            changed = varied(telegram, key, number)
            if changed is None:
                return [telegram]
            if telegram[10] not in (0x8D, 0x8F):  # a compact frame needs the full one first
                wmbus.decode(changed, key, aes, None, True)
        except (wmbus.DecodeError, IndexError, ValueError):
            return [telegram]
        made.append(changed)
    return made


def varied(telegram, key, number):
    """The telegram with access number and values changed and sealed again, or None."""
    layers = transport.begin(telegram)
    if layers.wired or len(telegram) != len(layers.data):
        return None
    layers.decrypted = key is None
    transport.walk(layers)
    ell = layers.ell_at is not None and layers.ci == 0
    if ell:
        crc_at = layers.at
        sealed_ell = layers.ell_encrypted and wmbus.crc(telegram[crc_at + 2:]) != int.from_bytes(
            telegram[crc_at:crc_at + 2], "little")
        security.open_ell(layers, key, aes)
        transport.walk(layers)
    start = layers.at
    sealed = False
    if layers.mode:
        security.open_tpl(layers, key, aes)
        sealed = layers.data != telegram and not ell
        if layers.mode not in (5, 7) and sealed:
            return None
    data = bytearray(layers.data)
    if layers.ci in (0x7A, 0x72):
        data[layers.tpl_at + (1 if layers.ci == 0x7A else 9)] = number
    if layers.ci in (0x7A, 0x72, 0x78):
        change_values(data, layers, number)
    if sealed and layers.mode == 5:
        iv = layers.address + bytes((number,)) * 8
        size = layers.configuration & 0xF0 or (layers.end - start) & -16
        data[start:start + size] = cases.cbc(key, iv, bytes(data[start:start + size]))
    elif sealed and layers.mode == 7:
        size = layers.configuration & 0xF0
        encryption, authentication = modes.session_keys(aes(key), layers.afl[3], layers.address[2:6], b"\0\1")
        data[layers.at:layers.at + size] = cases.cbc(encryption, bytes(16), bytes(data[layers.at:layers.at + size]))
        message = bytes((layers.afl[1],)) + layers.afl[3] + (layers.afl[5] or b"") + bytes(data[layers.tpl_at:])
        mac_at = bytes(telegram).index(layers.afl[4])
        data[mac_at:mac_at + len(layers.afl[4])] = cases.cmac(authentication, message)[:len(layers.afl[4])]
    if ell:
        data[crc_at:crc_at + 2] = wmbus.crc(bytes(data[crc_at + 2:])).to_bytes(2, "little")
        if sealed_ell:
            data[crc_at - 4] = data[crc_at - 4] & 0x0F | (number << 4 & 0xF0)
            iv = data[2:10] + bytes((data[layers.ell_at + 1] & 0xED,)) + data[crc_at - 4:crc_at] + bytes(3)
            data[crc_at:] = blocks.ctr(aes(key), bytes(iv), bytes(data[crc_at:]))
    return bytes(data)


def change_values(data, layers, number):
    """Other volumes, energies, flows and temperatures in the records of `data`, in place."""
    for record in records.walk(bytes(data), layers.at, layers.end, False):
        head = record.vif[0] & 0x7F if record.vif else 0x7F
        if record.size < 2 or not head <= 0x67:
            continue
        if 1 <= record.kind <= 4:
            data[record.value] ^= number
        elif 9 <= record.kind <= 12 and data[record.value] & 0xF0 <= 0x90 and data[record.value] & 15 <= 9:
            data[record.value] = data[record.value] & 0xF0 | (data[record.value] + number) % 10


# --- measuring ------------------------------------------------------------------------------------------------------

def rate(function, telegrams, seconds):
    """Calls per second of CPU time, the telegrams in turn."""
    count = 0
    start = time.process_time()
    while True:
        for _ in range(5):
            for telegram in telegrams:
                function(telegram)
        count += 5 * len(telegrams)
        used = time.process_time() - start
        if used > seconds:
            return count / used


def numbers(value, values):
    """Every number inside lists and dicts."""
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, str):
        try:
            values.append(float(value))
        except ValueError:
            pass
        return values
    elif not isinstance(value, (list, tuple)):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            values.append(value)
        return values
    for one in value:
        numbers(one, values)
    return values


def peers(key):
    """name -> function(telegram) of the other decoders installed."""
    rates = {}
    try:
        import pymbusparser
        rates["pymbusparser"] = lambda telegram: pymbusparser.parse(telegram, key=key)
    except ImportError:
        pass
    try:
        import meterbus

        def records_of(telegram):
            frame = meterbus.load(telegram)
            return [{"value": record.interpreted.get("value")} for record in frame.records]
        rates["pyMeterBus"] = records_of
    except ImportError:
        pass
    return rates


def finds_one(function, telegram, expected):
    """Whether another decoder gives at least one expected number, as it is or a thousand times as large or small."""
    try:
        got = numbers(function(telegram), [])
    except Exception:  # another project's errors are of any kind
        return False
    wanted = [v * scale for k, v in expected.items() for scale in (1, 1000, 0.001, 1e6)
              if k not in SKIP and isinstance(v, (int, float)) and v not in (0, 1, True)]
    return any(abs(g - w) <= 1e-6 * abs(w) for w in wanted for g in got)


def link_rates(seconds):
    """Bursts of a 159-byte telegram per second of CPU time, by link mode."""
    sample = cases.mode5(cases.RECORDS * 4)
    rates = {}
    for (_, burst), name in zip(cases.bursts(sample), ("t1", "c1_a", "c1_b")):
        reader = wmbus.Reader()
        rates[name] = round(rate(reader.feed, [burst], seconds))
    return rates


# The device: the real MicroPython, instructions counted exactly by valgrind

# gc.isenabled is a C function nothing else calls: callgrind closes a count each time it is entered, so that the start
# and the warming up are not in it.
DEVICE = """
import gc, sys
sys.path[:0] = [".", "tests"]
import wmbus
import wmbus_cases as cases
what = sys.argv[1]
RECORDS = bytes.fromhex("041339300000" "441310270000" "426cff2c" "023b7800" "02fd170000" "046d1e0c1d32")

class Ram:  # a flash of 16 blocks, in memory once they are erased
    def __init__(self):
        self.blocks = {}
    def ioctl(self, what, block):
        if what == 6:
            self.blocks[block] = bytearray(b"\\xff" * 4096)
        return {4: 16, 5: 4096}.get(what, 0)
    def readblocks(self, block, data, offset):
        if block in self.blocks:
            data[:] = self.blocks[block][offset:offset + len(data)]
        else:
            data[:] = bytes(len(data))
    def writeblocks(self, block, data, offset):
        self.blocks[block][offset:offset + len(data)] = data

def relay():
    # A street of 40 meters, heard for eight hours; counted is the hour after, when each is due again.
    from firmware import config, port
    from firmware.clock import Clock
    from firmware.folder import restored
    from firmware.gateway import Gateway
    from firmware.spool import blocks
    from firmware.wire.records import CLOCK_ANSWER
    works = {"window": 3600, "interval": 900}
    now = [0]
    clock = Clock(lambda: now[0], 1767225600)
    rings = blocks.open_rings(Ram(), lambda n: b"e" * n, clock.record_time)
    g = Gateway(port, config.check({}, works), None, clock, rings, restored({}), None, None)
    clock.offer(1795503600000, CLOCK_ANSWER)
    street = [cases.mode5(RECORDS, who=cases.address("NET", "%08d" % (12345678 + n))) for n in range(40)]
    for hour in range(8):
        now[0] = 3590000 * hour
        for telegram in street:
            g.telegram(telegram, -70)
    for ring in rings:
        ring.flush()
    now[0] = 3590000 * 8
    relayed = g.counters["relayed"]
    due = street[:8]
    def run():
        for telegram in due:
            g.telegram(telegram, -70)
    def done():
        assert g.counters["relayed"] == relayed + 8 and len(g.telegrams._buffer) == 8
    return run, done

def decode():
    plain = cases.telegram(b"\\x78" + RECORDS)
    # Another volume each time, as a meter sends it.
    many = [plain[:13] + bytes((n,)) + plain[14:] for n in range(9)]
    for telegram in many[:1] * 3:
        wmbus.decode(telegram)
    readings = []
    def run():
        for telegram in many[1:]:
            readings.append(wmbus.decode(telegram))
    def done():
        assert len(set([reading["total_m3"] for reading in readings])) == 8
    return run, done

def link():
    burst = cases.bursts(cases.mode5(RECORDS))[0][1]
    reader = wmbus.Reader()
    for _ in range(3):
        assert reader.feed(burst)
    telegrams = []
    def run():
        for _ in range(8):
            telegrams.append(reader.feed(burst))
    def done():
        assert all(telegrams)
    return run, done

mark = gc.isenabled
for name in what.split(","):
    for held in HEAPS:
        run, done = globals()[name]()
        held = bytes(held)
        gc.collect()
        mark()
        run()
        mark()
        done()
        run = done = None
mark()
"""
PHASES = ("decode", "link", "relay")
# Bytes that lie in the heap beside it: how far the search for free memory goes hangs on what else lives there, and
# makes a few hundred instructions a telegram.
HEAPS = (0, 400, 4000)


def micropython():
    """The path of MicroPython, or None."""
    binary = Path(sys.executable).parent / "micropython"
    return str(binary) if binary.exists() else None


def counted(folder):
    """Instructions per call of each phase, in one process."""
    script = Path(folder) / "device.py"
    script.write_text(f"HEAPS = {HEAPS}\n" + DEVICE, encoding="ascii")
    counts, _ = _callgrind.counts(str(script), ",".join(PHASES))
    # Before a phase, the phase, before it in the next heap, ...
    each = [counts[1 + 2 * n] // 8 for n in range(len(PHASES) * len(HEAPS))]
    return {name: int(statistics.median(each[i * len(HEAPS):(i + 1) * len(HEAPS)])) for i, name in enumerate(PHASES)}


def peak_heap(folder):
    """The smallest heap in bytes, of 64-bit words, in which an own meter's telegrams are received and decoded."""
    script = Path(folder) / "device.py"
    low, high = 0, 192
    while high - low > 1:
        middle = (low + high) // 2
        done = subprocess.run([micropython(), "-X", f"heapsize={middle}wK", str(script), "link,decode"], cwd=ROOT,
                              env=dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen"), capture_output=True, timeout=60)
        low, high = (low, middle) if done.returncode == 0 else (middle, high)
    return high * 2048


def device(runs=2):
    """Instructions per telegram on the unix MicroPython with warm plans, start-up not counted, and the heap it takes:
    an own meter's decoding (deciphered length), T1 chips to a checked frame, a checked frame to the record in the RAM
    buffer; `spread` is the largest difference between the runs. None without the tools."""
    if not micropython() or not _callgrind.tools():
        print("no device figures: they need valgrind and micropython", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        counts = [counted(folder) for _ in range(runs)]
        result = {f"{name}_instructions": counts[0][name] for name in PHASES}
        if runs > 1:
            result["spread"] = max(abs(one[name] / counts[0][name] - 1) for one in counts for name in PHASES)
        result["peak_heap"] = peak_heap(folder)
    return result


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    args = parser.parse_args()
    seconds = 0.01 if args.quick else 0.15
    if args.corpus.exists():
        rows = corpus_rows(args.corpus)
    else:
        print(f"no captures at {args.corpus}: measuring the project's own telegrams", file=sys.stderr)
        rows = own_rows()
    rates = {}
    ratios = {}
    unread = changed = 0
    for name, telegrams, key, prior, expected in rows:
        formats = {}

        def ours(telegram, key=key, formats=formats):
            return wmbus.decode(telegram, key, aes, formats, True)  # some captures somebody decrypted

        try:
            for telegram in prior + telegrams:
                ours(telegram)
        except wmbus.DecodeError:
            unread += 1
            continue
        changed += len(telegrams) > 1
        readers = {"": ours}
        readers.update({peer: f for peer, f in peers(key).items() if finds_one(f, telegrams[0], expected)})
        turns = {reader: [] for reader in readers}
        for _ in range(1 if args.quick else 5):
            for reader, function in readers.items():
                turns[reader].append(rate(function, telegrams, seconds))
        rates[name] = statistics.median(turns.pop(""))
        for peer, theirs in turns.items():
            ratios.setdefault(peer, []).append(rates[name] / statistics.median(theirs))
    ordered = sorted(rates.values())
    result = {
        "rows": len(rates), "unread": unread, "varied": changed, "median": round(statistics.median(ordered)),
        "harmonic": round(statistics.harmonic_mean(ordered)), "slowest": round(ordered[0]),
        "peers": {peer: {"median_ratio": round(statistics.median(each), 2), "smallest_ratio": round(min(each), 2),
                         "rows": len(each)} for peer, each in ratios.items()},
        "link": link_rates(seconds * 5), "device": device(1 if args.quick else 2),
    }
    for name, value in sorted(rates.items(), key=lambda item: item[1])[:10]:
        print(f"{value:10.0f}/s  {name}")
    print("{rows} rows: median {median}/s, harmonic mean {harmonic}/s, slowest {slowest}/s; {unread} not read".format(
        **result))
    for peer, figures in result["peers"].items():
        print(f"{peer}: {figures['median_ratio']} times as fast (median of {figures['rows']} rows), "
              f"at least {figures['smallest_ratio']}")
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
