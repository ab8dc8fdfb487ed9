"""Declarative classes: a class and what its bases are in, whether and which table it maps out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from revguard.declared.names import Foreign, Made, Names, Value
from revguard.declared.reading import dotted, targets
from revguard.declared.texts import UNKNOWN, schema_in, text
from revguard.declared.values import Origin

ROOTS = {
    "sqlalchemy.orm.DeclarativeBase": "DeclarativeBase",
    "sqlalchemy.orm.DeclarativeBaseNoMeta": "DeclarativeBase",
    "sqlalchemy.orm.decl_api.DeclarativeBase": "DeclarativeBase",
    "sqlmodel.SQLModel": "SQLModel",
    "sqlmodel.main.SQLModel": "SQLModel",
}
SQLMODEL = Origin("", "sqlmodel.SQLModel")
_NO_BASES = ("sqlalchemy.orm.MappedAsDataclass", "typing.", "abc.", "enum.", "dataclasses.")
_DEEPEST = 20


@dataclass(slots=True)
class Facts:
    """What a class is by itself and its bases; texts that only a run tells are UNKNOWN."""

    path: str
    node: ast.ClassDef
    root: str = ""  # the kind of base that it is itself
    belongs: tuple[Origin, ...] = ()
    abstract: bool = False
    table: ast.Call | None = None  # of `__table__ = Table(...)`
    name: str | None = None  # of its table; None: it has none of its own
    schema: str | None = None
    bind: bool = False
    key: bool = False  # has a primary key of its own
    mapped: bool = False  # it, or a class that it inherits from, has a table
    derived: str | None = None  # how tables get their name: "lower", "same", "snake" or UNKNOWN
    sqlmodel: bool = False


class Classes:
    """The classes of a repository."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[tuple[str, str], Facts] = {}

    def facts(self, path: str, node: ast.ClassDef, depth: int = 0) -> Facts:
        """All about a class."""
        key = (path, node.name)
        if key not in self._known:
            facts = self._known[key] = Facts(path, node)
            if depth < _DEEPEST:
                self._fill(facts, depth)
        return self._known[key]

    def _fill(self, facts: Facts, depth: int) -> None:
        node = facts.node
        parents = list(self._parents(facts, depth))
        self._inherit(facts, parents)
        module = self._names.module(facts.path)
        own = dict(_assigned(node))
        facts.bind = facts.bind or "__bind_key__" in own
        facts.abstract = getattr(own.get("__abstract__"), "value", False) is True
        facts.key = any(_is_key(part) for part in ast.walk(node))
        if parents and not facts.root and _is_metadata(own.get("metadata")):
            facts.root = "metadata"
        if facts.root:
            facts.belongs = ()  # whatever it inherits from: tables belong to it
        if "__table_args__" in own:
            facts.schema = schema_in(own["__table_args__"], module) or facts.schema
        self._name(facts, own)

    def _parents(self, facts: Facts, depth: int) -> Iterator[Facts | Origin]:
        for expression in facts.node.bases:
            value = self._names.of_expression(facts.path, expression)
            if isinstance(value, Made) and isinstance(value.node, ast.ClassDef):
                yield self.facts(value.path, value.node, depth + 1)
            elif isinstance(value, Made):
                if value.side == "Model" or called(value.node) == "SQLAlchemy":
                    facts.derived = facts.derived or "snake"
                yield Origin(value.path, value.name)
            elif isinstance(value, Foreign):
                yield from self._foreign(facts, value)
        for decorator in facts.node.decorator_list:
            yield from self._decorated(facts, decorator)

    def _foreign(self, facts: Facts, value: Foreign) -> Iterator[Origin]:
        kind = ROOTS.get(value.dotted, "")
        if kind == "DeclarativeBase":
            facts.root = kind
        elif kind == "SQLModel":
            facts.sqlmodel = True
            facts.derived = "lower"
            yield SQLMODEL
        elif "." in value.dotted and not value.dotted.startswith(_NO_BASES):
            yield Origin("", value.dotted)

    def _decorated(self, facts: Facts, decorator: ast.expr) -> Iterator[Origin]:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        parts = dotted(called) or [""]
        if parts[-1] in ("as_declarative", "as_declarative_base"):
            facts.root = "as_declarative"
        elif parts[-1] in ("mapped", "mapped_as_dataclass") and isinstance(called, ast.Attribute):
            value = self._names.of_expression(facts.path, called.value)
            if isinstance(value, Made):
                yield Origin(value.path, value.name)

    def _inherit(self, facts: Facts, parents: list[Facts | Origin]) -> None:
        chain: list[Origin] = []
        for parent in parents:
            if isinstance(parent, Origin):
                chain.append(parent)
                continue
            if parent.root or parent.belongs:
                chain += [Origin(parent.path, parent.node.name), *parent.belongs]
            facts.sqlmodel = facts.sqlmodel or parent.sqlmodel
            facts.schema = facts.schema or parent.schema
            facts.bind = facts.bind or parent.bind
            facts.derived = parent.derived if facts.derived is None else facts.derived
            facts.mapped = facts.mapped or parent.mapped
        facts.belongs = tuple(dict.fromkeys(chain))

    def _name(self, facts: Facts, own: dict[str, ast.expr]) -> None:
        """The name of the class's own table; how those of its subclasses are made."""
        function = _function(facts.node, "__tablename__")
        if function is not None:
            facts.derived = _derivation(function)
        if facts.abstract or facts.root or not facts.belongs:
            return
        if facts.sqlmodel and not _is_table_model(facts.node):
            return
        module = self._names.module(facts.path)
        table = own.get("__table__")
        if isinstance(table, ast.Call):
            facts.table = table
        elif "__tablename__" in own:
            facts.name = text(own["__tablename__"], module)
        elif table is None and facts.derived is not None and (facts.key or not facts.mapped):
            facts.name = _derived(facts.derived, facts.node.name)
        facts.mapped = facts.mapped or table is not None or facts.name is not None


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            for name in targets(statement):
                yield name, statement.value


