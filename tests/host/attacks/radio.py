"""What somebody with a transmitter can have a works believe. Gateways relay what they hear: the attacker needs no key.

Each attack has meters and gateways of its own, so that many can go on at once at one receiver. What is genuine is made
with the meter's key; whatever an attacker sends is what he recorded, or what needs no key to make.
"""

import itertools
import os

import wmbus_cases as cases
from receiver_support import HOUR

from wmbus.drivers import kam

from .ground import SetupFailed, Water
from .registry import attack

KEY = bytes(range(16))
LIE = 101_000  # litres, that could follow what `lived` tells
LIES = 40_000_000_000 % (1 << 32)  # litres that could not


def lived(ground, gateway, meter, make, days=2, step=20):
    """Two genuine days of a meter, a telegram an hour, the last a minute ago, made by `make(n, litres)`; `step`: litres
    an hour. Returns ([(telegram, Unix seconds)], {Unix hour: litres})."""
    hours = days * 24
    litres = [100_000 + step * n for n in range(hours)]
    now = ground.clock()
    heard = [(make(n, litres[n]), now - 60 - (hours - 1 - n) * HOUR) for n in range(hours)]
    ground.heard(gateway, heard)
    assert ground.litres(meter) == litres[-1], (meter.text, ground.told(meter))
    return heard, ground.hours(meter)


def believed(ground, meter, true, hours):
    """What shows that a false telegram was believed: another latest total, a changed hour; None if nothing does."""
    ground.settled()
    litres = ground.litres(meter)
    if litres != true:
        return f"the latest total is {litres} litres, not {true}"
    changed = {h: (hours.get(h), v) for h, v in ground.hours(meter).items() if hours.get(h) != v}
    return f"hours changed: {changed}" if changed or len(ground.hours(meter)) < len(hours) else None


def tried(ground, gateway, meter, hours, forged):
    """Have a gateway relay some forged telegrams, and say what shows that one was believed."""
    true, read_at, now = ground.litres(meter), ground.told(meter)["read_at"], ground.clock()
    ground.heard(gateway, [(data, now + 10 + n) for n, data in enumerate(forged)])
    if seen := believed(ground, meter, true, hours):
        return seen
    latest = ground.told(meter)["read_at"]
    return None if latest == read_at else f"the latest reading is as of {latest}, not {read_at}"


# --- 1: what decoding learns

def _crc_heads(heads):
    return cases.crc(heads)


def _same_signature(wanted, start):
    """DIF and VIF bytes that begin with `start` and have a signature: with three makers' VIFs put behind."""
    from wmbus.accel import crc
    for a, b, c in itertools.product(range(128), repeat=3):
        heads = start + bytes((0x02, 0xFF, a, 0x02, 0xFF, b, 0x02, 0xFF, c))
        if crc(heads) == wanted:
            return heads
    raise AssertionError("no such bytes")


def _filled(heads):
    """Records with these DIF and VIF bytes: 04 xx, then 02 FF xx."""
    out = heads[:2] + bytes(4)
    for at in range(2, len(heads), 3):
        out += heads[at:at + 3] + bytes(2)
    return out


def _little(value):
    return bytes((value & 255, value >> 8))


