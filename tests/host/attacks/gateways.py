"""What one enrolled gateway can do to others: everything here is signed by its own key, and so taken for its word."""

import time

import cbor2
import envelopes
from receiver_support import DAY, HOUR, Gateway

import firmware.wire.records as wire_records
from firmware import wire
from firmware.wire import cbor, envelope

from .ground import SetupFailed, Water, attempt
from .radio import KEY, believed, lived
from .registry import attack

PATIENCE_S = 5.0  # for the answer to another gateway, whose usual one takes a hundredth of that


def others_wait(ground, during, seconds=PATIENCE_S):
    """Longest answer to another gateway while `during()` goes on and right after it, where that is too long."""
    import threading
    judge, longest, stop = ground.gateway(), [0.0], threading.Event()
    refused = []

    def ask():
        while not stop.is_set():
            began = time.monotonic()
            answer = attempt(ground.send, judge.batch([wire_records.event(judge.next(), ground.clock(), "here", "")]))
            if answer is None or answer.status != 200:
                refused.append("nothing" if answer is None else answer.status)
            longest[0] = max(longest[0], time.monotonic() - began)
            time.sleep(0.05)
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        during()
    finally:
        stop.set()
        asking.join(60)
    if asking.is_alive():
        return "another gateway got no answer in a minute"
    if refused:
        return f"another gateway was answered {refused[:3]}"
    return None if longest[0] < seconds else f"another gateway waited {longest[0]:.1f} s"


# --- held before: envelopes

@attack("gateway")
def envelopes_of_others(ground):
    """Forged, altered, cut, cross-works, cross-purpose, downgraded and swapped-kid envelopes, and keys of small order.
    Held where each is refused and nothing of it is stored."""
    victim, other = ground.gateway(), Gateway("elsewhere")
    before = ground.through(victim.batch([wire_records.event(victim.next(), ground.clock(), "here", "")]))
    record = wire_records.event(2, ground.clock(), "forged", "")
    content = victim.content([record], first=2, last=2)
    good = victim.sign(content)
    at = good.index(b"\x58\x40") + 2
    kid = envelope.kid(victim.public)
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    seed = victim.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    forged = [victim.sign(content, works="elsewhere"), victim.sign(content, purpose="command"),
              victim.sign(content, key=other.key), other.sign(content, works="works", kid=kid),
              other.sign(content, works="works"), good[:at] + bytes(64) + good[at + 64:], good[:-1], good + b"\0",
              good[:-1] + bytes((good[-1] ^ 1,)), victim.sign(content, content_type="application/cbor"),
              good.replace(kid, envelope.kid(other.public))]
    for alg, hashed in ((-7, -16), (None, -16), (-8, -15), (0, 0)):
        protected = envelopes.protected_header(kid, alg, hashed, wire.CONTENT_TYPE)
        forged.append(envelopes.put(*envelopes.made(content, seed, victim.public, works="works", protected=protected)))
    for body in forged:
        answer = ground.send(body)
        if answer.status == 429:
            raise SetupFailed("this address is locked out")
        if answer.status == 200:
            return f"a forged batch is accepted ({forged.index(body)})"
    mark = ground.through(victim.batch([]))
    return None if mark == before else f"the mark went from {before} to {mark}"


@attack("gateway")
def batch_sent_again(ground):
    """A whole batch is sent again, by its gateway and signed by another. Held where each telegram is stored once, and
    by the other's ring the meter's hours do not change."""
    first, second, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    records = [wire_records.telegram(first.next(), ground.clock() - 300 + n, -70, meter.mode5(1000 + n))
               for n in range(5)]
    body = first.batch(records)
    for _ in range(3):
        ground.through(body)
    ground.settled()
    hours = ground.hours(meter)
    ground.through(second.batch(records, first=1, last=5))
    ground.settled()
    stored = ground.sql("SELECT count(*) FROM telegrams t JOIN meters m ON m.id = t.meter WHERE m.meter = ?",
                        meter.text)[0][0]
    return None if stored == 5 and ground.hours(meter) == hours else f"5 telegrams are stored {stored} times"


