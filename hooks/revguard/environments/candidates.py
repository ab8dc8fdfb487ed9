"""The files of a tree that may configure an environment: a listing in, Candidates out."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from revguard.environments import inifile
from revguard.environments.environment import Listing, Read, Skipped

INI = "alembic.ini"
PYPROJECT = "pyproject.toml"
_SYMLINK = "120000"


class Candidate(NamedTuple):
    """The files of one folder that may configure an environment."""

    path: str
    ini: bytes | None
    toml: Mapping[str, object] | None  # [tool.alembic]
    toml_path: str

    @property
    def folder(self) -> str:
        """The folder that both files lie in."""
        return posixpath.dirname(self.path)


def candidates(files: Listing, read: Read) -> tuple[dict[str, Candidate], list[Skipped]]:
    """By folder, top first: what a folder's ini and pyproject.toml say together."""
    paths = [path for path in files if posixpath.basename(path) in {INI, PYPROJECT}]
    reasons = {path: _unfit(files, path) for path in paths}
    wanted = [path for path, reason in reasons.items() if not reason]
    contents = read(wanted) if wanted else {}
    found: dict[str, Candidate] = {}
    for folder in sorted({posixpath.dirname(path) for path in contents}, key=_top_first):
        candidate = in_folder(posixpath.join(folder, INI), contents)
        if candidate:
            found[folder] = candidate
    unfit = [Skipped(path, why) for path, why in reasons.items() if why and path.endswith(INI)]
    return found, unfit


def in_folder(ini_path: str, contents: Mapping[str, bytes]) -> Candidate | None:
    """The candidate that this ini and the pyproject.toml beside it make."""
    toml_path = posixpath.join(posixpath.dirname(ini_path), PYPROJECT)
    toml = inifile.tool_table(toml_path, contents.get(toml_path))
    ini = contents.get(ini_path)
    if ini is None and toml is None:
        return None
    return Candidate(ini_path if ini is not None else toml_path, ini, toml, toml_path)


def names(folders: list[str], top_name: str) -> dict[str, str]:
    """A name for each folder: its own where that is unambiguous, else its whole path."""
    short = {folder: posixpath.basename(folder) or top_name for folder in folders}
    taken = list(short.values())
    found = {
        folder: name if taken.count(name) == 1 else folder or top_name
        for folder, name in short.items()
    }
    if list(found.values()).count(found.get("", "")) > 1:
        found[""] = "."
    return found


def _top_first(folder: str) -> tuple[int, str]:
    return (folder.count("/") if folder else -1, folder)


def _unfit(files: Listing, path: str) -> str:
    if files[path].mode == _SYMLINK:
        return "is a symbolic link"  # what it leads to is found by itself
    if not files[path].mode.startswith("100"):
        return "is no file"
    return "lies in the folder of a template" if "{{" in path else ""
