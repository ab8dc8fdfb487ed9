"""The head file of each version folder (`lock = true`): a graph in, files that name its heads out.

Two branches that each add a revision change the same line of it, so that git has a conflict and
production has none. Whoever changes the history (`add`, `rebase`, `squash`) writes what `contents`
gives for the new graph, in the same step as the scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from revguard.history.branches import Branches
from revguard.history.graph import Graph

NAME: Final = "heads.txt"  # no .py: Alembic passes it over
_HEADER: Final = """\
# The heads of the scripts in this folder, a line for each branch; written by revguard (`lock`).
# A conflict of git in here means that two branches each added a revision on top of the same one.
# `revguard rebase` puts those of this branch on top and writes this file anew. Where you mended
# the scripts by hand (`alembic merge`), `git add` this file as it is: `revguard add` writes it.
"""
_MARKERS: Final = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


def contents(graph: Graph, locations: Iterable[str]) -> dict[str, bytes]:
    """The head files by path, for each of the version folders that has scripts.

    None where only running a script would tell how the history hangs together.
    """
    if not graph.certain:
        return {}
    folders = sorted(locations, key=len, reverse=True)  # of nested ones the inner
    heads: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        folder = next((one for one in folders if _is_below(node.path, one)), None)
        if folder is not None:
            heads.setdefault(folder, []).extend([node.id] if node.id in graph.heads else [])
    branches = Branches(graph) if heads else None
    return {path_in(folder): _text(ids, branches) for folder, ids in sorted(heads.items())}


def outdated(
    graph: Graph,
    locations: Iterable[str],
    read: Callable[[list[str]], Mapping[str, bytes]],
) -> dict[str, bytes]:
    """Those of `contents` that are not what is there. `read`: paths in, contents out."""
    wanted = contents(graph, locations)
    there = read([*wanted])
    return {path: text for path, text in wanted.items() if there.get(path) != text}


def named(content: bytes) -> tuple[str, ...] | None:
    """The heads that a head file names; None where it holds a conflict."""
    lines = content.decode("utf-8", "replace").splitlines()
    if any(line.startswith(_MARKERS) for line in lines):
        return None
    said = (line.strip() for line in lines if not line.startswith("#"))
    return tuple(line for line in said if line)


def path_in(folder: str) -> str:
    """The path of a folder's head file."""
    return f"{folder}/{NAME}" if folder else NAME


def is_one(path: str) -> bool:
    """Whether a path has a head file's name."""
    return path.rpartition("/")[2] == NAME


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _text(ids: list[str], branches: Branches | None) -> bytes:
    """Branches keep their order whatever is added to them, and a line that says which one it is
    parts them, so that git has no conflict where two of them change."""
    assert branches is not None
    parts = [_HEADER]
    for id_ in sorted(ids, key=lambda id_: (*map(sorted, _branch(id_, branches)), id_)):
        labels, bases = (", ".join(sorted(names)) for names in _branch(id_, branches))
        parts.append(f"# {labels or f'from {bases}'}\n{id_}\n")
    return "\n".join(parts).encode()


def _branch(id_: str, branches: Branches) -> tuple[frozenset[str], frozenset[str]]:
    return branches.labels[id_], branches.bases[id_]
