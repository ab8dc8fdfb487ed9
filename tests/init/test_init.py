"""What `revguard init` writes and what it leaves, in repositories of all kinds."""

import json
import os
import subprocess
from pathlib import Path

import alembic
import pytest

from revguard import init
from revguard.arguments import parse
from revguard.errors import UsageError
from revguard.init import writing
from revguard.init.steps import Step

from . import projects
from .conftest import hints, said

TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
HOOK = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/revguard.yml"
NEW = ["alembic.ini", "migrations/README", "migrations/env.py", "migrations/script.py.mako"]
# an environment that was made by hand, and needs nothing but its own files
THERE = projects.DECLARATIVE | {
    "alembic.ini": "[alembic]\nscript_location = migrations\nsqlalchemy.url = sqlite:///shop.db\n",
    "migrations/script.py.mako": TEMPLATE.read_text(),
    "migrations/env.py": """\
from alembic import context
from sqlalchemy import create_engine

import shop.models  # noqa: F401
from shop.db import Base

with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
""",
    "migrations/versions/0001.py": """\
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
    )


def downgrade():
    op.drop_table("customers")
""",
}


def test_a_dry_run_writes_nothing(repository):
    one = repository(projects.DECLARATIVE)
    code, text, _ = one.run("--dry-run")
    assert code == 0
    assert one.status() == []
    assert text.endswith("nothing was written: without `--dry-run` it is\n")
    assert "--- /dev/null\n+++ b/migrations/env.py\n@@ -0,0 +1," in text
    assert "\n+target_metadata = Base.metadata\n" in text


def test_what_is_written_is_left_unstaged(repository):
    one = repository(projects.DECLARATIVE)
    code, text, _ = one.run()
    assert code == 0
    files = one.git("ls-files", "--others").splitlines()
    assert files == sorted([*NEW, HOOK, WORKFLOW])
    assert one.git("diff", "--cached", "--name-only") == ""
    assert f"  git add migrations alembic.ini {HOOK} {WORKFLOW}\n" in text
    assert "  revguard add -m 'first revision'\n  pre-commit install\n" in text


def test_a_second_run_has_nothing_to_do(repository):
    one = repository(projects.DECLARATIVE)
    one.init("--revision")
    one.commit("Migrations")
    code, text, _ = one.run()
    assert code == 0
    assert text.endswith("nothing to do\n")
    assert one.status() == []


