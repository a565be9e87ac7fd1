"""What the tests of receiver and tools get by name."""

import pytest
from browser_rig import chromium


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the file."""
    with chromium() as running:
        yield running
