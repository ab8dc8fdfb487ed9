# ruff: noqa: TID252  (the warm processes of all tests)
"""A small shop project in a repository of its own, judged by the command line as users do."""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import platformdirs
import pytest

from ..warm.machine import MACHINE

_spec = importlib.util.spec_from_file_location(
    "worker_virtualenvs", Path(__file__).with_name("virtualenvs.py")
)
virtualenvs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(virtualenvs)

SOURCE = str(Path(__file__).resolve().parents[2] / "hooks")

INI = """\
[alembic]
script_location = migrations
sqlalchemy.url = {url}
{more}
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""

MAKO = '''\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''

MODELS = """\
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), nullable=False)
"""

ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

from shop.models import Base

config = context.config
target_metadata = Base.metadata
connectable = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()
"""

FIRST = '''\
"""users"""
from alembic import op
import sqlalchemy as sa

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade():
    op.drop_table("users")
'''

URLS = {
    "sqlite": "sqlite:///shop.db",
    "postgresql": "postgresql://shop:secret@db.invalid/shop",
}


class Shop:
    """A repository with models and one revision that makes their table, all committed."""

    def __init__(self, folder, *, python=sys.executable, url=URLS["sqlite"], env=ENV, more=""):
        self.folder = Path(folder)
        self.python = str(python)
        self.git("init", "-q", "-b", "main", str(self.folder), cwd=".")
        self.write("alembic.ini", INI.format(url=url.replace("%", "%%"), more=more))
        self.write("migrations/env.py", env)
        self.write("migrations/script.py.mako", MAKO)
        self.write("migrations/versions/0001_users.py", FIRST)
        self.write("shop/__init__.py", "")
        self.write("shop/models.py", MODELS)
        self.settings(timeout=60)
        if self.python == sys.executable:  # the others may be of another time
            MACHINE.workers(self.python)

    def settings(self, **values):
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self.write("revguard.toml", "\n".join([f"python = {json.dumps(self.python)}", *lines]))

    def write(self, path, text):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return target

    def git(self, *argv, cwd=None, check=True):
        done = subprocess.run(
            ["git", *argv], cwd=cwd or self.folder, capture_output=True, text=True, check=check
        )
        return done.stdout

    def stage(self):
        self.git("add", "-A")

    def commit(self, message="change"):
        self.stage()
        self.git("commit", "-q", "-m", message)

    def add_column(self, line="email = sa.Column(sa.String(100))"):
        path = self.folder / "shop/models.py"
        path.write_text(path.read_text(encoding="utf-8") + f"    {line}\n", encoding="utf-8")
        self.stage()

    def run(self, *argv, environ=None, timeout=120):
        variables = {**os.environ, "PYTHONPATH": SOURCE, **(environ or {})}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        return MACHINE.revguard(argv, cwd=self.folder, env=variables, timeout=timeout)

    def judge(self, *argv, environ=None):
        """Exit code and the one environment's report of `revguard check` (or other words)."""
        done = self.run(*(argv or ("check",)), "--format", "json", environ=environ)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        report = json.loads(done.stdout)
        environments = report["environments"]
        if report.get("error"):
            environments = [{"error": report["error"], "findings": []}]
        return done.returncode, environments[0] if environments else None


def rules(environment):
    return [finding["rule"] for finding in environment["findings"]]


@pytest.fixture
def make_shop(tmp_path, cache_dir, initialised):
    """Makes projects; each test has a cache of its own."""
    initialised(cache_dir / "v1")

    def make(**options):
        return Shop(tmp_path / "shop", **options)

    make.ENV, make.FIRST, make.MODELS, make.INI, make.URLS = ENV, FIRST, MODELS, INI, URLS
    make.Shop = Shop
    return make


@pytest.fixture
def shop(make_shop):
    """A project on SQLite, committed and clean."""
    made = make_shop()
    made.commit("start")
    return made


# what `postgresql://` means without a driver's name changed with SQLAlchemy 2.1
OLDER, NEWER = "psycopg2-binary", "psycopg[binary]"
# the Python, "" for the one that runs the tests, and what is installed for it
VIRTUALENVS = {
    "1.8": ("", "alembic==1.8.1", "sqlalchemy==1.4.54", OLDER, "flask-migrate==3.1.0",
            "flask-sqlalchemy==2.5.1", "flask==2.2.5", "werkzeug==2.2.3"),
    "1.13": ("", "alembic==1.13.3", "sqlalchemy==2.0.36", OLDER),
    "1.16": ("", "alembic==1.16.5", "sqlalchemy==1.4.54", OLDER),
    "1.18": ("", "alembic==1.18.0", "sqlalchemy==2.0.51", OLDER, "sqlmodel"),
    "1.20": ("", "alembic>=1.20", "sqlalchemy==2.0.51", OLDER),
    "newest": ("", "alembic", "sqlalchemy>=2.1", NEWER),
    "1.13 on 3.8": ("3.8", "alembic==1.13.3", "sqlalchemy==2.0.36", OLDER),
    "1.8 on 3.9": ("3.9", "alembic==1.8.1", "sqlalchemy==1.4.54", OLDER),
    "1.18 on 3.13": ("3.13", "alembic==1.18.0", "sqlalchemy==2.0.51", OLDER),
}  # fmt: skip


@pytest.fixture(scope="session")
def virtualenv(request, require):
    """The interpreter of one of VIRTUALENVS; all that will be asked for are begun at once."""
    told = os.environ.get("REVGUARD_TEST_CACHE")  # as for the scenarios'
    cache = told or platformdirs.user_cache_dir("revguard-tests")

    def begin(row):
        version, *needs = VIRTUALENVS[row]
        python = virtualenvs.interpreter(version)
        return python and virtualenvs.begin(cache, python, needs)

    for item in request.session.items:
        if "row" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec"):
            begin(item.callspec.params["row"])

    def get(row):
        building = begin(row)
        if building is None:
            pytest.skip(f"no Python for {row} on this machine")
        try:
            return building.result()
        except RuntimeError as error:
            return require(False, f"a virtualenv with {row} ({error})")

    return get


@pytest.fixture(scope="session")
def libraries(request, require):
    """``libraries(requirements)``: the interpreter of a virtualenv that has them."""
    cache = os.environ.get("REVGUARD_TEST_VENVS") or request.config.cache.mkdir("virtualenvs")

    def get(needs):
        try:
            return virtualenvs.begin(cache, virtualenvs.interpreter(""), needs).result()
        except RuntimeError as error:
            return require(False, f"a virtualenv with {needs} ({error})")

    return get


@pytest.fixture(scope="session")
def postgresql(neutral_environ, chosen, serving):
    """A PostgreSQL of ours, for all tests of this process; as the launcher describes it."""
    from revguard.cachedir import cache_dir as cache_folder

    with serving(cache_folder(os.environ), chosen("auto", "postgresql")) as server:
        yield {"dialect": "postgresql", "url": server.create()}
