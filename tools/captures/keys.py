"""Meter keys for the command line: a CSV file of `meter;key`, or one key for all.

The first column is a meter as Netti writes it (`KAM-12345678-1B-16`), or `manufacturer;id;version;type;key` in five
columns, or just the eight digits of an id; comma or tab separate as well. A first row that holds no key is a heading.
"""

import re

from ..errors import CommandError

_KEY = re.compile(r"^(?:[0-9a-fA-F]{16}|[0-9a-fA-F]{32}|[0-9a-fA-F]{64})$")


def key(text: str, option: str = "--key") -> bytes:
    """The key in hex, 16 bytes (8 for DES, 32 for AES-256)."""
    text = text.replace(" ", "").replace(":", "")
    if not _KEY.match(text):
        raise CommandError(f"{option}: a key is 32 hex digits, not {text!r}" if text else f"{option}: empty")
    return bytes.fromhex(text)


class Keys:
    """The keys given on the command line: which may open a telegram of this meter, the likeliest first."""

    def __init__(self, common: "list[bytes]", table: "dict[str, bytes] | None" = None):
        self.common = common
        self.table = table or {}

    def of(self, meter: str) -> "list[bytes | None]":
        """The keys to try for a meter's text; [None] when there is none."""
        number = meter.split("-")[1] if meter.count("-") == 3 else meter
        own = self.table.get(meter) or self.table.get(number)
        return [*([own] if own else []), *self.common] or [None]


def read(path: str) -> "dict[str, bytes]":
    """The keys of a CSV file by meter text or id; CommandError names the row that can't be read."""
    table = {}
    try:
        with open(path, encoding="utf-8-sig") as f:
            rows = f.read().splitlines()
    except OSError as e:
        raise CommandError(f"{path}: {e.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not a text file") from None
    for number, row in enumerate(rows, 1):
        row = row.split("#", 1)[0].strip()
        if not row:
            continue
        cells = [c.strip().strip('"') for c in re.split("[;,\t]", row)]
        if number == 1 and not any(_KEY.match(c) for c in cells[1:]):
            continue
        if len(cells) == 5:
            cells = ["-".join(cells[:4]), cells[4]]
        if len(cells) != 2:
            raise CommandError(f"{path}:{number}: not `meter;key` nor `manufacturer;id;version;type;key`")
        if not re.match(r"^(?:[A-Z]{3}-[0-9A-F]{8}-[0-9A-F]{2}-[0-9A-F]{2}|[0-9A-F]{8})$", cells[0].upper()):
            raise CommandError(f"{path}:{number}: {cells[0]!r} is not a meter (MAN-12345678-VV-TT)")
        table[cells[0].upper()] = key(cells[1], f"{path}:{number}")
    return table
