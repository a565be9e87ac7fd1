"""A gateway process speaks with a radio's scripted far end over a real line, under both runtimes: it is set up, heard,
unplugged and plugged in again."""

import contextlib
import os
import select
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import radio_ends as ends  # noqa: E402
import wmbus_cases as cases  # noqa: E402
from gateway_rig import RUNTIMES, Rig  # noqa: E402

SECONDS = 30


class Tcp:
    """A line as a serial server has it."""

    def __init__(self, _folder):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = "tcp://127.0.0.1:%d" % self._listening.getsockname()[1]

    def plug(self):
        """The file descriptor of our side, once the gateway is there."""
        self._peer, _ = self._listening.accept()
        return self._peer.fileno()

    def unplug(self):
        self._peer.close()

    def close(self):
        self._listening.close()


class Pty:
    """A serial line: a name that is there while the stick is plugged in."""

    def __init__(self, folder):
        self.port = str(folder / "ttyUSB0")

    def plug(self):
        self._fd, self._slave = os.openpty()
        os.symlink(os.ttyname(self._slave), self.port)
        return self._fd

    def unplug(self):
        os.unlink(self.port)
        os.close(self._slave)
        os.close(self._fd)

    def close(self):
        pass


class Plug:
    """A far end on a line, in a thread of its own."""

    def __init__(self, line, end):
        self._line, self.end = line, end
        self._gone, self._out = False, b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        fd = self._line.plug()
        while not self._gone:
            with contextlib.suppress(OSError):
                if select.select([fd], [], [], 0.02)[0]:
                    data = os.read(fd, 4096)
                    self._out += self.end.take(data) if data else b""
                out, self._out = self._out, b""
                if out:
                    os.write(fd, out)
        self._line.unplug()

    def air(self, telegram):
        """The meter sends."""
        self._out += self.end.air(telegram)

    def pull(self):
        """Unplugged."""
        self._gone = True
        self._thread.join(SECONDS)


def until(true, rig):
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, (rig.gateway.status(), rig.gateway.errors[-2000:])
        time.sleep(0.02)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", [Tcp, Pty])
@pytest.mark.parametrize("name", ["im871a", "iu891a", "cul"])
def test_a_radio_is_set_up_heard_unplugged_and_back(tmp_path, runtime, kind, name):
    line = kind(tmp_path)
    with Rig(tmp_path / "home", runtime, radios=[{"radio": name, "port": line.port}]) as rig:
        rig.gateway.start()
        for heard, telegram in ((1, cases.short()), (2, cases.mode5())):
            plug = Plug(line, ends.ENDS[name]())
            until(lambda plug=plug: plug.end.ready, rig)
            plug.air(telegram)
            until(lambda heard=heard: rig.gateway.status().get("heard") == heard, rig)
            plug.pull()
        assert rig.gateway.status()["errors"] == 0, rig.gateway.errors
    line.close()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_radio_that_is_spoken_to_is_not_at_standard_input(tmp_path, runtime):
    with Rig(tmp_path / "home", runtime, radios=[{"radio": "cul", "port": "-"}]) as rig:
        rig.gateway.start()
        assert rig.gateway.ended() == 2
        assert "radio0: cul has to be spoken to" in rig.gateway.errors and "Traceback" not in rig.gateway.errors
