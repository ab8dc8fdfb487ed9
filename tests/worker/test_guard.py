"""No connection leaves for the place that a project names: redirected, or refused with a remedy."""

import contextlib
import hashlib
import json
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

WORKER = str(Path(__file__).resolve().parents[2] / "hooks" / "revguard" / "worker")

START = """\
import importlib.util, json, os, sys
given = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location(
    "_revguard_worker", given["worker"] + "/__init__.py",
    submodule_search_locations=[given["worker"]],
)
package = importlib.util.module_from_spec(spec)
sys.modules["_revguard_worker"] = package
spec.loader.exec_module(package)
from _revguard_worker import drivers, failure, guard, observe

HOST, PORT, SOCKETS, FILE, TREE = (
    given[name] for name in ("host", "port", "sockets", "file", "tree")
)
URL = f"//u:p@{HOST}:{PORT}/prod"
EPHEMERAL = given["database"]
PLACE = EPHEMERAL["url"]
GUARD = guard.Guard(lambda dialect: EPHEMERAL)
OBSERVER = observe.Observer(TREE)
guard.install(GUARD)
drivers.install(GUARD, OBSERVER)
OBSERVER.install()
os.chdir(TREE)
import asyncio
import sqlalchemy as sa
"""

ASYNC = """
async def main(engine):
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(QUESTION)).scalar()
print(asyncio.run(main(engine)))
"""
SYNC = """
with engine.connect() as connection:
    print(connection.exec_driver_sql(QUESTION).scalar())
"""
QUESTION = {
    "mysql": "QUESTION = 'select database()'\n",
    "mariadb": "QUESTION = 'select database()'\n",
    "postgresql": "QUESTION = 'select current_database()'\n",
    "sqlite": "QUESTION = 'select file from pragma_database_list'\n",
}


class Listener:
    """Hears who connects, over TCP or a unix socket; answers nobody."""

    def __init__(self, family, address):
        self.came = 0
        self._socket = socket.socket(family)
        self._socket.bind(address)
        self._socket.listen(16)
        self.address = self._socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.came += 1
                client.close()

    def close(self):
        self._socket.close()


@pytest.fixture
def place(tmp_path, tmp_path_factory):
    """What a project may name: a port, a unix socket, a file; none of them may be touched."""
    sockets = tmp_path_factory.mktemp("s", numbered=True)
    tcp = Listener(socket.AF_INET, ("127.0.0.1", 0))
    unix = Listener(socket.AF_UNIX, str(sockets / ".s.PGSQL.5432"))
    mysql = Listener(socket.AF_UNIX, str(sockets / "mysqld.sock"))
    file = tmp_path / "user.db"
    file.write_bytes(b"")
    subprocess.run([sys.executable, "-c", MAKE_FILE, str(file)], check=True)
    before = _state(file)
    tree = tmp_path / "tree"
    tree.mkdir()
    yield {
        "worker": WORKER,
        "host": "127.0.0.1",
        "port": tcp.address[1],
        "sockets": str(sockets),
        "file": str(file),
        "tree": str(tree),
    }
    tcp.close()
    unix.close()
    mysql.close()
    assert (tcp.came, unix.came, mysql.came) == (0, 0, 0)
    assert _state(file) == before
    assert sorted(path.name for path in tmp_path.iterdir() if "user.db" in path.name) == ["user.db"]


MAKE_FILE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript("create table kept (id integer)")
"""


def _state(file):
    return hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns


def guarded(place, database, body, *, python=sys.executable, environ=None):
    """Run a body as the project's code under the guard."""
    given = json.dumps({**place, "database": database})
    return subprocess.run(
        [str(python), "-c", START + QUESTION[database["dialect"]] + body, given],
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
    )


@pytest.fixture
def sqlite(tmp_path):
    folder = tmp_path / "ephemeral"
    folder.mkdir()
    return {"dialect": "sqlite", "url": {"database": str(folder / "app.db")}}


