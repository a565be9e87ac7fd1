"""What the office's own modules promise: each file of the receiver's directory is named in one place."""

import ast
from pathlib import Path

import pytest

from cloud_receiver.office.directory import Directory

ROOT = Path(__file__).parents[2]


def names():
    """The names of a receiver's files and folders that nothing else is called."""
    return {path.name for path in vars(Directory("works")).values()} - {"works", "ca", "releases"}


def told(source):
    """Which of them a module says, outside docstrings."""
    tree = ast.parse(source)
    docstrings = {node.body[0].value for node in ast.walk(tree) if isinstance(
        node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body and isinstance(
        node.body[0], ast.Expr)}
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docstrings
            } & names()


def test_no_module_but_directory_names_a_file_of_the_receiver():
    found = {str(path.relative_to(ROOT)): told(path.read_text()) for top in ("cloud_receiver", "tools/commands")
             for path in (ROOT / top).rglob("*.py")}
    assert {path for path, there in found.items() if there} == {"cloud_receiver/office/directory.py"}
    assert found["cloud_receiver/office/directory.py"] == names() and len(names()) == 9


@pytest.mark.parametrize("line", ['path / "backup.stamp"', 'FILES = ("x", "notices.json")'])
def test_seen_where_one_does(line):
    """Known-bad."""
    assert told(f'"""It is about receiver.json."""\n{line}\n')
