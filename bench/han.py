"""How many HAN messages a second of CPU time are read, from the bytes of the line to the reading, beside other readers.

usage: bench/han.py [--quick] [--json] [--corpus FILE]

Messages are the captures of the corpus beside the repository; where it is absent, those of the tests' own encoder.
Every repeat of a message has other values and another time (check sums made anew, ciphertext with another counter), so
that nothing but what depends on key and layout can be reused. Each peer is timed on the messages it reads, and the
ratio is made on these same messages, in interleaved runs, median of five:

- amshan: its frame reader and its automatic decoder, as its own documents use them;
- gurux, dlms-cosem: the frame check by their own CRC, the APDU cut out by slices, and their A-XDR tree (their own push
  path reads few of these frames); `tree` is the same without any check, to show what that costs;
- dlms-cosem, encrypted: the frame check, its factory, its decryption (OpenSSL) and its tree;
- dsmr_parser: its TelegramParser.

Last, the instructions of the real MicroPython a message, counted by valgrind where it is there: `device`.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this folder, where this file would be taken for amshan's package `han`.
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

import han_vectors as v  # noqa: E402
from dlms_cosem.connection import XDlmsApduFactory  # noqa: E402
from dlms_cosem.crc import CRCCCITT  # noqa: E402
from dlms_cosem.security import SecurityControlField, decrypt  # noqa: E402
from dlms_cosem.utils import parse_as_dlms_data  # noqa: E402
from dsmr_parser import telegram_specifications  # noqa: E402
from dsmr_parser.parsers import TelegramParser  # noqa: E402
from gurux_dlms import GXByteBuffer  # noqa: E402
from gurux_dlms._GXFCS16 import _GXFCS16  # noqa: E402
from gurux_dlms.internal._GXCommon import _GXCommon  # noqa: E402
from gurux_dlms.internal._GXDataInfo import _GXDataInfo  # noqa: E402
from han.autodecoder import AutoDecoder  # noqa: E402
from han.dlde import ModeDReader  # noqa: E402
from han.hdlc import HdlcFrameReader  # noqa: E402

import han_reader  # noqa: E402
from bench import _callgrind  # noqa: E402
from firmware.port import aes as new_aes  # noqa: E402
from han_reader import apdu as axdr  # noqa: E402
from han_reader import framing, plan, security  # noqa: E402

CORPUS = Path(os.environ.get("NETTI_CORPUS", ROOT.parent / "shared" / "corpus")) / "han" / "han_dev.jsonl"
SETS = ("aidon", "kaifa", "kamstrup", "encrypted", "p1")
# The C++ peer on the same sets, as measured for amsreader-firmware -O2 on this kind of machine.
CPP = {"aidon": 27644, "kaifa": 208852, "kamstrup": 21668, "encrypted": 32738, "p1": 30316}
VARIANTS = 6
RUNS = 5
EK, AK = bytes(range(16)), bytes(range(16, 32))
_ciphers: dict = {}


def aes(key):
    """One cipher object per key, as a caller is asked to keep them."""
    if key not in _ciphers:
        _ciphers[key] = new_aes(key)
    return _ciphers[key]


# Messages: (name, wires, ek, ak)


def own():
    """Messages of the tests' encoder, by set."""
    body = {"aidon": [v.aidon(2), v.aidon(3)], "kaifa": [v.kaifa(1), v.kaifa(2), v.kaifa(3)],
            "kamstrup": [v.kamstrup(1), v.kamstrup(2)]}
    out = {name: [(name, changed(v.frame(v.LLC + apdu)), None, None) for apdu in body[name]] for name in body}
    out["encrypted"] = encrypted(v.kamstrup(2)) + encrypted(v.aidon(3))
    out["p1"] = [("p1", telegrams(v.telegram(v.P1_LINES)), None, None)]
    return out


