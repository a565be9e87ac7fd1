"""Releases of a device's firmware as they are told and sent: versions, and the manifest that is signed (docs/wire.md).

    envelope (purpose release, works id netti)   head [version, built, mpy, count]   count files
    a file: [path, size, SHA-256, architecture]

Whoever makes a release, offers one or installs one reads it here. Whether the signature holds is the gateway's to
check, which has the keys.
"""

from . import WireError, cbor, envelope
from .cbor import CborError

WORKS = "netti"  # in the signature: a release is no water works'
CONTENT_TYPE = "application/cbor-seq"
MAX_MANIFEST = 24 * 1024  # bytes, with the envelope
MAX_FILES = 250
MAX_FILE = 64 * 1024  # bytes
MAX_PATH = 64  # characters


class ReleaseError(WireError):
    """Why something is no version or no release, in one line."""


def version_number(text):
    """A version such as 1.20.3 as a number that orders like it. Raises ReleaseError."""
    parts = text.split(".") if isinstance(text, str) else []
    number = 0
    for part in parts:
        if not 1 <= len(part) <= 3 or any(not "0" <= c <= "9" for c in part) or (len(part) > 1 and part[0] == "0"):
            parts = []
        else:
            number = number * 1000 + int(part)
    if len(parts) != 3:
        raise ReleaseError("a version is three numbers below 1000, like 1.20.3")
    return number


def version_text(number):
    """The text of a version's number."""
    return "%d.%d.%d" % (number // 1000000, number // 1000 % 1000, number % 1000)


def good_path(path):
    """Whether a path may stand in a manifest: packages of lower case names, and a compiled module."""
    parts = path.split("/") if isinstance(path, str) and path.endswith(".mpy") and len(path) <= MAX_PATH else []
    if not 2 <= len(parts) <= 3:
        return False
    parts[-1] = parts[-1][:-4]
    for part in parts:
        if not part or any(not ("a" <= c <= "z" or c == "_" or "0" <= c <= "9") for c in part):
            return False
    return True


def open_manifest(data):
    """The parts of a manifest's envelope; its content lies from `end` on. Raises ReleaseError."""
    try:
        opened = envelope.open_envelope(data, "release", WORKS)
    except WireError as e:
        raise ReleaseError("manifest: %s" % e)  # noqa: B904 - MicroPython keeps no cause
    if opened.content_type != CONTENT_TYPE:
        raise ReleaseError("manifest: of another content type")
    return opened


def read_head(data, at):
    """The head of a manifest, (version, built, mpy, number of files), and where its files begin. Raises
    ReleaseError."""
    head, at = _decode(data, at)
    if not isinstance(head, list) or len(head) != 4:
        raise ReleaseError("manifest: not four items")
    version_number(head[0])
    for n in head[1:]:
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise ReleaseError("manifest: not a count")
    if not 0 < head[3] <= MAX_FILES:
        raise ReleaseError("manifest: too many files")
    return head, at


def read_files(data, at):
    """Generator: (path, size, SHA-256, architecture) of each file of a manifest whose content begins at `at`. Raises
    ReleaseError."""
    head, at = read_head(data, at)
    for _ in range(head[3]):
        entry, at = _decode(data, at)
        if (not isinstance(entry, list) or len(entry) != 4 or not good_path(entry[0]) or not isinstance(entry[1], int)
                or isinstance(entry[1], bool) or not 0 < entry[1] <= MAX_FILE or not isinstance(entry[2], bytes)
                or len(entry[2]) != 32 or not isinstance(entry[3], str)):
            raise ReleaseError("manifest: a file is not described as it should be")
        yield entry
    if at != len(data):
        raise ReleaseError("manifest: bytes behind its end")


def files(data, at, architecture):
    """Generator: (path, size, SHA-256) of a manifest's files for an architecture; those of others are left out. Raises
    ReleaseError."""
    seen = set()
    for path, size, digest, kind in read_files(data, at):
        if kind and kind != architecture:
            continue
        if path in seen:
            raise ReleaseError("manifest: a file twice")
        seen.add(path)
        yield path, size, digest


def _decode(data, at):
    try:
        return cbor.decode(data, at)
    except CborError as e:
        raise ReleaseError("manifest: " + e.reason)  # noqa: B904
