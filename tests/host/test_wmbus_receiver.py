"""The receiver's decoder: what is read of a meter that has a key, messages in fragments, and compact frames."""

import ast
import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import decoder_rig as rig
import pytest
import wmbus_cases as cases
from decoder_rig import METER, Receiver
from gateway_bench import Bench
from receiver_support import NOW, Gateway

import firmware.wire.records as wire_records
import wmbus
from cloud_receiver.decoding import decoder, formats, opening
from cloud_receiver.office.directory import Directory
from cloud_receiver.office.keyfile import KeyFile
from cloud_receiver.office.meter_keys import MeterKeys
from cloud_receiver.stores import DECODED, NO_KEY, UNDECODABLE, UNSEALED, WRONG_KEY, queries
from wmbus import compact as compact_frames
from wmbus import drivers

ROOT = Path(__file__).resolve().parents[2]
PIECES = cases.fragmented(cases.RECORDS * 4)


def run(scenario):
    """Run a coroutine function to its end."""
    return asyncio.run(scenario())


def test_fragments_are_decoded_as_one_message(tmp_path):
    async def scenario():
        receiver = Receiver(tmp_path)
        receiver.put_key()
        gateway = Gateway()
        await receiver.take(gateway, [PIECES[0], cases.short(who=cases.address("NET", "00000001")), PIECES[1]])
        await receiver.take(gateway, [PIECES[2]], NOW - 500)
        assert await receiver.work() == [UNDECODABLE, DECODED, UNDECODABLE, DECODED]
        receiver.close()
    run(scenario)


def test_from_the_air_through_a_gateway_to_a_reading(tmp_path):
    """A meter sends a message of three fragments every minute; the gateway relays one of each hour, whole."""
    gateway = Bench()
    gateway.set_clock()
    for minute in range(120):
        for second, piece in enumerate(cases.fragmented(cases.RECORDS * 4, counter=minute.to_bytes(4, "little"))):
            gateway.hal.ms = 60000 * minute + 1000 * second
            if (minute, second) != (0, 1):  # the first message is heard in part
                gateway.telegram(piece, -70)
    relayed = [row[4] for row in gateway.records(gateway.telegrams, wire_records.TELEGRAM)]
    assert [wmbus.fragment(piece)[0] for piece in relayed] == [1, 1, 2, 3, 1, 2, 3]
    assert gateway.counters["relayed"] == 7 and gateway.counters["thinned"] == 3 * 120 - 1 - 7

    async def scenario():
        receiver = Receiver(tmp_path)
        receiver.put_key()
        await receiver.take(Gateway(), relayed)
        assert (await receiver.work()).count(DECODED) == 2
        assert await receiver.total_ml() == 12345000
        receiver.close()
    run(scenario)


def test_a_restart_and_a_late_key_find_the_whole_message(tmp_path):
    """The first fragments were tried by a process that is gone; the key comes after the last."""
    async def scenario():
        receiver = Receiver(tmp_path)
        await receiver.take(Gateway(), PIECES[:2])
        assert await receiver.work() == [UNDECODABLE] * 2
        receiver.close()
        receiver = Receiver(tmp_path)
        gateway = Gateway()
        await receiver.take(gateway, PIECES[2:], NOW - 500)
        assert await receiver.work() == [UNDECODABLE, UNDECODABLE, NO_KEY]
        receiver.close()
        receiver = Receiver(tmp_path)
        await receiver.work_with_key()
        assert receiver.states[-3:] == [UNDECODABLE, UNDECODABLE, DECODED]
        assert await receiver.total_ml() == 12345000
        receiver.close()
    run(scenario)


def alarms(receiver):
    """The alarms that stand, as something to await."""
    return receiver.store.read(lambda db: sorted(row[0] for row in db.execute(
        "SELECT alarm FROM alarms WHERE ended IS NULL").fetchall()))


