"""Orders: only the works' own, each at most once whatever is cut, the closed list, and the valve's rule."""

import json

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import envelopes
import gateway_bench as rig
from order_bench import KEYS, METER, PEM, SEED, STRANGER, SUCCESSOR, Bench, Cut, T, command

from firmware import config
from firmware.crypto import ed25519
from firmware.home import wipe
from firmware.orders import Orders
from firmware.wire import cbor, envelope, orders, records
from firmware.wire.orders import (
    DONE,
    FAILED,
    INTERRUPTED,
    MAX_ORDER,
    NO_CLOCK,
    NO_CONSENT,
    NOT_LISTED,
    NOT_UNDERSTOOD,
    TOO_LATE,
)

INTERVAL = {"seconds": 300}


def test_a_command_is_executed_and_answered():
    g = Bench()
    assert g.give(command("interval", INTERVAL)) is True
    assert g.give(command("interval", INTERVAL)) is False
    assert g.uplink.interval == 300 and g.results() == [(1, DONE)]
    assert json.loads(g.kept_orders[-1]) == {"interval": 300}
    assert json.loads(g.saved[0])["executing"] is True and json.loads(g.saved[0])["counter"] == 1
    assert json.loads(g.saved[-1])["executing"] is False
    g.give(command("interval", {"seconds": 60}, 2, seed=SUCCESSOR))
    assert g.uplink.interval == 60


def test_what_is_not_the_works_own_is_dropped_without_a_trace():
    good = command("interval", INTERVAL)
    other = bytes(10)
    flipped = bytearray(good)
    flipped[-3] ^= 1
    sig = bytearray(good)
    sig[good.index(b"\x58\x40") + 5] ^= 1
    bad = [command("interval", INTERVAL, seed=STRANGER), command("interval", INTERVAL, kid=other),
           command("interval", INTERVAL, works="other"), command("interval", INTERVAL, purpose="batch"),
           command("interval", INTERVAL, purpose="release"), command("interval", INTERVAL, counter=0),
           command("interval", INTERVAL, counter=True), command("interval", INTERVAL, not_after="x"),
           command("interval", INTERVAL, content_type="application/cbor-seq"), command("", 0, content=b"\x80"),
           command("", 0, content=cbor.encode([rig.ME.kid, 1, T + 9, "interval"])), good[:-1], good + b"\x00",
           bytes(flipped), bytes(sig), b"", b"\xff", 7, None]
    for data in bad:
        g = Bench()
        g.give(data)
        assert g.uplink.interval == 900 and g.results() == [] and g.saved == [], data
        assert g.counters["commands_refused"] == 1


LIMIT = 4096  # bytes of a command, here: of what a gateway takes the test's heap does not hold several


