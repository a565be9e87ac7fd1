"""Updates: what a device starts, what may go into a slot, what a signature must say, and lives cut off at any byte."""

import hashlib

import update_lives as lives
from support import skip
from update_lives import FOLDER, Flash, Hal, Random, Release, Source, finish

from firmware import boot
from firmware.crypto import ed25519
from firmware.update import install
from firmware.update.slots import Damaged, Slots
from firmware.wire import cbor, envelope
from firmware.wire import release as wire_release
from firmware.wire.release import ReleaseError, version_number, version_text

SEED, SUCCESSOR, STRANGER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
KEYS = tuple([ed25519.public_key(seed) for seed in (SEED, SUCCESSOR)])


def refused(call, *arguments):
    """The reason for which a call raises ReleaseError."""
    try:
        result = call(*arguments)
        while True:
            next(result)
    except ReleaseError as e:
        return str(e)
    except StopIteration:
        pass
    raise AssertionError("was taken")


def signed(content, seed=SEED, purpose="release", works="netti", kind="application/cbor-seq", kid=None):
    public = ed25519.public_key(seed)
    digest = hashlib.sha256(content).digest()
    kid = kid or envelope.kid(public)
    signature = ed25519.sign(seed, public, envelope.to_sign(purpose, works, kid, digest, kind))
    return envelope.envelope(kid, digest, signature, kind) + content


def last(generator):
    try:
        while True:
            next(generator)
    except StopIteration as e:
        return e.value


# --- lives ---

def test_no_cut_leaves_a_device_unbootable_or_older():
    life = lives.Lives(7)
    counts = life.run(300)
    assert not life.bad(), counts
    # And it was no idle life.
    for name in ("installed", "confirmed", "rolled_back", "refused"):
        assert counts[name] > 50, counts


def test_known_bad_firmware_is_caught():
    for mutant in lives.MUTANTS:
        life = lives.Lives(1, mutant=mutant)
        life.run(300, True)
        assert life.bad(), mutant


def test_the_same_on_littlefs():
    try:
        import vfs
    except ImportError:
        skip("LittleFS is MicroPython's")
    from update_lfs import LfsFlash
    life = lives.Lives(3, LfsFlash)
    counts = life.run(40)
    assert not life.bad() and LfsFlash.nor.over == 0 and counts["installed"] > 10, counts
    for mutant in lives.MUTANTS[:4]:
        life = lives.Lives(1, LfsFlash, mutant)
        life.run(40, True)
        assert life.bad(), mutant
    vfs.umount("/lfs")


# --- boot ---

def test_the_records_keep_their_form():
    """Devices in the field read and write them with the boot.py they left the works with."""
    state = boot.State(7, 1, True, 2, (1002003, 1002004), 1002003, 5)
    assert boot.pack(state).hex() == "4e534c310700000001010200134a0f00144a0f00134a0f0005000000179379f0"
    assert boot.unpack(boot.pack(state)) == state
    data = boot.pack(state)
    for i in range(len(data)):
        changed = bytearray(data)
        changed[i] ^= 16
        assert boot.unpack(bytes(changed)) is None
    assert boot.unpack(data[:-1]) is None and boot.unpack(data + b"\x00") is None and boot.unpack(None) is None


def test_boot_stands_alone():
    with open("firmware/boot.py") as f:
        text = f.read()
    lines = [line.strip() for line in text.split("\n")]
    imported = [line.split()[1] for line in lines if line.split(" ")[0] in ("import", "from")]
    assert sorted(set(imported)) == ["binascii", "collections", "machine", "struct", "sys", "time"]


def on_probation(flash):
    boot.write_state(flash, FOLDER, boot.changed(boot.FRESH, active=1, probation=True, versions=(1, 2), minimum=1))


def test_three_starts_without_confirmation_and_the_former_is_back():
    flash = Flash(Random(1))
    assert boot.choose(flash, FOLDER) == "a"
    on_probation(flash)
    assert [boot.choose(flash, FOLDER) for _ in range(5)] == ["b", "b", "b", "a", "a"]
    state = boot.read_state(flash, FOLDER)
    assert not state.probation and state.active == 0 and state.failed == 2 and state.minimum == 1


