"""The commands: an Invocation in, a Report or an Answer out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from revguard.arguments import Invocation
from revguard.verdict import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command that judges nothing has to say, to people and to machines."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    code: int = 0

    def machine(self) -> str:
        """The answer as JSON."""
        return json.dumps(self.data, indent=2) + "\n"


Command: TypeAlias = Callable[[Invocation], "Answer | Report"]


def _judge(invocation: Invocation) -> Report:
    from revguard import pipeline

    return pipeline.check(invocation.options)


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

    return Answer(text="", code=demo.run(invocation.options))


COMMAND_BY_NAME: Final[Mapping[str, Command]] = {
    "check": _judge,
    "add": _judge,
    "explain": _explain,
    "cache": _cache,
    "doctor": _doctor,
    "demo": _demo,
}