def matrix():
    """Yield (what may be wrong, the commands of one answer, what becomes of them): None: dropped and counted, without a
    trace; else the results."""
    good = command("interval", INTERVAL, 5)
    at = good.index(b"\x58\x40") + 2
    forged = bytearray(good)
    forged[at + 7] ^= 1
    moved = bytearray(good)
    moved[-1] ^= 1
    stranger = command("interval", INTERVAL, 5, seed=STRANGER)
    mine, theirs = envelope.kid(KEYS[SEED]), envelope.kid(KEYS[STRANGER])
    yield "forged: signature", [bytes(forged)], None
    yield "forged: content", [bytes(moved)], None
    yield "forged: by a stranger", [stranger], None
    for n in (0, 1, 40, at, at + 64, len(good) - 1):
        yield "truncated to %d" % n, [good[:n]], None
    yield "lengthened", [good + b"\x00"], None
    yield "oversized", [command("interval", {"seconds": "9" * LIMIT}, 5)], None
    yield "oversized, not even an envelope", [bytes(LIMIT + 1)], None
    yield "replayed in one answer", [good, good], [(5, DONE)]
    yield "replayed below another", [command("interval", INTERVAL, 6), good], [(5, DONE), (6, DONE)]
    yield "cross-works", [command("interval", INTERVAL, 5, works="other")], None
    for purpose in ("batch", "release"):
        yield "cross-purpose: " + purpose, [command("interval", INTERVAL, 5, purpose=purpose)], None
    yield "cross-purpose: content type", [command("interval", INTERVAL, 5, content_type="application/cbor-seq")], None
    for alg, hash_alg in ((-7, -16), (-19, -16), (5, -16), (None, -16), (-8, -15), (-8, -43)):
        protected = envelopes.protected_header(mine, alg, hash_alg, "application/cbor")
        yield "downgraded: %s, %s" % (alg, hash_alg), [envelopes.put(*envelopes.made(
            good[at + 64:], SEED, KEYS[SEED], purpose="command", works="demo", protected=protected))], None
    yield "swapped kid: of a stranger", [good.replace(mine, theirs)], None
    yield "swapped kid: of the works", [stranger.replace(theirs, mine)], None
    yield "swapped kid: of the successor", [good.replace(mine, envelope.kid(KEYS[SUCCESSOR]))], None
    yield "swapped kid: for another gateway", [command("interval", INTERVAL, 5, kid=bytes(10))], None
    before = command("interval", {"seconds": 60}, 5)
    yield "reordered", [command("interval", INTERVAL, 6), before], [(5, DONE), (6, DONE)]
    yield "good", [good], [(5, DONE)]


def kind(taker):
    """A bench whose orders another kind takes."""
    class Of(Bench):
        kind = taker
    return Of


def wrong(kind=Orders):
    """The names of the matrix that a gateway answers otherwise than it must."""
    differences = []
    orders.MAX_ORDER = LIMIT
    for name, given, answer in matrix():
        g = Bench()
        g.taker = kind(rig.ME.kid, g.works, g.clock, g.state, g.save_state, g.values, g)
        g.give(*given)
        if answer is None:
            held = g.results() == [] and g.saved == [] and g.kept_orders == [] and g.uplink.interval == 900 \
                and g.counters.get("commands_refused") == 1 and g.state["counter"] == 0
        else:
            held = g.results() == answer and g.uplink.interval == 300 and "commands_refused" not in g.counters
        if not held:
            differences.append(name)
    orders.MAX_ORDER = MAX_ORDER
    return differences


def test_every_command_of_the_matrix_gets_its_answer_and_none_is_executed():
    assert wrong() == [] and MAX_ORDER == 40 * 1024


def test_the_matrix_sees_gateways_that_have_forgotten_a_check():
    class VerifiesNot(Orders):
        """Known bad: takes any signature."""
        async def _opened(self, data):
            right, ed25519.verify_steps = ed25519.verify_steps, lambda *_: _good()
            try:
                return await Orders._opened(self, data)
            finally:
                ed25519.verify_steps = right

    class Takes(Orders):
        """Known bad: does not sort."""
        async def execute_all(self, given, before):
            for data in given:
                await Orders.execute_all(self, [data], before)

    class OfAnySize(Orders):
        """Known bad: reads whatever length."""
        async def _opened(self, data):
            orders.MAX_ORDER, most = 1 << 20, orders.MAX_ORDER
            try:
                return await Orders._opened(self, data)
            finally:
                orders.MAX_ORDER = most
    assert {"forged: signature", "cross-works", "cross-purpose: batch", "swapped kid: of the works"} <= set(
        wrong(VerifiesNot))
    assert wrong(Takes) == ["replayed below another", "reordered"]
    assert wrong(OfAnySize) == ["oversized"]


def _good():
    yield
    return True


def test_one_that_memory_is_too_small_for_is_answered_and_harms_nothing_else():
    class Small(Orders):
        def do_relay(self, window, media, meters):
            raise MemoryError("memory allocation failed")

    g = kind(Small)()
    g.give(command("relay", {"window": 3600, "media": [7], "meters": []}, 1), command("interval", INTERVAL, 2))
    assert g.results() == [(1, FAILED), (2, DONE)] and g.uplink.interval == 300


