"""A report in, GitLab's code quality report out: what its merge request shows beside the lines."""

from __future__ import annotations

import hashlib
import json

from revguard.verdict import EnvironmentReport, Finding, Report

_SEVERITY = {"error": "critical", "warning": "minor"}


def render(report: Report) -> str:
    """The findings as GitLab reads them; one without a place is shown at the configuration."""
    entries = [_entry(one, finding) for one in report.environments for finding in one.findings]
    return json.dumps(entries, indent=2) + "\n"


def _entry(environment: EnvironmentReport, finding: Finding) -> dict[str, object]:
    path = finding.path or environment.config or "alembic.ini"
    key = f"{environment.name}\n{finding.rule}\n{path}\n{finding.message}"
    return {
        "description": finding.message,
        "check_name": finding.rule,
        "fingerprint": hashlib.sha256(key.encode("utf-8", "replace")).hexdigest(),
        "severity": _SEVERITY[finding.severity],
        "location": {"path": path, "lines": {"begin": max(finding.line, 1)}},
    }
