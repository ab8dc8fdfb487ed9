"""What an application's source says of engines, Flask and create_all: files in, places out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from revguard.history.script import tree_of
from revguard.init.modules import is_application

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
_ENGINES: Final = ("create_engine", "create_async_engine")
_MENTIONS: Final = (
    b"create_engine",
    b"create_async_engine",
    b"Flask(",
    b"create_all",
    b"create_app",
)


class Place(NamedTuple):
    """A line of the source."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A call that makes an engine."""

    path: str
    name: str  # the variable of the module; empty where it is made in a function
    argument: ast.expr | None
    function: Function | None
    top_level: bool  # whether that function is one of the module
    asynchronous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A Flask application: a variable of a module, or a factory that needs no arguments."""

    path: str
    name: str
    factory: bool = False
    indirect: bool = False  # what a factory gave: its file may do more than make it


@dataclass(slots=True)
class Source:
    """What was read."""

    engines: list[Engine] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    create_all: list[Place] = field(default_factory=list)


def read(files: Mapping[str, bytes]) -> Source:
    """Read the application's own files."""
    source = Source()
    for path in sorted(files, key=lambda one: (one.count("/"), one)):
        if is_application(path) and any(word in files[path] for word in _MENTIONS):
            tree = tree_of(files[path])
            if tree is not None:
                _read(path, tree, source)
    return source


def _read(path: str, tree: ast.Module, source: Source) -> None:
    for call, name, function in _calls(tree):
        called = last(call.func)
        if called in _ENGINES:
            engine = _engine(path, call, name, function)
            source.engines.append(replace(engine, top_level=function in tree.body))
        elif called == "Flask" and name:
            source.applications.append(Application(path=path, name=name))
        elif called == "Flask" and function in tree.body and not needed(function):
            assert function is not None
            made = Application(path=path, name=function.name, factory=True)
            source.applications.append(made)
        elif name and called.startswith(("create_app", "make_app")):
            made = Application(path=path, name=name, indirect=True)
            source.applications.append(made)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "create_all":
            source.create_all.append(Place(path, node.lineno))


def _engine(path: str, call: ast.Call, name: str, function: Function | None) -> Engine:
    given = [*call.args, *(one.value for one in call.keywords if one.arg == "url")]
    return Engine(
        path=path,
        name=name,
        argument=given[0] if given else None,
        function=function,
        top_level=False,
        asynchronous=last(call.func) == "create_async_engine",
    )


def needed(function: Function | None) -> bool:
    """Whether it cannot be called without arguments."""
    if function is None:
        return True
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > 0 or any(default is None for default in arguments.kw_defaults)


def last(node: ast.expr) -> str:
    """The last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, Function | None]]:
    """Each call, the variable of the module that holds its result, the function that it is in."""
    names = {
        id(statement.value): target
        for statement in flat(tree.body)
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in _targets(statement)
    }
    yield from _within(tree, names, None)


def _within(
    node: ast.AST, names: Mapping[int, str], function: Function | None
) -> Iterator[tuple[ast.Call, str, Function | None]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, names.get(id(child), ""), function
        inner = child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
        yield from _within(child, names, inner)


def flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those below `if`, `try` and `with` included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for field_name in ("body", "orelse", "finalbody"):
                yield from flat(getattr(statement, field_name, ()))


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [one.id for one in targets if isinstance(one, ast.Name)]


_READ: Final = re.compile(
    rb"""(?:environ\.get|getenv)\(\s*["'](\w+)["']\s*\)|environ\[\s*["'](\w+)["']\s*\]"""
)


def variables(files: Mapping[str, bytes]) -> list[str]:
    """The variables of the environ that the application reads, and has no default for."""
    found: dict[str, None] = {}
    for path, text in files.items():
        if is_application(path):
            for match in _READ.findall(text):
                found[(match[0] or match[1]).decode()] = None
    return list(found)
