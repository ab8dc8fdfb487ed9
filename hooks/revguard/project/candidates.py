"""The interpreters that a project may mean, likeliest first: a Place in, Candidates out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from revguard.project import asked
from revguard.project.isolation import why_isolated
from revguard.project.place import Place, prefix_of, python_of


class Candidate(NamedTuple):
    """An interpreter to try, and why; or why it is not even tried."""

    path: str
    reason: str
    problem: str = ""


def candidates(place: Place) -> Iterator[Candidate]:
    """Each interpreter once, in the order of the contract; lazily, since some cost a process."""
    seen: set[str] = set()
    for source in SOURCES:
        for candidate in source(place):
            folder = os.path.realpath(os.path.dirname(candidate.path))
            if folder not in seen:
                seen.add(folder)
                yield candidate


def _active(place: Place) -> Iterator[Candidate]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = place.environ.get(variable)
        if prefix and not why_isolated(prefix, place.environ):
            yield _in_prefix(prefix, f"{variable} names it")
    if not why_isolated(place.environ.get("VIRTUAL_ENV") or os.sep, place.environ):
        return
    # pre-commit overwrites VIRTUAL_ENV, but PATH still holds what was active (pre-commit#1465)
    yield from _virtualenvs_on_path(place)


def _virtualenvs_on_path(place: Place) -> Iterator[Candidate]:
    for folder in place.path_folders():
        prefix = prefix_of(folder)
        if prefix and not why_isolated(prefix, place.environ):
            yield _in_prefix(prefix, "it is active: PATH holds it")


def _in_folders(place: Place) -> Iterator[Candidate]:
    for folder in place.folders():
        for name in (".venv", "venv"):
            prefix = _pointed(os.path.join(folder, name))
            if os.path.isdir(prefix):
                yield _in_prefix(prefix, f"it is the {name} of {folder}")


def _pointed(path: str) -> str:
    # virtualenvwrapper, pipenv and others: a file `.venv` that names the folder
    told = _first_line(path) if os.path.isfile(path) else ""
    return os.path.join(os.path.dirname(path), os.path.expanduser(told)) if told else path


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _uv(place: Place) -> Iterator[Candidate]:
    told = place.environ.get("UV_PROJECT_ENVIRONMENT")
    if not told:
        return
    for folder in place.folders():
        prefix = os.path.join(folder, told)
        if os.path.isdir(prefix):
            yield _in_prefix(prefix, "UV_PROJECT_ENVIRONMENT names it")


def _poetry(place: Place) -> Iterator[Candidate]:
    for path in asked.poetry(place):
        yield Candidate(path, "`poetry env info -e` names it")


def _pdm(place: Place) -> Iterator[Candidate]:
    for folder in place.folders():
        path = _first_line(os.path.join(folder, ".pdm-python"))
        if path:
            yield Candidate(path, f"{folder}/.pdm-python names it")
    for path in asked.pdm(place):
        yield Candidate(path, "`pdm info --python` names it")


def _own(place: Place) -> Iterator[Candidate]:
    if not why_isolated(place.own_prefix, place.environ):
        yield _in_prefix(place.own_prefix, "revguard is installed in it")


def _on_path(place: Place) -> Iterator[Candidate]:
    for folder in place.path_folders():
        prefix = prefix_of(folder)
        if prefix and why_isolated(prefix, place.environ):
            continue
        path = shutil.which("python3", path=folder) or shutil.which("python", path=folder)
        if path:
            yield Candidate(os.path.abspath(path), "it is on PATH")


def _in_prefix(prefix: str, reason: str) -> Candidate:
    path = python_of(os.path.abspath(prefix))
    if path:
        return Candidate(path, reason)
    name = "Scripts" if sys.platform == "win32" else "bin"
    there = "has no python in it" if os.path.isdir(prefix) else "is not there"
    return Candidate(os.path.join(prefix, name, "python"), reason, f"{prefix} {there}")


SOURCES: tuple[Callable[[Place], Iterator[Candidate]], ...] = (
    _active,
    _in_folders,
    _uv,
    _poetry,
    _pdm,
    _virtualenvs_on_path,
    _own,
    _on_path,
)
