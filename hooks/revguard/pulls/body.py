"""A report in, the comment's and the summary's Markdown out, and what tells two of them apart."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from revguard.pulls.fences import fenced
from revguard.pulls.place import Place
from revguard.pulls.rendering import markdown
from revguard.verdict import EnvironmentReport, Report

LIMIT: Final = 60_000  # bytes; GitHub takes 65,536 characters
SUMMARY: Final = 1_000_000  # it takes 1 MiB of all steps of a job
_LARGEST_PATCH: Final = 20_000


def comment(report: Report, place: Place, *, paste: str = "", notes: tuple[str, ...] = (),
            limit: int = LIMIT) -> str:  # fmt: skip
    """The text for a reader of the pull request; `paste`: a patch to be pasted from it."""
    head = "".join(f"{note}\n\n" for note in notes)
    tail = _to_paste(paste) if paste else ""
    if tail and len(tail.encode("utf-8", "replace")) > _LARGEST_PATCH:
        tail = "\nThe missing script is too long to be pasted from here: take the output `patch`.\n"
    used = len((head + tail).encode("utf-8", "replace"))
    text = head + markdown(report, place, limit - used) + tail
    return text.encode("utf-8", "replace").decode("utf-8")  # names of files may be no UTF-8


def state(report: Report, place: Place, *, paste: str, notes: tuple[str, ...]) -> str:
    """The same for comments that differ in times only."""
    text = comment(_timeless(report), place, paste=paste, notes=notes)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _timeless(report: Report) -> Report:
    environments = tuple(map(_timeless_environment, report.environments))
    return replace(report, duration_ms=0, environments=environments)


def _timeless_environment(one: EnvironmentReport) -> EnvironmentReport:
    proof = tuple(replace(step, ms=0) for step in one.proof)
    # what an earlier run had found out already is about time, too
    return replace(one, proof=proof, timings_ms={}, cached="no")


def _to_paste(text: str) -> str:
    """What a reader types to have the missing script, folded."""
    end = "REVGUARD"
    while f"\n{end}\n" in text:
        end += "_"
    shell = f"git apply --index <<'{end}'\n{text}{end}\n"
    return (
        "\n<details><summary>Add the missing script: paste this into a shell at the top of the "
        f"checkout</summary>\n\n{fenced(shell, 'sh')}\n</details>\n"
    )