def test_the_first_revision_and_a_guarded_commit(repository, monkeypatch):
    one = repository(projects.DECLARATIVE)
    answer = one.init("--revision", "--install-hooks", "--local-hook", "-m", "all tables")
    assert answer["report"]["verdict"] == "pass"
    assert answer["next"] == ["`git commit`"]
    (script,) = answer["report"]["environments"][0]["new_revisions"]
    assert script["path"].endswith("_all_tables.py")
    assert one.git("diff", "--cached", "--name-only").splitlines() == sorted(
        [*NEW, HOOK, WORKFLOW, script["path"]]
    )
    assert (one.top / ".git/hooks/pre-merge-commit").exists()
    one.git("commit", "-qm", "Migrations")
    one.write({"shop/models.py": one.text("shop/models.py") + "    email = Column(String(90))\n"})
    done = subprocess.run(
        ["git", "commit", "-qam", "email"], cwd=one.top, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "history/missing-revision" in done.stdout + done.stderr
    assert "customers.email" in done.stdout + done.stderr


def test_an_environment_that_is_there_stays_as_it_is(repository):
    one = repository(THERE)
    answer = one.init()
    assert one.git("ls-files", "--others").splitlines() == sorted([HOOK, WORKFLOW])
    assert one.git("diff", "--name-only") == ""
    assert said(answer, "alembic") == "shop (alembic.ini) is there: nothing of it is changed"
    assert said(answer, "check") == "shop: in order on sqlite by sqlite, heads: 0001"


def test_an_environment_that_does_not_run(repository):
    broken = THERE["migrations/env.py"].replace("shop.models", "shop.model")
    one = repository(THERE | {"migrations/env.py": broken})
    code, text, _ = one.run()
    assert code == 3
    assert "check:         shop: could not check: " in text
    assert "No module named 'shop.model'" in text
    assert (one.top / HOOK).exists()


def test_models_that_lack_a_revision(repository):
    more = THERE["shop/models.py"] + "    email = Column(String(90))\n"
    one = repository(THERE | {"shop/models.py": more})
    # known drift: it was there before
    assert "1 known difference" in said(one.init(), "check")
    one.write({"shop/models.py": more + "    phone = Column(String(90))\n"})
    answer = one.init()
    assert "env.py runs; 1 change lack" in said(answer, "check")
    assert answer["next"] == ["revguard add"]


@pytest.mark.parametrize("folder", ["shop/orders", "web"])
def test_in_a_subfolder(repository, folder):
    one = repository(projects.SCATTERED | {"web/index.html": ""}, folder=folder)
    one.init("--no-workflow", "--no-hook")
    assert one.git("ls-files", "--others").splitlines() == NEW


def test_several_projects(repository):
    both = {
        f"{name}/{path}": text
        for name in ("billing", "stock")
        for path, text in projects.NO_PACKAGE.items()
        if path.startswith("backend")
    }
    one = repository(both)
    code, _, complaint = one.run()
    assert code == 2
    assert "revguard -C billing/backend init   # 1 table" in complaint
    assert "revguard -C stock/backend init" in complaint
    answer = one.init("-C", "stock")
    assert "stock/backend/alembic.ini" in said(answer, "alembic")
    assert not (one.top / "billing/backend/alembic.ini").exists()
    # the other project is another's business
    answer = one.init("-C", "billing")
    assert "billing/backend/alembic.ini" in said(answer, "alembic")


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param({"main.go": "package main\n"}, "no SQLAlchemy models", id="not Python"),
        pytest.param({"a.py": "print(1)\n"}, "no SQLAlchemy models", id="Python without models"),
        pytest.param(
            {"tests/test_a.py": projects.model("A", projects.BASE)},
            "only tables are those of tests",
            id="models of tests",
        ),
        pytest.param({"a.py": "def broken(:\n"}, "no SQLAlchemy models", id="syntax error"),
    ],
)
def test_nothing_to_make_it_of(repository, files, wanted):
    one = repository(files)
    code, text, complaint = one.run()
    assert (code, text) == (3, "")
    assert wanted in complaint
    assert one.status() == []


def test_models_that_cannot_be_imported(repository):
    broken = "import fastapi_of_another_world\n" + projects.DECLARATIVE["shop/models.py"]
    one = repository(projects.DECLARATIVE | {"shop/models.py": broken})
    code, _, complaint = one.run()
    assert code == 3
    assert "No module named 'fastapi_of_another_world'" in complaint
    assert "shop/models.py:1" in complaint
    assert one.status() == []


def test_an_ini_that_is_there_is_not_overwritten(repository):
    one = repository(projects.DECLARATIVE | {"alembic.ini": "[alembic]\n"})
    code, _, complaint = one.run()
    assert code == 2
    assert "alembic.ini is there already" in complaint
    assert one.text("alembic.ini") == "[alembic]\n"
    assert one.status() == []


def test_a_folder_that_is_taken(repository):
    one = repository(projects.DECLARATIVE | {"migrations/0001.sql": "create table x ();\n"})
    one.init()
    assert (one.top / "alembic/env.py").exists()


def test_a_file_that_changed_meanwhile(repository):
    one = repository({"a": ""})
    found = init.planning.choosing.choose(
        parse(["init"], environ=os.environ, directory=str(one.top), today=None).options
    )
    steps = [
        Step(topic="x", said="x", path="new/file", after=b"x"),
        Step(topic="x", said="x", path="a", before=b"other", after=b"x"),
    ]
    with pytest.raises(UsageError, match="changed meanwhile"):
        writing.apply(found.repo, steps)
    assert one.status() == []


