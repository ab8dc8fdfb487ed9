"""The rules on models against revisions: what an evaluation found in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from revguard.history.graph import Graph
from revguard.verdict import Finding, SchemaChange

MISSING: Final = "history/missing-revision"
INCOMPLETE: Final = "history/incomplete-revision"
UNNEEDED: Final = "history/unneeded-revision"
EMPTY: Final = "history/empty-revision"

_SHOWN = 3
_JOIN = '`alembic merge -m "merge heads" heads` and `git add` its script, then '


def missing_revision(
    left: Sequence[SchemaChange], new: Sequence[str], *, apart: bool = False
) -> list[Finding]:
    """The models differ from what the scripts make, in a way that the parent did not.

    `apart`: there are several heads, and none of them is the one that a revision goes on.
    """
    if not left or new:
        return []
    first = left[0]
    return [
        Finding(
            rule=MISSING,
            message=f"the models changed but no revision comes with it: {said(left)}",
            hint=(_JOIN if apart else "")
            + "`revguard add` writes the revision, proves it and stages it",
            path=first.source.path if first.source else "",
            line=first.source.line if first.source else 0,
        )
    ]


def incomplete_revision(
    left: Sequence[SchemaChange], new: Sequence[str], graph: Graph
) -> list[Finding]:
    """A revision comes with the change, and something of the change is not in it."""
    if not left or not new:
        return []
    node = graph.nodes[new[-1]]
    several = "revisions do" if len(new) > 1 else "revision does"
    return [
        Finding(
            rule=INCOMPLETE,
            message=f"the new {several} not make all that the models have: {said(left)}",
            hint=f"add the missing operations to {node.path}, or delete it and run `revguard add`",
            path=node.path,
            line=node.line,
        )
    ]


def led_away(
    left: Sequence[SchemaChange], before: Collection[tuple[str, str]]
) -> list[SchemaChange]:
    """What the new revisions themselves brought about: differences that were none before them.

    `before` are those that there were, operation and object. What is left of one, or of a part of
    it, was not finished, which is another matter.
    """
    touched = {object_ for _, object_ in before}
    return [
        one
        for one in left
        if (one.op, one.object) not in before
        and (one.op.startswith("remove_") or not _is_in(one.object, touched))
    ]


def _is_in(object_: str, objects: Collection[str]) -> bool:
    return object_ in objects or object_.rpartition(".")[0] in objects


def unneeded_revision(
    made: Sequence[SchemaChange], new: Sequence[str], graph: Graph
) -> list[Finding]:
    """A revision makes the database differ from the models where it did not: `made` by it."""
    if not made or not new:
        return []
    node = graph.nodes[new[-1]]
    first = made[0]
    several = "revisions lead" if len(new) > 1 else "revision leads"
    return [
        Finding(
            rule=UNNEEDED,
            message=f"the new {several} away from the models, which would need this to be as "
            f"they say: {said(made)}",
            hint="change the models as well, or take it out of "
            f"{node.path}; where the models follow later, a waiver allows it: "
            f'`operation = "{first.op}"`, `object = "{first.object}"`',
            path=node.path,
            line=node.line,
        )
    ]


def empty_revision(upgrades: Iterable[Mapping[str, Any]], graph: Graph) -> list[Finding]:
    """A new revision that executes nothing; one that only joins heads is meant to."""
    found = []
    for upgrade in upgrades:
        node = graph.nodes.get(upgrade["id"])
        if node is None or node.is_mergepoint or upgrade["statements"]:
            continue
        found.append(
            Finding(
                rule=EMPTY,
                message=f"revision {node.id} does nothing",
                hint=f"write its operations, or take it out: `git rm -f {node.path}`",
                path=node.path,
                line=node.line,
            )
        )
    return found


def said(changes: Sequence[SchemaChange]) -> str:
    """Changes in a few words: the first by name, the rest counted."""
    words = [_words(change) for change in changes[:_SHOWN]]
    more = len(changes) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def _words(change: SchemaChange) -> str:
    return f"{change.op.replace('_', ' ')} {change.object}"
