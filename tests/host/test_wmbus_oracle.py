"""Another project's decoder (pymbusparser, in Rust) as oracle: the same numbers for every VIF, coding and storage."""

import sys
from pathlib import Path

import needs
import pytest

pymbusparser = needs.module("pymbusparser")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import wmbus_cases as cases  # noqa: E402

import wmbus  # noqa: E402
from firmware.port import aes  # noqa: E402
from wmbus import records  # noqa: E402

# Its units in ours: what a number of theirs is to be multiplied by.
UNITS = {
    "m3": ("m3", 1), "m3.h-1": ("m3h", 1), "m3.min-1": ("m3h", 60), "m3.s-1": ("m3h", 3600), "W.h": ("kwh", 1e-3),
    "J": ("kwh", 1 / 3.6e6), "W": ("kw", 1e-3), "J.h-1": ("kw", 1 / 3.6e6), "kg": ("kg", 1), "kg.h-1": ("kgh", 1),
    "t": ("kg", 1000), "Cel": ("c", 1), "K": ("c", 1), "bar": ("bar", 1), "V": ("v", 1), "A": ("a", 1), "Hz": ("hz", 1),
    "%": ("rh", 1), "W (reactive)h": ("kvarh", 1e-3), "W (apparent)h": ("kvah", 1e-3),
}
IDENTITY = {"manufacturer", "id", "version", "type", "media", "status", "alarms"}


def both(record, kind=4):
    """(our fields, their record) of a telegram with this one record."""
    telegram = cases.telegram(b"\x78" + record, cases.address(kind=kind))
    theirs = (pymbusparser.parse(telegram)["records"] or [{}])[0]  # none for a reserved VIF
    return {k: v for k, v in wmbus.decode(telegram).items() if k not in IDENTITY}, theirs


def agree(record):
    """Whether both give the same number; None where the unit is not one of the table's."""
    ours, theirs = both(record)
    unit = theirs.get("unit")
    if unit not in UNITS:
        return None
    name, factor = UNITS[unit]
    (field, value), = ours.items()
    wanted = float(theirs["value"]["value"]) * factor
    return field.rsplit("_", 1)[-1] == name and abs(value - wanted) <= 1e-9 * max(1, abs(wanted))


def test_every_vif_gives_the_same_number():
    checked = 0
    for table in (b"", b"\xfb", b"\xfd"):
        for vif in range(0x7B):
            if table == b"\xfb" and vif >= 0x78:
                continue  # the number of days in these is 1 to 8, they round
            result = agree(b"\x04" + table + bytes((vif,)) + (12345).to_bytes(4, "little"))
            assert result is not False, (table.hex(), hex(vif))
            checked += result is True
    assert checked > 120


@pytest.mark.parametrize("coding", [1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 14])
@pytest.mark.parametrize("head", ["", "40", "c001", "9040"])
def test_every_coding_and_address(coding, head):
    size = records.SIZES[coding]
    prefix = bytes.fromhex(head)
    dif = bytes((coding | (prefix[0] if prefix else 0),)) + prefix[1:]
    mixed = b"\x76" + bytes(size - 2) + b"\x05" if size > 1 else b"\x75"
    for raw in (b"\x01" + bytes(size - 1), b"\x12" * size, mixed):
        assert agree(dif + b"\x13" + raw[:size]), (dif.hex(), raw.hex())


def test_negative_numbers():
    for size, coding in ((1, 1), (2, 2), (3, 3), (4, 4), (6, 6), (8, 7)):
        assert agree(bytes((coding, 0x59)) + (-5).to_bytes(size, "little", signed=True))


def test_dates():
    for record in (b"\x02\x6c\xff\x2c", b"\x42\x6c\x9e\x29", b"\x04\x6d\x1e\x0c\x1d\x32"):
        ours, theirs = both(record, 7)
        (value,) = ours.values()
        assert str(theirs["value"]["value"]).replace("T", " ").startswith(value), (ours, theirs)


def test_mode_5_is_decrypted_alike():
    telegram = cases.mode5()
    theirs = pymbusparser.parse(telegram, key=cases.KEY)
    assert theirs["security"]["mode_code"] == 5
    values = [float(r["value"]["value"]) for r in theirs["records"] if r["value"]["kind"] == "decimal"]
    reading = wmbus.decode(telegram, cases.KEY, aes)
    assert values[:2] == [reading["total_m3"], reading["target_m3"]]
