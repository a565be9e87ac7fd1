"""What leaves a home and what a new owner finds: each rule with the gateway that has forgotten it, which must be seen.

Each promise is a function that says what is wrong at a kind of gateway; the list at the end holds the real gateway to
all of them and each known-bad one to being caught.
"""

import json

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

import gateway_bench as rig
import wmbus_cases as cases

from firmware.gateway import Gateway
from firmware.home import wipe
from firmware.wire import cbor, records

MEDIA = [kind for kind in range(64) if kind not in (6, 7, 0x15, 0x16)]
OWN, NEIGHBOUR = "NET-99999999-01-07", "NET-12345678-01-07"
HAN = {"port": "tcp://127.0.0.1:1", "send": False}


class Uplink:
    """What a status line asks of the uplink."""

    last_error = ""


def other_media(kind):
    """Telegrams of anything but water: counted, and not a byte of them or of their meters kept."""
    g = kind()
    g.set_clock()
    for medium in MEDIA:
        who = cases.address(kind=medium)
        g.telegram(cases.mode5(who=who), -80)
        g.thinning.close_day()
        if who in g.everything_kept():
            return "medium %02x is kept" % medium
    return "" if g.counters["foreign"] == len(MEDIA) else "not counted"


def off_the_list(kind):
    """Meters that are not on the works' list: counted, not kept."""
    g = kind(relay={"meters": [OWN, "KAM-*"]})
    g.set_clock()
    g.telegram(cases.mode5(), -80)
    g.thinning.close_day()
    return "kept" if cases.address() in g.everything_kept() or g.counters["foreign"] != 1 else ""


def foreign_plain(kind):
    """A neighbour's telegram in plain text is relayed as bytes, and neither decoded nor kept as a value."""
    g = kind(own_meters=rig.own(OWN))
    g.set_clock()
    for telegram in (cases.short(), cases.mode5()):
        g.telegram(telegram, -80)
        if telegram not in [row[4] for row in g.records(g.telegrams, records.TELEGRAM)]:
            return "not relayed as received"
    g.own.tick(rig.T + 7200)
    return "decoded" if g.counters["own"] or g.disk.names("history") else ""


def electricity(kind):
    """Nothing of the HAN port is in the spool while the owner has not opted in."""
    g = kind(han=HAN)
    if rig.hours_sent(g):
        return "sent"
    kept = b"".join([data for ring in (g.values, g.telegrams) for _seq, data in ring.read(0)])
    return "in the spool" if b"6970" in kept or cbor.encode(850) in kept else ""


def keys_stay(kind):
    """An own meter's key is in no record, status line or kept state."""
    g = kind(own_meters=rig.own(NEIGHBOUR))
    g.uplink = Uplink()
    g.set_clock()
    g.telegram(cases.mode5(), -60)
    g.journal.status()
    g.save_floor()
    told = json.dumps(g.status()) + json.dumps(g.state) + "".join(g.hal.lines)
    if cases.KEY in g.everything_kept() or cases.KEY.hex() in told or cases.KEY.hex().encode() in g.everything_kept():
        return "told"
    return "" if g.counters["own"] == 1 else "not read"


class AnyMedium(rig.Bench):
    """Known bad: the media filter is gone."""

    def __init__(self, **settings):
        rig.Bench.__init__(self, **settings)
        self.thinning._media = range(256)


class AnyMeter(rig.Bench):
    """Known bad: the works' list is not looked at."""

    def __init__(self, **settings):
        rig.Bench.__init__(self, **settings)
        self.thinning._listed = False


class ReadsNeighbours(rig.Bench):
    """Known bad: what is not encrypted is decoded, whosever it is."""

    def telegram(self, telegram, rssi):
        Gateway.telegram(self, telegram, rssi)
        meter = telegram[2:10]
        if not self.own.is_own(meter):
            self.own._meters[meter] = ("neighbour", None)
            self.own.decode_own(meter, telegram, self.clock.now())


class TellsKeys(rig.Bench):
    """Known bad: reports how it is configured."""

    def prepare(self):
        keys = [key.hex() for _meter, key in self.config["own_meters"]]
        self.journal.status = lambda: self.journal.event("configuration", str(keys))


RULES = ((other_media, AnyMedium), (off_the_list, AnyMeter), (foreign_plain, ReadsNeighbours),
         (electricity, rig.SendsElectricity), (keys_stay, TellsKeys))


def test_each_rule_holds():
    for rule, _without in RULES:
        assert rule(rig.Bench) == "", rule


def test_each_rule_is_seen_where_it_is_gone():
    for rule, without in RULES:
        assert rule(without) != "", rule


def test_no_command_or_configuration_lets_another_medium_out():
    from order_bench import Bench

    from firmware.config import ConfigError, relay_filter
    from firmware.orders import Refused
    g = Bench()
    for medium in MEDIA + [255, -1, "7", None, 7.5]:
        for media in ([medium], [7, medium]):
            try:
                relay_filter({"media": media}, 3600)
                raise AssertionError(media)
            except ConfigError:
                pass
            try:
                g.taker._execute(rig.T + 99, "relay", {"window": 3600, "media": media, "meters": None}, rig.T)
                raise AssertionError(media)
            except Refused:
                pass
    assert g.orders == {}


# --- a new owner ---

SECRET = "5e" * 16
FILES = {"config.json": json.dumps({"own_meters": [{"meter": OWN, "key": SECRET}], "consent": {"valve": True},
                                    "han": {"port": "tcp://a:1", "send": True, "ek": SECRET}}),
         "orders.json": json.dumps({"interval": 60, "own_meters": [{"meter": OWN, "key": SECRET}]}),
         "own.json": "5e", "han.json": "5e", "history/2026-11.csv": "5e", "spool/values/00000000.seg": "5e"}


class Files(rig.Disk):
    """A disk that also keeps secrets."""

    def write_secret(self, path, data):
        self.write_whole(path, data)


class Without(Files):
    """Known bad: a wipe that passes one file over."""

    spared = ""

    def remove(self, path):
        if path != self.spared:
            rig.Disk.remove(self, path)

    def write_whole(self, path, data):
        if path != self.spared or path not in self.files:
            rig.Disk.write_whole(self, path, data)


def left_behind(files, factory):
    """What of the former household a new owner finds."""
    for name in sorted(FILES):
        files.write_whole("g/" + name, FILES[name].encode())
    wipe.household(files, "g", factory)
    return [path for path in sorted(files.files) for word in (b"5e", b"consent", b"true", b"NET-")
            if word in files.read_whole(path)]


def test_a_new_owner_finds_nothing_and_a_wipe_that_spares_a_file_is_seen():
    for factory in (False, True):
        assert left_behind(Files(), factory) == []
        for name in FILES:
            bad = Without()
            bad.spared = "g/" + name
            assert left_behind(bad, factory) != [], name
