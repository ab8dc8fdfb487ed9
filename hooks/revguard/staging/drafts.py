"""Trees that are no commit yet: a tree with files written and taken out in, its id out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.staging import index, plumbing

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
    entries: dict[str, tuple[str, str] | None] = dict.fromkeys(removals)
    for path, content in writes.items():
        mode = listing[path].mode if path in listing else "100644"
        entries[path] = (mode, _blob(repo, path, content))
    return index.tree_with(repo, tree, entries)


def _blob(repo: Repository, path: str, content: bytes) -> str:
    asked = ("hash-object", "-w", "--stdin", f"--path={path}")
    config = {"core.safecrlf": "false"}
    return plumbing.output(repo, *asked, stdin=content, config=config).decode("ascii").strip()
