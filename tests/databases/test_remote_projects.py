# ruff: noqa: TID252  (the warm processes of all tests)
"""Projects judged by the commands on a server that the user named, by each kind of driver."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from revguard import databases

from ..warm.machine import MACHINE
from .byhand import SECRET

HOOKS = str(Path(databases.__file__).parents[2])
ROLE, PASSWORD = "worker", "w0rk-s3cr3t/@:"
ENV = """\
from alembic import context
import sqlalchemy as sa
import models

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=models.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
ASYNC_ENV = """\
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
import models

def run(connection):
    context.configure(connection=connection, target_metadata=models.metadata)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"))
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()

asyncio.run(main())
"""
MODELS = """\
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("name", sa.String(50), nullable=False){more})
"""


class Project:
    def __init__(self, folder, driver, database, environ, env=ENV):
        import alembic

        self.folder = folder / "project"
        self.cache = folder / "cache"
        self.environ = {
            **os.environ,
            "PYTHONPATH": HOOKS,
            "REVGUARD_CACHE_DIR": str(self.cache),
            **environ,
        }
        template = Path(alembic.__file__).parent / "templates/generic/script.py.mako"
        self.write("alembic.ini", "[alembic]\nscript_location = migrations\n"
                   f"sqlalchemy.url = {driver}://nobody@db.invalid/prod\n")  # fmt: skip
        self.write("migrations/env.py", env)
        self.write("migrations/script.py.mako", template.read_text())
        self.write("migrations/versions/.gitkeep", "")
        self.write(
            "revguard.toml",
            f"python = {json.dumps(sys.executable)}\ndatabase = {json.dumps(database)}\n",
        )
        self.models("")
        self.git("init", "-q")
        self.git("add", "-A")
        self.said = ""
        MACHINE.workers(sys.executable)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def models(self, more):
        self.write("models.py", MODELS.format(more=more))

    def git(self, *words):
        subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True)

    def revguard(self, *words):
        """Exit code, and the report where it was asked for as JSON; all that was said is kept."""
        done = MACHINE.revguard(words, cwd=self.folder, env=self.environ)
        self.said += done.stdout + done.stderr
        report = json.loads(done.stdout) if "json" in words else None
        return done.returncode, report

    def kept(self):
        """All that is in the cache, as text, but for the copies of the project's own files."""
        files = [
            path
            for path in self.cache.rglob("*")
            if path.is_file() and path.name != "revguard.toml"
        ]
        return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.fixture(scope="module")
