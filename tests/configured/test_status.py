"""`revguard status`: models, scripts and the configured database in one picture, read-only."""

import json
import sqlite3

import pytest

from revguard import rim

from .conftest import ASYNC_ENV


def status(capsys, *words):
    code = rim.run(["status", *words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    if "--format" not in words:
        long = [line for line in captured.out.splitlines() if len(line) > 80]
        assert all(" " not in line.strip() or ".py:" in line for line in long), long
    return code, captured.out


def looked(capsys, *words):
    code, said = status(capsys, "--database", "--format", "json", *words)
    (one,) = json.loads(said)["environments"]
    return code, one


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def upgraded(project, capsys):
    """A project whose database is at a revision."""

    def make(url="sqlite:///shop.db", revision="heads", **options):
        one = project(url, **options)
        assert rim.run(["upgrade", revision]) == 0
        capsys.readouterr()
        return one

    return make


def test_without_a_database_nothing_is_connected_to(project, capsys):
    one = project("postgresql+psycopg2://shop@127.0.0.1:1/shop", env=(
        "import sqlalchemy as sa\n" + ASYNC_ENV.replace("asyncio.run(main())", "")
        + "run(sa.create_engine('sqlite:///shop.db').connect())\n"
    ))  # fmt: skip
    code, said = status(capsys)
    assert code == 0
    assert said == (
        "shop  alembic.ini\n"
        "  models    as the scripts make them\n"
        "  scripts   2 revisions, 1 head\n"
        "              0002  0002\n"
        "  database  not looked at: `revguard status --database`\n"
    )
    assert not (one.path / "shop.db").exists()


def test_the_picture_of_what_is_pending_and_what_no_script_makes(upgraded, capsys):
    one = upgraded(revision="0001")
    one.model("orders", "    paid = Column(Integer)\n")
    code, said = status(capsys, "--database")
    assert code == 0
    assert said == (
        "shop  alembic.ini\n"
        "  models    1 difference that no script makes\n"
        "              add orders.paid (INTEGER, nullable)\n"
        "  scripts   2 revisions, 1 head\n"
        "              0002  0002\n"
        "  database  sqlite:///shop.db\n"
        "              at       0001  first\n"
        "              pending  0002  0002\n"
        "              to match the models it needs:\n"
        "                add orders.paid (INTEGER, nullable)\n"
        "                add users.email (VARCHAR(100), nullable)\n"
        "  `revguard add` writes the missing script; `revguard upgrade` runs what is\n"
        "  pending\n"
    )


def test_colours_say_the_same(upgraded, capsys):
    upgraded()
    _, plain = status(capsys, "--database")
    _, coloured = status(capsys, "--database", "--format", "text", "--color", "always")
    assert "\x1b[32m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_what_head_lacks_already_is_counted(project, capsys):
    one = project()
    one.model("orders", "    paid = Column(Integer)\n")
    one.commit_all("forgotten")
    code, said = status(capsys)
    assert code == 0
    assert "  models    1 difference that HEAD has too\n" in said


def test_a_revision_that_is_elsewhere(upgraded, capsys, branch):
    one = upgraded()
    branch(one)
    one.git("switch", "-q", "feature/notes")
    rim.run(["upgrade"])
    one.git("switch", "-q", "main")
    capsys.readouterr()
    code, said = status(capsys, "--database")
    assert code == 0
    assert "              at       0003, unknown here\n" in said
    assert "0003 is in feature/notes (" in said
    assert "pending" not in said


def test_a_broken_history_is_seen(project, capsys):
    one = project()
    one.replace("migrations/versions/0002_email.py", '"0001"', '"nowhere"')
    code, said = status(capsys)
    assert code == 0
    assert "  scripts   broken history\n" in said
    assert "'nowhere'" in said


def test_no_file_is_made_where_there_is_none(project, capsys):
    one = project()
    code, said = status(capsys, "--database")
    assert code == 3
    assert f"there is no file {one.path}/shop.db" in " ".join(said.split())
    assert not (one.path / "shop.db").exists()


@pytest.mark.parametrize("env", [None, ASYNC_ENV], ids=["sync", "async"])
def test_a_write_ahead_log_is_left_alone(upgraded, capsys, env):
    one = upgraded("sqlite+aiosqlite:///shop.db" if env else "sqlite:///shop.db", env=env)
    with sqlite3.connect("shop.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    before = sorted(path.name for path in one.path.iterdir()), (one.path / "shop.db").read_bytes()
    code, found = looked(capsys)
    assert (code, found["databases"][0]["current"][0]["id"]) == (0, "0002")
    after = sorted(path.name for path in one.path.iterdir()), (one.path / "shop.db").read_bytes()
    assert after == before


SERVERS = [
    pytest.param("postgresql", "psycopg2", None, id="psycopg2"),
    pytest.param("postgresql", "psycopg", None, id="psycopg"),
    pytest.param("postgresql", "pg8000", None, id="pg8000"),
    pytest.param("postgresql", "asyncpg", ASYNC_ENV, id="asyncpg"),
    pytest.param("mysql", "pymysql", None, id="pymysql"),
    pytest.param("mysql", "aiomysql", ASYNC_ENV, id="aiomysql"),
    pytest.param("mysql", "mysqlconnector", None, id="mysqlconnector"),
]
SOME = [SERVERS[0], SERVERS[3], SERVERS[4]]


@pytest.mark.parametrize(("kind", "driver", "env"), SERVERS)
def test_each_driver(upgraded, server, capsys, kind, driver, env):
    database = server(kind)
    upgraded(database.url(driver), "0001", env=env)
    code, found = looked(capsys)
    (one,) = found["databases"]
    assert code == 0
    assert "***@127.0.0.1" in one["place"]
    assert [revision["id"] for revision in one["current"]] == ["0001"]
    assert [revision["id"] for revision in one["pending"]] == ["0002"]
    assert [(it["op"], it["object"]) for it in one["drift"]] == [("add_column", "users.email")]


ENGINE = "connection.exec_driver_sql({!r})"
CURSOR = "connection.connection.cursor().execute({!r})"
TABLE = "CREATE TABLE written (id INTEGER)"
ROW = "INSERT INTO users (id, name) VALUES (1, 1)"


@pytest.mark.parametrize(
    ("way", "statement", "said"),
    [
        pytest.param(ENGINE, TABLE, "env.py writes to the database: CREATE", id="a table"),
        pytest.param(CURSOR, TABLE, "", id="a table past SQLAlchemy"),
        pytest.param(CURSOR, ROW, "", id="a row past SQLAlchemy"),
        pytest.param(ENGINE, "SET TRANSACTION READ WRITE", "env.py writes", id="the mode"),
    ],
)
@pytest.mark.parametrize(("kind", "driver", "env"), SOME)
def test_it_is_read_only(upgraded, server, capsys, kind, driver, env, way, statement, said):
    database = server(kind)
    one = upgraded(database.url(driver), env=env)
    writes = way.format(statement)
    if env:
        mark = "def run(connection):\n"
        one.replace("migrations/env.py", mark, f"{mark}    {writes}\n")
    else:
        mark = "with connectable.connect() as connection:\n"
        one.replace("migrations/env.py", mark, f"{mark}        {writes}\n")
    code, found = looked(capsys)
    assert code == 3
    error = found["database_error"]["message"]
    assert said in error if said else ("read only" in error.lower() or "read-only" in error)
    tables = "SELECT table_name FROM information_schema.tables WHERE table_name = 'written'"
    assert not database.sql(tables)
    assert not database.sql("SELECT id FROM users")


def test_a_schema_that_env_py_makes_sure_of_is_not_made(upgraded, server, capsys):
    database = server("postgresql")
    one = upgraded(database.url("psycopg2"))
    mark = "with connectable.connect() as connection:\n"
    sure = "        connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS made')\n"
    one.replace("migrations/env.py", mark, mark + sure)
    code, found = looked(capsys)
    assert (code, found["databases"][0]["current"][0]["id"]) == (0, "0002")
    assert not database.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'made'")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("postgresql+psycopg2://u:s3cr3t@127.0.0.1:1/x", "refused", id="psycopg2"),
        pytest.param("mysql+pymysql://u:s3cr3t@127.0.0.1:1/x", "refused", id="pymysql"),
        pytest.param(
            "postgresql+pg8000://u:s3cr3t@127.0.0.1:1/x", "create a connection", id="pg8000"
        ),
    ],
)
def test_a_database_that_is_not_reachable(project, capsys, url, said):
    project(url)
    code, found = looked(capsys)
    assert code == 3
    error = found["database_error"]["message"]
    assert "@127.0.0.1:1/x cannot be reached: " in error
    assert said in error
    assert "s3cr3t" not in json.dumps(found)
    assert len(error.splitlines()) == 1


def test_a_login_that_is_refused_shows_no_password(project, server, capsys):
    database = server("postgresql")
    project(database.url("psycopg2").replace("adm%25n", "wr0ng-s3cr3t"))
    code, said = status(capsys, "--database", "--format", "json")
    assert code == 3
    assert "wr0ng-s3cr3t" not in said
    assert "password authentication failed" in said


def test_a_driver_that_is_called_directly_is_refused(upgraded, capsys):
    one = upgraded()
    direct = "from alembic import context\nimport sqlite3\nsqlite3.connect('shop.db')\n"
    one.replace("migrations/env.py", "from alembic import context\n", direct)
    code, said = status(capsys, "--database")
    assert code == 3
    assert "opened directly with sqlite3" in " ".join(said.split())


def test_an_engine_with_a_creator_is_looked_at(upgraded, capsys):
    one = upgraded()
    one.replace("migrations/env.py", "connectable = engine_from_config(",
                "import sqlite3\n    engine_from_config = lambda *a, **k: __import__('sqlalchemy')"
                ".create_engine('sqlite://', creator=lambda: sqlite3.connect('shop.db'))\n"
                "    connectable = engine_from_config(")  # fmt: skip
    code, found = looked(capsys)
    assert (code, found["databases"][0]["current"][0]["id"]) == (0, "0002")


POOLED = """
import sqlalchemy as sa
from alembic import context
from shop.models import Base

url = context.config.get_main_option("sqlalchemy.url")
engine = sa.create_engine(url, pool_recycle=300, pool_pre_ping=True, poolclass=sa.pool.QueuePool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_the_pool_keeps_its_options(upgraded, capsys):
    one = upgraded()
    one.write("migrations/env.py", POOLED)
    one.commit_all("a pool")
    assert rim.run(["upgrade"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    _, found = looked(capsys)
    assert found["database_error"] is None
    assert found["databases"][0]["current"][0]["id"] == "0002"


def test_variables_of_the_ephemeral_database_are_left_to_the_shell(project, capsys, monkeypatch):
    one = project()
    reads = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'])\n"
    one.replace("migrations/env.py", "config = context.config\n",
                f"import os\nconfig = context.config\n{reads}")  # fmt: skip
    one.write("revguard.toml", one.read("revguard.toml") + '[environments.shop]\n'
              'config = "alembic.ini"\nenviron = { DATABASE_URL = "{url}" }\n'
              'driver = "sqlite+pysqlite"\n')  # fmt: skip
    code, said = status(capsys, "--database")
    assert code == 3
    assert "set it in your shell" in " ".join(said.split())
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    assert rim.run(["upgrade"]) == 0
    assert (one.path / "other.db").exists()
    capsys.readouterr()
    code, said = status(capsys, "--database")
    assert code == 0
    assert "sqlite:///other.db" in said
