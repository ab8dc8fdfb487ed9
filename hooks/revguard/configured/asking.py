"""A request about the configured database: an environment in, the databases that env.py came with
out. It runs in the working tree, by the project's interpreter, as `alembic` would."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from revguard import cachedir, fast, project, runs
from revguard.config import EnvironmentSettings
from revguard.configured.values import Database, databases_of
from revguard.environments import Environment
from revguard.errors import CouldNotCheck, UsageError
from revguard.evaluation import failures, imports
from revguard.evaluation.case import Surroundings
from revguard.evaluation.known import last_record
from revguard.evaluation.subject import Subject
from revguard.masking import masked
from revguard.options import Options
from revguard.project import Interpreter
from revguard.project.launch import Worker
from revguard.runs import Run

_HINTS = {"Broken": "`revguard status` says what is wrong with them"}  # by the worker's exceptions
_NO_FILE = "there is no file"  # as worker/admission.py says it
_A_YEAR = 365 * 24 * 3600.0  # nobody stops a migration half-way


class Unreachable(CouldNotCheck):
    """The database does not answer, or lets nobody in."""


class Denied(CouldNotCheck):
    """The database is on a host that nobody allowed."""

    def __init__(self, host: str, place: str) -> None:
        super().__init__(f"{place} is on the host {host}, which is not this machine")
        self.host = host


class Stopped(CouldNotCheck):
    """The request ended early; `databases` says how far it came. `kind`: unknown, memory or
    failed."""

    def __init__(self, kind: str, message: str, databases: tuple[Database, ...]) -> None:
        super().__init__(message)
        self.kind = kind
        self.databases = databases


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the configured database."""

    operation: str  # "look" or "upgrade"
    revision: str = "heads"
    allowed: tuple[str, ...] = ()  # hosts besides this machine
    creates: bool = False  # a SQLite file that is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a request."""

    databases: tuple[Database, ...]
    locations: tuple[str, ...]  # the version folders, as far as they lie in the working tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request comes from; its environments share the run."""

    options: Options
    subject: Subject  # the working tree
    run: Run


@contextmanager
def opened(options: Options, subject: Subject) -> Iterator[Place]:
    """A place for requests, with a run that is over at its end."""
    cache = cachedir.cache_dir(options.environ)
    runs.sweep(cache)
    with runs.Run(cache) as run:
        yield Place(options=options, subject=subject, run=run)


def ask(place: Place, environment: Environment, request: Request) -> Told:
    """The databases after the request. CouldNotCheck, ConfigError, UsageError."""
    around = _surroundings(place, environment)
    missing: imports.ModuleMissing | None = None
    for root in _roots(place, environment):
        try:
            return _ask_at(place, around, root, request)
        except imports.ModuleMissing as error:  # noqa: PERF203  (the next may have the import)
            missing = missing or error
        except failures.NotHere:
            if missing is None:
                raise
    assert missing is not None
    raise missing


def _roots(place: Place, environment: Environment) -> list[str]:
    """Where env.py may run, first where it did before."""
    last = last_record(place.subject, environment)
    return sorted(environment.roots, key=lambda root: last is None or root != last.root)


def _surroundings(place: Place, environment: Environment) -> Surroundings:
    options, settings = place.options, environment.settings
    toplevel, cache = place.subject.repo.toplevel, cachedir.cache_folder(options.environ)
    interpreter = project.find(
        toplevel, environment.root, settings.python, options.environ, cache=cache
    )
    folders = [os.path.join(toplevel, environment.root), toplevel]
    return Surroundings(
        environment=environment,
        interpreter=interpreter,
        environ={**_environ(options.environ, interpreter, settings, folders), fast.RUNNING: "1"},
        run=lambda: place.run,
        progress=options.progress,
        timeout=settings.timeout,
        use_cache=not options.no_cache,
    )


def _environ(
    environ: Mapping[str, str],
    interpreter: Interpreter,
    settings: EnvironmentSettings,
    folders: list[str],
) -> dict[str, str]:
    """As for a check, but what the user's shell sets wins, and what speaks of the ephemeral
    database is left out."""

    def made(said: EnvironmentSettings) -> dict[str, str]:
        return project.worker_environ(
            environ, interpreter, said, own_prefix=sys.prefix, folders=folders
        )

    ephemeral = _of_the_ephemeral(settings)
    kept = {name: text for name, text in settings.environ.items() if name not in ephemeral}
    own = made(replace(settings, environ={}, env_file=None))
    return {**made(replace(settings, environ=kept)), **own}


