"""Clock, history, configuration, identity and HTTP: the gateway's small pure parts."""

from disk import Disk

from firmware import config, identity, sntp
from firmware.clock import Clock
from firmware.home import history
from firmware.uplink import http
from firmware.wire import envelope, records

T = 1795504560  # 2026-11-24 07:16 UTC


def raises(kind, function, *args):
    try:
        function(*args)
    except kind as e:
        return str(e) or "raised"
    return ""


# --- clock ---

class Watch:
    def __init__(self, floor=1767225600):
        self.ms = 0
        self.steps = []
        self.clock = Clock(lambda: self.ms, floor)
        self.clock.on_step = lambda uptime, unix, quality: self.steps.append((uptime, unix, quality))


def test_before_anything_is_known_records_carry_uptime():
    w = Watch()
    w.ms = 5500
    c = w.clock
    assert c.now() is None and c.record_time() == 5 and not c.good() and c.quality == records.CLOCK_FLOOR
    assert c.best() == 1767225600 + 5
    assert Clock(lambda: 0, 0).quality == records.CLOCK_NONE


def test_first_setting_and_steps_over_two_seconds_are_told():
    w = Watch()
    w.ms = 10000
    assert w.clock.offer(T * 1000, records.CLOCK_ANSWER)
    assert w.steps == [(10, T, records.CLOCK_ANSWER)] and w.clock.now() == T and w.clock.record_time() == T
    w.ms = 20000
    assert w.clock.offer((T + 11) * 1000, records.CLOCK_ANSWER) and len(w.steps) == 1 and w.clock.now() == T + 10
    assert w.clock.offer((T + 13) * 1000, records.CLOCK_ANSWER) and len(w.steps) == 2 and w.clock.now() == T + 13


def test_the_better_source_wins_and_the_answer_overrules_nonsense():
    w = Watch()
    c = w.clock
    c.offer(T * 1000, records.CLOCK_ANSWER)
    assert c.offer((T + 1) * 1000, records.CLOCK_HAN) and c.quality == records.CLOCK_HAN and c.now() == T + 1
    assert not c.offer((T + 30) * 1000, records.CLOCK_ANSWER) and c.now() == T + 1
    assert c.offer((T + 90) * 1000, records.CLOCK_ANSWER) and c.now() == T + 90 and c.quality == records.CLOCK_ANSWER
    assert not c.offer((T + 1) * 1000, records.CLOCK_HAN) and c.now() == T + 90
    # After hours of silence a lesser source is better than none.
    w = Watch()
    w.clock.offer(T * 1000, records.CLOCK_HAN)
    w.ms = 7 * 3600000
    assert w.clock.offer((T + 7 * 3600 + 5) * 1000, records.CLOCK_SNTP)


def test_nothing_sets_it_below_the_floor_or_far_above():
    w = Watch(floor=T)
    for unix in (0, 946684800, T - 3600, T + 40 * 366 * 86400):
        assert not w.clock.offer(unix * 1000, records.CLOCK_HAN)
    assert w.clock.now() is None and w.clock.refused == 4


YEAR_2040 = 2208988800


def says(w, unix, quality, again_ms=10000):
    """A source says a time far off, and again some seconds later: whether it was believed, each time."""
    first = w.clock.offer(unix * 1000, quality)
    w.ms += again_ms
    return first, w.clock.offer(unix * 1000 + again_ms, quality)