def test_what_cannot_be_written_takes_all_back(repository):
    one = repository({"a": ""})
    found = init.planning.choosing.choose(
        parse(["init"], environ=os.environ, directory=str(one.top), today=None).options
    )
    steps = [
        Step(topic="x", said="x", path="new/file", after=b"x"),
        Step(topic="x", said="x", path="a", before=b"", after=b"x"),
        Step(topic="x", said="x", path="a/b", after=b"x"),
    ]
    with pytest.raises(Exception, match="nothing was changed"):
        writing.apply(found.repo, steps)
    assert one.status() == []
    assert not (one.top / "new").exists()


def test_no_password_is_written(repository, require):
    import importlib.util

    require(importlib.util.find_spec("psycopg2"), "psycopg2")
    one = repository(projects.PASSWORD)
    one.init()
    for path in one.git("ls-files", "--others").splitlines():
        assert "hunter2" not in one.text(path)
    assert "engine.url.render_as_string(hide_password=False)" in one.text("migrations/env.py")


def test_create_all_at_import_is_told(repository):
    more = "\n\nfrom shop.db import engine\n\nBase.metadata.create_all(engine)\n"
    one = repository(
        projects.DECLARATIVE | {"shop/models.py": projects.DECLARATIVE["shop/models.py"] + more}
    )
    code, text, _ = one.run("--format", "json")
    answer = json.loads(text)
    assert code == 3
    assert said(answer, "create_all").startswith(
        "shop/models.py:14 makes tables when env.py imports"
    )
    assert "remove the call" in hints(answer, "create_all")
    assert "could not check" in said(answer, "check")


def test_a_naming_convention_is_advised(repository):
    one = repository(projects.DECLARATIVE)
    assert "in shop/db.py:8" in hints(one.init("--dry-run"), "naming")
    named = projects.DECLARATIVE["shop/db.py"].replace(
        "declarative_base()",
        'declarative_base(metadata=MetaData(naming_convention={"pk": "pk_%(table_name)s"}))',
    )
    one.write({"shop/db.py": "from sqlalchemy import MetaData\n" + named})
    assert hints(one.init("--dry-run"), "naming") == ""


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        pytest.param({"requirements.txt": "sqlalchemy\n"}, "echo alembic >>", id="requirements"),
        pytest.param(
            {"pyproject.toml": '[project]\ndependencies = ["sqlalchemy"]\n', "uv.lock": ""},
            "`uv add alembic`",
            id="uv",
        ),
        pytest.param({"requirements.txt": "sqlalchemy\nalembic\n"}, "", id="named"),
        pytest.param({"requirements.txt": "flask\n"}, "", id="SQLAlchemy is not named either"),
    ],
)
def test_alembic_is_to_be_a_dependency(repository, more, wanted):
    one = repository(projects.DECLARATIVE | more)
    found = hints(one.init("--dry-run"), "dependency")
    assert wanted in found
    assert bool(wanted) == bool(found)


def test_two_metadata_in_one_project(repository):
    one = repository(
        projects.DECLARATIVE
        | {
            "shop/audit.py": projects.model("Entry", projects.BASE, "entries"),
        }
    )
    answer = one.init()
    env = one.text("migrations/env.py")
    assert "from shop.audit import Base\nfrom shop.db import Base as Base2\n" in env
    assert "target_metadata = [Base.metadata, Base2.metadata]" in env
    assert "the first revision (2 changes)" in said(answer, "check")


def test_by_a_template_of_alembic(repository, require):
    require(tuple(map(int, alembic.__version__.split(".")[:2])) >= (1, 16), "Alembic 1.16")
    one = repository(projects.SRC)
    before = one.text("pyproject.toml")
    answer = one.init("--template", "pyproject")
    after = one.text("pyproject.toml")
    assert after.startswith(before)
    assert 'prepend_sys_path = [\n    "%(here)s/src",\n]' in after
    assert "the first revision" in said(answer, "check")


def test_a_template_that_is_not_there(repository):
    one = repository(projects.DECLARATIVE)
    code, _, complaint = one.run("--template", "genric")
    assert code == 2
    assert "has no template 'genric'" in complaint
    assert "list_templates" in complaint


def test_with_no_git(tmp_path, monkeypatch, capsys):
    from revguard import rim

    monkeypatch.chdir(tmp_path)
    assert rim.run(["init"]) == 2
    assert "`git init`" in capsys.readouterr().err
