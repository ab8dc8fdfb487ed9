"""Whether a script is as revguard generated it: its text in, a mark for its end or an answer out.

The mark holds a digest of what the script does and of its comments. What a formatter changes is not
in it (white space, quotes, imports, annotations), nor is the script's place in the history.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from revguard.history.script import parse, tree_of

_MARK = re.compile(
    r"^# revguard: generated (?P<body>[0-9a-f]{16})(?:, named (?P<name>[0-9a-f]{16}))?[ \t]*$",
    re.MULTILINE,
)
_PLACES: Final = frozenset({"revision", "down_revision"})  # that `rebase` may change
_UNSAID: Final = frozenset(  # ast: what a formatter or another Python may change
    {"kind", "ctx", "type_comment", "type_params", "returns", "annotation", "simple"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """A script that nobody has edited since it was generated. `named`: by its operations."""

    message: str
    named: bool


def marked(text: str, *, named: bool) -> str:
    """The script with the mark at its end; `named`: its message tells what it does, and may
    change with it."""
    source = _bytes(text)
    module = tree_of(source)
    if module is None:
        return text
    name = f", named {_digest(parse(source).doc)}" if named else ""
    return f"{text.rstrip()}\n\n\n# revguard: generated {_body(text, module)}{name}\n"


def untouched(source: bytes) -> Untouched | None:
    """What the mark of a script says, if it has one that still holds."""
    text = source.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    marks = list(_MARK.finditer(text))
    module = tree_of(source)
    if len(marks) != 1 or module is None or marks[0]["body"] != _body(text, module):
        return None
    message = parse(source).doc
    return Untouched(message=message, named=marks[0]["name"] == _digest(message))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _body(text: str, module: ast.Module) -> str:
    said = [_plain(one) for one in _statements(module)]
    return _digest("\0".join([*said, *_comments(text)]))


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    for number, one in enumerate(module.body):
        if isinstance(one, (ast.Import, ast.ImportFrom)) or (not number and _is_text(one)):
            continue
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if not names or not names <= _PLACES:
            yield one


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _plain(node: object) -> str:
    """A syntax tree as text, the same whichever Python parsed it."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):  # an annotation is no difference
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return f"={_plain(targets)}{_plain(node.value)}"
    if isinstance(node, ast.AST):
        parts = ((name, getattr(node, name, None)) for name in node._fields if name not in _UNSAID)
        said = (f"{name}={_plain(value)}" for name, value in parts if value not in (None, []))
        return f"{type(node).__name__}({','.join(said)})"
    if isinstance(node, list):
        return f"[{','.join(map(_plain, node))}]"
    return repr(node)


def _comments(text: str) -> list[str]:
    """The comments besides the mark."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return [text]
    found = (one.string for one in tokens if one.type == tokenize.COMMENT)
    return [" ".join(one.lstrip("# ").split()) for one in found if not _MARK.match(one)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
