"""Put the steps on disk: each file whole or not at all, and never over what changed meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress

from revguard import subprocesses
from revguard.errors import CouldNotCheck, UsageError
from revguard.init.steps import Step, writing
from revguard.staging import plumbing
from revguard.staging.repository import Repository


def apply(repo: Repository, steps: Iterable[Step]) -> None:
    """Write the files; what fails or is interrupted takes back those that were written before.

    UsageError where a file is not what it was when the steps were made.
    """
    wanted = writing(steps)
    for step in wanted:
        _refuse_changed(repo, step)
    undo: list[Callable[[], None]] = []
    signals = subprocesses.Held()
    try:
        with signals:
            _write_all(repo, wanted, undo)
            signals.settle()
    finally:
        signals.deliver()


def _write_all(repo: Repository, steps: Iterable[Step], undo: list[Callable[[], None]]) -> None:
    try:
        for step in steps:
            _write(repo, step, undo)
    except OSError as error:
        for action in reversed(undo):
            with suppress(OSError):
                action()
        raise CouldNotCheck(
            f"{error.filename or 'a file'} cannot be written: {error.strerror}; nothing was changed"
        ) from error


def current(repo: Repository, path: str) -> bytes | None:
    """A file of the working tree; None where there is none. UsageError for what is no file."""
    place = os.path.join(repo.toplevel, *path.split("/"))
    if not os.path.lexists(place):
        return None
    if os.path.islink(place) or not os.path.isfile(place):
        kind = "a symbolic link" if os.path.islink(place) else "no file"
        raise UsageError(f"{path} is {kind}: it was left as it is", hint=f"see `ls -ld {path}`")
    with open(place, "rb") as file:
        return file.read()


def stage(repo: Repository, steps: Iterable[Step]) -> list[str]:
    """Stage what was written. Files in which other changes were not staged yet are left, and told.

    What the index has is what the step began with, or has already what it came to.
    """
    wanted = {step.path: step for step in writing(steps)}
    held = _staged(repo, list(wanted))
    ready = [
        path
        for path, step in wanted.items()
        if held.get(path) == step.before or held.get(path) == step.after
    ]
    if ready:
        plumbing.output(repo, "add", "--", *ready)
    return [path for path in wanted if path not in ready]


def _staged(repo: Repository, paths: list[str]) -> dict[str, bytes]:
    listed = plumbing.output(repo, "ls-files", "-z", "--", *paths)
    return {
        path: plumbing.output(repo, "cat-file", "--filters", f":{path}")
        for path in plumbing.split(listed)
    }


def _refuse_changed(repo: Repository, step: Step) -> None:
    if current(repo, step.path) != step.before:
        raise UsageError(
            f"{step.path} was changed meanwhile: nothing was written",
            hint="run `revguard init` again",
        )


def _write(repo: Repository, step: Step, undo: list[Callable[[], None]]) -> None:
    assert step.after is not None
    place = os.path.join(repo.toplevel, *step.path.split("/"))
    _make_folders(os.path.dirname(place), undo)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(place), prefix=".revguard-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(step.after)
        os.chmod(temporary, _mode(place))
        os.replace(temporary, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    undo.append(lambda: _take_back(place, step.before))


def _make_folders(folder: str, undo: list[Callable[[], None]]) -> None:
    if os.path.isdir(folder):
        return
    _make_folders(os.path.dirname(folder), undo)
    os.mkdir(folder)
    undo.append(lambda: os.rmdir(folder))


def _mode(place: str) -> int:
    if os.path.exists(place):
        return os.stat(place).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _take_back(place: str, before: bytes | None) -> None:
    if before is None:
        os.unlink(place)
        return
    with open(place, "wb") as file:
        file.write(before)