def test_what_is_confirmed_stays():
    flash = Flash(Random(1))
    on_probation(flash)
    assert boot.choose(flash, FOLDER) == "b"
    Slots(flash, FOLDER, "0.0.2").healthy()
    assert [boot.choose(flash, FOLDER) for _ in range(5)] == ["b"] * 5
    assert boot.read_state(flash, FOLDER).minimum == 2


def test_what_cannot_be_counted_is_not_started():
    flash = Flash(Random(1))
    on_probation(flash)

    def broken(_path, _data):
        raise OSError(28)

    flash.write_here = broken
    assert boot.choose(flash, FOLDER) == "a"


# --- slots ---

def test_versions_order_as_numbers():
    texts = ("0.0.1", "0.0.10", "0.1.0", "0.9.999", "1.0.0", "1.10.2", "10.0.0")
    numbers = [version_number(t) for t in texts]
    assert numbers == sorted(numbers) and [version_text(n) for n in numbers] == list(texts)
    for bad in ("", "1", "1.2", "1.2.3.4", "1.02.3", "1.2.x", "1.2.-3", "1.2.1000", "v1.2.3", None, 7, "1..3", "1.2.²",
                "1.2.٣", "1.2.3\n"):
        assert "three numbers" in refused(version_number, bad)


def installer(flash, n=1, running="0.0.0", release=None):
    release = release or Release(n)
    return install.Update(Hal(), Slots(flash, FOLDER, running), Source(release, Random(5)), KEYS, running, None)


def unsigned(work):
    """Run something with the check of signatures left out."""
    keep, install.verify_steps = install.verify_steps, lives._unsigned
    try:
        return work()
    finally:
        install.verify_steps = keep


def test_only_newer_ones_and_none_during_probation():
    flash = Flash(Random(1))
    slots = Slots(flash, FOLDER, "0.0.4")
    for old in ("0.0.4", "0.0.3"):
        assert "not newer" in refused(slots.allow, old)
    slots.allow("0.0.5")
    boot.write_state(flash, FOLDER, boot.changed(boot.FRESH, minimum=9))
    assert "not newer than 0.0.9" in refused(Slots(flash, FOLDER, "0.0.4").allow, "0.0.9")
    on_probation(flash)
    assert "not confirmed" in refused(Slots(flash, FOLDER, "0.0.2").allow, "0.0.9")


def test_nothing_is_started_that_was_not_signed():
    """A stray file, a changed one, a missing one: no change over."""
    release = Release(1)
    wanted = [(p, len(release.files[p]), hashlib.sha256(release.files[p]).digest()) for p in sorted(release.files)]
    for harm in (None, "stray", "changed", "missing", "longer"):
        flash = Flash(Random(1))
        slots = Slots(flash, FOLDER, "0.0.0")
        for path in release.files:
            with slots.create(path) as out:
                out.write(release.files[path])
        path = FOLDER + "/b/" + wanted[0][0]
        if harm == "stray":
            with slots.create("wmbus/more.mpy") as out:
                out.write(b"x")
        elif harm == "changed":
            flash.files[path][3] ^= 1
        elif harm == "missing":
            del flash.files[path]
        elif harm == "longer":
            flash.files[path].extend(b"\x00")
        try:
            last(slots.change_over("0.0.1", wanted))
            assert harm is None
        except Damaged:
            assert harm is not None
        assert boot.choose(flash, FOLDER) == ("a" if harm else "b")


def test_an_attempt_goes_on_where_the_last_one_ended():
    flash = Flash(Random(1))
    made = installer(flash)
    fetched = []
    stream = made._source.stream

    async def counting(name, size, take):
        if len(fetched) == 2:
            fetched.append(None)
            raise OSError("gone")
        fetched.append(name)
        await stream(name, size, take)

    made._source.stream = counting
    for _ in range(2):
        try:
            unsigned(lambda: finish(made.install("0.0.1", "")))
        except OSError:
            pass
    fetched.remove(None)
    assert len(fetched) == len(set(fetched)) == 5
    assert boot.choose(flash, FOLDER) == "b"


