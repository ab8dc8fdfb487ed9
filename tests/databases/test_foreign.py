"""Servers that no driver of ours speaks to: by the project's own, in a container."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.dialects.mssql import pymssql, pyodbc
from sqlalchemy.dialects.oracle import oracledb
from sqlalchemy.engine import make_url
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import SAWarning

from revguard import databases, leftovers
from revguard.databases import addresses, known_images
from revguard.databases import images as ours
from revguard.databases.borrowed import Borrowed
from revguard.databases.images import Image
from revguard.databases.providing import UnavailableError
from revguard.errors import CouldNotCheck
from revguard.runs import sweep
from revguard.worker import catalog_inspector, evaluate, guard, judging, odbc

from .images import ELEPHANT, FIREBIRD, UNKNOWN
from .test_remote_projects import HOOKS, Project

ENV = """\
from alembic import context
from alembic.ddl.impl import DefaultImpl
import sqlalchemy as sa
import models

class FirebirdImpl(DefaultImpl):
    __dialect__ = "firebird.firebird"

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))

# Firebird does not let a transaction use the tables that it makes
@sa.event.listens_for(engine, "after_cursor_execute")
def commit(connection, cursor, statement, *_):
    if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "COMMENT")):
        connection.connection.commit()

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=models.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
POSTS = """)
sa.Table("posts", metadata, sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
         sa.Column("user_id", sa.ForeignKey("users.id", name="fk_user"), index=True),
         sa.CheckConstraint("id > 0")"""
USERS = """\
revision, down_revision = "aaa", None
from alembic import op
import sqlalchemy as sa
def upgrade():
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("name", sa.String(50), nullable=False))
def downgrade():
    op.drop_table("users")
"""
DRIVER = "firebird+firebird"
# SQLAlchemy's PostgreSQL under a name that nobody here knows, as a package brings it
ELEPHANT_DIALECT = """\
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

class Dialect(PGDialect_psycopg2):
    name = "elephant"
    supports_statement_cache = True
"""


def image(name="acme/thing:1", ports=(4000,), labels=None, **environ):
    return Image(
        name=name, id="sha256:1", entrypoint=(), command=(), volumes=(), environ=environ,
        ports=ports, labels=labels or {},
    )  # fmt: skip


@pytest.mark.parametrize("event", ["aside", "database"])
def test_what_the_worker_asks_for(event):
    """The dialect as the providers know it, also for an application that is being made."""
    told = {}

    def ask(name, **words):
        told[name] = words
        return {"database": {}}

    class Dialect(DefaultDialect):
        name = "firebird.firebird"

    unused = SimpleNamespace(load_in=lambda _loading: None, tree="", forget=lambda: None)
    runner = SimpleNamespace(aside=contextlib.nullcontext)
    request = {"known": None, "proven": []}
    channel = SimpleNamespace(ask=ask)
    means = judging.Means(request, channel, unused, runner, unused, lambda: None)
    evaluation = evaluate.Evaluation(means, unused, lambda _dialect: "digest")
    with evaluation._loading() if event == "aside" else contextlib.nullcontext():
        evaluation.provide(Dialect())
    assert told[event].items() >= {"dialect": "firebird", "driver": "firebird"}.items()


