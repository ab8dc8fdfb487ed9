"""`revguard init`: makes a repository ready, and says each thing that it did."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from revguard import init, pipeline, terminal, verdict
from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.init import hookentry, installing, steps, writing
from revguard.init.planning import Plan, Wanted
from revguard.init.steps import Step
from revguard.reporters import text
from revguard.verdict import Report

MESSAGE: Final = "first revision"


def run(invocation: Invocation) -> Answer:
    """Plan, then show or do."""
    flags = invocation.words
    wanted = Wanted(
        template=invocation.template,
        local_hook="local-hook" in flags,
        hook="no-hook" not in flags,
        workflow="no-workflow" not in flags,
    )
    plan = init.plan(invocation.options, wanted)
    if "dry-run" in flags:
        return _answer(plan, plan.steps, next_steps=(), dry=True)
    writing.apply(plan.repo, plan.steps)
    done = list(plan.steps)
    if "install-hooks" in flags:
        done.append(installing.install(plan.repo))
    if "revision" in flags and plan.lacks_revision:
        return _with_revision(invocation, plan, done)
    return _answer(plan, done, next_steps=tuple(_next(plan, flags)))


def _with_revision(invocation: Invocation, plan: Plan, done: list[Step]) -> Answer:
    """Stage what was written, and the first revision with it, as `revguard add` does."""
    for path in writing.stage(plan.repo, plan.steps):
        said = f"{path} is not staged: it has other changes that are not"
        done.append(Step(topic="problem", said=said, hint=f"`git add {path}`"))
    message = invocation.options.message or MESSAGE
    options = replace(
        invocation.options, command="add", message=message, worktree=False, tree=None, all=False
    )
    report = pipeline.check(options)
    left = "" if report.verdict != "pass" else "`git commit`"
    answer = _answer(plan, done, next_steps=tuple(filter(None, [left])), report=report)
    return replace(answer, code=verdict.exit_code(report))


def _next(plan: Plan, flags: Sequence[str]) -> Iterator[str]:
    """What is left to type."""
    written = [step.path for step in steps.writing(plan.steps)]
    if written:
        yield f"git add {shlex.join(_short(written))}"
    if plan.lacks_revision:
        yield f"revguard add -m {shlex.quote(MESSAGE)}" if plan.is_new else "revguard add"
    if hookentry.PATH in written and "install-hooks" not in flags:
        yield "pre-commit install"


def _short(paths: Sequence[str]) -> list[str]:
    """New folders by their names, where that says the same."""
    scripts = [path.rpartition("/")[0] for path in paths if path.endswith("/env.py")]
    kept = [path for path in paths if not any(path.startswith(f"{one}/") for one in scripts)]
    return [*scripts, *kept]


def _answer(
    plan: Plan,
    done: Sequence[Step],
    *,
    next_steps: tuple[str, ...],
    dry: bool = False,
    report: Report | None = None,
) -> Answer:
    data: dict[str, Any] = {
        "changed": bool(steps.writing(plan.steps)) and not dry,
        "steps": [steps.data(step) for step in done],
        "next": list(next_steps),
    }
    lines = [_text(step, with_diff=dry) for step in done]
    if not steps.writing(plan.steps):
        lines.append("nothing to write\n" if next_steps else "nothing to do\n")
    elif dry:
        lines.append("nothing was written: without `--dry-run` it is\n")
    if report is not None:
        data["report"] = verdict.to_dict(report)
        shown = text.render(report, color=False, width=terminal.width(), verbose=False, quiet=False)
        lines.append(shown)
    if next_steps:
        lines.append("next:\n" + "".join(f"  {command}\n" for command in next_steps))
    code = verdict.COULD_NOT_CHECK if plan.could_not_check else 0
    return Answer(text="".join(lines), data=data, code=code)


def _text(step: Step, *, with_diff: bool) -> str:
    first, *rest = step.said.splitlines() or [""]
    indent = " " * 15
    lines = [f"{step.topic + ':':<14} {first}", *(f"{indent}{line}" for line in rest)]
    lines += [f"{indent}{line}" for line in step.hint.splitlines()]
    shown = steps.diff(step) if with_diff else ""
    return "\n".join(lines) + "\n" + (f"\n{shown}\n" if shown else "")