def captured(path):
    """Messages of the corpus, by set: single good frames and telegrams."""
    out = {name: [] for name in SETS}
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            wire = bytes.fromhex(row["hex"])
            if row["must"] != "decode" or wire[0] not in (0x7E, 0x2F):
                continue
            name = row["meter"].lower()
            if row["enc"]:
                ek, ak = (bytes.fromhex(row["keys"][k]) if row["keys"][k] else None for k in ("ek", "ak"))
                (message,) = han_reader.Reader().feed(wire)
                out["encrypted"].append((row["id"], resealed(message, ek, ak), ek, ak))
            elif wire[0] == 0x2F:
                if row["checks"]["p1"] == "ok":
                    out["p1"].append((row["id"], telegrams(wire), None, None))
            elif name in out and row["checks"]["frames"] == 1 and (name != "aidon" or len(wire) > 200):
                (message,) = han_reader.Reader().feed(wire)
                out[name].append((row["id"], changed(message), None, None))
    return out


def varied(data, at, end, n):
    """The bytes with other values and times in the list at data[at:end]."""
    lay, header = plan.layout_of(data, at, end)
    new = bytearray(data)
    for number in lay.numbers:
        new[number[2] + {"I": 3, "i": 3, "H": 1, "h": 1}.get(number[3], 0)] ^= n
    for start in [t for _, t in lay.times] + ([header] if header >= 0 else []):
        new[start + 7] = 10 + n
    return bytes(new)


def changed(wire):
    """The frame with other values and times, its checks made anew."""
    _, at, end, _ = framing.unwrap(wire)
    made = [varied(wire, at, end, n)[:-3] for n in range(VARIANTS)]
    return [new + v.x25(new[1:]) + b"\x7e" for new in made]


def resealed(message, ek, ak):
    """The ciphered message with other values and times, each under a counter of its own."""
    data, at, end, _ = framing.unwrap(message)
    title, _, control_at, _ = security.header(data, at, end)
    text = security.decipher(data, at, end, ek, ak, aes)[0]
    counter = int.from_bytes(data[control_at + 1:control_at + 5], "big")
    return [v.frame(v.LLC + v.security(varied(text, 0, len(text), n), aes, ek, ak or b"", title, counter + n,
                                       data[control_at])) for n in range(VARIANTS)]


def telegrams(wire):
    """The telegram with other digits in its powers, its CRC made anew."""
    made = []
    for n in range(VARIANTS):
        new = bytearray(wire[wire.index(b"/"):wire.rindex(b"!") + 1])
        at = new.find(b":1.7.0(")
        if at > 0:
            new[at + 8] = 48 + n
        made.append(bytes(new) + ("%04X" % v.crc(new, 0xA001, 0)).encode() + b"\r\n")
    return made


def encrypted(apdu):
    """The APDU with other values and times, each ciphered under a counter of its own."""
    wires = [v.frame(v.LLC + v.security(varied(apdu, 0, len(apdu), n), aes, EK, AK, counter=n))
             for n in range(VARIANTS)]
    return [("own", wires, EK, AK)]


# Readers: each takes a row and gives a function that reads one wire, or None where it doesn't read that row


def netti(row):
    """Our own: a live reader, then decode."""
    _, _, ek, ak = row
    reader = han_reader.Reader()
    feed, decode = reader.feed, han_reader.decode

    def run(wire):
        (message,) = feed(wire)
        return decode(message, ek, ak, aes)
    return run


def amshan(row):
    """amshan: frame reader and automatic decoder."""
    if row[2]:
        return None
    decoder = AutoDecoder()
    reader = ModeDReader() if row[1][0][0] == 0x2F else HdlcFrameReader(False)

    def run(wire):
        (message,) = reader.read(wire)
        return decoder.decode_message(message) if message.is_valid else None
    return run


def body(wire):
    """The Data of a frame by slices: what the tree readers are given."""
    start = wire.index(b"\xe6\xe7\x00") + 8
    if wire[start] == 9:
        return wire[start + 14:-3]
    return wire[start + 13:-3] if wire[start] == 12 else wire[start + 1:-3]


def gurux(row):
    """gurux-dlms: frame check and tree."""
    if row[2] or row[1][0][0] != 0x7E:
        return None

    def run(wire):
        if _GXFCS16.countFCS16(wire, 1, len(wire) - 4) != wire[-3] << 8 | wire[-2]:
            return None
        return _GXCommon.getData(None, GXByteBuffer(body(wire)), _GXDataInfo())
    return run


