"""`revguard status`: models, scripts and the configured database in one picture, read-only."""

import datetime
import json
import os
import re
import sqlite3

import pytest

from revguard import rim
from revguard.configured import asking
from revguard.errors import CouldNotCheck
from revguard.evaluation import choosing
from revguard.options import Options

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


def look(one):
    """What `status --database` sees of the database, without a look at the models."""
    options = Options(
        directory=str(one.path),
        environ=dict(os.environ),
        today=datetime.date(2026, 1, 2),
        worktree=True,
    )
    target = choosing.choose(options)
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    ((environment,), _) = choosing.discovered(subject, settings, options)
    with asking.opened(options, subject) as place:
        (found,) = asking.ask(place, environment, asking.Request(operation="look")).databases
        return found


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
    one = project("sqlite:///configured.db", env=(
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
    assert not [*one.path.glob("*.db")]


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
    # what that branch made is nothing to be undone
    assert "to match the models it needs" not in said
    assert "              1 difference by what is unknown here\n" in said
    one.model("orders", "    paid = Column(Integer)\n")
    code, said = status(capsys, "--database")
    assert code == 0
    assert (
        "              to match the models it needs:\n"
        "                add orders.paid (INTEGER, nullable)\n"
        "              and 1 difference by what is unknown here\n"
    ) in said


def test_known_drift_is_nothing_that_the_database_needs(project, capsys):
    one = project()
    one.model("orders", "    paid = Column(Integer)\n")
    one.commit_all("forgotten")
    assert rim.run(["upgrade"]) == 0
    capsys.readouterr()
    code, said = status(capsys, "--database")
    assert code == 0
    assert said.endswith(
        "              at       0002  0002\n              1 difference that HEAD has too\n"
    )
    one.model("orders", "    sent = Column(Integer)\n")
    with sqlite3.connect("shop.db") as connection:  # by hand, and in no script
        connection.execute("CREATE TABLE made (id INTEGER)")
    connection.close()
    code, found = looked(capsys)
    (database,) = found["databases"]
    needed = sorted((it["op"], it["object"]) for it in database["drift"])
    assert needed == [("add_column", "orders.sent"), ("remove_table", "made")]
    assert (database["known"], database["theirs"]) == (1, 0)


def test_a_broken_history_is_seen(project, capsys):
    one = project()
    one.replace("migrations/versions/0002_email.py", '"0001"', '"nowhere"')
    code, said = status(capsys)
    assert code == 0
    assert "  scripts   broken history\n" in said
    assert "'nowhere'" in said
    rim.run(["upgrade"])
    said = " ".join(capsys.readouterr().out.split())
    assert "shop: not upgraded: the scripts cannot be loaded: KeyError: 'nowhere'" in said


def test_the_database_is_seen_though_the_history_is_broken(upgraded):
    one = upgraded()
    one.replace("migrations/versions/0002_email.py", '"0001"', '"nowhere"')
    found = look(one)
    assert [revision.id for revision in found.current] == ["0002"]
    assert (found.unknown, found.pending) == ((), ())


def test_no_file_is_made_where_there_is_none(project, capsys):
    one = project()
    code, said = status(capsys, "--database")
    assert code == 3
    assert f"there is no file {one.path}/shop.db" in " ".join(said.split())
    assert not (one.path / "shop.db").exists()


@pytest.mark.parametrize("env", [None, ASYNC_ENV], ids=["sync", "async"])
def test_a_write_ahead_log_is_left_alone(upgraded, env):
    one = upgraded("sqlite+aiosqlite:///shop.db" if env else "sqlite:///shop.db", env=env)
    with sqlite3.connect("shop.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    before = sorted(path.name for path in one.path.iterdir()), (one.path / "shop.db").read_bytes()
    assert look(one).current[0].id == "0002"
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
def test_each_driver(upgraded, server, kind, driver, env):
    database = server(kind)
    found = look(upgraded(database.url(driver), "0001", env=env))
    assert "***@127.0.0.1" in found.place
    assert [revision.id for revision in found.current] == ["0001"]
    assert [revision.id for revision in found.pending] == ["0002"]
    assert [(it.op, it.object) for it in found.drift] == [("add_column", "users.email")]


ENGINE = "connection.exec_driver_sql({!r})"
CURSOR = "connection.connection.cursor().execute({!r})"
TABLE = "CREATE TABLE written (id INTEGER)"
ROW = "INSERT INTO users (id, name) VALUES (1, 1)"
REFUSED = {
    ENGINE.format(TABLE): "env.py writes to the database: CREATE",
    CURSOR.format(TABLE): "",
    CURSOR.format(ROW): "",
    ENGINE.format("SET TRANSACTION READ WRITE"): "env.py writes",
}


@pytest.mark.parametrize(("kind", "driver", "env"), SOME)
def test_it_is_read_only(upgraded, server, kind, driver, env):
    database = server(kind)
    one = upgraded(database.url(driver), env=env)
    text = one.read("migrations/env.py")
    mark = "def run(connection):\n" if env else "with connectable.connect() as connection:\n"
    for writes, said in REFUSED.items():
        indent = "    " if env else "        "
        one.write("migrations/env.py", text.replace(mark, f"{mark}{indent}{writes}\n"))
        with pytest.raises(CouldNotCheck) as caught:
            look(one)
        message = str(caught.value)
        assert said in message if said else re.search("read[ -]only", message, re.IGNORECASE)
        tables = "SELECT table_name FROM information_schema.tables WHERE table_name = 'written'"
        assert not database.sql(tables)
        assert not database.sql("SELECT id FROM users")


def test_a_schema_that_env_py_makes_sure_of_is_not_made(upgraded, server):
    database = server("postgresql")
    one = upgraded(database.url("psycopg2"))
    mark = "with connectable.connect() as connection:\n"
    sure = "        connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS made')\n"
    one.replace("migrations/env.py", mark, mark + sure)
    assert look(one).current[0].id == "0002"
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
def test_a_database_that_is_not_reachable(project, url, said):
    one = project(url)
    with pytest.raises(asking.Unreachable) as caught:
        look(one)
    error = str(caught.value)
    assert "@127.0.0.1:1/x cannot be reached: " in error
    assert said in error
    assert "s3cr3t" not in error
    assert len(error.splitlines()) == 1


def test_a_login_that_is_refused_shows_no_password(project, server, capsys):
    database = server("postgresql")
    project(database.url("psycopg2").replace("adm%25n", "wr0ng-s3cr3t"))
    code, found = looked(capsys)
    assert code == 3
    assert "wr0ng-s3cr3t" not in json.dumps(found)
    assert "password authentication failed" in found["database_error"]["message"]


def test_a_driver_that_is_called_directly_is_refused(upgraded):
    one = upgraded()
    direct = "from alembic import context\nimport sqlite3\nsqlite3.connect('shop.db')\n"
    one.replace("migrations/env.py", "from alembic import context\n", direct)
    with pytest.raises(CouldNotCheck, match="opened directly with sqlite3"):
        look(one)


def test_an_engine_with_a_creator_is_looked_at(upgraded):
    one = upgraded()
    one.replace("migrations/env.py", "connectable = engine_from_config(",
                "import sqlite3\n    engine_from_config = lambda *a, **k: __import__('sqlalchemy')"
                ".create_engine('sqlite://', creator=lambda: sqlite3.connect('shop.db'))\n"
                "    connectable = engine_from_config(")  # fmt: skip
    assert look(one).current[0].id == "0002"


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
    assert rim.run(["upgrade"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert look(one).current[0].id == "0002"


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
    said = " ".join(said.split())
    assert "set it in your shell" in said
    assert "Say it in `environ`" not in said
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    assert rim.run(["upgrade"]) == 0
    assert (one.path / "other.db").exists()
    capsys.readouterr()
    code, said = status(capsys, "--database")
    assert code == 0
    assert "sqlite:///other.db" in said
