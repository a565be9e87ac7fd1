"""Release keys: made once, read with a passphrase where they have one, and their public halves (hex in .pub files)."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..errors import CommandError


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
        key = serialization.load_pem_private_key(read_file(path), passphrase)
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
        key = bytes.fromhex(read_file(path).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CommandError(f"{path}: not a public key (64 hex digits)")
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read_file(path: Path) -> bytes:
    """The bytes of a file; a CommandError names one that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise CommandError(f"{path}: {e.strerror}") from None
