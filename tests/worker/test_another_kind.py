"""An env.py that falls back to SQLite, where the project runs on another kind of database; and
projects that run on SQLite."""

import pytest

ENV = """\
import os
from alembic import context
from sqlalchemy import create_engine
from shop.models import Base

engine = create_engine(os.environ.get("SHOP_DATABASE_URL", "sqlite:///shop.db"))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
POSTGRESQL = "postgresql://shop@db.invalid/shop"
COMPOSE = {"compose.yaml": "services:\n  db:\n    image: postgres:15\n"}
REQUIRED = {"requirements.txt": "alembic\npsycopg2-binary>=2.9  # of production\n"}
PROJECT = "[project]\nname = 'shop'\nversion = '1'\n"
FOREIGN = "tags = sa.Column(__import__('sqlalchemy.dialects.postgresql', fromlist=['x']).INET)"
VARIANT = (
    "tags = sa.Column(sa.String(9).with_variant(__import__("
    "'sqlalchemy.dialects.postgresql', fromlist=['x']).INET(), 'postgresql'))"
)
OPTIONAL = f"{PROJECT}[project.optional-dependencies]\npostgres = ['psycopg2-binary']\n"
NONE = "driver://user:pass@localhost/dbname"  # as Alembic's template has it


def make(make_shop, url, files=(), column="", settings=""):
    shop = make_shop(env=ENV, url=url)
    for path, text in dict(files).items():
        shop.write(path, text)
    if settings:
        own = (shop.folder / "revguard.toml").read_text()
        shop.write("revguard.toml", f"{own}\n[environments.shop]\nconfig='alembic.ini'\n{settings}")
    shop.commit("start")
    shop.add_column(column or "email = sa.Column(sa.String(100))")
    return shop


ANOTHER = {
    "the ini says so": ({"url": POSTGRESQL}, "alembic.ini says so"),
    "a driver is configured": (
        {"url": NONE, "settings": "driver = 'postgresql+psycopg2'"},
        "`driver` says so",
    ),
    "the models have a type of another": (
        {"url": NONE, "column": FOREIGN},
        "users.tags of the models is INET, which SQLite does not have",
    ),
    "a driver is required, and its server started": (
        {"url": NONE, "files": {**REQUIRED, **COMPOSE}},
        "requirements.txt asks for psycopg2-binary, and compose.yaml has its server",
    ),
    "the same by a pyproject": (
        {
            "url": NONE,
            "files": {"pyproject.toml": f"{PROJECT}dependencies = ['asyncpg>=0.3']\n", **COMPOSE},
        },
        "pyproject.toml asks for asyncpg, and compose.yaml has its server",
    ),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_another_kind_of_database(name, make_shop, cache_dir):
    options, reason = ANOTHER[name]
    shop = make(make_shop, **options)
    done = shop.run("check")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, said
    assert "env.py connected to SQLite (SHOP_DATABASE_URL is not set)" in said
    assert f"the project is one of PostgreSQL: {reason}" in said
    assert '`environ = { SHOP_DATABASE_URL = "{url}" }`' in said
    assert '`driver = "sqlite"`' in said


SQLITE = {
    "the ini says so": {"url": "sqlite:///shop.db", "files": {**REQUIRED, **COMPOSE}},
    "nothing says anything": {"url": NONE},
    "a server for something else": {"url": NONE, "files": COMPOSE},
    "an optional driver": {"url": NONE, "files": {"pyproject.toml": OPTIONAL, **COMPOSE}},
    "it is meant": {
        "url": POSTGRESQL,
        "files": {**REQUIRED, **COMPOSE},
        "settings": "driver = 'sqlite'",
    },
    "so is the provider": {"url": POSTGRESQL, "settings": "database = 'sqlite'"},
    "a type of another as a variant": {"url": NONE, "column": VARIANT},
}


@pytest.mark.parametrize("name", SQLITE)
def test_a_project_on_sqlite(name, make_shop, cache_dir):
    shop = make(make_shop, **SQLITE[name])
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert report["database"]["dialect"] == "sqlite"
    assert not any("compared on SQLite" in note for note in report["notes"])


def test_a_driver_alone_is_a_note(make_shop, cache_dir):
    shop = make(make_shop, NONE, REQUIRED)
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert any(
        note.startswith("compared on SQLite, which env.py connected to, though requirements.txt")
        for note in report["notes"]
    )


def test_what_an_earlier_run_connected_to(make_shop, cache_dir, postgresql):
    """With the variable, and then without."""
    shop = make(make_shop, NONE)
    told = {"SHOP_DATABASE_URL": "postgresql+psycopg2://shop@db.invalid/shop"}
    code, report = shop.judge(environ=told)
    assert (code, report["database"]["dialect"]) == (1, "postgresql")
    shop.add_column("note = sa.Column(sa.String(9))")
    done = shop.run("check")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, said
    assert "one of PostgreSQL: an earlier run connected to it" in said
    assert shop.judge(environ=told)[0] == 1
