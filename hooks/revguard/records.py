"""What earlier runs found out, kept in the cache: trees and settings in, evaluations of the same
relevant content out.

A record speaks for a tree if nothing that differs between the two trees can matter to what the
recorded run was seen to depend on. Names of files are never guessed at.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from revguard import __version__
from revguard.errors import CouldNotCheck
from revguard.observed import Relevance
from revguard.staging.trees import Reader

_KEPT = 24  # records of one environment
_TRIED = 8  # the newest ones, in a search


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One evaluation of one environment at one tree."""

    tree: str
    observed: Mapping[str, Any]
    settings: str  # digest of the settings and the interpreter that it was made with
    digest: str | None  # of the metadata, as the worker computes it
    drift: tuple[str, ...]  # keys of all differences, known or new
    # "remove_revision ID" of what a parent or the base has besides; what new revisions take away
    missing: tuple[str, ...] = ()
    root: str = ""
    version_locations: tuple[str, ...] = ()
    script_location: str = ""
    hook_files: tuple[str, ...] = ()
    dialect: str = ""
    driver: str = ""
    parents: tuple[str, ...] = ()  # trees of the parents that the report speaks of
    changed: tuple[str, ...] = ()  # from the first parent, as Records.changed() has it
    base: str | None = None
    range: str = ""  # as Subject.commits has it
    day: str = ""
    report: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class Records:
    """The records of one environment; a folder that cannot be used is as if it were empty."""

    def __init__(
        self, folder: Path, reader: Reader, *, enabled: bool, only_read: bool = False
    ) -> None:
        self._folder = folder
        self._reader = reader
        self._enabled = enabled
        self._only_read = only_read
        self._loaded: dict[str, Record | None] = {}
        self.elsewhere: frozenset[str] = frozenset()  # what other environments read

    def read_only(self) -> Records:
        """The same records, for judgements of trees that nobody will ask for."""
        return Records(self._folder, self._reader, enabled=self._enabled, only_read=True)

    def read(self) -> list[str]:
        """The files that the environment read when it last ran."""
        return [path for record in self.newest()[:1] for path in record.observed["files"]]

    def speaking_for(self, tree: str, settings: str) -> Record | None:
        """The newest record that was made with these settings and speaks for this tree."""
        found = [record for record in self.newest() if record.settings == settings]
        for record in found:
            if record.tree == tree:  # asks git nothing
                return record
        return next((record for record in found if self.speaks(record, tree)), None)

    def report_for(
        self,
        tree: str,
        parents: tuple[str, ...],
        base: str | None,
        settings: str,
        day: str,
        commits: str = "",
    ) -> Record | None:
        """A record whose report holds for this change of this base, made with these settings."""
        for record in self.newest():
            if (
                record.report is not None
                and (record.settings, record.base, record.day) == (settings, base, day)
                and record.range == commits
                and len(record.parents) == len(parents)
                and self._is_same_change(record, tree, parents)
            ):
                return record
        return None

    def _is_same_change(self, record: Record, tree: str, parents: tuple[str, ...]) -> bool:
        if record.parents == parents and parents:
            return record.changed == self.changed(record.observed, parents[0], tree)
        return self.speaks(record, tree) and all(
            self._alike(record, old, new) for old, new in zip(record.parents, parents, strict=True)
        )

    def unaffected(self, tree: str, parents: tuple[str, ...]) -> Record | None:
        """A record by which nothing that can matter differs between the tree and a parent."""
        for record in self.newest():
            for parent in parents:
                if self._alike(record, parent, tree, self.elsewhere) and self._alike(
                    record, record.tree, parent, self.elsewhere
                ):
                    return record
        return None

    def since(self, tree: str, parents: tuple[str, ...]) -> tuple[str, ...] | None:
        """The paths that differ from a parent and can matter; none if so for any of the parents.

        None where no record speaks for a parent.
        """
        found: tuple[str, ...] | None = None
        for record in self.newest():
            for parent in parents:
                if self._alike(record, record.tree, parent, self.elsewhere):
                    lines = self.changed(record.observed, parent, tree, self.elsewhere)
                    if not lines:
                        return ()
                    found = found or tuple(_path_of(line) for line in lines)
        return found

    def changed(
        self,
        observed: Mapping[str, Any],
        old: str,
        new: str,
        elsewhere: frozenset[str] = frozenset(),
    ) -> tuple[str, ...]:
        """What differs between two trees and can matter: "status path blob" each.

        A table in one of the files `elsewhere` is another environment's, none that was forgotten.
        """
        relevant = Relevance(observed)
        changes = self._reader.changes(old, new)
        others = [
            one
            for one in changes
            if not relevant(one.status, one.path) and one.path not in elsewhere
        ]
        declaring = self._reader.declaring(others)
        return tuple(
            f"{change.status} {change.path} {change.new.oid if change.new else ''}"
            for change in changes
            if change.path in declaring or relevant(change.status, change.path)
        )

    def speaks(self, record: Record, tree: str) -> bool:
        """Whether nothing relevant differs between the record's tree and this one."""
        return self._alike(record, record.tree, tree)

    def _alike(
        self, record: Record, old: str, new: str, elsewhere: frozenset[str] = frozenset()
    ) -> bool:
        try:
            return old == new or not self.changed(record.observed, old, new, elsewhere)
        except CouldNotCheck:
            return False  # a tree of long ago, that git has collected

    def newest(self) -> list[Record]:
        """The newest records, newest first."""
        if not self._enabled:
            return []
        names = sorted(self._names(), reverse=True)[:_TRIED]
        return [record for record in map(self._load, names) if record is not None]

    def save(self, record: Record) -> None:
        """Keep a record; the oldest give way."""
        if not self._enabled or self._only_read:
            return
        names = sorted(self._names())
        number = int(names[-1].split("-")[0]) + 1 if names else 1
        name = f"{number:010d}-{record.tree[:12]}.json"
        data = {"version": __version__, **asdict(record)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / f".{name}.{os.getpid()}"
            temporary.write_text(json.dumps(data), encoding="utf-8", errors="surrogateescape")
            temporary.replace(self._folder / name)
            for old in names[: max(0, len(names) + 1 - _KEPT)]:
                (self._folder / old).unlink(missing_ok=True)
        except OSError:
            return
        self._loaded.clear()

    def _names(self) -> list[str]:
        try:
            return [n for n in os.listdir(self._folder) if n[:1].isdigit() and n.endswith(".json")]
        except OSError:
            return []

    def _load(self, name: str) -> Record | None:
        if name not in self._loaded:
            self._loaded[name] = self._read(self._folder / name)
        return self._loaded[name]

    def _read(self, path: Path) -> Record | None:
        try:
            data = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
            if data.pop("version") != __version__:
                return None
            tuples = ("drift", "missing", "version_locations", "hook_files", "parents", "changed")
            data.update({name: tuple(data[name]) for name in tuples})
            Relevance(data["observed"])
            return Record(**data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


def _path_of(line: str) -> str:
    """The path in a line of `Records.changed`."""
    return line.partition(" ")[2].rpartition(" ")[0]


def folder_for(repository_folder: Path, environment_key: str) -> Path:
    """Where the records of an environment lie."""
    return repository_folder / "records" / digest(environment_key)[:16]


def digest(*parts: object) -> str:
    """A SHA-256 over the parts' texts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()
