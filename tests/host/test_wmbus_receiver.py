"""The receiver's decoder: messages in fragments, and compact frames after a process was killed."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import wmbus_cases as cases
from decoder_rig import Receiver
from gateway_bench import Bench
from receiver_support import NOW, Gateway

import firmware.wire.records as wire_records
import wmbus
from cloud_receiver.decoding import opening
from cloud_receiver.stores import DECODED, NO_KEY, UNDECODABLE, WRONG_KEY

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


def test_the_plain_status_byte_tells_of_no_alarm_without_a_key(tmp_path):
    """Anybody can send one: a meter whose key the works has not got, or has wrong, neither raises an alarm nor ends
    one."""
    axioma = cases.address("AXI", "12345678", 0x10, 7)

    async def scenario():
        receiver = Receiver(tmp_path)
        gateway = Gateway()

        async def standing():
            return await receiver.store.read(lambda db: [row[0] for row in db.execute(
                "SELECT alarm FROM alarms WHERE ended IS NULL").fetchall()])
        for at, status in ((-500, 0x30), (-400, 0x34), (-300, 0)):
            await receiver.take(gateway, [cases.mode5(status=status, who=axioma, access=-at // 100)], NOW + at)
            assert set(await receiver.work()) == {NO_KEY}
            assert await standing() == []
        receiver.close()
    run(scenario)


def test_a_message_in_fragments_under_a_replaced_key():
    """Every key is tried on the whole message, not on its last fragment."""
    from wmbus import fragments
    assembler = fragments.Assembler()
    wrong = bytes(16)
    found = [opening.decode([wrong, cases.KEY], piece, {}, assembler) for piece in PIECES]
    assert [state for state, _, _ in found] == [UNDECODABLE, UNDECODABLE, DECODED]
    found = [opening.decode([wrong], piece, {}, assembler) for piece in PIECES]
    assert found[-1] == (WRONG_KEY, {"alarms": []}, None)
    found = [opening.decode([None], piece, {}, assembler) for piece in PIECES]
    assert found[-1] == (NO_KEY, {"alarms": []}, None)


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
