"""The systemd unit of the operator's guide: systemd finds nothing wrong with it, and what it starts is a receiver."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from receiver_support import Process, make

GUIDE = (Path(__file__).parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
NAME = "netti-receiver@.service"


def block(kind, beginning):
    """The one block of the guide of a kind that begins so."""
    [match] = [text for text in re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.S) if text.startswith(beginning)]
    return match


def unit(folder, instance):
    """The guide's unit as systemd reads it for an instance, with this machine's paths."""
    text = block("ini", "[Unit]").replace("/opt/netti/bin/netti", str(Process.NETTI))
    return text.replace("/var/lib/netti", str(folder)).replace("/etc/netti", str(folder)).replace("%i", instance)


def settings(text, section, name):
    """The values of a setting in a unit."""
    return re.findall(rf"^{name}=(.*)$", text.split(f"[{section}]")[1].split("\n[")[0], re.M)


def verified(folder, text):
    """What `systemd-analyze verify` says of a unit."""
    path = folder / NAME
    path.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path], capture_output=True,
                          text=True)
    # Of this unit: where systemd does not run it also says that of itself.
    return [line for line in done.stderr.splitlines() if NAME.split("@")[0] in line or "netti" in line]


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    text = block("ini", "[Unit]").replace("/opt/netti/bin/netti", str(Process.NETTI))
    assert verified(tmp_path, text) == []
    # Known-bad: a setting mistyped, a program that is not there.
    assert verified(tmp_path, text.replace("KillMode=mixed", "KilMode=mixed"))
    assert verified(tmp_path, text.replace(str(Process.NETTI), "/opt/no/netti"))


def test_what_it_starts_is_the_receiver_of_its_instance_and_ends_as_it_is_told(tmp_path):
    directory = make(tmp_path / "our-works")
    os.rename(f"{directory.path}.kek", tmp_path / "elsewhere.kek")
    service = unit(tmp_path, "our-works")
    [conf] = settings(service, "Service", "EnvironmentFile")
    Path(conf).write_text(block("sh", "SERVE="))
    [kek_setting] = settings(service, "Service", "Environment")
    name, kek = kek_setting.split("=")
    os.rename(tmp_path / "elsewhere.kek", kek)
    [serve] = re.findall("^SERVE=(.*)$", Path(conf).read_text(), re.M)
    [command], [folder] = settings(service, "Service", "ExecStart"), settings(service, "Service", "WorkingDirectory")
    # As systemd does it: a variable that stands alone becomes as many words as it has.
    words = [part for word in shlex.split(command) for part in (serve.split() if word == "$SERVE" else [word])]
    assert words[:4] == [str(Process.NETTI), "receiver", "serve", "our-works"]
    running = subprocess.Popen([*words, "--port", "0", "--web-port", "0", "--metrics-port", "0"], cwd=folder, text=True,
                               stdout=subprocess.PIPE, env={**os.environ, name: kek}, start_new_session=True)
    try:
        assert running.stdout.readline().startswith("netti receiver: devices https://localhost:")
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    [writable] = settings(service, "Service", "ReadWritePaths")
    assert Path(writable) == directory.path, "of its own works only"
