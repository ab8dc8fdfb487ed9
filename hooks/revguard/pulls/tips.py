"""A Place and a repository in, the two ends of the range that is to be judged out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.errors import CouldNotCheck
from revguard.staging import repository, trees

if TYPE_CHECKING:
    from revguard.pulls.place import Place
    from revguard.staging.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Names by which git knows what the change comes on top of, and the change."""

    base: str
    head: str


def ends(
    repo: Repository, place: Place, *, base: str | None, head: str | None, configured: str | None
) -> Ends:
    """From the current commit of the base to what is to be merged.

    CouldNotCheck where the clone does not hold one of them.
    """
    top = head or _head(repo, place)
    if base:
        return Ends(base=base, head=top)
    if place.kind == "push":
        return Ends(base=_before(repo, place, top), head=top)
    if place.kind == "merge_group" and place.base:
        return Ends(base=_there(repo, place.base, "the merge queue's base"), head=top)
    return Ends(base=_base(repo, place, configured), head=top)


def _head(repo: Repository, place: Place) -> str:
    # a checkout of refs/pull/N/merge brings the head as a parent, a shallow one does not
    return place.head if place.head and trees.commit_of(repo, place.head) else "HEAD"


def _base(repo: Repository, place: Place, configured: str | None) -> str:
    if configured:
        found = repository.base(repo, configured)  # UsageError says how to get it
        assert found is not None
        return configured
    branch = place.base_branch
    if branch:
        for name in (f"origin/{branch}", place.base):
            if name and trees.commit_of(repo, name):
                return name
        raise _not_here(repo, f"the base branch {branch}")
    landed = repository.base(repo)
    if landed is None:
        raise CouldNotCheck(
            "nothing tells what has landed: there is no remote",
            hint='`--from-ref main`, or `base = "main"` in the configuration',
        )
    return landed.name if trees.commit_of(repo, landed.name) else landed.commit


def _before(repo: Repository, place: Place, head: str) -> str:
    """What the branch was at before the push; where it was rewritten, where the two parted."""
    if place.base and trees.commit_of(repo, place.base):
        parted = trees.parted(repo, place.base, head)
        if parted:
            return parted
    # a new branch, or its old commits are gone: what the last commit brings
    return _there(repo, f"{head}^1", "the commit before the push")


def _there(repo: Repository, name: str, what: str) -> str:
    if trees.commit_of(repo, name):
        return name
    raise _not_here(repo, what)


def _not_here(repo: Repository, what: str) -> CouldNotCheck:
    shallow = os.path.exists(os.path.join(repo.common_dir, "shallow"))
    why = "this clone is shallow, and " if shallow else ""
    return CouldNotCheck(
        f"{why}{what} is not in it" if shallow else f"{what} is not in this clone",
        hint="`fetch-depth: 0` of actions/checkout (GitLab: `GIT_DEPTH: 0`) brings all of it; "
        "by hand `git fetch --unshallow origin`",
    )