URL = 'engine = sa.create_engine("postgresql+{}:" + URL'
ON_POSTGRESQL = {
    "psycopg2": URL.format("psycopg2") + ")",
    "psycopg": URL.format("psycopg") + ")",
    "pg8000": URL.format("pg8000") + ")",
    "unix socket": 'engine = sa.create_engine(f"postgresql+psycopg2://u@/prod?host={SOCKETS}")',
    "several hosts": 'engine = sa.create_engine(f"postgresql+psycopg2://u@/prod?host={HOST}:{PORT}'
    '&host=db2:5432")',
    "engine_from_config": 'engine = sa.engine_from_config({"x.url": "postgresql+psycopg2:" + URL},'
    ' prefix="x.")',
    "creator": URL.format("psycopg2") + ", creator=lambda: __import__('psycopg2').connect("
    'host=HOST, port=PORT, dbname="prod"))',
    "creator of pg8000": URL.format("pg8000")
    + ", creator=lambda: __import__('pg8000').connect('u', host=HOST, port=PORT))",
    "pool": """
        import psycopg2
        pool = sa.pool.QueuePool(lambda: psycopg2.connect(host=HOST, port=PORT))
        engine = sa.create_engine("postgresql+psycopg2:" + URL, pool=pool)
    """,
    "NullPool": URL.format("psycopg2") + ", poolclass=sa.pool.NullPool)",
    "StaticPool": URL.format("psycopg2") + ", poolclass=sa.pool.StaticPool)",
    "AssertionPool": URL.format("psycopg") + ", poolclass=sa.pool.AssertionPool)",
    "connect_args of psycopg2": URL.format("psycopg2")
    + ', connect_args={"sslmode": "verify-full", "sslrootcert": "/nowhere", "host": HOST,'
    ' "port": PORT, "connect_timeout": 2, "target_session_attrs": "read-only"})',
    "connect_args of psycopg": URL.format("psycopg")
    + ', connect_args={"sslmode": "require", "hostaddr": HOST, "service": "none"})',
    "connect_args of pg8000": URL.format("pg8000")
    + ', connect_args={"ssl_context": True, "timeout": 5})',
    "listener do_connect": URL.format("psycopg2")
    + """)
        @sa.event.listens_for(engine, "do_connect")
        def token(dialect, record, cargs, cparams):
            import psycopg2
            return psycopg2.connect(host=HOST, port=PORT)
    """,
    "listener connect": URL.format("psycopg2")
    + """)
        @sa.event.listens_for(engine, "connect")
        def settle(connection, record):
            connection.cursor().execute("set application_name to 'shop'")
    """,
    "listener on the class": """
        from sqlalchemy.engine import Engine
        @sa.event.listens_for(Engine, "do_connect")
        def other(dialect, record, cargs, cparams):
            cparams.update(host=HOST, port=PORT)
        engine = sa.create_engine("postgresql+psycopg2:" + URL)
    """,
    "PGHOSTADDR": """
        os.environ.update(PGHOSTADDR=HOST, PGPORT=str(PORT), PGSSLMODE="verify-full",
                          PGSERVICE="nowhere", PGREQUIREPEER="nobody-at-all")
        engine = sa.create_engine("postgresql+psycopg2://")
    """,
    "PGHOSTADDR psycopg": """
        os.environ.update(PGHOSTADDR=HOST, PGPORT=str(PORT), PGSSLMODE="verify-full")
        engine = sa.create_engine("postgresql+psycopg://")
    """,
    "asyncpg": 'ASYNC("postgresql+asyncpg:" + URL)',
    "asyncpg with ssl": 'ASYNC("postgresql+asyncpg:" + URL + "?ssl=require", '
    'connect_args={"server_settings": {"search_path": "pg_catalog"}, "timeout": 5})',
    "asyncpg NullPool": 'ASYNC("postgresql+asyncpg:" + URL, poolclass=sa.pool.NullPool)',
    "psycopg async": 'ASYNC("postgresql+psycopg:" + URL)',
    "async_creator": """
        async def connect():
            import asyncpg
            return await asyncpg.connect(host=HOST, port=PORT)
        ASYNC("postgresql+asyncpg:" + URL, async_creator=connect)
    """,
    "async_engine_from_config": """
        from sqlalchemy.ext.asyncio import async_engine_from_config
        engine = async_engine_from_config(
            {"sqlalchemy.url": "postgresql+asyncpg:" + URL}, poolclass=sa.pool.NullPool
        )
    """,
}


