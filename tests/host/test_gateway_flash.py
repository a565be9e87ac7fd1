"""Real gateway processes with their spool on a flash: killed, which is its power cut, and looked at."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware.wire import records

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import wmbus_cases as cases  # noqa: E402
from gateway_rig import LOST, RUNTIMES, Rig  # noqa: E402


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_killed_with_its_spool_on_flash_it_loses_nothing_it_flushed(tmp_path, runtime):
    with Rig(tmp_path / "g", runtime, spool="flash") as rig:
        rig.receiver.script = [LOST, 200, LOST, 500, LOST, 409, LOST, 200, LOST]
        total = []
        for life in range(4):
            rig.gateway.lines = []
            rig.gateway.start()
            new = [cases.mode5(who=cases.address(number="%08d" % (100 * life + i))) for i in range(20)]
            rig.feed(new)
            total += new
            time.sleep(0.5)  # half an hour of the gateway's time: by then all is flushed
            rig.gateway.kill()
            rig.bridge.forget()
        assert not (rig.folder / "spool").exists() and (rig.folder / "spool.flash").stat().st_size == 2 << 20
        # Where there is a flash it is used, whether the configuration names it or not.
        settings = json.loads((rig.folder / "config.json").read_text())
        del settings["spool"]
        (rig.folder / "config.json").write_text(json.dumps(settings))
        rig.gateway.lines = []
        rig.gateway.start()
        rig.until(lambda: set(rig.receiver.telegrams()) == set(total))
        assert rig.receiver.wrong == [] and rig.receiver.records(records.LOST) == []
        rig.gateway.kill()
        shown = subprocess.run([Path(sys.executable).parent / "netti", "gateway", "show", str(rig.folder)],
                               capture_output=True, text=True, timeout=60)
        assert shown.returncode == 0 and "each block erased 1 times" in shown.stdout, shown.stdout + shown.stderr
