"""Ignore comments: what they silence, what they must not, and what is said about the rest."""

import datetime

import pytest

from revguard.rules.ignores import apply
from revguard.verdict import Finding

RULE = "destructive/drop-column"
TODAY = datetime.date(2026, 11, 22)
PATH = "versions/a.py"


def outcome(text, *, line, rule=RULE, path=PATH, scanned=(PATH,), complete=True):
    finding = Finding(rule=rule, message="the finding", path=path, line=line)
    data = text if isinstance(text, bytes) else text.encode()
    return apply([finding], {PATH: data}.get, scanned=scanned, today=TODAY, complete=complete)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(f"op.drop()  # revguard: ignore[{RULE}]\n", 1, id="on its line"),
        pytest.param(f"# revguard: ignore[{RULE}]\nop.drop()\n", 2, id="above it"),
        pytest.param(f"    # revguard: ignore[{RULE}]\n", 1, id="the comment alone"),
        pytest.param(f"#revguard:ignore[{RULE}]\nop.drop()\n", 2, id="no spaces"),
        pytest.param(f"x = 1  # noqa: F1  # revguard: ignore[{RULE}]\n", 1, id="after noqa"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}]  # noqa\n", 1, id="before noqa"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] never used\n", 1, id="with a reason"),
        pytest.param(f"x = 1  # revguard: ignore[a/b, {RULE}]\n", 1, id="one of several rules"),
        pytest.param(f"# revguard: ignore[{RULE}]\n# more\nx = 1\n", 3, id="across comments"),
        pytest.param(f"# revguard: ignore[{RULE}]\n\nx = 1\n", 3, id="across an empty line"),
        pytest.param(f"x = (\n    # revguard: ignore[{RULE}]\n    1,\n)\n", 3, id="in a statement"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] until=2026-11-22\n", 1, id="its last day"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] until = 2027-01-31, ok\n", 1, id="later"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}]\r\n".encode(), 1, id="crlf"),
        pytest.param(f"\ufeffx = 1  # revguard: ignore[{RULE}]\n", 1, id="bom"),
        pytest.param(
            b"# coding: latin-1\nx = '\xe9'  # revguard: ignore[" + RULE.encode() + b"]\n",
            2,
            id="latin-1",
        ),
        pytest.param(f'x = """\na"""  # revguard: ignore[{RULE}]\n', 2, id="after a long string"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}]\ndef (\n", 1, id="above a syntax error"),
    ],
)
def test_silences(text, line):
    result = outcome(text, line=line)
    assert [finding.message for finding in result.silenced] == ["the finding"]
    assert "the finding" not in [finding.message for finding in result.findings]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("x = 1\n", 1, id="no comment"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}]\ny = 2\n", 2, id="end of the line above"),
        pytest.param(f"x = 1\n# revguard: ignore[{RULE}]\n", 1, id="below it"),
        pytest.param(f"# revguard: ignore[{RULE}]\nx = 1\ny = 2\n", 3, id="two lines above"),
        pytest.param("x = 1  # revguard: ignore[destructive/drop-table]\n", 1, id="another rule"),
        pytest.param("x = 1  # revguard: ignore\n", 1, id="no rule"),
        pytest.param("x = 1  # revguard: ignore[]\n", 1, id="empty brackets"),
        pytest.param("x = 1  # revguard: ignore[destructive/*]\n", 1, id="no patterns"),
        pytest.param(f"x = '# revguard: ignore[{RULE}]'\n", 1, id="in a string"),
        pytest.param(f'"""\n# revguard: ignore[{RULE}]\n"""\nx = 1\n', 4, id="in a docstring"),
        pytest.param(f'x = """\n# revguard: ignore[{RULE}]\n"""\n', 2, id="in a long string"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] until=2026-11-21\n", 1, id="expired"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] until=soon\n", 1, id="no day"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}] until=20270131\n", 1, id="another form"),
        pytest.param(f"x = 1  # revguard: ignore[{RULE}]\n", 0, id="a finding without a line"),
    ],
)
def test_does_not_silence(text, line):
    result = outcome(text, line=line)
    assert result.silenced == ()
    assert "the finding" in [finding.message for finding in result.findings]


def test_a_broken_history_cannot_be_ignored():
    result = outcome(
        "x = 1  # revguard: ignore[history/broken-graph]\n", line=1, rule="history/broken-graph"
    )
    assert [finding.rule for finding in result.findings] == [
        "history/broken-graph",
        "lint/unused-ignore",
    ]


def test_a_finding_of_another_file_is_not_silenced():
    result = outcome(f"x = 1  # revguard: ignore[{RULE}]\n", line=1, path="versions/b.py")
    assert result.silenced == ()


def test_a_file_that_holds_a_finding_is_read_though_it_is_not_scanned():
    assert outcome(f"x = 1  # revguard: ignore[{RULE}]\n", line=1, scanned=()).silenced


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        pytest.param("ignore[lint/unused-waiver]", "silences nothing", id="unused"),
        pytest.param("ignore[destructive/drop-colum]", "no such rule", id="unknown rule"),
        pytest.param("ignore[history/broken-graph]", "cannot be ignored", id="broken graph"),
        pytest.param("ignore", "names no rule", id="no rule"),
        pytest.param("ignore[,]", "names no rule", id="a comma"),
        pytest.param(f"ignore[{RULE}] until=never", "is no day", id="no day"),
        pytest.param(f"ignore[{RULE}] until=2026-02-30", "is no day", id="no such day"),
        pytest.param(f"ignore[{RULE}] until=2026-11-21", "ended on 2026-11-21", id="expired"),
    ],
)
def test_reports(comment, said):
    result = apply(
        [], {PATH: f"\nx = 1  # revguard: {comment}\n".encode()}.get, scanned=[PATH], today=TODAY
    )
    (finding,) = result.findings
    assert (finding.rule, finding.severity) == ("lint/unused-ignore", "warning")
    assert (finding.path, finding.line) == (PATH, 2)
    assert said in finding.message


@pytest.mark.parametrize(
    ("text", "scanned", "complete"),
    [
        pytest.param(f"x  # revguard: ignore[{RULE}]\n", [], True, id="not scanned"),
        pytest.param(f"x  # revguard: ignore[{RULE}]\n", [PATH], False, id="not all rules ran"),
        pytest.param("x  # revguard: ignore[squawk/any]\n", [PATH], True, id="family not run"),
        pytest.param(
            "x  # revguard: ignore[models/duplicate-table]\n", [PATH], True, id="reserved"
        ),
        pytest.param("x  # revguard: something else\n", [PATH], True, id="no ignore"),
        pytest.param("x  # revguard: ignored for now\n", [PATH], True, id="another word"),
        pytest.param("", [PATH], True, id="empty file"),
    ],
)
def test_does_not_report(text, scanned, complete):
    result = apply([], {PATH: text.encode()}.get, scanned=scanned, today=TODAY, complete=complete)
    assert result.findings == ()


def test_does_not_report_where_the_file_is_gone_or_no_python():
    texts = {"a.sql": b"-- # revguard: ignore[a/b]\n"}
    assert apply([], texts.get, scanned=["a.sql", "gone.py"], today=TODAY).findings == ()


def test_only_the_rule_that_silences_nothing_is_reported():
    result = outcome(f"x = 1  # revguard: ignore[{RULE},lint/unused-waiver]\n", line=1)
    (finding,) = result.findings
    assert "`lint/unused-waiver` silences nothing" in finding.message
