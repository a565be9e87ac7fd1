"""What the test files of both runtimes share: skipping, and the captures that lie beside the repository."""

import json
import os
import sys

if sys.implementation.name == "micropython":
    class Skip(Exception):
        """Raised by a test that can't run here; its text is the reason."""
else:
    from _pytest.outcomes import Skipped as Skip  # noqa: F401

SHARED = "../shared/corpus/"


def skip(reason):
    """Skip the running test, with a reason."""
    raise Skip(reason)


def absent_text(path):
    """What a skip says where others' captures are not there."""
    return "captures not present: " + path + " (telegrams of others; the project's own are read in their place)"


def corpus(name):
    """Yield the rows of a capture file of ../shared/corpus, or skip the test where it is absent.

    Read line by line: the files are larger than a device's heap.
    """
    path = SHARED + name
    try:
        os.stat(path)
    except OSError:
        skip(absent_text(path))
    return _rows(path)


def _rows(path):
    with open(path) as f:
        for line in f:
            yield json.loads(line)
