"""The Python files of a tree as a mapping: paths in, contents out, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from revguard.staging import trees


class Texts(Mapping[str, bytes]):
    """The Python files of a tree, read when they are asked for."""

    def __init__(self, reader: trees.Reader, tree: str) -> None:
        self._reader = reader
        self._entries = {
            path: entry.oid
            for path, entry in reader.listing(tree).items()
            if path.endswith(".py") and entry.mode.startswith("100")
        }
        self._texts: dict[str, bytes] = {}

    def read(self, paths: Iterable[str]) -> list[str]:
        """Read these in one go; those of them that there are."""
        found = [path for path in paths if path in self._entries]
        blobs = trees.read_blobs(self._reader.repo, (self._entries[path] for path in found))
        self._texts.update((path, blobs[self._entries[path]]) for path in found)
        return found

    def __getitem__(self, path: str) -> bytes:
        if path not in self._texts:
            self.read([path])
        return self._texts[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries
