"""The manifest of a release: written, signed, and checked as a device does it (docs/wire.md, Updates).

    OUT/manifest      the signed list      OUT/content   the same before it is signed
    OUT/<sha256>      each compiled module, as it is fetched
"""

import hashlib
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.update import install
from firmware.wire import envelope, release
from firmware.wire.release import ReleaseError

from ..errors import CommandError
from . import build, keys


def content(version: str, built: int, files: "list[build.File]") -> bytes:
    """The manifest before it is signed."""
    rows = [cbor2.dumps([f.path, len(f.data), hashlib.sha256(f.data).digest(), f.architecture])
            for f in sorted(files, key=lambda f: (f.path, f.architecture))]
    data = cbor2.dumps([version, built, build.MPY, len(rows)]) + b"".join(rows)
    check(data)
    return data


def check(data: bytes) -> "list[tuple[str, int, bytes, str]]":
    """The rows (path, size, SHA-256, architecture) of a manifest's content, read as a device does."""
    rows: "dict[tuple[str, bytes], tuple[str, int, bytes, str]]" = {}
    try:
        if len(data) + 256 > release.MAX_MANIFEST:
            raise ReleaseError("manifest: too long")
        for architecture in ("", *build.ARCHITECTURES):
            for path, size, digest in release.files(data, 0, architecture):
                rows.setdefault((path, digest), (path, size, digest, architecture))
    except ReleaseError as e:
        raise CommandError(str(e)) from None
    return sorted(rows.values())


def write(out: Path, data: bytes, files: "list[build.File]") -> None:
    """Write a built release into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for f in files:
        (out / hashlib.sha256(f.data).hexdigest()).write_bytes(f.data)
    (out / "manifest").unlink(missing_ok=True)
    (out / "content").write_bytes(data)


def sign(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """The manifest of a content."""
    kid, digest = envelope.kid(keys.public_bytes(key)), hashlib.sha256(data).digest()
    signature = key.sign(envelope.to_sign("release", release.WORKS, kid, digest, release.CONTENT_TYPE))
    return envelope.envelope(kid, digest, signature, release.CONTENT_TYPE) + data


def signed_content(out: Path, public_keys: "list[bytes]") -> bytes:
    """The content of a release's manifest, if one of the public keys has signed it."""
    manifest = keys.read_file(out / "manifest")
    steps = install.verify_steps(manifest, public_keys)
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return manifest[e.value:]
    except ReleaseError as e:
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