_crc = CRCCCITT()


def checked(wire):
    """Whether dlms-cosem's CRC finds the frame good."""
    return _crc.calculate_for(wire[1:-3], lsb_first=True)[::-1] == wire[-3:-1]


def dlms_cosem(row):
    """dlms-cosem: the tree, for encrypted messages after its own decryption."""
    _, wires, ek, ak = row
    if wires[0][0] != 0x7E:
        return None
    if not ek:
        # It knows no visible-string, and on some lists that hold one does not end.
        if b"\x0a" in body(wires[0]):
            return None
        return lambda wire: parse_as_dlms_data(body(wire)) if checked(wire) else None
    if not ak:
        return None

    def run(wire):
        if not checked(wire):
            return None
        apdu = XDlmsApduFactory.apdu_from_bytes(wire[wire.index(b"\xe6\xe7\x00") + 3:-3])
        plain = decrypt(SecurityControlField.from_bytes(apdu.security_control.to_bytes()), apdu.system_title,
                        apdu.invocation_counter, ek, apdu.ciphered_text, ak)
        at = axdr.notification(plain, 0, len(plain))[1]
        try:
            return parse_as_dlms_data(plain[at:])
        except NotImplementedError:
            return _GXCommon.getData(None, GXByteBuffer(plain[at:]), _GXDataInfo())
    return run


def tree(row):
    """dlms-cosem's tree alone."""
    if row[2] or row[1][0][0] != 0x7E or b"\x0a" in body(row[1][0]):
        return None
    return lambda wire: parse_as_dlms_data(body(wire))


def dsmr_parser(row):
    """dsmr_parser with the specification that reads most of the telegram."""
    if row[1][0][0] != 0x2F:
        return None
    best, most = None, 0
    for name in ("V5", "V4", "SWEDEN", "BELGIUM_FLUVIUS", "LUXEMBOURG_SMARTY"):
        parser = TelegramParser(getattr(telegram_specifications, name))
        try:
            n = len(parser.parse(row[1][0].decode("ascii")))
        except Exception:  # a peer may fail in any way
            continue
        if n > most:
            best, most = parser, n
    return (lambda wire: best.parse(wire.decode("ascii"))) if best else None


PEERS = {"amshan": amshan, "gurux": gurux, "dlms_cosem": dlms_cosem, "dsmr_parser": dsmr_parser, "tree": tree}


def seconds_for(functions, repeats):
    """CPU seconds of one pass over every row's wires, `repeats` times."""
    start = time.process_time()
    for run, wires in functions:
        for _ in range(repeats):
            for wire in wires:
                run(wire)
    return time.process_time() - start


def usable(make, rows):
    """(function, wires) of the rows a reader reads."""
    out = []
    for row in rows:
        try:
            run = make(row)
            if run and all(run(wire) for wire in row[1]):
                out.append((run, row[1]))
        except Exception:  # a peer may fail in any way; then the row is not timed for it
            continue
    return out


def measure(rows, budget):
    """(messages per second, ratio to the fastest peer, {peer: (its per second, ours on its rows, rows)})."""
    ours = usable(netti, rows)
    if len(ours) != len(rows):
        raise SystemExit(f"bench/han.py: {len(rows) - len(ours)} messages not read")
    figures = {}
    rate = median_rate([ours], budget)[0]
    for name, make in PEERS.items():
        theirs = usable(make, rows)
        if theirs:
            kept = {id(wires) for _, wires in theirs}
            same = [f for f in ours if id(f[1]) in kept]
            peer, mine = median_rate([theirs, same], budget)
            figures[name] = (round(peer), round(mine), len(theirs), mine / peer)
    return rate, min((figures[f][3] for f in figures if f != "tree"), default=None), figures