def _function(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return statement
    return None


def _derivation(function: ast.FunctionDef) -> str:
    """What a declared `__tablename__` makes of the class's name, if it is one of the usual ways."""
    for statement in function.body:
        if isinstance(statement, ast.Return) and statement.value is not None:
            said = ast.unparse(statement.value)
            if re.fullmatch(r"\w+\.__name__\.lower\(\)", said):
                return "lower"
            if re.fullmatch(r"\w+\.__name__", said):
                return "same"
    return UNKNOWN


def _derived(way: str, name: str) -> str:
    if way == "lower":
        return name.lower()
    if way == "snake":
        return snake(name)
    return name if way == "same" else UNKNOWN


def snake(name: str) -> str:
    """`UserProfile` as `user_profile`, as Flask-SQLAlchemy does it."""
    joined = re.sub(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))", r"_\1", name)
    return joined.lower().lstrip("_")


def _is_key(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.keyword)
        and node.arg == "primary_key"
        and getattr(node.value, "value", None) is True
    )


def _is_metadata(node: ast.expr | None) -> bool:
    return node is not None and (dotted(node) is not None or called(node) == "MetaData")


def _is_table_model(node: ast.ClassDef) -> bool:
    return any(
        word.arg == "table" and getattr(word.value, "value", None) is True for word in node.keywords
    )


def called(node: ast.AST) -> str:
    """The last name of what a call calls."""
    parts = dotted(node.func) if isinstance(node, ast.Call) else None
    return parts[-1] if parts else ""


def origin_of(value: Value | None) -> Origin | None:
    """The value as tables' `belongs` has it."""
    if isinstance(value, Made):
        return Origin(value.path, value.name)
    if isinstance(value, Foreign):
        same = ROOTS.get(value.dotted) == "SQLModel"
        return SQLMODEL if same else Origin("", value.dotted)
    return None
