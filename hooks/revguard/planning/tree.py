"""Where in a tree a module may lie: its listing in, paths of modules out."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from revguard.planning.source import Import, Source
from revguard.staging.trees import GITLINK, SYMLINK, read_blobs

if TYPE_CHECKING:
    from revguard.staging.trees import Entry, Reader


class Sources:
    """The texts of blobs; each is read once, whatever trees it is in."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[str, Source] = {}

    def load(self, oids: Iterable[str]) -> None:
        """Read those that are not there yet, in one go."""
        missing = {oid for oid in oids if oid not in self._known}
        for oid, content in read_blobs(self._reader.repo, missing).items():
            self._known[oid] = Source(content)

    def __getitem__(self, oid: str) -> Source:
        return self._known[oid]


class Tree:
    """One tree's files, and what its modules are called."""

    def __init__(self, listing: Mapping[str, Entry], sources: Sources) -> None:
        self.listing = listing
        self.sources = sources
        self.python = {
            path for path, entry in listing.items()
            if path.endswith(".py") and entry.mode != GITLINK
        }  # fmt: skip
        self.links = [path for path, entry in listing.items() if entry.mode in (SYMLINK, GITLINK)]
        self._sorted = sorted(listing)
        self._folders: dict[str, set[str]] = {}  # name of a module: folders that hold one
        for path in self.python:
            self._note(path)
        self._resolved: dict[tuple[str, Import, tuple[str, ...]], tuple[str, ...]] = {}

    def _note(self, path: str) -> None:
        *folders, name = path.split("/")
        at = ""
        for part in (*folders, name.removesuffix(".py")):
            self._folders.setdefault(part, set()).add(at)
            at = f"{at}/{part}" if at else part

    def below(self, folder: str) -> Sequence[str]:
        """The files in a folder and in its folders."""
        first, behind = (bisect_left(self._sorted, f"{folder}{end}") for end in "/0")  # "0": next
        return self._sorted[first:behind] if folder else self._sorted

    def source(self, path: str) -> Source:
        """The text of a file that was loaded."""
        return self.sources[self.listing[path].oid]

    def load(self, paths: Iterable[str]) -> None:
        """Read files that are asked for next."""
        self.sources.load(self.listing[path].oid for path in paths)

    def imported(self, path: str, roots: Sequence[str]) -> Iterator[str]:
        """The files that the imports of a file may load, with the packages that hold them.

        A module is looked for where the environment imports from, then where the file itself lies,
        then everywhere: it may be installed from any folder of the repository.
        """
        near = self._own_root(path)
        for one in self.source(path).imports:
            key = (near if not one.level else path, one, tuple(roots))
            if key not in self._resolved:
                self._resolved[key] = tuple(self._files(path, one, roots))
            yield from self._resolved[key]

    def _files(self, path: str, one: Import, roots: Sequence[str]) -> Iterator[str]:
        if one.level:
            base = path.split("/")[: -one.level]
            yield from self._modules("/".join(base), one)
            return
        for place in self.places(one.module[:1], (*roots, self._own_root(path))):
            yield from self._modules(place, one)

    def places(self, module: Sequence[str], roots: Sequence[str]) -> Iterable[str]:
        """The folders from which a module's first name can be imported."""
        holding = self._folders.get(module[0], set()) if module else set()
        return [root for root in dict.fromkeys(roots) if root in holding] or sorted(holding)

    def named(self, dotted: str, roots: Sequence[str]) -> Iterator[str]:
        """The files of a module that is named in a text."""
        one = Import(0, tuple(dotted.split(".")))
        for place in self.places(one.module, roots):
            yield from self._modules(place, one)

    def _modules(self, place: str, one: Import) -> Iterator[str]:
        at = place
        for part in one.module:
            yield from self._present(at)
            at = posixpath.join(at, part)
        yield from self._present(at)
        for name in one.names:
            yield from self._present(posixpath.join(at, name))

    def _present(self, at: str) -> Iterator[str]:
        for path in (f"{at}.py", posixpath.join(at, "__init__.py")):
            if path in self.python:
                yield path

    def _own_root(self, path: str) -> str:
        """The folder from which a file's package is imported."""
        folder = posixpath.dirname(path)
        while folder and f"{folder}/__init__.py" in self.python:
            folder = posixpath.dirname(folder)
        return folder
