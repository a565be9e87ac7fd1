"""The two slots a device keeps its firmware in: which one runs, what may go into the other, and the change over.

What must hold after a cut at any byte: the slot that runs is never written to; the other is started only when every
file in it has been read back and is what a signed manifest says, and nothing else lies in it; and no slot below the
highest confirmed version is ever started again.

`files` has the functions of `port.files`. Hashing is a generator that yields after each piece.
"""

import hashlib

from .. import boot
from ..wire.release import ReleaseError, version_number, version_text

PIECE = 1024
FOLDER_DEPTH = 4


class SlotError(ReleaseError):
    """Why something may not go into a slot, in one line."""


class Damaged(ValueError):
    """A file is not what was signed: fetching it again may help."""


class Slots:
    """The slots in `folder`; `running` is the version of the firmware that asks."""

    def __init__(self, files, folder, running):
        self._files = files
        self._folder = folder
        self._running = version_number(running)
        self._state = boot.read_state(files, folder)

    @property
    def probation(self):
        """Whether what runs is not confirmed yet."""
        return self._state.probation

    @property
    def current(self):
        """The folder of the slot that runs."""
        return self._folder + "/" + boot.SLOTS[self._state.active]

    @property
    def other(self):
        """The folder of the slot an update goes to."""
        return self._folder + "/" + boot.SLOTS[1 - self._state.active]

    def healthy(self):
        """Confirm what runs: from now on nothing older may be installed."""
        state = self._state
        if state.probation or self._running > state.minimum:
            self._save(boot.changed(state, probation=False, tries=0, minimum=max(self._running, state.minimum),
                                      versions=self._versions(state.active, self._running)))

    def rolled_back(self):
        """The version that was rolled back, as text, and what was seen of its end; None if that has been told."""
        failed = self._state.failed
        if not failed:
            return None
        crash = self._files.read_whole(self._folder + "/crash") or b""
        return version_text(failed), crash.decode("utf-8", "replace") if crash else ""

    def clear_rollback_note(self):
        """Forget what was rolled back: it has been told."""
        self._files.remove(self._folder + "/crash")
        self._save(boot.changed(self._state, failed=0))

    def allow(self, version):
        """Raise SlotError unless this version may be installed now."""
        number = version_number(version)
        if self._state.probation:
            raise SlotError("what runs is not confirmed yet, and the other slot is its way back")
        if number <= max(self._state.minimum, self._running):
            raise SlotError("%s is not newer than %s" % (version, version_text(max(self._state.minimum,
                                                                                    self._running))))

    def holds(self, path, size, digest):
        """Generator: whether the file at a path has this size and SHA-256, read back from flash."""
        try:
            f = self._files.reader(path)
        except (OSError, KeyError):
            return False
        h, left = hashlib.sha256(), size
        with f:
            while True:
                piece = f.read(PIECE)
                if not piece:
                    break
                left -= len(piece)
                h.update(piece)
                yield
        return left == 0 and h.digest() == digest

    def copy(self, path):
        """Generator: take a file over from the slot that runs."""
        with self.create(path) as out, self._files.reader(self.current + "/" + path) as f:
            while True:
                piece = f.read(PIECE)
                if not piece:
                    break
                out.write(piece)
                yield

    def create(self, path):
        """A context manager with `write` for a new file of the other slot; durable when it ends well."""
        whole = self.other + "/" + path
        self._files.make_folder(whole.rsplit("/", 1)[0])
        self._files.remove(whole)
        return _Writing(self._files.appender(whole))

    def clear(self, keep):
        """Generator: remove from the other slot whatever is not in `keep`, a set of paths: a module that no longer
        exists must not be found, and a folder goes before a file of its name."""
        folders = {self.other}
        for path in keep:
            at = self.other + "/" + path
            while "/" in at and at != self.other:
                at = at.rsplit("/", 1)[0]
                folders.add(at)
        for path, is_folder in self._below(self.other, FOLDER_DEPTH):
            if is_folder and path not in folders:
                self._files.remove_folder(path)
            elif not is_folder and path[len(self.other) + 1:] not in keep:
                self._files.remove(path)
            yield

    def change_over(self, version, wanted):
        """Generator: make the other slot the one to start, on probation. `wanted` gives (path, size, digest).
        Raises SlotError or Damaged unless the slot holds exactly that, byte for byte."""
        self.allow(version)
        paths = set()
        for path, size, digest in wanted:
            paths.add(path)
            if not (yield from self.holds(self.other + "/" + path, size, digest)):
                raise Damaged(path + " is not what was signed")
        for path, is_folder in self._below(self.other, FOLDER_DEPTH):
            if not is_folder and path[len(self.other) + 1:] not in paths:
                raise Damaged(path + " does not belong there")
        state = self._state
        other = 1 - state.active
        self._save(boot.changed(state, active=other, probation=True, tries=0, failed=0,
                                  versions=self._versions(other, version_number(version))))

    def _versions(self, slot, number):
        versions = list(self._state.versions)
        versions[slot] = number
        return tuple(versions)

    def _save(self, state):
        self._state = boot.write_state(self._files, self._folder, state)

    def _below(self, folder, depth):
        # (path, whether it is a folder) of all that lies in a folder, what is inside first.
        if not depth:
            raise SlotError("folders too deep")
        for name in self._files.names(folder):
            path = folder + "/" + name
            is_folder = self._files.is_folder(path)
            if is_folder:
                for inner in self._below(path, depth - 1):
                    yield inner
            yield path, is_folder


class _Writing:
    """A new file that is made durable if nothing fails, and closed in any case."""

    def __init__(self, file):
        self._file = file
        self.write = file.write

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _trace):
        try:
            if kind is None:
                self._file.sync()
        finally:
            self._file.close()
