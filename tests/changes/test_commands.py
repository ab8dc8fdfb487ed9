"""Kinds of change by the commands that users type: blocked, added, and then all is clean."""

import os
import subprocess
import sys

import pytest

from . import kinds, test_columns, test_constraints, test_tables
from .cases import Case, grouped
from .project import Project, explained

KINDS = [
    pytest.param(case, dialect, id=f"{case.id}-{dialect}".replace(" ", "-"))
    for dialect in ("sqlite", "postgresql")
    for case in grouped(kinds.of(dialect), "kinds")
]


def project_for(case, dialect, folder):
    options = case.options or ("render_as_batch=True" if dialect == "sqlite" else "")
    return Project(folder, dialect, options=options, metadata=case.metadata)


def clean(project):
    code, report = project.revguard("check", "--all", "--no-cache")
    return code == 0 and report["known_drift"] == 0 and not report["changes"]


@pytest.mark.parametrize(("case", "dialect"), KINDS)
def test_kind(case, dialect, tmp_path, request):
    if dialect == "postgresql":
        request.getfixturevalue("postgresql")  # or skip
    request.getfixturevalue("changes_cache")
    project = project_for(case, dialect, tmp_path)
    project.models(case.before)
    project.stage()
    project.add()
    project.models(case.after)
    project.stage()
    code, report = project.revguard("check")
    assert code == 1, explained(report)
    errors = {one["rule"] for one in report["findings"] if one["severity"] == "error"}
    assert errors == {"history/missing-revision"}, explained(report)
    assert [step["result"] for step in report["proof"]] == ["pass"] * 4, explained(report)
    shown = report["script"]
    code, report = project.revguard("add")
    assert code == 0, explained(report)
    assert shown in [path.read_text() for path in project.scripts()]
    project.commit()
    assert clean(project)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_same_script(dialect, tmp_path, request):
    """With the cache and without, for each hash seed of the process that asks."""
    if dialect == "postgresql":
        request.getfixturevalue("postgresql")
    cache = request.getfixturevalue("changes_cache")
    case = next(case for case in test_tables.TABLES if case.id == "big change")
    project = project_for(case, dialect, tmp_path)
    project.models(case.before)
    project.stage()
    project.add()
    project.models(case.after)
    project.stage()
    found = set()
    for seed, more in (("0", []), ("1", []), ("1", ["--no-cache"]), ("5", ["--no-cache"])):
        line = [sys.executable, "-m", "revguard", "check", "--format", "json", *more]
        environ = {**os.environ, "PYTHONHASHSEED": seed, "REVGUARD_CACHE_DIR": f"{cache}/{seed}"}
        checked = subprocess.run(line, cwd=project.folder, env=environ, capture_output=True)
        assert checked.returncode == 1, checked.stderr
        found.add(checked.stdout.split(b'"script":')[1].split(b'"sql":')[0])
    assert len(found) == 1


WITHOUT_BATCH = [
    Case("foreign key", *(test_constraints.FOREIGN_KEYS[2][1:3])),
    Case("type", *test_columns.typed("String(10)", "Integer")),
    Case("not null", *test_columns.OPTIONS[6][1:3]),
]


@pytest.mark.parametrize("case", WITHOUT_BATCH, ids=lambda case: case.id)
def test_sqlite_without_batch(case, changes_cache, tmp_path):
    """What SQLite cannot do in place is a finding that says what to set, and adds nothing."""
    project = Project(tmp_path, "sqlite")
    project.models(case.before)
    project.stage()
    project.add()
    scripts = project.scripts()
    project.models(case.after)
    project.stage()
    for command in ("check", "add"):
        code, report = project.revguard(command)
        assert code == 1, explained(report)
        (finding,) = [one for one in report["findings"] if one["rule"] == "proof/upgrade-fails"]
        assert "render_as_batch=True" in finding["hint"]
        assert project.scripts() == scripts


def test_a_cast_that_nobody_knows(changes_cache, postgresql, tmp_path):
    """What cannot be completed is said, with the statement."""
    project = Project(tmp_path, "postgresql")
    before, after = test_columns.typed("Integer", "DateTime")
    project.models(before)
    project.stage()
    project.add()
    project.models(after)
    project.stage()
    code, report = project.revguard("check")
    assert code == 1
    (finding,) = [one for one in report["findings"] if one["rule"] == "proof/upgrade-fails"]
    assert "ALTER TABLE things ALTER COLUMN v TYPE TIMESTAMP" in finding["message"]
