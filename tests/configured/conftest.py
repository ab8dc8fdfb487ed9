# ruff: noqa: TID252  (the servers and the shops of other folders)
"""Shops whose configuration names a real database: a file, or a server that is started by hand."""

import sys
from urllib.parse import quote

import pytest

from ..databases.byhand import ADMIN, SECRET
from ..databases.conftest import mariadb, postgres  # noqa: F401  (fixtures)
from ..scenarios.conftest import published, shop, virtualenv  # noqa: F401  (fixtures)
from ..scenarios.shop import adds, environment, script

NOTE = script("0003", "0002", **adds("users", "note", "sa.String(20)"))
ASYNC_ENV = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from shop.models import Base

def run(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"))
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def quickly(warm_workers):
    """What a worker imports is no matter here."""


@pytest.fixture
def project(shop, monkeypatch, cache_dir):  # noqa: F811
    """``project(url)``: a shop with two revisions; it runs in the interpreter of the tests, which
    has all drivers. The tests stand in it."""

    def make(url="sqlite:///shop.db", *, env=None, **options):
        one = shop(commit=False)
        one.environ["REVGUARD_CACHE_DIR"] = str(cache_dir)
        one.write(environment(url.replace("%", "%%"), **options))
        if env:
            one.write("migrations/env.py", env)
        one.write("revguard.toml", f'python = "{sys.executable}"\n')
        one.model()
        one.write("migrations/versions/0002_email.py",
                  script("0002", "0001", **adds("users", "email")))  # fmt: skip
        one.commit_all("first")
        monkeypatch.chdir(one.path)
        return one

    return make


@pytest.fixture
def branch():
    """Put a third revision on the branch feature/notes, and go back to main."""

    def make(one):
        one.git("switch", "-q", "-c", "feature/notes")
        one.model(text='    note = Column("note", String(20))\n')
        one.write("migrations/versions/0003_note.py", NOTE)
        one.commit_all("notes")
        one.git("switch", "-q", "main")

    return make


class Server:
    """A database of a test's own on a real server: its URL by each driver, and SQL."""

    def __init__(self, kind, server, name):
        self.kind, self._server, self.name = kind, server, name

    def url(self, driver):
        if self.kind == "postgresql":
            login = f"{ADMIN}:{quote(SECRET, safe='')}"
            return f"postgresql+{driver}://{login}@127.0.0.1:{self._server.port}/{self.name}"
        login = f"shop:{quote(SECRET, safe='')}"
        return f"mysql+{driver}://{login}@127.0.0.1:{self._server.port}/{self.name}"

    def sql(self, statement):
        connection = self._server.root(self.name)
        try:
            return connection.query(statement)
        finally:
            connection.close()


@pytest.fixture
def server(request):
    """``server(kind)``: a new database on PostgreSQL or MariaDB, dropped with the test."""
    made = []

    def make(kind):
        server = request.getfixturevalue({"postgresql": "postgres", "mysql": "mariadb"}[kind])
        name = f"configured{len(made)}"
        statements = [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"]
        if kind == "mysql":
            password = SECRET.replace("'", "''")
            statements += [
                f"CREATE OR REPLACE USER shop@'127.0.0.1' IDENTIFIED BY '{password}'",
                f"GRANT ALL ON {name}.* TO shop@'127.0.0.1'",
            ]
        connection = server.root()
        for statement in statements:
            connection.query(statement)
        made.append((connection, name))
        return Server(kind, server, name)

    yield make
    for connection, name in made:
        connection.query(f"DROP DATABASE IF EXISTS {name}")
        connection.close()
