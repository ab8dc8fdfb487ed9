"""The options of `revguard pr`: what was parsed in, what it is to say where out."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Final

from revguard.errors import UsageError

MODES: Final = ("check", "suggest", "push")
COMMENTS: Final = ("on-change", "always", "never")
STEPS: Final = ("all", "judge", "comment")
_MODE = "suggest: with the script to paste; push: commit it to the branch"
_STEP = "judge: all that needs no token; comment: only what does, with --parts"
_DATABASE = "the ephemeral database, whatever is configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What `revguard pr` says where."""

    mode: str = "check"
    comment: str = "on-change"
    step: str = "all"
    parts: str | None = None  # absolute, as `files`
    files: str | None = None


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `pr` alone."""
    option = parser.add_argument
    option("--from-ref", metavar="A", help="what the change comes on top of (default: its base)")
    option("--to-ref", metavar="B", help="the change (default: as the event says, or HEAD)")
    option("--mode", choices=MODES, default="check", help=_MODE)
    option("--comment", choices=COMMENTS, default="on-change", help="when there is a comment")
    option("--parts", metavar="DIR", help="judge nothing: say what these JSON reports say together")
    option("--files", metavar="DIR", dest="folder", help="leave report, patch and SARIF in DIR")
    option("--step", choices=STEPS, default="all", help=_STEP)
    option("--python", metavar="PATH", help="the project's interpreter, whatever is configured")
    option("--database", metavar="SETTING", dest="database_setting", help=_DATABASE)


def of(found: argparse.Namespace, base: str) -> Saying:
    """What was asked for; paths in it are below `base`. UsageError."""
    if found.command != "pr":
        return Saying()
    if found.step == "comment" and not found.parts:
        raise UsageError("`--step comment` judges nothing and has nothing to say",
                         hint="`--parts FILE` gives it the report")  # fmt: skip
    places = (os.path.join(base, one) if one else None for one in (found.parts, found.folder))
    parts, files = places
    return Saying(mode=found.mode, comment=found.comment, step=found.step, parts=parts, files=files)
