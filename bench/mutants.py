"""Whether the tests notice a small change of the code: one operator, number or line of it at a time.

    python bench/mutants.py [--quick] [--json] [--package NAME ...] [--seconds S] [--seed N] [--list]

Of every place where a package's code can be changed a random sample is tried, one change at a time, in a copy of the
tree: a statement deleted, a comparison or a sum turned over, a number off by one, a loop that never runs, an exception
that is never caught (the operators are cosmic-ray's, the deleted statement our own). The package's own tests run on it,
on CPython. A mutant that no test fails on has survived: a place to look, as some changes change nothing that matters.

`score` is the share of the mutants that a test noticed, of each package; --list names those that survived. A package
has --seconds of its own (default 240, on each core), so that the whole ends in time; the same seed begins with the same
mutants.
"""

import argparse
import ast
import contextlib
import io
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What is changed, and the tests that should notice: quick ones, as they run for every mutant. Later patterns come last.
PACKAGES = {
    "wmbus": (("wmbus/*.py",), (
        "tests/test_wmbus_*.py", "tests/host/test_wmbus_drivers.py", "tests/host/test_wmbus_integrity.py",
        "tests/host/test_wmbus_explain.py")),
    "han_reader": (("han_reader/*.py",), (
        "tests/test_han_*.py", "tests/host/test_han_search.py", "tests/host/test_simulate_han.py")),
    "spool": (("firmware/spool/*.py",), ("tests/test_spool*.py",)),
    "wire": (("firmware/wire/*.py",), (
        "tests/test_batch.py", "tests/test_orders.py", "tests/host/test_records.py", "tests/host/test_envelopes.py",
        "tests/host/test_envelope.py", "tests/host/test_orders_schema.py", "tests/host/test_envelope_schema.py")),
    # On SQLite alone: what the jobs say in SQL is one text for both.
    "stores/jobs": (("cloud_receiver/stores/jobs/*.py",), (
        "tests/host/test_store.py", "tests/host/test_store_sqlite.py", "tests/host/test_store_coverage.py",
        "tests/host/test_store_keeping.py", "tests/host/test_person_store.py")),
}
NOT = ("_tables.py", "__init__.py", "_fast.py")  # tables, names, and C helpers' twins
OPERATORS = (
    "ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq", "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Add", "ReplaceBinaryOperator_BitAnd_BitOr", "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceBinaryOperator_RShift_LShift", "ReplaceBinaryOperator_LShift_RShift",
    "ReplaceUnaryOperator_Delete_Not", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer",
    "NumberReplacer", "ZeroIterationForLoop")
SLOWEST = 8  # times as long as the tests take on the code as it is: a mutant that goes on for ever is noticed
QUICK_S = 20


def deleted(source: str, nth: int) -> "str | None":
    """The source without its nth statement that can be left out, or None."""
    lines = source.split("\n")
    docs = {id(n.body[0]) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    seen = 0
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for inner in ast.walk(node):
            text = isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
            if not isinstance(inner, ast.Expr | ast.Assign | ast.AugAssign | ast.Raise | ast.Return) or text or (
                    id(inner) in docs):
                continue
            if seen == nth:
                kept = lines[inner.lineno - 1].encode()[:inner.col_offset].decode()
                return "\n".join([*lines[:inner.lineno - 1], kept + "pass", *lines[inner.end_lineno:]])
            seen += 1
    return None


def changed(source: str, operator: str, nth: int) -> "str | None":
    """The source with the nth change of an operator, or None where there are fewer."""
    if operator == "DeleteStatement":
        return deleted(source, nth)
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    return mutate_code(source, get_operator(f"core/{operator}")(), nth)


def places(paths: "list[Path]") -> "list[tuple[Path, str, int]]":
    """Every (file, operator, occurrence) there is."""
    from cosmic_ray.ast import Visitor, get_ast
    from cosmic_ray.plugins import get_operator

    class Counting(Visitor):
        def __init__(self, operator):
            self.operator, self.count = operator, 0

        def visit(self, node):
            self.count += len(list(self.operator.mutation_positions(node)))
            return node

    mutations = []
    for path in paths:
        source = path.read_text(encoding="utf-8")
        nth = 0
        while deleted(source, nth) is not None:
            mutations.append((path, "DeleteStatement", nth))
            nth += 1
        tree = get_ast(source)
        for operator in OPERATORS:
            counting = Counting(get_operator(f"core/{operator}")())
            counting.walk(tree)
            mutations += [(path, operator, nth) for nth in range(counting.count)]
    return mutations


def difference(source: str, other: str) -> "tuple[int, str]":
    """(line, text) of the first line that differs, as it was."""
    before, after = source.split("\n"), other.split("\n")
    for n, line in enumerate(before):
        if n >= len(after) or after[n] != line:
            return n + 1, line.strip() + "  =>  " + (after[n].strip() if n < len(after) else "")
    return 0, ""


def _tests(folder, names, out):
    os.chdir(folder)
    here = str(Path(__file__).resolve().parent)  # where han.py and wmbus.py are what they are nowhere else
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in (here, str(ROOT)))]
    import pytest
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--runtime", "cpython",
                              "-k", "not postgres", *names])
    out.put(int(status))
    os._exit(0)