def test_what_both_releases_have_is_not_fetched():
    flash = Flash(Random(1))
    for path in Release(0).files:
        flash.make_folder(FOLDER + "/a/" + path.rsplit("/", 1)[0])
        flash.write_here(FOLDER + "/a/" + path, Release(0).files[path])
    made = installer(flash)
    fetched = []
    stream = made._source.stream

    async def counting(name, size, take):
        fetched.append(name)
        await stream(name, size, take)

    made._source.stream = counting
    unsigned(lambda: finish(made.install("0.0.1", "")))
    assert len(fetched) == 3


# --- the manifest ---

def row(path="firmware/main.mpy", size=5, digest=bytes(32), architecture=""):
    return cbor.encode([path, size, digest, architecture])


def content(rows, version="0.2.0", mpy=6, count=None):
    return cbor.encode([version, 1767225600, mpy, len(rows) if count is None else count]) + b"".join(rows)


def test_a_manifest_counts_with_the_release_key_only():
    good = content([row()])
    for seed in (SEED, SUCCESSOR):
        data = signed(good, seed)
        assert data[last(install.verify_steps(data, KEYS)):] == good
    data = signed(good)
    forged = bytearray(data)
    forged[-1] ^= 1
    sig = bytearray(data)
    sig[len(data) - len(good) - 5] ^= 1
    for bad in (signed(good, STRANGER), signed(good, purpose="command"), signed(good, purpose="batch"),
                signed(good, works="demo"), signed(good, kind="application/cbor"), bytes(forged), bytes(sig),
                signed(good, STRANGER, kid=envelope.kid(KEYS[0])), data[:-1], data + b"\x00", b"", good):
        assert "manifest: " in refused(install.verify_steps, bad, KEYS)
    assert "not signed by a release key" in refused(install.verify_steps, data, ())


def test_a_manifest_names_modules_and_nothing_else():
    def all_of(data):
        return list(wire_release.files(data, 0, "rv32imc"))

    fast = row("wmbus/_fast.mpy", 9, bytes(32), "rv32imc")
    other = row("wmbus/_fast.mpy", 8, bytes(32), "xtensawin")
    assert all_of(content([row(), other, fast])) == [("firmware/main.mpy", 5, bytes(32)),
                                                    ("wmbus/_fast.mpy", 9, bytes(32))]
    for path in ("", "main.mpy", "/firmware/main.mpy", "../boot.mpy", "firmware/../boot.mpy", "firmware//x.mpy",
                 "firmware/main.py", "firmware/.mpy", "a/b/c/d.mpy", "Firmware/main.mpy", "firmware/ma in.mpy",
                 "boot.py", 7, b"firmware/main.mpy", "f/" + "x" * 70 + ".mpy", "firmware/./main.mpy"):
        assert "manifest" in refused(all_of, content([row(path)])), path
    for data in (content([]), content([row()], count=2), content([row(), row()], count=1), content([row(), row()]),
                 content([row(size=0)]), content([row(size=-1)]), content([row(size=1 << 20)]),
                 content([row(size=True)]), content([row(digest=bytes(31))]), content([row(architecture=None)]),
                 content([row()], count=251), content([cbor.encode(7)]), content([row()]) + b"\x00", b"", b"\xff",
                 content([row()], version="2"), cbor.encode(["0.2.0", 1, 6]), content([row()], mpy=-6)):
        assert refused(all_of, data)


def test_a_release_for_another_micropython_is_refused():
    flash = Flash(Random(1))
    made = installer(flash)

    made._hal.mpy = lambda: (5, "")
    assert "of version 6" in refused(lambda: unsigned(lambda: finish(made.install("0.0.1", ""))))
    assert "of version 0.0.1" in refused(lambda: unsigned(lambda: finish(installer(flash).install("0.0.2", ""))))


# --- the task ---

