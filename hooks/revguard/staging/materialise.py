"""A folder that holds exactly a tree: the tree's id in, a checkout that is kept for later out."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from revguard.errors import CouldNotCheck
from revguard.staging import blobs, filling, plans, plumbing, slots, trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from revguard.staging.plans import Plan
    from revguard.staging.repository import Repository
    from revguard.staging.slots import Slot, State
    from revguard.staging.trees import Change

# What decides how a blob becomes a file, beside the attributes
_CONVERSION = r"^(core\.(autocrlf|eol|attributesfile|symlinks)|filter\..*)$"
_ROOM = 1 << 20
_TOUCHES_ALL = (b"core.autocrlf", b"core.attributesfile")


@dataclass(slots=True, kw_only=True)
class Checkout:
    """A folder that holds exactly a tree, until its context ends."""

    path: str
    tree: str
    dirty: bool = field(default=False, init=False)

    def mark_dirty(self) -> None:
        """Say that something wrote into the folder: the next run looks at each file again."""
        self.dirty = True


@contextlib.contextmanager
def checkout(repo: Repository, tree: str, cache: str | Path) -> Iterator[Checkout]:
    """The tree as files, in a folder of the cache that no other run uses meanwhile.

    Its name is that of the working tree's folder. CouldNotCheck where it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        slot = stack.enter_context(slots.take(os.path.join(cache, "trees"), tree))
        try:
            path = _lay_out(repo, slot, tree)
        except OSError as error:
            if not slot.kept:
                raise _not_written(slot.folder, error) from error
            slots.give_up(slot)  # a full cache is as if there were none
            slot = stack.enter_context(slots.temporary())
            path = _lay_out_temporarily(repo, slot, tree)
        made = Checkout(path=path, tree=tree)
        try:
            yield made
        except Exception:
            _close(slot, made)
            raise
        # an interrupt may have stopped the worker anywhere: the slot stays as if in use
        _close(slot, made)


def _lay_out(repo: Repository, slot: Slot, tree: str) -> str:
    path = os.path.join(slot.folder, os.path.basename(repo.toplevel) or "tree")
    slot.note(_bring(repo, slot, path, tree))
    if slot.kept and _room(slot.folder) < _ROOM:  # the run writes a script and bytecode beside it
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), slot.folder)
    return path


def _lay_out_temporarily(repo: Repository, slot: Slot, tree: str) -> str:
    try:
        return _lay_out(repo, slot, tree)
    except OSError as error:
        raise _not_written(slot.folder, error) from error


def _room(folder: str) -> int:
    """Bytes that are free; plenty where the file system does not tell."""
    try:
        found = os.statvfs(folder)
    except (OSError, AttributeError):
        return _ROOM
    return found.f_bavail * found.f_frsize if found.f_blocks else _ROOM


def _close(slot: Slot, made: Checkout) -> None:
    if not made.dirty:
        with contextlib.suppress(OSError):
            slot.close()


def _bring(repo: Repository, slot: Slot, path: str, tree: str) -> State:
    """Make the folder hold the tree, by the shortest way that is safe."""
    known = slot.state if _is_known(repo, slot, path) else None
    if known is not None and known.tree == tree:
        slot.begin()
        return known
    blobs.fetch_missing(repo, tree)
    settings, changes = _settings_and_changes(repo, known.tree if known else None, tree)
    if known is not None and changes is not None and known.conversion.startswith(settings.key):
        after = replace(known, tree=tree, hollow=_without(known.hollow, changes))
        plan = plans.of_changes(changes)
    else:
        after, plan = _survey(repo, slot.state, path, tree, settings)
    # stopped halfway, some files would be converted in the old way and some in the new one
    slot.begin(forget=slot.state is not None and slot.state.conversion != after.conversion)
    hollow = filling.fill(repo, path, plan)
    return replace(after, hollow=tuple(sorted({*after.hollow, *hollow})))


def _is_known(repo: Repository, slot: Slot, path: str) -> bool:
    return (
        slot.clean
        and slot.state is not None
        and os.path.isdir(path)
        and not any(filling.is_checked_out(repo, name) for name in slot.state.hollow)
    )


def _without(hollow: tuple[str, ...], changes: list[Change]) -> tuple[str, ...]:
    changed = {change.path for change in changes}
    return tuple(name for name in hollow if name not in changed)


def _survey(
    repo: Repository, before: State | None, path: str, tree: str, settings: _Settings
) -> tuple[State, Plan]:
    wanted = trees.listing_with_sizes(repo, tree)
    attributes = sorted(
        f"{name}\0{entry.oid}" for name, (entry, _) in wanted.items() if _is_attributes(name)
    )
    conversion = f"{settings.key}-{_digest(os.fsencode(''.join(attributes)))}"
    os.makedirs(path, exist_ok=True)
    plan = plans.of_survey(
        path,
        wanted,
        keep=before is not None and before.conversion == conversion,
        sizes=not attributes and not settings.touch_all,
    )
    return slots.State(tree=tree, conversion=conversion, hollow=()), plan


class _Settings(NamedTuple):
    key: str
    touch_all: bool  # they convert files that have no attributes in the tree


def _settings_and_changes(
    repo: Repository, old: str | None, new: str
) -> tuple[_Settings, list[Change] | None]:
    """How git converts, and what differs: None where that is not known or not enough to know."""
    asked: list[tuple[str, ...]] = [("config", "-z", "--get-regexp", _CONVERSION)]
    if old is not None:
        asked.append(trees.changes_command(old, new))
    config, *compared = plumbing.together(repo, *asked)
    info = _read(os.path.join(repo.common_dir, "info", "attributes"))
    settings = _Settings(
        key=_digest(config.stdout + b"\0" + info),
        touch_all=bool(info) or any(name in config.stdout for name in _TOUCHES_ALL),
    )
    if not compared or compared[0].returncode != 0:  # git has pruned the old tree
        return settings, None
    changes = trees.parse_changes(compared[0].stdout)
    return settings, None if any(_is_attributes(item.path) for item in changes) else changes


def _is_attributes(path: str) -> bool:
    return path.rpartition("/")[2] == filling.ATTRIBUTES


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _not_written(folder: str, error: OSError) -> CouldNotCheck:
    reason = error.strerror or str(error)
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return CouldNotCheck(
        f"the tree cannot be written to {error.filename or folder}: {reason}",
        hint="make room, `revguard cache clear`, or set REVGUARD_CACHE_DIR to another disk"
        if full
        else "set REVGUARD_CACHE_DIR to a folder that can be written",
    )
