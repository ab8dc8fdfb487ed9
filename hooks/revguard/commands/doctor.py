"""`revguard doctor`: what is found and why, each problem with what mends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Final, TypeVar

from revguard import cachedir, project, records
from revguard.arguments import Invocation
from revguard.commands import providers, tools
from revguard.commands.answer import Answer
from revguard.commands.keeping import parts, readable
from revguard.config import Settings
from revguard.databases import version_numbers
from revguard.databases.providing import Surroundings
from revguard.environments import Environment
from revguard.errors import RevguardError
from revguard.evaluation import choosing, inert
from revguard.evaluation.choosing import Target
from revguard.evaluation.ordering import difference, version_of
from revguard.evaluation.subject import Subject
from revguard.masking import masked
from revguard.options import Options, no_progress
from revguard.project import Interpreter

_POSTGRESQL: Final = "postgresql"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was looked at. A problem keeps a check from running; a note does not."""

    topic: str
    said: str
    problem: bool = False
    hint: str = ""
    more: tuple[str, ...] = field(default=())


def run(invocation: Invocation) -> Answer:
    """Look at everything that a check would need, without running one."""
    lines = list(_look(invocation.options))
    problems = [line for line in lines if line.problem]
    data = {"ok": not problems, "lines": [asdict(line) for line in lines]}
    text = "".join(_text(line) for line in lines)
    return Answer(text=text + _verdict(len(problems)), data=data, code=1 if problems else 0)


def _look(options: Options) -> Iterator[Line]:
    target, failure = _tried("repository", lambda: choosing.choose(options))
    if target is None:
        yield failure
        yield _cache(options)
        return
    yield Line(topic="repository", said=f"{target.repo.toplevel}, tree {target.tree[:12]}")
    said, hint = tools.hook(target.repo.toplevel)
    yield Line(topic="hook", said=said, hint=hint)
    settings, failure = _tried("configuration", lambda: choosing.settings_of(target))
    if settings is None:
        yield failure
    else:
        source = settings.source or "none, and none is needed"
        yield Line(topic="configuration", said=source)
        yield from _environments(target, settings, options)
    yield Line(topic="docker", said=tools.docker(options.environ))
    yield _cache(options)


def _environments(target: Target, settings: Settings, options: Options) -> Iterator[Line]:
    subject, failure = _tried("base", lambda: choosing.subject_of(target, settings, options))
    if subject is None:
        yield failure
        return
    if subject.base is None:
        yield Line(topic="base", said="none, so nothing counts as landed")
    found, failure = _tried("environments", lambda: choosing.discovered(subject, settings, options))
    if found is None:
        yield failure
        return
    chosen, skipped = found
    for one in skipped:
        yield Line(topic="skipped", said=f"{one.path}: {one.reason}")
    for environment in chosen:
        yield from _environment(environment, subject, options)
        for note in inert.notes(settings, environment.settings):
            yield Line(topic="note", said=note)


def _environment(environment: Environment, subject: Subject, options: Options) -> Iterator[Line]:
    where = f", {environment.config}" if environment.config else ""
    yield Line(topic="environment", said=f"{environment.name}{where}")
    toplevel = subject.repo.toplevel
    interpreter, failure = _tried(
        "interpreter", lambda: _interpreter(environment, toplevel, options)
    )
    yield failure if interpreter is None else _found_interpreter(interpreter)
    site_packages = () if interpreter is None else interpreter.site_packages
    around = Surroundings(
        environ=options.environ,
        site_packages=site_packages,
        project=toplevel,
        timeout=environment.settings.timeout,
    )
    yield _database(environment, subject, around)


def _interpreter(environment: Environment, toplevel: str, options: Options) -> Interpreter:
    return project.find(
        toplevel,
        environment.root,
        environment.settings.python,
        options.environ,
        cache=cachedir.cache_folder(options.environ),
    )


def _found_interpreter(found: Interpreter) -> Line:
    versions = f"Python {found.python}, Alembic {found.alembic}, SQLAlchemy {found.sqlalchemy}"
    return Line(
        topic="interpreter",
        said=f"{found.path} ({versions})",
        more=(
            f"taken because: {found.reason}",
            *(f"passed over: {path}: {why}" for path, why in found.passed_over),
        ),
    )


def _database(environment: Environment, subject: Subject, around: Surroundings) -> Line:
    """The provider for the dialect of the environment; every provider, where none is known."""
    setting = environment.settings.database
    known = records.Records(
        records.folder_for(subject.cache, environment.key), subject.reader, enabled=True
    )
    last = next(iter(known.newest()), None)
    dialect = providers.dialect_of(environment, last)
    if not dialect:
        said = f'"{masked(setting)}"; the dialect is known once env.py has run'
        return Line(topic="database", said=said, more=tuple(providers.all_of_them(around)))
    wanted = replace(around, dialect=dialect, keep=environment.settings.keep)
    told = version_of(environment, subject, dialect, no_progress)
    needed = providers.extensions_of(environment, subject, last) if dialect == _POSTGRESQL else ()
    version = told.version if told else ""
    wanted = replace(wanted, version=version, extensions=frozenset(needed))
    choice, failure = _tried("database", lambda: providers.choice(setting, wanted))
    lines = tuple(providers.of_dialect(setting, wanted, choice))
    if choice is None:
        return replace(failure, more=lines)
    said = f"{dialect} by {choice.provider}"
    version = choice.installation.version
    said += f" ({version_numbers.name(dialect, version)})" if version else ""
    note = difference(told, dialect, version) if version else ""
    return Line(topic="database", said=said, more=(*filter(None, [note]), *lines))


def _cache(options: Options) -> Line:
    cache = cachedir.cache_dir(options.environ)
    size = readable(sum(part.bytes for part in parts(cache)))
    usable = _writable(os.fspath(cache))
    return Line(
        topic="cache",
        said=f"{cache}, {size}" if usable else f"{cache} cannot be written: each run starts anew",
        hint="" if usable else "name another folder in REVGUARD_CACHE_DIR",
    )


def _writable(folder: str) -> bool:
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


def _tried(topic: str, look: Callable[[], _T]) -> tuple[_T | None, Line]:
    """What was looked for, or the line that says why it is not there."""
    try:
        return look(), Line(topic=topic, said="")
    except RevguardError as error:
        return None, Line(topic=topic, said=error.message, problem=True, hint=error.hint)


def _text(line: Line) -> str:
    first, *rest = f"{'problem: ' if line.problem else ''}{line.said}".splitlines() or [""]
    indent = " " * 15
    hints = line.hint.splitlines()
    return (
        "\n".join(
            [
                f"{line.topic + ':':<14} {first}",
                *(f"{indent}{more}" for more in [*rest, *line.more, *hints]),
            ]
        )
        + "\n"
    )


def _verdict(problems: int) -> str:
    if not problems:
        return "a check can run\n"
    return f"a check cannot run: {problems} {'problem' if problems == 1 else 'problems'}\n"
