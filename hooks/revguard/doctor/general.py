"""Checks of the repository and of the machine: a view in, lines out."""

from __future__ import annotations

import os
from collections.abc import Iterator

from revguard import cachedir
from revguard.databases import docker_engine, inventory
from revguard.databases.providing import UnavailableError
from revguard.doctor.lines import Line
from revguard.doctor.view import View
from revguard.phrases import readable

_IF_IT_IS_ONE = "if it is one after all: `git add` its env.py, or name it in the configuration"


def repository(view: View) -> Iterator[Line]:
    """Where it is, and the tree that a check would judge."""
    said = f"{view.target.repo.toplevel}, tree {view.target.tree[:12]}"
    yield Line(topic="repository", said=said)


def configuration(view: View) -> Iterator[Line]:
    """The file that it comes from."""
    said = view.settings.source or "none, and none is needed"
    yield Line(topic="configuration", said=said)


def base(view: View) -> Iterator[Line]:
    """What has landed."""
    if view.subject.base is None:
        hint = 'name one, where there is one: `base = "origin/main"` in [tool.revguard]'
        yield Line(topic="base", said="none, so nothing counts as landed", hint=hint)
    else:
        yield Line(topic="base", said=f"{view.subject.base_name}: what it has counts as landed")


def skipped(view: View) -> Iterator[Line]:
    """What looks like an environment and is none."""
    _, found = view.discovered
    for one in found:
        yield Line(topic="skipped", said=f"{one.path}: {one.reason}", hint=_IF_IT_IS_ONE)


def docker(view: View) -> Iterator[Line]:
    """Whether the engine answers that the docker command would speak to."""
    try:
        engine = docker_engine.find_docker(view.options.environ)
        said = f"engine {docker_engine.version(engine)} answers at {engine.url}"
    except UnavailableError as reason:
        said = f"no engine: {reason}"
    yield Line(topic="docker", said=said)


def cache(view: View) -> Iterator[Line]:
    """Where it is and whether it can be written."""
    folder = cachedir.cache_dir(view.options.environ)
    if _writable(os.fspath(folder)):
        yield Line(topic="cache", said=f"{folder}, {readable(inventory.size(folder))}")
        return
    yield Line(
        topic="cache",
        said=f"{folder} cannot be written: each run starts anew",
        hint="name another folder in REVGUARD_CACHE_DIR",
    )


def _writable(folder: str) -> bool:
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)
