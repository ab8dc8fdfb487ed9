"""An env.py that goes through several databases, or through several schemas of one."""

import pytest

from . import walkthrough
from .flasks import FACTORY
from .shop import EMAIL, MODELS, TEMPLATE, adds, files, only, rules, script
from .test_env_ways import HEAD, PLAIN, RUNS

# a database for each bind

BINDS = """\
from shop.extensions import db


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    # more of users


class Entry(db.Model):
    __bind_key__ = "log"
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    # more of entries
"""
BOUND = FACTORY.replace(
    "    db.init_app", '    app.config["SQLALCHEMY_BINDS"] = {"log": "sqlite:////nowhere/log.db"}\n'
    "    db.init_app",
)  # fmt: skip
BINDS_FIRST = '''\
"""first"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_():
    op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade_():
    op.drop_table("users")


def upgrade_log():
    op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade_log():
    op.drop_table("users")
'''


@pytest.fixture
def bound(flask_shop):
    return flask_shop({
        "shop/models.py": BINDS,
        "shop/factory.py": BOUND, "migrations/versions/0001.py": BINDS_FIRST,
        "app.py": "from shop.factory import create_app\n",
    }, template="flask-multidb")  # fmt: skip


@pytest.mark.parametrize(
    ("table", "filled", "empty"), [("users", "", "log"), ("entries", "log", "")]
)
def test_flask_multidb_has_a_database_for_each_bind(table, filled, empty, bound, reports):
    """Tables of the same name in both: a change of one of them is seen there and nowhere else."""
    text = walkthrough.whole_way(
        bound, reports, lambda: bound.model(table, "    email = db.Column(db.String(100))\n")
    )
    bodies = {name.split("(")[0]: body for name, _, body in
              (part.partition("\n") for part in text.split("def ")[1:])}  # fmt: skip
    assert "email" in bodies[f"upgrade_{filled}"]
    assert "email" in bodies[f"downgrade_{filled}"]
    assert "email" not in bodies[f"upgrade_{empty}"]


def test_flask_multidb_and_both_binds_change(bound, reports):
    def both():
        for table in ("users", "entries"):
            bound.model(table, "    email = db.Column(db.String(100))\n")

    assert walkthrough.whole_way(bound, reports, both).count("'email'") == 4


def test_a_revision_that_forgets_one_of_the_binds(bound, reports):
    for table in ("users", "entries"):
        bound.model(table, "    email = db.Column(db.String(100))\n")
    text = BINDS_FIRST.replace('"0001"', '"0002"').replace("None", '"0001"')
    create = 'op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))'
    added = 'op.add_column("users", sa.Column("email", sa.String(100)))'
    text = text.replace(create, added, 1).replace(create, "pass")
    text = text.replace('op.drop_table("users")', 'op.drop_column("users", "email")', 1)
    bound.write("migrations/versions/0002.py", text.replace('op.drop_table("users")', "pass"))
    bound.git("add", "-A")
    report = reports.check(bound)
    assert (report["verdict"], rules(report)) == ("fail", ["history/incomplete-revision"])
    assert "upgrade_log" in only(report)["script"]
    bound.write("migrations/versions/0002.py", text.replace("    pass\n", f"    {added}\n").replace(
        'op.drop_table("users")', 'op.drop_column("users", "email")'))  # fmt: skip
    bound.git("add", "-A")
    assert rules(reports.check(bound)) == []


def test_what_was_different_in_one_bind_is_known_for_it_only(bound, reports):
    bound.model("users", "    email = db.Column(db.String(100))\n")
    bound.commit_all("drifted")
    bound.model("entries", "    email = db.Column(db.String(100))\n")
    bound.git("add", "-A")
    report = walkthrough.blocks(bound, reports)
    assert only(report)["known_drift"] == 1
    assert [one["object"] for one in only(report)["changes"]] == ["users.email"]


MULTIDB = (TEMPLATE.parent / "multidb" / "env.py").read_text()


def test_the_multidb_template_of_alembic(made, reports):
    ini = files()["alembic.ini"].replace(
        "sqlalchemy.url = sqlite:///shop.db\n", "databases = a, b\n"
    )
    sections = "".join(f"[{one}]\nsqlalchemy.url = sqlite:///{one}.db\n" for one in "ab")
    one = made({
        "alembic.ini": ini.replace("[loggers]", sections + "[loggers]"),
        "migrations/env.py": MULTIDB.replace(
            "target_metadata = {}",
            "from shop import models, more\n"
            "target_metadata = {'a': models.Base.metadata, 'b': more.Base.metadata}",
        ),
        "migrations/script.py.mako": (TEMPLATE.parent / "multidb/script.py.mako").read_text(),
        "migrations/versions/0001_first.py": BINDS_FIRST.replace("upgrade_log", "upgrade_b")
        .replace("upgrade_()", "upgrade_a()").replace("downgrade_()", "downgrade_a()")
        .replace("downgrade_log", "downgrade_b"),
        "shop/models.py": MODELS[: MODELS.index("class Order")].replace(
            "    name = Column(String(50), nullable=False)\n", ""),
        "shop/more.py": MODELS[: MODELS.index("class Order")].replace(
            "    name = Column(String(50), nullable=False)\n", ""),
    })  # fmt: skip
    walkthrough.whole_way(one, reports, lambda: one.model("users", EMAIL, "shop/more.py"))


