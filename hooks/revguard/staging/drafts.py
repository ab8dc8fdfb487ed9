"""Trees that are no commit yet: a tree with files written and taken out in, its id out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from revguard import scratch
from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from revguard.staging.repository import Repository


def draft(
    repo: Repository, tree: str, writes: Mapping[str, bytes], removals: Iterable[str] = ()
) -> str:
    """The tree with these files in it and without those; the index is not touched."""
    with scratch.folder(repo.environ) as folder:
        index = os.path.join(folder, "index")

        def git(*words: str, stdin: bytes | None = None) -> bytes:
            config = plumbing.PRIVATE_INDEX
            return plumbing.output(repo, *words, stdin=stdin, index=index, config=config)

        git("read-tree", tree)
        nothing = b"0" * len(tree)
        lines = [b"0 %s\t%s\0" % (nothing, os.fsencode(path)) for path in removals]
        for path, content in writes.items():
            oid = git("hash-object", "-w", "--stdin", f"--path={path}", stdin=content).strip()
            lines.append(b"100644 %s\t%s\0" % (oid, os.fsencode(path)))
        git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        return git("write-tree", "--missing-ok").decode("ascii").strip()
