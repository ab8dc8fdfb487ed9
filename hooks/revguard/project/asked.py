"""What poetry and pdm answer when asked for a project's interpreter, remembered in the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

from revguard.errors import CouldNotCheck
from revguard.project import remembered
from revguard.project.isolation import why_isolated
from revguard.project.place import Place, prefix_of
from revguard.subprocesses import run

_SECONDS = 30
_HIDDEN = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")  # they would name it back


def poetry(place: Place) -> Iterator[str]:
    """The interpreter that poetry keeps for each folder that is its project."""
    for folder in place.folders():
        if _is_project(folder, "poetry"):
            yield from _ask(place, folder, ("poetry", "env", "info", "-e"))


def pdm(place: Place) -> Iterator[str]:
    """The interpreter that pdm would take for each folder that is its project."""
    for folder in place.folders():
        if _is_project(folder, "pdm"):
            yield from _ask(place, folder, ("pdm", "info", "--python"))


def _is_project(folder: str, tool: str) -> bool:
    if os.path.exists(os.path.join(folder, f"{tool}.lock")):
        return True
    try:
        with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
            return f"[tool.{tool}".encode() in file.read()
    except OSError:
        return False


def _ask(place: Place, folder: str, argv: tuple[str, ...]) -> Iterator[str]:
    program = shutil.which(argv[0], path=place.environ.get("PATH", ""))
    if program is None:
        return
    key = " ".join((*argv, folder))
    stamps = _stamps(folder, argv[0], program)
    known = remembered.read(place.cache, key)
    if known and known.get("stamps") == stamps and os.path.exists(str(known.get("answer"))):
        yield str(known["answer"])
        return
    answer = _answer((program, *argv[1:]), folder, _environ(place))
    if answer:
        remembered.write(place.cache, key, {"stamps": stamps, "answer": answer})
        yield answer


def _stamps(folder: str, tool: str, program: str) -> list[object]:
    names = ("pyproject.toml", f"{tool}.lock", f"{tool}.toml")
    paths = [program, *(os.path.join(folder, name) for name in names)]
    return [remembered.stamp(path) for path in paths]


def _answer(argv: tuple[str, ...], folder: str, environ: Mapping[str, str]) -> str:
    try:
        completed = run(argv, cwd=folder, environ=environ, timeout=_SECONDS)
    except CouldNotCheck:
        return ""
    lines = completed.text().strip().splitlines()
    path = lines[-1].strip() if lines and completed.returncode == 0 else ""
    return path if os.path.isabs(path) else ""


def _environ(place: Place) -> dict[str, str]:
    kept = {name: value for name, value in place.environ.items() if name not in _HIDDEN}
    kept["PATH"] = os.pathsep.join(
        folder
        for folder in place.path_folders()
        if not why_isolated(prefix_of(folder) or folder, place.environ)
        or os.path.exists(os.path.join(folder, "poetry"))
    )
    return kept
