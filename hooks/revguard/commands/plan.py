"""`revguard plan`: which environments a change affects, as text, as JSON or as a matrix."""

from __future__ import annotations

import json

from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.options import Options
from revguard.phrases import counted
from revguard.planning import Affected, Plan, plan
from revguard.pulls import places
from revguard.pulls.ranged import ranged
from revguard.reporters.paint import one_line

_MOST = 3  # paths of an environment; with -v all


def run(invocation: Invocation) -> Answer:
    """Plan what the options name."""
    found = plan(_in_ci(invocation.options))
    if invocation.words:
        # one line: it becomes the value of an output
        return Answer(text=json.dumps(found.matrix()) + "\n", data=found.matrix())
    text = _text(found, whole=invocation.options.verbose)
    return Answer(text="" if invocation.options.quiet else text, data=found.as_dict())


def _in_ci(options: Options) -> Options:
    """With the range of the event, where a service runs us and nothing else is asked for."""
    place = places.place(options.environ)
    if place.service == "terminal" or options.worktree or options.tree or options.to_ref:
        return options
    return ranged(options, place)


def _text(found: Plan, *, whole: bool) -> str:
    lines = [line for one in found.affected for line in _lines(one, whole=whole)]
    number = f"{len(found.affected)} of {counted(len(found.environments), 'environment')}"
    return "\n".join([*lines, f"{number} affected"]) + "\n"


def _lines(one: Affected, *, whole: bool) -> list[str]:
    shown = one.because if whole else one.because[:_MOST]
    lines = [one_line(f"{one.name}  {one.config}" if one.config else one.name)]
    lines += [f"  {one_line(path)}" for path in shown]
    left_out = len(one.because) - len(shown)
    lines += [f"  and {counted(left_out, 'file')} more; `-v` shows them all"] if left_out else []
    return [*lines, f"  {one.unknown}"] if one.unknown else lines
