"""Orders: in every answer until their result comes, never with a key that is not bound; what a restore needs."""

import contextlib
import shutil
import ssl
import subprocess
import time

import cbor2
import installed
import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from receiver_support import DAY, NOW, FixedClock, Gateway, Meter, Process, Running, make

import firmware.wire.records as wire_records
from cloud_receiver.data.clock import Clock
from cloud_receiver.office import orders, trust
from cloud_receiver.office.homes import Homes
from cloud_receiver.office.keyfile import KeyFile
from cloud_receiver.office.meter_keys import MeterKeys
from cloud_receiver.office.office import Office
from firmware.wire import cbor
from firmware.wire import envelope as wire_envelope
from firmware.wire import orders as table

OWN, OTHER = Meter(12345678, key=bytes(range(16))), Meter(87654321, key=bytes(range(16, 32)))


@pytest.fixture
def receiver(tmp_path):
    with Running(make(tmp_path / "works")) as running:
        yield running


def told(receiver, gateway, records=()):
    """The commands in the answer to a batch, each opened as a gateway opens it."""
    answer = receiver.send(gateway.batch(list(records)))
    assert answer.status == 200, answer.text
    return [opened(receiver, c) for c in wire_envelope.open_answer(answer.body).commands]


def opened(receiver, data, works="works"):
    envelope = wire_envelope.open_envelope(data, "command", works)
    public = bytes.fromhex(trust.command_public_keys(receiver.directory.ca)[0])
    assert envelope.kid == wire_envelope.kid(public) and envelope.content_type == "application/cbor"
    Ed25519PublicKey.from_public_bytes(public).verify(envelope.signature, envelope.to_verify)
    return cbor.decode_all(data[envelope.end:])


def order(receiver, gateway, name, arguments):
    async def make_it():
        return receiver.receiver.office.orders.make(gateway.id, name, arguments, NOW)
    return receiver.run(make_it())


def test_repeated_until_the_result_comes(receiver):
    gateway, other = receiver.enrol(), receiver.enrol()
    counter = order(receiver, gateway, "interval", {"seconds": 1800})
    expected = [[wire_envelope.kid(gateway.public), counter, NOW + 30 * DAY, "interval", {"seconds": 1800}]]
    assert told(receiver, gateway) == told(receiver, gateway) == expected
    assert told(receiver, other) == [], "a command is for one gateway"
    assert told(receiver, other, [wire_records.result(other.next(), NOW, counter, 0, "")]) == []
    assert told(receiver, gateway) == expected, "another gateway's result is not this one's"
    assert told(receiver, gateway, [wire_records.result(gateway.next(), NOW, counter, 0, "1800")]) == []
    assert told(receiver, gateway) == []
    [c] = receiver.orders(gateway.id)
    assert (c["counter"], c["name"], c["state"], c["result"]) == (counter, "interval", "done", "1800")


def test_a_result_that_another_process_took_ends_it_at_once(receiver):
    gateway = receiver.enrol()
    counter = order(receiver, gateway, "interval", {"seconds": 1800})
    office = Office(receiver.directory, signs=True)
    elsewhere = office.orders
    assert len(elsewhere.signed(gateway.id, wire_envelope.kid(gateway.public), NOW)) == 1
    assert told(receiver, gateway, [wire_records.result(gateway.next(), NOW, counter, 0, "")]) == []
    assert elsewhere.signed(gateway.id, wire_envelope.kid(gateway.public),
                            NOW) == [], "before it has looked at what changed"
    office.close()


def test_counters_only_rise_also_after_a_key_store_from_a_backup(receiver, tmp_path):
    gateway = receiver.enrol()
    backup = tmp_path / "backup"
    shutil.copy(receiver.directory.keys, backup)
    counters = [order(receiver, gateway, "update", {"version": str(n), "url": "https://x"}) for n in range(5)]
    assert counters == sorted(set(counters))
    assert [c[1] for c in told(receiver, gateway)] == counters, "in rising counter"
    with contextlib.closing(KeyFile(backup)) as restored:
        again = orders.Orders(restored, MeterKeys(restored), Homes(restored), "works").make(
            gateway.id, "interval", {"seconds": 60}, NOW)
    assert again >= counters[0], "not from one again"


