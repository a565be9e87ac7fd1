"""A real MicroPython process that boots from a slot, is sent releases by a receiver over real TLS, and goes back from
one that does not work."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from netti_tools.release import build, manifest

from cloud_receiver.data.clock import Clock
from cloud_receiver.stores import queries
from firmware import boot, identity
from firmware.wire import records

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import wmbus_cases as cases  # noqa: E402
from gateway_rig import MICROPYTHON, Process, Rig, command, public  # noqa: E402
from receiver_support import Gateway, Running, make  # noqa: E402

KEY, SUCCESSOR = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
BUILT = 1767225600
FAR = 1 << 33


@pytest.fixture(scope="module")
def base():
    """All modules, compiled once."""
    return build.compile_all("0.2.0", BUILT, [public(KEY), public(SUCCESSOR)], ("x64",))


class Makers:
    """Makes releases from the base: other versions, other keys, some source changed."""

    def __init__(self, base, folder):
        self.base, self.folder = base, folder

    def files(self, version, keys=(KEY, SUCCESSOR), **changes):
        own = build.generated(version, BUILT, [public(k) for k in keys])
        own.update({name.replace("__", "/") + ".py": source.encode() for name, source in changes.items()})
        files = {f.path: f for f in self.base}
        for path, source in own.items():
            mpy = path[:-3] + ".mpy"
            files[mpy] = build.File(mpy, build.compile_module(path, source), "")
        return list(files.values())

    def make(self, version, key=KEY, keys=(KEY, SUCCESSOR), **changes):
        files = self.files(version, keys, **changes)
        data = manifest.content(version, BUILT, files)
        manifest.write(self.folder / version, data, files)
        (self.folder / version / "manifest").write_bytes(manifest.sign(data, key))
        return version


class Device(Process):
    """A MicroPython process that starts from boot.py, and is started again as a board's reset would."""

    def __init__(self, folder):
        super().__init__(folder / "gateway", "micropython")
        self.root = folder
        self.exits: "list[int]" = []
        self._off = threading.Event()
        self._supply: "threading.Thread | None" = None

    def start(self):
        self._off.clear()
        self.process = None
        self._supply = threading.Thread(target=self._power, daemon=True)
        self._supply.start()
        while self.process is None:
            time.sleep(0.01)

    def _power(self):
        while not self._off.is_set():
            env = dict(os.environ, MICROPYPATH=".frozen")
            self.process = subprocess.Popen(
                [str(MICROPYTHON), "-X", "heapsize=192wK", "boot.py", str(self.root), "--status"],
                cwd=self.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self._read(self.process)
            self.exits.append(self.process.wait())

    def kill(self):
        self._off.set()
        while self._supply.is_alive():  # it may be starting the next one just now
            self.process.kill()
            self._supply.join(0.1)


class Home(Rig):
    """A device with its receiver."""

    def __init__(self, folder, base, **settings):
        folder.mkdir()
        super().__init__(folder / "gateway", "micropython", **settings)
        self.gateway = Device(folder)
        self.makers = Makers(base, folder / "releases")
        self.receiver.releases = folder / "releases"
        self.root = folder
        for f in self.makers.files("0.2.0"):
            path = folder / "slots" / "a" / f.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f.data)
        (folder / "boot.py").write_bytes(Path(boot.__file__).read_bytes())
        self.counter = 0

    def order(self, version):
        self.counter += 1
        url = f"https://localhost:{self.receiver.port}/releases/{version}"
        self.receiver.commands.append((self.counter, command(self.me, self.counter, "update",
                                                             {"version": version, "url": url}, FAR)))

    def runs(self):
        return self.receiver.heads[-1].firmware if self.receiver.heads else None

    def events(self):
        return [r[4] for r in self.receiver.records(records.EVENT) if r[3] == "update"]

    def state(self):
        return boot.read_state(boot.Files(), str(self.root / "slots"))

    def wait(self, true, seconds=90):
        self.until(true, seconds, doing=lambda: None)


def test_a_device_is_updated_goes_back_from_a_broken_release_and_never_to_an_older_one(tmp_path, base):
    with Home(tmp_path / "d", base) as home:
        home.gateway.start()
        home.wait(lambda: home.runs() == "0.2.0")
        home.order(home.makers.make("0.3.0"))
        home.wait(lambda: "0.3.0 confirmed" in home.events())
        assert home.runs() == "0.3.0" and home.gateway.exits == [boot.RESTART]
        assert home.state().active == 1 and not home.state().probation and home.state().minimum == 3000
        # Only what differs was fetched, over TLS and by its hash: the version, for the keys are the same.
        assert len(home.receiver.fetched) == 2, home.receiver.fetched

        home.order(home.makers.make("0.4.0", firmware__main="import nothing_like_that\n"))
        home.wait(lambda: any("0.4.0 rolled back" in e for e in home.events()))
        assert home.runs() == "0.3.0" and home.state().minimum == 3000
        assert home.gateway.exits == [boot.RESTART, boot.RESTART, 1, 1, 1]
        assert "nothing_like_that" in home.events()[-1]

        home.order("0.2.0")  # signed once, but older
        home.makers.make("0.2.0")
        home.wait(lambda: any("0.2.0 refused" in e for e in home.events()))
        # The successor's release brings the keys that hold from then on.
        third = Ed25519PrivateKey.generate()
        home.order(home.makers.make("0.5.0", key=SUCCESSOR, keys=(SUCCESSOR, third)))
        home.wait(lambda: "0.5.0 confirmed" in home.events())
        home.order(home.makers.make("0.6.0", key=KEY))
        home.wait(lambda: any("0.6.0 refused" in e for e in home.events()))
        assert "not signed by a release key" in home.events()[-1] and home.runs() == "0.5.0"
        # And nothing was lost or told twice on the way.
        assert home.receiver.wrong == [] and home.receiver.records(records.LOST) == []
        assert "MemoryError" not in home.gateway.errors


