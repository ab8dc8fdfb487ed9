"""Kinds of change by the commands that users type: blocked, added, and then all is clean."""

import os
import subprocess
import sys

import pytest

from . import test_columns, test_constraints, test_enums, test_tables
from .cases import Case
from .project import Project, explained

# of each kind one; all of them go through the worker in the other files
KINDS = [
    (test_columns.OPTIONS, ["add", "drop", "to not null", "rename", "add unique", "comment"]),
    (test_columns.DEFAULTS, ["add", "now"]),
    (test_columns.TYPES, ["longer", "precision", "with a default", "timezone"]),
    (test_columns.GENERATED, ["computed", "identity changed", "tsvector", "postgresql types"]),
    (test_constraints.FOREIGN_KEYS, ["new column on delete", "composite", "self in a new column",
                                     "circle", "circle dropped", "drop unnamed"]),
    (test_constraints.INDEXES, ["composite", "functional", "partial", "gin"]),
    (test_constraints.CONSTRAINTS, ["unique named", "unique unnamed", "check in a new table",
                                    "composite key in a new table"]),
    (test_constraints.NAMED, ["convention all"]),
    (test_enums.ENUMS, ["new table", "new column", "one of two dropped", "array dropped",
                        "decorated", "text with a default to enum"]),
    (test_enums.QUALIFIED, ["column in a schema"]),
    (test_tables.TABLES, ["new", "several dropped", "association", "joined inheritance",
                          "single-table inheritance", "comment", "big change"]),
    (test_tables.SCHEMAS, ["first table in a schema"]),
    (test_tables.SEQUENCES, ["with a new column"]),
]  # fmt: skip


def chosen():
    """Each kind on PostgreSQL if it is of PostgreSQL, else on SQLite and PostgreSQL in turn."""
    turn = 0
    for table, names in KINDS:
        for name in names:
            (case,) = [case for case in table if case.id == name]
            turn += 1
            dialect = case.dialects[turn % len(case.dialects)]
            yield pytest.param(case, dialect, id=f"{name}-{dialect}".replace(" ", "-"))


def project_for(case, dialect, folder):
    options = case.options or ("render_as_batch=True" if dialect == "sqlite" else "")
    return Project(folder, dialect, options=options, metadata=case.metadata)


def clean(project):
    code, report = project.revguard("check", "--all", "--no-cache")
    return code == 0 and report["known_drift"] == 0 and not report["changes"]


@pytest.mark.parametrize(("case", "dialect"), list(chosen()))
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