def test_a_counter_is_never_executed_twice_nor_one_below_it():
    g = Bench()
    five = command("interval", INTERVAL, 5)
    g.give(five)
    g.uplink.interval = 900
    g.give(five, command("interval", INTERVAL, 4))
    assert g.uplink.interval == 900 and g.results() == [(5, DONE)]
    # Its result was acknowledged and yet the command comes again: the result is told again.
    g.values.sending(g.values.last)
    g.values.acknowledge(g.values.last)
    g.give(five)
    g.give(five)
    assert g.uplink.interval == 900 and g.results() == [(5, DONE), (5, DONE)]
    # After a restart as well.
    again = Bench(json.loads(g.saved[-1]))
    again.give(five)
    assert again.uplink.interval == 900 and again.results() == [(5, DONE)]


def kid(seed):
    return envelope.kid(KEYS[seed]).hex()


def test_an_order_under_the_successor_retires_the_key_before_it():
    g = Bench()
    g.give(command("interval", {"seconds": 60}, 1))
    g.give(command("interval", {"seconds": 70}, 2, seed=SUCCESSOR))
    assert g.uplink.interval == 70 and json.loads(g.saved[-1])["key"] == kid(SUCCESSOR)
    g.give(command("interval", {"seconds": 80}, 3))
    assert g.uplink.interval == 70 and g.results() == [(1, DONE), (2, DONE)]
    assert g.counters["commands_refused"] == 1 and g.state["counter"] == 2
    # Nor after a restart; nor in the answer in which the successor takes over, whoever comes first in it.
    again = Bench(json.loads(g.saved[-1]))
    again.give(command("interval", {"seconds": 80}, 3))
    again.give(command("interval", {"seconds": 90}, 4, seed=SUCCESSOR))
    assert again.uplink.interval == 90 and again.results() == [(4, DONE)]
    g = Bench()
    g.give(command("interval", {"seconds": 80}, 3), command("interval", {"seconds": 70}, 2, seed=SUCCESSOR))
    assert g.uplink.interval == 70 and g.results() == [(2, DONE)]


def test_a_key_is_retired_before_its_successors_order_is_executed():
    g = Bench(consent={"valve": True})

    def cut():
        raise Cut()
    g.valve = cut
    try:
        g.give(command("close-valve", {}, 2, seed=SUCCESSOR))
        raise AssertionError("was not cut")
    except Cut:
        pass
    after = Bench(json.loads(g.saved[-1]))
    after.give(command("interval", INTERVAL, 3))
    assert after.uplink.interval == 900 and after.counters["commands_refused"] == 1


def test_what_is_refused_or_late_under_a_successor_retires_too_and_a_repeated_one_does_not():
    g = Bench()
    g.give(command("interval", INTERVAL, 1, not_after=T - 1, seed=SUCCESSOR), command("interval", INTERVAL, 2))
    assert g.results() == [(1, TOO_LATE)] and g.state["key"] == kid(SUCCESSOR)
    g = Bench({"counter": 5})
    g.give(command("interval", INTERVAL, 5, seed=SUCCESSOR))
    g.give(command("interval", INTERVAL, 6))
    assert g.uplink.interval == 300 and g.state["key"] == kid(SEED)


def test_a_change_of_trust_says_anew_which_keys_hold():
    g = Bench()
    g.give(command("trust", {"url": "https://x", "anchors": [PEM], "command_keys": [KEYS[SEED], KEYS[SUCCESSOR]]}, 1,
                   seed=SUCCESSOR))
    g.taker.works = g.uplink.trusted[0][0]
    g.give(command("interval", INTERVAL, 2))
    assert g.results() == [(1, DONE), (2, DONE)] and json.loads(g.saved[-1])["key"] == kid(SEED)


