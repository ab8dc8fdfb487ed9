"""Whether two texts of a script do the same: bytes in, yes or no, and where they part, out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from revguard.history.script import tree_of

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


def same_meaning(one: bytes, other: bytes) -> bool:
    """Whether the texts differ at most in comments, formatting, quotes and docstrings."""
    if one == other:
        return True
    trees = tree_of(one), tree_of(other)
    if trees[0] is None or trees[1] is None:
        return _lines(one) == _lines(other)
    return _dumped(trees[0]) == _dumped(trees[1])


def first_difference(old: bytes, new: bytes) -> int:
    """The line of the new text where it first does something else than the old."""
    trees = tree_of(old), tree_of(new)
    if trees[0] is None or trees[1] is None:
        return 1
    return _differs(_plain(trees[0]), _plain(trees[1])) or 1


def _differs(old: ast.AST, new: ast.AST) -> int:
    """The line of the deepest first statement that differs."""
    for field in _BODIES:
        before = [part for part in getattr(old, field, []) if isinstance(part, ast.AST)]
        after = [part for part in getattr(new, field, []) if isinstance(part, ast.AST)]
        for number, part in enumerate(after):
            if number >= len(before) or ast.dump(before[number]) != ast.dump(part):
                line: int = getattr(part, "lineno", 0)
                alike = number < len(before) and type(before[number]) is type(part)
                return (_differs(before[number], part) if alike else 0) or line
        if len(before) > len(after):  # cut off at the end
            return int(
                getattr(new, "lineno", 0) or getattr(after[-1] if after else new, "end_lineno", 0)
            )
    return 0


def _dumped(tree: ast.Module) -> str:
    return ast.dump(_plain(tree))


def _plain(tree: ast.Module) -> ast.Module:
    """The tree without docstrings and `u` prefixes, with `pass` only where it must be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None
        elif isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.body = list(_said(node.body))
    return tree


def _said(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (text or isinstance(statement, ast.Pass)):
            yield statement


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.splitlines()]
