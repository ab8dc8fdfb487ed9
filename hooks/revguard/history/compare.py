"""Whether two texts of a script do the same: bytes in, yes or no, and where they part, out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from revguard.history.script import tree_of

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


def same_meaning(one: bytes, other: bytes, *, apart: Collection[str] = ()) -> bool:
    """Whether the texts differ at most in comments, formatting, quotes and docstrings.

    `apart` are names of which it does not matter what the module binds them to.
    """
    if one == other:
        return True
    trees = tree_of(one), tree_of(other)
    if trees[0] is None or trees[1] is None:
        return _lines(one) == _lines(other)
    return _dumped(trees[0], apart) == _dumped(trees[1], apart)


def first_difference(old: bytes, new: bytes, *, apart: Collection[str] = ()) -> int:
    """The line of the new text where it first does something else than the old."""
    trees = tree_of(old), tree_of(new)
    if trees[0] is None or trees[1] is None:
        return 1
    return _differs(_plain(trees[0], apart), _plain(trees[1], apart)) or 1


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


def _dumped(tree: ast.Module, apart: Collection[str]) -> str:
    return ast.dump(_plain(tree, apart))


def _plain(tree: ast.Module, apart: Collection[str]) -> ast.Module:
    """The tree without docstrings, `u` prefixes and the bindings of the names `apart`, with `pass`
    only where it must be."""
    tree.body = [statement for statement in tree.body if not _binds(statement, apart)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None
        elif isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.body = list(_said(node.body))
    return tree


def _binds(statement: ast.stmt, names: Collection[str]) -> bool:
    """Whether it assigns to one of these names and to nothing else."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    found = [one.id for one in targets if isinstance(one, ast.Name)]
    return bool(found) and len(found) == len(targets) and {*found} <= {*names}


def _said(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (text or isinstance(statement, ast.Pass)):
            yield statement


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.splitlines()]
