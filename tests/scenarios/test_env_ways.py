"""Every way to run env.py, each as a small project: what is clean passes, what changed blocks, and
`add` brings a proven script."""

import re

import pytest

from . import walkthrough
from .shop import MODELS, NOTE, TEMPLATE, environment, files, only, script

SETTINGS = '[environments.shop]\nconfig = "alembic.ini"\n'


RUNS = """
def work(connection, **options):
    context.configure(connection=connection, target_metadata=Base.metadata, **options)
    with context.begin_transaction():
        context.run_migrations()
"""
HEAD = """
from alembic import context
from sqlalchemy import create_engine
from shop.models import Base
"""
ASYNC_TEMPLATE = (TEMPLATE.parent / "async" / "env.py").read_text().replace(
    "target_metadata = None", "from shop.models import Base\ntarget_metadata = Base.metadata"
)  # fmt: skip
PLAIN = f"""{HEAD}{RUNS}
with create_engine("sqlite:///shop.db").connect() as connection:
    work(connection)
"""
LOOP = f"""
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine
{HEAD}{RUNS}
async def main():
    async with create_async_engine("sqlite+aiosqlite:///shop.db").connect() as connection:
        await connection.run_sync(work)
"""
IN_CODE = """
import os
from alembic.config import Config

def make():
    config = Config()
    config.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "steps"))
    config.set_main_option("sqlalchemy.url", "sqlite:///nowhere.db")
    return config
"""
MANAGERS = """
import asyncio, contextlib, threading
from concurrent.futures import ThreadPoolExecutor

state = []

@contextlib.contextmanager
def entered():
    state.append("entered")
    yield
    state.clear()

@contextlib.asynccontextmanager
async def loop():
    state.append(asyncio.get_running_loop())
    yield state
    state.clear()

@contextlib.contextmanager
def thread():
    with ThreadPoolExecutor(1, "worker") as pool:
        yield lambda work: pool.submit(work).result()

@contextlib.asynccontextmanager
async def loop_and_thread():
    state.append(asyncio.get_running_loop())
    yield asyncio.to_thread
"""
RETRIES = f"""
import time
from sqlalchemy import exc
{HEAD}{RUNS}
for again in range(100):
    try:
        with create_engine("sqlite:///shop.db").connect() as connection:
            work(connection)
        break
    except exc.OperationalError as error:
        if "lock" in str(error):
            time.sleep(1)
        else:
            raise
"""
SQLMODEL = """
from sqlmodel import Field, SQLModel

class User(SQLModel, table=True):
    __tablename__ = "users"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
    # more of users

class Order(SQLModel, table=True):
    __tablename__ = "orders"
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="users.id")
"""
SQLMODEL_ENV = PLAIN.replace(
    "from shop.models import Base", "from shop.models import SQLModel as Base"
)
LABELLED = """
revision = "0002"
down_revision = None
branch_labels = ("billing",)
depends_on = "0001"

import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("bills", sa.Column("id", sa.Integer(), primary_key=True),
                    sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id")))

def downgrade():
    op.drop_table("bills")
"""
BILL = """

class Bill(Base):
    __tablename__ = "bills"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id"))
"""
LIST = """
from sqlalchemy import Column, Integer, MetaData, Table
more = MetaData()
Table("parts", more, Column("id", Integer, primary_key=True))
"""
PARTS = script("0002", "0001",
               'op.create_table("parts", sa.Column("id", sa.Integer(), primary_key=True))',
               'op.drop_table("parts")')  # fmt: skip
PYPROJECT = """
[tool.alembic]
script_location = "%(here)s/migrations"
prepend_sys_path = ["."]
"""
LEGACY = """
def include_object(obj, name, type_, reflected, compare_to):
    return not (type_ == "table" and name.startswith("legacy"))

def include_name(name, type_, parents):
    return not (type_ == "table" and name.startswith("old"))
"""
LEGACY_MODELS = (
    MODELS
    + """

class Legacy(Base):
    __tablename__ = "legacy"
    id = Column(Integer, primary_key=True)
"""
)
LEGACY_TABLE = script("0002", "0001",
                      'op.create_table("old", sa.Column("id", sa.Integer(), primary_key=True))',
                      'op.drop_table("old")')  # fmt: skip


def within(name, asks):
    return {
        "revguard.toml": f'{SETTINGS}within = "shop.testing:{name}"\n',
        "shop/testing.py": MANAGERS,
        "migrations/env.py": f"import asyncio, threading\nfrom shop import testing\nassert {asks}\n"
        + PLAIN.lstrip(),
    }


