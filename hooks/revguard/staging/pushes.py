"""A push: a ref as git tells it in, the range that is new on the other side out."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from revguard.errors import UsageError
from revguard.options import PushedRef
from revguard.staging import plumbing, repository, trees
from revguard.staging.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from revguard.staging.repository import Base, Repository

_FIELDS = 4  # of a line that git gives: local ref and commit, remote ref and commit
_MOST = 1000  # branches of a remote that are looked at, the newest first
_TAGS = "refs/tags/"


def told(lines: str, remote: str) -> tuple[PushedRef, ...]:
    """The refs that git's `pre-push` hook is told on its input, without those that are deleted.
    UsageError."""
    found = (_told(line, remote) for line in lines.splitlines() if line.strip())
    return tuple(one for one in found if one is not None)


def to_judge(repo: Repository, pushed: Iterable[PushedRef]) -> list[PushedRef]:
    """Those that are of a commit, by its id. A tag of a branch that is pushed beside it brings
    nothing more; one of a tree or a file has nothing to judge."""
    commits = [(one, trees.commit_of(repo, one.new)) for one in pushed]
    branches = {commit for one, commit in commits if not one.ref.startswith(_TAGS)}
    return [
        replace(one, new=commit)
        for one, commit in commits
        if commit and not (one.ref.startswith(_TAGS) and commit in branches)
    ]


def _told(line: str, remote: str) -> PushedRef | None:
    words = line.rsplit(maxsplit=_FIELDS - 1)
    if len(words) != _FIELDS or not all(_is_id(words[at]) for at in (1, 3)):
        raise UsageError(
            f"git's `pre-push` hook is told a line of four words for each ref, not {line!r}",
            hint='the hook says `exec revguard check --hook pre-push "$@"`, and nothing before it '
            "reads its input",
        )
    local, new, ref, old = words
    if not new.strip("0"):
        return None
    known = old if old.strip("0") else ""
    return PushedRef(remote=remote, ref=ref, new=new, old=known, local_ref=local)


def _is_id(word: str) -> bool:
    return len(word) in (40, 64) and not word.strip("0123456789abcdef")


def from_pre_commit(environ: Mapping[str, str]) -> PushedRef | None:
    """What pre-commit tells in the stage `pre-push`; it knows of one ref only.

    Where the other side has nothing of it, there is no range, and the commit is that of the branch.
    """
    remote = environ.get("PRE_COMMIT_REMOTE_NAME")
    new = environ.get("PRE_COMMIT_TO_REF") or environ.get("PRE_COMMIT_LOCAL_BRANCH")
    if not remote or not new:
        return None
    return PushedRef(
        remote=remote,
        ref=environ.get("PRE_COMMIT_REMOTE_BRANCH", ""),
        new=new,
        old=environ.get("PRE_COMMIT_FROM_REF", ""),
        local_ref=environ.get("PRE_COMMIT_LOCAL_BRANCH", ""),
    )


def between(repo: Repository, push: PushedRef, landed: Base | None) -> Range:
    """What a push brings: nothing is merged.

    Old is what the ref has there, what the remote's other branches have, and what has landed.
    Where a push rewrites its branch, old is where the two parted; but not where that branch is
    the base: what has landed stays. With nothing old, all is new.
    """
    head = trees.commit_of(repo, push.new)
    onto_base = landed is not None and _names(repo, push, landed)
    old = _independent(repo, list(_old(repo, push, head, landed, onto_base=onto_base)))
    base, *others = old or [""]
    tree = trees.tree_of(repo, head)
    return Range(
        base=base,
        head=head,
        tree=tree,
        base_tree=trees.tree_of(repo, base) if base else "",
        head_tree=tree,
        name=push.ref.removeprefix("refs/heads/") or push.remote,
        is_push=True,
        others=tuple(others),
        landed=_landed(repo, push, landed, onto_base=onto_base),
    )


def _old(
    repo: Repository, push: PushedRef, head: str, landed: Base | None, *, onto_base: bool
) -> Iterable[str]:
    there = _there(repo, push)
    if there:
        # of a force push of something else altogether, what is there is what is known
        yield there if onto_base else (_parted(repo, head, [there]) or there)
    else:
        yield _parted(repo, head, _branches(repo, push.remote))
    if landed is not None and not onto_base:
        yield _parted(repo, head, [landed.commit])


def _there(repo: Repository, push: PushedRef) -> str:
    """The commit that the ref is at on the other side, as far as it is here."""
    if not push.old:
        return ""
    branch = push.ref.removeprefix("refs/heads/")
    return trees.commit_of(repo, push.old) or trees.commit_of(
        repo, f"refs/remotes/{push.remote}/{branch}"
    )


def _parted(repo: Repository, head: str, others: list[str]) -> str:
    """The newest commit that `head` has in common with any of the others; empty for none."""
    return trees.parted(repo, head, *others) if others else ""


def _branches(repo: Repository, remote: str) -> list[str]:
    """Where the remote's branches are, as far as it was last seen; of a URL, those of all."""
    for prefix in (f"refs/remotes/{remote}/", "refs/remotes/"):
        listed = plumbing.run(
            repo, "for-each-ref", f"--count={_MOST}", "--sort=-committerdate",
            "--format=%(objectname)", prefix,
        )  # fmt: skip
        if listed.returncode == 0 and listed.stdout.strip():
            return list(dict.fromkeys(listed.text().split()))
    return []


def _independent(repo: Repository, commits: list[str]) -> list[str]:
    """These commits without those that another of them reaches."""
    found = list(dict.fromkeys(filter(None, commits)))
    if len(found) < 2:
        return found
    return plumbing.output(repo, "merge-base", "--independent", *found).decode("ascii").split()


def _names(repo: Repository, push: PushedRef, landed: Base) -> bool:
    """Whether the ref that is pushed to is the base itself, here or there."""
    full = plumbing.run(repo, "rev-parse", "--symbolic-full-name", "--end-of-options", landed.name)
    name = full.text().split()[-1] if full.returncode == 0 and full.stdout.strip() else ""
    branch = push.ref.removeprefix("refs/heads/")
    return name in (push.ref, f"refs/remotes/{push.remote}/{branch}")


def _landed(
    repo: Repository, push: PushedRef, landed: Base | None, *, onto_base: bool
) -> Base | None:
    """What has landed: for a push to the base itself, what is there before it."""
    if landed is None or not onto_base:
        return landed
    there = _there(repo, push)
    return repository.Base(there, landed.name) if there else None


def shown(push: PushedRef) -> str:
    """A ref of a push, for a message."""
    name = push.ref.removeprefix("refs/heads/").removeprefix(_TAGS)
    return f"pushed to {os.path.basename(push.remote) or push.remote}: {name}"
