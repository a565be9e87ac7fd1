"""The packages of the wheel, found by their folders: who adds or deletes one tells nobody. The rest: pyproject.toml.

`tools` has a name of its own once installed: a top-level `tools` would clash with others'.
"""

from setuptools import find_packages, setup

TOP = ("cloud_receiver", "firmware", "han_reader", "tools", "wmbus", "zigbee")


def packages() -> "list[str]":
    """Every package of the tree by the name it has once installed."""
    names = find_packages(include=[pattern for top in TOP for pattern in (top, f"{top}.*")])
    return ["netti_" + name if name.split(".")[0] == "tools" else name for name in names]


if __name__ == "__main__":
    setup(packages=packages(), package_dir={"netti_tools": "tools"})
