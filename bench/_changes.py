"""The small changes of bench/mutants.py: where a source can be changed, how, and which lines a change is part of.

The operators are cosmic-ray's, the deleted statement is our own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
DELETED = "DeleteStatement"
TABLES = 5  # of so many mutants one at most is of a module's own literals: tables, which vectors cover row by row


def statements(source: str) -> "list[ast.stmt]":
    """What can be left out: the expressions, assignments, raises and returns inside functions, but no docstrings."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                text = isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
                if isinstance(inner, ast.Expr | ast.Assign | ast.AugAssign | ast.Raise | ast.Return) and not text:
                    found[inner.lineno, inner.col_offset] = inner
    return [found[place] for place in sorted(found)]


def changed(source: str, operator: str, nth: int) -> str:
    """The source with the nth change of an operator."""
    if operator == DELETED:
        lines, gone = source.split("\n"), statements(source)[nth]
        kept = lines[gone.lineno - 1].encode()[:gone.col_offset].decode()
        rest = lines[(gone.end_lineno or 0) - 1].encode()[gone.end_col_offset:].decode()
        return "\n".join([*lines[:gone.lineno - 1], kept + "pass" + rest, *lines[gone.end_lineno:]])
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    return mutate_code(source, get_operator(f"core/{operator}")(), nth) or source


def places(source: str) -> "list[tuple[str, int, int]]":
    """Every (operator, occurrence, line) there is."""
    from cosmic_ray.ast import get_ast
    from cosmic_ray.plugins import get_operator
    found = [(DELETED, nth, node.lineno) for nth, node in enumerate(statements(source))]
    operators = [(name, get_operator(f"core/{name}")()) for name in OPERATORS]
    counts = dict.fromkeys(OPERATORS, 0)
    waiting: "list[Any]" = [get_ast(source)]
    while waiting:  # in cosmic-ray's own order: a node, then its children
        node = waiting.pop()
        for name, operator in operators:
            for start, _end in operator.mutation_positions(node):
                found.append((name, counts[name], start[0]))
                counts[name] += 1
        waiting.extend(reversed(getattr(node, "children", ())))
    return found


def in_functions(source: str) -> "set[int]":
    """The lines of the bodies of functions: what does not run when the module is imported."""
    return {line for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


def around(source: str, line: int) -> "range":
    """The lines of the innermost statement that a line is part of; of an `if` or a loop those of its head."""
    best = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):  # outer ones come first
        if isinstance(node, ast.stmt | ast.excepthandler):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or 0
            if node.lineno <= line <= max(node.lineno, last):
                best = range(node.lineno, max(node.lineno, last) + 1)
    return best


def difference(source: str, other: str) -> "tuple[int, str]":
    """(line, text) of the first line that differs, as it was."""
    before, after = source.split("\n"), other.split("\n")
    for n, line in enumerate(before):
        if n >= len(after) or after[n] != line:
            return n + 1, line.strip() + "  =>  " + (after[n].strip() if n < len(after) else "")
    return 0, ""


def sample(sources: "dict[Path, str]", rng) -> "Iterator[tuple[Path, str, int]]":
    """The changes of some files as (path, operator, occurrence), in an order of chance; of each beginning of it no more
    than the share of TABLES is of module-level literals, and those that are too many are left out."""
    every = []
    for path, source in sources.items():
        inside = in_functions(source)
        every += [(path, operator, nth, line in inside) for operator, nth, line in places(source)]
    rng.shuffle(every)
    taken = tables = 0
    for path, operator, nth, code in every:
        if code or (tables + 1) * TABLES <= taken + 1:
            taken, tables = taken + 1, tables + (not code)
            yield path, operator, nth
