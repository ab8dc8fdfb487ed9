"""Change files and the proposed commit as one step: contents by path in, all of it or nothing out.

What is to change is noted in the git folder first (journal.py), so that a run which is killed
half-way is undone by the next one.
"""

from __future__ import annotations

import contextlib
import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from revguard import subprocesses
from revguard.errors import CouldNotCheck, Interrupted, UsageError
from revguard.staging import entries, files, journal, putting_back, repository
from revguard.staging.journal import Change, Journal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from revguard.staging.entries import Entry
    from revguard.staging.repository import Repository

    Staged: TypeAlias = tuple[Entry, ...]

_EXECUTABLE = "100755"
_FILES = frozenset({"100644", _EXECUTABLE})


def rewrite(
    repo: Repository,
    writes: Mapping[str, bytes],
    removals: Iterable[str] = (),
    *,
    resolve: Collection[str] = (),
    renames: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Bring these contents into the working tree and into whichever index git commits from.

    UsageError, and nothing is touched, where a path has unstaged edits, is untracked with another
    content, is no plain file or lies behind a link. Of a path in `resolve` the conflict of a merge
    in progress is settled, and what the file held is replaced. What `renames` has by its new path
    is as executable as it was under its old one. After any failure or interrupt
    everything is as before; after a kill, once the next run has begun.
    """
    wanted = {**dict.fromkeys(removals), **writes}
    putting_back.put_back(repo)
    # a git that is killed while it writes the index leaves its lock behind, and the user's git
    # would refuse to work
    signals = subprocesses.Held()
    try:
        with signals:
            changes = tuple(_changes(repo, wanted, resolve, renames))
            if changes:
                _change(repo, _journal(repo, changes), signals.came)
                signals.settle()
    finally:
        signals.deliver()


def check(
    repo: Repository,
    writes: Mapping[str, bytes],
    removals: Iterable[str] = (),
    *,
    resolve: Collection[str] = (),
) -> None:
    """Whether `rewrite` would do it as things are now. UsageError."""
    list(_changes(repo, {**dict.fromkeys(removals), **writes}, resolve, {}))


def _journal(repo: Repository, changes: tuple[Change, ...]) -> Journal:
    written = (one for one in changes if one.new is not None)
    folders = (
        folder
        for one in written
        for folder in files.missing_folders(os.path.dirname(files.full_path(repo, one.path)))
    )
    return Journal(
        token=os.urandom(6).hex(),
        head=repository.head(repo),
        changes=changes,
        folders=tuple(dict.fromkeys(folders)),
    )


def _changes(
    repo: Repository,
    wanted: Mapping[str, bytes | None],
    resolve: Collection[str],
    renames: Mapping[str, str],
) -> Iterator[Change]:
    """What there is to do, once all of it may be done."""
    if not wanted:
        return
    paths = sorted(wanted)
    full = {path: files.full_path(repo, path) for path in paths}
    staged = _staged(repo, paths)
    unstaged = entries.unstaged(repo, repo.index_file, paths)
    for path in paths:
        found = staged.get(path, ())
        old = _old(full[path], path)
        source = path if old is not None else renames.get(path)
        change = Change(
            path=path,
            new=wanted[path],
            old=old,
            permissions=_permissions(repo, source, staged),
            entries=found,
            intended=unstaged.get(path) == "A",
        )
        how = unstaged.get(path, "")
        _refuse(change, how, is_resolved=path in resolve)
        if change.new != change.old or how or bool(found) != (change.new is not None):
            yield change


def _permissions(repo: Repository, path: str | None, staged: Mapping[str, Staged]) -> int | None:
    """Of the file, which git may know to be executable where no file system does."""
    if path is None:
        return None
    try:
        found = os.stat(files.full_path(repo, path)).st_mode & 0o777
    except OSError:
        return None
    executable = any(one.mode == _EXECUTABLE for one in staged.get(path, ()))
    return found | 0o111 if executable else found


def _staged(repo: Repository, paths: list[str]) -> dict[str, Staged]:
    """What is staged; in `git commit PATH` it has to be the same in both indexes."""
    first, *more = (entries.at(repo, index, paths) for index in entries.indexes(repo))
    for path in (path for path in paths for other in more if first.get(path) != other.get(path)):
        raise UsageError(
            f"{path} is staged otherwise than this commit has it: it was not touched",
            hint="commit it, too: `git commit` without paths takes all that is staged",
        )
    return first


def _old(full: str, path: str) -> bytes | None:
    try:
        return files.read(full)
    except OSError as error:
        raise UsageError(f"{path} cannot be changed: {error.strerror}") from error


def _refuse(change: Change, unstaged: str, *, is_resolved: bool) -> None:
    path, found = change.path, change.entries
    if len(found) > 1 or (found and found[0].stage != "0"):
        if not is_resolved:
            raise UsageError(
                f"{path} is unmerged: it was not touched",
                hint=f"resolve the conflict, then `git add -- {path}`",
            )
    elif not found:
        if change.old not in (None, change.new):
            raise files.exists(path)
    elif found[0].mode not in _FILES or found[0].hidden:
        why = "is no plain file" if found[0].mode not in _FILES else "is hidden from git"
        raise UsageError(
            f"{path} {why} (`git ls-files -v --stage -- {path}`): it was not touched",
            hint="`git update-index --no-assume-unchanged --no-skip-worktree` shows it again",
        )
    elif unstaged and change.old != change.new:
        raise UsageError(
            f"{path} has changes that are not staged: it was not touched",
            hint=f"stage them with `git add -- {path}`, or drop them with `git restore -- {path}`",
        )


def _change(repo: Repository, plan: Journal, came: list[int]) -> None:
    with journal.noted(repo, plan):
        try:
            for change in plan.changes:
                _apply(repo, plan, change)
                _stop_if(came)
            for index in entries.indexes(repo):
                entries.stage(repo, index, [change.path for change in plan.changes])
                entries.make_executable(repo, index, _executable(plan.changes))
                _stop_if(came)
        except BaseException:
            putting_back.take_back(repo, plan)  # where that fails, the journal stays
            journal.forget(repo)
            raise


def _executable(changes: Iterable[Change]) -> list[str]:
    """The new files that are to be."""
    return [one.path for one in changes if one.old is None and (one.permissions or 0) & 0o100]


def _apply(repo: Repository, plan: Journal, change: Change) -> None:
    """One file; what somebody else has edited since it was looked at is not overwritten."""
    path = files.full_path(repo, change.path)
    try:
        if files.read(path) != change.old:
            raise UsageError(f"{change.path} was edited meanwhile: nothing was changed")
        if change.new == change.old:
            return
        if change.new is None:
            os.unlink(path)
        else:
            _write(path, change, plan.token)
    except FileExistsError:
        raise files.exists(change.path) from None
    except OSError as error:
        raise CouldNotCheck(f"{change.path} cannot be written: {error.strerror}") from error
    files.forget_bytecode(path)


def _write(path: str, change: Change, token: str) -> None:
    assert change.new is not None
    files.make_folders(os.path.dirname(path), [])
    temporary = putting_back.temporary(path, token)
    try:
        with open(temporary, "wb") as file:
            file.write(change.new)
        if change.permissions is not None:
            os.chmod(temporary, change.permissions)
        if change.old is None:
            files.rename_new(temporary, path)
        else:
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _stop_if(came: list[int]) -> None:
    if came:
        raise Interrupted