class TestImages:
    @pytest.mark.parametrize(
        ("name", "dialect", "server"),
        [
            ("mcr.microsoft.com/mssql/server:2022-latest", "mssql", "mssql"),
            ("mcr.microsoft.com/azure-sql-edge", "mssql", "mssql"),
            ("gvenzl/oracle-free:23-slim-faststart", "oracle", "oracle"),
            ("gvenzl/oracle-xe", "oracle", "oracle"),
            ("container-registry.oracle.com/database/free:latest", "oracle", "oracle"),
            ("cockroachdb/cockroach:v25.2.0", "cockroachdb", "cockroachdb"),
            ("firebirdsql/firebird:5.0.3-noble", "firebird", "firebird"),
        ],
    )
    def test_known(self, name, dialect, server):
        assert known_images.by_name(name, dialect).family.server == server

    @pytest.mark.parametrize(
        ("name", "dialect"),
        [("gvenzl/oracle-free", "mssql"), ("mssql/server", "oracle"), (FIREBIRD, "hana")],
    )
    def test_not_for_another_dialect(self, name, dialect):
        with pytest.raises(UnavailableError, match=f"{name} is no image of a {dialect} server"):
            known_images.by_name(name, dialect)

    @pytest.mark.parametrize("dialect", ["mssql", "thing"])
    def test_a_name_that_tells_nothing(self, dialect):
        assert known_images.by_name("registry.example.com:5000/team/db:7", dialect) is None

    def test_oracle_by_its_service(self):
        services = [
            known_images.by_name(name, "oracle").query["service_name"]
            for name in ("gvenzl/oracle-free:slim", "gvenzl/oracle-xe:slim")
        ]
        assert services == ["FREEPDB1", "XEPDB1"]

    @pytest.mark.parametrize("known", known_images.KNOWN, ids=lambda one: one.pattern.pattern)
    def test_every_row_is_whole(self, known):
        texts = [*known.create, known.database, *known.family.variables.values()]
        assert {*re.findall(r"\{(\w+)\}", " ".join(texts))} <= {"name", "NAME", "password", "data"}
        assert "{password}" in known.family.variables.values()
        assert known.create or known.database  # one of them makes the database
        made = ours.environ(image(), known.family, "s3cret")
        assert "s3cret" in made.values()
        assert not any("{" in value for value in made.values())
        assert "ACCEPT_EULA" not in made  # never for the user
        if known.image:
            assert known_images.by_name(known.image, known.dialects[0]) is known

    def test_none_is_known(self):
        with pytest.raises(UnavailableError, match=r'no image of a hana server.*"docker:IMAGE"'):
            known_images.default("hana")

    @pytest.mark.parametrize("value", [None, "", "n", "maybe"])
    def test_a_licence_is_the_users_to_accept(self, value):
        known = known_images.by_name("mcr.microsoft.com/mssql/server", "mssql")
        environ = {} if value is None else {"ACCEPT_EULA": value}
        with pytest.raises(UnavailableError) as caught:
            known_images.accepted(known, environ)
        assert "Microsoft's licence of SQL Server is for you to accept" in str(caught.value)
        assert '`environ = { ACCEPT_EULA = "Y" }`' in str(caught.value)

    def test_and_is_handed_on_where_it_is(self):
        known = known_images.by_name("mcr.microsoft.com/mssql/server", "mssql")
        assert known_images.accepted(known, {"ACCEPT_EULA": "Y"}) == {"ACCEPT_EULA": "Y"}
        assert known_images.accepted(None, {"ACCEPT_EULA": "Y"}) == {}

    def test_an_image_tells_itself(self):
        told = image(X_USER="me", X_PASSWORD="", X_DATABASE="shop", PATH="/bin")
        found = known_images.by_image(told, "thing")
        assert (found.family.port, found.family.user, found.database) == (4000, "me", "shop")
        assert ours.environ(told, found.family, "pw") == {"X_USER": "me", "X_PASSWORD": "pw"}

    @pytest.mark.parametrize(
        ("told", "says"),
        [
            (image(ports=(), A_USER="a", A_PASSWORD="b"), r"one port \(it exposes no port\)"),
            (image(ports=(1, 2), A_USER="a", A_PASSWORD="b"), r"one port \(it exposes 1, 2\)"),
            (image(A_USER="a"), r"how to log in"),
            (image(A_USER="a", A_PASSWORD="b", B_USER="a", B_PASSWORD="b"), r"how to log in"),
        ],
        ids=["no port", "two ports", "no password", "two users"],
    )
    def test_what_it_does_not_tell(self, told, says):
        with pytest.raises(UnavailableError, match=says) as caught:
            known_images.by_image(told, "thing")
        assert "`FROM acme/thing:1`" in str(caught.value)

    def test_a_label_names_the_port(self):
        told = image(ports=(1, 2), labels={"dev.revguard.port": "2"}, A_USER="", A_PASSWORD="")
        assert known_images.by_image(told, "thing").family.port == 2


