"""The texts of moved scripts: moves in, what is to be written and removed out."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from revguard import scratch, subprocesses
from revguard.errors import UsageError
from revguard.history.rewording import NotPlain, Words, reworded
from revguard.history.script import parse, tree_of
from revguard.rebasing.values import Move
from revguard.staging import files, plumbing
from revguard.staging.repository import Repository


@dataclass(slots=True, kw_only=True)
class Edits:
    """Contents by path, paths to remove, and paths whose conflict this settles."""

    writes: dict[str, bytes] = field(default_factory=dict)
    removals: set[str] = field(default_factory=set)
    resolve: set[str] = field(default_factory=set)
    renames: dict[str, str] = field(default_factory=dict)  # old paths by the new ones


def edits(repo: Repository, moves: Sequence[Move], settled: Iterable[tuple[str, bytes]]) -> Edits:
    """What the moves change. `settled`: landed scripts of conflicts. UsageError where a script
    cannot be changed by a literal."""
    found = Edits()
    for move in moves:
        if move.path is None:
            found.removals.add(move.own.path)
            continue
        before = _before(repo, move)
        after = _merged(repo, move) if len(move.own.texts) > 1 else _worded(move, before)
        if after != before or move.path != move.own.path or move.own.texts:
            found.writes[move.path] = after
        if move.path != move.own.path:
            found.renames[move.path] = move.own.path
        if move.path != move.own.path and not move.own.must_move:
            found.removals.add(move.own.path)
        if move.own.texts:
            found.resolve.add(move.own.path)
    found.removals -= found.writes.keys()
    for path, content in settled:
        found.writes.setdefault(path, content)
        found.resolve.add(path)
    return found


def joined(one: Edits, other: Edits) -> Edits:
    """Both, as of two environments."""
    return Edits(
        writes={**one.writes, **other.writes},
        removals=one.removals | other.removals,
        resolve=one.resolve | other.resolve,
        renames={**one.renames, **other.renames},
    )


def does_nothing(text: bytes) -> bool:
    """Whether neither upgrade() nor downgrade() has a statement that does anything."""
    tree = tree_of(text)
    if tree is None:
        return False
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    bodies = [one.body for one in functions if one.name in ("upgrade", "downgrade")]
    return len(bodies) == 2 and all(_is_idle(one) for body in bodies for one in body)


def _is_idle(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _before(repo: Repository, move: Move) -> bytes:
    if move.own.texts:
        return move.own.texts[0]
    try:
        found = files.read(files.full_path(repo, move.own.path))
    except OSError as error:
        raise UsageError(f"{move.own.path} cannot be read: {error.strerror}") from error
    if found is None:
        raise UsageError(
            f"{move.own.path} is staged, and not in the working tree",
            hint=f"bring it back with `git restore -- {move.own.path}`",
        )
    return found


def _worded(move: Move, text: bytes) -> bytes:
    own = move.own
    words = Words(
        revision=move.id if move.id != own.id else None,
        down_revision=move.down if own.texts or move.down != own.down else None,
        depends_on=move.depends_on if move.depends_on != own.depends_on else None,
        create_date=move.create_date,
    )
    try:
        after = reworded(text, words)
    except NotPlain as error:
        raise UsageError(
            f"{own.path} cannot be moved: {error}",
            hint=f"write `down_revision = {_shown(move.down)}` there by hand, and `git add` it",
        ) from error
    said = parse(after)
    if (said.revision, said.down, said.depends_on) != (move.id, move.down, move.depends_on):
        raise UsageError(
            f"{own.path} cannot be moved: its `down_revision` is set in more than one place",
            hint=f"write `down_revision = {_shown(move.down)}` there by hand, and `git add` it",
        )
    return after


def _shown(down: tuple[str, ...]) -> str:
    return f'"{down[0]}"' if len(down) == 1 else repr(down)


def _merged(repo: Repository, move: Move) -> bytes:
    """Both sides of a conflict, once they agree on what the script goes on top of."""
    ours, theirs, *old = (_worded(move, text) for text in move.own.texts)
    if ours == theirs or (old and old[0] == theirs):
        return ours
    if old and old[0] == ours:
        return theirs
    merged = _merge_file(repo, ours, old[0], theirs) if old else None
    if merged is None:
        raise UsageError(
            f"the conflict in {move.own.path} is not only about what it goes on top of",
            hint=f"resolve it, then `git add -- {move.own.path}` and `revguard rebase` again",
        )
    return merged


def _merge_file(repo: Repository, ours: bytes, old: bytes, theirs: bytes) -> bytes | None:
    with scratch.folder(repo.environ) as folder:
        paths = [os.path.join(folder, name) for name in ("ours", "old", "theirs")]
        for path, text in zip(paths, (ours, old, theirs), strict=True):
            with open(path, "wb") as file:
                file.write(text)
        argv = plumbing.command("merge-file", "--stdout", "--quiet", *paths)
        done = subprocesses.run(argv, cwd=repo.toplevel, environ=plumbing.inside(repo))
    return done.stdout if done.returncode == 0 else None
