"""How a feature is found, and what it is told of what others have at an address."""

import importlib
import sys

import pytest

from cloud_receiver.web import feature

ADDRESSES = ("/", "/meters", "/meters/{id}", "/v1/meters/{id}/readings", "/a.b")


@pytest.mark.parametrize("address, there", [
    ("/", True), ("/?lang=nb", True), ("/#top", True), ("", False), ("/meters", True), ("/meters?show=silent", True),
    ("/meters/", False), ("/meters/KAM-1-2-3", True), ("/meters/KAM%2F1?view=hours#use", True), ("/meters/a/b", False),
    ("/v1/meters/x/readings", True), ("/v1/meters//readings", False), ("/v1/meters/x/readings/y", False),
    ("/meter", False), ("/a.b", True), ("/aXb", False), ("//", False), ("/meters\n", False)])
def test_an_address_is_one_of_those_there_are(address, there):
    assert (address in feature.Addresses(ADDRESSES)) == there
    assert address not in feature.Addresses(())


def test_a_feature_is_found_by_its_folder_and_gone_with_it(tmp_path, monkeypatch):
    package = tmp_path / "some_features"
    for name in ("b", "a", "left_over"):
        (package / name).mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "a" / "__init__.py").write_text("ROUTES, MENU = (1,), 2\n")
    (package / "b" / "__init__.py").write_text('SERVICE = "beside.Beside"\n')
    (package / "b" / "beside.py").write_text("class Beside:\n    pass\n")
    (package / "left_over" / "__pycache__").mkdir()  # what Python leaves behind of a folder that was deleted
    (package / "stray.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    try:
        a, b = feature.installed(importlib.import_module("some_features"))
        assert (a.name, a.folder, a.routes, a.menu, a.service) == ("a", package / "a", (1,), 2, None)
        assert (b.name, b.routes, b.menu) == ("b", (), None)
        assert feature.service(b).__module__ == "some_features.b.beside"
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] == "some_features"]:
            del sys.modules[name]