@attack("radio")
def shipped_format_displaced(ground):
    """A plain telegram of an invented meter teaches other DIF/VIF bytes under the signature of a shipped format: the
    compact frames of a whole make are read by them, or no more. Held where such a frame is read as before."""
    gateway = ground.gateway()
    signature = next(iter(kam.WATER["formats"]))
    shipped = kam.WATER["formats"][signature]
    victim = ground.meter(KEY, letters="KAM", version=0x1B)
    victim.address = victim.address[:7] + b"\x16"
    victim.text = victim.text[:-2] + "16"
    ground.put_key(victim)
    invented = Water(letters="KAM", version=0x1B)
    poison = cases.telegram(bytes((0x7A, 1, 0, 0, 0)) + _filled(_same_signature(signature, b"\x04\x14")),
                            invented.address[:7] + b"\x16")
    ground.heard(gateway, [poison])
    total = 123_456
    values = [b"\0\0", total.to_bytes(4, "little"), total.to_bytes(4, "little"), b"\x10", b"\x08"]
    records, at = b"", 0
    for value, head in zip(values, (b"\x02\xff\x20", b"\x04\x13", b"\x44\x13", b"\x61\x5b", b"\x61\x67")):
        assert shipped[at:at + len(head)] == head
        records, at = records + head + value, at + len(head)
    compact = b"\x79" + _little(signature) + _little(cases.crc(records)) + b"".join(values)
    ground.heard(gateway, [victim.ell(0, 7, compact)])
    litres = ground.litres(victim)
    return None if litres == total else f"a compact frame of {total} litres is read as {litres}: {ground.told(victim)}"


def _solve(rows, wanted):
    """Which of the rows (ints) add up (xor) to `wanted`: their numbers, or None."""
    basis: dict = {}
    for n, row in enumerate(rows):
        mask = 1 << n
        while row:
            top = row.bit_length()
            if top not in basis:
                basis[top] = (row, mask)
                break
            row, mask = row ^ basis[top][0], mask ^ basis[top][1]
    mask = 0
    while wanted:
        top = wanted.bit_length()
        if top not in basis:
            return None
        wanted, mask = wanted ^ basis[top][0], mask ^ basis[top][1]
    return [n for n in range(len(rows)) if mask >> n & 1]


@attack("radio")
def learned_format_of_another_meter(ground):
    """The DIF/VIF bytes of an invented plain meter, chosen so that both CRCs of a compact frame fit (they are linear),
    make the victim's totals ten times too large. Held where the victim's compact frame is its own or is not read."""
    gateway, victim = ground.gateway(), ground.meter(KEY)
    count = 6
    own = b"\x04\x13" + b"".join(b"\x02\xff" + bytes((n,)) for n in range(count))

    def layout(total, tails):
        """(DIF/VIF bytes, the same with values of zero between them)."""
        heads = b"\x04" + bytes((total,)) + b"".join(b"\x02\xff" + bytes((t,)) for t in tails)
        return heads, _filled(heads)

    def sums(total, tails):
        heads, full = layout(total, tails)
        return cases.crc(heads) << 16 | cases.crc(full)
    before = sums(0x13, range(count))
    wanted = before ^ sums(0x14, range(count))
    bits = [(n, 1 << bit) for n in range(count) for bit in range(7)]
    rows = [before ^ sums(0x13, [t ^ (b if n == at else 0) for at, t in enumerate(range(count))]) for n, b in bits]
    chosen = _solve(rows, wanted)
    assert chosen is not None
    tails = list(range(count))
    for number in chosen:
        n, bit = bits[number]
        tails[n] ^= bit
    assert sums(0x14, tails) == before
    poison = cases.telegram(bytes((0x7A, 1, 0, 0, 0)) + layout(0x14, tails)[1], Water().address)
    total = 123_456
    values = total.to_bytes(4, "little") + bytes(2 * count)
    full = own[:2] + values[:4] + _filled(own)[6:]
    ground.heard(gateway, [poison])
    ground.heard(gateway, [victim.ell(0, 7, b"\x79" + _little(cases.crc(own)) + _little(cases.crc(full)) + values)])
    litres = ground.litres(victim)
    return None if litres in (None, total) else f"{total} litres are read as {litres}"


