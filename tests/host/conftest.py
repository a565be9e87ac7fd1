"""What the tests of receiver and tools get by name."""

import contextlib
import functools

import pytest
from access_rig import HOST, Town
from browser_rig import chromium
from lists_rig import with_lists
from privacy_rig import Place
from receiver_support import Running, make

from cloud_receiver.office import accounts

# To make guessing hard a hash takes a tenth of a second; here once for each password is enough.
accounts.password_hash = functools.lru_cache(accounts.password_hash)
accounts.new_hash = functools.lru_cache(accounts.new_hash)


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the file."""
    with chromium() as running:
        yield running


@pytest.fixture
def town(tmp_path):
    """A works behind a public name, with people of every role; all that came is decoded."""
    with Running(make(tmp_path / "works"), public_name=HOST) as running:
        town = Town(running)
        running.wait_for(lambda s: s["pending"] == 0)
        yield town


@pytest.fixture
def place(tmp_path):
    """A receiver with two homes, one of which sends its electricity."""
    with Running(make(tmp_path / "works")) as running:
        place = Place(running)
        with contextlib.closing(place.office):
            yield place


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def listed(request, tmp_path_factory):
    """A receiver with meters and gateways in every state, on both stores."""
    with with_lists(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def browsed(tmp_path):
    """A works with people of every role, for a browser on this machine."""
    with Running(make(tmp_path / "works"), public_name="localhost") as running:
        town = Town(running, host="localhost")
        running.wait_for(lambda s: s["pending"] == 0)
        yield town
