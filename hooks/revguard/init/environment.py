"""A migration environment from nothing: a project's files in, the steps that make it out."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from revguard.config.loading import PYPROJECT
from revguard.declared import scan
from revguard.errors import CouldNotCheck, UsageError
from revguard.init import advice, asking, configuration, models, reading, template, urls
from revguard.init.files import Files
from revguard.init.looking import Looker, Seen
from revguard.init.models import Models
from revguard.init.modules import Modules
from revguard.init.steps import Step
from revguard.init.template import Wiring
from revguard.init.urls import Url, Urls

if TYPE_CHECKING:
    from revguard.environments import Environment
    from revguard.evaluation.subject import Subject
    from revguard.options import Options
    from revguard.project import Interpreter

_FOLDERS: Final = ("migrations", "alembic", "db_migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for, and what is configured already."""

    below: str  # a folder of the repository
    template: str | None
    python: str | None
    others: Sequence[Environment]  # environments that are there


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What is to be made, and for which project."""

    steps: tuple[Step, ...]
    home: str
    interpreter: Interpreter


def make(subject: Subject, files: Files, wish: Wish, options: Options) -> Made:
    """The steps for the one project below a folder. UsageError, CouldNotCheck."""
    options.progress("reading the source")
    modules = Modules(files.python)
    found = models.find(scan(files.python), modules, wish.below)
    source = reading.read(files.python)
    interpreter = asking.interpreter(subject, found.home, wish.python, options)
    looker = Looker(
        subject=subject,
        files=files,
        found=found,
        interpreter=interpreter,
        options=options,
        folder=_folder(found.home, files.paths),
        templates=(wish.template,) if wish.template else ("generic", "async"),
    )
    options.progress("importing the models")
    seen = looker.look(_candidates(files, modules, source, found))
    _refuse_unseen(seen, interpreter.path)
    steps = [
        *_said(found, seen),
        *_files(looker, seen, wish.template),
        *_configured(found, seen, files, wish),
        *advice.failures(seen.answer, seen.lines, interpreter.path),
        *advice.create_all(source, seen.answer["create_all"], found.home),
        *advice.naming(found.bases, seen.value("metadata")),
        *advice.dependency(files.other, files.paths, found.home),
    ]
    return Made(steps=tuple(steps), home=found.home, interpreter=interpreter)


def _refuse_unseen(seen: Seen, python: str) -> None:
    """CouldNotCheck where models cannot be had: their tables would be missing without a word."""
    tables = seen.answer["imports"][: seen.modules]
    if seen.value("metadata") and not any("failure" in one for one in tables):
        return
    first, *_ = advice.failures(seen.answer, seen.lines, python)
    raise CouldNotCheck(
        f"the models cannot be imported, so nothing was written: {first.said}", hint=first.hint
    )


def _candidates(files: Files, modules: Modules, source: reading.Source, found: Models) -> list[Url]:
    finder = Urls(files.python, modules, source)
    if found.flask:
        return [*finder.of_flask(found.near, found.flask), urls.environment()]
    return [*finder.of_engines(found.near), urls.environment()]


def _folder(home: str, paths: frozenset[str]) -> str:
    """A name for the script location that is free."""
    for name in _FOLDERS:
        prefix = posixpath.join(home, name) + "/"
        if not any(path.startswith(prefix) for path in paths):
            return name
    raise CouldNotCheck(f"the folders {', '.join(_FOLDERS)} are all in use in {home or 'the top'}")


def _said(found: Models, seen: Seen) -> list[Step]:
    where = found.bases[0].path or found.bases[0].module
    count = f"{len(found.tables)} table{'s' if len(found.tables) != 1 else ''}"
    said = f"{count} in {', '.join(found.modules)}; {found.metadata} of {where}"
    return [Step(topic="models", said=said), Step(topic="url", said=seen.url.said)]


def _files(looker: Looker, seen: Seen, wanted: str | None) -> list[Step]:
    """Alembic's files, wired."""
    asynchronous = seen.value("url").get("asynchronous", seen.url.asynchronous)
    name = wanted or ("async" if asynchronous else "generic")
    made = seen.answer["templates"].get(name)
    if made is None:
        raise UsageError(
            f"Alembic {looker.interpreter.alembic} has no template {name!r}",
            hint=f"`{looker.interpreter.path} -m alembic list_templates` shows what it has",
        )
    wiring = _wiring(looker.found, seen, looker.interpreter.alembic)
    wired = template.wired(made, wiring, looker.text(PYPROJECT))
    return [_step(looker, path, text, name) for path, text in sorted(wired.items())]


def _step(looker: Looker, path: str, text: str, name: str) -> Step:
    whole = posixpath.join(looker.found.home, path)
    before = looker.files.other.get(whole)
    if path == template.INI and whole in looker.files.paths:
        raise UsageError(
            f"{whole} is there already, and belongs to no environment that works",
            hint=f"mend it, or move it away and try again: `mv {whole} {whole}.old`",
        )
    said = f"{'writes' if before is None else 'adds to'} {whole}"
    if path == template.INI:
        said += f", by Alembic's template {name}"
    return Step(topic="alembic", said=said, path=whole, before=before, after=text.encode())


def _wiring(found: Models, seen: Seen, alembic: str) -> Wiring:
    url, metadata = seen.value("url"), seen.value("metadata")
    configure = {"compare_server_default": "True"}
    if url.get("dialect") == "sqlite":
        configure["render_as_batch"] = "True"  # SQLite alters nothing in place
    if metadata.get("schemas"):
        configure["include_schemas"] = "True"
    if _version(alembic) < (1, 12):
        configure["compare_type"] = "True"
    return Wiring(
        tables=found.modules,
        imports=found.imports,
        metadata=found.metadata,
        url=seen.url,
        url_kind=url.get("kind") or ("url" if seen.url.expression.endswith(".url") else "other"),
        paths=_paths(found),
        configure=configure,
        types=tuple(metadata.get("modules", ())),
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _paths(found: Models) -> tuple[str, ...]:
    """The import roots, from the project's folder."""
    paths = [posixpath.relpath(root or ".", found.home or ".") for root in found.roots]
    return tuple("" if path == "." else path for path in paths)


def _configured(found: Models, seen: Seen, files: Files, wish: Wish) -> list[Step]:
    """What the project has to be given to be imported; of the other environments their names, since
    who names one names all."""
    given = seen.given
    if not given.names or not seen.value("url"):
        return []
    said: dict[str, object] = {"config": posixpath.join(found.home, template.INI)}
    if given.env_file:
        said["env-file"] = given.env_file
    if given.values:
        said["environ"] = dict(given.values)
    if given.asks_url:
        said["driver"] = "{dialect}+{driver}".format(**seen.value("url"))
    name = posixpath.basename(found.home) or found.modules[0].partition(".")[0]
    tables: dict[str, dict[str, object]] = {
        one.name: {"config": one.config} for one in wish.others if not one.settings.config
    }
    tables[name] = said
    own = (wish.template or "").startswith("pyproject") and not found.home
    return [configuration.step(tables, files.other, own_file=own)]
