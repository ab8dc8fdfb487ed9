"""`revguard upgrade`: an Invocation in, what was run on the configured databases out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from revguard import checkouts, terminal
from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.configured import upgrading
from revguard.configured.asking import Request
from revguard.configured.upgrading import Outcome
from revguard.configured.values import Database
from revguard.reporters.paint import Paint, one_line, wrapped

VERSION = 1  # of the JSON
ALLOWED = "REVGUARD_ALLOW_HOST"
_COLORS = {"upgraded": "green", "nothing": "green", "unreachable": "yellow"}


def run(invocation: Invocation) -> Answer:
    """Upgrade. In a hook silence is "nothing to do", and a database that is not there no failure:
    git has done its work, and a developer need not have the database running."""
    options = invocation.options
    hook = checkouts.stage_of(invocation.hook, options.environ)
    revision = "heads" if invocation.hook else next(iter(invocation.words), "heads")
    request = Request(
        operation="upgrade",
        revision=revision,
        allowed=_allowed(invocation, options.environ),
        creates=not hook,  # a new file is nothing that a checkout asks for
    )
    outcomes = upgrading.upgrade(options, request)
    color = terminal.wants_color(invocation.color, terminal.stdout(), options.environ)
    paint = Paint(color=color and invocation.output is None)
    quiet = bool(hook) or options.quiet
    text = "".join(_text(one, paint, quiet=quiet) for one in outcomes)
    codes = [0 if hook and one.kind == "unreachable" else one.exit_code for one in outcomes]
    data = {"version": VERSION, "environments": [_data(one) for one in outcomes]}
    return Answer(text=text, data=data, code=max(codes, default=0))


def _allowed(invocation: Invocation, environ: Mapping[str, str]) -> tuple[str, ...]:
    told = environ.get(ALLOWED, "").replace(",", " ").split()
    return (*invocation.hosts, *told)


def _text(outcome: Outcome, paint: Paint, *, quiet: bool) -> str:
    if outcome.kind == "nothing" and quiet:
        return ""
    return "\n".join(_lines(outcome, paint)) + "\n"


def _lines(outcome: Outcome, paint: Paint) -> Iterator[str]:
    name = paint(one_line(outcome.name), "bold")
    color = _COLORS.get(outcome.kind, "red")
    width = terminal.width()
    if outcome.kind in ("upgraded", "nothing") and not outcome.message:
        for one in outcome.databases:
            yield f"{name}: {paint(_done(one), color)}"
            yield from (f"  {_revision(ran.id, ran.message)}" for ran in one.ran)
        return
    head = "nothing to do" if outcome.kind == "nothing" else "not upgraded"
    said = wrapped(f"{one_line(outcome.name)}: {head}: {outcome.message}", width, hanging="  ")
    yield said.replace(f"{head}:", paint(f"{head}:", color), 1)
    if outcome.hint:
        yield wrapped(outcome.hint, width, "  ")


def _done(one: Database) -> str:
    if one.ran:
        return f"upgraded {one_line(one.place)}"
    at = ", ".join(f"{it.id} ({it.message})" if it.message else it.id for it in one.current)
    return one_line(f"nothing to do, {one.place} is at {at or 'no revision'}")


def _revision(id_: str, message: str) -> str:
    return one_line(f"{id_}  {message}".rstrip())


def _data(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "config": outcome.config,
        "outcome": outcome.kind,
        "databases": [
            {
                "place": one.place,
                "dialect": one.dialect,
                "before": [found.id for found in one.current],
                "ran": [asdict(found) for found in one.ran],
            }
            for one in outcome.databases
        ],
        "message": outcome.message,
        "hint": outcome.hint,
    }
