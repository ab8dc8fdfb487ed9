"""What the demo's commands run in: the user's environ in, one that only the demo decides out."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from revguard import terminal

PROGRAMS = {"revguard": "revguard", "alembic": "alembic", "pre-commit": "pre_commit"}
# Whatever the user's shell or CI says to these programs is not meant for the demo
_FOREIGN = ("GIT_", "PRE_COMMIT", "REVGUARD_", "GITHUB_", "ALEMBIC_", "PREK_")
_FOREIGN_NAMES = {"SKIP", "DATABASE_URL", "NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV"}
# pip has compiled what is installed; what the demo compiles besides, it removes
_FOREIGN_NAMES |= {"PYTHONDONTWRITEBYTECODE"}
_KEPT = {"REVGUARD_RUN"}


def make_programs(folder: Path) -> str:
    """A folder for PATH with the programs of this very interpreter, wherever it is installed."""
    folder.mkdir()
    for name, module in PROGRAMS.items():
        script = folder / name
        said = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n'
        script.write_text(said, encoding="utf-8", errors="surrogateescape")
        script.chmod(0o755)
    return str(folder)


def environ_of(
    environ: Mapping[str, str], *, programs: str, home: str, cache: str, color: bool
) -> dict[str, str]:
    """The environ of the demo's commands. Nobody's git configuration, hooks or caches count."""
    result = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name.startswith(_FOREIGN) or name in _FOREIGN_NAMES)
    }
    if "PYTHONPATH" in result:  # relative to where we stand, not to the demo's repository
        paths = result["PYTHONPATH"].split(os.pathsep)
        result["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in paths if path)
    return result | {
        "PATH": os.pathsep.join(filter(None, (programs, environ.get("PATH")))),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "color.ui",
        "GIT_CONFIG_VALUE_0": "always" if color else "never",
        "PRE_COMMIT_HOME": os.path.join(home, "pre-commit"),
        "PRE_COMMIT_COLOR": "always" if color else "never",
        "FORCE_COLOR" if color else "NO_COLOR": "1",
        "COLUMNS": str(terminal.width()),
        "REVGUARD_CACHE_DIR": cache,
    }


@contextmanager
def as_our_own(environ: Mapping[str, str]) -> Iterator[None]:
    """This process's environ, for a while: GitPython hands that on, a GIT_DIR included."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
