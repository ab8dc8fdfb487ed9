"""Where the application gets the URL of its database from: its engines in, expressions out.

An expression is taken over as it stands, with the imports that it needs, or the engine itself is
asked. A literal is never copied, unless it holds no password.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from revguard.history.script import tree_of
from revguard.init.modules import Modules
from revguard.init.reading import Application, Engine, Source, flat, last, needed

_BUILTIN: Final = frozenset(("str",))
# what env.py itself calls so
_TAKEN: Final = frozenset(("config", "context", "pool", "url", "connectable", "connection"))
_ENVIRON: Final = ("os.environ", "os.getenv", "environ.get", "getenv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An expression of env.py for the URL, and what has to be imported for it."""

    imports: tuple[str, ...]
    expression: str
    said: str  # for people: where it comes from
    asynchronous: bool | None = None  # None: the URL itself tells
    app: str = ""  # the Flask application in whose context it holds
    literal: str | None = None  # where it is one: it holds no password, and goes into the ini


class Urls:
    """Finds the expressions in the files of a repository."""

    def __init__(self, files: Mapping[str, bytes], modules: Modules, source: Source) -> None:
        self._files, self._modules, self._source = files, modules, source

    def of_engines(self, near: str) -> list[Url]:
        """The best first: of engines that lie near the file of the models, and can be imported."""
        root = self._modules.root(near)
        engines = [one for one in self._source.engines if self._modules.root(one.path) == root]
        engines.sort(key=lambda one: _rank(one, near))
        return [url for url in map(self._of, engines) if url is not None]

    def of_flask(self, near: str, db: str) -> list[Url]:
        """The URL of a Flask application's `db`, in each application's context."""
        root = self._modules.root(near)
        applications = [
            one for one in self._source.applications if self._modules.root(one.path) == root
        ]
        applications.sort(key=lambda one: one.indirect)
        return [self._of_application(one, db) for one in applications]

    def _of_application(self, one: Application, db: str) -> Url:
        module = self._modules.name(one.path)
        call = f"{one.name}()" if one.factory else one.name
        return Url(
            imports=(f"from {module} import {one.name}",),
            expression=f"{db}.engine.url",
            said=f"the engine of {call} in {one.path}",
            asynchronous=False,
            app=call,
        )

    def _of(self, engine: Engine) -> Url | None:
        said = f"create_engine() in {engine.path}"
        argument = _resolved(engine)
        if argument is None or _is_in_memory(argument):
            return None
        made = engine.name or _maker(engine)
        if made and isinstance(argument, ast.Constant):
            taken = None  # said in one place
        else:
            taken = self._taken_over(argument, engine.path)
        if taken is not None:
            imports, expression = taken
            said = f"{expression}, as {said} does"
        elif made:
            module = self._modules.name(engine.path)
            imports = (f"from {module} import {made.removesuffix('()')}",)
            expression = f"{made}.url"
            said = f"{made} of {engine.path}"
        else:
            return None
        literal = None
        if not made and isinstance(argument, ast.Constant):
            literal = str(argument.value)
        return Url(
            imports=imports,
            expression=expression,
            said=said,
            asynchronous=engine.asynchronous,
            literal=literal,
        )

    def _taken_over(self, node: ast.expr, path: str) -> tuple[tuple[str, ...], str] | None:
        """The imports and the text of an expression that means the same elsewhere."""
        if isinstance(node, ast.Constant) and not _has_password(node):
            return (), repr(node.value)
        text = ast.get_source_segment(self._files[path].decode("utf-8", "replace"), node)
        if not _is_plain(node) or text is None:
            return None
        imports = []
        for name in dict.fromkeys(_names(node)):
            if name not in _BUILTIN:
                line = self._import(name, path)
                if line is None:
                    return None
                if name in _TAKEN:
                    line, text = _renamed(line, text, name)
                imports.append(line)
        return tuple(imports), text

    def _import(self, name: str, path: str) -> str | None:
        """The line that brings a module's name into another module."""
        tree = tree_of(self._files[path])
        for statement in flat(tree.body if tree else ()):
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if (alias.asname or alias.name.partition(".")[0]) == name:
                        return f"import {_alias(alias)}"
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        return f"from {self._from(statement, path)} import {_alias(alias)}"
            elif name in _defined(statement):
                return f"from {self._modules.name(path)} import {name}"
        return None

    def _from(self, statement: ast.ImportFrom, path: str) -> str:
        if not statement.level:
            return statement.module or ""
        name = self._modules.name(path).split(".")
        if not path.endswith("/__init__.py"):
            name.pop()
        above = name[: len(name) - statement.level + 1]
        return ".".join([*above, *filter(None, [statement.module])])


def _renamed(line: str, text: str, name: str) -> tuple[str, str]:
    """An import and an expression with another name for what env.py has of that name."""
    other = f"app_{name}"
    line = line.partition(" as ")[0] + f" as {other}"
    return line, re.sub(rf"(?<![\w.\"']){name}\b", other, text)


def environment(variable: str = "DATABASE_URL") -> Url:
    """Where nothing was found: the variable that most have."""
    return Url(
        imports=("import os",),
        expression=f'os.environ["{variable}"]',
        said=f"the variable {variable}: no create_engine() tells another place",
    )


def variables(expression: str) -> list[str]:
    """The variables of the environ that an expression reads."""
    found = []
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in _ENVIRON:
            key = node.slice
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _ENVIRON and node.args:
            key = node.args[0]
        else:
            continue
        if isinstance(key, ast.Constant):
            found.append(str(key.value))
    return found


def _rank(engine: Engine, near: str) -> tuple[bool, bool, int, str]:
    folder = near.rpartition("/")[0]
    return (
        not engine.name,
        engine.path != near and not engine.path.startswith(folder),
        engine.path.count("/"),
        engine.path,
    )


def _resolved(engine: Engine) -> ast.expr | None:
    """The argument; a local variable of the function by what it was given."""
    argument = engine.argument
    if not isinstance(argument, ast.Name) or engine.function is None:
        return argument
    given = [
        node.value
        for node in ast.walk(engine.function)
        if isinstance(node, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == argument.id for one in node.targets)
    ]
    if len(given) == 1:
        return given[0]
    local = {one.arg for one in ast.walk(engine.function) if isinstance(one, ast.arg)}
    return None if given or argument.id in local else argument


def _maker(engine: Engine) -> str:
    """A call that gives the engine; empty where nothing without arguments does."""
    function = engine.function
    if function is None or needed(function) or isinstance(function, ast.AsyncFunctionDef):
        return ""
    returned = [
        last(node.value.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call)
    ]
    is_method = not engine.top_level
    return f"{function.name}()" if "create_engine" in returned and not is_method else ""


def _is_in_memory(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (
        ":memory:" in str(node.value) or str(node.value).endswith("sqlite://")
    )


def _has_password(node: ast.Constant) -> bool:
    return not isinstance(node.value, str) or "@" in node.value


def _is_plain(node: ast.expr) -> bool:
    """Whether it is made of names, attributes, subscripts and calls, without a URL in it."""
    for one in ast.walk(node):
        if isinstance(one, (ast.expr_context, ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
            continue
        if isinstance(one, ast.Constant) and "://" not in str(one.value):
            continue
        return False
    return True


def _names(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name