class TestRedirected:
    """Engines of dialects for which there is no server here are turned, whatever they name."""

    def redirected(self, dialect, given=(), *first, **place):
        place = {"host": "127.0.0.1", "port": 999, "username": "sa", "password": "pw",
                 "database": "app", **place}  # fmt: skip
        one = guard.Guard(lambda _: {"dialect": dialect.name, "url": place})
        return one, *one.redirected(dialect, dict(given), first)

    def test_sql_server_by_odbc(self):
        text = (
            "DRIVER={ODBC Driver 18 for SQL Server};Server=prod,1433;Database=live;UID=me;PWD=x;"
            "Encrypt=yes;MARS_Connection=yes"
        )
        one, positional, _ = self.redirected(pyodbc.dialect(), {"timeout": 3}, text)
        (turned,) = positional
        assert "DRIVER={ODBC Driver 18 for SQL Server};Server=127.0.0.1,999;Database=app" in turned
        assert "MARS_Connection=yes" in turned
        assert "TrustServerCertificate=yes" in turned
        assert not re.search("prod|live|UID=me|Encrypt", turned)
        assert one.is_ephemeral((turned,), {})
        assert not one.is_ephemeral((text,), {})

    def test_by_a_data_source_of_the_users(self):
        with pytest.warns(SAWarning, match="No driver name"):  # none is installed here
            _, (turned,), _ = self.redirected(pyodbc.dialect(), {}, "dsn=Production;UID=me")
        assert "Production" not in turned
        assert "Server=127.0.0.1,999" in turned

    def test_sql_server_by_pymssql(self):
        given = {"server": "prod", "host": "prod:1433", "user": "me", "appname": "shop"}
        _, _, named = self.redirected(pymssql.dialect(), given)
        assert named == {"host": "127.0.0.1:999", "user": "sa", "password": "pw",
                         "database": "app", "appname": "shop"}  # fmt: skip

    def test_oracle(self):
        import oracledb as driver

        dialect = oracledb.dialect(dbapi=driver)
        given = {
            "dsn": "prod",
            "config_dir": "/etc/tns",
            "wallet_location": "/w",
            "stmtcachesize": 9,
        }
        one, _, named = self.redirected(
            dialect, given, database="", query={"service_name": "FREEPDB1"}
        )
        assert "(HOST=127.0.0.1)(PORT=999)" in named["dsn"]
        assert "FREEPDB1" in named["dsn"]
        assert {*named} == {"dsn", "user", "password", "stmtcachesize"}
        assert one.is_ephemeral((), {"dsn": named["dsn"]})
        assert not one.is_ephemeral((), {"dsn": "prod"})

    @pytest.mark.parametrize("installed", [[], ["SQLite3"]], ids=["none", "another"])
    def test_no_driver_of_odbc_is_installed(self, installed):
        dialect = SimpleNamespace(driver="pyodbc", dbapi=SimpleNamespace(drivers=lambda: installed))
        assert odbc.query(dialect, []) == {"TrustServerCertificate": "yes"}

    def test_the_newest_is_taken(self):
        names = ["ODBC Driver 9 for SQL Server", "ODBC Driver 18 for SQL Server", "FreeTDS"]
        dialect = SimpleNamespace(driver="pyodbc", dbapi=SimpleNamespace(drivers=lambda: names))
        assert odbc.query(dialect, [])["driver"] == names[1]


class TestCatalog:
    """What SQLAlchemy's Inspector tells is enough to compare a database with itself."""

    def read(self, *statements):
        import sqlalchemy as sa

        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            found = catalog_inspector.read(connection)
        engine.dispose()
        return found

    BASE = ("CREATE TABLE a (id INTEGER PRIMARY KEY, n VARCHAR(9) NOT NULL)",
            "CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id))")  # fmt: skip

    @pytest.mark.parametrize(
        "more",
        [
            "ALTER TABLE a ADD COLUMN more INTEGER",
            "CREATE TABLE c (id INTEGER)",
            "CREATE INDEX ix ON a (n)",
            "CREATE VIEW v AS SELECT n FROM a",
        ],
    )
    def test_a_difference_is_seen(self, more):
        assert self.read(*self.BASE) != self.read(*self.BASE, more)

    def test_names_that_the_server_made_up_are_none(self):
        made = ("integ_12", "RDB$PRIMARY3", "SYS_C007012", "PK__users__3213E83F1A2B3C4D",
                "SQL240318144012340", "rdb$2")  # fmt: skip
        own = ("pk_users", "uq__users__name", "sys", "integrity_1", "ix_1", "fk_a_b")
        assert all(map(catalog_inspector._MADE_UP.fullmatch, made))
        assert not any(map(catalog_inspector._MADE_UP.fullmatch, own))

    def test_the_same_is_the_same(self):
        found = self.read(*self.BASE)
        assert found == self.read(*self.BASE)
        assert {"table a", "column a.n", "primary key a"} <= {*found}


@pytest.fixture(scope="session")
def birds(engine, require):
    """The engine with images of Firebird, and a driver for it in the tests' interpreter."""
    require(shutil.which("firebird", path=f"{os.environ['PATH']}:/usr/sbin"), "firebird3.0-server")
    require(any(Path("/usr/lib").glob("*/libfbclient.so.2")), "libfbclient2")
    require(importlib.util.find_spec("sqlalchemy_firebird"), "sqlalchemy-firebird")
    return engine