def test_gateways_that_do_not_retire_a_key_are_seen():
    class Forgets(Orders):
        """Known bad: takes any key that is pinned."""
        def _retired(self, signer):
            return False

    class Late(Orders):
        """Known bad: notes who signed when the order is done."""
        def _run(self, counter, signer, not_after, name, arguments, before):
            key, save = self._state["key"], self._save
            self._save = lambda state: save(dict(state, key=key))
            Orders._run(self, counter, signer, not_after, name, arguments, before)
    g = kind(Forgets)()
    g.give(command("interval", {"seconds": 70}, 2, seed=SUCCESSOR), command("interval", {"seconds": 80}, 3))
    assert g.uplink.interval == 80
    g = kind(Late)(consent={"valve": True})
    g.give(command("close-valve", {}, 2, seed=SUCCESSOR))
    after = Bench(json.loads(g.saved[-1]))
    after.give(command("interval", INTERVAL, 3))
    assert after.uplink.interval == 300


def test_commands_are_taken_in_rising_counter():
    g = Bench()
    g.give(command("interval", {"seconds": 60}, 2), command("interval", {"seconds": 50}, 1))
    assert g.results() == [(1, DONE), (2, DONE)] and g.uplink.interval == 60


class CountsLate(Orders):
    """Known bad: keeps the counter after the execution."""

    def _run(self, counter, signer, not_after, name, arguments, before):
        self._execute(not_after, name, arguments, before)
        self._state["counter"] = counter
        self._finish(counter, 0, "")


class CountsNot(Orders):
    """Known bad: does not look at the counter."""

    async def execute_all(self, commands, before):
        self._state["counter"] = 0
        await Orders.execute_all(self, commands, before)


def executions(taker, cut_at):
    """How often one command is executed when the process is cut at its n-th step and the command comes again."""
    done = []

    steps = []

    def step():
        steps.append(1)
        if len(steps) == cut_at:
            raise Cut()

    def close():
        step()
        done.append(1)
        step()
    g = kind(taker)(consent={"valve": True})
    g.valve = close
    kept = g.save_state

    def save(state):
        step()
        kept(state)
        step()
    g.save_state = save
    again = command("close-valve", {}, 5)
    try:
        g.give(again)
    except Cut:
        pass
    after = Bench(json.loads(g.saved[-1]) if g.saved else None, consent={"valve": True})
    after.valve = lambda: done.append(1)
    after.taker = taker(rig.ME.kid, after.works, after.clock, after.state, after.save_state, after.values, after)
    after.taker.resume()
    after.give(again)
    after.give(again)
    return len(done), after.results()


def test_cut_anywhere_a_command_is_executed_at_most_once_and_answered():
    for cut_at in range(1, 9):
        count, results = executions(Orders, cut_at)
        assert count <= 1 and results and {r[0] for r in results} == {5}, cut_at
        if cut_at in (2, 3, 4, 5):
            assert results[0] == (5, INTERRUPTED)


def test_known_bad_counters_are_caught():
    assert max([executions(CountsLate, cut_at)[0] for cut_at in range(1, 9)]) > 1
    assert max([executions(CountsNot, cut_at)[0] for cut_at in range(1, 9)]) > 1


