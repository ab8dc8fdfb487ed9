"""The configured databases brought to a revision: options in, an Outcome for each environment
out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from revguard import cachedir, checkouts, records, runs
from revguard.configured import asking, elsewhere
from revguard.configured.values import Database
from revguard.environments import Environment
from revguard.errors import CouldNotCheck, RevguardError
from revguard.evaluation import choosing, known
from revguard.evaluation.subject import Subject
from revguard.options import Options
from revguard.staging.repository import Repository

Kind: TypeAlias = Literal["upgraded", "nothing", "refused", "unreachable", "failed", "error"]
REFUSED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one environment."""

    name: str
    config: str | None
    kind: Kind
    databases: tuple[Database, ...] = ()
    message: str = ""
    hint: str = ""
    exit_code: int = 0
    locations: tuple[str, ...] = ()


def upgrade(options: Options, request: asking.Request) -> list[Outcome]:
    """Upgrade each environment of the working tree. UsageError, ConfigError, CouldNotCheck."""
    options = replace(options, worktree=True)
    target = choosing.choose(options)
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    found, _skipped = choosing.discovered(subject, settings, options)
    with _alone(subject.repo, options), asking.opened(options, subject) as place:
        outcomes = [_upgraded(place, one, request) for one in found]
    if not options.environments and all(one.locations for one in outcomes):
        paths = _paths(found, outcomes, settings.source or "revguard.toml")
        checkouts.remember(os.fspath(subject.cache), paths)
    return outcomes


@contextmanager
def _alone(repo: Repository, options: Options) -> Iterator[None]:
    """Never beside another upgrade from a working tree of the same repository."""
    folder = cachedir.cache_dir(options.environ) / "locks"
    path = folder / f"{records.digest(repo.common_dir)[:16]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CouldNotCheck(
            f"{path} cannot be written, so that two upgrades could meet: {error.strerror}",
            hint="Name a writable folder in REVGUARD_CACHE_DIR.",
        ) from error
    try:
        if not runs.lock(descriptor, wait=False):
            options.progress("waiting for another `revguard upgrade`")
            runs.lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _upgraded(place: asking.Place, environment: Environment, request: asking.Request) -> Outcome:
    outcome = Outcome(name=environment.name, config=environment.config, kind="nothing")
    try:
        told = asking.ask(place, environment, request)
    except asking.Stopped as stopped:
        return _stopped(outcome, stopped, place.subject, environment)
    except asking.Denied as denied:
        return replace(
            outcome,
            kind="refused",
            message=denied.message,
            hint=f"`revguard upgrade --allow-host {denied.host}` upgrades it all the same; for the "
            f"hook: REVGUARD_ALLOW_HOST={denied.host}",
            exit_code=REFUSED,
        )
    except asking.Unreachable as gone:
        return _failed(outcome, "unreachable", gone)
    except RevguardError as error:
        return _failed(outcome, "error", error)
    ran = any(one.ran for one in told.databases)
    return replace(
        outcome,
        kind="upgraded" if ran else "nothing",
        databases=told.databases,
        locations=told.locations,
    )


def _failed(outcome: Outcome, kind: Kind, error: RevguardError) -> Outcome:
    return replace(
        outcome, kind=kind, message=error.message, hint=error.hint, exit_code=error.exit_code
    )


def _stopped(
    outcome: Outcome, stopped: asking.Stopped, subject: Subject, environment: Environment
) -> Outcome:
    found = replace(outcome, databases=stopped.databases)
    last = stopped.databases[-1]
    if stopped.kind == "memory":
        return replace(found, message=f"{last.place} is in memory: nothing would stay of it")
    if stopped.kind == "unknown":
        message, hint = _unknown(last, subject, environment)
        return replace(found, kind="refused", message=message, hint=hint, exit_code=REFUSED)
    assert last.running is not None
    named = f" ({last.running.message})" if last.running.message else ""
    return replace(
        found,
        kind="failed",
        message=f"revision {last.running.id}{named} failed: {stopped.message}",
        hint="`revguard status --database` shows where the database is now",
        exit_code=REFUSED,
    )


def _unknown(database: Database, subject: Subject, environment: Environment) -> tuple[str, str]:
    ids = [one.id for one in database.unknown]
    message = f"{database.place} is at {', '.join(ids)}, which no script of this branch has"
    return message, "\n".join(_home(subject, environment, one) for one in ids)


def _home(subject: Subject, environment: Environment, revision: str) -> str:
    """Where an unknown revision is, and the way back."""
    locations = known.locations_of(subject, environment)
    found = elsewhere.find(subject, environment, locations, revision)
    if found is None:
        return (
            f"{revision} is in no commit of this repository: `git fetch --all` may bring it, or "
            "the database belongs to something else"
        )
    where = f"{found.name} ({found.commit[:8]})" if found.branch else f"the commit {found.name}"
    way = elsewhere.command(found, environment)
    back = f"the way back: `{way}`" if way else f"the way back begins at `git switch {found.name}`"
    return f"{revision} is in {where}: {found.path}\n{back}"


def _paths(found: list[Environment], outcomes: list[Outcome], source: str) -> list[str]:
    """What an upgrade depends on: scripts, environments and settings."""
    paths = {source, "revguard.toml", *(path for one in outcomes for path in one.locations)}
    for one in found:
        paths |= {path for path in (one.config, one.toml) if path}
        paths |= {f"{one.script_location}/env.py"} if one.script_location else set()
    return sorted(paths)
