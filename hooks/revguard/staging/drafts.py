"""Trees that are no commit yet: a tree with files written and taken out in, its id out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.staging import entries, index, plumbing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from revguard.staging.repository import Repository
    from revguard.staging.trees import Entry


def draft(
    repo: Repository,
    tree: str,
    listing: Mapping[str, Entry],
    writes: Mapping[str, bytes],
    removals: Iterable[str] = (),
) -> str:
    """The tree, with this listing, with these files in it and without those."""
    wanted: dict[str, tuple[str, str] | None] = dict.fromkeys(removals)
    for path, content in writes.items():
        mode = listing[path].mode if path in listing else "100644"
        wanted[path] = (mode, entries.oid_of(repo, path, content, write=True))
    return index.tree_with(repo, tree, wanted)


def holding(repo: Repository, tree: str, files: Mapping[str, bytes]) -> str:
    """The tree with these files in it byte for byte, as ordinary ones."""
    wanted: dict[str, tuple[str, str] | None] = {}
    for path, content in files.items():
        oid = plumbing.output(repo, "hash-object", "-w", "--stdin", stdin=content)
        wanted[path] = ("100644", oid.decode("ascii").strip())
    return index.tree_with(repo, tree, wanted) if wanted else tree