def test_the_list_is_closed_and_arguments_are_checked():
    for name, arguments, code in (
            ("open-valve", {}, NOT_LISTED), ("interval", {"seconds": 5}, NOT_UNDERSTOOD),
            ("interval", {"seconds": 60, "x": 1}, NOT_UNDERSTOOD), ("interval", 7, NOT_UNDERSTOOD),
            ("relay", {"window": 3600, "media": [4], "meters": None}, NOT_UNDERSTOOD),
            ("relay", {"window": 3600, "media": [6, 2], "meters": None}, NOT_UNDERSTOOD),
            ("relay", {"window": 3600, "media": [6], "meters": ["KAM"]}, NOT_UNDERSTOOD),
            ("relay", {"window": 3600, "media": [6]}, NOT_UNDERSTOOD),
            ("own-meters", {"meters": [{"meter": METER, "key": b"short"}]}, NOT_UNDERSTOOD),
            ("own-meters", {"meters": [{"meter": "x", "key": None}]}, NOT_UNDERSTOOD),
            ("own-meters", {"meters": 1}, NOT_UNDERSTOOD),
            ("trust", {"url": "http://x", "anchors": [PEM], "command_keys": [bytes(32)]}, NOT_UNDERSTOOD),
            ("trust", {"url": 1, "anchors": [PEM], "command_keys": [bytes(32)]}, NOT_UNDERSTOOD),
            ("trust", {"url": "https://x", "anchors": [], "command_keys": [bytes(32)]}, NOT_UNDERSTOOD),
            ("trust", {"url": "https://x", "anchors": [PEM], "command_keys": [bytes(31)]}, NOT_UNDERSTOOD),
            ("trust", {"url": "https://x", "anchors": [PEM], "command_keys": ["00" * 32]}, NOT_UNDERSTOOD),
            ("rewind", {"epoch": bytes(8), "after": 0}, FAILED), ("update", {"version": 1, "url": ""}, NOT_UNDERSTOOD),
            ("close-valve", {"now": True}, NOT_UNDERSTOOD), (7, {}, NOT_LISTED)):
        g = Bench(consent={"valve": True})
        g.give(command(name, arguments))
        assert g.results() == [(1, code)], (name, arguments, g.results())
        assert g.closed == [] and g.uplink.trusted == [] and g.kept_orders == [] and g.kept_works == []


def test_late_is_late_except_that_an_unknown_time_hinders_only_the_valve():
    g = Bench()
    g.give(command("interval", INTERVAL, not_after=T - 1))
    assert g.results() == [(1, TOO_LATE)] and g.uplink.interval == 900
    g = Bench(timed=False)
    g.give(command("interval", INTERVAL), before=None)
    assert g.results() == [(1, DONE)]


def test_the_relay_filter_is_replaced_and_goes_before_the_configuration():
    g = Bench()
    g.give(command("relay", {"window": 7200, "media": [7], "meters": [METER]}))
    assert g.thinning.window == 7200
    g.telegram(rig.cases.mode5(), -60)
    g.telegram(rig.cases.mode5(who=rig.cases.address(number="87654321")), -60)
    assert g.counters["relayed"] == 1 and g.counters["foreign"] == 1
    kept = json.loads(g.kept_orders[-1])
    settings = config.check({}, rig.WORKS)
    assert config.apply_orders(settings, kept) == kept and settings["relay"]["window"] == 7200
    assert config.apply_orders(settings, {"relay": {"media": [4]}, "own_meters": 1, "interval": 9}) == {}
    assert settings["relay"]["window"] == 7200 and settings["interval"] == rig.WORKS["interval"]


def test_own_meters_are_replaced_and_wiped():
    g = Bench()
    g.give(command("own-meters", {"meters": [{"meter": METER, "key": rig.cases.KEY}]}, 1))
    g.telegram(rig.cases.mode5(), -60)
    assert g.counters["own"] == 1 and rig.cases.KEY.hex() in g.kept_orders[-1]
    g.give(command("own-meters", {"meters": []}, 2))
    g.telegram(rig.cases.mode5(access=3), -60)
    assert g.counters["own"] == 1 and rig.cases.KEY.hex() not in g.kept_orders[-1] and g.own.count() == 0
    assert g.own._ciphers == {}
    # The key is in no record, result or state.
    assert rig.cases.KEY not in g.everything_kept() and rig.cases.KEY.hex() not in "".join(g.saved)


def test_trust_is_replaced():
    g = Bench()
    g.give(command("trust", {"url": "https://new.example:8443", "anchors": [PEM, PEM],
                             "command_keys": [KEYS[SUCCESSOR]]}))
    assert g.results() == [(1, DONE)]
    (works, former), = g.uplink.trusted
    assert works["host"] == "new.example" and works["works"] == "demo" and former is g.works
    assert g.kept_works[0]["command_keys"] == [KEYS[SUCCESSOR].hex()]
    assert config.check_works(g.kept_works[0]) == works, "what is kept is what holds, after a restart too"


