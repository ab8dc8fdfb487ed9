"""The texts of new scripts and what they take away in, the line that does it out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

# words in a call that takes such a thing away
_VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    "remove_schema": ("drop",),
    "remove_table": ("drop",),
    "remove_column": ("drop",),
    "modify_type": ("alter", "modify", "change"),
}


def line_of(text: bytes, op: str, object_: str) -> int:
    """The line of the call in upgrade() that names the object; 0 where none is seen to."""
    try:
        module = ast.parse(text)
        source = text.decode("utf-8")
    except (SyntaxError, ValueError):
        return 0
    name = object_.rpartition(".")[2]
    for function in module.body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for call in _innermost(function, name):
                said = (ast.get_source_segment(source, call) or "").lower()
                if any(verb in said for verb in _VERBS[op]):
                    return call.lineno
    return 0


def _innermost(function: ast.FunctionDef, name: str) -> Iterator[ast.Call]:
    """Calls of which an argument, and none of an inner call, has the name in it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            arguments = [*node.args, *(one.value for one in node.keywords)]
            if any(_names(one, name) for one in arguments):
                yield node


def _names(argument: ast.expr, name: str) -> bool:
    return (
        isinstance(argument, ast.Constant)
        and isinstance(argument.value, str)
        and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", argument.value) is not None
    )
