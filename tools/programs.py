"""Programs that other packages bring and Netti runs: the real MicroPython, its compiler."""

import shutil
import sys
import sysconfig
from pathlib import Path


def installed(name: str) -> "str | None":
    """Where pip has put a program: beside this Python, or where this user's own packages go; None where it has not."""
    schemes = ("posix_prefix", "posix_user")
    for folder in (Path(sys.executable).parent, *(Path(sysconfig.get_path("scripts", scheme)) for scheme in schemes)):
        if (folder / name).is_file():
            return str(folder / name)
    return None


def anywhere(name: str) -> "str | None":
    """The same, or a program of that name on the PATH."""
    return installed(name) or shutil.which(name)
