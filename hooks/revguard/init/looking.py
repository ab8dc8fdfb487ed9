"""One project looked at by its own interpreter, until its imports work: models in, Seen out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from revguard.init import asking, reading, template, urls, variables
from revguard.init.asking import Asked
from revguard.init.files import Files
from revguard.init.models import Models
from revguard.init.urls import Url
from revguard.init.variables import Given

if TYPE_CHECKING:
    from revguard.evaluation.subject import Subject
    from revguard.options import Options
    from revguard.project import Interpreter

_ROUNDS: Final = 8  # each tells of variables that are missing
_SECONDS: Final = 120.0
_DRIVERS: Final = (
    ("psycopg2", "postgresql+psycopg2"), ("psycopg", "postgresql+psycopg"),
    ("asyncpg", "postgresql+asyncpg"), ("pymysql", "mysql+pymysql"), ("MySQLdb", "mysql+mysqldb"),
    ("aiomysql", "mysql+aiomysql"), ("aiosqlite", "sqlite+aiosqlite"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the worker saw with one expression for the URL (worker/looking.py)."""

    url: Url
    given: Given
    lines: tuple[str, ...]  # that were imported
    modules: int  # how many of them, the first, are of modules that define tables
    answer: Mapping[str, Any]

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """What could not be imported or evaluated."""
        told = [*self.answer["imports"], self.answer["metadata"], self.answer["url"]]
        return [one["failure"] for one in told if "failure" in one]

    @property
    def lacks_module(self) -> bool:
        """Whether a package is not installed."""
        return any(one["type"] == "ModuleNotFoundError" for one in self.failures)

    def value(self, what: str) -> Mapping[str, Any]:
        """What is known of "metadata" or "url"; nothing where it failed."""
        return self.answer[what].get("value") or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Asks about one project."""

    subject: Subject
    files: Files
    found: Models
    interpreter: Interpreter
    options: Options
    folder: str  # the script location to be
    templates: tuple[str, ...]

    def look(self, candidates: Sequence[Url]) -> Seen:
        """What is seen with the first expression that works, or with the first of all."""
        seen: list[Seen] = []
        for url in candidates[:3]:
            one = self._with_variables(url)
            if not one.failures:
                return one
            seen.append(one)
            if one.lacks_module:
                break  # whatever the URL is
        return min(seen, key=lambda one: len(one.failures))

    def _with_variables(self, url: Url) -> Seen:
        """Give what the project says that it misses, until it works or says nothing new."""
        seen = self._ask(url, Given())
        example = variables.examples(self.files.other, self.found.home)
        for _ in range(_ROUNDS):
            missing = self._missing(seen)
            if not missing:
                break
            seen = self._ask(url, variables.with_missing(seen.given, missing, example))
        return seen

    def _missing(self, seen: Seen) -> list[str]:
        told = [name for one in seen.failures for name in one["missing"]]
        if not told and seen.failures and not seen.lacks_module:
            # it may have got None and failed over it later
            read = reading.variables(self.files.python)
            told = urls.variables(seen.url.expression)
            told += filter(variables.looks_like_a_database, read)
        return [name for name in dict.fromkeys(told) if name not in seen.given.names]

    def _ask(self, url: Url, given: Given) -> Seen:
        found = self.found
        tables = [f"import {name}" for name in found.modules]
        lines = (*tables, *url.imports, *found.imports)  # as env.py has them
        asked = Asked(
            home=found.home,
            roots=found.roots,
            imports=lines,
            metadata=found.metadata,
            url=url.expression,
            app=url.app,
            folder=self.folder,
            templates=self.templates,
            pyproject=self.text(template.PYPROJECT),
            environ=given.environ(_plausible(self.interpreter.site_packages)),
        )
        answer = asking.ask(self.subject, self.interpreter, asked, self.options, _SECONDS)
        return Seen(url=url, given=given, lines=lines, modules=len(tables), answer=answer)

    def text(self, name: str) -> str | None:
        """A file beside the alembic.ini to be."""
        content = self.files.other.get(posixpath.join(self.found.home, name))
        return None if content is None else content.decode("utf-8")


def _plausible(site_packages: Sequence[str]) -> str:
    """A URL that the project can parse; nothing is connected to."""
    for package, driver in _DRIVERS:
        if any(os.path.isdir(os.path.join(path, package)) for path in site_packages):
            return f"{driver}://revguard:revguard@localhost/revguard"
    return "sqlite:///revguard.db"
