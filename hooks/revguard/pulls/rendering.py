"""The renderers of reports, as this package calls them."""

from __future__ import annotations

import json

from revguard.pulls.fences import fenced, shortened
from revguard.pulls.place import Place
from revguard.reporters import text
from revguard.verdict import Finding, Report


def markdown(report: Report, place: Place, limit: int) -> str:
    """The comment's text."""
    del place
    shown = text.render(report, color=False, width=100, verbose=False, quiet=False)
    head = f"### revguard: {report.verdict}\n\n"
    if not shown:
        return head + "Nothing here needs a revision.\n"
    return head + fenced(shortened(shown, limit - len(head) - 200), "text")


def marks(report: Report) -> str:
    """Workflow commands for the lines that findings are about."""
    lines = []
    for environment in report.environments:
        for one in environment.findings:
            level = "error" if one.severity == "error" else "warning"
            place = f"file={_value(one.path)},line={max(one.line, 1)}," if one.path else ""
            said = _message(f"{one.message}\n{one.hint}".strip())
            lines.append((level != "error", f"::{level} {place}title={_value(one.rule)}::{said}\n"))
    return "".join(line for _, line in sorted(lines, key=lambda one: one[0])[:10])


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def sarif(report: Report) -> str:
    """The findings for code scanning."""
    rules = sorted({one.rule for env in report.environments for one in env.findings})
    results = [_result(one) for env in report.environments for one in env.findings]
    driver = {"name": "revguard", "rules": [{"id": rule} for rule in rules]}
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding) -> dict[str, object]:
    physical = {
        "artifactLocation": {"uri": finding.path or "alembic.ini"},
        "region": {"startLine": max(finding.line, 1)},
    }
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": physical}],
    }
