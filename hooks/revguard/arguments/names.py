"""The commands by name: arguments in, a UsageError for a command that there is not out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from revguard.errors import UsageError

COMMANDS: Final[Mapping[str, str]] = {
    "check": "is there one proven revision for each model change? (writes nothing)",
    "add": "write the missing revision script, prove it and stage it",
    "rebase": "move this branch's revisions on top of the base's head, prove and stage them",
    "squash": "make one revision of the several that the branch brings",
    "plan": "which environments the change affects, told without importing any",
    "pr": "the same in CI: what merging would land, said on the pull request",
    "status": "models, scripts and (with --database) the configured database side by side",
    "upgrade": "bring the configured development database to the heads of this branch",
    "explain": "show the page of a rule",
    "doctor": "show what is found, and why: repository, interpreter, environments, databases",
    "cache": "show or clear what is kept between runs",
    "init": "make a repository ready: migration environment, hook and workflow",
    "demo": "a commit is blocked, then made with the revision added, in a throw-away repository",
}
BLOCKING: Final = ("pre-commit", "pre-merge-commit", "pre-push")  # hooks that can stop git
PUSH: Final = "pre-push"
# They judge nothing, and answer in text or JSON.
ANSWERING: Final = (
    *("rebase", "squash", "plan", "status", "upgrade", "explain", "doctor", "cache", "init"),
    "demo",
)
_WITH_VALUE = ("-C", "--env", "--format", "--output", "--color")


def refuse_unknown(arguments: Sequence[str]) -> None:
    """UsageError for a command that there is not."""
    # before argparse does, whose message would not know of those that come later
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            if word not in COMMANDS:
                raise UsageError(f"there is no command {word!r}", hint=_nearest_command(word))
            return


def _nearest_command(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, n=1)
    return f"did you mean `revguard {near[0]}`?" if near else known()


def known() -> str:
    """All commands, for a hint."""
    return f"the commands are: {', '.join(COMMANDS)}"
