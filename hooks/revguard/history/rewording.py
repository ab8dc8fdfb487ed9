"""What a revision script says of its place in history, said anew: bytes and new values in, the same
bytes but for the literals and the lines of the docstring that name them out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from revguard.history.script import NAMES
from revguard.history.values import UNKNOWN, evaluated, identifiers

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTE = re.compile(r"[A-Za-z]*('''|\"\"\"|'|\")")
_LINES = {  # of Alembic's template, by what they name
    "revision": "Revision ID",
    "down_revision": "Revises",
    "create_date": "Create Date",
}


class NotPlain(ValueError):  # noqa: N818  (it is no error of the script)
    """The script does not say it by a literal of its own, so that it cannot be said anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is to be said. None: as it is."""

    revision: str | None = None
    down_revision: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] | None = None
    create_date: tuple[str, str] | None = None  # what it begins with, and what it is to begin with


def reworded(source: bytes, words: Words) -> bytes:
    """The script with other words. Encoding, line ends, quotes and comments stay. NotPlain."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPlain(f"it is not valid Python: {error}") from error
    text = _replaced(text, [*_literals(tree, words, text), *_doc_lines(tree, words, text)])
    return text.encode(encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    start: int
    end: int
    text: str


def _replaced(text: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _literals(tree: ast.Module, words: Words, text: str) -> Iterator[_Edit]:
    places = _Places(text)
    bound = _bound(tree)
    for name in NAMES:
        value = getattr(words, name, None)
        if value is None:
            continue
        if name not in bound:
            raise NotPlain(f"it has no `{name}`")
        expression, known = bound[name]
        wanted = (value,) if isinstance(value, str) else value
        if known is None:
            raise NotPlain(f"`{name}` is not written out in it")
        if known != wanted:
            yield from _edits(expression, known, wanted, places)


def _bound(tree: ast.Module) -> dict[str, tuple[ast.expr, tuple[str, ...] | None]]:
    """By name the expression that it is bound to at last, and the identifiers that this is."""
    values: dict[str, object] = {}
    found: dict[str, tuple[ast.expr, tuple[str, ...] | None]] = {}
    for statement in tree.body:
        for name, expression in _assignments(statement):
            values[name] = evaluated(expression, values)
            known = None if values[name] is UNKNOWN else identifiers(values[name])
            found[name] = (expression, known)
    return found


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield from _pairs(statement.target, statement.value)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        yield from _pairs(statement.targets[0], statement.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other)


def _edits(
    expression: ast.expr, old: tuple[str, ...], new: tuple[str, ...], places: _Places
) -> Iterator[_Edit]:
    """One literal for another; in a tuple of as many only those that differ."""
    parts = expression.elts if isinstance(expression, (ast.Tuple, ast.List, ast.Set)) else []
    if len(parts) == len(old) == len(new) and all(map(_is_text, parts)):
        for part, before, after in zip(parts, old, new, strict=True):
            if before != after:
                yield places.edit(part, places.quoted(part, after))
        return
    like = next((part for part in (expression, *parts) if _is_text(part)), None)
    said = [places.quoted(like, one) for one in new]
    text = said[0] if len(said) == 1 else f"({', '.join(said)})"
    yield places.edit(expression, text if said else "None")


def _is_text(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)


class _Places:
    """Where in the text the nodes of its syntax tree are."""

    def __init__(self, text: str) -> None:
        self._text = text
        ends = [match.end() for match in _LINE_END.finditer(text)]
        self._starts = [0, *ends]

    def offset(self, line: int, column: int) -> int:
        """The place of a line and a column, which counts bytes of UTF-8."""
        start = self._starts[line - 1]
        following = self._starts[line] if line < len(self._starts) else len(self._text)
        before = self._text[start:following].encode("utf-8", "surrogatepass")[:column]
        return start + len(before.decode("utf-8", "surrogatepass"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def edit(self, node: ast.expr, text: str) -> _Edit:
        """A node replaced."""
        start, end = self.span(node)
        return _Edit(start=start, end=end, text=text)

    def quoted(self, like: ast.expr | None, value: str) -> str:
        """A string in the quotes of another one."""
        quote = '"'
        if like is not None:
            start, end = self.span(like)
            found = _QUOTE.match(self._text[start:end])
            quote = found[1][0] if found else quote
        return quote + value.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote


def _doc_lines(tree: ast.Module, words: Words, text: str) -> Iterator[_Edit]:
    """The lines of the docstring that Alembic's template writes."""
    if ast.get_docstring(tree, clean=False) is None:
        return
    start, end = _Places(text).span(tree.body[0])
    for name, said in _said(words).items():
        title = re.escape(_LINES[name])
        line = rf"(?<=[\r\n])([ \t]*{title}:[ \t]*)([^\r\n]*?)(?=[ \t]*[\r\n])"
        found = re.compile(line).search(text, start, end)
        if found is None:
            continue
        if name == "create_date" and words.create_date:
            if found[2].startswith(words.create_date[0]):
                yield _Edit(
                    start=found.start(2),
                    end=found.start(2) + len(words.create_date[0]),
                    text=said,
                )
        elif found[2] != said:
            yield _Edit(start=found.start(2), end=found.end(2), text=said)


def _said(words: Words) -> Mapping[str, str]:
    found = {}
    if words.revision is not None:
        found["revision"] = words.revision
    if words.down_revision is not None:
        found["down_revision"] = ", ".join(words.down_revision)
    if words.create_date is not None:
        found["create_date"] = words.create_date[1]
    return found
