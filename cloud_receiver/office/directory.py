"""The files of a receiver's directory, each named here and nowhere else, and how its works is set up."""

import fcntl
import os
import time
from pathlib import Path
from typing import Annotated

import msgspec

from ..data.clock import HOUR
from .files import write_private
from .json_files import Malformed, read_json

LOCK_S = 3.0  # the processes of a receiver that was killed take a moment to end


class SettingsError(Exception):
    """The directory is not a receiver's, or is one already; the text is one line for the user."""


Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Days = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """receiver.json: the works and how its gateways reach it."""

    works: str
    name: str
    host: str = "localhost"
    port: Port = 8443
    web_port: Port = 8080
    window: Seconds = HOUR  # one telegram per meter and window is relayed
    interval: Seconds = 900  # between a gateway's batches
    store: str = ""  # postgres://user@host/database; "": a file in the directory
    keep_telegrams: Days = 400  # that raw telegrams and gateways' records are kept
    keep_hours: Days = 1096  # until hourly values become daily ones

    @property
    def url(self) -> str:
        """Where gateways send to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    def store_url(self, directory: "Directory") -> str:
        """Where the readings are kept."""
        return self.store or f"sqlite://{directory.store}"


class Directory:
    """The files of one receiver, or of a backup of its keys, which has some of them."""

    def __init__(self, path: "str | os.PathLike[str]"):
        self.path = Path(path)
        self.settings_file = self.path / "receiver.json"
        self.store = self.path / "store.sqlite"  # readings and telegrams, where PostgreSQL does not have them
        self.keys = self.path / "keys.sqlite"  # what people decide, meter keys (keyfile.py)
        self.access = self.path / "access.sqlite"  # accounts, API tokens, the audit log
        self.ca = self.path / "ca"  # anchors, endpoint and command keys (trust.py)
        self.formats = self.path / "formats.json"  # formats of compact frames
        self.releases = self.path / "releases"  # releases of the firmware, a folder each
        self.notices_settings = self.path / "notices.json"  # where notices go
        self.notices = self.path / "notices.sqlite"  # those under way
        self.backup_stamp = self.path / "backup.stamp"  # when the readings were last saved, Unix seconds
        self.backups_made = self.path / "backups.json"  # where backups were put
        self.lock_file = self.path / "serve.lock"  # held by the processes of the receiver that serves it

    @property
    def databases(self) -> "tuple[Path, ...]":
        """The small databases that are saved with the keys."""
        return self.keys, self.access, self.notices

    @property
    def texts(self) -> "tuple[Path, ...]":
        """The other files that are saved with the keys; the settings first."""
        return self.settings_file, self.notices_settings, self.formats

    def load(self) -> Settings:
        """The settings; raises SettingsError where there are none."""
        try:
            return read_json(self.settings_file, Settings)
        except FileNotFoundError:
            raise SettingsError(f"{self.path} is no receiver yet; make one: netti receiver init {self.path}") from None
        except Malformed as e:
            raise SettingsError(str(e)) from None

    def save(self, settings: Settings) -> None:
        """Write the settings, whole or not at all."""
        write_private(self.settings_file, msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n", 0o644)

    def lock(self) -> int:
        """Take the directory for this receiver (one process writes a store); raises SettingsError. See `unlock`."""
        handle = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        end = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except OSError:
                if time.monotonic() > end:
                    os.close(handle)
                    raise SettingsError(f"{self.path} is already being served by another process") from None
            time.sleep(0.05)


def unlock(handle: int) -> None:
    """Give a directory's lock back."""
    os.close(handle)