def server(postgres):
    with postgres.root() as root:
        root.query(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        root.query(f"ALTER ROLE {ROLE} SET log_statement = 'ddl'")
    yield postgres
    with postgres.root() as root:
        root.query(f"DROP ROLE {ROLE}")


def names(server):
    with server.root() as root:
        return sorted(row[0] for row in root.query("SELECT datname FROM pg_database"))


def created(server):
    """How many databases the role has made so far."""
    return server.log().count("statement: CREATE DATABASE")


def url(server, query="", password=PASSWORD):
    return f"postgresql://{ROLE}:{quote(password, safe='')}@localhost:{server.port}/{query}"


def test_asyncpg(server, tmp_path):
    database = f"server:{url(server, '?sslmode=require')}"
    project = Project(tmp_path, "postgresql+asyncpg", database, {}, ASYNC_ENV)
    before = names(server)
    code, report = project.revguard("check", "--format", "json")
    assert code == 1, report
    assert [step["result"] for step in report["environments"][0]["proof"]] == ["pass"] * 4
    assert names(server) == before


def test_blocked_added_clean(server, tmp_path):
    environ = {"SERVER": url(server, f"?sslmode=verify-full&sslrootcert={server.certificate}")}
    before = names(server)
    project = Project(tmp_path, "postgresql+psycopg2", "server:$SERVER", environ)
    code, report = project.revguard("check", "--format", "json")
    assert code == 1, report
    (environment,) = report["environments"]
    assert environment["database"]["provider"] == "server:$SERVER"
    assert environment["database"]["dialect"] == "postgresql"
    assert [step["result"] for step in environment["proof"]] == ["pass"] * 4
    assert project.revguard("add", "-v")[0] == 0
    project.git("commit", "-qm", "first")
    made = created(server)
    assert project.revguard("check", "--all", "--no-cache", "-v")[0] == 0
    assert created(server) == made + 2  # one for the parent, which nothing is known of
    project.models(', sa.Column("email", sa.String(50))')
    project.git("add", "-A")
    shutil.rmtree(project.cache)
    assert project.revguard("check", "-v")[0] == 1
    assert created(server) == made + 4
    assert names(server) == before
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        for text in (project.said, project.kept(), server.log()):
            assert secret not in text


def test_a_worker_that_is_killed_leaves_nothing(server, tmp_path):
    env = ENV + "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    project = Project(tmp_path, "postgresql+psycopg2", f"server:{url(server)}", {}, env)
    before = names(server)
    assert project.revguard("check", "--format", "json")[0] == 3
    assert names(server) == before


def test_a_server_that_dies_in_the_middle(server, tmp_path):
    kill = f"    import os, signal, time; os.kill({server._process.pid}, signal.SIGQUIT)\n"
    env = ENV.replace(
        "    with context.begin", f"{kill}    time.sleep(0.3)\n    with context.begin"
    )
    project = Project(tmp_path, "postgresql+psycopg2", f"server:{url(server)}", {}, env)
    code, report = project.revguard("check", "--format", "json")
    server.kill()
    server.start()
    assert code == 3
    (environment,) = report["environments"]
    assert "the ephemeral database server ended in the middle" in environment["error"]
    left = [name for name in names(server) if name.startswith("revguard_")]
    (note,) = environment["notes"]
    assert all(name in note for name in left)
    with server.root() as root:
        for name in left:
            root.query(f'DROP DATABASE "{name}"')


def test_mariadb(mariadb, tmp_path):
    password = quote(PASSWORD, safe="")
    with mariadb.root() as root:
        root.query(f"CREATE USER {ROLE}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        root.query(rf"GRANT ALL PRIVILEGES ON `revguard\_%`.* TO {ROLE}@'127.0.0.1'")
        before = root.query("SHOW DATABASES")
    database = f"server:mysql://{ROLE}:{password}@127.0.0.1:{mariadb.port}/"
    project = Project(tmp_path, "mysql+pymysql", database, {})
    code, report = project.revguard("check", "--format", "json")
    assert code == 1, report
    (environment,) = report["environments"]
    assert environment["database"]["provider"] == database.replace(password, "***")
    assert environment["database"]["dialect"] == "mysql"
    assert [step["result"] for step in environment["proof"]] == ["pass"] * 4
    assert password not in project.said + project.kept()
    with mariadb.root() as root:
        assert root.query("SHOW DATABASES") == before
        root.query(f"DROP USER {ROLE}@'127.0.0.1'")


def test_a_password_in_the_configuration_is_not_shown(server, tmp_path):
    project = Project(tmp_path, "postgresql+psycopg", f"server:{url(server)}", {})
    code, report = project.revguard("check", "--format", "json")
    assert code == 1, report
    shown = url(server).replace(quote(PASSWORD, safe=""), "***")
    assert report["environments"][0]["database"]["provider"] == f"server:{shown}"
    assert project.revguard("doctor")[0] == 0
    assert quote(PASSWORD, safe="") not in project.said + project.kept()
    assert "***" in project.said


def test_a_wrong_password_is_not_shown_and_nothing_is_written(server, tmp_path):
    wrong = url(server, password="wr0ng-s3cr3t")
    project = Project(tmp_path, "postgresql+psycopg2", f"server:{wrong}", {})
    code, report = project.revguard("add", "--format", "json")
    assert code == 3
    assert "refuses the password of worker" in str(report)
    assert "wr0ng-s3cr3t" not in project.said
    assert list((project.folder / "migrations/versions").glob("*.py")) == []


def test_the_configured_database_is_never_connected_to(server, tmp_path):
    """A driver called directly may reach the scratch database, and not the one beside it."""
    login = {"user": ROLE, "password": PASSWORD, "host": "localhost", "port": server.port}
    env = ENV + f"import psycopg2\npsycopg2.connect(dbname='postgres', **{login!r})\n"
    project = Project(tmp_path, "postgresql+psycopg2", f"server:{url(server)}", {}, env)
    code, report = project.revguard("check", "--format", "json")
    assert code == 3
    assert "opened directly with psycopg2 was refused" in str(report)


def test_what_is_left_is_noted_in_the_report(server, tmp_path):
    """Somebody came into the scratch database whom a plain role cannot throw out."""
    guest = (
        "import os, subprocess, sys\n"
        "with engine.connect() as connection:\n"
        "    name = connection.exec_driver_sql('SELECT current_database()').scalar()\n"
        f"code = {GUEST!r}\n"
        "child = subprocess.Popen([sys.executable, '-c', code, name], start_new_session=True,\n"
        f"    env=dict(os.environ, PYTHONPATH={HOOKS!r}), stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
    ).replace("PORT", str(server.port)).replace("FOLDER", str(server.folder))  # fmt: skip
    project = Project(tmp_path, "postgresql+psycopg2", f"server:{url(server)}", {}, ENV + guest)
    code, report = project.revguard("check", "--format", "json")
    assert code == 1, report
    left = [name for name in names(server) if name.startswith("revguard_")]
    (note,) = [one for one in report["environments"][0]["notes"] if "scratch" in one]
    assert left
    assert all(name in note for name in left)
    with server.root() as root:
        for name in left:
            root.query(f'DROP DATABASE "{name}" WITH (FORCE)')


GUEST = f"""
import sys, time
from revguard.databases import network
connection = network.PostgresConnection(socket="FOLDER/.s.PGSQL.PORT", username="admin",
    password={SECRET!r}, database=sys.argv[1], timeout=20)
print("in", flush=True)
time.sleep(60)
"""
