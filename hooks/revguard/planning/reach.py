"""What an environment can depend on, as far as names and imports tell: a tree and an environment
in, its folders and files out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from typing import TYPE_CHECKING, Final

from revguard.environments.locations import ENV_PY
from revguard.observed import is_aside
from revguard.staging.trees import SYMLINK

if TYPE_CHECKING:
    from revguard.environments import Environment
    from revguard.planning.source import Source
    from revguard.planning.tree import Tree

# They say which packages are installed, or how: where they lie above a file, they are about it.
_MANIFESTS: Final = (
    "pyproject.toml", "revguard.toml", "setup.py", "setup.cfg", "*requirements*.txt",
    "*requirements*.in", "*constraints*.txt", "*.lock", "Pipfile", "environment.y*ml",
    ".python-version", ".env*",
)  # fmt: skip
_PROSE: Final = (".md", ".rst", ".txt", ".png", ".svg", ".jpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A changed path, and by what an environment could come to it."""

    path: str
    above: frozenset[str]  # the folders that hold it
    manifest_of: str | None  # the folder that it says packages of
    mentions: frozenset[bytes]  # words that may mean it


def trace(path: str) -> Trace:
    """What there is to know of a path."""
    folder, name = posixpath.split(path)
    is_manifest = any(fnmatch(name, pattern) for pattern in _MANIFESTS)
    by_name = not is_manifest and not path.endswith(".py")
    return Trace(
        path=path,
        above=_above(path),
        manifest_of=folder if is_manifest else None,
        mentions=_mentions(name) if by_name else frozenset(),
    )


def _mentions(name: str) -> frozenset[bytes]:
    """The name, and its ending for where a name is made."""
    suffix = posixpath.splitext(name)[1]
    words = [name, *([suffix] if suffix and suffix not in _PROSE else [])]
    return frozenset(word.encode("utf-8", "surrogateescape") for word in words)


def _above(path: str) -> frozenset[str]:
    """The folders that hold a path; the top is none of them."""
    parts = path.split("/")[:-1]
    return frozenset("/".join(parts[:count]) for count in range(1, len(parts) + 1))


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Folders that count as a whole, and single files, before a change and after it."""

    folders: frozenset[str]
    files: frozenset[str]
    watch: tuple[str, ...]
    sources: frozenset[Source]

    def has(self, one: Trace) -> bool:
        """Whether a file can matter by where it lies, or by who asks for it."""
        if one.path in self.files or not self.folders.isdisjoint(one.above):
            return True
        return bool(self.watch) and any(fnmatch(one.path, pattern) for pattern in self.watch)

    def may_use(self, one: Trace) -> bool:
        """Whether a file that nothing imports can matter: a manifest, or one that is mentioned."""
        if one.manifest_of is not None:
            return one.manifest_of in self._parents
        return bool(one.mentions) and not one.mentions.isdisjoint(self._tokens)

    @cached_property
    def _parents(self) -> frozenset[str]:
        places = {*self.folders, *map(posixpath.dirname, self.files)}
        return frozenset(above for place in places for above in (*_above(f"{place}/x"), ""))

    @cached_property
    def _tokens(self) -> frozenset[bytes]:
        return frozenset().union(*(source.tokens for source in self.sources))

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            folders=self.folders | other.folders,
            files=self.files | other.files,
            watch=self.watch,
            sources=self.sources | other.sources,
        )


def reaches(tree: Tree, environments: Sequence[Environment]) -> dict[str, Reach | None]:
    """The reach of each environment, by name; None where only a run can tell it.

    Files are read level by level, for all environments at once.
    """
    searches = {one.name: _Search(tree, one) for one in environments if is_known(one)}
    waiting = list(searches.values())
    while waiting:
        tree.load({path for search in waiting for path in search.fresh})
        for search in waiting:
            search.go_on()
        waiting = [search for search in waiting if search.fresh]
    found: dict[str, Reach | None] = dict.fromkeys(one.name for one in environments)
    return found | {name: search.reach() for name, search in searches.items()}


def is_known(environment: Environment) -> bool:
    """Whether the files say where the environment's scripts are."""
    return environment.script_location is not None and environment.version_locations is not None


class _Search:
    def __init__(self, tree: Tree, environment: Environment) -> None:
        self._tree = tree
        self._environment = environment
        self._roots = environment.roots
        self._folders: set[str] = set()
        self._files: set[str] = set()
        self.fresh: set[str] = set()
        for folder in self._own_folders():
            self._take_folder(folder)
        self._take(path for path in self._own_files() if path in tree.listing)

    def _own_folders(self) -> Iterable[str]:
        said = self._environment
        config = posixpath.dirname(said.config or "")
        places = (said.root, config, said.script_location, *(said.version_locations or ()))
        return [place for place in places if place]

    def _own_files(self) -> Iterator[str]:
        said, settings = self._environment, self._environment.settings
        start = settings.start.partition(":")[2]
        named = (said.config, said.toml, settings.env_file, settings.bootstrap, start)
        yield from filter(None, named)
        yield posixpath.join(said.script_location or "", ENV_PY)
        for text in filter(None, (settings.flask_app, settings.within, settings.alembic_config)):
            yield from self._tree.named(text.partition(":")[0], self._roots)
        if said.flask and not said.root:  # the application is found when env.py runs
            yield from (path for path in self._tree.python if not is_aside(path))

    def _take_folder(self, folder: str) -> None:
        """All that lies below a folder, also behind links."""
        if folder in self._folders:
            return
        self._folders.add(folder)
        self._take(self._tree.below(folder))
        for link in self._tree.links:
            if link.startswith(f"{folder}/"):
                self._take_target(link)

    def _take_target(self, link: str) -> None:
        """What a symbolic link leads to, if that is in the tree."""
        if self._tree.listing[link].mode != SYMLINK:
            return
        self._tree.load([link])
        target = self._tree.source(link).content.decode("utf-8", "surrogateescape")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
        if place in self._tree.listing:
            self._take([place])
        elif not place.startswith((".", "/")):
            self._take_folder(place)

    def _take(self, paths: Iterable[str]) -> None:
        new = {path for path in paths if path not in self._files}
        self._files |= new
        self.fresh |= new & self._tree.python

    def go_on(self) -> None:
        """Follow the imports of the files that were found last; they are loaded."""
        fresh, self.fresh = self.fresh, set()
        for path in fresh:
            self._take_target(path)
            self._take(self._tree.imported(path, self._roots))
            source, folder = self._tree.source(path), posixpath.dirname(path)
            if source.reads_files and folder:
                self._take_folder(folder)
            elif source.is_dynamic:
                self._take(one for one in self._tree.below(folder) if one in self._tree.python)

    def reach(self) -> Reach:
        """What was found."""
        python = (path for path in self._files if path in self._tree.python)
        return Reach(
            folders=frozenset(self._folders),
            files=frozenset(self._files),
            watch=self._environment.settings.watch,
            sources=frozenset(map(self._tree.source, python)),
        )
