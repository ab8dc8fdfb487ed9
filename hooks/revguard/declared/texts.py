"""Texts and schemas that source code gives: expressions in, what they say as far as it tells."""

from __future__ import annotations

import ast

from revguard.declared.reading import Module

UNKNOWN = ""  # what only a run tells


def text(node: ast.expr | None, module: Module, depth: int = 0) -> str:
    """A text: literal, joined of texts, or a constant of the same file; else UNKNOWN."""
    if depth > 10:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else UNKNOWN
    if isinstance(node, ast.Name):
        bound = module.names.get(node.id)
        return text(bound, module, depth + 1) if isinstance(bound, ast.expr) else UNKNOWN
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values]
    texts = [text(part, module, depth + 1) for part in parts]
    return "".join(texts) if all(texts) else UNKNOWN


def schema_in(node: ast.expr, module: Module) -> str | None:
    """The schema of `__table_args__`: in a dict, or in the last item of a tuple."""
    if isinstance(node, ast.Name):
        bound = module.names.get(node.id)
        node = bound if isinstance(bound, ast.expr) else node
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[-1]
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "schema":
                return text(value, module) or None
    return None