def test_one_that_is_too_old_is_not_sent(receiver):
    gateway = receiver.enrol()
    order(receiver, gateway, "close-valve", {})
    assert told(receiver, gateway)[0][2] == NOW + 240
    receiver.clock.at = NOW + 241
    assert told(receiver, gateway) == []
    assert receiver.orders(gateway.id)[0]["state"] == "expired"


def test_a_later_one_of_the_same_kind_replaces_what_waits(receiver):
    gateway = receiver.enrol()
    order(receiver, gateway, "interval", {"seconds": 1800})
    order(receiver, gateway, "relay", {"window": 3600, "media": [7], "meters": None})
    last = order(receiver, gateway, "interval", {"seconds": 60})
    assert [(c[1], c[3]) for c in told(receiver, gateway)] == [(last - 1, "relay"), (last, "interval")]


def test_the_list_is_closed():
    for name, arguments in (("reboot", {}), ("open-valve", {}), ("interval", {}), ("interval", {"seconds": 5}),
                            ("interval", {"seconds": True}), ("interval", {"seconds": 60, "more": 1}),
                            ("relay", {"window": 3600, "media": [2], "meters": None}),
                            ("relay", {"window": 3600, "media": [4, 7], "meters": None}),
                            ("relay", {"window": 3600, "media": [], "meters": None}),
                            ("relay", {"window": 3600, "media": [7], "meters": ["everything"]}),
                            ("own-meters", {"meters": ["x"]}), ("close-valve", {"now": 1}),
                            ("rewind", {"epoch": b"1", "after": 1}),
                            ("update", {"version": "1", "url": "http://plain"})):
        with pytest.raises(orders.OrderRefused):
            orders.check(name, arguments)
    orders.check("relay", {"window": 3600, "media": [6, 7, 21, 22], "meters": ["KAM-*", OWN.text]})


def test_every_command_follows_the_schema(receiver):
    """docs/wire.cddl, by a validator that is not ours."""
    from wire_schema import fits
    gateway = receiver.enrol()
    receiver.put_key(OWN)
    office = Office(receiver.directory)
    office.homes.bind(gateway.id, OWN.text, NOW)
    office.homes.bind(gateway.id, OTHER.text, NOW)
    office.close()
    for name, arguments in (("interval", {"seconds": 10}), ("relay", {"window": 60, "media": [7], "meters": None}),
                            ("own-meters", {"meters": [OWN.text, OTHER.text]}),
                            ("trust", {"url": "https://x", "anchors": trust.anchors(receiver.directory.ca),
                                       "command_keys": [bytes(32)]}),
                            ("rewind", {"epoch": bytes(8), "after": 0}),
                            ("update", {"version": "1", "url": "https://x"}), ("close-valve", {})):
        order(receiver, gateway, name, arguments)
    answer = receiver.send(gateway.batch([])).body
    assert fits("answer", answer)
    sent = wire_envelope.open_answer(answer).commands
    assert len(sent) == 7
    for data in sent:
        end = wire_envelope.open_envelope(data, "command", "works").end
        assert fits("envelope", data[:end]) and fits("command", data[end:]), opened(receiver, data)


# --- own meters' keys

