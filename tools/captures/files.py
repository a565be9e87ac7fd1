"""Where a command's input comes from: a file, standard input, or hex on the command line itself."""

import io
import os
import re
from typing import BinaryIO, Iterator

from ..errors import CommandError

_HEX = re.compile(r"^(?:0[xX])?[0-9a-fA-F:\s]+$")


def open_input(path: str) -> BinaryIO:
    """A file, or standard input for `-`, as bytes."""
    try:
        return os.fdopen(os.dup(0), "rb") if path == "-" else open(path, "rb")  # noqa: SIM115 - the caller closes it
    except OSError as e:
        raise CommandError(f"{path}: {e.strerror}") from None


def inputs(arguments: "list[str]") -> "Iterator[tuple[str, BinaryIO]]":
    """Each argument as a name and a stream of bytes: standard input, a file, or the hex itself."""
    for text in _joined(arguments):
        if text == "-" or os.path.exists(text):
            yield "stdin" if text == "-" else text, open_input(text)
        elif _HEX.match(text) or "telegram=" in text or text.count(";") >= 7:
            yield "argument", io.BytesIO(text.encode() + b"\n")
        elif text.startswith("/") and "!" in text and "\n" in text:
            yield "argument", io.BytesIO(text.encode())
        else:
            raise CommandError(f"{text}: no such file, and not hex")


def _joined(arguments: "list[str]") -> "list[str]":
    """Hex typed with blanks and without quotes arrives in many arguments: put it together again."""
    if len(arguments) > 1 and all(len(a) <= 8 and _HEX.match(a) and not os.path.exists(a) for a in arguments):
        return ["".join(arguments)]
    return arguments
