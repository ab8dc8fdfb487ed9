"""The working tree as it would be: the steps' files in, a tree that can be checked out."""

from __future__ import annotations

import os
from collections.abc import Mapping

from revguard import scratch
from revguard.staging import plumbing
from revguard.staging.repository import Repository


def tree(repo: Repository, base: str, files: Mapping[str, bytes]) -> str:
    """The id of a tree: `base` with these files in it; no index of the user's is touched."""
    if not files:
        return base
    lines = []
    for path, content in files.items():
        oid = plumbing.output(repo, "hash-object", "-w", "--stdin", stdin=content)
        lines.append(f"100644 {oid.decode().strip()}\t{path}")
    with scratch.folder(repo.environ) as folder:
        index, config = os.path.join(folder, "index"), plumbing.PRIVATE_INDEX
        plumbing.output(repo, "read-tree", base, index=index, config=config)
        told = plumbing.join(lines)
        update = ("update-index", "-z", "--index-info")
        plumbing.output(repo, *update, stdin=told, index=index, config=config)
        written = plumbing.output(repo, "write-tree", "--missing-ok", index=index, config=config)
    return written.decode().strip()