def bind(receiver, gateway, *meters, undo=False):
    done = subprocess.run([Process.NETTI, "receiver", "unbind" if undo else "bind", receiver.directory.path, gateway.id,
                           *(m.text for m in meters)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    receiver.look()
    return done.stdout


def test_a_key_goes_only_to_the_gateway_its_meter_is_bound_to(receiver):
    gateway, neighbour = receiver.enrol(), receiver.enrol()
    receiver.put_key(OWN)
    receiver.put_key(OTHER)
    printed = bind(receiver, gateway, OWN)
    [command] = told(receiver, gateway)
    assert command[3:] == ["own-meters", {"meters": [{"meter": OWN.text, "key": OWN.key}]}]
    assert told(receiver, neighbour) == []
    # In no queue, page, list or line printed.
    db = Office(receiver.directory).file.db
    assert all(OWN.key not in row[0] for row in db.execute("SELECT arguments FROM commands"))
    assert OWN.key.hex() not in printed
    for path in installed.addresses({"gateway": gateway.id}):
        assert OWN.key.hex() not in receiver.web(path).text, path
    # Unbinding wipes it, and what still waits in the queue no longer gets it.
    bind(receiver, gateway, OWN, undo=True)
    [command] = told(receiver, gateway)
    assert command[3:] == ["own-meters", {"meters": []}]


def test_a_queued_command_never_gets_a_key_whose_binding_has_ended(receiver):
    gateway = receiver.enrol()
    receiver.put_key(OWN)
    bind(receiver, gateway, OWN)
    office = Office(receiver.directory)
    office.homes.unbind(gateway.id, OWN.text)
    office.close()
    assert [c[4] for c in told(receiver, gateway)] == [{"meters": []}]


# --- after a restore

def test_a_store_from_a_backup_gets_back_what_the_spools_still_hold(tmp_path):
    directory = make(tmp_path / "works")
    gateway, late = Gateway(), Gateway()
    records = [wire_records.telegram(n, NOW - 900_000 + n * 1000, -70, Meter(1).telegram(n)) for n in range(1, 31)]
    with Running(directory) as receiver:
        receiver.enrol(gateway, name="Fyrveien 3")
        receiver.through(gateway.batch(records[:10], first=1, last=10))
    shutil.copy(directory.store, tmp_path / "backup")
    with Running(directory) as receiver:
        receiver.enrol(late, kind="concentrator", name="Blokk A")
        receiver.through(gateway.batch(records[10:20], first=11, last=20))
    shutil.copy(tmp_path / "backup", directory.store)
    for more in directory.path.glob("store.sqlite-*"):
        more.unlink()
    with Running(directory) as receiver:
        receiver.through(late.batch([]))  # who enrolled since is known again
        names = {g["id"]: (g["kind"], g["name"]) for g in receiver.gateways()}
        assert names[late.id] == ("concentrator", "Blokk A")
        gateway.seq = 22
        [command] = told(receiver, gateway, records[20:22])
        assert command[3:] == ["rewind", {"epoch": gateway.epoch, "after": 10}]
        assert receiver.gaps(gateway.id) == [[11, 20]]
        # The gateway does as it is told, from what its ring still holds.
        assert receiver.through(gateway.batch(records[12:30], first=13, last=30)) == 30
        assert receiver.gaps(gateway.id) == [[11, 12]]
        assert receiver.summary()["telegrams"] == 28
    with Running(directory) as receiver:  # and it is not asked for ever again: one command takes the other's place
        assert len(told_names(receiver, gateway)) == 1


def told_names(receiver, gateway):
    answer = receiver.send(gateway.batch([], first=0, last=0))
    return [opened(receiver, c)[3] for c in wire_envelope.open_answer(answer.body).commands]


def test_what_a_gateway_has_told_lost_is_not_asked_for(receiver):
    gateway = receiver.enrol()
    told(receiver, gateway, [wire_records.event(gateway.next(), NOW, "e", "")])
    gateway.seq = 50
    assert told(receiver, gateway, [wire_records.lost(gateway.next(), NOW, 2, 50, 49)]) == []


def test_a_gap_nobody_was_asked_about_is_asked_about_at_the_next_start(tmp_path):
    directory, gateway = make(tmp_path / "works"), Gateway()
    with Running(directory) as receiver:
        receiver.enrol(gateway)
        gateway.seq = 5
        assert len(told(receiver, gateway, [wire_records.event(gateway.next(), NOW, "e", "")])) == 1
    office = Office(directory)
    office.file.db.execute("DELETE FROM commands")
    office.close()
    with Running(directory) as receiver:
        assert told_names(receiver, gateway) == ["rewind"]
    clock = FixedClock(NOW + 40 * DAY)
    with Running(directory, clock) as receiver:
        assert told_names(receiver, gateway) == ["rewind"], "the old one is past its time"


def gap(receiver, gateway):
    """A gap behind seq 1, and the counter of the command to rewind that it brings."""
    told(receiver, gateway, [wire_records.event(gateway.next(), NOW, "a", "")])
    gateway.seq = 5
    [command] = told(receiver, gateway, [wire_records.event(gateway.next(), NOW, "e", "")])
    assert command[3:] == ["rewind", {"epoch": gateway.epoch, "after": 1}]
    return command[1]


def rewinds(receiver, gateway):
    """The counters of the commands to rewind in an answer."""
    return [c[1] for c in told(receiver, gateway) if c[3:] == ["rewind", {"epoch": gateway.epoch, "after": 1}]]


def result(receiver, gateway, counter, code):
    """A result, in the gateway's ring of values: of another epoch than the gap's."""
    telegrams = gateway.epoch, gateway.seq
    gateway.epoch, gateway.seq = bytes(8), getattr(gateway, "results", 0)
    told(receiver, gateway, [wire_records.result(gateway.next(), NOW, counter, code, "")])
    gateway.results = gateway.seq
    gateway.epoch, gateway.seq = telegrams


def test_a_rewind_that_a_restart_interrupted_is_asked_for_again(receiver):
    gateway = receiver.enrol()
    first = gap(receiver, gateway)
    result(receiver, gateway, first, table.INTERRUPTED)
    [second] = rewinds(receiver, gateway)
    assert second > first
    result(receiver, gateway, first, table.INTERRUPTED)
    assert rewinds(receiver, gateway) == [second], "its first result counts"
    result(receiver, gateway, second, 0)
    assert rewinds(receiver, gateway) == []


def test_an_open_gap_is_asked_about_after_a_restore_whatever_was_answered_before(tmp_path):
    directory, gateway = make(tmp_path / "works"), Gateway()
    clock = FixedClock(NOW)
    with Running(directory, clock) as receiver:
        receiver.enrol(gateway)
        first = gap(receiver, gateway)
    shutil.copy(directory.store, tmp_path / "backup")  # the gap is open in it, and asked about

    def restore():
        shutil.copy(tmp_path / "backup", directory.store)
        for more in directory.path.glob("store.sqlite-*"):
            more.unlink()
    # The gateway has done it and its result is not there yet; the store is lost.
    restore()
    with Running(directory, clock) as receiver:
        [second] = rewinds(receiver, gateway)
        assert second > first
        result(receiver, gateway, first, 0)  # the late one, of before
        assert rewinds(receiver, gateway) == [second]
        clock.at += 10
        result(receiver, gateway, second, 0)
        clock.at += 10
        receiver.through(gateway.batch([wire_records.event(n, NOW, "e", "") for n in range(2, 6)], first=2, last=5))
        assert receiver.gaps(gateway.id) == []
    restore()  # answered, and yet the gap is open again
    with Running(directory, clock) as receiver:
        [third] = rewinds(receiver, gateway)
        clock.at += 10
        result(receiver, gateway, third, 0)
        clock.at += 10
        gateway.seq = 6
        receiver.through(gateway.batch([wire_records.event(gateway.next(), NOW, "f", "")]))
    with Running(directory, clock) as receiver:  # done, and sent since: its ring holds no more
        assert rewinds(receiver, gateway) == []
        assert receiver.gaps(gateway.id) == [[2, 5]]


# --- changes of trust

def rotate(receiver, what, *more):
    done = netti("rotate", receiver.directory.path, what, *more)
    if done.returncode == 0:
        receiver.look()
    return done


def test_the_stand_by_anchor_takes_over_while_it_runs_and_no_gateway_is_lost(receiver):
    gateway = Gateway()
    file = receiver.device("POST", "/v1/gateways", gateway.enrolment(receiver.token())).json()
    old = receiver.context
    pinned = ssl.create_default_context(cadata="".join(file["anchors"]))
    receiver.context = lambda: pinned  # what this gateway trusts, whatever the receiver has now
    assert rotate(receiver, "anchor").returncode == 0
    [command] = told(receiver, gateway)
    url, anchors, keys = (command[4][name] for name in ("url", "anchors", "command_keys"))
    assert url == file["url"] and anchors[0] == file["anchors"][1] and anchors[1] not in file["anchors"]
    assert [k.hex() for k in keys] == file["command_keys"]
    again = rotate(receiver, "anchor")
    assert again.returncode == 2 and "have not taken the last change" in again.stderr
    told(receiver, gateway, [wire_records.result(gateway.next(), NOW, command[1], 0, "")])
    assert rotate(receiver, "anchor").returncode == 0
    pinned_anew = ssl.create_default_context(cadata="".join(anchors))
    receiver.context = lambda: pinned_anew
    assert [c[3] for c in told(receiver, gateway)] == ["trust"]
    receiver.context = lambda: pinned
    with pytest.raises(ssl.SSLCertVerificationError):
        receiver.send(gateway.batch([]))
    receiver.context = old


def test_the_successor_takes_over_as_command_key(receiver):
    gateway = receiver.enrol()
    before = trust.command_public_keys(receiver.directory.ca)
    assert rotate(receiver, "command-key").returncode == 0
    after = trust.command_public_keys(receiver.directory.ca)
    assert after[0] == before[1] and after[1] not in before
    [command] = told(receiver, gateway)  # verified under the key that was the successor
    assert [k.hex() for k in command[4]["command_keys"]] == after


# --- hostile results

def test_results_of_commands_never_made_change_nothing(receiver):
    gateway = receiver.enrol()
    counter = order(receiver, gateway, "interval", {"seconds": 1800})
    for wrong in (counter + 1, 0, 1 << 61):
        assert len(told(receiver, gateway, [wire_records.result(gateway.next(), NOW, wrong, 0, "x" * 300)])) == 1
    assert told(receiver, gateway, [wire_records.result(gateway.next(), NOW, counter, 1, "<script>")]) == []
    assert told(receiver, gateway, [wire_records.result(gateway.next(), NOW, counter, 0, "")]) == []
    [c] = receiver.orders(gateway.id)
    assert (c["state"], c["result"]) == ("refused", "the owner has not consented: <script>")
    for path in installed.addresses({"gateway": gateway.id}, api=False):
        assert "<script>" not in receiver.web(path).text, path


def test_a_command_of_another_works_or_purpose_does_not_open(receiver):
    gateway = receiver.enrol()
    order(receiver, gateway, "interval", {"seconds": 1800})
    data = wire_envelope.open_answer(receiver.send(gateway.batch([])).body).commands[0]
    with pytest.raises(InvalidSignature):
        opened(receiver, data, works="other")
    assert cbor2.loads(data[wire_envelope.open_envelope(data, "command", "works").end:])[3] == "interval"


# --- the command line

def netti(*arguments):
    return subprocess.run([Process.NETTI, "receiver", *arguments], capture_output=True, text=True, timeout=60)


def test_commands_from_the_command_line(receiver):
    directory, gateway, other = receiver.directory, receiver.enrol(), receiver.enrol()
    assert netti("command", directory.path, gateway.id, "interval", "1800").returncode == 0
    assert netti("command", directory.path, "all", "relay", "--window", "7200", "--meters", "KAM-*").returncode == 0
    receiver.look()
    assert [c[3] for c in told(receiver, gateway)] == ["interval", "relay"]
    assert [c[3:] for c in told(receiver, other)] == [
        ["relay", {"window": 7200, "media": [6, 7, 21, 22], "meters": ["KAM-*"]}]]
    for bad in (("AAAAAAAAAAAAAAAA", "interval", "60"), (gateway.id, "interval", "5"), (gateway.id, "interval", "x"),
                (gateway.id, "nonsense"), ("short", "interval", "60"), (gateway.id, "relay", "--media", "2")):
        done = netti("command", directory.path, *bad)
        assert done.returncode == 2 and "Traceback" not in done.stderr, bad
    listed = netti("commands", directory.path).stdout
    assert listed.count("\n") == 3 and "waiting" in listed and gateway.id in listed


def test_every_command_of_the_list_has_its_line(receiver):
    directory, gateway = receiver.directory, receiver.enrol()
    clock = Clock()
    receiver.clock = receiver.receiver.clock = receiver.receiver.devices.clock = clock
    receiver.receiver.devices.ingest.clock = clock
    epoch = "00112233445566ff"
    for line in (["interval", "60"], ["relay"], ["own-meters"], ["trust"], ["rewind", epoch, "7"],
                 ["update", "0.2.0", "https://x/u"], ["close-valve"]):
        done = netti("command", directory.path, gateway.id, *line)
        assert done.returncode == 0 and f"{line[0]} queued as" in done.stdout, done.stderr
        assert netti("command", directory.path, gateway.id, line[0], "--help").returncode == 0
    receiver.look()
    sent = told(receiver, gateway)
    assert [c[3] for c in sent] == ["interval", "relay", "own-meters", "trust", "rewind", "update", "close-valve"]
    assert sent[4][4] == {"epoch": bytes.fromhex(epoch), "after": 7}
    assert sent[5][4] == {"version": "0.2.0", "url": "https://x/u"} and sent[6][4] == {}
    assert time.time() + 200 < sent[6][2] <= time.time() + 240
    for bad in (["open-valve"], ["valve"], ["close-valve", "now"], ["update", "1", "http://x"], ["update", "1"],
                ["rewind", "zz", "1"], ["rewind", epoch, "-1"], ["rewind", epoch, "x"]):
        done = netti("command", directory.path, gateway.id, *bad)
        assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr, bad
    assert netti("command", directory.path, "all", "close-valve").returncode == 2


def test_a_command_to_all_skips_the_revoked_and_says_so(receiver):
    path, gateway, revoked = receiver.directory.path, receiver.enrol(), receiver.enrol()
    assert netti("revoke", path, revoked.id).returncode == 0
    done = netti("command", path, "all", "interval", "60")
    assert done.returncode == 0 and f"{gateway.id} interval queued as" in done.stdout
    assert f"{revoked.id} is revoked: skipped" in done.stdout and f"{revoked.id} interval" not in done.stdout
    assert netti("commands", path).stdout.count("waiting") == 1
    # By its own name it may be told, for when it is reinstated.
    assert f"{revoked.id} interval queued as" in netti("command", path, revoked.id, "interval", "60").stdout


def test_what_is_said_of_an_order_is_in_the_table_and_in_its_help(receiver):
    listed = " ".join(netti("command", receiver.directory.path, "all", "--help").stdout.split())
    for each in table.ORDERS:
        assert each.means in listed, each.name
        said = " ".join(netti("command", "x", "all", each.name, "--help").stdout.split())
        for field in each.fields:
            assert not field.means or f"{field.means}: " in said, (each.name, field.name)
            for bound in field.kind[1:3] if field.kind[0] == "whole" else ():
                assert str(bound) in said, (each.name, field.name)


def test_what_no_gateway_would_take_is_not_queued(receiver):
    """What drifted: seventeen own meters, 2050 relayed ones, an address of 300 characters, nine anchors."""
    directory, gateway = receiver.directory, receiver.enrol()
    meters = [f"KAM-{n:08d}-1B-16" for n in range(2050)]
    pem = trust.anchors(directory.ca)[0]
    for name, arguments, says in (
            ("own-meters", {"meters": meters[:17]}, "own-meters.meters: a list of at most 16"),
            ("relay", {"window": 3600, "media": [7], "meters": meters}, "relay.meters: a list of at most 2000"),
            ("trust", {"url": "https://" + "x" * 292, "anchors": [pem], "command_keys": [bytes(32)]},
             "trust.url: 300 bytes, not 1 to 267"),
            ("trust", {"url": "https://x", "anchors": [pem] * 9, "command_keys": [bytes(32)]},
             "trust.anchors: a list of 1 to 4")):
        with pytest.raises(orders.OrderRefused) as refused:
            order(receiver, gateway, name, arguments)
        assert str(refused.value) == says
    assert told(receiver, gateway) == []


def test_a_seventeenth_meter_is_not_bound(receiver):
    path, gateway = receiver.directory.path, receiver.enrol()
    meters = [f"KAM-{n:08d}-1B-16" for n in range(17)]
    assert netti("bind", path, gateway.id, *meters[:16]).returncode == 0
    done = netti("bind", path, gateway.id, meters[16])
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "at most 16" in done.stderr and not done.stdout
    with Office(receiver.directory) as office:
        assert sorted(office.homes.bound(gateway.id)) == meters[:16], "nothing was changed"
        # One that an earlier version bound beyond that: said once, and the keys come in all the same.
        office.homes.bind(gateway.id, meters[16], NOW)
    rows = path.parent / "keys.csv"
    rows.write_text(f"{meters[16]};{OWN.key.hex()}\n")
    done = subprocess.run([Process.NETTI, "keys", "import", rows, "--dir", path], capture_output=True, text=True)
    assert done.returncode == 0 and f"{gateway.id} is not told: " in done.stderr and "1 added" in done.stdout
    assert netti("unbind", path, gateway.id, meters[0]).returncode == 0


def test_a_change_of_anchor_that_no_gateway_would_take_is_not_made(receiver):
    directory = receiver.directory
    receiver.enrol()
    directory.save(msgspec.structs.replace(directory.load(), host="no host"))
    before = trust.anchors(directory.ca)
    for what in ("anchor", "command-key"):
        done = netti("rotate", directory.path, what)
        assert done.returncode == 2 and "trust.url: https://HOST[:PORT]" in done.stderr
    assert trust.anchors(directory.ca) == before


def test_an_update_from_the_longest_address_is_no_longer_than_a_gateway_takes():
    update = table.named(table.UPDATE)
    most = next(field.kind[2] for field in update.fields if field.name == "url")
    assert table.ADDRESS[2] + len("/v1/releases/999.999.999") <= most


def test_a_key_that_comes_after_its_binding_is_sent_by_itself(receiver, tmp_path):
    gateway = receiver.enrol()
    assert "there is no key for it yet" in bind(receiver, gateway, OWN)
    [first] = told(receiver, gateway)
    assert first[4] == {"meters": [{"meter": OWN.text, "key": None}]}
    assert told(receiver, gateway, [wire_records.result(gateway.next(), NOW, first[1], 0, "")]) == []
    rows = tmp_path / "keys.csv"
    rows.write_text(f"{OWN.text};{OWN.key.hex()}\n{OTHER.text};{OTHER.key.hex()}\n")
    done = subprocess.run([Process.NETTI, "keys", "import", rows, "--dir", receiver.directory.path],
                          capture_output=True, text=True)
    assert done.returncode == 0 and OWN.key.hex() not in done.stdout + done.stderr
    receiver.look()
    [second] = told(receiver, gateway)
    assert second[1] > first[1] and second[4] == {"meters": [{"meter": OWN.text, "key": OWN.key}]}
    told(receiver, gateway, [wire_records.result(gateway.next(), NOW, second[1], 0, "")])
    subprocess.run([Process.NETTI, "keys", "import", rows, "--dir", receiver.directory.path], capture_output=True)
    assert told(receiver, gateway) == [], "nothing has changed"
