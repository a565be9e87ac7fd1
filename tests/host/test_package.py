"""The wheel holds every package of the tree, under the name it is imported by."""

import runpy
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOP = ("cloud_receiver", "firmware", "han_reader", "tools", "wmbus", "zigbee")


def in_tree():
    packages = set()
    for top in TOP:
        for init in (ROOT / top).rglob("__init__.py"):
            packages.add(".".join(init.parent.relative_to(ROOT).parts).replace("tools", "netti_tools", 1)
                      if top == "tools" else ".".join(init.parent.relative_to(ROOT).parts))
    return packages


def test_every_package_is_in_the_wheel():
    listed = runpy.run_path(str(ROOT / "setup.py"))["packages"]()
    assert sorted(listed) == sorted(in_tree())


def test_no_module_outside_a_package():
    strays = [str(p.parent.relative_to(ROOT)) for top in TOP for p in (ROOT / top).rglob("*.py")
              if not (p.parent / "__init__.py").exists()]
    assert strays == []


def test_what_the_demo_needs_the_tests_have_too():
    """The extra `dev` names what the extra `demo` does: `make demo` and the tests run it from a clone."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["demo"] and set(extras["demo"]) <= set(extras["dev"])
