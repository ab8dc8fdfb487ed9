"""The reporters: a report in, text out. They render; only the command line writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Protocol

from revguard.errors import UsageError
from revguard.reporters import machine, text
from revguard.verdict import Report


class Reporter(Protocol):
    """Renders a report. What a format has no use for, it leaves aside."""

    def __call__(
        self, report: Report, *, color: bool, width: int, verbose: bool, quiet: bool
    ) -> str:
        """The whole text to be written, with its last newline; empty for nothing to say."""


def _only(name: str) -> Reporter:
    """The reporter of a module whose format knows neither colours nor widths; loaded late."""

    def rendered(report: Report, *, color: bool, width: int, verbose: bool, quiet: bool) -> str:
        del color, width, verbose, quiet
        module = import_module(f"revguard.reporters.{name}")
        return str(module.render(report))

    return rendered


REPORTER_BY_NAME: Final[Mapping[str, Reporter]] = {
    "text": text.render,
    "json": machine.render,
    "github": _only("github"),
    "sarif": _only("sarif"),
    "markdown": _only("markdown"),
}


def reporter(name: str) -> Reporter:
    """The reporter of that name. UsageError names those that there are."""
    if name not in REPORTER_BY_NAME:
        formats = ", ".join(REPORTER_BY_NAME)
        raise UsageError(
            f"this version has no format {name!r}", hint=f"`--format` takes one of: {formats}"
        )
    return REPORTER_BY_NAME[name]
