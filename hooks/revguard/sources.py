"""Where in the models a change comes from: files' texts and objects in, lines out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from revguard.history.script import tree_of
from revguard.observed import declares
from revguard.verdict import Source

_Definition: TypeAlias = "ast.ClassDef | ast.Call"


class Sources:
    """Finds the line of a table, a column, an index or a constraint in the project's files.

    Reads no further than to what is looked for; a declarative class without ``__tablename__``
    is found by its name (``UserProfile`` is ``user_profile`` or ``userprofile``).
    """

    def __init__(
        self, paths: Iterable[str], read: Callable[[list[str]], Mapping[str, bytes]]
    ) -> None:
        self._paths = [path for path in paths if path.endswith(".py")]
        self._read = read
        self._waiting: Iterator[tuple[str, bytes]] | None = None  # files not looked at yet
        self._defined: dict[str, tuple[str, _Definition]] = {}

    def find(self, table: str, name: str) -> Source | None:
        """The line of ``name`` in the table's definition, else that of the table itself."""
        short = table.rpartition(".")[2]
        while short and short not in self._defined:
            if not self._look_further():
                return None
        if not short:
            return None
        path, node = self._defined[short]
        inner = _member(node, name) if name else None
        return Source(path=path, line=inner or node.lineno)

    def _look_further(self) -> bool:
        """Read the next file that defines a table, as long as there is one."""
        if self._waiting is None:
            self._waiting = iter(self._read(self._paths).items())
        for path, content in self._waiting:
            tree = tree_of(content) if declares(content) else None
            if tree is not None:
                for table, node in _definitions(tree):
                    self._defined.setdefault(table, (path, node))
                return True
        return False


def _definitions(tree: ast.Module) -> Iterator[tuple[str, _Definition]]:
    """Tables with the classes and ``Table(...)`` calls that define them; sure ones before likely
    ones."""
    likely = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            named = _tablename(node)
            if named:
                yield named, node
            elif named is None and node.bases:
                likely.append(node)
        elif isinstance(node, ast.Call) and _is_table(node):
            yield _text(node.args[0]), node
    for node in likely:
        yield from ((table, node) for table in sorted(_implied(node.name)))


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


def _is_table(node: ast.Call) -> bool:
    called = (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    )
    return called == "Table" and bool(node.args) and bool(_text(node.args[0]))


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