@attack("radio", quick=False)
def format_from_a_plain_full_frame(ground):
    """A full frame in plain text that names the victim, which encrypts, teaches its compact frames another unit. Held
    where its compact frame is read by what came under its key, or is not read."""
    gateway, victim = ground.gateway(), ground.meter(KEY)
    own = b"\x04\x13\x02\xff\x01"
    total = 123_456
    false = _same_signature(cases.crc(own), b"\x04\x14")
    ground.heard(gateway, [cases.telegram(bytes((0x7A, 1, 0, 0, 0)) + _filled(false), victim.address)])
    values = total.to_bytes(4, "little") + bytes(2)
    full = own[:2] + values[:4] + own[2:] + bytes(2)
    ground.heard(gateway, [victim.ell(0, 7, b"\x78" + full)])
    ground.heard(gateway, [victim.ell(0, 8, b"\x79" + _little(cases.crc(own)) + _little(cases.crc(full)) + values)],
                 time=ground.clock() + 30)
    litres, key = ground.litres(victim), ground.told(victim)["key"]
    return None if litres == total and key == "known" else f"{total} litres are read as {litres}, the key is {key}"


@attack("radio", quick=False)
def fragments_of_others(ground):
    """First fragments without a key, in the victim's name and in that of hundreds of invented meters, between the
    fragments of its genuine message. Held where nothing false is read of it."""
    gateway, victim = ground.gateway(), ground.meter(KEY)
    genuine = cases.fragmented(Water.records(5000) + b"\x02\xff\x01\0\0" * 12, KEY, who=victim.address)
    false = cases.padded(Water.records(9_000_000) + b"\x02\xff\x01\0\0" * 12)
    message = bytes((0x7A, 0x2A, 0, len(false) & 0xF0, 0, 0)) + false
    forged = []
    for number, part in enumerate((message[:40], message[40:])):
        flags = number + 1 | (0x4000 if number == 0 else 0)
        fields = _little(len(message)) if number == 0 else b""
        flags |= 0x1000 if number == 0 else 0
        forged.append(cases.telegram(bytes((0x90, 2 + len(fields))) + _little(flags) + fields + part, victim.address))
    mixed = [genuine[0], forged[0], forged[1], *genuine[1:]]
    ground.heard(gateway, mixed + forged)
    litres = ground.litres(victim)
    return None if litres in (None, 5000) else f"forged fragments are read: {litres} litres"


# --- 2: what is read without a key that it claims to need

def _mode7_open(meter, litres, flags=0x2C00, mac=bytes(8), mcl=0x25, sealed=None):
    """A mode 7 telegram with plain text (or what is `sealed`) and any MAC."""
    plain = cases.padded(Water.records(litres)) if sealed is None else sealed
    tpl = bytes((0x7A, 0x2B, 0, len(plain), 7, 0x10)) + plain
    fields = bytes((mcl,)) + b"\x99\0\0\0" + mac
    return cases.telegram(b"\x8c\x20\x77" + bytes((0x90, 2 + len(fields))) + _little(flags) + fields + tpl,
                          meter.address)


@attack("radio")
def mode7_plain_behind_an_empty_mac(ground):
    """Plain text behind a header of mode 7, with a MAC of zeros, with none, and without an AFL at all. Held where none
    of it is read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode7(litres, n + 1))
    ground.litres(meter)
    plain = cases.padded(Water.records(LIE))
    return tried(ground, gateway, meter, hours, (_mode7_open(meter, LIE),
                   _mode7_open(meter, LIE, 0x2800, b""),
                   _mode7_open(meter, LIE, 0x0400, b"")[:0] or cases.telegram(
                       bytes((0x7A, 0x2C, 0, len(plain), 7, 0x10)) + plain, meter.address)))


@attack("radio")
def mode7_mac_taken_out(ground):
    """Genuine cipher text of mode 7 with the MAC taken out of its AFL, and cipher text put together from two recorded
    messages. Held where neither is read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode7(litres, n + 1))
    ground.litres(meter)
    later = meter.mode7(LIE, 200)
    at = later.index(b"\x90\x0f") + 2
    counter = later[at + 3:at + 7]
    tpl = later[at + 15:]
    without = cases.telegram(b"\x8c\x20\x77\x90\x07" + _little(0x2800) + b"\x25" + counter + tpl, meter.address)
    bare = cases.telegram(b"\x8c\x20\x77\x90\x07" + _little(0x2800) + b"\x20" + counter + tpl, meter.address)
    return tried(ground, gateway, meter, hours, (without, bare))