@attack("gateway")
def equivocation(ground):
    """A gateway sends other content under numbers that were acknowledged. Held where the first stays, and the works is
    told."""
    gateway, meter = ground.gateway(), ground.meter()
    at = ground.clock() - 60
    ground.through(gateway.batch([wire_records.telegram(gateway.next(), at, -70, meter.plain(1000, 1))]))
    ground.settled()
    answer = ground.send(gateway.batch([wire_records.telegram(1, at, -70, meter.plain(900, 2))], first=1, last=1))
    ground.settled()
    if answer.status == 200 or ground.litres(meter) != 1000:
        return f"answered {answer.status}, the meter shows {ground.litres(meter)}"
    told = ground.api(f"/v1/gateways/{gateway.id}")[1]["equivocations"]
    return None if told else "the works is told of nothing"


# --- 6: times

@attack("gateway")
def untimed_copy_comes_first(ground):
    """It delivers a victim's telegram first, "a second after its boot", and never tells its clock; the honest gateway's
    copy comes after it. Held where the honest one becomes the meter's reading."""
    liar, honest, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    data = meter.mode5(123_000)
    ground.through(liar.batch([wire_records.boot(liar.next(), 0, 1, "start"),
                               wire_records.telegram(liar.next(), 1, -70, data)]))
    ground.heard(honest, [data])
    return None if ground.litres(meter) == 123_000 else f"the honest copy is no reading: {ground.litres(meter)}"


