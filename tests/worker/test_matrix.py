"""Old and new: the whole way (block, add, proof, clean) with the versions that projects have."""

import pytest

# (python, "" for the one that runs the tests; alembic; sqlalchemy)
VERSIONS = [
    ("", "==1.8.1", "==1.4.54"),
    ("", "==1.13.3", "==2.0.36"),
    ("", "==1.16.5", "==2.0.51"),
    ("", "==1.18.0", "==2.0.51"),
    ("", "", ">=2.1"),
    ("3.8", "==1.13.3", "==2.0.36"),
    ("3.9", "==1.8.1", "==1.4.54"),
    ("3.13", "==1.18.0", "==2.0.51"),
]

PYPROJECT = """\
[tool.alembic]
script_location = "%(here)s/migrations"
prepend_sys_path = ["."]
"""

ENV_WITHOUT_INI = """\
from alembic import context
from sqlalchemy import create_engine
from shop.models import Base

with create_engine({url!r}).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def name(row):
    python, alembic, sqlalchemy = row
    return f"{python or 'this'}-alembic{alembic or 'newest'}-sqlalchemy{sqlalchemy}".replace(
        "=", ""
    )


@pytest.mark.parametrize("row", VERSIONS, ids=map(name, VERSIONS))
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_whole_way(row, dialect, virtualenv, make_shop):
    shop = make_shop(python=virtualenv(row), url=make_shop.URLS[dialect])
    walk(shop, dialect)


@pytest.mark.parametrize(
    "row", [row for row in VERSIONS if row[1] in {"==1.16.5", ""}], ids=["1.16.5", "newest"]
)
def test_without_an_ini(row, virtualenv, make_shop):
    """[tool.alembic] of pyproject.toml, known from 1.16 on."""
    env = ENV_WITHOUT_INI.format(url=make_shop.URLS["sqlite"])
    shop = make_shop(python=virtualenv(row), env=env)
    (shop.folder / "alembic.ini").unlink()
    shop.write("pyproject.toml", PYPROJECT)
    walk(shop, "sqlite")


def walk(shop, dialect):
    shop.commit("start")
    shop.add_column()
    code, blocked = shop.judge("check")
    assert (code, said(blocked)) == (1, ["history/missing-revision"])
    assert [change["object"] for change in blocked["changes"]] == ["users.email"]
    code, added = shop.judge("add")
    assert (code, said(added)) == (0, [])
    assert {step["step"]: step["result"] for step in added["proof"]} == {
        "upgrade": "pass",
        "compare": "pass",
        "downgrade": "pass",
        "reupgrade": "pass",
    }
    assert added["database"]["dialect"] == dialect
    code, clean = shop.judge("check", "--no-cache")
    assert (code, said(clean), clean["known_drift"]) == (0, [], 0)
    shop.commit("email")
    assert shop.git("status", "--porcelain") == ""


def said(environment):
    return environment.get("error") or [finding["rule"] for finding in environment["findings"]]