def test_a_meter_that_says_2040_does_not_lock_the_true_time_out():
    w = Watch()
    c = w.clock
    assert says(w, YEAR_2040, records.CLOCK_HAN) == (False, True)
    assert c.floor == 1767225600
    assert c.offer(T * 1000, records.CLOCK_ANSWER) and c.now() == T and c.floor == T

    class Raises(Clock):
        """Known bad: any source raises the floor."""
        def offer(self, unix_ms, quality):
            done = Clock.offer(self, unix_ms, quality)
            self._confirm(unix_ms // 1000)
            return done
    bad = Raises(lambda: 0, 1767225600)
    bad.offer(YEAR_2040 * 1000, records.CLOCK_HAN)
    assert not bad.offer(T * 1000, records.CLOCK_ANSWER)


def far_moves(kind):
    """How often one message, or the same one again and again, moves a clock far: before the time is known, forth and
    back, and after an answer."""
    moved = 0
    for quality in (records.CLOCK_HAN, records.CLOCK_SNTP):
        for known in (None, quality, records.CLOCK_ANSWER):
            for unix in (YEAR_2040, T + 3600, T - 3600):
                w = Watch(T - 86400)
                w.clock = c = kind(lambda w=w: w.ms, T - 86400)
                if known is not None:
                    assert c.offer(T * 1000, known)
                elif unix != YEAR_2040:
                    continue
                before = c.now()
                c.offer(unix * 1000, quality)
                w.ms = 60000
                c.offer(unix * 1000, quality)  # replayed: it says what it said a minute ago
                moved += c.now() != (None if before is None else before + 60)
    return moved


def test_no_single_message_moves_the_clock_far_or_back():
    assert far_moves(Clock) == 0

    class Believes(Clock):
        """Known bad: whoever says a time is believed."""
        def _vouched(self, *_):
            return True
    assert far_moves(Believes) > 0


def test_two_messages_that_agree_are_believed_until_an_answer_says_otherwise():
    for quality in (records.CLOCK_HAN, records.CLOCK_SNTP):
        w = Watch()
        w.clock.offer(T * 1000, quality)
        assert says(w, T + 3600, quality) == (False, True) and w.clock.now() == T + 3610
        w = Watch()
        w.clock.offer(T * 1000, quality)
        assert says(w, T + 3600, quality, 1000) == (False, False)  # one message and its echo
        w.ms = 10000
        assert w.clock.offer((T + 3610) * 1000, quality)
        w = Watch()
        w.clock.offer(T * 1000, records.CLOCK_ANSWER)
        assert says(w, T + 3600, quality) == (False, False) and w.clock.now() == T + 10
        w.ms += 7 * 3600000  # the answers have long been away: what the house's meter says twice is better than drift
        assert says(w, T + 8 * 3600, quality) == (False, True)


def test_certificates_are_judged_by_the_confirmed_time_else_by_turns():
    w = Watch()
    c = w.clock
    floor = c.floor
    assert c.for_tls(0) == c.for_tls(1) == floor and not c.confirmed
    says(w, YEAR_2040, records.CLOCK_HAN)
    assert c.for_tls(0) == YEAR_2040 + 10 and c.for_tls(1) == floor + 10 and c.for_tls(2) == YEAR_2040 + 10
    c.offer(T * 1000, records.CLOCK_ANSWER)
    assert c.confirmed and c.for_tls(0) == c.for_tls(1) == T
    # A better source that agrees keeps it confirmed; one that jumps far when answers have long been away does not.
    c.offer((T + 1) * 1000, records.CLOCK_SNTP)
    assert c.confirmed
    w.ms += 7 * 3600000
    says(w, YEAR_2040, records.CLOCK_SNTP)
    assert not c.confirmed and c.for_tls(1) == T + 7 * 3600 + 20


def test_a_clock_that_starts_in_2000_is_set_before_tls():
    import sys

    from firmware import port
    told = []

    class Machine:
        class RTC:
            def datetime(self, value):
                told.append(value)
    before = sys.modules.get("machine")
    sys.modules["machine"] = Machine
    try:
        port.set_system_time(1795504560)
    finally:
        del sys.modules["machine"]
        if before:
            sys.modules["machine"] = before
    assert told == [(2026, 11, 24, 1, 7, 16, 0, 0)]


# --- SNTP ---

def sntp_answer(nonce, seconds=1795504560 + 2208988800, first=0x24, stratum=2):
    return bytes((first, stratum)) + bytes(22) + nonce + bytes(8) + (seconds & 0xFFFFFFFF).to_bytes(4, "big") \
        + b"\x80\x00\x00\x00"


def test_network_time_is_checked():
    nonce = bytes(range(8))
    assert sntp.question(nonce)[0] == 0x23 and len(sntp.question(nonce)) == 48 and sntp.question(nonce)[40:] == nonce
    assert sntp.answered(sntp_answer(nonce), nonce, 1767225600) == 1795504560500
    for bad in (b"", sntp_answer(nonce)[:47], sntp_answer(bytes(8)), sntp_answer(nonce, first=0xE4),
                sntp_answer(nonce, first=0x23), sntp_answer(nonce, stratum=0), sntp_answer(nonce, stratum=16),
                sntp_answer(nonce, seconds=0)):
        assert sntp.answered(bad, nonce, 1767225600) is None
    # In 2036 its seconds begin anew.
    assert sntp.answered(sntp_answer(nonce, seconds=2092000000 + 2208988800), nonce, 2091000000) == 2092000000500


def test_network_time_over_a_socket():
    import asyncio
    import socket

    from firmware import port
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    number = 17864 if port.MICROPYTHON else 17865
    s.bind(socket.getaddrinfo("127.0.0.1", number)[0][-1])
    s.setblocking(False)

    async def serve():
        while True:
            try:
                data, where = s.recvfrom(100)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            s.sendto(sntp_answer(data[40:48]), where)
            return

    async def go():
        task = asyncio.create_task(serve())
        got = await sntp.ask(port, "127.0.0.1", number, 1767225600)
        task.cancel()
        none = await sntp.ask(port, "127.0.0.1", 17999, 1767225600, 0.1)
        return got, none
    got, none = asyncio.run(go())
    s.close()
    assert 0 <= got[0] - 1795504560500 < 5000 and none is None


# --- history ---

H = 1795503600  # a full hour


def test_history_keeps_months_and_survives_a_cut_line():
    assert [history.month(t) for t in (0, 951782400, 1795504560, 1798761599, 1798761600)] == \
        ["1970-01", "2000-02", "2026-11", "2026-12", "2027-01"]
    disk = Disk()
    h = history.History(disk, "h", months=2)
    h.add(H, "el", "m", (612, 0, ""))
    disk.files["h/2026-11.csv"].extend(b"179550,wat")
    h.add(H + 3600, "water", "KAM-12345678-1B-16", (123456,))
    assert list(h.rows()) == [[str(H), "el", "m", "612", "0", ""],
                              [str(H + 3600), "water", "KAM-12345678-1B-16", "123456"]]
    h.add(H + 32 * 86400, "el", "m", (1, 0, ""))
    h.add(H + 64 * 86400, "el", "m", (1, 0, ""))
    assert disk.names("h") == ["2026-12.csv", "2027-01.csv"]
    h.wipe()
    assert list(h.rows()) == [] and disk.names("h") == []


# --- configuration ---

WORKS = {"window": 1800, "interval": 600}


def test_configuration_has_defaults_and_says_what_is_wrong():
    c = config.check({}, WORKS)
    assert c["kind"] == "home" and c["relay"] == {"window": 1800, "media": [6, 7, 21, 22], "meters": None}
    assert c["interval"] == 600 and c["han"] is None and c["own_meters"] == [] and not c["consent"]["valve"]
    good = {"han": {"port": "/dev/ttyS0:2400:8E1"}, "own_meters": [{"meter": "KAM-12345678-1B-16", "key": "00" * 16}]}
    c = config.check(good, WORKS)
    assert c["han"]["send"] is False and c["own_meters"] == [("KAM-12345678-1B-16", bytes(16))]
    for bad, names in (({"kind": "x"}, "kind"), ({"intervall": 1}, "intervall"), ({"interval": 0}, "interval"),
                       ({"interval": True}, "interval"), ({"relay": {"media": [4]}}, "relay.media"),
                       ({"relay": {"meters": ["KAM"]}}, "relay.meters"), ({"relay": {"window": "1"}}, "relay.window"),
                       ({"radios": [{"radio": "../x", "port": "tcp://a:1"}]}, "radios[0].radio"),
                       ({"radios": [{"radio": "bursts", "port": "tcp://a"}]}, "radios[0].port"),
                       ({"han": {"port": "tcp://a:1", "send": 1}}, "han.send"),
                       ({"han": {"port": "tcp://a:1", "p1_without_crc": 1}}, "han.p1_without_crc"),
                       ({"han": {"port": "tcp://a:1", "ek": "12"}}, "han.ek"),
                       ({"own_meters": [{"meter": "KAM"}]}, "own_meters[0].meter"),
                       ({"own_meters": [{"meter": "KAM-12345678-1B-16", "key": "zz"}]}, "own_meters[0].key"),
                       ({"simulated": {"scale": 0}}, "simulated.scale"), ([], "config")):
        text = raises(config.ConfigError, config.check, bad, WORKS)
        assert names in text and "\n" not in text, (bad, text)


def test_enrolment_file_is_checked():
    pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    raw = {"works": "demo", "url": "https://localhost:8443", "anchors": [pem, pem], "command_keys": ["00" * 32],
           "gateway": "A" * 16}
    works = config.check_works(raw)
    assert (works["host"], works["port"], works["window"], works["interval"]) == ("localhost", 8443, 3600, 900)
    for key, value in (("url", "http://x:1"), ("url", "https://x:1/path"), ("url", "https://:1"), ("anchors", []),
                       ("anchors", ["x"]), ("command_keys", ["00"]), ("works", ""), ("interval", 0), ("extra", 1)):
        bad = dict(raw)
        bad[key] = value
        assert raises(config.ConfigError, config.check_works, bad), (key, value)
    assert raises(config.ConfigError, config.parse, b'{"a', "x.json") and raises(config.ConfigError, config.parse,
                                                                             None, "x.json")


# --- identity ---

def test_identity_is_made_of_all_sources_and_checked_when_read():
    a, b = identity.make((b"one", b"two")), identity.make((b"onet", b"wo"))
    assert a.seed != b.seed and len(a.gateway) == 16 and a.gateway == envelope.gateway_id(a.public_key)
    assert identity.load(identity.dump(a)) == a
    for bad in (b"", b"{}", identity.dump(a).replace(a.gateway.encode(), b"A" * 16)):
        assert raises(ValueError, identity.load, bad)


# --- HTTP ---

class Stream:
    """A stream that holds all its bytes already."""

    def __init__(self, data):
        self.data = data

    async def readline(self):
        n = self.data.find(b"\n") + 1 or len(self.data)
        return await self.read(n)

    async def read(self, n):
        part, self.data = self.data[:n], self.data[n:]
        return part

    async def readexactly(self, n):
        if len(self.data) < n:
            raise EOFError
        return await self.read(n)


def answer(data):
    import asyncio
    return asyncio.run(http.read_answer(Stream(data)))


def test_http_answers_are_read():
    assert answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcd") == \
        (200, {"content-length": "3", "x-a": "b"}, b"abc", True)
    assert answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n") == (204, {}, b"", True)
    chunks = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
    assert answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)[2] == b"abcde"
    assert answer(b"HTTP/1.0 200 OK\r\n\r\nall of it")[2:] == (b"all of it", False)
    assert answer(b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")[3] is False


def test_http_nonsense_is_refused():
    ok = b"HTTP/1.1 200 OK\r\n"
    for data in (b"", b"HTTP/1.1 200", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", ok + b"nocolon\r\n\r\n",
                 ok + b"Content-Length: 99999999\r\n\r\n", ok + b"Content-Length: -1\r\n\r\n",
                 ok + b"Content-Length: 5\r\n\r\nabc", ok + b"X: " + b"y" * 2000 + b"\r\n\r\n",
                 ok + b"A: b\r\n" * 70 + b"\r\n", ok + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                 ok + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", b"HTTP/1.1 100 C\r\n\r\n" * 9):
        assert raises(ValueError, answer, data), data
