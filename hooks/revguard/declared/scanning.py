"""The scan: files in, every table and base that they define out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from revguard.declared.classes import SQLMODEL, Classes, Facts, called, origin_of
from revguard.declared.names import Foreign, Made, Names
from revguard.declared.reading import Imported, Module, dotted, targets
from revguard.declared.texts import UNKNOWN, text
from revguard.declared.values import Base, Declared, Origin, Table

# A file without any of these defines nothing; most files fail at all of them.
_MARKS = (
    b"__table", b"olumn(", b"Mapped[", b"Table(", b"table=True", b"table = True", b".Model",
    b"eclarative", b"MetaData(", b"registry(", b"SQLAlchemy(", b"SQLModel", b"generate_base",
)  # fmt: skip
_CALLS = frozenset((
    "declarative_base", "automap_base", "generate_base", "registry", "MetaData", "SQLAlchemy",
))  # fmt: skip


def scan(files: Mapping[str, bytes]) -> Declared:
    """All tables and bases of these files (path: content); files that are no Python are ignored."""
    return Scanner(files).scan()


class Scanner:
    """Files of a repository; imports lead also to those that no scan was asked of."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._names = Names(files)
        self._classes = Classes(self._names)

    def scan(self, paths: Collection[str] | None = None) -> Declared:
        """What these files define; by default all files that there are."""
        tables: list[Table] = []
        bases: list[Base] = []
        for path in sorted(self._files if paths is None else paths):
            if path.endswith(".py") and any(mark in self._files[path] for mark in _MARKS):
                with suppress(RecursionError):  # an expression that nests for thousands of levels
                    module = self._names.module(path)
                    tables += self._tables(module)
                    bases += self._bases(module)
        if any(table.belongs[-1:] == (SQLMODEL,) for table in tables):
            bases.append(Base(name=SQLMODEL.name, kind="SQLModel", path="", module="sqlmodel"))
        return Declared(tables=tuple(tables), bases=tuple(bases))

    def origin(self, path: str, name: str) -> Origin | None:
        """Where what a name of a file means was made; None where it is not known."""
        if path not in self._files:
            return None
        return origin_of(self._names.of_name(path, name))

    def _bases(self, module: Module) -> Iterator[Base]:
        made = {*_CALLS, *(name for one in _CALLS for name in _aliases(module, one))}
        for statement, _ in module.statements:
            if isinstance(statement, ast.ClassDef):
                kind = self._classes.facts(module.path, statement).root
                names = [statement.name]
            else:
                kind, names = self._kind(module, statement, made), targets(statement)
            if kind:
                for name in names:
                    yield Base(
                        name=name,
                        kind=kind,
                        path=module.path,
                        line=statement.lineno,
                        module=self._names.dotted_name(module.path),
                    )

    def _kind(self, module: Module, statement: ast.stmt, made: Collection[str]) -> str:
        """The kind of base that a call makes; a function of the project's own makes none."""
        call = getattr(statement, "value", None)
        if not isinstance(call, ast.Call) or called(call) not in made:
            return ""
        value = self._names.of_expression(module.path, call.func)
        if isinstance(value, Foreign):
            name = value.dotted.rpartition(".")[2] if "sql" in value.dotted else ""
        elif isinstance(value, Made) and isinstance(value.node, ast.ClassDef):
            name = value.name  # class SQLAlchemy(flask_sqlalchemy.SQLAlchemy)
        else:
            name = "generate_base" if called(call) == "generate_base" else ""
        return name if name in _CALLS else ""

    def _tables(self, module: Module) -> Iterator[Table]:
        tables = {"Table", *_aliases(module, "Table")}
        for statement, conditional in module.statements:
            facts = None
            if isinstance(statement, ast.ClassDef):
                facts = self._classes.facts(module.path, statement)
                if facts.name is not None:
                    yield self._of_class(module, facts, conditional=conditional)
            for call in _table_calls(statement, tables):
                table = self._of_call(module, call, conditional=conditional)
                if table is not None and facts is not None and call is facts.table:
                    named = facts.node.name
                    yield replace(table, kind="class", class_name=named, line=statement.lineno)
                elif table is not None:
                    yield _mapped(table, module, targets(statement))

    def _of_class(self, module: Module, facts: Facts, *, conditional: bool) -> Table:
        return Table(
            name=facts.name or UNKNOWN,
            schema=facts.schema,
            path=module.path,
            line=facts.node.lineno,
            kind="sqlmodel" if facts.sqlmodel else "class",
            class_name=facts.node.name,
            belongs=facts.belongs,
            module=self._names.dotted_name(module.path),
            conditional=conditional,
            bind=facts.bind,
        )

    def _of_call(self, module: Module, call: ast.Call, *, conditional: bool) -> Table | None:
        """The table of `Table(name, metadata, ...)`; of `db.Table(name, ...)` the db's."""
        value = self._names.of_expression(module.path, call.func)
        of_flask = isinstance(value, Made) and value.side == "Table"
        known = isinstance(value, Foreign) and value.dotted.startswith("sqlalchemy.")
        if not (of_flask or known) or not call.args:
            return None
        words = {word.arg: word.value for word in call.keywords}
        metadata = call.args[1] if len(call.args) > 1 else words.get("metadata")
        origin = None
        if metadata is not None and dotted(metadata):
            origin = origin_of(self._names.of_expression(module.path, metadata))
        if of_flask and origin is None:
            origin = origin_of(value)
        return Table(
            name=text(call.args[0], module),
            schema=text(words.get("schema"), module) or None,
            path=module.path,
            line=call.lineno,
            kind="table",
            belongs=(origin,) if origin else (),
            module=self._names.dotted_name(module.path),
            conditional=conditional,
        )


def _mapped(table: Table, module: Module, variables: list[str]) -> Table:
    """With the class that is mapped onto it imperatively, if there is one."""
    for one in variables:
        if one in module.mapped:
            return replace(table, kind="imperative", class_name=module.mapped[one])
    return table


def _aliases(module: Module, name: str) -> Iterator[str]:
    for alias, bound in module.names.items():
        if isinstance(bound, Imported) and bound.name == name:
            yield alias


def _table_calls(top: ast.AST, names: Collection[str]) -> Iterator[ast.Call]:
    """Calls of `Table` that an import runs: not those in functions."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Call) and called(node) in names:
            yield node
        waiting += reversed(list(ast.iter_child_nodes(node)))