def body_of(text):
    text = textwrap.dedent(text.strip("\n"))
    if text.startswith("engine = ") and "\n        " in text:  # a first line and an indented rest
        first, _, rest = text.partition("\n")
        text = first + "\n" + textwrap.dedent(rest)
    is_async = "ASYNC(" in text or "async_engine_from_config(" in text
    text = text.replace("ASYNC(", "engine = create_async_engine(")
    start = "from sqlalchemy.ext.asyncio import create_async_engine\n" if is_async else ""
    return start + text + (ASYNC if is_async else SYNC)


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_an_engine_is_redirected(name, place, postgresql):
    done = guarded(place, postgresql, body_of(ON_POSTGRESQL[name]))
    assert (done.returncode, done.stdout) == (0, f"{postgresql['url']['database']}\n"), done.stderr


ON_SQLITE = {
    "file": 'engine = sa.create_engine(f"sqlite:///{FILE}")',
    "in memory": 'engine = sa.create_engine("sqlite://")',
    "in memory, named": 'engine = sa.create_engine("sqlite:///:memory:")',
    "shared memory": 'engine = sa.create_engine("sqlite:///file:x?mode=memory&uri=true")',
    "URI": 'engine = sa.create_engine(f"sqlite:///file:{FILE}?mode=rw&uri=true")',
    "relative": 'engine = sa.create_engine("sqlite:///new.db")',
    "detect_types": """
        import sqlite3
        engine = sa.create_engine(
            f"sqlite:///{FILE}", connect_args={"detect_types": sqlite3.PARSE_COLNAMES}
        )
    """,
    "creator": 'engine = sa.create_engine("sqlite://", creator=lambda: __import__("sqlite3")'
    ".connect(FILE))",
    "StaticPool": 'engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, '
    'connect_args={"check_same_thread": False})',
    "pragma": """
        engine = sa.create_engine(f"sqlite:///{FILE}")
        @sa.event.listens_for(engine, "connect")
        def settle(connection, record):
            connection.execute("pragma foreign_keys = on")
    """,
    "options of the pool": 'engine = sa.create_engine(f"sqlite:///{FILE}", pool_pre_ping=True, '
    "pool_recycle=10, pool_reset_on_return=None, echo_pool=False, pool_logging_name='p')",
    "aiosqlite": 'ASYNC(f"sqlite+aiosqlite:///{FILE}")',
    "aiosqlite in memory": 'ASYNC("sqlite+aiosqlite://")',
}


@pytest.mark.parametrize("name", ON_SQLITE)
def test_an_engine_on_sqlite_is_redirected(name, place, sqlite):
    done = guarded(place, sqlite, body_of(ON_SQLITE[name]))
    assert (done.returncode, done.stdout) == (0, f"{sqlite['url']['database']}\n"), done.stderr
    assert list(Path(place["tree"]).iterdir()) == []


