"""Verdicts and exit codes: what is worst wins, and what was not checked never passes."""

import pytest

from revguard import phrases
from revguard.rules import RULES, is_known, nearest, severity_of, with_severities
from revguard.verdict import (
    EnvironmentReport,
    Finding,
    Report,
    exit_code,
    from_dict,
    overall,
    to_dict,
    verdict_of,
)

ERROR = Finding(rule="history/missing-revision", message="x")
WARNING = Finding(rule="destructive/drop-table", severity="warning", message="x")


def environment(verdict, code=3):
    error = "x" if verdict == "error" else None
    return EnvironmentReport(name="shop", verdict=verdict, error=error, exit_code=code)


@pytest.mark.parametrize(
    ("findings", "error", "verdict"),
    [
        pytest.param([], None, "pass", id="nothing"),
        pytest.param([WARNING], None, "pass", id="warnings pass"),
        pytest.param([WARNING, ERROR], None, "fail", id="one error"),
        pytest.param([], "x", "error", id="could not check"),
        pytest.param([ERROR], "x", "error", id="could not check all"),
    ],
)
def test_verdict_of(findings, error, verdict):
    assert verdict_of(findings, error=error) == verdict


@pytest.mark.parametrize(
    ("environments", "verdict", "code"),
    [
        pytest.param([], "pass", 0, id="none"),
        pytest.param([environment("pass")], "pass", 0, id="pass"),
        pytest.param([environment("pass"), environment("fail")], "fail", 1, id="fail"),
        pytest.param([environment("error"), environment("fail")], "error", 3, id="error"),
        pytest.param([environment("error", 2)], "error", 2, id="configuration"),
        pytest.param([environment("error", 2), environment("error")], "error", 3, id="both"),
    ],
)
def test_exit_code(environments, verdict, code):
    report = Report(verdict=overall(environments), environments=tuple(environments))
    assert (report.verdict, exit_code(report)) == (verdict, code)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({}, id="no version"),
        pytest.param({"version": 2, "verdict": "pass"}, id="another version"),
        pytest.param({"version": 1}, id="no verdict"),
        pytest.param({"version": 1, "verdict": "pass", "more": 1}, id="unknown key"),
        pytest.param({"version": 1, "verdict": "pass", "environments": 1}, id="no list"),
        pytest.param({"version": 1, "verdict": "pass", "environments": [1]}, id="no environment"),
        pytest.param({"version": 1, "verdict": "pass", "environments": [{}]}, id="empty one"),
    ],
)
def test_what_is_no_report_is_refused(data):
    with pytest.raises(ValueError, match="not a report"):
        from_dict(data)


def test_the_error_is_only_there_when_there_is_one():
    passed = to_dict(Report(verdict="pass", environments=(environment("pass"),)))
    assert "error" not in passed
    assert "error" not in passed["environments"][0]
    failed = to_dict(Report(verdict="error", environments=(environment("error"),)))
    assert failed["environments"][0]["error"] == "x"


@pytest.mark.parametrize(
    ("rule", "settings", "severity"),
    [
        pytest.param("history/missing-revision", {}, "error", id="its own"),
        pytest.param("lint/unused-ignore", {}, "warning", id="its own warning"),
        pytest.param("squawk/any", {}, "warning", id="another's"),
        pytest.param("lint/unused-ignore", {"lint/unused-ignore": "error"}, "error", id="raised"),
        pytest.param("lint/unused-ignore", {"lint/unused-ignore": "off"}, "off", id="off"),
        pytest.param(
            "history/broken-graph", {"history/broken-graph": "off"}, "error", id="never off"
        ),
    ],
)
def test_severity_of(rule, settings, severity):
    assert severity_of(rule, settings) == severity


def test_with_severities():
    settings = {"history/missing-revision": "off", "destructive/drop-table": "error"}
    (finding,) = with_severities([ERROR, WARNING], settings)
    assert (finding.rule, finding.severity) == ("destructive/drop-table", "error")


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        *((rule, True) for rule in RULES),
        ("squawk/prefer-text-field", True),
        ("lock/access-exclusive", True),
        ("squawk/", False),
        ("squawk", False),
        ("history/", False),
        ("history/*", False),
        ("", False),
    ],
)
def test_is_known(rule, known):
    assert is_known(rule) is known


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("history/missing_revision", "history/missing-revision"),
        ("missing-revision", "history/missing-revision"),
        ("drop-colum", "destructive/drop-column"),
        ("proof/missing-revision", "history/missing-revision"),
        ("zzz", None),
    ],
)
def test_nearest(rule, meant):
    assert nearest(rule) == meant


@pytest.mark.parametrize(
    ("op", "name", "said"),
    [
        ("add_column", "users.email", "add users.email"),
        ("remove_table", "carts", "drop table carts"),
        ("modify_type", "users.name", "change type of users.name"),
        ("add_sequence", "users_seq", "add sequence users_seq"),
        ("add_table", "we{ird}", "add table we{ird}"),
        ("execute", "", "execute"),
    ],
)
def test_phrase(op, name, said):
    assert phrases.phrase(op, name) == said


def test_summary():
    assert phrases.summary(["drop table carts"]) == "drop table carts"
    assert phrases.summary(["drop table carts", "a", "b", "a"]) == "drop table carts and 2 more"
