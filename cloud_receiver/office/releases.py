"""Releases of the gateways' firmware: kept as they were signed, offered in stages, and who runs what.

A works decides when and to whom, not what: the signature is Netti's, and each gateway checks it. A stage says which
share of which group is to run a version; each of them is told once, by an `update` order. A halt takes back what has
not been taken yet and tells no more. The files need no secret and are served to whoever asks (docs/wire.md, Updates).
"""

import functools
import hashlib
import re
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Callable

from firmware.wire import release
from firmware.wire.orders import UPDATE

from .keyfile import KeyFile
from .orders import Orders

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stages (
  version TEXT PRIMARY KEY, percent INTEGER NOT NULL, grouped TEXT NOT NULL, halted INTEGER, since INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offers (
  gateway TEXT NOT NULL, version TEXT NOT NULL, counter INTEGER NOT NULL, made INTEGER NOT NULL,
  PRIMARY KEY (gateway, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gateway_groups (gateway TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
"""
_NAME = re.compile(r"manifest|[0-9a-f]{64}")

# percent: of the group that is to run it; grouped: the group's name, "" for all; halted: since when, or None.
Stage = namedtuple("Stage", ("version", "percent", "grouped", "halted", "since"))


class ReleaseRefused(ValueError):
    """What is wrong with a release or a stage, in one line."""


@functools.lru_cache(1024)
def number(version: str) -> int:
    """A version as it orders; -1, below all, for a text that is none."""
    try:
        return release.version_number(version)
    except release.ReleaseError:
        return -1


class Releases:
    """The releases in a folder and the stages in the key store; `url()` is where gateways reach the receiver,
    `orders` the queue of the same thread."""

    def __init__(self, file: KeyFile, folder: Path, url: "Callable[[], str]", orders: Orders):
        self._db, self.folder, self._url, self._orders = file.db, folder, url, orders
        self._db.executescript(_SCHEMA)
        self.refresh()

    def refresh(self) -> None:
        """Read stages, groups and offers anew, after another process may have changed them."""
        db = self._db
        self._stages = [Stage._make(row) for row in db.execute(f"SELECT {', '.join(Stage._fields)} FROM stages")]
        self._stages.sort(key=lambda s: number(s.version), reverse=True)
        self._groups = dict(db.execute("SELECT gateway, name FROM gateway_groups"))
        self._offers: "dict[str, dict[str, int]]" = {}  # gateway -> version -> counter of its order
        for gateway, version, counter in db.execute("SELECT gateway, version, counter FROM offers"):
            self._offers.setdefault(gateway, {})[version] = counter

    # --- what people decide

    def add(self, source: Path) -> str:
        """Copy a signed release into the folder; returns its version. Raises ReleaseRefused."""
        try:
            version, digests = read_manifest((source / "manifest").read_bytes())
        except OSError as e:
            raise ReleaseRefused(f"{source}: no manifest here (netti release build, netti release sign): "
                                 f"{e.strerror}") from None
        for digest in digests:
            file = source / digest.hex()
            if not file.is_file() or hashlib.sha256(file.read_bytes()).digest() != digest:
                raise ReleaseRefused(f"{file}: missing, or not what was signed")
        if (self.folder / version).exists():
            raise ReleaseRefused(f"{version} is here already; a changed release needs a version of its own")
        new = self.folder / f"{version}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for name in ["manifest", *(d.hex() for d in digests)]:
            shutil.copyfile(source / name, new / name)
        new.rename(self.folder / version)
        return version

    def here(self) -> "list[str]":
        """The versions in the folder, newest first."""
        if not self.folder.is_dir():
            return []
        return sorted((p.name for p in self.folder.iterdir() if number(p.name) >= 0), key=number, reverse=True)

    def stage(self, version: str, percent: int, grouped: str, now: int) -> None:
        """Let a share of a group ("" for all) run a version from now on; ends a halt. Raises ReleaseRefused."""
        if version not in self.here():
            raise ReleaseRefused(f"there is no release {version} here (netti rollout add)")
        if not 0 <= percent <= 100:
            raise ReleaseRefused("a share is 0 to 100 percent")
        if grouped and grouped not in self._groups.values():
            raise ReleaseRefused(f"no gateway is in a group {grouped}")
        self._db.execute("INSERT OR REPLACE INTO stages VALUES (?, ?, ?, NULL, ?)",
                              (version, percent, grouped, now))
        self.refresh()

    def halt(self, version: str, now: int) -> int:
        """Tell nobody more of a version; returns how many had been told but not taken the order yet."""
        db = self._db
        if not db.execute("UPDATE stages SET halted = ? WHERE version = ?", (now, version)).rowcount:
            raise ReleaseRefused(f"{version} is not staged")
        withdrawn = 0
        for gateway, offered in self._offers.items():
            if version in offered and self._orders.withdraw(gateway, offered[version], "halted", now):
                db.execute("DELETE FROM offers WHERE gateway = ? AND version = ?", (gateway, version))
                withdrawn += 1
        self.refresh()
        self._orders.refresh()
        return withdrawn

    def group(self, name: str, gateways: "list[str]") -> None:
        """Put gateways into a group, "" into none."""
        for gateway in gateways:
            self._db.execute("DELETE FROM gateway_groups WHERE gateway = ?", (gateway,))
            if name:
                self._db.execute("INSERT INTO gateway_groups VALUES (?, ?)", (gateway, name))
        self.refresh()

    # --- what follows from it

    def stages(self) -> "list[Stage]":
        """All stages, newest version first."""
        return list(self._stages)

    def wanted(self, gateway: str) -> "str | None":
        """The version a gateway is to run by the stages, or None."""
        for s in self._stages:
            if s.halted is None and (not s.grouped or self._groups.get(gateway) == s.grouped) and (
                    share(s.version, gateway) < s.percent):
                return s.version
        return None

    def offer(self, gateway: str, runs: str, now: int) -> None:
        """Tell a gateway of the version it is to run, once, if that is newer than what it runs."""
        version, running = self.wanted(gateway), number(runs)
        if version is None or running < 0 or version in self._offers.get(gateway, ()) or number(version) <= running:
            return
        url = f"{self._url()}/v1/releases/{version}"
        counter = self._orders.make(gateway, UPDATE, {"version": version, "url": url}, now)
        self._db.execute("INSERT OR REPLACE INTO offers VALUES (?, ?, ?, ?)", (gateway, version, counter, now))
        self._offers.setdefault(gateway, {})[version] = counter

    def newest_offered(self, gateway: str, runs: str) -> "str | None":
        """The newest version a gateway was told of and does not run, or None."""
        offered = [v for v in self._offers.get(gateway, ()) if number(v) > number(runs)]
        return max(offered, key=number) if offered else None

    def spread(self, gateways) -> "list[dict]":
        """Who runs what: a row per version, newest first, of rows with `id` and `firmware`: how many run it, how many
        were told of it and do not, and its stage or None."""
        staged = {s.version: s for s in self._stages}
        rows: "dict[str, dict]" = {}
        for g in gateways:
            for version, what in ((g["firmware"], "run"), (self.newest_offered(g["id"], g["firmware"]), "offered")):
                if version:
                    rows.setdefault(version, {"version": version, "run": 0, "offered": 0})[what] += 1
        for version in staged:
            rows.setdefault(version, {"version": version, "run": 0, "offered": 0})
        for version, row in rows.items():
            row["stage"] = staged.get(version)
        return sorted(rows.values(), key=lambda row: number(row["version"]), reverse=True)

    def file(self, version: str, name: str) -> "Path | None":
        """A file of a release by its name there; None for what is none."""
        if number(version) < 0 or not _NAME.fullmatch(name):
            return None
        path = self.folder / version / name
        return path if path.is_file() else None


def share(version: str, gateway: str) -> float:
    """A gateway's place from 0 to below 100 in the queue for a version: another one for each version."""
    return int.from_bytes(hashlib.sha256(f"{version} {gateway}".encode()).digest()[:4], "big") * 100 / (1 << 32)


def read_manifest(data: bytes) -> "tuple[str, list[bytes]]":
    """The version and the digests of a manifest's files. The signature is for the gateways, which have the key.
    Raises ReleaseRefused."""
    try:
        if len(data) > release.MAX_MANIFEST:
            raise release.ReleaseError("manifest: too long")
        at = release.open_manifest(data).end
        head, _ = release.read_head(data, at)
        return head[0], sorted({digest for _path, _size, digest, _architecture in release.read_files(data, at)})
    except release.ReleaseError as e:
        raise ReleaseRefused(f"not a release's manifest: {e}") from None
