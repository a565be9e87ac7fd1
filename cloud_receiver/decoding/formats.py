"""The formats of compact frames that full frames taught, in a file, so that a restart forgets none (formats.json)."""

import json
import logging
import os
from pathlib import Path

log = logging.getLogger("netti.decode")


def read(path: Path) -> "dict[int, bytes]":
    """The formats of compact frames a former run learnt; what is missing or damaged is learnt anew."""
    try:
        kept = json.loads(path.read_text())
        return {int(signature, 16): bytes.fromhex(skeleton) for signature, skeleton in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write(path: Path, formats: "dict[int, bytes]") -> None:
    """Keep the formats; a disk that can't costs no reading."""
    text = json.dumps({f"{signature:04x}": skeleton.hex() for signature, skeleton in sorted(formats.items())})
    try:
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, path)
    except OSError as e:
        log.error("%s: %s", path, e.strerror)