class Gateway:
    """What Update sees of one."""

    def __init__(self, order=None):
        self.state = {"update": order}
        self.saved = []
        self.counters = {"acknowledged": 0}
        self.events = []
        self.restarts = self.made_room = 0
        self.clock = self.journal = self.tasks = self
        self.now = 100

    def uptime(self):
        return self.now

    def save_state(self, state):
        self.saved.append(state["update"])

    def event(self, name, detail):
        self.events.append(name + " " + detail)

    def restart(self):
        self.restarts += 1

    def forget_layouts(self):
        self.made_room += 1


def task(flash, gateway, running="0.0.0", release=1):
    made = installer(flash, release, running)
    made._gateway = gateway
    return made


def step(made):
    unsigned(lambda: finish(made.step()))


def test_an_order_is_followed_and_told():
    flash, g = Flash(Random(1)), Gateway(["0.0.1", "https://x/u"])
    g.counters["acknowledged"] = 1
    step(task(flash, g))
    assert g.events == ["update 0.0.1 installed"] and g.restarts == 1 and g.saved == [None] and g.made_room == 1
    assert boot.choose(flash, FOLDER) == "b"
    after = task(flash, g, "0.0.1")
    g.counters["acknowledged"] = 0
    step(after)
    assert Slots(flash, FOLDER, "0.0.1").probation and after.watching
    g.counters["acknowledged"] = 3
    step(after)
    assert g.events[-1] == "update 0.0.1 confirmed" and not after.watching
    assert not Slots(flash, FOLDER, "0.0.1").probation and g.restarts == 1


def test_a_release_that_never_gets_through_restarts_and_is_rolled_back():
    flash, g = Flash(Random(1)), Gateway()
    boot.write_state(flash, FOLDER, boot.changed(boot.FRESH, active=1, probation=True, versions=(1, 2), minimum=1))
    for n in range(3):
        assert boot.choose(flash, FOLDER) == "b"
        made = task(flash, g, "0.0.2")
        g.now = install.PROBATION_S
        step(made)
        assert g.restarts == n
        g.now += 1
        step(made)
        assert g.restarts == n + 1
    flash.write_here(FOLDER + "/crash", b"ImportError: no module named 'x'")
    assert boot.choose(flash, FOLDER) == "a"
    g.state["update"] = ["0.0.2", "https://x/u"]
    made = task(flash, g, "0.0.1")
    step(made)
    assert g.events == ["update 0.0.2 rolled back ImportError: no module named 'x'"] and g.state["update"] is None
    step(task(flash, g, "0.0.1"))
    assert len(g.events) == 1


def test_what_must_not_be_is_refused_once():
    flash, g = Flash(Random(1)), Gateway(["0.0.1", "https://x/u"])
    step(task(flash, g, "0.0.3"))
    assert g.events == ["update 0.0.1 refused: 0.0.1 is not newer than 0.0.3"] and g.saved == [None]


def test_an_order_already_followed_is_dropped():
    flash, g = Flash(Random(1)), Gateway(["0.0.1", "https://x/u"])
    step(task(flash, g, "0.0.1"))
    assert g.events == [] and g.saved == [None] and g.restarts == 0


def test_a_receiver_that_is_away_is_asked_again_with_patience():
    flash, g = Flash(Random(1)), Gateway(["0.0.1", "https://x/u"])
    made = task(flash, g)
    asked = []

    async def away(_name, _most):
        asked.append(g.now)
        raise OSError("away")

    made._source.whole = away
    for _ in range(4000):
        g.now += 60
        step(made)
    gaps = [b - a for a, b in zip(asked, asked[1:])]
    assert gaps[:4] == [60, 120, 240, 480] and gaps[-1] == install.MAX_WAIT_S or len(asked) == install.ATTEMPTS
    g.now += install.MAX_WAIT_S * install.ATTEMPTS
    for _ in range(install.ATTEMPTS):
        g.now += install.MAX_WAIT_S
        step(made)
    assert len(asked) == install.ATTEMPTS and g.events == ["update 0.0.1 given up: away"] and g.restarts == 0

