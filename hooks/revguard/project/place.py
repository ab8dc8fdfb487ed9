"""Where an interpreter is looked for: the folders of a project, and what each may hold."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping

_IN_PREFIX = (
    ("python.exe", os.path.join("Scripts", "python.exe"))
    if sys.platform == "win32"
    else ("bin/python", "bin/python3")
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder of a working tree, and what revguard itself was started with."""

    toplevel: str
    root: str  # in the repository, with slashes
    environ: Mapping[str, str]
    own_prefix: str
    cache: str | None = None

    @property
    def here(self) -> str:
        """The folder that the environment runs in, or the nearest that is there."""
        for folder in self.folders():
            if os.path.isdir(folder):
                return folder
        return self.toplevel

    def tops(self) -> list[str]:
        """The working tree, and the main one where it is a linked one."""
        main = main_worktree(self.toplevel)
        return [self.toplevel] if main is None else [self.toplevel, main]

    def folders(self) -> list[str]:
        """The root and each folder above it up to the top; in the main working tree as well."""
        parts = [part for part in self.root.split("/") if part not in {"", "."}]
        return [
            os.path.join(top, *parts[:depth])
            for top in self.tops()
            for depth in range(len(parts), -1, -1)
        ]

    def path_folders(self) -> list[str]:
        """The folders on PATH."""
        return [path for path in self.environ.get("PATH", "").split(os.pathsep) if path]


def python_of(prefix: str) -> str | None:
    """The interpreter of a virtualenv or a Conda environment."""
    for name in _IN_PREFIX:
        path = os.path.join(prefix, name)
        if os.path.exists(path):
            return path
    return None


def prefix_of(bin_folder: str) -> str | None:
    """The virtualenv or Conda environment that a folder of programs belongs to."""
    for prefix in (os.path.dirname(bin_folder.rstrip(os.sep)), bin_folder):
        if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
            return prefix
        if os.path.isdir(os.path.join(prefix, "conda-meta")):
            return prefix
    return None


def main_worktree(toplevel: str) -> str | None:
    """The main working tree of a linked one; read from its files, since git costs a process."""
    try:
        with open(os.path.join(toplevel, ".git"), encoding="utf-8") as file:
            told = file.read().partition("gitdir:")[2].strip()
        git_dir = os.path.join(toplevel, told)
        with open(os.path.join(git_dir, "commondir"), encoding="utf-8") as file:
            common = os.path.realpath(os.path.join(git_dir, file.read().strip()))
    except (OSError, UnicodeDecodeError):
        return None
    return os.path.dirname(common) if os.path.basename(common) == ".git" else None
