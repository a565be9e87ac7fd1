"""What a device starts from, and what no update replaces: it chooses a slot and starts the firmware in it.

    boot.py                   this file, alone          gateway/           the gateway's folder
    slots/a, slots/b          a release each            slots/state.0, .1  which of them: two records in turn

A release starts on probation and is confirmed by its first acknowledged batch (update/install.py). Each start on
probation is counted before it happens; after three without confirmation the other slot, which was confirmed before, is
back for good. The two records are written in turn and carry a CRC, so that a cut while writing leaves the one before.

This file stands alone: it may import nothing of the firmware, and the form of the records may never change, for on
devices in the field it stays as it was when they left the works. update/slots.py imports it for that form only.
"""

import binascii
import struct
import sys
from collections import namedtuple

TRIES = 3
RESTART = 3  # exit status of a firmware that wants to be started again
SLOTS = ("a", "b")
PAUSE_S = 10  # before a start that follows a failure

# active: 0 or 1; probation: whether it is not confirmed yet; tries: its starts since; versions: of each slot;
# minimum: the highest confirmed version; failed: the version last rolled back, 0 once that was told.
_FIELDS = ("generation", "active", "probation", "tries", "versions", "minimum", "failed")
State = namedtuple("State", ("generation", "active", "probation", "tries", "versions", "minimum", "failed"))
FRESH = State(0, 0, False, 0, (0, 0), 0, 0)  # as flashed: slot a, and no record yet

_FORM = "<4sIBBBxIIII"  # little-endian, then the CRC-32 of it
_MAGIC = b"NSL1"
_SIZE = struct.calcsize(_FORM)


class Files:
    """Reading and writing small files; a test puts another in its place."""

    def read_whole(self, path):
        """The bytes of a file, or None where there is none."""
        try:
            with open(path, "rb") as f:
                return f.read()
        except OSError:
            return None

    def write_here(self, path, data):
        """Write a file in place; a cut may leave anything in it."""
        with open(path, "wb") as f:
            f.write(data)
            f.flush()


def changed(state, **fields):
    """A state with some fields replaced."""
    return State(*[fields.get(name, getattr(state, name)) for name in _FIELDS])


def pack(state):
    """The bytes of a state record."""
    data = struct.pack(_FORM, _MAGIC, state.generation, state.active, 1 if state.probation else 0, state.tries,
                       state.versions[0], state.versions[1], state.minimum, state.failed)
    return data + struct.pack("<I", binascii.crc32(data))


def unpack(data):
    """The state in a record's bytes, or None where they are none."""
    if data is None or len(data) != _SIZE + 4 or data[:4] != _MAGIC:
        return None
    if struct.unpack("<I", data[_SIZE:])[0] != binascii.crc32(data[:_SIZE]):
        return None
    _, generation, active, probation, tries, a, b, minimum, failed = struct.unpack(_FORM, data[:_SIZE])
    if active > 1:
        return None
    return State(generation, active, probation == 1, tries, (a, b), minimum, failed)


def read_state(files, folder):
    """The newest whole record in a folder of slots; FRESH where there is none."""
    newest = FRESH
    for name in ("/state.0", "/state.1"):
        state = unpack(files.read_whole(folder + name))
        if state is not None and state.generation > newest.generation:
            newest = state
    return newest


def write_state(files, folder, state):
    """Write the next record, over the older of the two; returns the state as it is then. Raises OSError."""
    state = changed(state, generation=state.generation + 1)
    files.write_here(folder + "/state.%d" % (state.generation & 1), pack(state))
    return state


def choose(files, folder):
    """The slot to start now, "a" or "b". A start on probation is counted first; the fourth goes to the other slot."""
    state = read_state(files, folder)
    if not state.probation:
        return SLOTS[state.active]
    other = 1 - state.active
    if state.tries < TRIES:
        after = changed(state, tries=state.tries + 1)
    else:
        after = changed(state, active=other, probation=False, tries=0, failed=state.versions[state.active])
    try:
        write_state(files, folder, after)
    except OSError:
        # What cannot be counted cannot be rolled back either, so it is not started.
        return SLOTS[other]
    return SLOTS[after.active]


def start(root, arguments):
    """Start the firmware of the slot whose turn it is; returns its exit status."""
    sys.path.insert(0, root + "/slots/" + choose(Files(), root + "/slots"))
    main = __import__("firmware.main", None, None, ("main",)).main
    return main([root + "/gateway", "--slots=" + root + "/slots"] + arguments)


def _run(root, arguments):
    status = 1
    try:
        status = start(root, arguments)
    except KeyboardInterrupt:
        return  # to the prompt, for whoever sits there
    except Exception as e:
        sys.print_exception(e)  # type: ignore[attr-defined]
        try:
            Files().write_here(root + "/slots/crash", ("%s: %s" % (type(e).__name__, e)).encode()[:160])
        except OSError:
            pass
    if not status:
        return
    try:
        from machine import reset
    except ImportError:
        sys.exit(status)
    if status != RESTART:
        import time
        time.sleep(PAUSE_S)
    reset()


if __name__ == "__main__":
    _run(sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "", sys.argv[2:])
