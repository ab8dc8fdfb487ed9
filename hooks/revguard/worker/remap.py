"""Imports come from the judged tree: what leads into the working tree is turned to the checkout.

An editable installation reaches the working tree by a ``.pth`` entry in ``sys.path``, by a finder
on ``sys.meta_path`` or by a path hook (setuptools, editables, scikit-build, meson-python); all are
turned, whatever wrote them, because every answer of every finder passes here.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Iterable, Sequence


class Remap:
    """Turns paths below ``toplevel`` (the working tree) into ones below ``tree`` (the checkout)."""

    def __init__(self, toplevel: str, tree: str, prefixes: Iterable[str]) -> None:
        self.toplevel = os.path.realpath(toplevel)
        self.tree = os.path.realpath(tree)
        own = [os.path.realpath(prefix) for prefix in prefixes]
        self._kept = tuple(path + os.sep for path in (self.tree, *own) if path != self.toplevel)
        self._folders: dict[str, str] = {}

    def path(self, path: str) -> str:
        """The path in the checkout for one in the working tree, any other path as it is.

        What belongs to an interpreter (a virtualenv inside the working tree) stays; all else of
        the working tree is out of bounds, whether the checkout has it or not.
        """
        if not path or "\0" in path:
            return path
        turned = self._turn(path)
        return path if turned is None else turned

    def file(self, path: str) -> str:
        """As path(), for a file: its folder is looked at once for all files there."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = self.path(folder)
        return (
            path if self._folders[folder] == folder else os.path.join(self._folders[folder], name)
        )

    def _turn(self, path: str) -> str | None:
        real = os.path.realpath(path)
        if real != self.toplevel and not real.startswith(self.toplevel + os.sep):
            return None
        if (real + os.sep).startswith(self._kept):
            return None
        return os.path.normpath(os.path.join(self.tree, os.path.relpath(real, self.toplevel)))


class TurningFinder:
    """Stands before all finders, asks them, and turns their answers to the checkout."""

    def __init__(self, remap: Remap) -> None:
        self._remap = remap

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The first answer that the checkout can give; None where it has no such module."""
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            turned = turn_spec(spec, self._remap) if spec else None
            if turned is not None:
                return turned
        return None

    def invalidate_caches(self) -> None:
        """Nothing is kept here."""


def turn_spec(spec: ModuleSpec, remap: Remap) -> ModuleSpec | None:
    """The spec of the same module in the checkout; None where the checkout does not have it."""
    locations = spec.submodule_search_locations
    origin = spec.origin if spec.has_location else None
    if origin and remap.file(origin) != origin:
        turned = remap.file(origin)
        if not os.path.exists(turned):
            return None
        found = None if locations is None else [remap.path(entry) for entry in locations]
        return importlib.util.spec_from_file_location(
            spec.name, turned, submodule_search_locations=found
        )
    if locations is not None:
        entries = list(locations)
        found = [remap.path(entry) for entry in entries]
        if found != entries:  # a namespace package: it has no file
            spec.submodule_search_locations = [entry for entry in found if os.path.isdir(entry)]
    return spec


def install(remap: Remap, root: str) -> None:
    """Turn ``sys.path`` and all finders, and make ``root`` importable.

    The root goes before site-packages and after the standard library: a copy of the project that
    was installed without ``-e`` loses, and a folder ``types/`` cannot shadow the standard library.
    """
    turned: list[str] = []
    for entry in sys.path:
        new = remap.path(entry) if entry else entry
        if new and new not in turned:
            turned.append(new)
    sys.path[:] = turned
    place = _before_site_packages()
    sys.path[place:place] = [path for path in _roots(root, remap.tree) if path not in turned]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and name != "__main__" and remap.file(file) != file:
            del sys.modules[name]  # a .pth file or sitecustomize was quicker
    sys.meta_path.insert(0, TurningFinder(remap))
    sys.path_importer_cache.clear()


def _roots(root: str, tree: str) -> list[str]:
    """The root and the ``src`` folders beside it and at the top, in the order to try."""
    found = [root]
    for folder in (root, tree):
        source = os.path.join(folder, "src")
        is_package = os.path.exists(os.path.join(source, "__init__.py"))
        if os.path.isdir(source) and not is_package and source not in found:
            found.append(source)
    return found


def _before_site_packages() -> int:
    for index, entry in enumerate(sys.path):
        if os.path.basename(entry) in ("site-packages", "dist-packages"):
            return index
    return len(sys.path)
