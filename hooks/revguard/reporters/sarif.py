"""The report for code scanning: a report in, SARIF 2.1.0 out."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import revguard
from revguard.reporters.links import is_proposed, uri
from revguard.reporters.links import page as address
from revguard.rules import RULES
from revguard.rules.pages import page
from revguard.verdict import EnvironmentReport, Finding, Report

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LINE_OF_NO_USE: Final = 1  # GitHub takes no result without a place
_NUMBERS: Final = re.compile(r"\d+")


def render(report: Report) -> str:
    """One run. What could not be checked is no result but a failed invocation."""
    findings = [(one, finding) for one in report.environments for finding in one.findings]
    ids = list(dict.fromkeys(finding.rule for _, finding in findings))
    run = {
        "tool": {"driver": _driver(ids)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": list(_results(findings, ids)),
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _driver(ids: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "revguard",
        "semanticVersion": revguard.__version__,
        "informationUri": "https://github.com/revguard/revguard",
        "rules": [_rule(one) for one in ids],
    }


def _rule(rule: str) -> dict[str, Any]:
    """With the rule's page as its help; a rule of another version has none."""
    known = RULES.get(rule)
    if known is None or known.reserved:
        return {"id": rule, "shortDescription": {"text": rule}}
    text = page(rule)
    return {
        "id": rule,
        "name": "".join(word.title() for word in re.split("[/-]", rule)),
        "shortDescription": {"text": known.summary},
        "fullDescription": {"text": _first_paragraph(text) or known.summary},
        "help": {"text": text, "markdown": text},
        "helpUri": address(rule),
        "defaultConfiguration": {"level": known.severity},
        "properties": {"tags": ["alembic", "migrations"], "precision": "very-high"},
    }


def _first_paragraph(text: str) -> str:
    said = text.partition("## What it says\n\n")[2].partition("\n\n")[0]
    return " ".join(said.split())


def _invocation(report: Report) -> dict[str, Any]:
    errors = [] if report.error is None else [("", report.error, report.hint)]
    errors += [(one.name, one.error, one.hint) for one in report.environments if one.error]
    said: dict[str, Any] = {"executionSuccessful": not errors}
    if errors:
        said["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": _text(": ".join(filter(None, words[:2])), hint)}}
            for *words, hint in errors
        ]
    return said


def _results(
    findings: Sequence[tuple[EnvironmentReport, Finding]], ids: Sequence[str]
) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for one, finding in findings:
        print_ = _fingerprint(one, finding)
        seen[print_] += 1
        yield {
            "ruleId": finding.rule,
            "ruleIndex": ids.index(finding.rule),
            "level": "error" if finding.severity == "error" else "warning",
            "message": {"text": _text(finding.message, finding.hint)},
            "locations": [_location(one, finding)],
            "partialFingerprints": {"revguard/v1": f"{print_}:{seen[print_]}"},
        }


def _fingerprint(one: EnvironmentReport, finding: Finding) -> str:
    """The same where lines moved and where numbers in the message differ."""
    said = _NUMBERS.sub("#", finding.message)
    parts = (finding.rule, one.name, finding.path, said)
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:32]


def _location(one: EnvironmentReport, finding: Finding) -> dict[str, Any]:
    there = "" if is_proposed(one, finding) else finding.path
    path = there or one.config or "pyproject.toml"
    line = int(finding.line) if there and finding.line else _LINE_OF_NO_USE
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(path), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line},
        }
    }


def _text(message: str, hint: str) -> str:
    text = f"{message}\n{hint}" if hint else message
    return text.encode("utf-8", "backslashreplace").decode()