def test_the_plain_status_byte_of_what_did_not_open_neither_raises_nor_ends_an_alarm(tmp_path):
    """Anybody can send it: no key, a wrong one, random bytes behind the right address, a plain copy."""
    axioma = cases.address("AXI", "12345678", 0x10, 7)

    async def scenario():
        receiver = Receiver(tmp_path)
        gateway = Gateway()

        async def take(telegram, at, state):
            await receiver.take(gateway, [telegram], NOW + at)
            assert (await receiver.work())[-1] == state
        await take(cases.mode5(status=0x30, who=axioma, access=1), -900, NO_KEY)
        assert await alarms(receiver) == []
        receiver.put_key(meter="AXI-12345678-10-07")
        assert await receiver.work() == [DECODED]
        assert await alarms(receiver) == ["leak"]
        noise = cases.telegram(b"\x7a\x07\x00\x20\x05" + cases.noise(32, 5), axioma)
        for n, (telegram, state) in enumerate((
                (cases.mode5(key=bytes(16), who=axioma, access=2), WRONG_KEY), (noise, WRONG_KEY),
                (cases.short(who=axioma), UNSEALED), (cases.ell(b"\x78", bytes(16), who=axioma), WRONG_KEY),
                (cases.mode5(key=bytes(16), status=0x90, who=axioma, access=3), WRONG_KEY),
                (cases.short(status=0x90, who=axioma), UNSEALED))):
            await take(telegram, n - 800, state)
            assert await alarms(receiver) == ["leak"], (n, telegram)
        await take(cases.mode5(who=axioma, access=4), -100, DECODED)
        assert await alarms(receiver) == []
        receiver.close()
    run(scenario)


async def one_meter(receiver):
    """(total in ml, state, how many telegrams are counted as suspicious, the latest reading) of the one meter."""
    m = await receiver.store.read(queries.meters.one, 0, METER)
    return m["total_ml"], m["state"], m["unsealed"], m["latest"]


FORGED = cases.short(bytes.fromhex("0413" "00105e5f"))  # 1,600,000 m3 in plain, in the meter's name


def test_a_plain_telegram_of_a_meter_that_has_a_key_is_never_read(tmp_path):
    """It is counted and shown, changes nothing, and is not tried again with another key, only without any."""
    async def scenario():
        receiver = Receiver(tmp_path)
        receiver.put_key()
        gateway = Gateway()
        await receiver.take(gateway, [cases.mode5(), FORGED, cases.mode5(access=9), FORGED[:11] + b"\1" + FORGED[12:]])
        assert await receiver.work() == [DECODED, UNSEALED, DECODED, UNSEALED]
        total, _, suspicious, latest = await one_meter(receiver)
        assert (total, suspicious) == (12345000, 2) and latest["total_m3"] == 12.345
        found = await receiver.store.read(queries.summary.counts, NOW)
        assert (found["unsealed"], found["alarmed"], found["keyed"]) == (1, 0, 1)
        assert [m["id"] for m in (await receiver.store.read(queries.meters.page, 0, NOW, "unsealed"))[0]] == [METER]
        receiver.put_key(bytes(range(3, 19)))  # another key opens no more of them
        await receiver.take(gateway, [cases.mode5(key=bytes(range(3, 19)), access=10)])
        assert await receiver.work() == [DECODED]
        assert (await one_meter(receiver))[2] == 2
        receiver.remove_key()
        assert UNSEALED not in await receiver.work()
        assert (await one_meter(receiver))[2] == 0
        receiver.close()
    run(scenario)


def test_a_meter_whose_keys_are_damaged_has_one_all_the_same(tmp_path):
    async def scenario():
        receiver = Receiver(tmp_path)
        receiver.put_key()
        with contextlib.closing(KeyFile(Directory(receiver.path).keys)) as file:
            MeterKeys(file)
            file.db.execute("UPDATE sealed_keys SET sealed = zeroblob(44)")
        await receiver.take(Gateway(), [FORGED])
        assert await receiver.work() == [NO_KEY]
        assert await receiver.total_ml() is None
        receiver.close()
    run(scenario)


def test_a_receiver_that_forgets_who_has_a_key_is_seen(tmp_path, monkeypatch):
    """Known bad: what no key opens is tried without one."""
    good = decoder.Decoder._decode
    monkeypatch.setattr(decoder.Decoder, "_decode", lambda self, text, data, ring, time: good(
        self, text, data, ring if wmbus.summary(data).encrypted else None, time))
    with pytest.raises(AssertionError):
        test_a_plain_telegram_of_a_meter_that_has_a_key_is_never_read(tmp_path)


def test_only_a_tool_passes_the_leniency():
    """Nothing that runs at a works or in a home reads captures that somebody else decrypted."""
    def lenient(folder):
        return sorted({str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py")
                       for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                       if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                       and node.func.attr in ("decode", "explain") and isinstance(node.func.value, ast.Name)
                       and node.func.value.id == "wmbus"
                       and (len(node.args) > 4 or any(k.arg in ("decrypted", None) for k in node.keywords))})
    assert lenient("cloud_receiver") == lenient("firmware") == []
    assert lenient("tools") == ["tools/captures/decoding.py", "tools/captures/explaining.py", "tools/jsonl.py"]
    texts = [path.read_text(encoding="utf-8") for folder in ("cloud_receiver", "firmware")
             for path in (ROOT / folder).rglob("*.py")]
    assert not [text for text in texts if ".decrypted" in text or "wmbus.decoder" in text]