def median_rate(groups, budget):
    """Messages per CPU second of each group of functions, the median of interleaved runs."""
    repeats = [max(1, int(budget / max(seconds_for(g, 1), 1e-6))) for g in groups]
    rates = [[] for _ in groups]
    for _ in range(RUNS):
        for i, group in enumerate(groups):
            count = sum(len(wires) for _, wires in group) * repeats[i]
            rates[i].append(count / seconds_for(group, repeats[i]))
    return [statistics.median(r) for r in rates]


# The device: the real MicroPython, instructions counted exactly by valgrind

SCRIPT = """
import gc, sys
import han_reader
from han_reader import accel
if sys.argv[1] == "pure":
    for name in ("x25", "x25_ok", "p1", "text_end", "total", "same", "copy"):
        setattr(accel, name, getattr(accel, name + "_plain"))
    accel.copy = accel.copy_bytes
mark = gc.isenabled
def run(wire):
    for at in range(0, len(wire), 32):
        for message in reader.feed(wire[at:at + 32]):
            reading = han_reader.decode(message)
    return reading
for line in sys.stdin.read().split("\\n"):
    wires = [bytes.fromhex(h) for h in line.split()]
    reader = han_reader.Reader()
    for wire in wires[:-1]:
        run(wire)
    gc.collect()
    mark()
    reading = run(wires[-1])
    mark()
    assert reading["import_w"] > 0
mark()
"""


def lists():
    """What the device reads: list 2 of each make, or what stands for it, and a telegram; each in several forms."""
    return {"aidon": changed(v.frame(v.LLC + v.aidon(2))), "kaifa": changed(v.frame(v.LLC + v.kaifa(2))),
            "kamstrup": changed(v.frame(v.LLC + v.kamstrup(1))), "p1": telegrams(v.telegram(v.P1_LINES))}


def counted(wires, variant):
    """Instructions of the last of each list's wires, "fast" or "pure", with a warm plan; {list: instructions}.

    One process reads them all, as starting one under callgrind takes longer than reading. Exact, so that they repeat:
    no path that differs between two runs, which would lie in the heap, is passed to it.
    """
    text = "\n".join(" ".join(w.hex() for w in wires[name][:4]) for name in wires)
    counts, _ = _callgrind.counts("-c", SCRIPT, variant, stdin=text)
    return dict(zip(wires, counts[1::2]))


def device():
    """Instructions per message in chunks of 32 bytes with a warm plan, with `_fast` and pure; None without tools."""
    if not _callgrind.tools():
        print("no device figures: they need valgrind and micropython", file=sys.stderr)
        return None
    return {variant: counted(lists(), variant) for variant in ("fast", "pure")}


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    budget = 0.08 if args.quick else 0.6
    sets = own()
    if args.corpus.exists():
        captures = captured(args.corpus)
        for name in SETS:
            sets[name] = captures[name] + (sets[name] if name == "encrypted" else []) or sets[name]
    else:
        print(f"no captures at {args.corpus}: measuring the project's own messages", file=sys.stderr)
    result = {"per_second": {}, "ratio": {}, "cpp_share": {}, "peers": {}, "rows": {}}
    for name in SETS:
        rate, ratio, peers = measure(sets[name], budget)
        result["per_second"][name] = round(rate)
        result["ratio"][name] = round(ratio, 2) if ratio else None
        result["cpp_share"][name] = round(rate / CPP[name], 2)
        result["rows"][name] = len(sets[name])
        result["peers"][name] = {p: {"per_second": peers[p][0], "ours": peers[p][1], "rows": peers[p][2],
                                     "ratio": round(peers[p][3], 2)} for p in peers}
        line = ", ".join(f"{p} {peers[p][0]}/s x{peers[p][3]:.1f} on {peers[p][2]}" for p in peers)
        print(f"{name:10} {rate:8.0f}/s  {len(sets[name]):3} messages  C++ x{rate / CPP[name]:.2f}  {line}")
    result["device"] = device()
    for variant, counts in (result["device"] or {}).items():
        line = ", ".join(f"{name} {counts[name] / 1000:.0f} k" for name in counts)
        print(f"device, {variant}: {line} instructions a message, in chunks of 32 bytes")
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