KEPT = {
    "options": ("psycopg2", '{"options": "-c search_path=pg_catalog"}', "show search_path"),
    "in the URL": ("psycopg2", "{}", "show application_name"),
    "psycopg": ("psycopg", '{"options": "-c search_path=pg_catalog"}', "show search_path"),
    "pg8000": ("pg8000", '{"application_name": "pg_catalog"}', "show application_name"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_address_is_kept(name, place, postgresql):
    driver, arguments, question = KEPT[name]
    query = "?application_name=pg_catalog" if name == "in the URL" else ""
    body = f"""
engine = sa.create_engine("postgresql+{driver}:" + URL + "{query}", connect_args={arguments})
QUESTION = "{question}"
"""
    done = guarded(place, postgresql, body + SYNC)
    assert (done.returncode, done.stdout) == (0, "pg_catalog\n"), done.stderr


def test_server_settings_are_kept(place, postgresql):
    body = """
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_async_engine(
    "postgresql+asyncpg:" + URL, connect_args={"server_settings": {"search_path": "pg_catalog"}}
)
QUESTION = "show search_path"
"""
    done = guarded(place, postgresql, body + ASYNC)
    assert (done.returncode, done.stdout) == (0, "pg_catalog\n"), done.stderr


DIRECT = {
    "psycopg2": "import psycopg2; psycopg2.connect(host=HOST, port=PORT, dbname='prod')",
    "psycopg2 by text": "import psycopg2; psycopg2.connect(f'host={HOST} port={PORT} dbname=app')",
    "psycopg2 by URL": "import psycopg2; psycopg2.connect('postgresql:' + URL)",
    "psycopg2 by name": "from psycopg2 import connect; connect(host=HOST, port=PORT)",
    "psycopg2 by environ": "import psycopg2; os.environ.update(PGHOST=HOST, PGPORT=str(PORT)); "
    "psycopg2.connect('')",
    "psycopg2, half ephemeral": "import psycopg2; psycopg2.connect(host=PLACE['host'], "
    "port=PLACE['port'], dbname=PLACE['database'], hostaddr=HOST)",
    "psycopg2 pool": "from psycopg2.pool import SimpleConnectionPool as Pool; "
    "Pool(1, 2, host=HOST, port=PORT)",
    "psycopg": "import psycopg; psycopg.connect(f'host={HOST} port={PORT}')",
    "psycopg by name": "from psycopg import connect; connect('postgresql:' + URL)",
    "psycopg by class": "from psycopg import Connection; Connection.connect(host=HOST, port=PORT)",
    "psycopg by subclass": """
        import psycopg
        class Mine(psycopg.Connection):
            pass
        Mine.connect(host=HOST, port=PORT)
    """,
    "psycopg async": "import psycopg; asyncio.run(psycopg.AsyncConnection.connect('host=' + HOST))",
    "psycopg unix socket": "import psycopg; psycopg.connect(host=SOCKETS)",
    "asyncpg": "import asyncpg; asyncio.run(asyncpg.connect('postgresql:' + URL))",
    "asyncpg by name": "from asyncpg.connection import connect; "
    "asyncio.run(connect(host=HOST, port=PORT))",
    "asyncpg pool": """
        import asyncpg
        async def main():
            async with asyncpg.create_pool(host=HOST, port=PORT, user="u", database="d"):
                pass
        asyncio.run(main())
    """,
    "pg8000": "import pg8000; pg8000.connect('u', host=HOST, port=PORT)",
    "pg8000.dbapi": "from pg8000.dbapi import connect; connect('u', host=HOST, port=PORT)",
    "pg8000.native": "from pg8000.native import Connection; Connection('u', host=HOST, port=PORT)",
    "sqlite3": "import sqlite3; sqlite3.connect(FILE)",
    "sqlite3 by name": "from sqlite3.dbapi2 import connect; connect(FILE)",
    "sqlite3 read-only": "import sqlite3; sqlite3.connect(f'file:{FILE}?mode=ro', uri=True)",
    "sqlite3 relative": "import sqlite3; sqlite3.connect('new.db')",
    "sqlite3 by path": "import sqlite3, pathlib; sqlite3.connect(pathlib.Path(FILE))",
    "aiosqlite": """
        import aiosqlite
        async def main():
            async with aiosqlite.connect(FILE):
                pass
        asyncio.run(main())
    """,
    "pool without an engine": """
        import psycopg2
        sa.pool.QueuePool(lambda: psycopg2.connect(host=HOST, port=PORT)).connect()
    """,
}


@pytest.mark.parametrize("name", DIRECT)
def test_a_direct_call_is_refused(name, place, postgresql):
    code = textwrap.dedent(DIRECT[name].strip("\n"))
    known = "GUARD.database(sa.create_engine('postgresql+psycopg2://').dialect)\n"
    done = guarded(place, postgresql, known + code)
    assert done.returncode == 1
    assert "Refused: a connection opened directly with " in done.stderr
    assert "go through an SQLAlchemy engine or `op.get_bind()`" in done.stderr
    assert list(Path(place["tree"]).iterdir()) == []


EPHEMERAL = {
    "psycopg2": "import psycopg2; psycopg2.connect(host=PLACE['host'], port=PLACE['port'], "
    "user='postgres', dbname=PLACE['database'])",
    "psycopg2 by text": "import psycopg2; psycopg2.connect(\"host='%s' port=%s user=postgres "
    "dbname=%s\" % (PLACE['host'], PLACE['port'], PLACE['database']))",
    "psycopg by URL": "import psycopg, urllib.parse; psycopg.connect('postgresql://postgres@/' + "
    "PLACE['database'] + '?port=%s&host=%s' % (PLACE['port'], "
    "urllib.parse.quote(PLACE['host'], safe='')))",
    "asyncpg": "import asyncpg; asyncio.run(asyncpg.connect(host=PLACE['host'], "
    "port=PLACE['port'], user='postgres', database=PLACE['database']))",
}


@pytest.mark.parametrize("name", EPHEMERAL)
def test_the_ephemeral_database_may_be_called_directly(name, place, postgresql):
    known = "GUARD.database(sa.create_engine('postgresql+psycopg2://').dialect)\n"
    done = guarded(place, postgresql, known + EPHEMERAL[name])
    assert done.returncode == 0, done.stderr


HARMLESS = {
    "in memory": "import sqlite3; sqlite3.connect(':memory:')",
    "a temporary one": "import sqlite3; sqlite3.connect('')",
    "tracked data": "import sqlite3; open('seed.db', 'w').close(); sqlite3.connect('seed.db')",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_sqlite_that_is_nobodys(name, place, postgresql):
    done = guarded(place, postgresql, HARMLESS[name])
    assert done.returncode == 0, done.stderr


def test_writing_tracked_data_is_noted(place, postgresql):
    Path(place["tree"], "seed.db").write_bytes(b"")
    body = "import sqlite3; sqlite3.connect('seed.db')\nprint(OBSERVER.result()['written'])"
    assert guarded(place, postgresql, body).stdout == "True\n"


def test_another_dialect_is_refused(place, postgresql):
    body = "GUARD.database(sa.create_engine('postgresql+psycopg2://').dialect)\n"
    body += "sa.create_engine(f'sqlite:///{FILE}').connect()"
    done = guarded(place, postgresql, body)
    assert "Refused: a sqlite connection was refused: the ephemeral database is" in done.stderr


def test_a_loop_of_refusals_ends(place, postgresql):
    body = """
import psycopg2
while True:
    try:
        psycopg2.connect(host=HOST, port=PORT)
    except Exception:
        pass
"""
    done = guarded(place, postgresql, body)
    assert "RefusedAgain: a connection opened directly with psycopg2" in done.stderr


@pytest.fixture(scope="session")
def mariadb(mariadb_server):
    """As the launcher would describe it."""
    mariadb_server.execute("CREATE DATABASE guarded")
    url = {**mariadb_server.url, "database": "guarded"}
    yield {"dialect": "mysql", "url": url}
    mariadb_server.drop(url)


MYSQL = 'engine = sa.create_engine("mysql+{}:" + URL'
TLS = '"ssl": {"ca": "/nowhere"}, "ssl_disabled": False, "read_default_file": "/nowhere"'
ON_MYSQL = {
    "pymysql": MYSQL.format("pymysql") + ")",
    "mysql.connector": MYSQL.format("mysqlconnector") + ")",
    "aiomysql": 'ASYNC("mysql+aiomysql:" + URL)',
    "asyncmy": 'ASYNC("mysql+asyncmy:" + URL)',
    "unix socket": "engine = sa.create_engine("
    'f"mysql+pymysql://u@/prod?unix_socket={SOCKETS}/mysqld.sock")',
    "unix socket of mysql.connector": "engine = sa.create_engine("
    'f"mysql+mysqlconnector://u@/prod?unix_socket={SOCKETS}/mysqld.sock")',
    "TLS and option files": MYSQL.format("pymysql")
    + ", connect_args={"
    + TLS.replace('"ssl_disabled": False, ', "")
    + ', "read_default_group": "client", "host": HOST})',
    "TLS of mysql.connector": MYSQL.format("mysqlconnector") + ', connect_args={"ssl_ca": '
    '"/nowhere", "ssl_verify_cert": True, "option_files": "/nowhere", "failover": []})',
    "TLS of asyncmy": 'ASYNC("mysql+asyncmy:" + URL, connect_args={"ssl": True})',
    "creator": MYSQL.format("pymysql") + ", creator=lambda: __import__('pymysql').connect("
    'host=HOST, port=PORT, database="prod"))',
    "creator of mysql.connector": MYSQL.format("mysqlconnector")
    + ", creator=lambda: __import__('mysql.connector').connector.connect(host=HOST, port=PORT))",
    "async_creator": """
        async def connect():
            import aiomysql
            return await aiomysql.connect(host=HOST, port=PORT)
        ASYNC("mysql+aiomysql:" + URL, async_creator=connect)
    """,
    "variables": """
        os.environ.update(MYSQL_HOST=HOST, MYSQL_TCP_PORT=str(PORT), MYSQL_PWD="p",
                          MYSQL_UNIX_PORT=SOCKETS + "/mysqld.sock")
        engine = sa.create_engine("mysql+pymysql:" + URL)
    """,
}


def each(bodies):
    """Each body in a scope of its own, all in one process; prints its id and what it printed."""
    return f"""
import contextlib, io
for name, body in {bodies!r}.items():
    GUARD.refused.clear()
    found = io.StringIO()
    try:
        with contextlib.redirect_stdout(found):
            exec(body, dict(globals()))
    except failure.Refused as error:
        found.write(str(error))
    except BaseException as error:
        found.write(repr(error))
    print(json.dumps([name, found.getvalue()]))
"""


def printed(done):
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


def test_engines_on_mysql_are_redirected(place, mariadb):
    bodies = {name: body_of(text) for name, text in ON_MYSQL.items()}
    found = printed(guarded(place, mariadb, each(bodies)))
    assert found == dict.fromkeys(ON_MYSQL, "guarded\n")


def test_an_engine_on_mariadb_is_redirected(place, mariadb):
    body = body_of('engine = sa.create_engine("mariadb+pymysql:" + URL)')
    done = guarded(place, {**mariadb, "dialect": "mariadb"}, body)
    assert (done.returncode, done.stdout) == (0, "guarded\n"), done.stderr


KEPT_ON_MYSQL = {
    "init_command": ("pymysql", '{"init_command": "set @x = 7"}', "select @x", "7"),
    "sql_mode": ("pymysql", '{"sql_mode": "ANSI_QUOTES"}', "select @@sql_mode", "ANSI_QUOTES"),
    "charset": ("pymysql", '{"charset": "latin1"}', "select @@character_set_client", "latin1"),
    "client_flag": ("pymysql", '{"client_flag": 1 << 16}', "select 5; select 6", "5"),
    "of mysql.connector": (
        "mysqlconnector", '{"init_command": "set @x = 7", "charset": "latin1"}',
        "select concat(@x, @@character_set_client)", "7latin1",
    ),
}  # fmt: skip


def test_what_is_no_address_is_kept_on_mysql(place, mariadb):
    bodies = {
        name: f'engine = sa.create_engine("mysql+{driver}:" + URL, connect_args={arguments})\n'
        f'QUESTION = "{question}"\n{SYNC}'
        for name, (driver, arguments, question, _) in KEPT_ON_MYSQL.items()
    }
    found = printed(guarded(place, mariadb, each(bodies)))
    assert found == {name: f"{answer}\n" for name, (*_, answer) in KEPT_ON_MYSQL.items()}


DIRECT_ON_MYSQL = {
    "pymysql": "import pymysql; pymysql.connect(host=HOST, port=PORT, user='u')",
    "pymysql by name": "from pymysql import Connect; Connect(host=HOST, port=PORT)",
    "pymysql by class": "from pymysql.connections import Connection; Connection(host=HOST)",
    "pymysql unix socket": "import pymysql; pymysql.connect(unix_socket=SOCKETS + '/mysqld.sock', "
    "user='u', database='guarded')",
    "pymysql, half ephemeral": "import pymysql; pymysql.connect(unix_socket=PLACE['socket'], "
    "host='db.invalid', database='guarded')",
    "pymysql, another database": "import pymysql; pymysql.connect(unix_socket=PLACE['socket'], "
    "database='mysql')",
    "pymysql, option file": "import pymysql; pymysql.connect(unix_socket=PLACE['socket'], "
    "database='guarded', read_default_file='/nowhere')",
    "aiomysql": "import aiomysql; asyncio.run(aiomysql.connect(host=HOST, port=PORT).__aenter__())",
    "aiomysql pool": """
        import aiomysql
        async def main():
            async with aiomysql.create_pool(host=HOST, port=PORT, user="u"):
                pass
        asyncio.run(main())
    """,
    "asyncmy": """
        import asyncmy
        async def main():
            await asyncmy.connect(host=HOST, port=PORT, user="u")
        asyncio.run(main())
    """,
    "asyncmy pool": """
        import asyncmy
        async def main():
            await asyncmy.create_pool(host=HOST, port=PORT, user="u")
        asyncio.run(main())
    """,
    "mysql.connector": "import mysql.connector; mysql.connector.connect(host=HOST, port=PORT)",
    "mysql.connector in Python": "import mysql.connector as c; c.connect(host=HOST, port=PORT, "
    "use_pure=True)",
    "mysql.connector by class": "from mysql.connector import MySQLConnection; "
    "MySQLConnection(host=HOST, port=PORT)",
    "mysql.connector unix socket": "import mysql.connector as c; c.connect(user='u', "
    "unix_socket=SOCKETS + '/mysqld.sock')",
    "mysql.connector pool": "from mysql.connector.pooling import MySQLConnectionPool as Pool; "
    "Pool(pool_size=1, host=HOST, port=PORT)",
    "mysql.connector async": "import mysql.connector.aio as c; "
    "asyncio.run(c.connect(host=HOST, port=PORT))",
}


KNOWN = "GUARD.database(sa.create_engine('mysql+pymysql://').dialect)\n"


def test_direct_calls_of_mysql_are_refused(place, mariadb):
    bodies = {name: textwrap.dedent(text.strip("\n")) for name, text in DIRECT_ON_MYSQL.items()}
    found = printed(guarded(place, mariadb, KNOWN + each(bodies)))
    for name, said in found.items():
        driver = name.split()[0].rstrip(",")
        assert said.startswith(f"a connection opened directly with {driver} was refused"), name


ADDRESS = "unix_socket=PLACE['socket'], user='root'"
EPHEMERAL_ON_MYSQL = {
    "pymysql": f"import pymysql; pymysql.connect({ADDRESS}, database='guarded').close()",
    "pymysql with a host": "import pymysql; "
    f"pymysql.connect(host='localhost', {ADDRESS}, db='guarded').close()",
    "aiomysql": f"""
        import aiomysql
        async def main():
            async with aiomysql.connect({ADDRESS}, db="guarded"):
                pass
        asyncio.run(main())
    """,
    "asyncmy": f"""
        import asyncmy
        async def main():
            async with asyncmy.connect({ADDRESS}, db="guarded"):
                pass
        asyncio.run(main())
    """,
    "mysql.connector": "import mysql.connector as c; "
    f"c.connect({ADDRESS}, database='guarded', collation='utf8mb4_general_ci').close()",
    "mysql.connector async": f"""
        import mysql.connector.aio as c
        async def main():
            await (await c.connect({ADDRESS}, database="guarded",
                                   collation="utf8mb4_general_ci")).close()
        asyncio.run(main())
    """,
}


def test_the_ephemeral_database_of_mysql_may_be_called_directly(place, mariadb):
    bodies = {name: textwrap.dedent(text.strip("\n")) for name, text in EPHEMERAL_ON_MYSQL.items()}
    found = printed(guarded(place, mariadb, KNOWN + each(bodies)))
    assert found == dict.fromkeys(EPHEMERAL_ON_MYSQL, "")


@pytest.mark.parametrize("future", [False, True], ids=["legacy", "future"])
@pytest.mark.parametrize("how", ["", ", creator=lambda: psycopg2.connect(host=HOST, port=PORT)"])
def test_engines_of_sqlalchemy_1_4(future, how, virtualenv, place, postgresql):
    body = f"""
import psycopg2
engine = sa.create_engine("postgresql+psycopg2:" + URL, future={future}{how})
"""
    python = virtualenv("1.8")
    done = guarded(place, postgresql, body + SYNC, python=python)
    assert (done.returncode, done.stdout) == (0, f"{postgresql['url']['database']}\n"), done.stderr