def test_a_message_in_fragments_under_a_replaced_key():
    """Every key is tried on the whole message, not on its last fragment."""
    from wmbus import fragments
    assembler = fragments.Assembler()
    wrong = bytes(16)
    outcomes = [opening.decode([wrong, cases.KEY], piece, {}, assembler) for piece in PIECES]
    assert [state for state, _, _, _ in outcomes] == [UNDECODABLE, UNDECODABLE, DECODED]
    assert outcomes[-1][3] == ("mcr", 5), "the counter is in the first fragment"
    outcomes = [opening.decode([wrong], piece, {}, assembler) for piece in PIECES]
    assert outcomes[-1] == (WRONG_KEY, None, None, None)
    outcomes = [opening.decode([None], piece, {}, assembler) for piece in PIECES]
    assert outcomes[-1] == (NO_KEY, None, None, None)


CHILD = """
import asyncio, os, signal, sys
sys.path[:0] = [{tests!r}, {host!r}, {root!r}]
import decoder_rig as rig
import wmbus_cases as cases
from pathlib import Path
from receiver_support import Gateway

async def main():
    receiver = rig.Receiver(Path({path!r}))
    await receiver.take(Gateway(), {what})
    print(await receiver.work(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def child(path, what):
    """A process that takes telegrams, decodes what is there, and is killed; the states it settled."""
    script = CHILD.format(tests=str(ROOT / "tests"), host=str(Path(__file__).parent), root=str(ROOT), path=str(path),
                          what=what)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.strip()


def test_the_formats_of_compact_frames_outlive_a_killed_process(tmp_path):
    assert child(tmp_path, "[cases.short()]") == f"[{DECODED}]"
    assert child(tmp_path, "[rig.compact(1)]") == f"[{DECODED}]"
    (tmp_path / "receiver" / "formats.json").write_text("{damaged")
    assert child(tmp_path, "[rig.compact(2)]") == f"[{UNDECODABLE}]"
    (tmp_path / "receiver" / "formats.json").unlink()  # no file is no error either
    assert child(tmp_path, "[rig.compact(3)]") == f"[{UNDECODABLE}, {UNDECODABLE}]"


def format_of(text):
    """(signature, DIF and VIF bytes) in hex."""
    heads = bytes.fromhex(text)
    return f"{wmbus.crc(heads):04x}", heads.hex()


SKELETON = "0413" "4413" "426c" "023b" "015b"


def test_formats_belong_to_one_meter(tmp_path):
    """What another meter of the make sends teaches this one nothing: neither a format nor ten times its values."""
    other = cases.address("NET", "00000002")

    async def scenario():
        receiver = Receiver(tmp_path)
        gateway = Gateway()
        await receiver.take(gateway, [cases.short(who=other), rig.compact(1)])
        assert await receiver.work() == [DECODED, UNDECODABLE]
        # The meter's own full frame comes, and what waited for it is read.
        await receiver.take(gateway, [cases.short()])
        assert await receiver.work() == [UNDECODABLE, DECODED, DECODED]
        assert await receiver.total_ml() == 12345000
        receiver.close()
    run(scenario)


def test_a_meter_with_a_key_learns_from_what_opened_under_it_alone(tmp_path):
    """A plain full frame in its name, one under another key, one heard before it had a key: none is its own."""
    sealed = cases.ell(b"\x79" + rig.compact(1)[15:])

    async def scenario():
        receiver = Receiver(tmp_path)
        gateway = Gateway()
        await receiver.take(gateway, [cases.short()])
        assert await receiver.work() == [DECODED]  # no key yet: it may send in plain
        receiver.put_key()
        await receiver.take(gateway, [cases.short(status=4), cases.mode5(key=bytes(16)), sealed], NOW - 500)
        assert await receiver.work() == [UNSEALED, WRONG_KEY, UNDECODABLE]
        await receiver.take(gateway, [cases.mode5()], NOW - 400)
        assert (await receiver.work())[-1] == DECODED
        assert DECODED in receiver.states[-2:] and not await receiver.store.pending(1)
        receiver.close()
    run(scenario)


def test_the_formats_are_bounded_and_a_flood_of_invented_meters_pushes_out_none_of_those_with_a_key(tmp_path):
    learnt = formats.Learnt(tmp_path / "formats.json")

    def teach(meter, keyed, signature, asked=False):
        its = learnt.of(meter, keyed)
        before = frozenset(its)
        if asked:
            its.get(signature)
        its[signature] = b"\x04\x13"
        learnt.note(meter, keyed, its, before)
    teach("REAL", True, 1, asked=True)
    teach("SHY", True, 1)
    for n in range(3 * formats.MOST_PLAIN):
        teach(f"INVENTED {n}", False, 1, asked=n % 2 == 0)
    assert learnt.of("REAL", True) and learnt.of("SHY", True) and learnt.came()[:1] == ["INVENTED 0"]
    for n in range(2 * formats.MOST_KEYED):
        teach(f"METER {n}", True, 1)
    assert learnt.of("REAL", True) and not learnt.of("SHY", True), "who sends compact frames stays"
    for keyed, most in ((True, formats.MOST_KEYED), (False, formats.MOST_PLAIN)):
        assert len(learnt._pools[keyed]) == most
    learnt.save()
    learnt = formats.Learnt(tmp_path / "formats.json")
    assert learnt.of("REAL", True) == {1: b"\x04\x13"}
    # What was learnt without a key proves nothing once there is one.
    teach("NEW", False, 1)
    assert learnt.of("NEW", False) and not learnt.of("NEW", True) and not learnt.of("NEW", False)


def test_a_file_of_an_earlier_release_is_learnt_anew(tmp_path):
    """It held the formats of nobody in particular."""
    for text in ('{"%s": "%s"}' % format_of(SKELETON), "[]", "{", '{"NET-12345678-01-07": 7}',
                 '{"M": [1, {"x": "00"}]}', '{"M": [1, {"00": 7}]}', '{"M": [1]}'):
        (tmp_path / "formats.json").write_text(text)
        assert not any(len(pool) for pool in formats.Learnt(tmp_path / "formats.json")._pools.values())


KAMSTRUP = cases.address("KAM", "12345678", 0x1B, 0x16)


def shipped():
    """(signature, DIF and VIF bytes, a compact frame of a Kamstrup meter) of a format that its driver ships."""
    formats_of = drivers.model(KAMSTRUP)[1]["formats"]
    for signature in sorted(formats_of):
        heads = formats_of[signature]
        for size in range(4, 60):
            values = bytes(range(1, size + 1))
            full = compact_frames.fill(heads, values, 0, size)
            if full is not None:
                body = b"\x79" + cases.little(signature) + cases.little(wmbus.crc(full)) + values
                return signature, heads, cases.ell(body, who=KAMSTRUP)
    raise AssertionError("no format is shipped")


def colliding(signature):
    """Other DIF and VIF bytes with this signature, as anybody can make them: a chain of VIFE is free to choose."""
    begin = bytes.fromhex("0414" "04fd")
    for i in range(1 << 21):
        heads = begin + bytes((0x80 | i >> 14 & 0x7F, 0x80 | i >> 7 & 0x7F, i & 0x7F))
        if wmbus.crc(heads) == signature:
            return heads
    raise AssertionError("none found")


def test_no_format_of_others_displaces_a_shipped_one(tmp_path):
    """Plain full frames of an invented meter of the make, and of the meter itself, with a shipped signature."""
    signature, _, genuine = shipped()
    heads = colliding(signature)
    forged = heads[:2] + b"\1\0\0\0" + heads[2:] + b"\2\0\0\0"
    invented = cases.address("KAM", "00000042", 0x1B, 0x16)
    before = wmbus.decode(genuine, cases.KEY, opening.aes)

    async def scenario():
        receiver = Receiver(tmp_path)
        receiver.put_key(meter="KAM-12345678-1B-16")
        gateway = Gateway()
        await receiver.take(gateway, [cases.short(forged, who=invented), cases.short(forged, who=KAMSTRUP),
                                      cases.short(forged, who=invented, status=4), genuine])
        assert await receiver.work() == [DECODED, UNSEALED, DECODED, DECODED]
        found = {meter: its for pool in receiver.decoder._learnt._pools.values() for meter, its in pool.items()}
        assert not any(signature in its for its in found.values())
        receiver.close()
    run(scenario)
    assert wmbus.decode(genuine, cases.KEY, opening.aes, {signature: heads}) == before
    ships = drivers.model(KAMSTRUP)[1]["formats"]
    kept = ships.pop(signature)
    try:  # known bad: where nothing is shipped the learnt one is asked, and does not fit
        with pytest.raises(wmbus.DecodeError):
            wmbus.decode(genuine, cases.KEY, opening.aes, {signature: heads})
    finally:
        ships[signature] = kept
