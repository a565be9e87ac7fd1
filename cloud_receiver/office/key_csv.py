"""Meter keys as their suppliers send them: a CSV of `meter;key` or `manufacturer;id;version;type;key`."""

import csv
import io
from collections import namedtuple

import wmbus

from .meter_keys import MeterKeys

# line: in the file; meter: its text or None; verdict: added, unchanged, replaced or bad; reason: why bad.
Verdict = namedtuple("Verdict", ("line", "meter", "verdict", "reason"))


def import_keys(keys: MeterKeys, text: str, now: int) -> "list[Verdict]":
    """Keep the keys of a CSV, with a verdict per row; good rows are kept even where others are bad. Raises Locked."""
    bad: "dict[int, Verdict]" = {}  # by the row's place
    good: "list[tuple[int, int, str, bytes]]" = []  # place, line, meter, key
    seen: "dict[str, bytes]" = {}
    for place, (line, row) in enumerate(_rows(text)):
        try:
            meter, key = parse_row(row)
            if seen.get(meter, key) != key:
                raise ValueError(f"{meter} stands in this file twice with different keys")
            seen[meter] = key
            good.append((place, line, meter, key))
        except ValueError as e:
            bad[place] = Verdict(line, None, "bad", str(e))
    results = keys.put_all([(meter, key) for _, _, meter, key in good], now)
    kept = {place: Verdict(line, meter, result, "") for (place, line, meter, _), result in zip(good, results)}
    return [verdict for _, verdict in sorted({**bad, **kept}.items())]


def parse_row(row: "list[str]") -> "tuple[str, bytes]":
    """(meter text, 16-byte key) of a CSV row; raises ValueError with one line that does not repeat the key."""
    fields = [f.strip() for f in row]
    if len(fields) == 5:
        fields = ["-".join(fields[:4]), fields[4]]
    if len(fields) != 2:
        raise ValueError(f"{len(fields)} columns; expected meter;key or manufacturer;id;version;type;key")
    try:
        meter = wmbus.meter_text(wmbus.parse_meter(fields[0].upper()))
    except wmbus.DecodeError:  # its text would repeat the field, which is the key where columns are swapped
        raise ValueError("not a meter (MAN-12345678-VV-TT) in the first column") from None
    digits = fields[1].replace(" ", "")
    if len(digits) != 32:
        raise ValueError(f"key of {meter} has {len(digits)} characters, not 32 hex digits")
    try:
        return meter, bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"key of {meter} is not hex") from None


def _rows(text):
    """Yield (line number, fields) of the rows that are not blank, a comment or the heading."""
    text = text.lstrip("\ufeff")
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = next((d for d in (";", "\t", ",") if d in first), ";")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for row in reader:
        if not any(f.strip() for f in row) or row[0].startswith("#"):
            continue
        if row[-1].strip().lower() in ("key", "nøkkel", "nokkel"):
            continue
        yield reader.line_num, row
