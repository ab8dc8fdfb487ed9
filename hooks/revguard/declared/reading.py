"""One file read without importing it: bytes in, the names that its top level binds out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from revguard.history.script import tree_of


class Imported(NamedTuple):
    """`from module import name`; without a name the module itself."""

    module: str
    level: int = 0
    name: str = ""


Bound: TypeAlias = "Imported | ast.ClassDef | ast.expr"


@dataclass(slots=True)
class Module:
    """The top level of a file, what stands below `if`, `try` and `with` included."""

    path: str
    names: dict[str, Bound] = field(default_factory=dict)
    stars: list[Imported] = field(default_factory=list)
    statements: list[tuple[ast.stmt, bool]] = field(default_factory=list)  # with "below an if"
    mapped: dict[str, str] = field(default_factory=dict)  # a table's variable: the class on it


def read(path: str, source: bytes) -> Module:
    """The module of a file; an empty one where it is no Python of ours."""
    module = Module(path)
    tree = tree_of(source)
    if tree is None:
        return module
    for statement, conditional in _flat(tree.body, conditional=False):
        module.statements.append((statement, conditional))
        for name, bound in _bound(statement, module.stars):
            if not conditional or name not in module.names:
                module.names[name] = bound
    if b"map_imperatively" in source or b"mapper(" in source:
        module.mapped.update(_mapped(tree))
    return module


def _flat(body: Iterable[ast.stmt], *, conditional: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements that an import runs; those below an `if` or an `except` are conditional."""
    for statement in body:
        if isinstance(statement, ast.If):
            taken = _taken(statement.test)
            if taken is not False:
                yield from _flat(statement.body, conditional=conditional or taken is None)
            if taken is not True:
                yield from _flat(statement.orelse, conditional=conditional or taken is None)
        elif isinstance(statement, ast.Try):
            for part in (statement.body, statement.orelse, statement.finalbody):
                yield from _flat(part, conditional=conditional)
            for handler in statement.handlers:
                yield from _flat(handler.body, conditional=True)
        elif isinstance(statement, ast.With):
            yield from _flat(statement.body, conditional=conditional)
        else:
            yield statement, conditional


def _taken(test: ast.expr) -> bool | None:
    """Whether a run takes the branch, as far as the source tells."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _taken(test.operand)
        return None if inner is None else not inner
    return False if (dotted(test) or [""])[-1] == "TYPE_CHECKING" else None


def _bound(statement: ast.stmt, stars: list[Imported]) -> Iterator[tuple[str, Bound]]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                yield alias.asname, Imported(alias.name)
            else:
                top = alias.name.partition(".")[0]
                yield top, Imported(top)
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            found = Imported(statement.module or "", statement.level, alias.name)
            if alias.name == "*":
                stars.append(found._replace(name=""))
            else:
                yield alias.asname or alias.name, found
    elif isinstance(statement, ast.ClassDef):
        yield statement.name, statement
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
        for name in targets(statement):
            yield name, statement.value


def _mapped(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """{variable of a table: class} of imperative mappings, wherever they are made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            called = (dotted(node.func) or [""])[-1]
            mapped, table = node.args[:2]
            if called in ("map_imperatively", "mapper") and isinstance(table, ast.Name):
                yield table.id, ".".join(dotted(mapped) or [""])


def targets(statement: ast.stmt) -> list[str]:
    """The plain names that an assignment binds."""
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def dotted(node: ast.expr) -> list[str] | None:
    """`a.b.c` as its parts; None for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return [node.id, *reversed(parts)]
