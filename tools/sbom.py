"""The software bill of materials of what runs a receiver or a gateway on Linux, as CycloneDX 1.6 JSON.

    python -m netti_tools.sbom [--extra NAME ...] [--out FILE]

It tells of the installed set: Netti's own requirements and what they require, as their metadata say, with the extra
`postgres` and those that are named; nothing that only tests or development need. The same set gives the same bytes:
there is no time in it, and its serial number is made from its content. A hash stands where an installer has noted that
of the archive it installed (direct_url.json); a set that was installed by name has none. On a microcontroller Netti
runs on MicroPython and requires nothing else.
"""

import argparse
import importlib.metadata
import json
import re
import sys
import uuid
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAMESPACE = uuid.UUID("c2b5f4a0-5a1e-5d0c-9c66-3d0c5b1f7a55")
EXTRAS = ("postgres",)
# What metadata before PEP 639 call a licence, by SPDX's id for it; what could be several stays a name.
_SPDX = {"Apache 2": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0", "MIT License": "MIT",
         "Python Software Foundation License": "PSF-2.0", "ISC License (ISCL)": "ISC",
         "GNU General Public License v3 (GPLv3)": "GPL-3.0-only"}
_FAMILIES = ("BSD", "Apache", "GPL", "LGPL")
_ID = re.compile(r"[A-Za-z0-9.+-]+")
_EXPRESSION = re.compile(r"\(?[A-Za-z0-9.+-]+( (AND|OR|WITH) \(?[A-Za-z0-9.+-]+\)?)+")


def closure(extras) -> "dict[str, tuple[importlib.metadata.Distribution, list[str]]]":
    """{canonical name: (distribution, the names that it requires)} of Netti and all that it requires with some extras.
    Raises PackageNotFoundError where something of it is not installed."""
    found: dict = {}
    asked: "dict[str, set[str]]" = {}
    waiting = [("netti", set(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if name in found and wanted <= asked[name]:
            continue
        asked.setdefault(name, set()).update(wanted)
        distribution = importlib.metadata.distribution(name)
        needs = set()
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra})
                                                 for extra in ("", *asked[name])):
                needs.add(canonicalize_name(requirement.name))
                waiting.append((canonicalize_name(requirement.name), set(requirement.extras)))
        found[name] = (distribution, sorted(needs))
    return found


def licences(distribution) -> "list[dict]":
    """The licences of a distribution, as CycloneDX has them: an expression, or SPDX's ids, or names."""
    told = distribution.metadata
    expression = (told.get("License-Expression") or "").strip()
    field = (told.get("License") or "").strip()
    if not expression and _EXPRESSION.fullmatch(field):
        expression = field
    if expression and _EXPRESSION.fullmatch(expression):
        return [{"expression": expression}]
    classified = [c.split(" :: ")[-1] for c in told.get_all("Classifier") or () if c.startswith("License :: OSI")]
    names = [expression or field] if (expression or field) and len(expression or field) < 64 else classified
    found = []
    for name in names:
        name = _SPDX.get(name, name)
        found.append({"license": {"id": name} if _ID.fullmatch(name) and name not in _FAMILIES else {"name": name}})
    return found


def component(distribution, kind="library") -> dict:
    """A distribution as a component."""
    name, version = canonicalize_name(distribution.name), distribution.version
    made = {"type": kind, "bom-ref": reference(name, version), "name": name, "version": version,
            "purl": reference(name, version)}
    if summary := (distribution.metadata.get("Summary") or "").strip():
        made["description"] = summary
    if known := licences(distribution):
        made["licenses"] = known
    if digests := archive_hashes(distribution):
        made["hashes"] = digests
    return made


def archive_hashes(distribution) -> "list[dict]":
    """The hash of the archive that was installed, where the installer has noted it."""
    try:
        noted = json.loads(distribution.read_text("direct_url.json") or "{}").get("archive_info", {}).get("hashes", {})
    except (ValueError, AttributeError):
        return []
    return [{"alg": "SHA-256", "content": noted["sha256"]}] if isinstance(noted.get("sha256"), str) else []


def reference(name: str, version: str) -> str:
    """The package URL of a distribution."""
    return f"pkg:pypi/{name}@{version.replace('+', '%2B')}"


def bill(extras=EXTRAS) -> dict:
    """The bill of the installed set."""
    found = closure(extras)
    references = {name: reference(name, distribution.version) for name, (distribution, _) in found.items()}
    made = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"lifecycles": [{"phase": "operations"}], "component": component(found["netti"][0], "application")},
        "components": [component(found[name][0]) for name in sorted(found) if name != "netti"],
        "dependencies": [{"ref": references[name], "dependsOn": [references[n] for n in found[name][1]]}
                         for name in sorted(found)],
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(made, sort_keys=True))
    return {"bomFormat": made.pop("bomFormat"), "specVersion": made.pop("specVersion"),
            "serialNumber": f"urn:uuid:{serial}", **made}


def main(arguments=None) -> int:
    """Write the bill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", action="append", default=[], help="with an extra of Netti's, as zigbee")
    parser.add_argument("--out", type=Path, help="a file (default: standard output)")
    args = parser.parse_args(arguments)
    try:
        text = json.dumps(bill((*EXTRAS, *args.extra)), indent=2, ensure_ascii=False) + "\n"
    except importlib.metadata.PackageNotFoundError as e:
        print(f"not installed: {e.name}", file=sys.stderr)
        return 1
    if args.out is None:
        sys.stdout.write(text)
    else:
        args.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
