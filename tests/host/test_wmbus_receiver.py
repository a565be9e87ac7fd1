"""The receiver's decoder: messages in fragments, and compact frames after a process was killed."""

import asyncio
import hashlib
import signal
import subprocess
import sys
from pathlib import Path

from receiver_support import NOW, Gateway
from store_support import every_meter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import wmbus_cases as cases  # noqa: E402

import firmware.wire.records as wire_records
import wmbus  # noqa: E402
from cloud_receiver.data.content import Content
from cloud_receiver.decoding import decoder, opening  # noqa: E402
from cloud_receiver.office import kek
from cloud_receiver.office.keys import KeyStore  # noqa: E402
from cloud_receiver.stores import DECODED, NO_KEY, UNDECODABLE, WRONG_KEY, open_store  # noqa: E402
from firmware.wire import envelope

METER = "NET-12345678-01-07"
PIECES = cases.fragmented(cases.RECORDS * 4)


class Receiver:
    """A store and the decoder beside it, without the network."""

    def __init__(self, path):
        self.path = path / "receiver"
        self.path.mkdir(exist_ok=True)
        if not kek.file_of(self.path).exists():
            kek.make(kek.file_of(self.path))
        self.store = open_store(f"sqlite://{self.path}/store.sqlite")
        self.states = []
        settle = self.store.settle

        async def watched(settled):
            count = await settle(settled)
            self.states += [s.state for s in settled]
            return count
        self.store.settle = watched

    def put_key(self, key=cases.KEY):
        keys = KeyStore(self.path / "keys.sqlite")
        keys.put(METER, key, NOW)
        keys.close()

    async def take(self, gateway, telegrams, at=NOW - 600):
        bodies = [wire_records.telegram(gateway.next(), at + i, -70, t) for i, t in enumerate(telegrams)]
        content = b"".join(bodies)
        head = envelope.Head(gateway.epoch, 1, "0", 2, gateway.seq - len(bodies) + 1, gateway.seq)
        row = await self.store.enrol(gateway.public, "home", "", NOW)
        await self.store.take(row, head, hashlib.sha256(content).digest(),
                              Content(content, head.first, head.last), NOW)

    async def work(self):
        """The decoder's loop from a start until nothing is left to do: the states it settled, in their order."""
        self.states.clear()
        self.decoder = decoder.Decoder(self.store, self.path / "keys.sqlite")
        task = asyncio.create_task(self.decoder.run())
        for _ in range(400):
            await asyncio.sleep(0.02)
            if self.states and not await self.store.pending(1):
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return list(self.states)

    async def total_ml(self):
        """The total of the one meter, in ml."""
        return (await every_meter(self.store))[0]["total_ml"]

    async def work_with_key(self):
        """As `work`, with the key put while it runs."""
        self.decoder = decoder.Decoder(self.store, self.path / "keys.sqlite")
        task = asyncio.create_task(self.decoder.run())
        await asyncio.sleep(0.5)
        self.put_key()
        for _ in range(400):
            await asyncio.sleep(0.02)
            if DECODED in self.states:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def close(self):
        self.store.close()


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
    from gateway_bench import Bench
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


def test_the_plain_status_byte_raises_an_alarm_without_a_key(tmp_path):
    """A meter whose key the works has not got, or has wrong, leaks: the alarm stands, and ends with the bit."""
    axioma = cases.address("AXI", "12345678", 0x10, 7)

    async def scenario():
        receiver = Receiver(tmp_path)
        gateway = Gateway()

        async def standing():
            return await receiver.store.read(lambda db: [row[0] for row in db.execute(
                "SELECT alarm FROM alarms WHERE ended IS NULL").fetchall()])
        for at, status, expected in ((-500, 0x30, ["leak"]), (-400, 0x34, ["leak", "low_battery"]), (-300, 0, [])):
            await receiver.take(gateway, [cases.mode5(status=status, who=axioma, access=-at // 100)], NOW + at)
            assert set(await receiver.work()) == {NO_KEY}
            assert sorted(await standing()) == expected
        # A telegram without a plain status byte says nothing about alarms.
        await receiver.take(gateway, [cases.mode5(status=0x30, who=axioma, access=9)], NOW - 200)
        await receiver.take(gateway, [cases.ell(b"\x78" + cases.RECORDS, who=axioma)], NOW - 100)
        await receiver.work()
        assert await standing() == ["leak"]
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
import test_wmbus_receiver as t
from pathlib import Path

async def main():
    receiver = t.Receiver(Path({path!r}))
    await receiver.take(t.Gateway(), {what})
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


def compact(access):
    """A compact frame of the layout of cases.RECORDS; `access` makes it another telegram's content."""
    known = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    signature, full = wmbus.crc(known), wmbus.crc(cases.RECORDS)
    return cases.telegram(bytes((0x7B, access, 0, 0, 0)) + cases.little(signature) + cases.little(full)
                          + bytes.fromhex("39300000" "10270000" "ff2c" "7800" "09"))


def test_the_formats_of_compact_frames_outlive_a_killed_process(tmp_path):
    assert child(tmp_path, "[t.cases.short()]") == f"[{DECODED}]"
    assert child(tmp_path, "[t.compact(1)]") == f"[{DECODED}]"
    (tmp_path / "receiver" / "formats.json").write_text("{damaged")
    assert child(tmp_path, "[t.compact(2)]") == f"[{UNDECODABLE}]"
    (tmp_path / "receiver" / "formats.json").unlink()  # no file is no error either
    assert child(tmp_path, "[t.compact(3)]") == f"[{UNDECODABLE}, {UNDECODABLE}]"