WAYS = {
    "the async template": {
        "migrations/env.py": ASYNC_TEMPLATE,
        "alembic.ini": files()["alembic.ini"].replace("sqlite:", "sqlite+aiosqlite:"),
    },
    "asyncio.run": {"migrations/env.py": f"{LOOP}\nasyncio.run(main())\n"},
    "a loop of its own": {
        "migrations/env.py": f"{LOOP}\nasyncio.new_event_loop().run_until_complete(main())\n"
    },
    "a list of metadata": {
        "shop/parts.py": LIST,
        "migrations/env.py": PLAIN.replace("Base.metadata", "[Base.metadata, parts.more]")
        .replace("from shop.models", "from shop import parts\nfrom shop.models"),
        "migrations/versions/0002.py": PARTS,
    },
    "[tool.alembic]": {
        "pyproject.toml": PYPROJECT, "migrations/env.py": PLAIN, "alembic.ini": None,
    },
    "an ini of another name": {
        "other.ini": files()["alembic.ini"],
        "alembic.ini": "[alembic]\nscript_location = nowhere\n",
        "revguard.toml": SETTINGS.replace("alembic.ini", "other.ini"),
    },
    "a Config built in code": {
        "revguard.toml": '[environments.shop]\nalembic-config = "shop.db.setup:make"\n',
        "shop/db/__init__.py": "", "shop/db/setup.py": IN_CODE, "shop/db/steps/env.py": PLAIN,
        "shop/db/steps/script.py.mako": files()["migrations/script.py.mako"],
        "shop/db/steps/versions/0001.py": files()["migrations/versions/0001_first.py"],
        "alembic.ini": None, "migrations/env.py": None, "migrations/script.py.mako": None,
        "migrations/versions/0001_first.py": None,
    },
    "within a context manager": within("entered", 'testing.state == ["entered"]'),
    "within a loop": within("loop", "asyncio.get_running_loop() is testing.state[0]"),
    "within a thread": within("thread", 'threading.current_thread().name.startswith("worker")'),
    "within a loop, in a thread of it": within(
        "loop_and_thread",
        "testing.state and threading.current_thread() is not threading.main_thread()",
    ),
    "SQLModel": {
        "shop/models.py": SQLMODEL, "migrations/env.py": SQLMODEL_ENV,
        "migrations/versions/0001_first.py": files()["migrations/versions/0001_first.py"],
    },
    "a retry loop": {"migrations/env.py": RETRIES},
    "version directories chosen by env.py": {
        "migrations/env.py": PLAIN.replace("def work", 'context.script.version_locations = '
            '["migrations/versions/sqlite"]\n\ndef work'),
        "migrations/versions/sqlite/0001.py": files()["migrations/versions/0001_first.py"],
        "migrations/versions/0001_first.py": None,
    },
    "a branch that depends on another": {
        "migrations/versions/0002.py": LABELLED, "shop/models.py": MODELS + BILL,
    },
    "include_object and include_name": {
        "migrations/env.py": HEAD + LEGACY + RUNS + """
with create_engine("sqlite:///shop.db").connect() as connection:
    work(connection, include_object=include_object, include_name=include_name)
""",
        "shop/models.py": LEGACY_MODELS, "migrations/versions/0002.py": LEGACY_TABLE,
    },
    "a version table of another name": {
        "migrations/env.py": PLAIN.replace("work(connection)",
            'work(connection, version_table="shop_revisions")'),
    },
    "types/ beside the ini": {
        "types/__init__.py": "raise RuntimeError('shadowed')", "enum.py": "raise RuntimeError",
        "logging/__init__.py": "raise RuntimeError('shadowed')",
        "alembic.ini": files()["alembic.ini"].replace("prepend_sys_path = .\n", ""),
    },
    "a folder named alembic": {
        "alembic/env.py": environment("sqlite:///shop.db")["migrations/env.py"],
        "alembic/script.py.mako": files()["migrations/script.py.mako"],
        "alembic/versions/0001.py": files()["migrations/versions/0001_first.py"],
        "alembic.ini": files()["alembic.ini"].replace("= migrations", "= alembic"),
        "migrations/env.py": None, "migrations/script.py.mako": None,
        "migrations/versions/0001_first.py": None,
    },
    "a pool that recycles": {
        "migrations/env.py": PLAIN.replace('shop.db"', 'shop.db", pool_recycle=300, '
            "echo_pool=True, pool_pre_ping=True, echo=True"),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_the_whole_way(name, made, reports):
    more = {path: text for path, text in WAYS[name].items() if text is not None}
    one = made(more, without={path for path, text in WAYS[name].items() if text is None})
    if name.startswith("types/"):  # Python itself would not start there with -m
        here, revguard = str(one.path), one.revguard
        one.revguard = lambda *args: revguard(*args, "-C", here, cwd=one.path.parent)
    column = "    email = Column(String(100), nullable=True)\n"
    if name == "SQLModel":
        column = "    email: str | None = Field(default=None, max_length=100)\n"
    text = walkthrough.whole_way(one, reports, lambda: one.model("users", column))
    down = "0001" if name == "a branch that depends on another" else ""
    assert re.search(f"^down_revision.* = '{down}", text, re.MULTILINE)


# what is configured and cannot be


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('alembic-config = "shop.nowhere:make"', "shop.nowhere"),
        ('alembic-config = "shop.views:index"', "gives str, no alembic.config.Config"),
        ('alembic-config = "shop.views:make"', "shop.views has no make"),
        (
            'config = "alembic.ini"\nwithin = "shop.views:index"',
            "is no context manager: it gives str",
        ),
        ('config = "alembic.ini"\nwithin = "shop.nowhere:x"', "shop.nowhere"),
    ],
)
def test_a_name_that_leads_nowhere(key, said, made, reports):
    one = made({"revguard.toml": f"[environments.shop]\n{key}\n"})
    report = reports.check(one)
    assert report["verdict"] == "error"
    assert said in only(report)["error"]


