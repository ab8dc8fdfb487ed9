"""The commands: an Invocation in, a Report or an Answer out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from revguard.arguments import Invocation
from revguard.arguments.names import PUSH
from revguard.commands.answer import Answer
from revguard.verdict import Report

Command: TypeAlias = Callable[[Invocation], Answer | Report]


def _judge(invocation: Invocation) -> Report:
    from revguard import pipeline

    if invocation.hook == PUSH:
        from revguard.commands import pushing

        return pushing.check(invocation)
    return pipeline.check(invocation.options)


def _pr(invocation: Invocation) -> Answer | Report:
    from revguard.commands import pr

    return pr.run(invocation)


def _squash(invocation: Invocation) -> Answer:
    from revguard.commands import squash

    return squash.run(invocation)


def _plan(invocation: Invocation) -> Answer:
    from revguard.commands import plan

    return plan.run(invocation)


def _status(invocation: Invocation) -> Answer:
    from revguard.commands import status

    return status.run(invocation)


def _upgrade(invocation: Invocation) -> Answer:
    from revguard.commands import upgrade

    return upgrade.run(invocation)


def _rebase(invocation: Invocation) -> Answer:
    from revguard.commands import rebase

    return rebase.run(invocation)


def _explain(invocation: Invocation) -> Answer:
    from revguard.rules.pages import page

    (rule,) = invocation.words
    text = page(rule)
    return Answer(text=text, data={"rule": rule, "page": text})


def _cache(invocation: Invocation) -> Answer:
    from revguard.commands import keeping

    return keeping.run(invocation)


def _doctor(invocation: Invocation) -> Answer:
    from revguard.commands import doctor

    return doctor.run(invocation)


def _demo(invocation: Invocation) -> Answer:
    from revguard import demo

    # for a machine standard output holds JSON and nothing else
    stream = sys.stderr if invocation.format == "json" else None
    code = demo.run(invocation.options, color=invocation.color, stream=stream)
    return Answer(text="", data={"ok": code == 0}, code=code)


def _init(invocation: Invocation) -> Answer:
    from revguard.commands import init

    return init.run(invocation)


COMMAND_BY_NAME: Final[Mapping[str, Command]] = {
    "check": _judge,
    "add": _judge,
    "pr": _pr,
    "rebase": _rebase,
    "squash": _squash,
    "plan": _plan,
    "status": _status,
    "upgrade": _upgrade,
    "explain": _explain,
    "cache": _cache,
    "doctor": _doctor,
    "demo": _demo,
    "init": _init,
}
