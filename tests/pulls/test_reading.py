"""Reports that others may have written: of the right types, or refused and never left out."""

import json

import pytest

from revguard.errors import UsageError
from revguard.pulls import parts, reading
from revguard.verdict import EnvironmentReport, Finding, Report, to_dict

FINDING = Finding(rule="history/missing-revision", message="m", path="a.py", line=3)


def report(name="shop", verdict="fail", **more):
    findings = (FINDING,) if verdict == "fail" else ()
    one = EnvironmentReport(name=name, verdict=verdict, findings=findings, **more)
    return Report(verdict=verdict, environments=(one,))


def data(**changes):
    found = to_dict(report())
    found["environments"][0].update(changes)
    return found


WRONG = {
    "no object": [],
    "another version": {**data(), "version": 2},
    "a key that nobody knows": {**data(), "evil": 1},
    "a name that is a number": data(name=1),
    "a name that is an object": data(name={"a": "b"}),
    "findings that are texts": data(findings=["x"]),
    "a line that is a text": data(
        findings=[{**to_dict(report())["environments"][0]["findings"][0], "line": "1"}]
    ),
    "a line that is true": data(
        findings=[{**to_dict(report())["environments"][0]["findings"][0], "line": True}]
    ),
    "a verdict that there is not": data(verdict="great"),
    "times that are texts": data(timings_ms={"total": "soon"}),
    "heads that are numbers": data(heads=[1]),
    "a name that is no Unicode": data(name="\ud800"),
    "an environment that is null": {**data(), "environments": [None]},
    "environments that are null": {**data(), "environments": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_not_a_report(name):
    with pytest.raises(ValueError, match="not a report of this version"):
        reading.checked(WRONG[name])


def test_a_report():
    assert reading.checked(json.loads(json.dumps(to_dict(report())))) == report()


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_merged(tmp_path):
    write(tmp_path, "a/revguard.json", to_dict(report("a", "pass")))
    write(tmp_path, "b/revguard.json", to_dict(report("b")))
    found = parts.read(str(tmp_path))
    assert found.verdict == "fail"
    assert [one.name for one in found.environments] == ["a", "b"]


BROKEN = {
    "cut": '{"version": 1, ',
    "nested": "[" * 100_000,
    "another thing": {"hello": "there"},
    "wrong types": data(name=1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_leg_that_cannot_be_read(name, tmp_path):
    write(tmp_path, "a/revguard.json", to_dict(report("a", "pass")))
    write(tmp_path, "b/revguard.json", BROKEN[name])
    found = parts.read(str(tmp_path))
    assert found.verdict == "error"
    assert "the report b/revguard.json is none" in found.environments[-1].error


def test_a_leg_that_left_nothing(tmp_path):
    write(tmp_path, "a/revguard.json", to_dict(report("a", "pass")))
    names = [{"environment": name, "config": "alembic.ini"} for name in ("a", "b")]
    write(tmp_path, "plan/revguard-plan.json", {"include": names})
    found = parts.read(str(tmp_path))
    assert (found.verdict, [one.name for one in found.environments]) == ("error", ["a", "b"])


def test_nothing_was_affected(tmp_path):
    write(tmp_path, "plan/revguard-plan.json", {"include": []})
    assert parts.read(str(tmp_path)) == Report(verdict="pass")


def test_the_worse_of_two(tmp_path):
    write(tmp_path, "1.json", to_dict(report("a")))
    write(tmp_path, "2.json", to_dict(report("a", "pass")))
    assert [one.verdict for one in parts.read(str(tmp_path)).environments] == ["fail"]


def test_a_leg_that_judged_nothing(tmp_path):
    write(tmp_path, "a.json", to_dict(Report(verdict="error", error="no clone", hint="make one")))
    found = parts.read(str(tmp_path))
    assert (found.verdict, found.environments[0].error) == ("error", "no clone")


@pytest.mark.parametrize("name", ["missing", "."])
def test_no_reports(name, tmp_path):
    with pytest.raises(UsageError, match="there is no"):
        parts.read(str(tmp_path / name))
