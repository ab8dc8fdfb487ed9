"""What dead runs noted of their containers in; those that are still there removed."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from revguard.databases import docker_engine
from revguard.databases.docker_engine import Engine
from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PATIENCE = 7200  # seconds: by then they ended themselves, or went with their engine


def remove(paths: Sequence[str]) -> bool:
    """Whether none is left; False where an engine does not answer, to be asked again."""
    names: dict[Engine, list[tuple[str, bool]]] = {}
    for engine, name, stays in _noted(paths):
        names.setdefault(engine, []).append((name, stays))
    gone = [_remove(engine, found) for engine, found in names.items()]
    return all(gone) or all(time.time() - os.path.getmtime(path) > _PATIENCE for path in paths)


def _remove(engine: Engine, names: Iterable[tuple[str, bool]]) -> bool:
    from docker.errors import DockerException

    if docker_engine.silent(engine):
        return False
    try:
        client = docker_engine.client(engine, 30)
    except UnavailableError:
        return False
    try:
        for name, stays in names:
            _remove_one(client, name, stays)
        return True
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def _remove_one(client: Any, name: str, stays: bool) -> None:
    """One that stays is removed only where its run was killed before it began."""
    from docker.errors import NotFound

    with suppress(NotFound):
        if not stays or client.inspect_container(name)["State"]["Status"] == "created":
            docker_engine.remove(client, name)


def _noted(paths: Sequence[str]) -> Iterator[tuple[Engine, str, bool]]:
    for path in paths:
        with suppress(OSError), open(path, encoding="utf-8") as file:
            for line in file:
                # a torn one was written by a run that was killed before it made the container
                with suppress(ValueError, KeyError, TypeError):
                    told = json.loads(line)
                    yield Engine(**told["engine"]), str(told["name"]), bool(told["stays"])
