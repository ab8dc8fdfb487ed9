"""The command line: arguments in, an Invocation or a UsageError out."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from revguard.arguments import grammar, names, saying
from revguard.arguments.names import PUSH
from revguard.arguments.saying import Saying
from revguard.errors import UsageError
from revguard.options import Options, Progress, no_progress

Color: TypeAlias = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One command line, understood."""

    options: Options
    words: tuple[str, ...] = ()  # the command's own: a rule, a revision, a git hook's arguments
    database: bool = False  # status: whether the configured database is looked at
    hosts: tuple[str, ...] = ()  # upgrade: that are allowed besides this machine
    hook: str = ""  # check, upgrade: the git hook that runs it
    template: str | None = None  # of Alembic, for init
    saying: Saying = field(default_factory=Saying)
    format: str = "text"
    output: str | None = None  # absolute
    color: Color = "auto"


def parse(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    directory: str,
    today: datetime.date,
    progress: Progress = no_progress,
) -> Invocation:
    """Understand the arguments. SystemExit(0) after `--help` and `--version`."""
    names.refuse_unknown(arguments)
    found = grammar.parser_of_all().parse_args(list(arguments))
    if found.command is None:
        raise UsageError("no command was given", hint=names.known())
    _refuse_files(found)
    if found.command == "upgrade" and not found.hook and len(found.words) > 1:
        raise UsageError("`revguard upgrade` takes one revision", hint="`heads` is all of them")
    base = _directory(directory, found.first_directory, found.directory)
    options = Options(
        command=found.command,
        directory=base,
        environ=environ,
        today=today,
        environments=(*found.first_env, *found.env),
        worktree=getattr(found, "worktree", False),
        tree=getattr(found, "tree", None),
        from_ref=getattr(found, "from_ref", None),
        to_ref=getattr(found, "to_ref", None),
        all=getattr(found, "all", False),
        stage=not getattr(found, "no_stage", False),
        message=getattr(found, "message", None),
        renamed=tuple(getattr(found, "renamed", ())),
        no_rename=getattr(found, "no_rename", False),
        python=getattr(found, "python", None),
        database=getattr(found, "database_setting", None),
        no_cache=found.no_cache,
        verbose=found.verbose,
        quiet=found.quiet,
        progress=progress,
    )
    return Invocation(
        options=_consistent(options),
        words=(*getattr(found, "words", ()), *getattr(found, "files", ())),
        database=getattr(found, "database", False),
        hosts=tuple(getattr(found, "hosts", ())),
        hook=getattr(found, "hook", ""),
        template=getattr(found, "template", None),
        saying=saying.of(found, base),
        format=found.format,
        output=os.path.join(base, found.output) if found.output else None,
        color=found.color,
    )


_HOOK_OF_PUSH = f'exec revguard check --hook {PUSH} "$@"'


def _refuse_files(found: argparse.Namespace) -> None:
    files: Sequence[str] = getattr(found, "files", ())
    if getattr(found, "hook", "") == PUSH:
        if len(files) != 2:
            raise UsageError(
                "git gives its `pre-push` hook the remote's name and URL",
                hint=f"the hook says `{_HOOK_OF_PUSH}`",
            )
        return
    if len(files) == 2 and found.command == "check":  # what git gives, and nobody else
        raise UsageError(
            f"`revguard check` takes no file names, and was given {files[0]!r}",
            hint=f"in .git/hooks/pre-push write `{_HOOK_OF_PUSH}`",
        )
    if files:
        raise UsageError(
            f"`revguard {found.command}` takes no file names, and was given {files[0]!r}",
            hint="it judges the whole staged tree: in .pre-commit-config.yaml leave "
            "`pass_filenames: false` as it is; `--env NAME` chooses an environment",
        )


def _directory(start: str, *changes: str | None) -> str:
    for change in changes:
        if change is not None:
            start = os.path.normpath(os.path.join(start, change))
            if not os.path.isdir(start):
                raise UsageError(f"there is no folder {start}", hint="`-C DIR` names a folder")
    return start


def _consistent(options: Options) -> Options:
    if options.verbose and options.quiet:
        raise UsageError("`-v` and `-q` contradict each other", hint="give one of them")
    if options.to_ref is not None and options.from_ref is None:
        raise UsageError("`--to-ref` needs `--from-ref`", hint="`--tree` judges a single commit")
    return options
