"""What the project's interpreter says: lines of a future env.py in, what the worker saw out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from revguard import cachedir, project
from revguard.config import EnvironmentSettings
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from revguard.evaluation.subject import Subject
    from revguard.options import Options
    from revguard.project import Interpreter
    from revguard.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be looked at."""

    home: str
    roots: tuple[str, ...]
    imports: tuple[str, ...]
    metadata: str
    url: str
    app: str
    folder: str  # the script location to make
    templates: tuple[str, ...]
    pyproject: str | None
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The surroundings of a worker."""

    interpreter: Interpreter
    environ: Mapping[str, str]
    run: Callable[[], Run]
    timeout: float


def interpreter(subject: Subject, home: str, python: str | None, options: Options) -> Interpreter:
    """The project's interpreter. CouldNotCheck."""
    return project.find(
        subject.repo.toplevel,
        home,
        python,
        options.environ,
        cache=str(cachedir.cache_dir(options.environ)),
    )


def ask(
    subject: Subject, found: Interpreter, asked: Asked, options: Options, timeout: float
) -> dict[str, Any]:
    """The worker's answer (worker/looking.py). CouldNotCheck where it gives none."""
    from revguard import runs
    from revguard.project.launch import Worker
    from revguard.staging import materialise

    cache = cachedir.cache_dir(options.environ)
    settings = EnvironmentSettings(environ=dict(asked.environ))
    environ = project.worker_environ(
        options.environ, found, settings, own_prefix=sys.prefix, folders=[], cache=str(cache)
    )
    runs.sweep(cache)
    with runs.Run(cache) as run:
        around = Around(interpreter=found, environ=environ, run=lambda: run, timeout=timeout)
        checkout = materialise.checkout(subject.repo, subject.tree, subject.cache)
        with checkout as made, Worker.of(around) as worker:
            made.mark_dirty()  # nobody tells what an import writes
            worker.send(_request(subject, asked, os.fspath(made.path)))
            *_, event = worker.events()
    if event["event"] == "failed":
        failure = event["failure"]
        raise CouldNotCheck(
            f"the models cannot be looked at: {failure['type']}: {failure['message']}"
        )
    return dict(event["result"])


def _request(subject: Subject, asked: Asked, tree: str) -> dict[str, Any]:
    return {
        "tree": tree,
        "toplevel": subject.repo.toplevel,
        "root": asked.home,
        "environ": {},
        "operation": "models",
        "look": {
            "roots": list(asked.roots),
            "imports": list(asked.imports),
            "metadata": asked.metadata,
            "url": asked.url,
            "app": asked.app,
            "folder": asked.folder,
            "templates": list(asked.templates),
            "pyproject": asked.pyproject,
        },
    }
