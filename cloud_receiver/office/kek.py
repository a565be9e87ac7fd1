"""The key that encrypts the meter keys (KEK): where it lies, and what it does.

It is 32 random bytes, written as 64 hex digits, and never in the directory it protects, so that a copy of that
directory or of the key store alone opens nothing. In this order: the environment (NETTI_KEK, or NETTI_KEK_FILE, a
file's name), a systemd credential (`netti-kek` in $CREDENTIALS_DIRECTORY), the file DIRECTORY.kek beside a receiver's
directory, which `netti receiver init` makes (0600).

Each meter key is sealed alone with AES-256-GCM under a random nonce; the meter's text is what it is bound to, so that a
row moved to another meter does not open.
"""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .directory import SettingsError
from .files import write_private

SIZE = 32
NONCE = 12
CREDENTIAL = "netti-kek"
HOW = "set NETTI_KEK_FILE, give systemd the credential netti-kek, or make one beside the directory with " \
      "`netti keys rotate`"


class Locked(SettingsError):
    """Meter keys cannot be read or kept: no KEK, or not theirs. The text is one line, without any key."""


class Kek:
    """One KEK. `id`: 8 bytes that tell it from others and say nothing of it; `source`: where it was found."""

    def __init__(self, key: bytes, source: str = ""):
        self.id = hashlib.sha256(b"netti/1 kek id " + key).digest()[:8]
        self.source = source
        self._aead = AESGCM(key)

    def seal(self, meter: str, key: bytes) -> bytes:
        """A meter's key as it is kept."""
        nonce = os.urandom(NONCE)
        return nonce + self._aead.encrypt(nonce, key, _bound_to(meter))

    def open(self, meter: str, sealed: bytes) -> bytes:
        """A meter's key again; raises ValueError where it was changed or is another meter's."""
        try:
            return self._aead.decrypt(sealed[:NONCE], sealed[NONCE:], _bound_to(meter))
        except InvalidTag:
            raise ValueError(f"the kept key of {meter} is damaged") from None


def file_of(directory: "str | os.PathLike[str]") -> Path:
    """The KEK's file beside a receiver's directory."""
    path = Path(os.path.abspath(directory))
    return path.with_name(path.name + ".kek")


def make(path: Path) -> Kek:
    """A new KEK in a file (0600)."""
    key = secrets.token_bytes(SIZE)
    write_private(path, key.hex() + "\n")
    return Kek(key, str(path))


def new_of(path: Path) -> Path:
    """Where a rotation keeps the next KEK until all keys are under it."""
    return path.with_name(path.name + ".next")


def all_for(directory: "str | os.PathLike[str]", environ=os.environ) -> "list[Kek]":
    """The KEKs there are for a receiver's directory, the one to seal with first. Raises Locked for one that is none."""
    if environ.get("NETTI_KEK"):
        return [parse(environ["NETTI_KEK"], "NETTI_KEK")]
    if environ.get("NETTI_KEK_FILE"):
        return [read(Path(environ["NETTI_KEK_FILE"]))]
    if environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(environ["CREDENTIALS_DIRECTORY"], CREDENTIAL)
        if path.exists():
            return [read(path)]
    path = file_of(directory)
    return [read(p, private=True) for p in (path, new_of(path)) if p.exists()]


def read(path: Path, private: bool = False) -> Kek:
    """The KEK of a file; raises Locked. `private`: only its owner may read the file."""
    try:
        if private and path.stat().st_mode & 0o077:
            raise Locked(f"{path} can be read by others; make it 0600, and rotate it: netti keys rotate")
        return parse(path.read_text(encoding="ascii"), str(path))
    except UnicodeDecodeError:
        raise Locked(f"{path}: a KEK is 64 hex digits") from None
    except OSError as e:
        raise Locked(f"{path}: {e.strerror}") from None


def parse(text: str, source: str) -> Kek:
    """The KEK of 64 hex digits; raises Locked, which does not repeat them."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise Locked(f"{source}: a KEK is 64 hex digits")
    return Kek(key, source)


def _bound_to(meter):
    return b"netti/1 meter key " + meter.encode()
