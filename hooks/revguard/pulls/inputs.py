"""The action's inputs, as variables of the environ, in; the command line of one step out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from revguard.errors import UsageError

PREFIX: Final = "REVGUARD_INPUT_"
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "command": ("pr", "plan"),
    "mode": ("check", "suggest", "push"),
    "comment": ("on-change", "always", "never"),
}


def judging(environ: Mapping[str, str]) -> list[str]:
    """The step that runs the project's code, and has no token. UsageError."""
    given = _Given(environ)
    command = given.choice("command")
    given.choice("comment")  # it is for the step after this one, and should be said before it
    words = [*given.common(), command]
    if command == "plan":
        return [*words, "--github-matrix", *given.option("--from-ref", "base")]
    return [
        *words,
        *given.option("--from-ref", "base"),
        *("--step", "judge", "--mode", given.choice("mode")),
        *given.option("--parts", "parts"),
        *given.option("--python", "python"),
        *given.option("--database", "database"),
    ]


def commenting(environ: Mapping[str, str], report: str) -> list[str]:
    """The step that has the token, and runs nothing of the project. UsageError."""
    given = _Given(environ)
    asked = ("--mode", given.choice("mode"), "--comment", given.choice("comment"))
    return [*given.common(), "pr", "--step", "comment", "--parts", report, *asked]


class _Given:
    """The inputs; one that is empty was not given."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def value(self, name: str) -> str:
        return self._environ.get(PREFIX + name.upper().replace("-", "_"), "").strip()

    def option(self, flag: str, name: str) -> list[str]:
        value = self.value(name)
        return [f"{flag}={value}"] if value else []

    def choice(self, name: str) -> str:
        known = _CHOICES[name]
        value = self.value(name) or known[0]
        if value in known:
            return value
        near = get_close_matches(value, known, n=1)
        raise UsageError(
            f"the input `{name}` is {value!r}, and must be one of {', '.join(known)}",
            hint=f"did you mean `{name}: {near[0]}`?"
            if near
            else "docs/action.md lists the inputs",
        )

    def common(self) -> list[str]:
        environments = [one for one in self.value("environment").splitlines() if one.strip()]
        folder = self.value("working-directory")
        if folder and not os.path.isdir(folder):
            raise UsageError(
                f"the input `working-directory` names no folder: {folder}",
                hint="it is below the workspace, where `actions/checkout` comes before this step",
            )
        # -C takes a word of its own, which may begin with a dash only behind ./
        where = ["-C", f"./{folder}" if folder.startswith("-") else folder] if folder else []
        return [*where, *(f"--env={name.strip()}" for name in environments)]