def passes(folder, names, timeout_s) -> "bool | None":
    """Whether the tests of a tree pass; None where they do not end. Each run is a process of its own, forked from this
    one, which has imported pytest and nothing of the tree."""
    fork = multiprocessing.get_context("fork")
    out = fork.SimpleQueue()
    process = fork.Process(target=_tests, args=(folder, names, out))
    process.start()
    process.join(timeout_s)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    return not out.empty() and out.get() == 0


class Copy:
    """A copy of the tree, in which one file at a time is changed."""

    def __init__(self, folder: Path):
        self.folder = folder
        names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                               check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)

    @contextlib.contextmanager
    def holding(self, path: Path, source: str):
        """A file of the copy has other content meanwhile."""
        file = self.folder / path
        before = file.read_text(encoding="utf-8")
        file.write_text(source, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")


def _work(folder, names, timeout_s, jobs, ends, out):
    copy = Copy(folder)
    for path, operator, nth in jobs:
        if time.monotonic() > ends:
            break
        source = (folder / path).read_text(encoding="utf-8")
        mutant = changed(source, operator, nth)
        if mutant is None:
            continue
        with copy.holding(path, mutant):
            result = passes(folder, names, timeout_s)
        out.put((str(path), operator, *difference(source, mutant), result is True))
    out.put(None)


def package(name, seconds, seed, cores) -> "list[tuple]":
    """The mutants tried of a package: (file, operator, line, what, survived)."""
    patterns, tests = PACKAGES[name]
    paths = [p.relative_to(ROOT) for pattern in patterns for p in sorted(ROOT.glob(pattern)) if p.name not in NOT]
    names = [str(p.relative_to(ROOT)) for pattern in tests for p in sorted(ROOT.glob(pattern))]
    jobs = [(path.relative_to(ROOT), operator, nth) for path, operator, nth in places([ROOT / p for p in paths])]
    random.Random(seed).shuffle(jobs)
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="netti-mutants-") as base:
        # Captures that lie beside the clone are beside the copies too.
        if (ROOT.parent / "shared").is_dir():
            os.symlink(ROOT.parent / "shared", Path(base) / "shared")
        whole = Copy(Path(base) / "whole")
        began = time.monotonic()
        if not passes(whole.folder, names, 600):
            raise SystemExit(f"{name}: its tests fail on the code as it is")
        timeout_s = SLOWEST * (time.monotonic() - began) + 5
        ends = time.monotonic() + seconds
        out = fork.Queue()
        workers = [fork.Process(target=_work, args=(Path(base) / f"copy{n}", names, timeout_s, jobs[n::cores], ends,
                                                    out)) for n in range(cores)]
        for worker in workers:
            worker.start()
        tried, left = [], len(workers)
        while left:
            result = out.get()
            if result is None:
                left -= 1
            else:
                tried.append(result)
                print(f"\r{name}: {len(tried)} of {len(jobs)} mutants, {sum(t[4] for t in tried)} survived", end="",
                      file=sys.stderr, flush=True)
        for worker in workers:
            worker.join()
        print(file=sys.stderr)
    return tried


def main():
    parser = argparse.ArgumentParser(description="the share of small changes that the tests notice")
    parser.add_argument("--quick", action="store_true", help=f"one package for {QUICK_S} s")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--package", action="append", choices=sorted(PACKAGES), help="only this one; may be repeated")
    parser.add_argument("--seconds", type=float, default=240, help="for each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name the mutants that survived")
    args = parser.parse_args()
    try:
        import cosmic_ray  # noqa: F401
    except ImportError:
        raise SystemExit("bench/mutants.py needs cosmic-ray: pip install -e '.[dev]'") from None
    import pytest  # noqa: F401 - once, for every run that is forked from here
    names = args.package or (["wire"] if args.quick else list(PACKAGES))
    score, counts = {}, {}
    for name in names:
        tried = package(name, QUICK_S if args.quick else args.seconds, args.seed, os.cpu_count() or 1)
        survivors = [t for t in tried if t[4]]
        score[name] = round(1 - len(survivors) / max(1, len(tried)), 3)
        counts[name] = len(tried)
        print(f"{name}: {score[name]:.0%} of {len(tried)} mutants noticed")
        if args.list:
            for path, operator, line, what, _ in sorted(survivors):
                print(f"  {path}:{line}  {operator}  {what}")
    if args.json:
        print(json.dumps({"score": score, "mutants": counts, "seed": args.seed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