@attack("radio", quick=False)
def mode7_short_mac(ground):
    """A MAC of 2 or of 4 bytes, which can be guessed: the one that fits, over altered cipher text. Held where it is not
    read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode7(litres, n + 1))
    tries = []
    for mcl, size in ((0x23, 2), (0x24, 4)):
        counter = (300 + size).to_bytes(4, "little")
        number = meter.address[2:6]
        encryption = cases.cmac(KEY, b"\0" + counter + number + b"\7" * 7)
        authentication = cases.cmac(KEY, b"\1" + counter + number + b"\7" * 7)
        plain = cases.padded(Water.records(LIE))
        tpl = bytes((0x7A, 0x31, 0, len(plain), 7, 0x10)) + cases.cbc(encryption, bytes(16), plain)
        mac = cases.cmac(authentication, bytes((mcl,)) + counter + tpl)[:size]
        fields = bytes((mcl,)) + counter + mac
        tries.append(cases.telegram(b"\x8c\x20\x77" + bytes((0x90, 2 + len(fields))) + _little(0x2C00) + fields + tpl,
                                    meter.address))
    return tried(ground, gateway, meter, hours, tries)


@attack("radio", quick=False)
def mode10_without_its_tag(ground):
    """Mode 10 with its tag cut off, cut short, of zeros; plain text behind its header. Held where none is read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode10(litres, n + 1))
    ground.litres(meter)
    later = meter.mode10(LIE, 200)

    def cut(n):
        short = later[:-n]
        return bytes((len(short) - 1,)) + short[1:]
    plain = Water.records(LIE)
    tries = (cut(8), cut(4), later[:-8] + bytes(8), later[:-8 - len(plain)] + plain + bytes(8),
             later[:-8 - len(plain) - 4] + cases.padded(plain))
    return tried(ground, gateway, meter, hours, [bytes((len(data) - 1,)) + data[1:] for data in tries])


@attack("radio")
def ell_in_plain(ground):
    """Plain text with its right CRC behind an ELL that says it is encrypted (8D, 8F) or is not (8C, 8E), of a meter
    that has a key. Held where none of it is read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.ell(litres, n + 1))
    ground.litres(meter)
    body = b"\x78" + Water.records(LIE)
    checked = _little(cases.crc(body)) + body
    session = b"\x99\x43\x65\x27"
    other = meter.address[:2] + meter.address[2:]
    return tried(ground, gateway, meter, hours, [cases.telegram(forged, meter.address) for forged in (
        b"\x8d\x20\x99" + session + checked, b"\x8d\x20\x99" + session[:3] + b"\x07" + checked,
        b"\x8f\x20\x99" + other + session + checked, b"\x8c\x20\x99" + body, b"\x8e\x20\x99" + other + body)])


@attack("radio")
def mode5_in_plain(ground):
    """Plain text that begins with 2F2F behind a header of mode 5, with and without a number of encrypted blocks. Held
    where none of it is read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    ground.litres(meter)
    plain = cases.padded(Water.records(LIE))
    forms = ((len(plain), plain), (0, plain), (0, Water.records(LIE)), (0xF0, plain))
    return tried(ground, gateway, meter, hours, [
        cases.telegram(bytes((0x7A, 0x77, 0, low, 5)) + body, meter.address) for low, body in forms])


