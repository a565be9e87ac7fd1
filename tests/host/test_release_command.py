"""`netti release`: keys, build, sign, show, unpack; what it refuses, in one line; the manifest against the schema."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest

# zcbor 0.9 asks cbor2 for a name that cbor2 6 no longer has; any error of decoding serves.
if not hasattr(cbor2, "CBORDecodeValueError"):
    cbor2.CBORDecodeValueError = cbor2.CBORDecodeError
import zcbor
from netti_tools.errors import CommandError
from netti_tools.release import build, manifest
from netti_tools.release import keys as release_keys

from firmware.wire import release

ROOT = Path(__file__).resolve().parent.parent.parent
NETTI = Path(sys.executable).parent / "netti"


def netti(*arguments, **more):
    return subprocess.run([NETTI, "release", *map(str, arguments)], capture_output=True, text=True, **more)


def refused(*arguments):
    done = netti(*arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stdout == "", done
    return done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Keys and a signed release, by the command line."""
    folder = tmp_path_factory.mktemp("release")
    assert netti("key", folder / "keys").returncode == 0
    done = netti("build", folder / "out", "--version", "0.2.0", "--keys", folder / "keys", "--built", 1767225600)
    assert done.returncode == 0 and "not signed yet" in done.stdout, done
    assert netti("sign", folder / "out", "--key", folder / "keys" / "release.key").returncode == 0
    return folder


def test_keys_are_made_once_and_are_their_owners_only(made):
    for name in ("release", "successor"):
        assert (made / "keys" / f"{name}.key").stat().st_mode & 0o777 == 0o600
        secret = release_keys.read_key(made / "keys" / f"{name}.key")
        assert release_keys.public_bytes(secret) == release_keys.read_public(made / "keys" / f"{name}.pub")
    assert "not replaced" in refused("key", made / "keys")


def test_what_is_built_is_whole_and_the_same_again(made, tmp_path):
    data = (made / "out" / "content").read_bytes()
    rows = manifest.check(data)
    paths = {path for path, *_ in rows}
    assert {"firmware/main.mpy", "firmware/boot.mpy", "wmbus/drivers/kam.mpy", "han_reader/lists.mpy"} <= paths
    assert not paths & {"wmbus/dissect.mpy", "han_reader/capture.mpy"} and not any("tools" in p for p in paths)
    # Machine code once per chip, bytecode once.
    assert sorted(a for p, _, _, a in rows if p == "wmbus/_fast.mpy") == sorted(build.ARCHITECTURES)
    assert all(not a for p, _, _, a in rows if not p.endswith("_fast.mpy"))
    assert manifest.missing(made / "out", rows) == []
    keys = [release_keys.read_public(made / "keys" / n) for n in ("release.pub", "successor.pub")]
    again = build.compile_all("0.2.0", 1767225600, keys)
    assert manifest.content("0.2.0", 1767225600, again) == data


def test_the_manifest_follows_the_schema(made):
    types = zcbor.DataTranslator.from_cddl((ROOT / "docs/wire.cddl").read_text(), 16).my_types
    manifest = (made / "out" / "manifest").read_bytes()
    stream, parts = io.BytesIO(manifest), []
    while stream.tell() < len(manifest):
        start = stream.tell()
        cbor2.load(stream)
        parts.append(manifest[start:stream.tell()])
    types["envelope"].validate_str(parts[0])
    types["manifest-head"].validate_str(parts[1])
    for row in parts[2:]:
        types["manifest-file"].validate_str(row)
    assert len(manifest) <= release.MAX_MANIFEST and cbor2.loads(parts[1])[3] == len(parts) - 2


def test_show_and_unpack_check_before_they_do_anything(made, tmp_path):
    assert "version 0.2.0, built 2026-01-01T00:00:00Z, signature good" in netti(
        "show", made / "out", "--keys", made / "keys").stdout
    netti("key", tmp_path / "other")
    assert "not signed by a release key" in refused("show", made / "out", "--keys", tmp_path / "other")
    broken = tmp_path / "broken"
    shutil.copytree(made / "out", broken)
    path, _, digest, _ = manifest.check((broken / "content").read_bytes())[5]
    (broken / digest.hex()).write_bytes(b"M\x06")
    for action in (("show", broken, "--keys", made / "keys"), ("sign", broken, "--key", made / "keys/release.key"),
                   ("unpack", broken, tmp_path / "device", "--keys", made / "keys")):
        assert f"{path}: " in refused(*action)
    assert not (tmp_path / "device").exists()
    done = netti("unpack", made / "out", tmp_path / "device", "--keys", made / "keys", "--architecture", "x64")
    assert done.returncode == 0, done
    assert (tmp_path / "device/boot.py").read_bytes() == (ROOT / "firmware/boot.py").read_bytes()
    assert "already" in refused("unpack", made / "out", tmp_path / "device", "--keys", made / "keys")
    # A device starts from it.
    binary = Path(sys.executable).parent / "micropython"
    run = subprocess.run([binary, "-X", "heapsize=192wK", "boot.py", "."], cwd=tmp_path / "device",
                         env=dict(os.environ, MICROPYPATH=".frozen"), capture_output=True, text=True)
    assert run.returncode == 2 and "works.json: no such file" in run.stdout, run


def test_bad_input_is_one_line(made, tmp_path):
    keys = made / "keys"
    assert "three numbers" in refused("build", tmp_path / "o", "--version", "1.2", "--keys", keys)
    assert "no release.pub" in refused("build", tmp_path / "o", "--version", "1.2.3", "--keys", tmp_path)
    shutil.copy(keys / "release.pub", tmp_path / "release.pub")
    assert "no successor.pub" in refused("build", tmp_path / "o", "--version", "1.2.3", "--keys", tmp_path)
    (tmp_path / "release.pub").write_text("xyz")
    assert "64 hex digits" in refused("build", tmp_path / "o", "--version", "1.2.3", "--keys", tmp_path)
    assert "No such file" in refused("sign", made / "out", "--key", tmp_path / "none")
    assert "not a release key" in refused("sign", made / "out", "--key", keys / "release.pub")
    assert "No such file" in refused("sign", tmp_path, "--key", keys / "release.key")
    assert not (tmp_path / "o").exists()


def test_a_module_that_does_not_compile_is_named():
    with pytest.raises(CommandError, match="firmware/x.py: mpy-cross"):
        build.compile_module("firmware/x.py", b"def (:\n")


def test_a_key_with_a_passphrase(tmp_path):
    key = release_keys.make_key(tmp_path / "release.key", b"long and secret")
    assert b"ENCRYPTED" in (tmp_path / "release.key").read_bytes()
    same = release_keys.read_key(tmp_path / "release.key", b"long and secret")
    assert release_keys.public_bytes(same) == release_keys.public_bytes(key)
    for wrong in (None, b"other"):
        with pytest.raises(CommandError, match="passphrase"):
            release_keys.read_key(tmp_path / "release.key", wrong)