def test_rewind_sends_again_what_is_held():
    g = Bench()
    g.telegrams.sending(g.telegrams.last)
    g.telegrams.acknowledge(g.telegrams.last)
    epoch = b"t" * 8
    g.telegrams.epoch = epoch
    for part in g.telegrams._parts:
        part.epoch = epoch
    g.give(command("rewind", {"epoch": epoch, "after": 0}))
    assert g.results() == [(1, DONE)] and g.telegrams.pending() == g.telegrams.last == 2


def test_update_is_noted():
    g = Bench()
    order = {"version": "0.2.0", "url": "https://x/u"}
    g.give(command("update", order))
    assert g.results() == [(1, FAILED)]  # it does not run from a slot
    g = Bench()
    g.updater = True
    g.give(command("update", order))
    assert g.results() == [(1, DONE)] and json.loads(g.saved[-1])["update"] == ["0.2.0", "https://x/u"]


# --- the valve ---

def closes(consent=True, before=T, not_after=T + 200, answer_time=None, kind=Bench):
    g = kind(consent={"valve": consent}, timed=answer_time is None or before is not None)
    if answer_time is not None:
        g.clock.offer(answer_time * 1000, records.CLOCK_ANSWER)
    g.give(command("close-valve", {}, not_after=not_after), before=before)
    return len(g.closed), g.results()[0][1]


def test_the_valve_closes_with_consent_a_good_clock_and_in_time():
    assert closes() == (1, DONE)
    assert closes(consent=False) == (0, NO_CONSENT)
    assert closes(before=None, answer_time=T) == (0, NO_CLOCK)
    assert closes(not_after=T - 1) == (0, TOO_LATE)
    assert closes(not_after=T + 301) == (0, NOT_UNDERSTOOD)
    assert closes(not_after=T + 300) == (1, DONE)


def test_an_answer_cannot_make_an_old_valve_command_fresh():
    # The clock said T + 90000; the answer that carries the command says T, when it was still valid.
    assert closes(before=T + 90000, answer_time=T) == (0, TOO_LATE)

    class Believes(Orders):
        """Known bad: goes by the clock as the answer has set it."""
        def _guarded(self, guard, not_after, now, before):
            Orders._guarded(self, guard, not_after, now, now)
    Bad = kind(Believes)
    assert closes(before=T + 90000, answer_time=T, kind=Bad) == (1, DONE)
    assert closes(before=None, answer_time=T, kind=Bad) == (1, DONE)


def test_nothing_but_close_valve_moves_it_and_that_only_closes():
    for name in ("open-valve", "valve", "close_valve", "Close-valve", "close-valve ", "open"):
        g = Bench(consent={"valve": True})
        g.give(command(name, {}))
        assert g.closed == [] and g.results() == [(1, NOT_LISTED)], name
    for arguments in ({"open": True}, {"closed": False}, {"seconds": 9}, [], None):
        g = Bench(consent={"valve": True})
        g.give(command("close-valve", arguments))
        assert g.closed == [] and g.results() == [(1, NOT_UNDERSTOOD)], arguments
    # The consent is the owner's own file's: no command speaks of it.
    g = Bench()
    g.give(command("consent", {"valve": True}, 1), command("close-valve", {}, 2))
    assert g.closed == [] and g.results() == [(1, NOT_LISTED), (2, NO_CONSENT)]


