"""Run under MicroPython: import one test file, run its tests, print one JSON line each.

usage: micropython tests/micropython_run.py test_name
"""

import gc
import io
import json
import sys

sys.path.insert(0, ".")
sys.path.insert(0, "tests")

from support import Skip  # noqa: E402

ROOM = 1 << 20  # bytes: more than a device has (HEAPS of conftest.py)


def trace(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()


def main(name):
    module = __import__(name)
    if gc.mem_free() > ROOM:
        gc.threshold(-1)  # garbage is looked for where the heap is full, not each time that port.tidy says
    for test in sorted(n for n in dir(module) if n.startswith("test_")):
        gc.collect()
        outcome, text = "pass", ""
        try:
            getattr(module, test)()
        except Skip as e:
            outcome, text = "skip", str(e)
        except BaseException as e:  # noqa: B036 - a SystemExit in a test is a failure of that test
            outcome, text = "fail", trace(e)
        print(json.dumps({"test": test, "outcome": outcome, "text": text}))


main(sys.argv[1])
