"""The demo's microcontroller: a folder as its flash, with boot.py and a slot of compiled modules, and an update for it.

Both releases are built and signed here with a key made for this run, as `netti release` does it; the second differs in
its version only, so that a device fetches one file and takes the others over.
"""

import shutil
from pathlib import Path

from firmware import boot
from firmware.update import slots

from ..release import build, manifest
from ..release import keys as release_keys

FIRST, SECOND = "0.2.0", "0.2.1"
BUILT = 1767225600
ARCHITECTURE = "x64"


def make(root: Path, out: Path) -> None:
    """Flash the first release onto the device at `root`, and write the second, signed, to `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    key = release_keys.make_key(out.parent / "release.pem")
    keys = [release_keys.public_bytes(key)]
    files = {f.path: f for f in build.compile_all(FIRST, BUILT, keys, (ARCHITECTURE,))}
    for f in files.values():
        path = root / "slots" / "a" / f.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f.data)
    shutil.copyfile(str(boot.__file__), root / "boot.py")
    source = build.generated(SECOND, BUILT, keys)["firmware/version.py"]
    files["firmware/version.mpy"] = build.File("firmware/version.mpy",
                                               build.compile_module("firmware/version.py", source), "")
    data = manifest.content(SECOND, BUILT, list(files.values()))
    manifest.write(out, data, list(files.values()))
    (out / "manifest").write_bytes(manifest.sign(data, key))


def runs(root: Path) -> "str | None":
    """The version a device runs and has confirmed by an acknowledged batch, or None while it is on probation."""
    state = boot.read_state(boot.Files(), str(root / "slots"))
    return None if state.probation else slots.version_text(state.versions[state.active])