def test_each_clause_of_the_valves_rule_is_seen_when_it_is_forgotten():
    class Consents(Orders):
        """Known bad: does not ask whether the owner has consented."""
        def _guarded(self, guard, not_after, now, before):
            self._gateway.config["consent"]["valve"] = True
            Orders._guarded(self, guard, not_after, now, before)

    class AnyClock(Orders):
        """Known bad: takes the time of the answer that brings the command for a good clock."""
        def _guarded(self, guard, not_after, now, before):
            Orders._guarded(self, guard, not_after, now, now if before is None else before)

    class AnyTime(Orders):
        """Known bad: does not look at not-after."""
        def _execute(self, not_after, name, arguments, before):
            return Orders._execute(self, T + 200, name, arguments, before)

    class AnyLength(Orders):
        """Known bad: takes a command however long it is valid."""
        def _guarded(self, guard, not_after, now, before):
            Orders._guarded(self, guard, min(not_after, T + 300), now, before)

    class Opens(Orders):
        """Known bad: another name moves the valve too."""
        def _execute(self, not_after, name, arguments, before):
            name = "close-valve" if name == "open-valve" else name
            return Orders._execute(self, not_after, name, arguments, before)

    for bad, given in ((Consents, {"consent": False}), (AnyClock, {"before": None, "answer_time": T}),
                       (AnyTime, {"not_after": T - 1}), (AnyLength, {"not_after": T + 301})):
        assert closes(**given)[0] == 0 and closes(kind=kind(bad), **given) == (1, DONE), bad
    g = kind(Opens)(consent={"valve": True})
    g.give(command("open-valve", {}))
    assert g.closed == [1]


def test_without_a_valve_it_says_so():
    g = Bench(consent={"valve": True})
    g.valve = None
    g.give(command("close-valve", {}))
    assert g.results() == [(1, FAILED)]


# --- a new owner ---

class Files(rig.Disk):
    """A disk that also keeps secrets."""

    def write_secret(self, path, data):
        self.write_whole(path, data)


def filled():
    files = Files()
    config_text = {"interval": 60, "own_meters": [{"meter": METER, "key": "5e" * 16}], "consent": {"valve": True},
                   "han": {"port": "tcp://a:1", "send": True, "ek": "5e" * 16},
                   "wifi": {"ssid": "Fyrveien", "password": "correct horse"}}
    for name, data in (("config.json", json.dumps(config_text)),
                       ("orders.json", json.dumps({"interval": 60, "own_meters": config_text["own_meters"]})),
                       ("own.json", "x"), ("han.json", "x"), ("wifi.json", "{}"),
                       ("history/2026-11.csv", "5e"), ("identity.json", "id"),
                       ("works.json", "w"), ("state.json", "s"), ("spool/values/00000000.seg", "5e"),
                       ("spool/values/cursor", "x"), ("spool/telegrams/00000000.seg", "t")):
        files.write_whole("g/" + name, data.encode())
    return files


def test_a_new_owner_finds_nothing_of_the_former():
    files = filled()
    wipe.household(files, "g")
    left = b"".join([files.read_whole(p) for p in files.files])
    assert b"5e" not in left and b"consent" not in left and b"send" not in left and b"NET-" not in left
    assert b"Fyrveien" not in left and b"correct horse" not in left and files.read_whole("g/wifi.json") is None
    assert files.names("g/history") == [] and files.names("g/spool/values") == []
    # Who it is, whose it is, what it counted, and what it relays for the works stay.
    for name in ("identity.json", "works.json", "state.json", "spool/telegrams/00000000.seg"):
        assert files.read_whole("g/" + name) is not None
    assert json.loads(files.read_whole("g/orders.json")) == {"interval": 60}
    config.check(json.loads(files.read_whole("g/config.json")), rig.WORKS)
    wipe.household(files, "g")


def test_a_factory_reset_forgets_the_works_too():
    files = filled()
    wipe.household(files, "g", True)
    assert sorted(files.files) == ["g/config.json", "g/identity.json", "g/state.json"]


def test_a_wipe_that_is_cut_is_done_again():
    for budget in range(0, 400, 7):
        files = filled()
        files.budget = budget
        try:
            wipe.household(files, "g")
        except rig_cut():
            pass
        files = carry(files)
        wipe.household(files, "g")
        assert b"5e" not in b"".join([files.read_whole(p) for p in files.files])


def rig_cut():
    import disk
    return disk.Cut


def carry(files):
    after = Files()
    after.files = files.files
    return after
