"""Find the project's interpreter: a folder of the repository in, an Interpreter out."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
from collections.abc import Mapping

from revguard.errors import ConfigError, CouldNotCheck
from revguard.project.candidates import candidates
from revguard.project.environ import base_environ
from revguard.project.place import Place, python_of
from revguard.project.probing import Probe, is_script, probe

OLDEST = (3, 8)  # the syntax of the worker
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that has Alembic and SQLAlchemy, and why it is this one."""

    path: str
    python: str
    alembic: str
    sqlalchemy: str
    prefix: str
    base_prefix: str
    site_packages: tuple[str, ...]
    reason: str
    passed_over: tuple[tuple[str, str], ...] = ()  # path, why


def find(
    toplevel: str,
    root: str,
    configured: str | None,
    environ: Mapping[str, str],
    *,
    own_prefix: str = sys.prefix,
    cache: str | None = None,
) -> Interpreter:
    """The interpreter of the environment whose `root` in the repository this is.

    A configured one is taken or is a ConfigError; else the first that has Alembic and
    SQLAlchemy, in the order of the contract, or CouldNotCheck.
    """
    place = Place(toplevel=toplevel, root=root, environ=environ, own_prefix=own_prefix, cache=cache)
    return _first(place) if configured is None else _configured(configured, place)


def _first(place: Place) -> Interpreter:
    passed_over: list[tuple[str, str]] = []
    for candidate in candidates(place):
        problem, found = candidate.problem, Probe()
        if not problem:
            found = _asked(candidate.path, place)
            problem = _problem(found)
        if not problem:
            return _interpreter(candidate.path, found, candidate.reason, tuple(passed_over))
        passed_over.append((candidate.path, problem))
    raise _none_found(passed_over)


def _asked(path: str, place: Place) -> Probe:
    environ = base_environ(place.environ, place.own_prefix)
    return probe(path, environ, place.here, place.cache)


def _problem(found: Probe) -> str:
    if found.problem:
        return found.problem
    if _version(found.python) < OLDEST:
        return f"is Python {found.python}, revguard needs {'.'.join(map(str, OLDEST))} or later"
    missing = [
        name
        for name, version in (("Alembic", found.alembic), ("SQLAlchemy", found.sqlalchemy))
        if version is None
    ]
    return f"has no {' and no '.join(missing)}" if missing else ""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _interpreter(
    path: str, found: Probe, reason: str, passed_over: tuple[tuple[str, str], ...] = ()
) -> Interpreter:
    assert found.alembic is not None
    assert found.sqlalchemy is not None
    return Interpreter(
        path=found.executable if found.executable and is_script(path) else path,
        python=found.python,
        alembic=found.alembic,
        sqlalchemy=found.sqlalchemy,
        prefix=found.prefix,
        base_prefix=found.base_prefix,
        site_packages=found.site_packages,
        reason=reason,
        passed_over=passed_over,
    )


def _configured(said: str, place: Place) -> Interpreter:
    path = _resolved(said, place)
    found = _asked(path, place)
    problem = _problem(found)
    if not problem:
        return _interpreter(path, found, "the configuration names it")
    named = said if path == said else f"{said} ({path})"
    hint = f"Install it: `{path} -m pip install alembic`" if problem.startswith("has no") else ""
    raise ConfigError(
        f"python = {named} {problem}",
        hint=hint or "Make it, or name the interpreter that runs the project.",
    )


def _resolved(said: str, place: Place) -> str:
    told = os.path.expanduser(_VARIABLE.sub(lambda found: _variable(found, said, place), said))
    tried = [os.path.join(top, told) for top in place.tops()]
    for path in tried:
        if os.path.isdir(path):
            return python_of(path) or path
        if os.path.exists(path):
            return os.path.abspath(path)
    on_path = None if os.path.dirname(told) else shutil.which(told, path=_search_path(place))
    return on_path or os.path.abspath(tried[0])


def _variable(found: re.Match[str], said: str, place: Place) -> str:
    value = place.environ.get(found[1])
    if value is None:
        raise ConfigError(
            f"python = {said} names the variable {found[1]}, which is not set",
            hint=f"Set it: `export {found[1]}=...`",
        )
    return value


def _search_path(place: Place) -> str:
    return base_environ(place.environ, place.own_prefix).get("PATH", "")


def _none_found(passed_over: list[tuple[str, str]]) -> CouldNotCheck:
    told = "\n".join(f"  {path} {why}" for path, why in passed_over)
    lacking = [path for path, why in passed_over if why.startswith("has no Alembic")]
    install = f"Install it: `{lacking[0]} -m pip install alembic`, or activate" if lacking else ""
    return CouldNotCheck(
        "no Python with Alembic and SQLAlchemy is found" + (f":\n{told}" if told else ""),
        hint=f"{install or 'Activate'} the project's virtualenv, or name its interpreter: "
        '`python = "path/to/python"` in [tool.revguard].',
    )
