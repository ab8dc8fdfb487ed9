"""Literals of revision scripts: an expression and the values so far in, its value out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = object()  # what only running the script would tell


def evaluated(expression: ast.expr, names: Mapping[str, object]) -> object:
    """A string, number, None or tuple of such, where that is plain to see; else UNKNOWN."""
    if isinstance(expression, ast.Constant):
        known = expression.value is None or isinstance(expression.value, (str, int))
        return expression.value if known else UNKNOWN
    if isinstance(expression, (ast.Tuple, ast.List, ast.Set)):
        parts = tuple(evaluated(part, names) for part in expression.elts)
        return UNKNOWN if UNKNOWN in parts else parts
    if isinstance(expression, ast.Name):
        return names.get(expression.id, UNKNOWN)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        left, right = evaluated(expression.left, names), evaluated(expression.right, names)
        if isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
    return UNKNOWN


def one_identifier(value: object) -> str | None:
    """The identifier that a value is, or None."""
    # Alembic cannot take a number, but somebody may have written one: keep it, to say so
    return str(value) if isinstance(value, (str, int)) else None


def identifiers(value: object) -> tuple[str, ...] | None:
    """What Alembic makes of a value: None is nothing, a string is one, a sequence is many."""
    if value is None:
        return ()
    parts = value if isinstance(value, tuple) else (value,)
    if all(isinstance(part, (str, int)) or part is None for part in parts):
        return tuple(str(part) for part in parts if part is not None)
    return None
