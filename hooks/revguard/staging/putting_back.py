"""Undo a rewriting that did not come to its end: its journal in, everything as it was before out.

What somebody has changed since is theirs and stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from revguard import subprocesses
from revguard.errors import CouldNotCheck, RevguardError
from revguard.staging import entries, files, journal, plumbing, repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from revguard.staging.entries import Entry
    from revguard.staging.journal import Change, Journal
    from revguard.staging.repository import Repository


def put_back(repo: Repository) -> tuple[str, ...]:
    """Undo what a killed run left half-done: the paths that it was about to change.

    CouldNotCheck where another run is at work, or it cannot be undone.
    """
    if not journal.is_there(repo):
        return ()
    signals = subprocesses.Held()
    try:
        with signals, journal.abandoned(repo) as found:
            if found is None:
                return ()
            if not _is_committed(repo, found):
                take_back(repo, found)
            if not _is_in_usual_index(repo, found):
                journal.forget(repo)
            return tuple(change.path for change in found.changes)
    finally:
        signals.deliver()


def take_back(repo: Repository, plan: Journal) -> None:
    """Put files and entries back. CouldNotCheck."""
    try:
        for index in entries.indexes(repo):
            _restore(repo, index, plan)
        for change in plan.changes:
            _put_file_back(files.full_path(repo, change.path), change, plan.token)
    except (OSError, RevguardError) as error:
        raise CouldNotCheck(
            f"a change of files that was begun cannot be taken back: {error}",
            hint="once that is mended, `revguard check` takes it back",
        ) from error
    for folder in reversed(plan.folders):
        with contextlib.suppress(OSError):  # somebody else's files are in it
            os.rmdir(folder)


def temporary(path: str, token: str) -> str:
    """The name of a file that has not its own yet."""
    return f"{path}.{token}.{files.SUFFIX}"


def _put_file_back(path: str, change: Change, token: str) -> None:
    aside = temporary(path, token)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(aside)
    if change.new == change.old or _read(path) != change.new:
        return
    if change.old is None:
        os.unlink(path)
    else:
        with open(aside, "wb") as file:
            file.write(change.old)
        if change.permissions is not None:
            os.chmod(aside, change.permissions)
        os.replace(aside, path)
    files.forget_bytecode(path)


def _read(path: str) -> bytes | str | None:
    try:
        return files.read(path)
    except OSError:
        return "something else"


def _restore(repo: Repository, index: str, plan: Journal) -> None:
    changed = _changed(repo, index, plan)
    if not changed:
        return
    # an entry that is there keeps `git add -N` from making one
    wanted = [(one.path, () if one.intended else one.entries) for one in changed]
    entries.restore(repo, index, wanted)
    intended = [one.path for one in changed if one.intended]
    if intended:
        entries.intend(repo, index, intended)


def _is_in_usual_index(repo: Repository, plan: Journal) -> bool:
    """Within `git commit -a` the user's index is locked: what is in it waits for the next run."""
    usual = os.path.join(repo.git_dir, "index")
    here = entries.indexes(repo)
    return usual not in here and os.path.exists(usual) and bool(_changed(repo, usual, plan))


def _changed(repo: Repository, index: str, plan: Journal) -> list[Change]:
    """The changes that are in an index, unless they make no difference there."""
    found = entries.at(repo, index, [change.path for change in plan.changes])
    staged = [(one, found.get(one.path, ())) for one in plan.changes]
    return [one for one, now in staged if now != one.entries and _is_ours(repo, one, now)]


def _is_ours(repo: Repository, change: Change, found: Sequence[Entry]) -> bool:
    """Whether this is what the rewriting staged, or the putting back has half undone."""
    if change.new is None or not found:
        return not found and (change.new is None or change.intended)
    return len(found) == 1 and found[0].oid in _oids(repo, change.path, change.new, found[0].oid)


def _oids(repo: Repository, path: str, content: bytes, like: str) -> set[str]:
    """The ids that git may have given to the file: after its filters, or as it is."""
    filtered = entries.oid_of(repo, path, content)
    kind = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return {filtered, kind(b"blob %d\0" % len(content) + content).hexdigest()}


def _is_committed(repo: Repository, plan: Journal) -> bool:
    """Whether somebody has committed all of it since: then there is nothing to take back."""
    head = repository.head(repo)
    if head is None or head == plan.head:
        return False
    paths = [change.path for change in plan.changes]
    listed = plumbing.output(repo, "ls-tree", "-r", "-z", "--full-tree", head, "--", *paths)
    found: dict[str, str] = {}
    for item in plumbing.split(listed):
        meta, _, path = item.partition("\t")
        found[path] = meta.split()[2]
    return all(
        one.path not in found
        if one.new is None
        else found.get(one.path, "")
        in _oids(repo, one.path, one.new, found.get(one.path, "0" * 40))
        for one in plan.changes
    )