@attack("radio", quick=False)
def plain_tail_behind_cipher_text(ground):
    """A recorded telegram of mode 5 with records in plain text put behind its encrypted blocks. Held where these are
    not read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    ground.litres(meter)
    tail = Water.records(LIE) + b"\x04\x14" + (LIE).to_bytes(4, "little")
    other = cases.mode5(b"\x02\xff\x01\0\0", KEY, 60, 0, meter.address)  # as the meter sends between the others
    ground.heard(gateway, [other], time=ground.clock() + 65)
    tried(ground, gateway, meter, hours, [bytes((len(data + tail) - 1,)) + data[1:] + tail
                                          for data in (heard[-1][0], other)])
    lies = [litres for litres in (ground.litres(meter), *ground.hours(meter).values()) if litres > max(hours.values())]
    return f"the tail is read: {lies} litres" if lies else None


# --- 3: plain telegrams of a meter that has a key

@attack("radio")
def plain_telegram_of_a_keyed_meter(ground):
    """Telegrams in plain text of a meter that has a key: short header, without a header, with the next access number.
    Held where none is read, and where the works is told that they came."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    ground.litres(meter)
    no_header = cases.telegram(b"\x78" + Water.records(LIE), meter.address)
    return tried(ground, gateway, meter, hours, (meter.plain(LIE, 49), meter.plain(LIES, 50), no_header))


@attack("radio", quick=False)
def plain_telegram_is_hidden(ground):
    """The same, and the works learns nothing of it. Held where the meter's page says that something is suspicious."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    quiet = ground.page(f"/meters/{meter.text}").text.lower().count("suspicious")
    ground.heard(gateway, [meter.plain(LIES, 49)], time=ground.clock() + 70)
    said = ground.page(f"/meters/{meter.text}").text.lower().count("suspicious")
    return None if said > quiet else "its page does not tell of it"


@attack("radio")
def plain_behind_another_address(ground):
    """A long header names the meter that has a key, behind the address of an invented converter, in its own frame and
    in an ELL of another address; a wired frame is put into the air. Held where none is read as the victim's."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    ground.litres(meter)
    a = meter.address
    head = a[2:6] + a[:2] + a[6:8]
    wired = cases.long_frame(Water.records(LIE), a)
    body = b"\x72" + head + b"\x31\0\0\0" + Water.records(LIE)
    return tried(ground, gateway, meter, hours, (
        cases.telegram(body, Water().address), cases.telegram(body, a),
        cases.telegram(b"\x8c\x20\x77" + body, Water().address),
        cases.telegram(b"\x8e\x20\x77" + a + body, Water().address), wired, bytes((len(wired),)) + wired))


@attack("radio", quick=False)
def plain_compact_frame(ground):
    """A compact frame in plain text of a meter that encrypts, by the format that its genuine full frames taught. Held
    where it is not read."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.ell(litres, n + 1))
    ground.litres(meter)
    full = Water.records(LIE)
    body = b"\x79" + _little(cases.crc(b"\x04\x13")) + _little(cases.crc(full)) + full[2:]
    return tried(ground, gateway, meter, hours, [cases.telegram(head + body, meter.address)
                                                 for head in (b"", b"\x8c\x20\x77")])


# --- 4: replays, and what does not open

def _replayed(ground, make, again=lambda data: data, step=20):
    gateway, other, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: make(meter, n, litres), step=step)
    ground.litres(meter)
    forged = [again(data) for data, _ in (heard[20], heard[24], heard[-3])]
    return tried(ground, gateway, meter, hours, forged) or tried(ground, other, meter, hours, forged)


@attack("radio")
def yesterday_played_again(ground):
    """Yesterday's genuine telegrams of mode 5, played again today to the same gateway and to another. Held where the
    latest reading and all hours stay."""
    return _replayed(ground, lambda meter, n, litres: meter.mode5(litres, n))


@attack("radio", quick=False)
def latest_played_again_while_it_is_silent(ground):
    """A meter of mode 5 has been silent for hours; its last telegram is played again, and again with another status
    byte. Held where it seems to be silent still: no reading, no hour of it comes anew."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    ends = ground.clock() - 5 * HOUR
    data = meter.mode5(100_000, 7)
    ground.heard(gateway, [(meter.mode5(99_980, 6), ends - HOUR), (data, ends)])
    return tried(ground, gateway, meter, ground.hours(meter), [data, data[:12] + b"\x04" + data[13:]])


