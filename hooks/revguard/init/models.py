"""Which metadata an environment is about: what the source declares in, one project's models out."""

from __future__ import annotations

import keyword
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from revguard.declared import Base, Declared, Origin, Table
from revguard.errors import CouldNotCheck, UsageError
from revguard.init.modules import Modules, is_application

_FLASK = "SQLAlchemy"
_ITSELF = ("MetaData",)  # all else has its metadata as an attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The tables of one project, and how env.py gets at their metadata."""

    home: str  # the folder that the project lies in: where alembic.ini goes
    roots: tuple[str, ...]  # import roots, in the repository
    near: str  # the file that the base is made in; of a library's, the first with a table
    bases: tuple[Base, ...]
    tables: tuple[Table, ...]
    modules: tuple[str, ...]  # those that define tables
    imports: tuple[str, ...]
    metadata: str
    flask: str = ""  # the expression of Flask-SQLAlchemy's `db`


def find(declared: Declared, modules: Modules, below: str) -> Models:
    """The models of the one project below a folder, or of the one in the repository.

    UsageError where there are several, CouldNotCheck where there are none.
    """
    tables = [one for one in declared.tables if _counts(one, modules)]
    by_home: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        by_home[_home(modules.root(table.path))].append(table)
    inside = {home: found for home, found in by_home.items() if _is_below(home, below)}
    chosen = inside or {home: it for home, it in by_home.items() if _is_below(below, home)}
    if not chosen:
        raise _none(declared, below, list(by_home))
    if len(chosen) > 1:
        raise _several(chosen)
    ((home, found),) = chosen.items()
    return _models(home, found, declared.bases, modules)


def _counts(table: Table, modules: Modules) -> bool:
    name = modules.name(table.path)
    importable = all(_is_name(part) for part in name.split("."))
    return bool(table.belongs) and is_application(table.path) and importable and not table.bind


def _is_name(part: str) -> bool:
    return part.isidentifier() and not keyword.iskeyword(part)


def _home(root: str) -> str:
    """The project's folder: that of its import root, or the one above `src`."""
    return posixpath.dirname(root) if posixpath.basename(root) == "src" else root


def _is_below(folder: str, top: str) -> bool:
    return not top or folder == top or folder.startswith(f"{top}/")


def _models(home: str, tables: list[Table], bases: Iterable[Base], modules: Modules) -> Models:
    owners = _owners(tables)
    found = [base for origin in owners for base in bases if base.origin == origin]
    if not found:
        raise CouldNotCheck("the tables belong to no declarative base or MetaData that was found")
    first = found[0]
    named = [_named(base, number, modules) for number, base in enumerate(found)]
    expressions = [expression for _, expression in named]
    metadata = expressions[0] if len(named) == 1 else f"[{', '.join(expressions)}]"
    paths = sorted({table.path for table in tables})
    roots = dict.fromkeys(modules.root(path) for path in [*filter(None, [first.path]), *paths])
    return Models(
        home=home,
        roots=tuple(roots),
        near=first.path or paths[0],
        bases=tuple(found),
        tables=tuple(tables),
        modules=tuple(sorted({modules.name(path) for path in paths})),
        imports=tuple(line for line, _ in named),
        metadata=metadata,
        flask=first.name if first.kind == _FLASK else "",
    )


def _owners(tables: Iterable[Table]) -> list[Origin]:
    """What the tables belong to, that of the most first."""
    counted: dict[Origin, int] = defaultdict(int)
    for table in tables:
        counted[table.belongs[-1]] += 1
    return sorted(counted, key=lambda one: (-counted[one], one))


def _named(base: Base, number: int, modules: Modules) -> tuple[str, str]:
    """The line that imports a base, and the expression of its metadata."""
    module = modules.name(base.path) if base.path else base.module
    name = base.name.rpartition(".")[2]  # a library's bears its dotted name
    alias = f"{name}{number + 1}" if number else name
    line = f"from {module} import {name}" + (f" as {alias}" if number else "")
    return line, alias if base.kind in _ITSELF else f"{alias}.metadata"


def _none(declared: Declared, below: str, homes: list[str]) -> CouldNotCheck:
    where = f" below {below}" if below else ""
    if homes:
        hint = f"there are some in {', '.join(home or 'the top folder' for home in sorted(homes))}"
        return CouldNotCheck(f"no models are found{where}", hint=hint)
    if declared.tables:
        one = declared.tables[0]
        return CouldNotCheck(
            f"the only tables are those of tests or examples, such as {one.path}:{one.line}"
        )
    return CouldNotCheck(
        f"no Alembic environment and no SQLAlchemy models are found{where}",
        hint="a model is a class with `__tablename__`, a `Table(...)`, or SQLModel's `table=True`; "
        "files that git ignores are not looked at",
    )


def _several(chosen: Mapping[str, list[Table]]) -> UsageError:
    told = "\n".join(
        f"  revguard -C {home or '.'} init   # {len(tables)} tables, {tables[0].path} and others"
        for home, tables in sorted(chosen.items())
    )
    return UsageError(f"there are models of several projects here:\n{told}", hint="choose one")
