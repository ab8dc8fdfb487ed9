"""Old and new: the whole way (block, add, proof, clean) with the versions that projects have."""

import pytest

VERSIONS = [
    "1.8", "1.13", "1.16", "1.18", "1.20", "newest", "1.13 on 3.8", "1.8 on 3.9", "1.18 on 3.13",
]  # fmt: skip

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


@pytest.mark.parametrize("row", VERSIONS)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_whole_way(row, dialect, virtualenv, make_shop):
    shop = make_shop(python=virtualenv(row), url=make_shop.URLS[dialect])
    walk(shop, dialect)


@pytest.mark.parametrize("row", ["1.16", "newest"])
def test_without_an_ini(row, virtualenv, make_shop):
    """[tool.alembic] of pyproject.toml, known from 1.16 on."""
    env = ENV_WITHOUT_INI.format(url=make_shop.URLS["sqlite"])
    shop = make_shop(python=virtualenv(row), env=env)
    (shop.folder / "alembic.ini").unlink()
    shop.write("pyproject.toml", PYPROJECT)
    walk(shop, "sqlite")


SQLMODEL = """\
from typing import Optional

from sqlmodel import Field, SQLModel


class Base(SQLModel):
    metadata = SQLModel.metadata


class User(Base, table=True):
    __tablename__ = "users"
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
"""


@pytest.mark.parametrize("row", ["1.18"])
def test_sqlmodel(row, virtualenv, make_shop):
    """Its types are in the script, and the import that they need."""
    shop = make_shop(python=virtualenv(row))
    shop.write("shop/models.py", SQLMODEL)
    walk(shop, "sqlite", "email: Optional[str] = None")
    (script,) = shop.folder.glob("migrations/versions/*email*.py")
    text = script.read_text()
    assert "sqlmodel.sql.sqltypes.AutoString()" in text
    assert "import sqlmodel" in text


def walk(shop, dialect, column="email = sa.Column(sa.String(100))"):
    shop.commit("start")
    shop.add_column(column)
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
