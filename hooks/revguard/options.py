"""What the user asked for: the command line's words, as one value for the pipeline."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Command: TypeAlias = Literal[
    "check",
    "add",
    "plan",
    "rebase",
    "squash",
    "pr",
    "status",
    "upgrade",
    "explain",
    "doctor",
    "cache",
    "demo",
    "init",
]
Progress: TypeAlias = Callable[[str], None]


def no_progress(_message: str) -> None:
    """Say nothing about long work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRef:
    """One ref of a push, as git tells its `pre-push` hook; `new` and `old` name commits."""

    remote: str  # its name, or its URL where it has none
    ref: str  # there
    new: str
    old: str = ""  # what the ref is at there, as far as that was told; empty for a new one
    local_ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One invocation. Only the rim reads argv, the environ and the clock: they come in here."""

    command: Command = "check"
    directory: str  # absolute; where the command was typed, or -C
    environ: Mapping[str, str]
    today: datetime.date
    environments: tuple[str, ...] = ()  # --env; () is all of them
    worktree: bool = False
    tree: str | None = None
    from_ref: str | None = None
    to_ref: str | None = None
    push: PushedRef | None = None
    all: bool = False
    stage: bool = True
    message: str | None = None
    renamed: tuple[str, ...] = ()  # --rename OLD:NEW
    no_rename: bool = False
    python: str | None = None  # of every environment, in place of what is configured
    database: str | None = None  # likewise
    no_cache: bool = False
    verbose: bool = False
    quiet: bool = False
    progress: Progress = field(default=no_progress, compare=False)
