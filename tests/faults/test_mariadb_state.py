"""What a snapshot of MariaDB must not lose or mix up, seen by the second run."""

import sys

import pytest

ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine

import models

with create_engine(os.environ["SHOP_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=models.Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
MODELS = """\
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Key(Base):
    __tablename__ = "keys"
    id = Column(Integer, primary_key=True)
    key = Column(String(10).with_variant(String(20), "mariadb"))
"""
KEYS = (
    'op.create_table("keys", sa.Column("id", sa.Integer, primary_key=True),'
    ' sa.Column("key", sa.String(10).with_variant(sa.String(20), "mariadb")))'
)


@pytest.fixture
def maria(make_shop, chosen):
    chosen("local", "mysql")
    return make_shop("mysql")


def test_a_second_database_of_the_bootstrap(maria, script):
    maria.configure(python=sys.executable)
    with (maria.path / "revguard.toml").open("a") as settings:
        settings.write('[environments.default]\nconfig = "alembic.ini"\nbootstrap = "first.sql"\n')
    maria.write("first.sql", "CREATE DATABASE audit;\nCREATE TABLE audit.log (n int);\n")
    maria.commit()
    for number in (2, 3):
        maria.write(
            f"{maria.versions}/r{number}.py",
            script(
                f"r{number}", f"r{number - 1}", 'op.execute("INSERT INTO audit.log VALUES (1)")'
            ),
        )
        maria.commit()
        code, report = maria.report("check", "--tree", "HEAD", "--all")
        errors = [one["error"] for one in report["environments"] if one.get("error")]
        assert errors == [], report
        assert code in (0, 1)


def test_another_dialect_of_the_same_server(maria, script):
    maria.write("migrations/env.py", ENV)
    maria.write("models.py", MODELS)
    maria.write(f"{maria.versions}/r1.py", script("r1", upgrade=KEYS))
    maria.commit()
    for number, dialect in ((2, "mysql"), (3, "mariadb"), (4, "mysql")):
        maria.write(f"{maria.versions}/r{number}.py", script(f"r{number}", f"r{number - 1}"))
        maria.commit()
        environ = {"SHOP_URL": f"{dialect}+pymysql://nobody@db.invalid/app"}
        _, report = maria.report("check", "--tree", "HEAD", "--all", environ=environ)
        (found,) = report["environments"]
        assert found["database"], found["error"]
        assert found["database"]["dialect"] == dialect
        assert (found["known_drift"], found["changes"]) == (0, []), report
