"""Others send in a meter's name: over a day a genuine telegram of each of 24 windows is relayed, and few of theirs.

The meter sends every 16 s, its access number rising by one. Each attacker is a function that gives what it sends, and
when; all of them know the meter's numbers. The known bad thinning is the one that has one place a window.
"""

from firmware.thinning import EXTRA, MAX_CHANGES, MAX_METERS, Thinning
from wmbus import parse_meter

METER = b"\x2d\x2c\x78\x56\x34\x12\x1b\x16"
START = 1795478400
WINDOW = 3600
PERIOD = 16
WINDOWS = 24
OFFSET = 9  # seconds into a window at which the meter sends first


def noise(seed):
    """A number of 16 bits that looks like chance."""
    return (seed * 40503 + 12345 ^ seed >> 3) * 2654435761 >> 7 & 0xFFFF


def number_at(at):
    """The access number the meter sent last at a time."""
    return (at - OFFSET) // PERIOD & 255


def mark(number, tail):
    return number & 255 | (tail & 255) << 8 or 1


class Air:
    """What is sent in a day, window by window: (seconds, whose, mark, status, length) in order."""

    def __init__(self, attacker=None, loss=0, status=lambda at: None):
        self.attacker, self.loss, self.status = attacker, loss, status

    def sent(self):
        for window in range(WINDOWS):
            # The meter was heard before.
            others = self.attacker(window * WINDOW) if self.attacker is not None and window else []
            if isinstance(others, list):
                others.sort(key=lambda one: one[0])
            others = iter(others)
            other = next(others, None)
            for n in range(window * WINDOW // PERIOD, (window + 1) * WINDOW // PERIOD):
                at = OFFSET + n * PERIOD
                while other is not None and other[0] < at:
                    yield other
                    other = next(others, None)
                if noise(n) % 100 >= self.loss:
                    yield at, True, mark(n, noise(n) >> 8), self.status(at), 43
            while other is not None:
                yield other
                other = next(others, None)


def relayed(air, bad=False, secret=0x5A17, kind=Thinning):
    """[(genuine, others)] relayed in each window."""
    thinning = kind({"window": WINDOW, "media": (6, 7, 0x15, 0x16), "meters": None}, parse_meter)
    thinning.secret = secret
    found = [[0, 0] for _ in range(WINDOWS)]
    for at, genuine, its, status, length in air.sent():
        if thinning.due(METER, 0x8D, length, status, -70, at, START + at, None, 0 if bad else its):
            found[at // WINDOW][0 if genuine else 1] += 1
    return found


def silenced(found):
    """The windows without a genuine telegram."""
    return [n for n in range(WINDOWS) if not found[n][0]]


def forged(at, number, seed=1, status=None, length=43):
    return at, False, mark(number, noise(at * 7 + seed)), status, length


def replay_at_the_start(number):
    """One telegram recorded another day, as each window begins: its number is any."""
    return lambda start: [forged(start + 1, number + 37 * (start // WINDOW))]


def replays_of_several(start):
    return [forged(start + n, noise(start + n)) for n in range(1, 8)] + [
        forged(start + 600 * n, noise(start - n)) for n in range(1, 6)]


def the_next_number(start):
    """The number that comes next, before the meter sends it."""
    return [forged(start + 1, number_at(start) + 1)]


def behind_the_meter(start):
    """Two that lead up to the meter's last number, so that its next follows them."""
    return [forged(start + 1, number_at(start) - 1), forged(start + 2, number_at(start))]


def burn_and_lead(start):
    """Numbers that go back and forth until the places at once are taken, then the two before the meter's next."""
    return [forged(start, number_at(start) + 90 * n) for n in range(4)] + behind_the_meter(start)


def random_numbers(start):
    return [forged(start + 300 * n, noise(start + n)) for n in range(12)]


def one_after_each(start):
    """After each of the meter's telegrams one that claims to be the next, for a minute."""
    return [forged(start + OFFSET + 1 + PERIOD * n, number_at(start) + 2 + n) for n in range(4)]


def push_out(start):
    """So many forms that the meter's own is forgotten, then a replay that its next telegram follows."""
    return [forged(start, 0, n, length=60 + n) for n in range(7)] + [forged(start + 1, number_at(start))]


FEW = [("its number %d" % n, replay_at_the_start(n)) for n in range(0, 256, 15)] + [
    ("several", replays_of_several), ("the next number", the_next_number), ("behind", behind_the_meter),
    ("burn and lead", burn_and_lead), ("random numbers", random_numbers), ("one after each", one_after_each),
    ("push out", push_out)]


def test_alone_a_meter_has_one_place_a_window():
    for loss in (0, 20, 60):
        assert relayed(Air(loss=loss)) == [[1, 0]] * WINDOWS, loss


def test_a_genuine_telegram_of_each_window_gets_through():
    for name, attacker in FEW:
        for secret in (0, 0x5A17, 0xFFFF):
            found = relayed(Air(attacker), secret=secret)
            assert silenced(found) == [], (name, found)
            assert max([genuine + others for genuine, others in found]) <= 1 + EXTRA + 7, (name, found)


def test_what_a_replay_a_window_costs():
    """Two more a window: one at once, one after a pause."""
    for n in range(0, 256, 15):
        found = relayed(Air(replay_at_the_start(n)))
        assert sum([genuine + others for genuine, others in found]) <= 4 * WINDOWS


def test_a_flood_takes_the_places_in_its_proportion():
    """The meter sends 3.75 a minute. A place goes to the first telegram heard after a moment that nobody knows, so the
    meter gets as many of them as it has of the time in front of a telegram: here, where one of the flood's comes a
    second before each of the meter's, a sixteenth. Of 24 windows at least as many have one of the meter's as stated."""
    for each, least in ((60, 24), (15, 23), (4, 8)):
        def flood(start, each=each):
            return (forged(at, noise(at * 3)) for at in range(start, start + WINDOW, each))  # in order
        through = [WINDOWS - len(silenced(relayed(Air(flood), secret=n))) for n in (0, 0x1234, 0x5A17, 0xFFFF)]
        assert sum(through) / len(through) >= least, (each, through)
        assert max([genuine + others for genuine, others in relayed(Air(flood))]) <= 1 + EXTRA


def test_a_change_of_the_status_gets_through_where_others_change_it_all_the_time():
    """The changes that a window has are not all burnt at its start, and an alarm's status is another than theirs."""
    def flapping(start):
        return (forged(at, noise(at), status=at & 1) for at in range(start, start + WINDOW, 5))
    air = Air(flapping, status=lambda at: 0x30 if at % WINDOW > 1800 else 0)
    found = relayed(air)
    assert silenced(found) == []
    assert max([genuine + others for genuine, others in found]) <= 1 + EXTRA + MAX_CHANGES


def test_messages_in_fragments_get_through_too():
    thinning = Thinning({"window": WINDOW, "media": (7,), "meters": None}, parse_meter)
    whole = [0] * WINDOWS
    for at in range(0, WINDOWS * WINDOW, 60):
        if at % WINDOW == 0 and at:
            for n in (1, 2, 3):  # a whole message of another day, as the window begins
                thinning.due(METER, 0x90, 60, None, -70, at - 40 + 40, START + at, (n, n < 3), mark(at // 60 - 90, n))
        got = [thinning.due(METER, 0x90, 60, None, -70, at + 10 + n, START + at + 10 + n, (n, n < 3), mark(at // 60, n))
               for n in (1, 2, 3)]
        whole[at // WINDOW] += got == [True] * 3
    assert min(whole) >= 1 and sum(whole) <= 3 * WINDOWS


def test_a_table_that_others_have_filled_is_contested():
    """A meter that the table had to forget begins as one of whom it is not known who sends."""
    thinning = Thinning({"window": WINDOW, "media": (7,), "meters": None}, parse_meter)
    for n in range(MAX_METERS):
        thinning.due(n.to_bytes(8, "little"), 0x8D, 43, None, -70, n, START + n, None, 7)
    assert thinning.due(METER, 0x8D, 43, None, -70, 1000, START + 1000, None, mark(5, 1))
    assert thinning.due(METER, 0x8D, 43, None, -70, 1001, START + 1001, None, mark(6, 2))


def test_the_one_place_a_window_is_seen_to_silence_a_meter():
    """Known bad: the first telegram of a window takes its place, whosever it is."""
    for name, attacker in FEW:
        if name not in ("push out", "random numbers", "one after each"):
            assert len(silenced(relayed(Air(attacker), bad=True))) == WINDOWS - 1, name


def test_a_thinning_that_knows_no_pauses_is_seen():
    """Known bad: all the places of a contested window are given at once, to whoever sends first."""
    class Hasty(Thinning):
        def _place_due(self, table, at_slot, further, at):
            used = further & 7
            table[at_slot + 10] = further + 1 if used < EXTRA else further
            return used < EXTRA
    def burst(start):
        return [forged(start, noise(start + n)) for n in range(20)]
    assert len(silenced(relayed(Air(burst), kind=Hasty))) == WINDOWS - 1
    assert silenced(relayed(Air(burst))) == []
