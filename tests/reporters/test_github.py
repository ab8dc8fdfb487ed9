"""Annotations: GitHub's limits and its escapes, the worst first."""

from dataclasses import replace

import pytest

from revguard.reporters import github
from revguard.verdict import EnvironmentReport, Finding, Report, SchemaChange, Source

from .test_reporters import CLEAN, EMAIL, MISSING, report


def findings(severity, number):
    return tuple(
        Finding(rule="history/x", severity=severity, message=f"{severity} {n}", path="a.py", line=n)
        for n in range(1, number + 1)
    )


@pytest.mark.parametrize(
    ("errors", "warnings", "shown", "more"),
    [
        (0, 0, 0, ""),
        (10, 10, 20, ""),
        (11, 0, 10, "1 more"),
        (12, 15, 20, "7 more"),
        (0, 300, 10, "290 more"),
    ],
)
def test_no_more_than_github_shows(errors, warnings, shown, more):
    found = (*findings("warning", warnings), *findings("error", errors))
    lines = github.render(report(replace(CLEAN, findings=found))).splitlines()
    kinds = [line.split(" ")[0] for line in lines]
    assert kinds == sorted(kinds, key=["::error", "::warning", "::notice"].index)
    assert len([kind for kind in kinds if kind != "::notice"]) == shown
    assert (more in lines[-1] and "::notice" in lines[-1]) if more else "::notice" not in kinds


@pytest.mark.parametrize(
    ("text", "message", "title"),
    [
        ("50% of it", "50%25 of it", "50%25 of it"),
        ("a\r\nb", "a%0Ab", "a%0Ab"),
        ("a, b: c", "a, b: c", "a%2C b%3A c"),
        ("x\n::set-output name=y::z", "x%0A::set-output name=y::z",
         "x%0A%3A%3Aset-output name=y%3A%3Az"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07", "\\x1b]0;x\\x07"),
        ("\udcff\u202e", "\\udcff\\u202e", "\\udcff\\u202e"),
    ],
)  # fmt: skip
def test_escapes(text, message, title):
    found = Finding(rule=text, message=text, path=text, line=3)
    line = github.render(report(replace(CLEAN, findings=(found,))))
    assert line == f"::error file={title},line=3,title={title}::{message}\n"


def test_each_model_line_without_a_revision_has_one():
    other = SchemaChange(op="remove_table", object="carts", source=Source(path="b.py", line=7))
    covered = replace(other, object="done", covered=True)
    text = github.render(report(replace(MISSING, changes=(EMAIL, other, covered))))
    assert [line.partition(",title")[0] for line in text.splitlines()] == [
        "::error file=app/models.py,line=12", "::error file=b.py,line=7",
    ]  # fmt: skip


def test_a_script_that_is_only_proposed_has_no_place():
    proposed = Finding(
        rule="a/b", severity="warning", message="x", path=MISSING.script_path, line=3
    )
    text = github.render(report(replace(MISSING, findings=(proposed,))))
    assert text == "::warning title=a/b::x\n"
    text = github.render(report(replace(MISSING, script=None, findings=(proposed,))))
    assert f"file={MISSING.script_path},line=3" in text


def test_what_could_not_be_checked_is_an_error():
    one = EnvironmentReport(
        name="x", config="x/alembic.ini", verdict="error", error="no", hint="do"
    )
    assert github.render(report(one, verdict="error")) == (
        "::error file=x/alembic.ini,title=revguard could not check x::no%0Ado\n"
    )
    assert github.render(Report(verdict="error", error="no")) == "::error title=revguard::no\n"