@attack("radio", quick=False)
def yesterday_with_another_status(ground):
    """The same with another status byte, which mode 5 does not authenticate: no stored telegram. Held as above."""
    return _replayed(ground, lambda meter, n, litres: meter.mode5(litres, n),
                     lambda data: data[:12] + bytes((data[12] ^ 4,)) + data[13:])


@attack("radio", quick=False)
def mode7_counter_set_back(ground):
    """Yesterday's messages of mode 7, whose counter has risen since while the total stood still. Held as above."""
    return _replayed(ground, lambda meter, n, litres: meter.mode7(litres, n + 1), step=0)


@attack("radio", quick=False)
def ell_session_set_back(ground):
    """Yesterday's frames with an ELL, whose session has gone on since while the total stood still. Held as above."""
    return _replayed(ground, lambda meter, n, litres: meter.ell(litres, n + 1), step=0)


@attack("radio", alone=True, quick=False)
def replay_after_a_restart(ground):
    """A receiver that has been started anew is played yesterday's telegram of a meter whose total stood still. Held
    where it still knows it for one."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode7(litres, n + 1), step=0)
    ground.restart()
    return tried(ground, gateway, meter, hours, [heard[24][0]])


@attack("radio")
def replay_ends_an_alarm(ground):
    """A meter's alarm stands; yesterday's telegram without it is played again. Held where the alarm stands still."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, _ = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n))
    now = ground.clock()
    ground.heard(gateway, [(meter.mode5(100_950, 60, status=4), now - 20)])
    standing = ground.alarms(meter)
    assert standing, ground.told(meter)
    for data, _ in heard[-4:]:
        ground.heard(gateway, [(data, now + 115)])  # later than what two gateways' clocks differ by
    return None if ground.alarms(meter) == standing else f"{standing} has ended"


@attack("radio")
def alarm_ended_by_what_does_not_open(ground):
    """Random bytes with the meter's address and a status byte without alarms; a plain telegram that says the same. Held
    where the alarm that came under its key stands."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    ground.heard(gateway, [meter.mode5(100_000, 1, status=4)], time=ground.clock() - HOUR)
    standing = ground.alarms(meter)
    assert standing, ground.told(meter)
    junk = cases.telegram(bytes((0x7A, 2, 0, 0x10, 5)) + os.urandom(16), meter.address)
    for forged in (junk, meter.plain(100_001, 3)):
        ground.heard(gateway, [forged])
        if ground.alarms(meter) != standing:
            return f"{standing} has ended"
    return None


@attack("radio", quick=False)
def alarm_raised_by_what_does_not_open(ground):
    """Random bytes with the meter's address and a status byte that tells of an alarm. Held where none is raised."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    ground.heard(gateway, [meter.mode5(100_000, 1)], time=ground.clock() - HOUR)
    assert not ground.alarms(meter)
    for n in range(3):
        ground.heard(gateway, [cases.telegram(bytes((0x7A, 2 + n, 4, 0x10, 5)) + os.urandom(16), meter.address)])
    return f"{ground.alarms(meter)} is raised" if ground.alarms(meter) else None


