"""`revguard rebase`: an Invocation in, what was moved on top of what out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from revguard import reporters, terminal
from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.phrases import counted
from revguard.rebasing import moving
from revguard.rebasing.moving import Moved, Outcome
from revguard.rebasing.values import Move
from revguard.reporters.paint import Paint, one_line, wrapped
from revguard.staging import ranges, repository
from revguard.verdict import COULD_NOT_CHECK, Report, environment_to_dict, exit_code, overall

VERSION = 1  # of the JSON


def run(invocation: Invocation) -> Answer:
    """Move; 0 when it was done or nothing was to be done, else nothing was written."""
    options = invocation.options
    outcome = moving.rebase(options)
    color = terminal.wants_color(invocation.color, terminal.stdout(), options.environ)
    color = color and invocation.output is None
    blocks = [*_undone(outcome), *_moved(outcome, Paint(color=color), quiet=options.quiet)]
    code = 0
    if not outcome.written:
        report = _against(outcome)
        code = exit_code(report) or COULD_NOT_CHECK
        shown = reporters.reporter("text")(
            report, color=color, width=terminal.width(), verbose=options.verbose,
            quiet=options.quiet,
        )  # fmt: skip
        blocks = [shown.rstrip("\n"), "Nothing was moved."]
    elif outcome.edits.writes or outcome.edits.removals or outcome.edits.resolve:
        repo = repository.find(options.directory, options.environ)
        further = moving.going_on(repo)
        if not options.quiet:
            blocks += _database_hints(outcome)
            blocks.append(_wrapped(f"All of it is staged; {further} goes on."))
    text = "\n".join(block for block in blocks if block)
    return Answer(text=text + "\n" if text else "", data=_data(outcome), code=code)


def _wrapped(text: str) -> str:
    return wrapped(text, terminal.width())


def _undone(outcome: Outcome) -> Iterator[str]:
    if outcome.undone:
        shown = ranges.shown(outcome.undone)
        yield _wrapped(f"An earlier revguard was killed: {shown} were put back first.")


def _moved(outcome: Outcome, paint: Paint, *, quiet: bool) -> Iterator[str]:
    for one in outcome.environments:
        name = paint(one_line(one.environment.name), "bold")
        if not one.moves:
            if not quiet:
                heads = f" ({', '.join(one.heads)})" if one.heads else ""
                said = f"nothing to move: {outcome.base_name}{heads} is below every revision"
                yield f"{name}: {said}"
            continue
        count = counted(len(one.moves), "revision")
        yield f"{name}: {paint('moved', 'green')} {count} on top of {outcome.base_name}, proven"
        yield from (f"  {_line(move)}" for move in one.moves)


def _line(move: Move) -> str:
    own = move.own
    if move.path is None:
        return one_line(f"{own.id}  {own.path}: removed, {move.why}")
    named = own.id if own.id == move.id else f"{own.id} is {move.id} now"
    path = move.path if move.path == own.path else f"{own.path} -> {move.path}"
    before, after = (", ".join(ids) or "None" for ids in (own.down, move.down))
    return one_line(f"{named}  {path}: on top of {after}, no longer {before}")


def _database_hints(outcome: Outcome) -> Iterator[str]:
    """What to do with a database that ran the scripts as they were: Alembic takes it to have run
    what lies below them now."""
    from revguard.configured.elsewhere import alembic  # loads what a rebase does not need

    for one in outcome.environments:
        if not one.moves:
            continue
        begin = alembic(one.environment)
        first = one.moves[0]
        old = one.old_parents
        name = one_line(one.environment.name)
        if len(one.moves) == len(old) == len(first.down) == 1 and first.id == first.own.id:
            new, back = shlex.quote(first.down[0]), shlex.quote(old[0])
            yield _wrapped(
                f"A database of {name} that ran them before lacks what is below them now. It goes "
                "down to that, is told what it has, and comes up again:"
            )
            yield f"  `{_in_root(one, f'{begin} downgrade {new} && {begin} stamp {back}')}`"
            yield "  `revguard upgrade`"
        else:
            back = f"`{begin} downgrade {shlex.quote(old[0])}`" if len(old) == 1 else "there"
            yield _wrapped(
                f"A database of {name} that ran them before has to be taken back by the scripts as "
                f"they were: check that commit out (`git reflog` shows it), {back}, come back, and "
                "`revguard upgrade`."
            )


def _in_root(one: Moved, command: str) -> str:
    root = one.environment.root
    return (
        f"(cd {shlex.quote(root)} && {command})" if root and not one.environment.flask else command
    )


def _against(outcome: Outcome) -> Report:
    """What speaks against it, as a report."""
    found = tuple(one.report for one in outcome.environments if one.report is not None)
    return Report(verdict=overall(found), environments=found)


def _data(outcome: Outcome) -> dict[str, Any]:
    return {
        "version": VERSION,
        "base": outcome.base_name,
        "written": outcome.written,
        "environments": [_environment(one) for one in outcome.environments],
    }


def _environment(one: Moved) -> dict[str, Any]:
    return {
        "name": one.environment.name,
        "config": one.environment.config,
        "heads": list(one.heads),
        "moved": [
            {
                "id": move.id,
                "path": move.path,
                "down_revision": list(move.down),
                "before": {
                    "id": move.own.id,
                    "path": move.own.path,
                    "down_revision": list(move.own.down),
                },
            }
            for move in one.moves
        ],
        "report": None if one.report is None else environment_to_dict(one.report),
    }
