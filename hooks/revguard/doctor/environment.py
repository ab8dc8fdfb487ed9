"""Checks of one environment: a view of it in, lines out. Nothing is imported of it, and nothing
connects to its database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from revguard import project
from revguard.databases import Choice, version_numbers
from revguard.databases.providing import Surroundings
from revguard.doctor import providers
from revguard.doctor.lines import Line, of_error
from revguard.doctor.view import EnvironmentView
from revguard.errors import RevguardError
from revguard.evaluation import bootstrapping, inert
from revguard.evaluation.ordering import difference, version_of
from revguard.masking import masked
from revguard.options import no_progress
from revguard.records import Record, Records, folder_for

_POSTGRESQL = "postgresql"


def found(view: EnvironmentView) -> Iterator[Line]:
    """Which environment it is, and how it was found."""
    one, settings = view.environment, view.view.settings
    where = f", {one.config}" if one.config else ""
    how = f"{settings.source} names it" if one.name in settings.environments else "it is tracked"
    more = [f"taken because: {how}"]
    if one.script_location:
        more.append(f"scripts: {one.script_location}, run in {one.root or 'the top folder'}")
    yield Line(topic="environment", said=f"{one.name}{where}", more=tuple(more))


def interpreter(view: EnvironmentView) -> Iterator[Line]:
    """The interpreter, why it is this one, and why it is none of the others."""
    one = view.interpreter
    versions = f"Python {one.python}, Alembic {one.alembic}, SQLAlchemy {one.sqlalchemy}"
    yield Line(
        topic="interpreter",
        said=f"{one.path} ({versions})",
        more=(
            f"taken because: {one.reason}",
            *(f"passed over: {path}: {why}" for path, why in one.passed_over),
        ),
    )


def settings(view: EnvironmentView) -> Iterator[Line]:
    """What env.py is told besides: names only, for a value may be a secret."""
    said = view.environment.settings
    told = [f"environ sets {', '.join(said.environ)}"] if said.environ else []
    told += [f"env-file {said.env_file}"] if said.env_file else []
    told += [f"bootstrap {said.bootstrap}"] if said.bootstrap else []
    told += [f"-x {one}" for one in said.x]
    if not told:
        return
    bootstrapping.find(view.view.subject, said.bootstrap, needed=True)
    if said.env_file:
        _read_env_file(view)
    yield Line(topic="settings", said="; ".join(told))


def _read_env_file(view: EnvironmentView) -> None:
    toplevel = view.view.subject.repo.toplevel
    project.worker_environ(
        view.view.options.environ,
        view.interpreter,
        view.environment.settings,
        own_prefix=sys.prefix,
        folders=[os.path.join(toplevel, view.environment.root), toplevel],
    )


def database(view: EnvironmentView) -> Iterator[Line]:
    """The provider for the dialect of the environment; every provider, where none is known."""
    environment, subject = view.environment, view.view.subject
    setting = environment.settings.database
    around = _surroundings(view)
    known = Records(folder_for(subject.cache, environment.key), subject.reader, enabled=True)
    last = next(iter(known.newest()), None)
    dialect = providers.dialect_of(environment, last)
    if dialect:
        yield _of_dialect(view, replace(around, dialect=dialect), last)
        return
    said = f'"{masked(setting)}"; the dialect is known once env.py has run'
    yield Line(topic="database", said=said, more=tuple(providers.all_of_them(around)))


def _surroundings(view: EnvironmentView) -> Surroundings:
    site_packages: tuple[str, ...] = ()
    with suppress(RevguardError):  # it has a line of its own
        site_packages = view.interpreter.site_packages
    return Surroundings(
        environ=view.view.options.environ,
        site_packages=site_packages,
        project=view.view.subject.repo.toplevel,
        timeout=view.environment.settings.timeout,
        keep=view.environment.settings.keep,
    )


def _of_dialect(view: EnvironmentView, wanted: Surroundings, last: Record | None) -> Line:
    environment, subject, dialect = view.environment, view.view.subject, wanted.dialect
    told = version_of(environment, subject, dialect, no_progress)
    needed = providers.extensions_of(environment, subject, last) if dialect == _POSTGRESQL else ()
    version = told.version if told else ""
    wanted = replace(wanted, version=version, extensions=frozenset(needed))
    setting = environment.settings.database
    choice: Choice | None = None
    try:
        choice = providers.choice(setting, wanted)
    except RevguardError as error:
        failure = of_error("database", error)
        return replace(failure, more=tuple(providers.of_dialect(setting, wanted, None)))
    lines = tuple(providers.of_dialect(setting, wanted, choice))
    said = f"{dialect} by {choice.provider}"
    version = choice.installation.version
    said += f" ({version_numbers.name(dialect, version)})" if version else ""
    note = difference(told, dialect, version) if version else ""
    return Line(topic="database", said=said, more=(*filter(None, [note]), *lines))


def notes(view: EnvironmentView) -> Iterator[Line]:
    """What is configured and has no effect."""
    for note in inert.notes(view.view.settings, view.environment.settings):
        yield Line(topic="note", said=note)