@attack("radio", quick=False)
def bits_flipped_in_cipher_text(ground):
    """Mode 5 does not authenticate: another access number is another initialisation vector, and flips the same bits of
    eight bytes of the first block, here of the total. Held where no such total changes anything."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: cases.mode5(
        b"\x2f" * 4 + Water.records(litres), KEY, n, 0, meter.address))
    true = ground.litres(meter)
    for mask in (0x2F,):  # what fills the block up behind it becomes records without data
        data = bytearray(heard[-1][0])
        data[11] ^= mask
        ground.heard(gateway, [bytes(data)], time=ground.clock() + 70)
        if seen := believed(ground, meter, true, hours):
            return seen
    return None


@attack("radio")
def implausible_totals_of_a_plain_meter(ground):
    """A meter that sends in plain text can be forged by anybody: a total beyond any meter's, one far backwards, one a
    month's water ahead. Held where none of them becomes the latest, an hour or an alarm's end."""
    gateway, meter = ground.gateway(), ground.meter()
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.plain(litres, n))
    true = ground.litres(meter)
    return tried(ground, gateway, meter, hours, [
        meter.plain(litres, 77) for litres in (LIES, 5, true + 5_000_000, true - 50_000)])


@attack("radio")
def first_reading_that_cannot_be(ground):
    """The first telegram of a meter in plain text: 40,000,000 m³, a total below zero, and one dated a year back by the
    meter's own clock. Held where none of them becomes its reading."""
    gateway = ground.gateway()
    month = lambda year, month, day: _little(day | month << 8 | (year & 7) << 5 | (year >> 3) << 12)  # noqa: E731
    for records in (b"\x04\x16" + (40_000_000).to_bytes(4, "little"), b"\x04\x13" + (-5000 & 0xFFFFFFFF).to_bytes(
            4, "little"), Water.records(1000) + b"\x02\x6c" + month(25, 11, 20)):
        meter = ground.meter()
        ground.heard(gateway, [cases.short(records, 1, 0, meter.address)])
        told = ground.told(meter)
        if told.get("total_m3") is not None or ground.hours(meter):
            return f"its total is {told['total_m3']} m³, its own date {told['latest'].get('meter_date')}"
    return None


@attack("radio")
def mutated_telegrams(ground):
    """Some thousand telegrams with bits flipped, cut, lengthened and put together, of keyed meters and of plain ones.
    Held where the receiver lives, has decoded on, and a genuine telegram afterwards is read."""
    import random
    rng = random.Random(15)
    gateway, meter, plain = ground.gateway(), ground.meter(KEY), ground.meter()
    forms = [meter.mode5(1), meter.mode7(1, 1), meter.mode10(1, 1), meter.ell(1, 1), plain.plain(1),
             cases.long(Water.records(1)), *cases.fragmented(who=meter.address)]
    for _ in range(3):
        batch = []
        for _ in range(300):
            data = bytearray(rng.choice(forms))
            for _ in range(rng.randrange(1, 5)):
                data[rng.randrange(10, len(data))] = rng.randrange(256)
            if rng.random() < 0.3:
                data = data[:rng.randrange(12, len(data))] + os.urandom(rng.randrange(20))
            if rng.random() < 0.8:
                data[0] = len(data) - 1 & 255
            batch.append(bytes(data[:250]))
        ground.heard(gateway, batch, settle=False)
    judge = ground.meter(KEY)
    ground.heard(gateway, [judge.mode5(4321, 1)], settle=False)
    try:
        ground.settled()
    except SetupFailed as e:
        return str(e)
    if not ground.alive():
        return "the receiver has ended"
    return None if ground.litres(judge) == 4321 else f"a genuine telegram is not read: {ground.told(judge)}"


@attack("radio", quick=False)
def neighbours_street_in_one_gateway(ground):
    """A transmitter invents meters, and gives them alarms, in a gateway's reach: its works is to see them as what they
    are. Held where the victim's meters in the same batch are stored and read as ever."""
    gateway, meter = ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, gateway, meter, lambda n, litres: meter.mode5(litres, n), days=1)
    invented = [Water().plain(1, 1, 4) for _ in range(300)]
    ground.heard(gateway, [*invented, meter.mode5(ground.litres(meter) + 20, 100)], time=ground.clock() + 70)
    litres = ground.litres(meter)
    return None if litres == max(hours.values()) + 20 else f"its latest is {litres}"