@pytest.fixture
def elephants(engine, tmp_path):
    """A dialect of an installed package, which nobody here knows."""
    folder = tmp_path / "packages"
    info = folder / "elephant-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elephant\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[sqlalchemy.dialects]\nelephant = elephant_dialect:Dialect\n"
        "elephant.psycopg2 = elephant_dialect:Dialect\n"
    )
    (folder / "elephant_dialect.py").write_text(ELEPHANT_DIALECT)
    return {**os.environ, **engine.environ, "PYTHONPATH": str(folder)}


def choose(environ, setting, dialect, driver="", interpreter=sys.executable):
    return databases.choose(
        setting, dialect, environ=environ, interpreter=interpreter, driver=driver
    )


class TestFirebird:
    @pytest.mark.parametrize("name", [FIREBIRD, UNKNOWN], ids=["known", "told by the image"])
    def test_it_serves(self, run, birds, name):
        environ = {**os.environ, **birds.environ}
        choice = choose(environ, f"docker:{name}", "firebird", DRIVER)
        with databases.start(choice, run=run) as server:
            server.wait()
            database = server.database()
            assert database.server_version.startswith("3.")
            with database.login(20) as login:
                login.query("CREATE TABLE things (id INTEGER)")
                assert login.tables() == ["things"]
                assert login.query("SELECT 1 FROM rdb$database") == [("1",)]
            told = make_url(addresses.values(database, DRIVER)["url"])
            assert told.drivername == DRIVER
            assert (told.database, told.password, told.port) == (
                database.url["database"], database.url["password"], database.url["port"],
            )  # fmt: skip
            clone = server.clone("other")
            with clone.login(20) as login:
                assert login.tables() == []
            assert not server.copies
            assert server.failure() == ""
        assert not [one for one in birds.containers() if run.id in one]


