"""What a run of env.py was seen to depend on, against a change of the tree: does it matter?

Light on purpose: the quick way out of a commit that touches nothing relevant imports this.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


# Observations of one environment, JSON-ready, paths relative to the tree's top:
#   files: read, imported, or revision scripts       folders: listed, with their entries
#   roots: folders on the import path                 watch: patterns of the configuration
#   attempted: names whose import was tried inside    absent: names from elsewhere or nowhere


CONFIG_NAMES = ("alembic.ini", "pyproject.toml", "revguard.toml")


class Relevance:
    """Whether a changed path can matter to what was observed."""

    def __init__(self, observed: Mapping[str, Any]) -> None:
        self._files = frozenset(observed["files"])
        self._folders = observed["folders"]
        self._roots = observed["roots"]
        self._attempted = frozenset(observed["attempted"])
        self._absent = frozenset(observed["absent"])
        self._watch = observed.get("watch") or []

    def __call__(self, status: str, path: str) -> bool:
        """`status` as git has it: A added, D deleted, M modified, T another type."""
        if path in self._files or path.rpartition("/")[2] in CONFIG_NAMES:
            return True
        if status in "ADT" and (self._is_listed(status, path) or self._is_importable(path)):
            return True
        return bool(self._watch) and self._is_watched(path)

    def _is_listed(self, status: str, path: str) -> bool:
        """A new entry of a listed folder, or one that may be gone from it."""
        folder = path
        while folder:
            folder, _, name = folder.rpartition("/")
            entries = self._folders.get(folder)
            if entries is not None and (status != "A" or name not in entries):
                return True
        return False

    def _is_importable(self, path: str) -> bool:
        """A file that an import would find now where it found another one, or nothing."""
        stem = path.rsplit(".", 1)[0] if path.endswith((".py", ".so", ".pyd")) else ""
        for root in self._roots:
            prefix = root + "/" if root else ""
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            folders = [".".join(parts[:count]) for count in range(1, len(parts))]
            if not self._absent.isdisjoint(folders):
                return True
            module = stem[len(prefix) :].replace("/", ".").removesuffix(".__init__") if stem else ""
            if module and (module in self._absent or module in self._attempted):
                return True
        return False

    def _is_watched(self, path: str) -> bool:
        from fnmatch import fnmatch

        return any(fnmatch(path, pattern) for pattern in self._watch)


def merge(many: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One that says of a change that it matters wherever one of many does."""
    folders: dict[str, list[str]] = {}
    for one in many:
        for folder, entries in one["folders"].items():
            known = folders.get(folder)
            folders[folder] = (
                list(entries) if known is None else [name for name in known if name in entries]
            )

    def union(name: str) -> list[str]:
        return sorted({item for one in many for item in one.get(name) or ()})

    return {
        "files": union("files"),
        "folders": folders,
        "roots": union("roots"),
        "attempted": union("attempted"),
        "absent": union("absent"),
        "watch": union("watch"),
    }