def test_a_release_that_never_gets_through_is_left(tmp_path, base):
    with Home(tmp_path / "d", base) as home:
        home.gateway.start()
        home.wait(lambda: home.runs() == "0.2.0")
        # It starts, hears and keeps, but its batches go nowhere.
        source = (Path(boot.__file__).parent / "uplink" / "uplink.py").read_text().replace(
            "async def _exchange(self):", "async def _exchange(self):\n        raise OSError('no way')")
        home.order(home.makers.make("0.3.0", firmware__uplink__uplink=source))
        home.wait(lambda: any("0.3.0 rolled back" in e for e in home.events()), 120)
        assert home.gateway.exits == [boot.RESTART] * 4 and home.runs() == "0.2.0"
        assert {h.firmware for h in home.receiver.heads} == {"0.2.0"}


def test_killed_anywhere_in_an_update_it_comes_back(tmp_path, base):
    with Home(tmp_path / "d", base) as home:
        home.gateway.start()
        home.wait(lambda: home.runs() == "0.2.0")
        # Everything is new, so that there is something to fetch.
        pad = "\nPAD = %r\n" % os.urandom(300)
        changes = {p[:-3].replace("/", "__"): s.read_text() + pad for p, s in build.sources()
                   if p.startswith("firmware/") and "release_keys" not in p and "version" not in p
                   and "__init__" not in p}
        home.order(home.makers.make("0.3.0", **changes))

        def blobs():
            return [name for name in home.receiver.fetched if not name.endswith("manifest")]

        def running_it():
            return home.state().active == 1
        for n in range(8):  # each a little later after a file was asked for: before, in and after what is made of it
            there = len(set(blobs()))
            home.wait(lambda there=there: len(set(blobs())) > there)
            time.sleep(0.01 * n)
            assert not running_it(), "the update was over before it was cut"
            home.gateway.kill()
            home.gateway.start()
        home.wait(running_it)  # and once more, on its first start or just before
        home.gateway.kill()
        home.gateway.start()
        home.wait(lambda: "0.3.0 confirmed" in home.events())
        sent = [cases.mode5(who=cases.address(number="%08d" % i)) for i in range(5)]
        home.bridge.forget()  # what was connected may be gone, and the first bytes with it
        home.feed(sent, 40)
        home.wait(lambda: set(home.receiver.telegrams()) == set(sent))
        # What one attempt fetched the next did not fetch again; a file cut off in the middle was.
        assert len(blobs()) <= len(set(blobs())) + 16
        content = (home.root / "releases/0.3.0/content").read_bytes()
        for path, _size, digest, _ in manifest.check(content):
            assert hashlib.sha256((home.root / "slots/b" / path).read_bytes()).digest() == digest


def confirmed(receiver, gateway, version):
    """Whether a gateway has told that it keeps a version."""
    events = receiver.read(queries.gateways.events, receiver.gateway(gateway.id)["row"])
    return any(f"{version} confirmed".encode() in body for *_, body in events)


def test_the_whole_way_from_a_staged_release_to_a_confirmed_one(tmp_path, base):
    """A receiver as users run it, a release staged on its command line, a device that ends up running it."""
    directory = make(tmp_path / "works")
    with Running(directory, clock=Clock()) as receiver:
        gateway = receiver.enrol(Gateway())
        folder = tmp_path / "device"
        (folder / "gateway").mkdir(parents=True)
        me = identity.of_seed(gateway.key.private_bytes_raw())
        (folder / "gateway" / "identity.json").write_bytes(identity.dump(me))
        works = receiver.device("POST", "/v1/gateways", gateway.enrolment(receiver.token())).json()
        (folder / "gateway" / "works.json").write_text(json.dumps(works))
        (folder / "gateway" / "config.json").write_text(json.dumps({"interval": 600, "simulated": {"scale": 900}}))
        makers = Makers(base, tmp_path / "releases")
        for f in makers.files("0.2.0"):
            path = folder / "slots" / "a" / f.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f.data)
        (folder / "boot.py").write_bytes(Path(boot.__file__).read_bytes())
        netti = Path(sys.executable).parent / "netti"
        for arguments in (("add", directory.path, tmp_path / "releases" / makers.make("0.3.0")),
                          ("stage", directory.path, "0.3.0")):
            subprocess.run([netti, "rollout", *arguments], check=True, capture_output=True)
        device = Device(folder)
        device.start()
        try:
            end = time.monotonic() + 90
            while receiver.gateway(gateway.id)["firmware"] != "0.3.0":
                assert time.monotonic() < end, (device.errors, device.lines[-1:])
                time.sleep(0.3)
            while not confirmed(receiver, gateway, "0.3.0"):
                assert time.monotonic() < end, device.errors
                time.sleep(0.3)
        finally:
            device.kill()
        [command] = receiver.orders(gateway.id)
        assert (command["name"], command["state"]) == ("update", "done"), command  # by the result record that came
        listed = subprocess.run([netti, "rollout", "list", directory.path], capture_output=True, text=True).stdout
        assert listed.split()[:4] == ["0.3.0", "1", "run", "it"], listed
        assert device.exits[0] == boot.RESTART