KILLED = """
import os, signal, sys
from pathlib import Path
from revguard import databases
from revguard.runs import Run
with Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3]) as run:
    choice = databases.choose(sys.argv[4], "firebird", environ=os.environ,
                              interpreter=sys.executable, driver="firebird+firebird")
    with databases.start(choice, run=run) as server:
        if sys.argv[5] != "starting":
            server.wait()
        if sys.argv[5] == "cloned":
            server.clone("other")
        if sys.argv[5] == "logged in":
            held = server.database().login(20)
        print(run.id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("stage", ["starting", "logged in", "cloned"])
def test_a_run_that_is_killed_leaves_nothing(places, birds, stage):
    argv = [str(places.cache), places.memory, places.temporary, f"docker:{FIREBIRD}", stage]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *argv],
        env={**os.environ, **birds.environ, "PYTHONPATH": HOOKS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = done.stdout.strip()
    sweep(places.cache, **places.options)
    assert places.left() == []
    assert not [one for one in birds.containers() if run in one]
    assert leftovers.find(run, [places.memory, places.temporary]) == []


class TestElephant:
    """A server whose databases are made by SQL, and whose dialect a package brings."""

    @pytest.fixture
    def by_sql(self, monkeypatch, request):
        more = getattr(request, "param", ())
        known = known_images.Known(
            family=ours.Family(
                server="elephant",
                says="Elephant",
                port=5432,
                user="me",
                variables={"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "{password}"},
            ),
            dialects=("elephant",),
            pattern=re.compile("elephant"),
            create=('CREATE DATABASE "{name}"', *more),
            login="zoo",
        )
        monkeypatch.setattr(known_images, "KNOWN", (*known_images.KNOWN, known))

    def test_by_sql(self, run, elephants, by_sql):
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant", "elephant+psycopg2")
        with databases.start(choice, run=run) as server:
            server.wait()
            main, clone = server.database(), server.clone("other")
            assert (main.url["database"], clone.url["database"]) == ("app", "other")
            assert (main.url["host"], main.url["port"]) == (clone.url["host"], clone.url["port"])
            for database in (main, clone):
                with database.login(20) as login:
                    assert login.tables() == []
                    login.query("CREATE TABLE t (id int)")
                    assert login.tables() == ["t"]
            with pytest.raises(CouldNotCheck, match=r'could not make.*"other" already exists'):
                server.clone("other")

    def test_by_what_the_image_tells(self, run, elephants):
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant")
        with databases.start(choice, run=run) as server:
            server.wait()
            assert server.database().url["database"] == "zoo"
            assert server.database().server_version

    @pytest.mark.parametrize(
        ("path", "driver", "says"),
        [
            (None, "elephant+psycopg2", r"cannot load the driver elephant.*NoSuchModuleError"),
            ("own", "elephant+psycopg2", r"cannot load the driver.*No module named 'no_such'"),
        ],
        ids=["no dialect", "no driver"],
    )
    def test_what_cannot_be_loaded(self, run, elephants, path, driver, says):
        folder = Path(elephants["PYTHONPATH"])
        if path is None:
            elephants["PYTHONPATH"] = ""
        else:
            (folder / "elephant_dialect.py").write_text("import no_such")
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant", driver)
        with (
            pytest.raises(CouldNotCheck, match=says) as caught,
            databases.start(choice, run=run) as server,
        ):
            server.wait(20)
        assert '`driver = "DIALECT+DRIVER"`' in caught.value.hint

    def test_a_login_that_is_never_answered(self, run, elephants, by_sql, monkeypatch):
        known = known_images.KNOWN[-1]
        monkeypatch.setattr(known_images, "KNOWN", (known_images.replace(known, login="nowhere"),))
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant")
        with (
            pytest.raises(CouldNotCheck, match="no login was answered in 2 seconds") as caught,
            databases.start(choice, run=run) as server,
        ):
            server.wait(2)
        assert "elephant says: OperationalError" in str(caught.value)  # whatever comes first

    @pytest.mark.parametrize("by_sql", [("SELECT 1 / 0",)], indirect=True)
    def test_a_database_that_cannot_be_made(self, run, elephants, by_sql):
        """It is tried again: a server may let in before it is done with its start."""
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant")
        refused = []

        def enough():
            refused.append("DivisionByZero" in server._refusal)
            return sum(refused) > 2

        with (
            databases.start(choice, run=run) as server,
            pytest.raises(CouldNotCheck, match="given up"),
        ):
            server.wait(60, enough)
        assert server._refusal.startswith("DivisionByZero")  # and never that it is there already
        assert refused[-3:] == [True, True, True]

    def test_a_dialect_that_tells_no_version(self, run, elephants, by_sql):
        dialect = Path(elephants["PYTHONPATH"], "elephant_dialect.py")
        dialect.write_text(
            ELEPHANT_DIALECT + "    def _get_server_version_info(self, connection):\n"
            "        return None\n"
            "    def initialize(self, connection):\n"
            "        self.default_schema_name = 'public'\n"
        )
        choice = choose(elephants, f"docker:{ELEPHANT}", "elephant")
        with databases.start(choice, run=run) as server:
            server.wait()
            assert server.database().server_version == ""
            assert server.database() == server.database()

    def test_an_interpreter_that_ends(self, run):
        borrowed = Borrowed("/bin/true", dict(os.environ), "sqlite", run=run)
        with pytest.raises(CouldNotCheck, match="/bin/true cannot load the driver sqlite"):
            borrowed.login({}, 5)

    def test_a_driver_that_does_not_answer(self, run, elephants):
        folder = Path(elephants["PYTHONPATH"])
        (folder / "elephant_dialect.py").write_text(
            ELEPHANT_DIALECT + "    def connect(self, *a, **k):\n"
            "        import time; time.sleep(99)\n"
        )
        borrowed = Borrowed(sys.executable, elephants, "elephant", run=run)
        with pytest.raises(TimeoutError, match="does not answer"):
            borrowed.login({"host": "127.0.0.1", "port": 1}, 0.5)
        borrowed.close()


class TestRefused:
    def test_no_image_is_known(self, engine):
        with pytest.raises(CouldNotCheck, match="no image of a hana server is known"):
            choose(engine.environ, "docker", "hana")

    def test_an_image_that_tells_nothing(self, engine):
        with pytest.raises(CouldNotCheck, match=r"sleeper:1 is no image that is known for hana"):
            choose(engine.environ, "docker:sleeper:1", "hana")

    @pytest.mark.parametrize("setting", ["docker", "docker:mcr.microsoft.com/mssql/server:2022"])
    def test_a_licence(self, engine, setting):
        with pytest.raises(CouldNotCheck, match="Microsoft's licence of SQL Server is for you"):
            choose(engine.environ, setting, "mssql")
        found = choose({**engine.environ, "ACCEPT_EULA": "Y"}, setting, "mssql")
        assert not found.installation.ready  # it has to be pulled

    def test_a_file_is_no_server(self, engine):
        with pytest.raises(CouldNotCheck, match="docker: serves"):
            choose(engine.environ, "docker", "sqlite")


@pytest.fixture
def project(birds, tmp_path):
    """A project on Firebird, with one revision that has landed."""
    made = Project(tmp_path, DRIVER, f"docker:{FIREBIRD}", birds.environ, env=ENV)
    made.engine = birds
    made.write("migrations/versions/aaa_users.py", USERS)
    made.git("add", "-A")
    made.git("commit", "-qm", "users")
    return made


class TestProject:
    """The whole way, on a dialect for which Alembic itself has nothing."""

    def test_blocks_adds_and_proves(self, project):
        project.models(POSTS)
        project.git("add", "-A")
        code, report = project.revguard("check", "--format", "json")
        (environment,) = report["environments"]
        assert code == 1, project.said
        assert environment["database"]["dialect"] == "firebird"
        assert environment["database"]["server_version"].startswith("3.")
        assert [one["op"] for one in environment["changes"]] == ["add_table", "add_index"]
        assert [one["rule"] for one in environment["findings"]] == ["history/missing-revision"]
        code, report = project.revguard("add", "--format", "json")
        assert code == 0, project.said
        steps = {one["step"]: one["result"] for one in report["environments"][0]["proof"]}
        assert steps["upgrade"] == steps["compare"] == steps["downgrade"] == "pass"
        assert steps["reupgrade"] == "pass"
        project.git("commit", "-qm", "posts")
        code, report = project.revguard("check", "--all", "--no-cache", "--format", "json")
        assert (code, report["verdict"]) == (0, "pass"), project.said
        assert project.engine.containers(str(project.folder)) == []

    def test_a_step_that_fails(self, project):
        """What the database keeps of it is told: DDL is not transactional there."""
        project.models(', sa.Column("age", sa.Integer)')
        project.write(
            "migrations/versions/bad.py",
            "revision, down_revision = 'bad', 'aaa'\n"
            "from alembic import op\nimport sqlalchemy as sa\n"
            "def upgrade():\n"
            "    op.execute('ALTER TABLE users ADD age INTEGER')\n"
            "    op.execute('ALTER TABLE nothing ADD x INTEGER')\n"
            "def downgrade():\n    op.drop_column('users', 'age')\n",
        )
        project.git("add", "-A")
        code, report = project.revguard("check", "--format", "json")
        (environment,) = report["environments"]
        assert code == 1, project.said
        assert [one["rule"] for one in environment["findings"]] == ["proof/upgrade-fails"]
        (step,) = [one for one in environment["proof"] if one["result"] == "fail"]
        assert "left half done: column users.age was left behind" in step["reason"]

    def test_what_the_parent_had_already(self, project):
        """Nothing is copied: the parent's history is replayed in a database of its own, which the
        bootstrap prepares like the first."""
        project.write(
            "ci/first.sql",
            "CREATE SEQUENCE numbers; -- one\n"
            "CREATE TABLE legacy (id INTEGER,\n name VARCHAR(9));\n",
        )
        toml = (project.folder / "revguard.toml").read_text()
        project.write(
            "revguard.toml",
            toml + '[environments.project]\nconfig = "alembic.ini"\n'
            'bootstrap = "ci/first.sql"\nenviron = { DATABASE = "{url}" }\n',
        )
        project.models(', sa.Column("age", sa.Integer)')
        project.git("add", "-A")
        project.git("commit", "-qm", "drift, made without the hook")
        project.models(', sa.Column("age", sa.Integer), sa.Column("size", sa.Integer)')
        project.git("add", "-A")
        code, report = project.revguard("check", "--no-cache", "--format", "json")
        (environment,) = report["environments"]
        assert code == 1, project.said
        # the table of the bootstrap, and the column
        assert environment["known_drift"] == 2
        assert [one["object"] for one in environment["changes"]] == ["users.size"]
        assert project.engine.containers(str(project.folder)) == []

    def test_its_driver_called_directly(self, project):
        """The configured database is out of reach, too."""
        env = ENV.replace(
            "engine = sa", "import firebird.driver\n"
            "firebird.driver.connect('db.invalid:/prod.fdb', user='a', password='b')\nengine = sa",
        )  # fmt: skip
        project.write("migrations/env.py", env)
        project.git("add", "-A")
        code, _ = project.revguard("check")
        assert code == 3
        assert "a connection opened directly with firebird was refused" in project.said
