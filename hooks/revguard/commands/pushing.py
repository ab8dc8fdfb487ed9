"""`revguard check --hook pre-push`: what git says on the hook's input in, one report out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from revguard import pipeline
from revguard.arguments import Invocation
from revguard.errors import CouldNotCheck, UsageError
from revguard.options import Options, PushedRef
from revguard.staging import pushes, repository
from revguard.verdict import Report, overall


def check(invocation: Invocation) -> Report:
    """Judge each ref that is pushed. Where none is, or all are deleted, there is nothing to do."""
    remote = invocation.words[0]
    told = pushes.told(_input(), remote)
    options = invocation.options
    repo = repository.find(options.directory, options.environ)
    judged = pushes.to_judge(repo, told)
    reports = [_one(options, push, alone=len(judged) == 1) for push in judged]
    return _together(reports)


def _input() -> str:
    """All that git says; never asked of a terminal, where nobody would say it."""
    stream = sys.stdin
    if stream is None or stream.isatty():
        raise UsageError(
            "git says on the standard input of its `pre-push` hook what is pushed, and there is "
            "none",
            hint="by hand: `revguard check --from-ref origin/main --to-ref HEAD`",
        )
    try:
        return os.fsdecode(stream.buffer.read())
    except OSError as error:
        raise CouldNotCheck(f"what git pushes cannot be read: {error.strerror}") from error


def _one(options: Options, push: PushedRef, *, alone: bool) -> Report:
    report = pipeline.check(replace(options, push=push))
    if alone:
        return report
    said = pushes.shown(push)
    return replace(
        report,
        environments=tuple(replace(one, notes=(said, *one.notes)) for one in report.environments),
    )


def _together(reports: Sequence[Report]) -> Report:
    """One report of several: its tree is that of the first that is not all right."""
    if not reports:
        return Report(verdict="pass")
    environments = tuple(one for report in reports for one in report.environments)
    shown = next((one for one in reports if one.verdict != "pass"), reports[0])
    return Report(
        verdict=overall(environments),
        tree=shown.tree,
        duration_ms=sum(one.duration_ms for one in reports),
        environments=environments,
    )
