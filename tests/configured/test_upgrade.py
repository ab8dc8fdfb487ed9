"""`revguard upgrade`: the configured database follows the branch, or it is said why not."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from revguard import rim
from revguard.configured import elsewhere
from revguard.environments import Environment

from .conftest import ASYNC_ENV

SHOWS_HOST = "postgresql+psycopg2://u:s3cr3t@{}:1/x"


def upgrade(capsys, *words):
    code = rim.run(["upgrade", *words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def at(path="shop.db"):
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
    finally:
        connection.close()


def one_line(text):
    return " ".join(text.split())


def test_it_says_what_it_ran_and_then_that_there_is_nothing(project, capsys):
    project()
    assert upgrade(capsys, "0001") == (0, "shop: upgraded sqlite:///shop.db\n  0001  first\n", "")
    assert upgrade(capsys) == (0, "shop: upgraded sqlite:///shop.db\n  0002  0002\n", "")
    code, said, _ = upgrade(capsys)
    assert (code, said) == (0, "shop: nothing to do, sqlite:///shop.db is at 0002 (0002)\n")
    assert upgrade(capsys, "-q") == (0, "", "")
    assert at() == {"0002"}


def test_as_json(project, capsys):
    project()
    code, said, _ = upgrade(capsys, "--format", "json")
    (one,) = json.loads(said)["environments"]
    assert (code, one["outcome"]) == (0, "upgraded")
    (database,) = one["databases"]
    assert [ran["id"] for ran in database["ran"]] == ["0001", "0002"]
    assert database["before"] == []


@pytest.mark.parametrize(
    ("kind", "driver", "env"),
    [
        pytest.param("postgresql", "psycopg2", None, id="psycopg2"),
        pytest.param("postgresql", "asyncpg", ASYNC_ENV, id="asyncpg"),
        pytest.param("mysql", "pymysql", None, id="pymysql"),
    ],
)
def test_each_kind_of_server(project, server, capsys, kind, driver, env):
    database = server(kind)
    project(database.url(driver), env=env)
    code, said, _ = upgrade(capsys)
    assert code == 0
    assert "***@127.0.0.1" in said
    assert "0002  0002" in said
    assert database.sql("SELECT version_num FROM alembic_version")[0][0] == "0002"
    assert database.sql("SELECT email FROM users") == []


def test_several_heads(project, capsys):
    one = project()
    text = one.read("migrations/versions/0002_email.py")
    other = text.replace('"0002"', '"0003"').replace('"email"', '"other"')
    one.write("migrations/versions/0003_other.py", other)
    code, said, _ = upgrade(capsys)
    assert code == 0
    assert at() == {"0002", "0003"}
    code, _, said = upgrade(capsys, "head")
    assert code == 2 or "Multiple head" in said


def test_a_revision_that_is_not_there(project, capsys):
    project()
    code, said, _ = upgrade(capsys, "nowhere")
    assert code == 2
    assert "nowhere" in said


def test_a_revision_of_another_branch_is_refused_and_the_way_back_works(
    project, capsys, branch, monkeypatch
):
    one = project()
    branch(one)
    one.git("switch", "-q", "feature/notes")
    assert upgrade(capsys)[0] == 0
    one.git("switch", "-q", "main")
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert "sqlite:///shop.db is at 0003, which no script of this branch has" in one_line(said)
    assert "0003 is in feature/notes (" in said
    assert ": migrations/versions/0003_note.py" in one_line(said)
    way = "git switch feature/notes && alembic downgrade 0002 && git switch -"
    assert f"`{way}`" in said
    environ = one.environ | {"PATH": os.path.dirname(sys.executable) + ":" + one.environ["PATH"]}
    done = subprocess.run(way, shell=True, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert at() == {"0002"}
    assert upgrade(capsys, "-q") == (0, "", "")


def test_a_revision_that_its_own_branch_has_squashed(project, capsys, branch):
    """The branch's tip has it no more: the way back is by the commit."""
    one = project()
    branch(one)
    one.git("switch", "-q", "feature/notes")
    assert upgrade(capsys)[0] == 0
    commit = one.git("rev-parse", "HEAD")[:12]
    one.git("rm", "-q", "migrations/versions/0003_note.py")
    one.git("commit", "-q", "-m", "squashed")
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert f"0003 is in the commit {commit}" in one_line(said)
    way = f"git checkout {commit} && alembic downgrade 0002 && git switch -"
    assert f"`{way}`" in one_line(said)
    environ = one.environ | {"PATH": os.path.dirname(sys.executable) + ":" + one.environ["PATH"]}
    done = subprocess.run(way, shell=True, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert at() == {"0002"}


@pytest.mark.parametrize(
    ("options", "place", "said"),
    [
        pytest.param({}, {}, "git switch b && alembic downgrade 1 && git switch -", id="plain"),
        pytest.param(
            {"config": "db/alembic.ini", "roots": ("db",)},
            {},
            "git switch b && (cd db && alembic downgrade 1) && git switch -",
            id="a folder",
        ),
        pytest.param(
            {"config": "db/own.ini", "section": "tenant"},
            {"remote": "origin"},
            "git switch b && alembic -c db/own.ini -n tenant downgrade 1 && git switch -",
            id="an ini of another name",
        ),
        pytest.param(
            {"config": "migrations/alembic.ini", "roots": ("migrations", ""), "flask": True},
            {"target": "base"},
            "git switch b && flask db downgrade base && git switch -",
            id="Flask-Migrate",
        ),
        pytest.param(
            {},
            {"branch": ""},
            "git checkout 0123456789ab && alembic downgrade 1 && git switch -",
            id="no branch",
        ),
        pytest.param({}, {"target": ""}, "", id="several ways"),
    ],
)
def test_the_command_that_leads_back(options, place, said):
    known = {"commit": "0123456789abcdef", "path": "p", "branch": "b", "remote": "", "target": "1"}
    found = elsewhere.Elsewhere(revision="2", **known | place)
    environment = Environment(name="shop", **{"config": "alembic.ini"} | options)
    assert elsewhere.command(found, environment) == said


def test_the_branch_is_gone_and_the_reflog_knows(project, capsys, branch):
    one = project()
    branch(one)
    one.git("switch", "-q", "feature/notes")
    assert upgrade(capsys)[0] == 0
    one.git("switch", "-q", "main")
    commit = one.git("rev-parse", "feature/notes")
    one.git("branch", "-q", "-D", "feature/notes")
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert f"`git checkout {commit[:12]} && alembic downgrade 0002 && git switch -`" in said


def test_a_revision_that_no_commit_has(project, capsys):
    project()
    assert upgrade(capsys)[0] == 0
    with sqlite3.connect("shop.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00'")
    connection.close()
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert "f00 is in no commit of this repository" in one_line(said)
    assert at() == {"f00"}


HOSTS = [
    pytest.param("db.example.com", True, id="a name"),
    pytest.param("10.0.0.7", True, id="an address"),
    pytest.param("db", True, id="a service of compose"),
    pytest.param("localhost", False, id="localhost"),
    pytest.param("127.0.0.1", False, id="loopback"),
    pytest.param("[::1]", False, id="loopback 6"),
]


@pytest.mark.parametrize(("host", "refused"), HOSTS)
def test_only_this_machine(project, capsys, host, refused):
    project(SHOWS_HOST.format(host))
    code, said, _ = upgrade(capsys)
    assert "s3cr3t" not in said
    if refused:
        assert code == 1
        assert f"is on the host {host}, which is not this machine" in one_line(said)
        assert f"`revguard upgrade --allow-host {host}`" in said
    else:
        assert code == 3
        assert "cannot be reached" in said


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql+psycopg2:///x?host=/nonexistent", id="PostgreSQL"),
        pytest.param("mysql+pymysql://u@localhost/x?unix_socket=/nonexistent", id="MySQL"),
    ],
)
def test_a_socket_is_on_this_machine(project, capsys, url):
    project(url)
    code, said, _ = upgrade(capsys)
    assert code == 3
    assert "cannot be reached" in said


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_host_that_is_allowed_by_name(project, capsys, monkeypatch, way):
    project(SHOWS_HOST.format("db.invalid"))
    if way == "variable":
        monkeypatch.setenv("REVGUARD_ALLOW_HOST", "other, db.invalid")
    code, said, _ = upgrade(capsys, *(["--allow-host", "db.invalid"] if way == "option" else []))
    assert code == 3
    assert "cannot be reached" in said


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        pytest.param("postgresql+psycopg2:///x", {"PGHOST": "db.invalid"}, id="PGHOST"),
        pytest.param("postgresql+psycopg2:///x", {"PGSERVICE": "production"}, id="PGSERVICE"),
        pytest.param("postgresql+psycopg2:///x?host=localhost,db.invalid", {}, id="several hosts"),
        pytest.param("postgresql+psycopg2://localhost/x?hostaddr=10.1.1.1", {}, id="hostaddr"),
        pytest.param("postgresql+psycopg2:///x?service=production", {}, id="a service file"),
    ],
)
def test_a_host_by_another_way_is_no_way_in(project, capsys, monkeypatch, url, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    project(url)
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert "which is not this machine" in one_line(said)


def test_a_driver_that_env_py_calls_itself_is_no_way_out(project, capsys):
    one = project()
    one.replace("migrations/env.py", "from alembic import context\n",
                "from alembic import context\nimport psycopg2\n"
                "psycopg2.connect('host=db.invalid dbname=x')\n")  # fmt: skip
    code, said, _ = upgrade(capsys)
    assert code == 1
    assert "db.invalid" in said


def test_a_revision_that_fails(project, capsys):
    one = project()
    bad = "op.execute('SELECT no_such_column FROM users')"
    text = one.read("migrations/versions/0002_email.py")
    one.write("migrations/versions/0003_bad.py",
              text.replace('"0002"', '"0003"').replace('"0001"', '"0002"')
              .replace("def upgrade():", f"def upgrade():\n    {bad}"))  # fmt: skip
    code, said, _ = upgrade(capsys)
    assert code == 1
    said = one_line(said)
    assert "revision 0003" in said
    assert "no such column: no_such_column" in said
    assert "statement: SELECT no_such_column FROM users" in said
    assert "`revguard status --database`" in said


def test_a_loop_that_waits_for_the_database_is_not_waited_for(project, capsys):
    one = project("postgresql+psycopg2://u@127.0.0.1:1/x")
    mark = "with connectable.connect() as connection:"
    waits = (
        "import time\n    for _ in range(60):\n        try:\n"
        "            connectable.connect()\n        except Exception:\n"
        f"            time.sleep(1)\n    {mark}"
    )
    one.replace("migrations/env.py", mark, waits)
    started = time.monotonic()
    code, said, _ = upgrade(capsys)
    assert code == 3
    assert "cannot be reached" in said
    assert time.monotonic() - started < 30


TENANTS = """
import sqlalchemy as sa
from alembic import context
from shop.models import Base

for name in ("one", "two"):
    with sa.create_engine(f"sqlite:///{name}.db").connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
"""
NO_TENANTS = TENANTS.replace('("one", "two")', "()")


def test_each_database_that_env_py_comes_with(project, capsys):
    project(env=TENANTS)
    code, said, _ = upgrade(capsys)
    assert code == 0
    assert said == (
        "shop: upgraded sqlite:///one.db\n  0001  first\n  0002  0002\n"
        "shop: upgraded sqlite:///two.db\n  0001  first\n  0002  0002\n"
    )
    assert (at("one.db"), at("two.db")) == ({"0002"}, {"0002"})


def test_no_database_at_all_is_no_success(project, capsys):
    project(env=NO_TENANTS)
    code, said, _ = upgrade(capsys)
    assert code == 3
    assert "asked for no migrations on any connection" in one_line(said)


def test_nothing_is_upgraded_in_memory(project, capsys):
    project("sqlite://")
    code, said, _ = upgrade(capsys)
    assert code == 0
    assert "in memory" in said


SLOW = "import time\n    open('running', 'a').close()\n    time.sleep(2)\n    "


def test_two_at_once_go_one_after_the_other(project, capsys):
    one = project()
    one.replace("migrations/versions/0001_first.py", "def upgrade():\n    ",
                f"def upgrade():\n    {SLOW}")  # fmt: skip
    argv = [sys.executable, "-m", "revguard", "upgrade"]
    environ = {**one.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(rim.__file__))}
    both = [subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    said = sorted(process.communicate()[0].split()[1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said == ["nothing", "upgraded"]


def test_killed_half_way_it_leaves_the_next_one_free(project, capsys, cache_dir):
    one = project()
    path = "migrations/versions/0001_first.py"
    plain = one.read(path)
    one.replace(path, "def upgrade():\n    ", f"def upgrade():\n    {SLOW}    time.sleep(60)\n    "
                .replace("        time", "    time"))  # fmt: skip
    argv = [sys.executable, "-m", "revguard", "upgrade"]
    environ = {**one.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(rim.__file__))}
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE)
    until = time.monotonic() + 30
    while not (one.path / "running").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    one.write(path, plain)
    assert upgrade(capsys)[0] == 0
    assert at() == {"0002"}
