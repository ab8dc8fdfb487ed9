"""How files are imported: the Python files of a repository in, import roots and module names out.

What counts is how the files import each other: `from shop.models import User` in a file below
`backend/` says that `backend` is an import root, packages with or without `__init__.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

_IMPORT: Final = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w.]+))", re.MULTILINE
)
_SOURCE: Final = "src"
# folders of code that is none of the application's own
_APART: Final = frozenset((
    "tests", "test", "testing", "examples", "example", "docs", "doc", "samples", "benchmarks",
    "migrations", "alembic", "versions", "node_modules", "site-packages", "venv", "scripts",
))  # fmt: skip


class Modules:
    """The modules of a repository, by the files that define them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._paths = frozenset(files)
        self._folders = {folder for path in files for folder in _above(path)}
        self._evidence = self._count(files)

    def root(self, path: str) -> str:
        """The folder that stands on `sys.path` when this file is imported."""
        folders = _above(path)
        plain = self._above_packages(path)
        # of equal evidence: where packages say it; else the top-most
        return max(folders, key=lambda one: (self._evidence[one], one == plain, -len(one)))

    def name(self, path: str) -> str:
        """The dotted name of the file's module."""
        root = self.root(path)
        inner = path[len(root) + 1 :] if root else path
        return inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def _above_packages(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        while folder and f"{folder}/__init__.py" in self._paths:
            folder = folder.rpartition("/")[0]
        return folder

    def _count(self, files: Mapping[str, bytes]) -> Counter[str]:
        """How many imports each folder would serve as a root."""
        found: Counter[str] = Counter()
        for path, text in files.items():
            folders = _above(path)
            below = [f"{one}/{_SOURCE}".lstrip("/") for one in folders]
            roots = [*folders, *(one for one in below if one in self._folders)]
            for name in {one for match in _IMPORT.findall(text) for one in match if one}:
                if not name.startswith(b"."):
                    found.update(self._serving(name.decode(), path, dict.fromkeys(roots)))
        return found

    def _serving(self, name: str, importer: str, roots: Mapping[str, None]) -> Iterator[str]:
        for root in roots:
            stem = "/".join([*filter(None, [root]), *name.split(".")])
            found = {f"{stem}.py", f"{stem}/__init__.py"} & self._paths
            # a file does not import itself, and a folder alone may be of anything
            if found - {importer} or ("." in name and stem in self._folders):
                yield root


def is_application(path: str) -> bool:
    """Whether a file may be the application's own: no test, no example, no migration."""
    *folders, name = path.split("/")
    apart = any(one.lower() in _APART or one.startswith(".") for one in folders)
    return not (apart or name.startswith("test_") or name in ("conftest.py", "setup.py"))


def _above(path: str) -> list[str]:
    """The folder of a file and those above it, the top last."""
    folder, found = path.rpartition("/")[0], []
    while folder:
        found.append(folder)
        folder = folder.rpartition("/")[0]
    return [*found, ""]
