"""Commits of a repository that nobody made: a commit in, one without a file or with another out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_MODELS = r"__tablename__|Column\(|mapped_column\(|table=True|db\.Model\b|relationship\("
_REVISION = r"^(down_revision|down_revision: .*) ="
_IDENTITY = {
    name: value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (
        (f"GIT_{role}_NAME", "bench"),
        (f"GIT_{role}_EMAIL", "bench@example.invalid"),
    )
}


def git(
    clone: Path, *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = ""
) -> str:
    """What git says."""
    told = {**os.environ, **_IDENTITY, **(environ or {})}
    return subprocess.run(
        ["git", *arguments], cwd=clone, env=told, input=stdin,
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def model_files(clone: Path) -> list[str]:
    """The files that define tables, as far as their text shows it, without tests and scripts."""
    shown = subprocess.run(
        ["git", "grep", "-lE", _MODELS, "HEAD", "--", "*.py"],
        cwd=clone, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    found = [line.partition(":")[2] for line in shown]
    return [path for path in found if not _is_beside(path)]


def _is_beside(path: str) -> bool:
    folders = path.lower().split("/")
    aside = ("test", "tests", "examples", "docs", "versions", "migrations", "alembic")
    return any(name in aside for name in folders) or folders[-1].startswith("test")


def commits(clone: Path, models: Sequence[str], count: int) -> list[str]:
    """The newest commits that touched models, the newest first, without merges."""
    told = ("log", "--no-merges", f"-{count}", "--format=%H", "HEAD", "--", *models)
    return [one for one in git(clone, *told).split() if _has_parent(clone, one)]


def _has_parent(clone: Path, commit: str) -> bool:
    return len(git(clone, "rev-list", "--parents", "-1", commit).split()) > 1


def revisions(clone: Path, commit: str) -> list[str]:
    """The revision scripts that a commit adds."""
    told = ("diff", "--no-renames", "--diff-filter=A", "--name-only", f"{commit}^1", commit)
    added = git(clone, *told, "--", "*.py").split("\n")
    return [path for path in added if path and _is_revision(clone, commit, path)]


def _is_revision(clone: Path, commit: str, path: str) -> bool:
    asked = ["git", "grep", "-qE", _REVISION, commit, "--", f":(literal){path}"]
    return not subprocess.run(asked, cwd=clone, check=False, capture_output=True).returncode


def changed(clone: Path, commit: str, *, without: Sequence[str] = (), settings: str = "") -> str:
    """A commit like this one, upon the same parent, without some files, with our settings.

    Its parent is the base: what has landed since did not exist yet.
    """
    base = git(clone, "rev-parse", f"{commit}^1").strip()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        git(clone, "read-tree", commit, environ=environ)
        if without:
            git(clone, "update-index", "--force-remove", "--", *without, environ=environ)
        text = f'base = "{base}"\n{settings}'
        blob = git(clone, "hash-object", "-w", "--stdin", stdin=text).strip()
        entry = f"100644,{blob},revguard.toml"
        git(clone, "update-index", "--add", "--cacheinfo", entry, environ=environ)
        tree = git(clone, "write-tree", "--missing-ok", environ=environ).strip()
    return git(clone, "commit-tree", "-p", base, "-m", "replayed", tree).strip()