def _of_the_ephemeral(settings: EnvironmentSettings) -> list[str]:
    """Variables that are given the ephemeral database's address."""
    return sorted(project.filled(settings, dict.fromkeys(project.placeholders_in(settings), "")))


def _ask_at(place: Place, around: Surroundings, root: str, request: Request) -> Told:
    with Worker.of(around) as worker:
        worker.send(_words(place.subject.repo.toplevel, around.environment, root, request))
        locations, last = _converse(worker, around)
        if last["event"] == "failed":
            raise _failure(last, place, around, worker)
    found = databases_of(last["result"]["databases"])
    if not found:
        raise CouldNotCheck(
            "env.py ran and asked for no migrations on any connection, so there is nothing to see",
            hint="See with `alembic current` whether it loops over something that is empty.",
        )
    return Told(databases=found, locations=locations)


def _words(
    toplevel: str, environment: Environment, root: str, request: Request
) -> Mapping[str, Any]:
    return {
        "operation": request.operation,
        "revision": request.revision,
        "allowed": list(request.allowed),
        "creates": request.creates,
        "tree": toplevel,
        "toplevel": toplevel,
        "environ": {},
        "root": root,
        **environment.words,
    }


def _converse(worker: Worker, around: Surroundings) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """The version folders and the last event."""
    locations: tuple[str, ...] = ()
    event: Mapping[str, Any] = {}
    around.progress("asking env.py")
    for event in worker.events():
        if event["event"] == "opened":
            locations = tuple(event["version_locations"])
            worker.send({})
        elif event["event"] == "steps":
            worker.pause(_A_YEAR)
        elif event["event"] == "step":
            counted = f"{event['number']} of {event['total']}"
            around.progress(f"upgrading, {counted}: {event['id']}")
    return locations, event


def _failure(
    last: Mapping[str, Any], place: Place, around: Surroundings, worker: Worker
) -> CouldNotCheck:
    databases = databases_of(last.get("databases") or ())
    kind, said = last.get("kind", ""), masked(last.get("said", ""))
    where = masked(last.get("place", ""))
    if kind == "Unreachable":
        if said.startswith(_NO_FILE):
            return Unreachable(said, hint="`revguard upgrade` makes it")
        return Unreachable(f"{where or 'the database'} cannot be reached: {said}")
    if kind == "Denied":
        return Denied(said, where)
    if kind == "Unfit":
        return Stopped(said, said, databases)
    if kind:
        return CouldNotCheck(said, hint=_HINTS.get(kind, ""))
    if databases and databases[-1].running is not None:
        return Stopped("failed", _said(last["failure"]), databases)
    account = last["failure"]
    if account["type"] == "CommandError":  # Alembic's own words on the revision that was asked for
        raise UsageError(_said(account).removeprefix("CommandError: "), hint="see `alembic heads`")
    error = failures.of_environment(
        last, around.environment, around.interpreter, place.subject, worker.log()
    )
    return _with_what_is_left_out(error, place, around)


def _said(account: Mapping[str, Any]) -> str:
    first = masked(account["message"]).strip().partition("\n")[0]
    statement = " ".join(masked(account.get("statement", "")).split())
    shown = f"\n  statement: {statement[:300]}" if statement else ""
    return f"{account['type']}: {first}{shown}"


def _with_what_is_left_out(
    error: CouldNotCheck, place: Place, around: Surroundings
) -> CouldNotCheck:
    error.message, error.hint = masked(error.message), masked(error.hint)
    names = _of_the_ephemeral(around.environment.settings)
    unset = [name for name in names if name not in place.options.environ]
    if unset:
        said = (
            f"`environ` gives {', '.join(unset)} for the ephemeral database only: set it in your "
            "shell for the configured one."
        )
        is_it = any(name in error.message for name in unset)
        error.hint = said if is_it else f"{error.hint}\n{said}"
    return error