ENGINES = f"""{HEAD}{RUNS}
for name in ("north", "south"):
    with create_engine("sqlite:///%s.db" % name).connect() as connection:
        work(connection)
"""


def test_a_loop_over_several_engines(made, reports):
    """Each has its own database, and the same scripts."""
    one = made({"migrations/env.py": ENGINES})
    walkthrough.whole_way(one, reports, one.model)


def test_a_loop_in_which_the_script_fails_for_one(made, reports):
    one = made({"migrations/env.py": ENGINES})
    one.model()
    body = adds("users", "email")
    only_once = "if 'north' not in str(op.get_context().config.attributes['name']):\n    return\n"
    one.replace("migrations/env.py", "    with create", "    context.config.attributes['name'] = "
                "name\n    with create")  # fmt: skip
    one.write("migrations/versions/0002.py", script("0002", "0001", only_once + body["upgrade"],
                                                    only_once + body["downgrade"]))  # fmt: skip
    one.git("add", "-A")
    assert rules(reports.check(one)) == ["history/incomplete-revision"]


@pytest.mark.parametrize("tenants", ["[]", "read(connection)"])
def test_a_loop_over_no_tenants(tenants, made, reports):
    """Nothing is clean because nothing ran."""
    read = """
def read(connection):
    connection.exec_driver_sql("create table if not exists tenants (name text)")
    return [row[0] for row in connection.exec_driver_sql("select name from tenants")]

with create_engine("sqlite:///shop.db").connect() as connection:
    for name in TENANTS:
        work(connection)
""".replace("TENANTS", tenants)
    one = made({"migrations/env.py": HEAD + RUNS + read})
    report = reports.check(one)
    assert report["verdict"] == "error"
    assert one.revguard("check").returncode == 3
    assert "no migrations" in only(report)["error"]


# PostgreSQL: schemas, locks

ON_POSTGRESQL = PLAIN.replace("sqlite:///shop.db", "postgresql+psycopg2://shop@db.invalid/shop")
TENANTS = f"""{HEAD}{RUNS}
from sqlalchemy import text

with create_engine("postgresql+psycopg2://shop@db.invalid/shop").connect() as connection:
    for tenant in ("north", "south"):
        connection.execute(text("create schema if not exists " + tenant))
        connection.execute(text("set search_path to " + tenant))
        connection.commit()
        connection.dialect.default_schema_name = tenant
        work(connection, version_table_schema=tenant)
"""
LOCKED = f"""{HEAD}{RUNS}
from sqlalchemy import text

connection = create_engine("postgresql+psycopg2://shop@db.invalid/shop").connect()
connection.execute(text("select pg_advisory_lock(4711)"))
connection.execute(text("set statement_timeout = '60s'"))
connection.commit()
work(connection)
"""
SCHEMAS = MODELS[: MODELS.index("class Order")].replace(
    '"users"\n', '"users"\n    __table_args__ = {"schema": "people"}\n'
)
SCHEMAS_FIRST = script(
    "0001", None,
    'op.execute("create schema people")\nop.create_table("users", sa.Column("id", sa.Integer(), '
    'primary_key=True), sa.Column("name", sa.String(50), nullable=False), schema="people")',
    'op.drop_table("users", schema="people")\nop.execute("drop schema people")',
)  # fmt: skip

ON_SCHEMAS = {
    "a schema for each tenant": {"migrations/env.py": TENANTS},
    "a session's lock that nobody gives back": {"migrations/env.py": LOCKED},
    "version_table_schema": {
        "migrations/env.py": ON_POSTGRESQL.replace("as connection:\n    work(connection)", """\
as connection:
    connection.exec_driver_sql("create schema if not exists keeping")
    connection.commit()
    work(connection, version_table_schema="keeping")""")
    },
    "include_schemas": {
        "migrations/env.py": ON_POSTGRESQL.replace(
            "work(connection)", "work(connection, include_schemas=True)"),
        "shop/models.py": SCHEMAS, "migrations/versions/0001_first.py": SCHEMAS_FIRST,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ON_SCHEMAS)
def test_on_postgresql(name, made, reports, postgresql):
    one = made(ON_SCHEMAS[name])
    walkthrough.whole_way(one, reports, one.model)
