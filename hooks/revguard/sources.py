"""Where in the models a change comes from: files' texts and objects in, lines out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping

from revguard.verdict import Source


class Sources:
    """Finds the line of a table, a column, an index or a constraint in the project's files.

    Reads only files that name what is looked for; a declarative class without ``__tablename__``
    is found by its name (``UserProfile`` is ``user_profile`` or ``userprofile``).
    """

    def __init__(
        self, paths: Iterable[str], read: Callable[[list[str]], Mapping[str, bytes]]
    ) -> None:
        self._paths = [path for path in paths if path.endswith(".py")]
        self._read = read
        self._texts: Mapping[str, bytes] | None = None
        self._trees: dict[str, ast.Module | None] = {}

    def find(self, table: str, name: str) -> Source | None:
        """The line of ``name`` in the table's definition, else that of the table itself."""
        short = table.rpartition(".")[2]
        if not short:
            return None
        for path in self._files():
            tree = self._parsed(path)
            for node in [] if tree is None else _definitions(tree, short):
                inner = _member(node, name) if name else None
                return Source(path=path, line=inner or node.lineno)
        return None

    def _files(self) -> Iterable[str]:
        if self._texts is None:
            self._texts = self._read(self._paths)
        return self._texts

    def _parsed(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            assert self._texts is not None
            try:
                self._trees[path] = ast.parse(self._texts[path])
            except (SyntaxError, ValueError):
                self._trees[path] = None
        return self._trees[path]


def _definitions(tree: ast.Module, table: str) -> Iterable[ast.ClassDef | ast.Call]:
    """Classes and ``Table(...)`` calls that define the table; sure ones before likely ones."""
    likely = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            named = _tablename(node)
            if named == table:
                yield node
            elif named is None and table in _implied(node.name) and node.bases:
                likely.append(node)
        elif isinstance(node, ast.Call) and _is_table(node, table):
            yield node
    yield from likely


def _tablename(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            for target in _targets(statement):
                if target == "__tablename__":
                    return _text(statement.value)
                if target == "__table__" and isinstance(statement.value, ast.Call):
                    return _text(next(iter(statement.value.args), None))
    return None


def _text(node: ast.expr | None) -> str:
    """A literal text, else "": named in a way that cannot be read here."""
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if constant else ""  # type: ignore[union-attr]


def _implied(name: str) -> set[str]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return {name.lower(), snake, name.lower() + "s", snake + "s"}


def _is_table(node: ast.Call, table: str) -> bool:
    called = (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    )
    return called == "Table" and bool(node.args) and getattr(node.args[0], "value", None) == table


def _member(node: ast.ClassDef | ast.Call, name: str) -> int | None:
    """The line of an attribute, of a ``Column("name")``, or of a text that is the name."""
    for child in ast.walk(node):
        if isinstance(child, (ast.Assign, ast.AnnAssign)) and name in _targets(child):
            return child.lineno
    for child in ast.walk(node):
        if (
            isinstance(child, ast.Call)
            and child.args
            and getattr(child.args[0], "value", None) == name
        ):
            return child.lineno
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and child.value == name:
            return child.lineno
    return None


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
