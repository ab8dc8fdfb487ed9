"""Each reporter's whole text, in files that `REVGUARD_UPDATE_SNAPSHOTS=1 pytest` writes anew."""

import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import revguard
from revguard.errors import UsageError
from revguard.reporters import REPORTER_BY_NAME, markdown, reporter
from revguard.verdict import (
    Column,
    DatabaseInfo,
    EnvironmentReport,
    Finding,
    ForeignKey,
    InterpreterInfo,
    Lock,
    NewRevision,
    ProofStep,
    Report,
    SchemaChange,
    Source,
    Table,
    from_dict,
    to_dict,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
SCHEMA = json.loads(Path(revguard.__file__).with_name("report.schema.json").read_text())
TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

SCRIPT = '''\
"""add users.email

Revision ID: 4f1c
Revises: a1b2
"""
import sqlalchemy as sa
from alembic import op

revision = "4f1c"
down_revision = "a1b2"


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "email")
'''
PATH = "migrations/versions/4f1c_add_users_email.py"
PROOF = tuple(
    ProofStep(step=step, result="pass", ms=ms)
    for step, ms in (("upgrade", 12), ("compare", 31), ("downgrade", 9), ("reupgrade", 10))
)
POSTGRES = DatabaseInfo(provider="local", dialect="postgresql", server_version="15.10")
EMAIL = SchemaChange(
    op="add_column",
    object="users.email",
    detail="VARCHAR, nullable",
    source=Source(path="app/models.py", line=12),
)
USERS = Table(
    name="users",
    state="changed",
    columns=(
        Column(name="id", type="INTEGER", primary=True),
        Column(name="name", type="VARCHAR(100)", state="changed", was="VARCHAR(50)"),
        Column(name="email", type="VARCHAR", state="added"),
    ),
)
ORDERS = Table(
    name="orders",
    state="same",
    columns=(Column(name="id", type="INTEGER", primary=True), Column(name="user_id")),
    foreign_keys=(ForeignKey(columns=("user_id",), table="users"),),
)
CARTS = Table(
    name="carts",
    state="removed",
    columns=(Column(name="user_id", type="NUMERIC(10, 2)", state="removed"),),
    foreign_keys=(ForeignKey(columns=("user_id",), table="users", state="removed"),),
)
MISSING = EnvironmentReport(
    name="shop",
    config="alembic.ini",
    verdict="fail",
    database=POSTGRES,
    interpreter=InterpreterInfo(
        path="/home/ann/shop/.venv/bin/python",
        python="3.12.4",
        alembic="1.20.1",
        sqlalchemy="2.1.9",
    ),
    heads=("a1b2",),
    known_drift=13,
    changes=(EMAIL,),
    tables=(USERS, ORDERS),
    script=SCRIPT,
    script_path=PATH,
    proof=PROOF,
    findings=(
        Finding(
            rule="history/missing-revision",
            message="the models changed, and no revision of this commit adds users.email",
            hint="`revguard add` writes the script and adds it to the commit",
            path="app/models.py",
            line=12,
        ),
    ),
    timings_ms={"import": 812, "database": 103, "proof": 62},
    notes=("took /home/ann/shop/.venv/bin/python: VIRTUAL_ENV names it",),
)
CLEAN = EnvironmentReport(name="billing", verdict="pass", config="billing/alembic.ini")
ADDED = EnvironmentReport(
    name="shop",
    config="alembic.ini",
    verdict="pass",
    cached="snapshot",
    database=POSTGRES,
    heads=("4f1c",),
    new_revisions=(
        NewRevision(
            id="4f1c", path=PATH, down_revision=("a1b2",), added_by="revguard", text=SCRIPT
        ),
    ),
    changes=(replace(EMAIL, covered=True),),
    sql="ALTER TABLE users ADD COLUMN email VARCHAR;\n",
    proof=PROOF,
)
DROPPED = replace(
    ADDED,
    cached="tree",
    new_revisions=(NewRevision(id="77d0", path="migrations/versions/77d0_drop_carts.py"),),
    changes=(
        SchemaChange(op="remove_table", object="carts", covered=True),
        SchemaChange(op="remove_fk", object="items.fk_items_cart", covered=True),
    ),
    tables=(CARTS, replace(USERS, state="same")),
    locks=(Lock(statement="DROP TABLE carts", object="carts", mode="ACCESS EXCLUSIVE"),),
    findings=(
        Finding(
            rule="destructive/drop-table",
            severity="warning",
            message="the revision drops carts, and the rows with it",
            path="migrations/versions/77d0_drop_carts.py",
            line=14,
        ),
    ),
)
INCOMPLETE = replace(
    MISSING,
    name="billing",
    script=None,
    script_path=None,
    known_drift=0,
    new_revisions=(NewRevision(id="77d0", path="billing/versions/77d0.py", down_revision=("1",)),),
    changes=(
        replace(EMAIL, covered=True),
        SchemaChange(op="modify_type", object="archive.users.name", detail="VARCHAR(10) to TEXT"),
    ),
    proof=(
        ProofStep(step="upgrade", result="pass", ms=12),
        ProofStep(step="compare", result="fail", reason="change type of archive.users.name", ms=31),
        ProofStep(step="downgrade", result="skipped", reason="NotImplementedError: no way back"),
    ),
    findings=(
        Finding(
            rule="history/incomplete-revision",
            message="billing/versions/77d0.py leaves out: change type of archive.users.name",
            hint="complete the script, then `git add billing/versions/77d0.py`",
            path="billing/versions/77d0.py",
            line=10,
        ),
        Finding(
            rule="history/edited-revision",
            message="billing/versions/1.py has landed and was changed",
            hint="`git checkout origin/main -- billing/versions/1.py` takes the edit back",
            path="billing/versions/1.py",
        ),
    ),
)
BROKEN = EnvironmentReport(
    name="stock",
    config="stock/alembic.ini",
    verdict="error",
    error=(
        "stock/env.py does not import:\n"
        '  File "stock/models.py", line 3, in <module>\n'
        "    import stok\n"
        "ModuleNotFoundError: No module named 'stok'"
    ),
    hint="install it: `/home/ann/shop/.venv/bin/python -m pip install stok`",
)
HOSTILE = replace(
    MISSING,
    name="sh\x1b[31mop\nx",
    changes=(
        SchemaChange(
            op="add_table",
            object='we"ird\n`na\u202eme`\x07',
            source=Source(path="app/mod\nels \udcff.py", line=1),
        ),
    ),
    tables=(replace(CARTS, name='we"ird\n`na\u202eme`\x07 direction LR %%{'),),
    script="# \x1b[2J wiped\n",
    script_path="ver\x1b]0;sions/x.py",
    findings=(Finding(rule="history/missing-revision", message="\x1b[1mbold\x1b[0m" * 30),),
)
MANY = replace(
    MISSING,
    changes=tuple(
        SchemaChange(op="add_column", object=f"users.column_{number}", detail="INTEGER, not null")
        for number in range(50)
    ),
    script="".join(f"line_{number} = {number}\n" for number in range(100)),
)


def report(*environments, verdict="fail"):
    return Report(verdict=verdict, tree=TREE, duration_ms=1310, environments=environments)


REPORTS = {
    "nothing": report(verdict="pass"),
    "clean": report(CLEAN, verdict="pass"),
    "missing": report(CLEAN, MISSING),
    "added": report(ADDED, verdict="pass"),
    "dropped": report(DROPPED, verdict="pass"),
    "several": report(MISSING, INCOMPLETE, BROKEN, verdict="error"),
    "hostile": report(HOSTILE),
    "many": report(MANY),
    "usage": Report(
        verdict="error",
        error="`databse` in [tool.revguard] of pyproject.toml is no key",
        hint="did you mean `database`?",
        exit_code=2,
    ),
}
MODES = {
    "plain": {"color": False, "width": 80, "verbose": False, "quiet": False},
    "color": {"color": True, "width": 80, "verbose": False, "quiet": False},
    "verbose": {"color": False, "width": 100, "verbose": True, "quiet": False},
    "quiet": {"color": False, "width": 80, "verbose": False, "quiet": True},
    "narrow": {"color": False, "width": 40, "verbose": False, "quiet": False},
}


def check_snapshot(name, text):
    path = SNAPSHOTS / name
    if os.environ.get("REVGUARD_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    known = path.read_bytes().decode("utf-8")
    assert text.encode("utf-8", "backslashreplace").decode() == known


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", REPORTS)
def test_text(name, mode):
    check_snapshot(f"{name}.{mode}.txt", reporter("text")(REPORTS[name], **MODES[mode]))


@pytest.mark.parametrize("name", REPORTS)
def test_json(name):
    text = reporter("json")(REPORTS[name], **MODES["color"])
    jsonschema.validate(json.loads(text), SCHEMA, cls=jsonschema.Draft202012Validator)
    check_snapshot(f"{name}.json", text)


OTHERS = {"github": "github.txt", "sarif": "sarif", "markdown": "md"}


@pytest.mark.parametrize("format_", OTHERS)
@pytest.mark.parametrize("name", REPORTS)
def test_the_other_formats(name, format_):
    text = reporter(format_)(REPORTS[name], **MODES["color"])
    check_snapshot(
        f"{name}.{OTHERS[format_]}", _without_pages(text) if format_ == "sarif" else text
    )


def _without_pages(text):
    """Without the rules' pages, which have a life of their own."""
    log = json.loads(text)
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        rule.pop("help", None), rule.pop("fullDescription", None)
    return json.dumps(log, indent=2) + "\n"


def test_markdown_with_links():
    links = markdown.Links(server="https://github.com/", repository="acme/shop", commit="abc123")
    check_snapshot("several.links.md", markdown.render(REPORTS["several"], links=links))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_survives_the_way_through_json(name):
    known = to_dict(REPORTS[name])
    again = from_dict(json.loads(json.dumps(known)))
    assert to_dict(again) == known
    if REPORTS[name].verdict != "error":  # the exit code of an error is not in the report
        assert again == REPORTS[name]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("reporter_name", REPORTER_BY_NAME)
def test_the_text_ends_with_one_newline_and_moves_no_cursor(name, reporter_name):
    text = reporter(reporter_name)(REPORTS[name], **MODES["plain"])
    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n"))
    assert not [char for char in text if ord(char) < 32 and char != "\n"]


@pytest.mark.parametrize("name", ["nothing", "clean"])
@pytest.mark.parametrize("mode", ["plain", "color", "quiet"])
def test_a_pass_that_changed_nothing_says_nothing(name, mode):
    assert reporter("text")(REPORTS[name], **MODES[mode]) == ""


@pytest.mark.parametrize("name", ["missing", "several", "added"])
def test_lines_fit_the_width(name):
    for line in reporter("text")(REPORTS[name], **MODES["plain"]).splitlines():
        assert len(line) <= 80 or line.startswith(("| ", "the missing", "  `", "shop: pass"))


@pytest.mark.parametrize(
    ("commands", "said_last"),
    [
        (["revguard add --rename a:b"], "`revguard add --rename a:b`"),
        (
            ["revguard --env 'my shop' add --rename a:b"],
            "`revguard --env 'my shop' add --rename a:b`",
        ),
        (["revguard add --rename a:b", "revguard add --rename c:d"], "note: took "),
    ],
)
def test_a_bare_add_is_not_said_where_it_would_only_ask(commands, said_last):
    missing, *_ = MISSING.findings
    asked = [replace(missing, rule="models/probable-rename", hint=f"`{one}`") for one in commands]
    environment = replace(MISSING, findings=(replace(missing, hint=""), *asked))
    text = reporter("text")(report(environment), **MODES["plain"])
    assert "`revguard add`" not in text
    assert said_last in text.rstrip().splitlines()[-1]


def test_color_only_adds_color():
    import re

    plain = reporter("text")(REPORTS["several"], **MODES["plain"])
    painted = reporter("text")(REPORTS["several"], **MODES["color"])
    assert painted != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_the_schema_is_one_and_knows_every_key():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    data = to_dict(REPORTS["several"])
    assert {*data} - {*SCHEMA["$defs"]["report"]["properties"]} == set()
    keys = {key for one in data["environments"] for key in one}
    assert keys == {*SCHEMA["$defs"]["environment"]["properties"]}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"more": 1}, id="unknown key"),
        pytest.param({"verdict": "maybe"}, id="unknown verdict"),
        pytest.param({"version": 2}, id="another version"),
        pytest.param({"tree": "HEAD"}, id="no tree id"),
        pytest.param({"duration_ms": -1}, id="negative"),
        pytest.param({"hint": "without an error"}, id="hint alone"),
    ],
)
def test_the_schema_is_strict(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(to_dict(REPORTS["clean"]) | change, SCHEMA)


@pytest.mark.parametrize("name", ["xml", "Text", ""])
def test_a_format_that_is_not_there_names_those_that_are(name):
    with pytest.raises(UsageError) as caught:
        reporter(name)
    assert "text, json, github, sarif, markdown" in caught.value.hint
