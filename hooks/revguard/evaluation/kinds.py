"""SQLite, where the project runs on something else: what was evaluated in, an error or a note out.

env.py often falls back to a file where the variable with the URL is missing. Then the comparison is
one of another database than the project's, and clean for the wrong reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from revguard.config.loading import toml
from revguard.config.values import dotted
from revguard.errors import ConfigError, CouldNotCheck
from revguard.evaluation.case import Case
from revguard.evaluation.ordering import version_of
from revguard.evaluation.tasks import Evaluated
from revguard.options import no_progress

_FALLBACK: Final = "sqlite"
_NAMES: Final[Mapping[str, str]] = {
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "oracle": "Oracle",
    "mssql": "SQL Server",
}
_DRIVERS: Final[Mapping[str, str]] = {
    "psycopg2": "postgresql",
    "psycopg2-binary": "postgresql",
    "psycopg": "postgresql",
    "asyncpg": "postgresql",
    "pg8000": "postgresql",
    "mysqlclient": "mysql",
    "pymysql": "mysql",
    "aiomysql": "mysql",
    "asyncmy": "mysql",
}
_REQUIREMENTS: Final = re.compile(r"requirements(/(base|main|prod\w*|common))?\.(txt|in)")
_PACKAGE: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_VARIABLE: Final = re.compile(
    rb"(?:environ(?:\.get)?\s*[\[(]|getenv\s*\(|env(?:\.\w+)?\s*\()\s*[\"']"
    rb"(\w*(?:DATABASE|DB|SQLALCHEMY|POSTGRES|PG|MYSQL)\w*)[\"']"
)


def refuse_another(case: Case, evaluated: Evaluated) -> None:
    """CouldNotCheck where env.py connected to SQLite, and the project is another dialect's."""
    if not _is_fallback(case, evaluated):
        return
    for dialect, reason in _evidence(case, evaluated):
        if dialect != _FALLBACK:
            raise _another(case, evaluated, dialect, reason)


def notes(case: Case, evaluated: Evaluated) -> tuple[str, ...]:
    """What may be another's, but is not known to be."""
    if not _is_fallback(case, evaluated) or case.around.environment.url_hint is not None:
        return ()
    required = _required(case)
    if not required:
        return ()
    name, path = required[0]
    said = _NAMES[_DRIVERS[name]]
    note = (
        f"compared on SQLite, which env.py connected to, though {path} asks for {name}: if the "
        f"project runs on {said}, env.py lacks its URL"
    )
    return (note,)


def _is_fallback(case: Case, evaluated: Evaluated) -> bool:
    """Whether it is SQLite, and nobody says that SQLite is meant."""
    settings = case.around.environment.settings
    meant = (settings.driver or "").partition("+")[0] == _FALLBACK or settings.database == _FALLBACK
    database = evaluated.database
    return database is not None and database.dialect == _FALLBACK and not meant


def _evidence(case: Case, evaluated: Evaluated) -> Iterator[tuple[str, str]]:
    environment = case.around.environment
    if environment.settings.driver:
        yield environment.settings.driver.partition("+")[0], "`driver` says so"
    if environment.url_hint is not None:
        yield environment.url_hint[0], f"{environment.config} says so"
    foreign: Mapping[str, str] | None = evaluated.result["foreign"]
    if foreign:
        said = f"{foreign['column']} of the models is {foreign['type']}, which SQLite does not have"
        yield foreign["dialect"], said
    if environment.url_hint is None:
        known = (one.dialect for one in case.records.newest() if one.dialect)
        yield from ((one, "an earlier run connected to it") for one in known)
        yield from _served(case)


def _served(case: Case) -> Iterator[tuple[str, str]]:
    """A driver that is required together with a server that is started for the project."""
    environment = case.around.environment
    for name, path in _required(case):
        told = version_of(environment, case.subject, _DRIVERS[name], no_progress)
        if told is not None:
            yield _DRIVERS[name], f"{path} asks for {name}, and {told.source} has its server"


def _required(case: Case) -> list[tuple[str, str]]:
    """Drivers that are no optional dependencies: (name, the file that says it)."""
    folders = dict.fromkeys((*case.around.environment.roots, ""))
    listing = case.subject.listing
    paths = [
        path
        for folder in folders
        for path in listing
        if path.startswith(f"{folder}/" if folder else "")
        and _is_requirements(path[len(folder) + 1 if folder else 0 :])
    ]
    contents = case.subject.read(list(dict.fromkeys(paths)))
    found = ((name, path) for path in contents for name in _packages(path, contents[path]))
    return [(name, path) for name, path in found if name in _DRIVERS]


def _is_requirements(path: str) -> bool:
    return path == "pyproject.toml" or bool(_REQUIREMENTS.fullmatch(path))


def _packages(path: str, content: bytes) -> list[str]:
    is_toml = path.endswith(".toml")
    lines = (
        _of_pyproject(path, content) if is_toml else content.decode("utf-8", "replace").split("\n")
    )
    return [found[1].lower() for found in map(_PACKAGE.match, lines) if found]


def _of_pyproject(path: str, content: bytes) -> list[str]:
    """Of the project itself, by the standard and as Poetry has them."""
    try:
        data: Any = toml(path, content)
        listed = data.get("project", {}).get("dependencies", [])
        poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {})
        optional = {name for name, said in poetry.items() if isinstance(said, dict)}
        optional = {name for name in optional if poetry[name].get("optional")}
        return [*map(str, listed), *(poetry.keys() - optional)]
    except (ConfigError, AttributeError, TypeError):  # none of ours to complain of
        return []


def _another(case: Case, evaluated: Evaluated, dialect: str, reason: str) -> CouldNotCheck:
    environment = case.around.environment
    variable = _variable(case, evaluated)
    unset = f" ({variable} is not set)" if variable else ""
    where = f"[tool.revguard.environments.{dotted([environment.name])}]"
    named = variable or "DATABASE_URL"
    return CouldNotCheck(
        f"env.py connected to SQLite{unset}, but the project is one of "
        f"{_NAMES.get(dialect, dialect)}: {reason}",
        hint=f'Give it the URL: `environ = {{ {named} = "{{url}}" }}` and `driver = "{dialect}"` '
        f"(or with its driver's name) in {where}. If SQLite is meant, say so there: "
        '`driver = "sqlite"`.',
    )


def _variable(case: Case, evaluated: Evaluated) -> str:
    """A variable for the URL that the project's code reads and that is not set."""
    files = [path for path in evaluated.observed["files"] if path.endswith(".py")]
    environ = case.around.environ
    for content in case.subject.read(files).values():
        for found in _VARIABLE.findall(content):
            name = os.fsdecode(found)
            if name not in environ:
                return name
    return ""
