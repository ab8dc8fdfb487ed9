"""Moved scripts judged before they are written: a report in, what speaks against them out."""

from __future__ import annotations

from typing import Final

from revguard.rules.history import BROKEN, HEADS
from revguard.verdict import EnvironmentReport, Finding

_PROOF: Final = "proof/"


def against(report: EnvironmentReport) -> list[Finding]:
    """The findings that speak against moving: those about the scripts' own steps and how they hang
    together. What the models lack or have too many of was so before, and `add` is for that."""
    return [
        one
        for one in report.findings
        if one.severity == "error" and (one.rule.startswith(_PROOF) or one.rule in (BROKEN, HEADS))
    ]
