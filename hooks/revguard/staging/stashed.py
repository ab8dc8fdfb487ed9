"""Unstaged edits that pre-commit or prek has put away while its hooks run: a path in, a refusal
out where writing that file would keep them from coming back."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from revguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from revguard.staging.repository import Repository

_LONGEST = 3600.0  # seconds for the hooks of one commit


def refuse(repo: Repository, path: str) -> None:
    """UsageError where the file has edits that were put away: the program that runs the hook puts
    them back by a patch, which would not fit any more."""
    if not repo.environ.get("PRE_COMMIT"):
        return
    name = os.fsencode(path)
    quoted = re.compile(rb"^diff --git .*\bb/" + re.escape(name) + rb'"?$', re.MULTILINE)
    for patch in _patches(repo.environ):
        if quoted.search(patch.read_bytes()):
            raise UsageError(
                f"{path} has changes that are not staged: it was not touched",
                hint=f"stage them with `git add -- {path}`, or drop them with "
                f"`git restore -- {path}`; then commit again",
            )


def _patches(environ: Mapping[str, str]) -> Iterator[Path]:
    """What the program that runs this hook has put away; its process id is in the name."""
    numbers = {str(number) for number in _ancestors()}
    for folder in _folders(environ):
        for patch in folder.glob("*") if folder.is_dir() else ():
            parts = set(re.findall(r"\d+", patch.name))
            if "patch" in patch.name and parts & numbers and _is_of_now(patch):
                yield patch


def _is_of_now(patch: Path) -> bool:
    """They are kept for good, and process ids come again."""
    return patch.is_file() and time.time() - patch.stat().st_mtime < _LONGEST


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or "/")
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    yield Path(environ.get("PRE_COMMIT_HOME") or caches / "pre-commit")
    yield Path(environ.get("PREK_HOME") or caches / "prek") / "patches"


def _ancestors() -> Iterator[int]:
    """The processes that started this one, as far as the system tells."""
    number = os.getppid()
    for _ in range(5):
        yield number
        try:
            status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        number = int(status.rpartition(")")[2].split()[1])
        if number < 2:
            return
