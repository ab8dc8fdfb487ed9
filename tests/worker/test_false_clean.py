"""Nothing is clean because nothing was compared: each way to see no change, told as what it is, and
beside each the nearest project that does nothing wrong."""

import os
import textwrap
from typing import NamedTuple

import pytest

from revguard import databases

IMPORTS = """\
from alembic import context
from sqlalchemy import create_engine, text
from shop.models import Base
"""
ENGINE = 'engine = create_engine("sqlite:///shop.db")\n'
CONFIGURE = "context.configure(connection=connection, target_metadata=Base.metadata{})"
# `more` goes to configure(), `before` and `after` stand around the run
PLAIN = """\
{before}
with engine.connect() as connection:
    {configure}
    with context.begin_transaction():
        context.run_migrations()
{after}
"""


def plain(before="", after="", more="", engine=ENGINE):
    body = PLAIN.format(before=before, after=after, configure=CONFIGURE.format(more))
    return IMPORTS + engine + body


MORE = """

class More(Base):
    __tablename__ = "more"
    id = sa.Column(sa.Integer, primary_key=True)
"""


class Row(NamedTuple):
    """env.py that must not pass, what is said, and one that does the like and is right."""

    env: str
    said: str
    hint: str
    innocent: str


LOOP = (
    """\
with engine.connect() as connection:
    for tenant in {}:
        """
    + CONFIGURE.format("")
    + """
        with context.begin_transaction():
            context.run_migrations()
"""
)
ROWS = {
    "no tenants": Row(
        IMPORTS + ENGINE + LOOP.format("connection.exec_driver_sql('SELECT 1 WHERE 0').fetchall()"),
        "context.run_migrations() was not called",
        "tenants",
        IMPORTS
        + ENGINE
        + LOOP.format("connection.exec_driver_sql('SELECT 1').fetchall()").replace(
            "        context.configure", "        connection.rollback()\n        context.configure"
        ),
    ),
    "no databases": Row(
        IMPORTS + ENGINE + "for name in []:\n" + textwrap.indent(plain()[len(IMPORTS) :], "    "),
        "env.py opened no connection",
        "tenants",
        IMPORTS + "for name in [1]:\n" + textwrap.indent(plain()[len(IMPORTS) :], "    "),
    ),
    "create_all": Row(
        plain("Base.metadata.create_all(engine)"),
        "something made tables before the first revision ran (users)",
        "Keep it from doing so",
        plain("assert Base.metadata.create_all"),
    ),
    "create_all and stamp": Row(
        plain(
            "with engine.begin() as one:\n"
            "    Base.metadata.create_all(one)\n"
            "    one.execute(text('CREATE TABLE alembic_version (version_num VARCHAR(32))'))\n"
            "    one.execute(text(\"INSERT INTO alembic_version VALUES ('0001')\"))"
        ),
        "something made tables before the first revision ran (users)",
        "Keep it from doing so",
        plain("with engine.begin() as one:\n    one.execute(text('SELECT 1'))"),
    ),
    "stamp": Row(
        plain(
            "with engine.begin() as one:\n"
            "    one.execute(text('CREATE TABLE alembic_version (version_num VARCHAR(32))'))\n"
            "    one.execute(text(\"INSERT INTO alembic_version VALUES ('0001')\"))"
        ),
        "something migrated or stamped the database before env.py ran its revisions (it was at "
        "0001 already)",
        "Keep it from doing so",
        # what many do whose ids are long
        plain(
            "with engine.begin() as one:\n"
            "    one.execute(text('CREATE TABLE IF NOT EXISTS alembic_version "
            "(version_num VARCHAR(128) NOT NULL PRIMARY KEY)'))"
        ),
    ),
    "columns that are missing are added": Row(
        plain(
            "with engine.begin() as one:\n"
            "    found = one.execute(text('PRAGMA table_info(users)')).fetchall()\n"
            "    if found and not any(row[1] == 'email' for row in found):\n"
            "        one.execute(text('ALTER TABLE users ADD COLUMN email VARCHAR(100)'))"
        ),
        "`ALTER TABLE users ADD COLUMN email VARCHAR(100)`",
        "tables are changed by revisions",
        plain("with engine.begin() as one:\n    one.execute(text('PRAGMA table_info(users)'))"),
    ),
    "no metadata": Row(
        plain().replace("=Base.metadata", "=None"),
        "target_metadata",
        "",
        plain().replace("=Base.metadata", "=[Base.metadata]"),
    ),
    "metadata without tables": Row(
        plain("from sqlalchemy import MetaData").replace("=Base.metadata", "=MetaData()"),
        "the target metadata has no tables",
        "Import every module",
        plain("from sqlalchemy import MetaData").replace(
            "=Base.metadata", "=[MetaData(), Base.metadata]"
        ),
    ),
    "every table left out": Row(
        plain(more=", include_object=lambda item, name, kind, *more: kind != 'table'"),
        "env.py leaves out every table of the target metadata",
        "include_object",
        plain(more=", include_object=lambda item, name, kind, *more: name != 'others'"),
    ),
    "every script taken away": Row(
        plain(
            "def empty(context, revision, directives):\n    directives[:] = []",
            more=", process_revision_directives=empty",
        ),
        "takes away a script that is not empty (add_column users.email)",
        "if script.upgrade_ops.is_empty()",
        plain(
            "def empty(context, revision, directives):\n"
            "    if directives[0].upgrade_ops.is_empty():\n        directives[:] = []",
            more=", process_revision_directives=empty",
        ),
    ),
    "an exception is hidden": Row(
        IMPORTS
        + ENGINE
        + "def broken(context, *more):\n    raise ValueError('cannot compare')\n"
        + "try:\n"
        + textwrap.indent(
            plain(more=", compare_type=broken")[len(IMPORTS + ENGINE) :].strip(), "    "
        )
        + "\nexcept Exception as error:\n    print(error)\n",
        "env.py hides an exception that ended the comparison: ValueError: cannot compare",
        "Let exceptions",
        IMPORTS
        + ENGINE
        + "try:\n"
        + textwrap.indent(plain()[len(IMPORTS + ENGINE) :].strip(), "    ")
        + "\nexcept Exception as error:\n    print(error)\n",
    ),
    "offline only": Row(
        IMPORTS + "context.configure(url='sqlite:///shop.db', target_metadata=Base.metadata, "
        "literal_binds=True)\nwith context.begin_transaction():\n    context.run_migrations()\n",
        "gave context.configure() no connection",
        "connection=",
        IMPORTS + ENGINE + "if context.is_offline_mode():\n"
        "    context.configure(url='sqlite:///shop.db', target_metadata=Base.metadata)\n"
        "    context.run_migrations()\nelse:\n"
        + textwrap.indent(plain()[len(IMPORTS + ENGINE) :].strip(), "    ")
        + "\n",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_is_told(name, make_shop, cache_dir):
    """A change without a revision: it would seem clean, or be blamed on the wrong thing."""
    row = ROWS[name]
    shop = make_shop(env=row.env)
    shop.commit("start")
    shop.add_column()
    done = shop.run("check")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, said
    assert row.said in said
    assert row.hint in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ROWS)
def test_is_innocent(name, make_shop, cache_dir):
    shop = make_shop(env=ROWS[name].innocent)
    shop.commit("start")
    shop.add_column()
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert [finding["rule"] for finding in report["findings"]] == ["history/missing-revision"]
    assert [change["object"] for change in report["changes"]] == ["users.email"]
    assert [step["result"] for step in report["proof"]] == ["pass"] * 4


@pytest.mark.parametrize("name", ["create_all", "columns that are missing are added"])
def test_is_told_where_a_snapshot_has_the_history(name, make_shop, cache_dir):
    """The application begins to do it with the change itself."""
    shop = make_shop(env=plain("import shop.start"))
    shop.write("shop/start.py", "")
    shop.commit("start")
    assert shop.judge("check", "--all")[0] == 0
    before = ROWS[name].env.partition(ENGINE)[2].partition("\nwith engine.connect")[0]
    imported = IMPORTS.replace("from alembic import context\n", "")
    shop.write("shop/start.py", imported + ENGINE + before)
    shop.write("shop/models.py", make_shop.MODELS + MORE)
    shop.stage()
    done = shop.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "something " in done.stdout + done.stderr


def test_is_told_where_it_comes_after_the_run(make_shop, cache_dir):
    """env.py runs once to replay, and once more to compare."""
    shop = make_shop(env=plain(after="Base.metadata.create_all(engine)"))
    shop.commit("start")
    shop.write("shop/models.py", make_shop.MODELS + MORE)
    shop.stage()
    for _ in range(2):  # nothing of it is kept for the second
        done = shop.run("check")
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 3, said
        assert "something changed tables outside of any revision: `CREATE TABLE more" in said


POSTGRESQL = 'engine = create_engine("postgresql+psycopg2://shop@db.invalid/shop")\n'
BEGUN = "    with context.begin_transaction():\n        context.run_migrations()\n"
UNCOMMITTED = {
    "no transaction": (BEGUN, "    context.run_migrations()\n"),
    "begun before": (
        "    context.configure",
        "    connection.execute(text('SELECT 1'))\n    context.configure",
    ),
    "rolled back": (BEGUN, BEGUN + "        connection.rollback()\n"),
}
COMMITTED = {
    "by hand": "    context.run_migrations()\n    connection.commit()\n",
    "a transaction around": "    with connection.begin():\n        context.run_migrations()\n",
    "rolled back after": BEGUN + "    connection.rollback()\n",
}


@pytest.fixture(scope="module")
def has_postgresql(require):
    try:
        databases.choose("auto", "postgresql", environ=os.environ)
    except databases.CouldNotCheck as reason:
        require(False, f"PostgreSQL ({reason})")


@pytest.mark.parametrize("is_first", [True, False], ids=["the first commit", "a later one"])
@pytest.mark.parametrize("name", UNCOMMITTED)
def test_nothing_is_committed(name, is_first, make_shop, cache_dir, has_postgresql):
    old, new = UNCOMMITTED[name]
    shop = make_shop(env=plain(engine=POSTGRESQL).replace(old, new))
    if not is_first:
        shop.commit("start")
        shop.add_column()
    shop.stage()
    done = shop.run("check")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, said
    assert "env.py ran the revisions and committed nothing" in said
    assert "`with context.begin_transaction(): context.run_migrations()`" in said


@pytest.mark.parametrize("name", COMMITTED)
def test_something_is_committed(name, make_shop, cache_dir, has_postgresql):
    shop = make_shop(env=plain(engine=POSTGRESQL).replace(BEGUN, COMMITTED[name]))
    shop.stage()
    assert shop.judge()[0] == 0
    shop.commit("start")
    shop.add_column()
    assert shop.judge()[0] == 1


FIRST_ONLY = {
    "an exception is hidden": (ROWS["an exception is hidden"].env, 3),
    "innocent": (plain(), 0),
}


@pytest.mark.parametrize("name", FIRST_ONLY)
def test_the_first_commit_of_all(name, make_shop, cache_dir):
    """Nothing is replayed there: the one run of env.py is all that there is."""
    env, code = FIRST_ONLY[name]
    shop = make_shop(env=env)
    shop.stage()
    done = shop.run("check")
    assert done.returncode == code, done.stdout + done.stderr
    if code:
        assert ROWS[name].said in " ".join((done.stdout + done.stderr).split())


# engines that are not made of the URL: each comes to the ephemeral database all the same
ENGINES = {
    "in memory": 'engine = create_engine("sqlite://")\n',
    "in memory, one connection for all": (
        "from sqlalchemy.pool import StaticPool\n"
        'engine = create_engine("sqlite://", poolclass=StaticPool)\n'
    ),
    "a creator": (
        "import sqlite3\n"
        'engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:"))\n'
    ),
    "a pool of its own": (
        "import sqlite3\nfrom sqlalchemy.pool import QueuePool\n"
        'pool = QueuePool(lambda: sqlite3.connect(":memory:"))\n'
        'engine = create_engine("sqlite://", pool=pool)\n'
    ),
}


@pytest.mark.parametrize("name", ENGINES)
def test_whatever_the_engine_is_made_of(name, make_shop, cache_dir):
    shop = make_shop(env=plain(engine=ENGINES[name]))
    shop.commit("start")
    shop.add_column()
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert [change["object"] for change in report["changes"]] == ["users.email"]


def test_a_connection_that_is_none_of_sqlalchemys(make_shop, cache_dir):
    env = IMPORTS + "import sqlite3\nconnection = sqlite3.connect(':memory:')\n"
    env += CONFIGURE.format("") + "\ncontext.run_migrations()\n"
    shop = make_shop(env=env)
    shop.commit("start")
    shop.add_column()
    done = shop.run("check")
    assert done.returncode == 3
    assert "'sqlite3.Connection' object has no attribute 'dialect'" in " ".join(
        (done.stdout + done.stderr).split()
    )