@attack("gateway", quick=False)
def boot_dated_back(ground):
    """The same, and later it dates that boot 300 days back. Held where the honest reading keeps its hour."""
    liar, honest, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    data, at = meter.mode5(123_000), ground.clock() - 60
    ground.through(liar.batch([wire_records.boot(liar.next(), 0, 1, "start"),
                               wire_records.telegram(liar.next(), 1, -70, data)]))
    ground.heard(honest, [(data, at)])
    for quality in (wire_records.CLOCK_FLOOR, wire_records.CLOCK_HAN, wire_records.CLOCK_ANSWER,
                    wire_records.CLOCK_SNTP):
        ground.through(liar.batch([wire_records.clock(liar.next(), 9, ground.clock() - 300 * DAY, quality)]))
    ground.settled()
    hours = ground.hours(meter)
    return None if hours == {at // HOUR: 123_000} else f"the reading of {at // HOUR} is now {hours}"


@attack("gateway")
def yesterdays_hours_rewritten(ground):
    """It relays today's telegram with the times of yesterday. Held where yesterday's hours stay as they were."""
    honest, liar, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, honest, meter, lambda n, litres: meter.mode5(litres, n))
    true = ground.litres(meter)
    today, at = heard[-1]
    ground.heard(liar, [(today, (t // HOUR) * HOUR + 3590) for _, t in heard[20:26]])
    return believed(ground, meter, true, hours)


@attack("gateway", quick=False)
def hours_before_it_began(ground):
    """It dates a genuine telegram into weeks from before the meter was heard. Held where no hours appear there."""
    honest, liar, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    heard, hours = lived(ground, honest, meter, lambda n, litres: meter.mode5(litres, n), days=1)
    true = ground.litres(meter)
    ground.heard(liar, [(heard[-1][0], ground.clock() - n * DAY) for n in range(5, 15)])
    return believed(ground, meter, true, hours)


@attack("gateway")
def readings_from_the_future(ground):
    """It relays a genuine telegram as of almost a day ahead, and as of two days and ten years ahead: the latest reading
    until then. Held where the honest one an hour later is the latest."""
    honest, liar, meter = ground.gateway(), ground.gateway(), ground.meter(KEY)
    lived(ground, honest, meter, lambda n, litres: meter.mode5(litres, n), days=1)
    before = ground.hours(meter)
    for ahead in (23 * HOUR, 2 * DAY, 3650 * DAY):
        ground.heard(liar, [(meter.mode5(101_000, 100 + ahead % 50), ground.clock() + ahead)])
    ground.heard(honest, [meter.mode5(101_020, 160)], time=ground.clock() + 90)
    future = [h for h in ground.hours(meter) if h > ground.clock() // HOUR + 1]
    if ground.litres(meter) != 101_020:
        return f"the latest is {ground.litres(meter)}, as of {ground.told(meter)['read_at']}"
    return f"hours of the future are stored: {future}" if future and len(before) else None


# --- 7: what grows

@attack("gateway", alone=True)
def numbers_near_the_end(ground):
    """Batches with sequence numbers near 2^62, 2^63 and 2^64, and gaps as wide. Held where none of them is too much for
    the receiver, and it starts again and serves this gateway and others."""
    gateway, other, answers = ground.gateway(), ground.gateway(), []
    for first in ((1 << 62) - 2, (1 << 62) - 1, 1 << 62, (1 << 63) - 3, (1 << 63) - 1, (1 << 64) - 2):
        for fresh in (False, True):
            liar = gateway if not fresh else gateway.__class__("works")
            liar.key, liar.public, liar.id = gateway.key, gateway.public, gateway.id
            try:
                body = liar.batch([wire_records.event(first, ground.clock(), "far", "")], first=first, last=first)
            except (ValueError, OverflowError):
                continue
            answers += [attempt(ground.send, body),
                        attempt(ground.send, liar.batch([cbor2.dumps([4, first + 1, 5, "x", "y"])], first=first + 1,
                                                        last=first + 1))]
    failed = [answer and answer.status for answer in answers if answer is None or answer.status >= 500]
    if failed or not answers:
        return f"of {len(answers)} batches some are answered {failed}"
    try:
        ground.restart()
    except AssertionError:
        return "the receiver does not start any more"
    answer = attempt(ground.send, other.batch([wire_records.event(other.next(), ground.clock(), "here", "")]))
    if answer is None or answer.status != 200:
        return f"another gateway is answered {answer and answer.status}"
    status = ground.page(f"/gateways/{gateway.id}").status
    return None if status == 200 else f"its page is answered {status}"


@attack("gateway", alone=True, quick=False)
def thousands_of_gaps(ground):
    """Batches with every other number: thousands of gaps in one ring. Held where others are answered as ever, the pages
    open, and the receiver starts again."""
    gateway = ground.gateway()

    def during():
        seq = 1
        for _ in range(60):
            records = []
            for _ in range(250):
                records.append(wire_records.event(seq, ground.clock(), "x", ""))
                seq += 2
            attempt(ground.send, gateway.batch(records, first=seq - 500, last=seq - 2))
    seen = others_wait(ground, during)
    began = time.monotonic()
    status = ground.page(f"/gateways/{gateway.id}").status
    if time.monotonic() - began > PATIENCE_S or status != 200:
        return f"its page takes {time.monotonic() - began:.1f} s, {status}"
    rows = ground.sql("SELECT count(*) FROM gaps")[0][0]
    if rows > 500:
        return f"{rows} gaps are kept"
    return seen


@attack("gateway", alone=True)
def thousands_of_boots(ground):
    """Five thousand boots without a time and telegrams behind them, then a time. Held where others are answered as
    ever."""
    gateway, meters, waiting = ground.gateway(), [Water() for _ in range(20)], []

    def during():
        for n in range(20):
            records = []
            for m in range(240):
                records.append(wire_records.boot(gateway.next(), 0, n * 240 + m, "x"))
                if m % 12 == 0:
                    records.append(wire_records.telegram(gateway.next(), 1, -70, meters[n].plain(m + 1, m)))
            attempt(ground.send, gateway.batch(records))
        waiting.append(ground.sql("SELECT count(*) FROM boots WHERE start IS NULL")[0][0])
        for n in range(3):
            attempt(ground.send, gateway.batch([
                wire_records.boot(gateway.next(), 0, 9000 + n, "x"),
                wire_records.clock(gateway.next(), 5, ground.clock() - 60, wire_records.CLOCK_ANSWER)]))
    seen = others_wait(ground, during, 4.0)
    if seen:
        return seen
    return f"{waiting[0]} boots wait for their time" if waiting[0] > 1000 else None


@attack("gateway", alone=True, quick=False)
def hundreds_of_epochs(ground):
    """A new epoch with each batch, four hundred of them. Held where its page and the list open as quickly as before,
    and where not all of them are kept."""
    import os
    gateway = ground.gateway()

    def during():
        for _ in range(400):
            gateway.epoch, gateway.seq = os.urandom(8), 0
            attempt(ground.send, gateway.batch([wire_records.event(gateway.next(), ground.clock(), "x", "")]))
    seen = others_wait(ground, during)
    rows = ground.sql("SELECT count(*) FROM epochs")[0][0]
    return seen or (f"{rows} epochs are kept" if rows > 50 else None)


# --- 8: what fills the disk, and what takes long

@attack("gateway", alone=True, quick=False)
def invented_meters(ground):
    """Twenty thousand invented meters in one day, by one gateway. Held where by far not all of them become meters of
    the works, while another gateway's new meter does."""
    gateway, other, meter = ground.gateway(), ground.gateway(), ground.meter()
    for _ in range(60):
        answer = attempt(ground.send, gateway.batch([
            wire_records.telegram(gateway.next(), ground.clock() - 30, -70, Water().plain(1, 1)) for _ in range(340)]))
        if answer is None or answer.status not in (200, 413, 429, 507):
            break
    ground.heard(other, [meter.plain(4321, 1)])
    if ground.litres(meter) != 4321:
        return "another gateway's new meter is not read"
    count = ground.api("/v1/meters?limit=1")[1]["found"]
    return f"the list has {count} meters" if count > 2000 else None


@attack("gateway", alone=True, quick=False)
def bytes_without_end(ground):
    """Opaque records of 32 KB, as many as are accepted, up to 96 MB in one day. Held where the store does not grow by
    that much, and others are served."""
    gateway, size = ground.gateway(), 30_000
    before, accepted = stored_bytes(ground), 0
    for _ in range(3200):
        body = gateway.batch([b"\x84\x18\x63" + cbor.encode(gateway.next()) + b"\x00" + cbor.encode(bytes(size))])
        answer = attempt(ground.send, body)
        if answer is None or answer.status != 200:
            break
        accepted += 1
    other = ground.gateway()
    ground.through(other.batch([wire_records.event(other.next(), ground.clock(), "here", "")]))
    grown = stored_bytes(ground) - before
    return f"{accepted} batches were accepted, {grown >> 20} MB stored" if grown > 8 << 20 else None


def stored_bytes(ground):
    """How much lies in the store."""
    return ground.sql("SELECT coalesce(sum(length(body)), 0) FROM records")[0][0]


@attack("gateway", alone=True)
def tags_that_become_objects(ground):
    """Records with CBOR tags that a decoder makes objects of: a regular expression of 22 KB, numbers of a billion
    digits, fractions, addresses, dates, shared and cyclic values. Held where others are answered as ever."""
    gateway = ground.gateway()
    ranges = "(?i)" + "[\x01-\uffff]" * 600  # each goes through 65,535 characters
    contents = [cbor2.dumps(cbor2.CBORTag(35, ranges)),
                b"\xd8\x23\x59\x4e\x20" + b"(" * 20_000,
                b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01", b"\xc5\x82\x1a\x3b\x9a\xca\x00\x01",
                b"\xc4\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\xc2\x41\x09", b"\xc2\x59\x4e\x20" + b"\xff" * 20_000,
                b"\xd8\x1e\x82\xc2\x59\x20\x00" + b"\xff" * 8192 + b"\xc2\x59\x20\x00" + b"\xfe" * 8192,
                b"\xd8\x1c\x81\xd8\x1d\x00", b"\xd9\x01\x04\x44\x01\x02\x03\x04", b"\xd9\x01\x02\x81\x81\x00",
                b"\xc0\x74" + b"2026-13-41T99:99:99Z", b"\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
                b"\xd8\x24\x59\x10\x00" + b"MIME-Version: 1.0\r\n" * 215 + bytes(11), b"\xd8\x25\x50" + bytes(16)]

    def during():
        for data in contents:
            attempt(ground.send, gateway.batch([b"\x84\x18\x63" + cbor.encode(gateway.next()) + b"\x00" + data]))
            attempt(ground.send, gateway.batch([b"\x85\x04" + cbor.encode(gateway.next()) + b"\x00" + data + b"\x60"]))
    return others_wait(ground, during, 4.0)


@attack("gateway", quick=False)
def lengths_and_depths(ground):
    """Records that announce 2^40 bytes, 2^63 items, maps of as many, and arrays in arrays ten thousand deep; indefinite
    lengths, duplicate keys. Held where the receiver lives, and others are answered as ever."""
    gateway = ground.gateway()
    contents = [b"\x5b\0\0\1\0\0\0\0\0", b"\x9b\x7f" + b"\xff" * 7, b"\xbb\x7f" + b"\xff" * 7,
                b"\x7b\xff" + b"\xff" * 7,
                b"\x81" * 10_000 + b"\0", b"\xa1\0" * 8000 + b"\0", b"\x9f" * 9000, b"\x5f" * 9000 + b"\xff" * 9000,
                b"\xa2\0\0\0\0", b"\xff", b"\x1c", b"\xf8\x00", b"\xd8\x18" * 9000 + b"\0"]

    def during():
        for data in contents:
            attempt(ground.send, gateway.batch([b"\x84\x18\x63" + cbor.encode(gateway.next()) + b"\x00" + data]))
            attempt(ground.send, gateway.batch([data], first=gateway.next(), last=gateway.seq))
    return others_wait(ground, during) or (None if ground.alive() else "the receiver has ended")


@attack("gateway")
def oversized_bodies(ground):
    """Bodies of a gigabyte announced, of 33 KB, in chunks without end, packed by gzip a thousandfold. Held where each
    is refused, and no process grows by the size."""
    import gzip
    gateway = ground.gateway()
    big = gateway.batch([wire_records.event(gateway.next(), ground.clock(), "big", "x" * 500) for _ in range(80)])

    def chunks():
        for at in range(0, len(big), 1024):
            yield big[at:at + 1024]
    for body, headers in ((big, {}), (chunks(), {"Transfer-Encoding": "chunked"}),
                          (b"", {"Content-Length": str(1 << 30)}),
                          (gzip.compress(big), {"Content-Encoding": "gzip"}),
                          (gzip.compress(bytes(30 << 20)), {"Content-Encoding": "gzip"})):
        answer = attempt(_post, ground, body, {"Content-Type": wire.CONTENT_TYPE, **headers})
        if answer is not None and answer.status == 200:
            return f"accepted with {headers}"
    peak = max(resident(pid) for pid in processes(ground))
    return None if peak < 600 << 20 else f"a process has {peak >> 20} MB"


def _post(ground, body, headers):
    import http.client
    connection = http.client.HTTPSConnection("localhost", ground.device_port, context=ground.context(), timeout=3)
    try:
        chunked = "Transfer-Encoding" in headers
        connection.request("POST", wire.PATH, body, headers, encode_chunked=chunked)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def processes(ground):
    """The process ids of a receiver."""
    with open(f"/proc/{ground.process.pid}/task/{ground.process.pid}/children") as f:
        return [ground.process.pid, *map(int, f.read().split())]


def resident(pid):
    """Bytes of a process that lie in memory."""
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


@attack("gateway", quick=False)
def result_of_anothers_command(ground):
    """A gateway tells the result of a command that another was sent. Held where that one is still told it."""
    with ground.office() as office:
        victim, liar = ground.gateway(), ground.gateway()
        counter = office.orders.make(victim.id, "interval", {"seconds": 1800}, ground.clock())
    numbers = (liar.next(), liar.next())
    end = time.monotonic() + 5
    while not envelope.open_answer(ground.send(victim.batch([])).body).commands:
        if time.monotonic() > end:
            raise SetupFailed("the command is not sent")
        time.sleep(0.2)
    for seq in numbers:
        ground.through(liar.batch([wire_records.result(seq, ground.clock(), counter, 0, "1800")], first=seq, last=seq))
    sent = envelope.open_answer(ground.send(victim.batch([])).body).commands
    return None if sent else "the command is not sent any more"


@attack("gateway", quick=False)
def electricity_of_another_home(ground):
    """A gateway sends hours of electricity and records in such a way that they could be another home's. Held where the
    works' API shows no electricity at all, and the victim's gateway has none."""
    victim, liar = ground.gateway(name="Fyrveien 3"), ground.gateway()
    ground.through(liar.batch([wire_records.han_hour(liar.next(), ground.clock(), ground.clock() // HOUR * HOUR - HOUR,
                                                     3_917_555, 0, False)]))
    rows = ground.sql("SELECT count(*) FROM home_hours h JOIN gateways g ON g.id = h.gateway WHERE g.gateway = ?",
                      victim.id)[0][0]
    shown = [path for path in ("/", f"/gateways/{liar.id}", f"/v1/gateways/{liar.id}")
             if "3917" in ground.page(path, "administrator").text.replace(",", "").replace("\xa0", "")]
    return f"{rows} hours at the victim, shown at {shown}" if rows or shown else None


@attack("gateway")
def revoked_since_the_theft(ground):
    """A gateway is stolen; its key signs on until the works notices, and says since when. Held where `netti receiver
    revoke GATEWAY --since DATE` takes what it sent since out of the readings, and nothing of what it sent before."""
    gateway, meter = ground.gateway(), ground.meter()
    ground.heard(gateway, [meter.plain(100_000, 1)], time=ground.clock() - 2 * DAY)
    stolen = ground.clock() + 1
    while ground.clock() <= stolen:
        time.sleep(0.1)
    ground.heard(gateway, [meter.plain(100_100, 2)])
    if ground.litres(meter) != 100_100:
        raise SetupFailed(f"the meter shows {ground.litres(meter)}")
    status, said = ground.netti("receiver", "revoke", ground.directory.path, gateway.id, "--since",
                                _date(stolen), check=False)
    if status:
        return f"there is no such command: {said.splitlines()[-1][:100]}"
    end = time.monotonic() + 12
    while time.monotonic() < end:
        hours = ground.hours(meter)
        if ground.send(gateway.batch([])).status == 401 and set(hours.values()) == {100_000}:
            return None
        time.sleep(0.3)
    return f"the meter's hours are {hours}, its total {ground.litres(meter)}"


def _date(unix):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


@attack("gateway", quick=False)
def revoked_gateway_goes_on(ground):
    """A revoked gateway sends on, and enrols again with its old token. Held where both are refused."""
    gateway = Gateway()
    token = ground.token()
    answer = ground.device("POST", "/v1/gateways", gateway.enrolment(token))
    if answer.status != 200:
        raise SetupFailed(answer.text)
    ground.through(gateway.batch([wire_records.event(gateway.next(), ground.clock(), "here", "")]))
    ground.netti("receiver", "revoke", ground.directory.path, gateway.id)
    end = time.monotonic() + 10
    while ground.send(gateway.batch([])).status == 200:
        if time.monotonic() > end:
            return "it is still served after ten seconds"
        time.sleep(0.3)
    ground.device("POST", "/v1/gateways", gateway.enrolment(token))
    status = ground.send(gateway.batch([wire_records.event(gateway.next(), ground.clock(), "again", "")])).status
    return f"it is answered {status}" if status == 200 else None


