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

# What the lines that define a table look like, as `git diff -G` has it and as texts: a file that
# nothing imports matters, too, if it defines one.
DECLARES = r"__table|__abstract|Table\(|table ?= ?True|olumn\(|Mapped\[|\.Model"
_DECLARES = (
    b"__table", b"__abstract", b"Table(", b"table=True", b"table = True", b"olumn(", b"Mapped[",
    b".Model",
)  # fmt: skip
# folders and files that hold no part of the application's schema
_ASIDE = frozenset((
    "benchmark", "benchmarks", "build", "contrib", "demo", "demos", "dist", "doc", "docs",
    "example", "examples", "fixture", "fixtures", "node_modules", "notebooks", "playground",
    "sample", "samples", "sandbox", "script", "scripts", "site-packages", "spikes", "template",
    "templates", "test", "testing", "tests", "third_party", "thirdparty", "tool", "tools",
    "vendor", "vendored", "venv",
))  # fmt: skip
_TESTS = frozenset(("conftest.py", "testing.py", "tests.py"))


class Relevance:
    """Whether a changed path can matter to what was observed."""

    def __init__(self, observed: Mapping[str, Any]) -> None:
        self._files = frozenset(observed["files"])
        self._folders = observed["folders"]
        self._roots = observed["roots"]
        self._attempted = frozenset(observed["attempted"])
        self._absent = frozenset(observed["absent"])
        self._watch = observed.get("watch") or []
        self._seen_in: frozenset[str] | None = None

    def __call__(self, status: str, path: str) -> bool:
        """`status` as git has it: A added, D deleted, M modified, T another type."""
        if path in self._files or path.rpartition("/")[2] in CONFIG_NAMES:
            return True
        if path in self._above():
            return True
        if status in "ADT" and (self._is_listed(status, path) or self._is_importable(path)):
            return True
        return bool(self._watch) and self._is_watched(path)

    def _above(self) -> frozenset[str]:
        """Folders with what was seen: one that changes as a whole is a submodule that moves."""
        if self._seen_in is None:
            found = {""}
            for seen in (*self._files, *self._folders, *self._roots):
                folder = seen
                while folder not in found:
                    found.add(folder)
                    folder = folder.rpartition("/")[0]
            self._seen_in = frozenset(found) - self._files - {""}
        return self._seen_in

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


def may_declare(path: str) -> bool:
    """Whether a file may define tables of the application."""
    return path.endswith(".py") and not is_aside(path)


def declares(content: bytes) -> bool:
    """Whether a file looks as if it defined a table; few do."""
    return any(mark in content for mark in _DECLARES)


def is_aside(path: str, within: str = "") -> bool:
    """Whether a file is a test, an example, a script, or somebody else's: beside the application.

    `within` is a folder whose own place says nothing (an example that is a project).
    """
    inside = path[len(within) + 1 :] if within and path.startswith(f"{within}/") else path
    *folders, name = inside.split("/")
    if any(one.lstrip("_").lower() in _ASIDE or one[:1] in ".{" for one in folders):
        return True
    return name in _TESTS or name.startswith("test_") or name.endswith(("_test.py", "_tests.py"))


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
