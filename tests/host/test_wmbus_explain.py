"""`explain` over every telegram, captured or our own: each byte once, with a meaning; a skeleton driver that works."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import wmbus_cases as cases  # noqa: E402
import wmbus_vectors as own  # noqa: E402

import wmbus  # noqa: E402
from cloud_receiver.decoding.aes import aes  # noqa: E402
from wmbus import decoder, dissect, drivers, plan, records  # noqa: E402

CAPTURES = ROOT.parent / "shared" / "corpus" / "wmbus"
LAYERS = {"dll", "ell", "afl", "tpl", "data", "maker", "sealed", "rest"}


@pytest.fixture(params=["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])
def rows(request):
    """The telegrams a test goes through."""
    if request.param == "own":
        return [*own.rows(), *own.twins()]
    return [json.loads(line) for name in ("wmbusmeters_dev.jsonl", "encrypted_twins_dev.jsonl")
            for line in (CAPTURES / name).open(encoding="utf-8")]


def key_of(row):
    return bytes.fromhex(row["key"]) if row["key"] else None


def gaps(parts, size):
    """Where the spans overlap, leave a hole, or say nothing."""
    at, wrong = 0, []
    for start, end, layer, meaning in parts["spans"]:
        if start != at or end <= start or layer not in LAYERS or not meaning:
            wrong.append((start, end, layer, meaning))
        at = end
    return wrong + ([] if at == size else [at])


def test_every_byte_of_every_telegram_has_one_meaning(rows):
    read = 0
    for row in rows:
        telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
        for key in (key_of(row), None, bytes(15) + b"\1"):
            explained = wmbus.explain(telegram, key, aes, {}, True)
            assert gaps(explained, len(telegram)) == [], row["id"]
            assert len(explained["plain"]) == len(telegram)
        explained = wmbus.explain(telegram, key_of(row), aes, {}, True)
        read += explained["error"] is None
        if explained["error"] is None:
            # What could be read is told: nothing but a record that is cut short, or that nobody sealed, has no name.
            told = ("a record cut short", dissect.NOT_SEALED_REST)
            assert all(meaning in told for _, _, layer, meaning in explained["spans"] if layer == "rest")
    assert read >= len(rows) - 12


def test_explain_and_decode_agree_on_what_is_wrong(rows):
    kinds = {wmbus.KeyMissing: "key missing", wmbus.WrongKey: "wrong key", wmbus.Unsealed: "unsealed",
             wmbus.Fragment: "fragment",
             wmbus.DecodeError: "damaged"}
    seen = set()
    for row in rows:
        telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
        for key, decrypted in ((key_of(row), False), (None, False), (None, True), (bytes(15) + b"\1", True)):
            for sample in (telegram, telegram[:-5]):
                try:
                    wmbus.decode(sample, key, aes, {}, decrypted)
                    kind = None
                except wmbus.DecodeError as error:
                    kind = kinds[type(error)]
                    if error.meter:
                        wmbus.parse_meter(error.meter)
                    if kind in ("key missing", "wrong key"):
                        assert error.meter, row["id"]  # a key is somebody's to find: whose, stands there
                explained = wmbus.explain(sample, key, aes, {}, decrypted)
                if kind is not None and kind != "damaged" or explained["error"]:
                    assert explained["error"] and explained["error"][0] == kind, (row["id"], kind, explained["error"])
                seen.add(kind)
    assert seen >= {None, "key missing", "wrong key", "unsealed", "damaged"}


def test_a_skeleton_saved_as_a_file_reads_what_was_read_without_it(rows, monkeypatch):
    """For each model in the captures, as if nobody had written its driver."""
    done = set()
    for row in rows:
        telegram = wmbus.strip_crc(bytes.fromhex(row["telegram_hex"]))
        meter = wmbus.meter(telegram)
        if meter[0:1] + meter[2:] in done:
            continue
        layout = [drivers.EMPTY]

        def model(address, layout=layout, real=drivers.model):
            return real(address)[0], layout[0]
        for module in (decoder, dissect, drivers):
            monkeypatch.setattr(module, "model", model)
        plan.forget()
        explained = wmbus.explain(telegram, key_of(row), aes, {}, True)
        if explained["driver"]:
            done.add(meter[0:1] + meter[2:])
            assert not explained["known"]
            before = outcome(telegram, key_of(row))
            space: dict = {}
            exec(explained["driver"], space)  # noqa: S102 - our own text
            ((versions, kinds, layout[0]),) = space["METERS"]
            assert versions == (int(explained["meter"].split("-")[2], 16),) and len(kinds) == 1
            plan.forget()
            assert outcome(telegram, key_of(row)) == before, row["id"]
        monkeypatch.undo()
        plan.forget()
    assert len(done) > (70 if rows[0]["id"] == "short header" else 80)


def test_without_a_driver_every_record_has_a_field_of_its_own(rows, monkeypatch):
    """Names are of one form, none is given twice, and as many fields come out as there are records with a value."""
    monkeypatch.setattr(drivers, "model", lambda address, real=drivers.model: (real(address)[0], drivers.EMPTY))
    counted = 0
    for row in rows:
        explained = wmbus.explain(wmbus.strip_crc(bytes.fromhex(row["telegram_hex"])), key_of(row), aes, {}, True)
        body = [span for span in explained["spans"] if span[2] in ("data", "maker")]
        if explained["error"] or not body:
            continue
        start, end = body[0][0], max(span[1] for span in body)
        data = explained["plain"]
        held = [r for r in records.walk(data, start, end, False) if r.kind != 15 and (r.size or r.kind == records.LVAR)]
        if not held or data[start:start + 2] != b"\x2f\x2f" and body[0][3].split(",")[0] not in dissect.KINDS:
            continue  # no records: a maker's own frame, a compact one
        plan.forget()
        made = plan.build(bytes.fromhex("b4050000000001") + bytes((wmbus.meter(data).type,)), data, start, end)
        names = [step[0] for step in made.numbers + made.others]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names), (row["id"], names)
        assert len(names) + len(made.flags) + len(made.profiles) + len(made.raws) >= len(held), row["id"]
        counted += len(held)
    plan.forget()
    assert counted > (1000 if rows[0]["id"] == "short header" else 1500)


def outcome(telegram, key):
    try:
        return wmbus.decode(telegram, key, aes, {}, True)
    except wmbus.DecodeError as error:
        return str(error)


def test_the_status_byte_is_told_in_words():
    explained = wmbus.explain(cases.short(status=0x34, who=cases.address("AXI")))
    assert "status 34: POWER_LOW TEMPORARY_ERROR UNKNOWN_20 (low_battery, leak)" in [s[3] for s in explained["spans"]]


def test_a_hole_would_be_seen():
    explained = wmbus.explain(cases.short())
    assert gaps(explained, len(cases.short())) == []
    del explained["spans"][3]
    assert gaps(explained, len(cases.short()))
