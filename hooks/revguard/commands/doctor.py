"""`revguard doctor`: an Invocation in, what is found and why out, with what mends it."""

from __future__ import annotations

from dataclasses import asdict

from revguard import terminal
from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.doctor import checks
from revguard.doctor.lines import Line
from revguard.reporters.paint import Paint

_INDENT = " " * 15


def run(invocation: Invocation) -> Answer:
    """Look at everything that a check would need, without running one."""
    options = invocation.options
    lines = list(checks.look(options))
    problems = [line for line in lines if line.problem]
    color = terminal.wants_color(invocation.color, terminal.stdout(), options.environ)
    paint = Paint(color=color and invocation.output is None)
    text = "".join(_text(line, paint) for line in lines) + _verdict(len(problems), paint)
    data = {"ok": not problems, "lines": [asdict(line) for line in lines]}
    return Answer(text=text, data=data, code=1 if problems else 0)


def _text(line: Line, paint: Paint) -> str:
    first, *rest = line.said.splitlines() or [""]
    problem = paint("problem:", "red", "bold") + " " if line.problem else ""
    hints = [paint(hint, "bold") for hint in line.hint.splitlines()]
    said = [*rest, *(paint(more, "dim") for more in line.more), *hints]
    topic = f"{line.topic + ':':<14}"
    return "\n".join([f"{topic} {problem}{first}", *(f"{_INDENT}{one}" for one in said)]) + "\n"


def _verdict(problems: int, paint: Paint) -> str:
    if not problems:
        return paint("a check can run", "green") + "\n"
    counted = f"{problems} {'problem' if problems == 1 else 'problems'}"
    return paint(f"a check cannot run: {counted}", "red") + "\n"
