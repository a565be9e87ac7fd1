"""Every driver: its vectors are read as its docstring says, its words and alarms are of the vocabulary."""

import sys
from pathlib import Path

import pytest
import wmbus_vectors as own

import wmbus
from firmware.port import aes
from wmbus import drivers

FOLDER = Path(drivers.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
# Codes that only take over another module's table.
ALIASES = {name for name in NAMES if "METERS  # noqa" in (FOLDER / f"{name}.py").read_text(encoding="utf-8")}


def layouts(name):
    """The METERS of a driver, or the one layout of a module that drivers name."""
    module = drivers.load(name)
    rows = getattr(module, "METERS", None) or ((None, None, module.LAYOUT),)
    return [(versions, kinds, drivers.load(layout).LAYOUT if isinstance(layout, str) else layout)
            for versions, kinds, layout in rows]


def vectors():
    """{driver: [(telegram, key or None, {field: text})]} of the docstrings."""
    by_driver = {name: [] for name in NAMES}
    for name, *vector in own.drivers():
        by_driver[name].append(vector)
    return by_driver


VECTORS = vectors()


def text_of(value):
    """A reading's value as a docstring writes it."""
    if isinstance(value, list):
        return " ".join(value)
    return repr(round(value, 6)) if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name):
    vectors_of_it = VECTORS[name]
    assert vectors_of_it or name in ALIASES, "a driver without a vector"
    for telegram, key, expected in vectors_of_it:
        reading = wmbus.decode(telegram, key, aes)
        assert reading["manufacturer"] == name[:3].upper()
        assert {field: text_of(reading.get(field)) for field in expected} == expected
        assert wmbus.explain(telegram, key, aes)["known"]


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_well_formed(name):
    for versions, kinds, layout in layouts(name):
        assert versions is None or all(0 <= v <= 255 for v in versions)
        assert kinds is None or all(0 <= k <= 255 for k in kinds)
        assert set(layout) <= {"names", "bits", "seen", "raw", "status", "standard", "values", "formats", "body",
                               "payload", "rest", "media", "finish"}
        tables = [*(layout.get("bits") or {}).values(), layout.get("status") or ()]
        alarms = list((layout.get("values") or {}).values()) + [alarm for _, alarm in layout.get("standard") or ()]
        for table in tables:
            if table and table[0] == drivers.DIGITS:
                alarms += [alarm for place in table[1:] for _, alarm in place.values()]
            else:
                alarms += [alarm for _, _, alarm in table]
        assert {alarm for alarm in alarms if alarm} <= set(drivers.ALARMS)
        for signature, known in (layout.get("formats") or {}).items():
            assert wmbus.crc(known) == signature


def test_alarms_in_the_plain_status_byte_need_no_key():
    axioma = wmbus.Summary(wmbus.Meter("AXI", "12345678", 0x10, 7), 0x7A, 1, 0x30, True)
    assert wmbus.alarms(axioma) == ["leak"]
    unknown = wmbus.Summary(wmbus.Meter("QQQ", "12345678", 0x10, 7), 0x7A, 1, 0x34, True)
    assert wmbus.alarms(unknown) == ["low_battery"]
    assert wmbus.alarms(unknown._replace(status=None)) == []


def test_only_the_missing_driver_is_swallowed(tmp_path, monkeypatch):
    """A driver that can't import something else must not look like a meter without a driver."""
    monkeypatch.setattr(drivers, "__path__", [*drivers.__path__, str(tmp_path)])
    (tmp_path / "qqx.py").write_text("import no_such_module_at_all\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "wmbus.drivers.qqx", raising=False)
    with pytest.raises(ImportError):
        drivers.load("qqx")
    assert drivers.load("qqz") is None


@pytest.mark.parametrize("telegram,words", [
    # The 16-2 without its register 10.
    ("224401067856341205077a2a0000000f01020304050607" + "1100000000000000ffff1234", "no register 10"),
    # RFM-TX1 with an access number whose vector is not known.
    ("2144b4097856341205077a26000610" + "000052a71d2b00000000000000053012010324", "vector not known"),
    # PRIOS, its sum and its header changed.
    ("194424237007785634127a2a0000ff" + "ae51db88c1d0a666f80e0e", "PRIOS checksum wrong"),
    ("19442423850778563412a20101801306" + "e49b068ec87c2dfc40ac", "PRIOS header wrong"),
])
def test_what_a_driver_refuses(telegram, words):
    with pytest.raises(wmbus.DecodeError, match=words):
        wmbus.decode(bytes.fromhex(telegram))


def test_a_record_that_a_driver_drops_is_not_in_the_reading():
    telegram = own.cases.short(bytes.fromhex("0c1345230100" + "01ff5f07"), who=own.cases.address("QDS", kind=7))
    reading = wmbus.decode(telegram)
    assert reading["total_m3"] == 12.345 and not [name for name in reading if "5f" in name]
