"""What is judged: a tree with its parents and its base, as read from git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from revguard.history import reading
from revguard.history.graph import Graph, new_ids
from revguard.staging import trees
from revguard.staging.ranges import Range
from revguard.staging.repository import Repository
from revguard.staging.trees import Entry


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A tree to judge. `parents` and `base` are trees; no parent: a first commit."""

    repo: Repository
    reader: trees.Reader
    tree: str
    parents: tuple[str, ...]
    base: str | None
    base_name: str
    created: int  # seconds since 1970: the date that a generated script bears
    cache: Path  # this repository's part of the cache
    in_working_tree: bool  # whether files of the working tree are about this commit at all
    range: Range | None = None  # that the tree would land; None for a single commit
    landed_at: str = ""  # the commit that the change comes on top of; empty where there is none

    @property
    def commits(self) -> str:
        """The commits of a range and its base's name, which count beside the trees; else empty."""
        if self.range is None:
            return ""
        ends = (self.range.base, *self.range.others, self.range.head, self.base_name)
        return " ".join(ends)

    @property
    def listing(self) -> Mapping[str, Entry]:
        """Every file of the tree."""
        return self.reader.listing(self.tree)

    def read(self, paths: list[str]) -> Mapping[str, bytes]:
        """The contents of files of the tree that are there."""
        entries = {path: self.listing[path] for path in paths if path in self.listing}
        blobs = trees.read_blobs(self.repo, {entry.oid for entry in entries.values()})
        return {path: blobs[entry.oid] for path, entry in entries.items() if entry.oid in blobs}

    def graph(self, tree: str, locations: tuple[str, ...], *, recursive: bool) -> Graph:
        """The history in these version folders of a tree."""
        return self._graph(self.scripts(tree, locations, recursive=recursive))

    def graph_before(self, tree: str, locations: tuple[str, ...], *, recursive: bool) -> Graph:
        """The history of a tree that ours comes from. Where scripts were moved as they are, what
        lay beside them there counts, too."""
        scripts = self.scripts(tree, locations, recursive=recursive)
        here = self.scripts(self.tree, locations, recursive=recursive)
        moved = {*here.values()} - {*scripts.values()}
        gone = {
            path: entry
            for path, entry in (self.reader.listing(tree) if moved else {}).items()
            if path not in self.listing and entry.mode.startswith("100")
        }
        folders = {path.rpartition("/")[0] for path, entry in gone.items() if entry.oid in moved}
        before = {path: e.oid for path, e in gone.items() if path.rpartition("/")[0] in folders}
        return self._graph({**before, **scripts})

    def _graph(self, scripts: Mapping[str, str]) -> Graph:
        return reading.read(
            scripts,
            lambda oids: trees.read_blobs(self.repo, oids),
            self.cache / "scripts.json",
        )

    def scripts(
        self, tree: str, locations: tuple[str, ...], *, recursive: bool
    ) -> Mapping[str, str]:
        """The files in these version folders of a tree, each with its blob."""
        return {
            path: entry.oid
            for path, entry in self.reader.listing(tree).items()
            if entry.mode.startswith("100") and _is_below(path, locations, recursive=recursive)
        }

    def at(self, tree: str) -> Subject:
        """Another tree of the same repository, judged for its own sake."""
        return Subject(
            repo=self.repo,
            reader=self.reader,
            tree=tree,
            parents=(),
            base=None,
            base_name="",
            created=self.created,
            cache=self.cache,
            in_working_tree=False,
            landed_at=tree,
        )


@dataclass(frozen=True, kw_only=True)
class Histories:
    """The history of one environment at the judged tree, its parents and its base."""

    graph: Graph
    parents: tuple[Graph, ...]
    base: Graph | None
    own: Graph | None = None  # of the range's head, before it is merged
    begun: tuple[str, ...] = ()  # what the dump of a first commit is at: as if it had landed

    @cached_property
    def added(self) -> tuple[str, ...]:
        """What none of the parents has, in the order in which it is to be run."""
        begun = {*self.begun, *self.graph.ancestors(*self.begun)}
        return tuple(name for name in new_ids(self.graph, self.parents) if name not in begun)

    @cached_property
    def old(self) -> tuple[str, ...]:
        """Heads of what the parents had already, as far as nothing new stands below it."""
        known = {name for parent in self.parents for name in parent.nodes}
        known |= {*self.begun, *self.graph.ancestors(*self.begun)}
        closed = self.graph.closed(known & set(self.graph.nodes))
        return tuple(self.graph.heads_of(closed))

    @cached_property
    def new(self) -> tuple[str, ...]:
        """What is not among old and its ancestors, oldest first."""
        old = set(self.old) | self.graph.ancestors(*self.old)
        return tuple(name for name in self.graph.order if name not in old)

    def imported(self, roots: tuple[str, ...]) -> set[str]:
        """Paths where modules that the scripts import would lie, and their packages'."""
        paths = set()
        names = {name for node in self.graph.nodes.values() for name in node.imports}
        for root in roots:
            for name in names:
                parts = [*filter(None, [root]), *name.split(".")]
                paths.add("/".join(parts) + ".py")
                paths |= {
                    "/".join([*parts[:count], "__init__.py"]) for count in range(1, len(parts) + 1)
                }
        return paths

    def replayed(self) -> dict[str, str]:
        """{revision id: blob id} of everything up to `old`: what a snapshot is made of."""
        wanted = set(self.old) | self.graph.ancestors(*self.old)
        return {name: self.graph.nodes[name].oid for name in wanted}


def _is_below(path: str, locations: tuple[str, ...], *, recursive: bool) -> bool:
    folder = path.rpartition("/")[0]
    return folder in locations or (
        recursive and any(folder.startswith(location + "/") for location in locations)
    )