def test_a_change_of_what_makes_the_config_is_judged(made, reports):
    one = made({key: text for key, text in WAYS["a Config built in code"].items() if text})
    walkthrough.passes(one, reports)
    one.replace("shop/db/setup.py", "steps", "nowhere")
    one.git("add", "-A")
    report = reports.check(one)
    assert report["verdict"] == "error"
    assert "nowhere" in only(report)["error"]


# several environments


def test_two_sections_of_one_ini(made, reports):
    """Two environments with models and scripts of their own: a change of one is one script."""
    ini = files()["alembic.ini"]
    section = ini[: ini.index("[loggers]")]
    second = section.replace("[alembic]", "[stock]").replace("= migrations", "= stocking")
    one = made({
        "alembic.ini": ini.replace("[loggers]", second + "[loggers]"),
        "revguard.toml": SETTINGS + '[environments.stock]\nconfig = "alembic.ini"\n'
        'section = "stock"\n',
        "stocking/env.py": PLAIN.replace("shop.models", "stock.models"),
        "stocking/script.py.mako": files()["migrations/script.py.mako"],
        "stocking/versions/0001.py": files()["migrations/versions/0001_first.py"],
        "stock/__init__.py": "", "stock/models.py": MODELS,
    })  # fmt: skip
    assert len(walkthrough.passes(one, reports)["environments"]) == 2
    one.model("users", NOTE, "stock/models.py")
    one.git("add", "-A")
    assert only(walkthrough.blocks(one, reports))["name"] == "stock"
    (path,) = walkthrough.adds(one, reports)
    assert path.startswith("stocking/versions/")
    walkthrough.passes(one, reports)


def test_version_directories_chosen_by_dialect(made, reports, postgresql):
    """One change of the models needs two revisions."""
    first = files()["migrations/versions/0001_first.py"]
    environments = "".join(
        f'[environments.{name}]\nalembic-config = "shop.setup:make"\n'
        f'environ = {{ SHOP_URL = "{url}" }}\n'
        for name, url in (("lite", "sqlite:///shop.db"), ("pg", "postgresql+psycopg2:///shop"))
    )
    chosen = """
        import os
        from alembic.config import Config

        def make():
            config = Config()
            dialect = os.environ["SHOP_URL"].partition(":")[0].partition("+")[0]
            config.set_main_option("script_location", "migrations")
            config.set_main_option("version_locations", f"migrations/versions/{dialect}")
            return config
    """
    one = made({
        "revguard.toml": environments, "shop/setup.py": chosen,
        "migrations/env.py": "import os\n" + PLAIN.replace('"sqlite:///shop.db"',
                                                           'os.environ["SHOP_URL"]'),
        "migrations/versions/sqlite/0001.py": first,
        "migrations/versions/postgresql/0001.py": first,
    }, without={"alembic.ini", "migrations/versions/0001_first.py"})  # fmt: skip
    walkthrough.passes(one, reports)
    one.model()
    one.git("add", "-A")
    assert len(walkthrough.blocks(one, reports)["environments"]) == 2
    added = walkthrough.adds(one, reports)
    assert [path.split("/")[2] for path in added] == ["postgresql", "sqlite"]
    walkthrough.passes(one, reports)
