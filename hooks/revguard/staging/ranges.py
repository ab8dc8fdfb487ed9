"""A range of commits: its two ends in, the tree that merging them would land out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard import subprocesses
from revguard.errors import CouldNotCheck, UsageError
from revguard.staging import plumbing, repository, trees

if TYPE_CHECKING:
    from revguard.staging.repository import Repository

_CONFLICTS = 1  # git's exit code for a merge that needs a hand
_USAGE = 129  # git's exit code for an option that it does not know
_NAMED = 5
_NOBODY = {
    "GIT_AUTHOR_NAME": "revguard",
    "GIT_AUTHOR_EMAIL": "revguard",
    "GIT_AUTHOR_DATE": f"{trees.NO_COMMIT} +0000",
    "GIT_COMMITTER_NAME": "revguard",
    "GIT_COMMITTER_EMAIL": "revguard",
}
_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What `head` brings on top of `base`. `conflicts`: paths that git could not merge, whose
    contents in `tree` hold conflict markers."""

    base: str  # commit; empty where all is new
    head: str  # commit
    tree: str
    base_tree: str
    head_tree: str
    name: str  # of the base, as it was asked for
    conflicts: tuple[str, ...] = ()
    is_push: bool = False  # to a branch that need not be what it will be merged into
    others: tuple[str, ...] = ()  # commits that are old besides the base
    landed: repository.Base | None = None  # what it is judged against

    @property
    def note(self) -> str:
        """What a reader has to know of the merge; empty where it is clean."""
        if not self.conflicts:
            return ""
        return (
            f"merging with {self.name} conflicts in {shown(self.conflicts)}: "
            "the rest was judged as it would land"
        )


def between(repo: Repository, base: str, head: str) -> Range:
    """The range from one name to another, merged as git would now. Nothing is checked out.

    UsageError for a name that means no commit; CouldNotCheck where the clone is too shallow to
    know where the two parted.
    """
    ends = [_commit(repo, name) for name in (base, head)]
    base_tree, head_tree = (trees.tree_of(repo, commit) for commit in ends)
    tree, conflicts = _merged(repo, ends[0], ends[1], base, head)
    return Range(
        base=ends[0],
        head=ends[1],
        tree=tree,
        base_tree=base_tree,
        head_tree=head_tree,
        name=base,
        conflicts=conflicts,
        landed=repository.Base(ends[0], base),
    )


def proposed(repo: Repository, base: repository.Base, tree: str) -> Range:
    """What a commit of this tree, made now, would bring on top of the base. The commit is one that
    no branch has, and git's own cleaning up removes it."""
    parents = repository.parents(repo)
    words = [word for parent in parents for word in ("-p", parent)]
    done = subprocesses.run(
        plumbing.command("commit-tree", "-m", "revguard", *words, tree),
        cwd=repo.toplevel,
        environ={**plumbing.inside(repo), **_NOBODY, "GIT_COMMITTER_DATE": _when(repo, parents)},
    )
    if done.returncode != 0:
        raise plumbing.GitFailed(done)
    base_tree = trees.tree_of(repo, base.commit)
    return Range(
        base=base.commit,
        head=done.text().strip(),
        tree=tree,
        base_tree=base_tree,
        head_tree=tree,
        name=base.name,
        landed=base,
    )


def _when(repo: Repository, parents: tuple[str, ...]) -> str:
    """The date of the first parent: the same change is the same commit."""
    return f"{trees.date_of(repo, parents[0]) if parents else trees.NO_COMMIT} +0000"


def added(repo: Repository, base: str, folders: tuple[str, ...]) -> dict[str, int]:
    """The paths that were added below these folders since the base, each with the number of its
    commit, from the oldest on."""
    words = ("--name-only", "--diff-filter=A", "--no-renames", "--topo-order", "--reverse", "-z")
    listed = plumbing.output(
        repo, "log", "--format=%x01", *words, "--no-ext-diff", "HEAD", f"^{base}", "--", *folders
    )
    found: dict[str, int] = {}
    number = -1
    for item in plumbing.split(listed):
        if item.lstrip("\n") == "\x01":
            number += 1
        else:
            found[item.removeprefix("\n")] = number
    return found


def commits(repo: Repository, found: Range, folders: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The commits of the range that touch these folders, oldest first, each with its parents."""
    old = [f"^{commit}" for commit in (found.base, *found.others) if commit]
    listed = plumbing.output(
        repo, "rev-list", "--reverse", "--parents", "--no-merges", found.head, *old, "--", *folders
    )
    # --parents rewrites the parents to those that touch the folders, whose trees are the same there
    return [tuple(line.split()) for line in listed.decode("ascii").splitlines()]


def shown(paths: tuple[str, ...]) -> str:
    """Some paths, for a message."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _commit(repo: Repository, name: str) -> str:
    found = trees.commit_of(repo, name)
    if found:
        return found
    raise UsageError(
        f"{name!r} names no commit in this repository",
        hint="`git log --oneline --all` shows what there is; a shallow clone needs "
        "`git fetch --unshallow`",
    )


def _merged(
    repo: Repository, base: str, head: str, base_name: str, head_name: str
) -> tuple[str, tuple[str, ...]]:
    forms = ("--write-tree", "--name-only", "--no-messages", "-z")
    done = plumbing.run(repo, "merge-tree", *forms, base, head)
    if done.returncode in (0, _CONFLICTS) and done.stdout:
        tree, *paths = plumbing.split(done.stdout)
        return tree, tuple(dict.fromkeys(paths))
    if done.returncode == _USAGE:
        raise CouldNotCheck(
            "this git cannot merge without a working tree: a range needs git 2.38 or newer",
            hint=f"Merge {base_name} yourself, then judge the commit with `revguard check --tree`.",
        )
    related = bool(trees.parted(repo, base, head))
    raise _unmergeable(repo, base_name, head_name, done.error_text() if related else "")


def _unmergeable(repo: Repository, base: str, head: str, said: str) -> CouldNotCheck:
    """`said` by git; nothing where the two have no commit in common."""
    if os.path.exists(os.path.join(repo.common_dir, "shallow")):
        return CouldNotCheck(
            f"this clone is too shallow to know where {head} left {base}",
            hint="`git fetch --unshallow`; in GitHub Actions, `fetch-depth: 0` of actions/checkout",
        )
    if not said:
        return CouldNotCheck(
            f"{base} and {head} have no commit in common: there is nothing to merge",
            hint=f"take the commits onto a branch of it: `git switch -c NEW {base}`, "
            f"`git cherry-pick COMMIT...`",
        )
    return CouldNotCheck(f"git cannot merge {base} and {head}: {said}")


def taken_back(repo: Repository, found: Range) -> str:
    """What has to be typed for the index to hold what a range brings; empty where all is new."""
    parted = trees.parted(repo, found.base, found.head) if found.base else ""
    return f"`git reset --soft {parted[:_SHORT]}` on that branch" if parted else ""
