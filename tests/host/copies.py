"""A copy of the tree with an environment of its own, to take from and to add to: its `netti` runs the copy's code."""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = ("build", "dist", "*.egg-info", ".*")
# The tools are installed under another name: as an editable installation finds them.
FINDER = """
import importlib.machinery, importlib.util, sys

class Tools(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "netti_tools":
            return importlib.util.spec_from_file_location(name, {tools!r} + "/__init__.py",
                                                          submodule_search_locations=[{tools!r}])

sys.meta_path.insert(0, Tools)
"""
NETTI = """#!{python}
import sys
from netti_tools.cli import main
sys.exit(main())
"""


class Copy:
    """A copy of the tree in a folder that is not there yet."""

    def __init__(self, folder: Path):
        self.root = folder
        # With what Python has compiled: a source that keeps its time keeps that.
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.bin = folder / ".venv" / "bin"
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / ".venv")}))
        self.bin.mkdir(parents=True)
        packages.mkdir(parents=True)
        (folder / ".venv" / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
        for tool in Path(sys.executable).parent.iterdir():
            (self.bin / tool.name).symlink_to(tool.resolve() if tool.name.startswith("python") else tool)
        self.python, self.netti = self.bin / "python", self.bin / "netti"
        self.netti.unlink(missing_ok=True)
        self.netti.write_text(NETTI.format(python=self.python))
        self.netti.chmod(0o755)
        (packages / "copied_tree.py").write_text(FINDER.format(tools=str(folder / "tools")))
        (packages / "copied_tree.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\nimport copied_tree\n")

    def run(self, *words, timeout=120, **environment) -> subprocess.CompletedProcess:
        """Run the copy's Python."""
        ours = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and not k.startswith("PYTEST_")}
        return subprocess.run([self.python, *map(str, words)], cwd=self.root, capture_output=True, text=True,
                              timeout=timeout, env={**ours, **environment})

    def test(self, *words, timeout=120, **environment) -> subprocess.CompletedProcess:
        """Run tests of the copy."""
        return self.run("-m", "pytest", "-q", "-o", "addopts=--strict-markers", "-p", "no:cacheprovider", *words,
                        timeout=timeout, **environment)

    @contextlib.contextmanager
    def without(self, path):
        """A folder or file is away meanwhile."""
        aside = self.root / ".venv" / "aside"
        os.replace(self.root / path, aside)
        try:
            yield
        finally:
            os.replace(aside, self.root / path)

    @contextlib.contextmanager
    def changed(self, path, change):
        """A file has another text meanwhile: change(its text)."""
        file = self.root / path
        before = file.read_text(encoding="utf-8")
        after = change(before)
        assert after != before
        file.write_text(after, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")
