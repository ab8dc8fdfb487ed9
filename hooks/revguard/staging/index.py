"""The trees that git would commit: the index or the working tree in, the id of a tree out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from revguard import scratch
from revguard.errors import CouldNotCheck, UsageError
from revguard.staging import plumbing, repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from revguard.staging.repository import Repository
    from revguard.subprocesses import Completed

# A partial clone would fetch each blob just to see that it exists.
_WRITE_TREE = ("write-tree", "--missing-ok")
_MARK = "/pyvenv.cfg"
_USAGE = 129  # git's exit code for an option that it does not know


class Staged(NamedTuple):
    """The proposed commit: its tree, its parents, and HEAD's tree (None on an unborn branch)."""

    tree: str
    parents: tuple[str, ...]
    head_tree: str | None


def staged_tree(repo: Repository) -> str:
    """The tree of the proposed commit; the index itself is not touched. UsageError if unmerged."""
    with _private_index(repo) as index:
        completed = plumbing.run(repo, *_WRITE_TREE, index=index, config=plumbing.PRIVATE_INDEX)
    return _tree(repo, completed)


def staged(repo: Repository) -> Staged:
    """The proposed commit's tree and parents at once, in the time of the slowest answer."""
    with _private_index(repo) as index:
        written, heads = plumbing.together(
            repo,
            _WRITE_TREE,
            ("rev-parse", "HEAD", "HEAD^{tree}"),
            index=index,
            config=plumbing.PRIVATE_INDEX,
        )
    tree = _tree(repo, written)
    if heads.returncode != 0:
        head = repository.head(repo)
        if head is not None:
            raise CouldNotCheck(
                f"git cannot read HEAD's commit {head} or its tree",
                hint="see what is missing with `git fsck`",
            )
        return Staged(tree, (), None)
    head, head_tree = heads.text().split()
    return Staged(tree, (head, *repository.merged(repo)), head_tree)


def tree_with(repo: Repository, tree: str, entries: Mapping[str, tuple[str, str] | None]) -> str:
    """A tree with other entries, (mode, oid) by path; None takes one away."""
    lines = [
        f"0 {'0' * len(tree)}\t{path}" if entry is None else f"{entry[0]} {entry[1]}\t{path}"
        for path, entry in entries.items()
    ]
    with scratch.folder(repo.environ) as folder:
        index, config = os.path.join(folder, "index"), plumbing.PRIVATE_INDEX
        plumbing.output(repo, "read-tree", tree, index=index, config=config)
        asked = ("update-index", "-z", "--index-info")
        plumbing.output(repo, *asked, index=index, config=config, stdin=plumbing.join(lines))
        completed = plumbing.run(repo, *_WRITE_TREE, index=index, config=config)
    return _tree(repo, completed)


def settled_tree(repo: Repository, entries: Mapping[str, tuple[str, str]]) -> str:
    """The index's tree, where these stand for what is unmerged."""
    lines = []
    for path, (mode, oid) in entries.items():
        lines += [f"0 {'0' * len(oid)}\t{path}", f"{mode} {oid}\t{path}"]
    with _private_index(repo) as index:
        config = plumbing.PRIVATE_INDEX
        asked = ("update-index", "-z", "--index-info")
        plumbing.output(repo, *asked, index=index, config=config, stdin=plumbing.join(lines))
        completed = plumbing.run(repo, *_WRITE_TREE, index=index, config=config)
    return _tree(repo, completed)


def worktree_tree(repo: Repository) -> str:
    """The tree of the working tree: tracked and untracked files, but no ignored ones.

    A virtualenv counts as ignored: it marks itself, and thousands of files would be stored.
    """
    with _private_index(repo) as index:
        _refuse_unmerged(repo)
        added = _add_all(repo, index, "--sparse")
        if added.returncode == _USAGE:  # git before 2.34
            added = _add_all(repo, index)
        if added.returncode != 0:
            raise CouldNotCheck(
                f"git cannot read the working tree: {added.error_text()}",
                hint="what is not to be judged belongs into .gitignore",
            )
        completed = plumbing.run(repo, *_WRITE_TREE, index=index, config=plumbing.PRIVATE_INDEX)
    return _tree(repo, completed)


def _add_all(repo: Repository, index: str, *options: str) -> Completed:
    def add(*words: str, stdin: bytes | None = None) -> Completed:
        config = plumbing.PRIVATE_INDEX
        return plumbing.run(repo, "add", *words, *options, index=index, config=config, stdin=stdin)

    others = plumbing.run(repo, "ls-files", "--others", "--exclude-standard", "-z")
    untracked = plumbing.split(others.stdout)
    virtualenvs = tuple(
        path.removesuffix(_MARK) + "/" for path in untracked if path.endswith(_MARK)
    )
    if not virtualenvs:
        return add("-A")
    updated = add("-u")
    kept = plumbing.join(path for path in untracked if not path.startswith(virtualenvs))
    if updated.returncode != 0 or not kept:
        return updated
    return add("--pathspec-from-file=-", "--pathspec-file-nul", stdin=kept)


def _tree(repo: Repository, completed: Completed) -> str:
    if completed.returncode != 0:
        _refuse_unmerged(repo)
        raise plumbing.GitFailed(completed)
    return completed.text().strip()


def _refuse_unmerged(repo: Repository) -> None:
    found = plumbing.run(repo, "ls-files", "--unmerged", "-z")
    if found.returncode != 0:
        hint = f"if the index is damaged: move {repo.index_file} away, then `git reset`"
        raise plumbing.GitFailed(found, hint=hint)
    listed = found.stdout
    paths = sorted({item.partition("\t")[2] for item in plumbing.split(listed)})
    if not paths:
        return
    shown = ", ".join(ascii(path)[1:-1] for path in paths[:5])
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    raise UsageError(
        f"there are unmerged paths: {shown}{more}",
        hint="resolve the conflict, then `git add` the files",
    )


@contextlib.contextmanager
def _private_index(repo: Repository) -> Iterator[str]:
    """A copy of the index, with its time: git tells by that which entries to look at again."""
    with scratch.folder(repo.environ) as folder:
        path = os.path.join(folder, "index")
        try:
            _copy(repo.index_file, path)
        except OSError as error:
            raise CouldNotCheck(
                f"{repo.index_file} cannot be copied to {folder}: {error.strerror}",
                hint="Free some space there, or set TMPDIR to another folder.",
            ) from error
        yield path


def _copy(index: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError), open(index, "rb") as source:
        before = os.fstat(source.fileno())
        with open(path, "wb") as copy:
            copy.write(source.read())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
