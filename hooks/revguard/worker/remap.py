"""Imports come from the judged tree: what leads into the working tree is turned to the checkout.

An editable installation reaches the working tree by a ``.pth`` entry in ``sys.path`` or by a finder
on ``sys.meta_path`` (setuptools, editables, scikit-build); both are turned, whatever wrote them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Iterable, Sequence

_BUILTIN = ("BuiltinImporter", "FrozenImporter", "PathFinder")


class Remap:
    """Turns paths below ``toplevel`` (the working tree) into ones below ``tree`` (the checkout)."""

    def __init__(self, toplevel: str, tree: str, prefixes: Iterable[str]) -> None:
        self.toplevel = os.path.realpath(toplevel)
        self.tree = os.path.realpath(tree)
        self._kept = tuple(os.path.realpath(prefix) + os.sep for prefix in prefixes)

    def path(self, path: str) -> str:
        """The path in the checkout for one in the working tree, any other path as it is.

        A folder that the tree does not have stays as it is only if it is an interpreter's own
        (a virtualenv inside the working tree); all else of the working tree is out of bounds.
        """
        if not path or "\0" in path:
            return path
        real = os.path.realpath(path)
        if real != self.toplevel and not real.startswith(self.toplevel + os.sep):
            return path
        if real.startswith(self.tree) or (real + os.sep).startswith(self._kept):
            return path
        return os.path.normpath(os.path.join(self.tree, os.path.relpath(real, self.toplevel)))

    def is_changed(self, path: str) -> bool:
        """Whether path() would give another one."""
        return self.path(path) != path


class RemappingFinder:
    """A finder of an editable installation, whose answers are turned to the checkout."""

    def __init__(self, finder: Any, remap: Remap) -> None:
        self._finder = finder
        self._remap = remap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The finder's answer, turned."""
        find = getattr(self._finder, "find_spec", None)
        spec = find(name, path, target) if find else None
        if spec is None:
            return None
        return turn_spec(spec, self._remap)


def turn_spec(spec: ModuleSpec, remap: Remap) -> ModuleSpec | None:
    """The spec of the same module in the checkout; None where the checkout does not have it."""
    locations = spec.submodule_search_locations
    origin = spec.origin if spec.has_location else None
    if origin and remap.is_changed(origin):
        turned = remap.path(origin)
        if not os.path.exists(turned):
            return None
        found = None if locations is None else [remap.path(entry) for entry in locations]
        return importlib.util.spec_from_file_location(
            spec.name, turned, submodule_search_locations=found
        )
    if locations is not None and any(remap.is_changed(entry) for entry in list(locations)):
        spec.submodule_search_locations = [remap.path(entry) for entry in locations]
    return spec


def install(remap: Remap, root: str) -> None:
    """Turn ``sys.path`` and the foreign finders, and make ``root`` importable.

    The root goes before site-packages and after the standard library: a copy of the project that
    was installed without ``-e`` loses, and a folder ``types/`` cannot shadow the standard library.
    """
    turned = []
    for entry in sys.path:
        new = remap.path(entry) if entry else entry
        if new and new not in turned:
            turned.append(new)
    sys.path[:] = turned
    if root not in sys.path:
        sys.path.insert(_before_site_packages(), root)
    for index, finder in enumerate(sys.meta_path):
        name = getattr(finder, "__name__", type(finder).__name__)
        if name not in _BUILTIN and not isinstance(finder, RemappingFinder):
            sys.meta_path[index] = RemappingFinder(finder, remap)
    sys.path_importer_cache.clear()


def _before_site_packages() -> int:
    for index, entry in enumerate(sys.path):
        if os.path.basename(entry) in ("site-packages", "dist-packages"):
            return index
    return len(sys.path)
