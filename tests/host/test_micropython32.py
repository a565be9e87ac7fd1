"""The MicroPython of 32-bit words that runs the device's tests a third time (tests/conftest.py)."""

import subprocess

import needs
import pytest


@pytest.mark.needs("micropython32")
def test_it_has_the_words_and_floats_of_a_chip():
    """A small int of 31 bits, and a float that has no digit left for the one above 2^24."""
    done = subprocess.run([needs.micropython32(), "-c", "import sys; print(sys.maxsize, 16777217.0 == 16777216.0)"],
                          capture_output=True, text=True)
    assert done.stdout.split() == ["2147483647", "True"], done.stdout + done.stderr
