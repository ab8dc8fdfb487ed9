"""The demo's project: a kind of database in, the files of a small shop out."""

from __future__ import annotations

import json
import sys

from revguard.demo.serving import Kind

MODELS = "shop/models.py"
HOOKS = ".pre-commit-config.yaml"
VERSIONS = "migrations/versions/"

_HOOKS = """\
repos:
  - repo: local
    hooks:
      - id: alembic-revision-{command}
        name: alembic revision ({command})
        entry: revguard {command}
        language: system
        pass_filenames: false
        always_run: true
"""

_MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customers"

    id = Column(Integer, primary_key=True)
    name = Column(String(80), nullable=False)


class Order(Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customers.id"), nullable=False)
    total = Column(Integer, nullable=False)
"""
_NAME = "    name = Column(String(80), nullable=False)\n"
_EMAIL = "    email = Column(String(254), index=True)\n"

_INI = """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = .
path_separator = os
sqlalchemy.url = {url}
"""

_ENV = """\
import logging
import os

from alembic import context
from sqlalchemy import create_engine

from shop.models import Base

logging.basicConfig(format="%(levelname)-5s %(message)s")
logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
url = os.environ.get("DATABASE_URL") or context.config.get_main_option("sqlalchemy.url")

with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""

_TEMPLATE = '''\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}
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

_FIRST = '''\
"""open the shop"""
from alembic import op
import sqlalchemy as sa

revision = "5a0e1d2c3b4f"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("customer_id", sa.Integer(), sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
    )


def downgrade():
    op.drop_table("orders")
    op.drop_table("customers")
'''


def files(kind: Kind) -> dict[str, str]:
    """Every file of the first commit."""
    # the interpreter that revguard is installed in stands for the project's virtualenv
    settings = {"python": sys.executable, "database": kind.provider}
    said = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    return {
        HOOKS: hooks("check"),
        "pyproject.toml": f"[tool.revguard]\n{said}",
        "alembic.ini": _INI.format(url=kind.url),
        ".gitignore": "__pycache__/\nshop.db\n",
        "shop/__init__.py": "",
        MODELS: _MODELS,
        "migrations/env.py": _ENV,
        "migrations/script.py.mako": _TEMPLATE,
        f"{VERSIONS}5a0e1d2c3b4f_open_the_shop.py": _FIRST,
    }


def hooks(command: str) -> str:
    """The configuration of pre-commit, with `check` or `add`."""
    return _HOOKS.format(command=command)


def models_with_email() -> str:
    """The models after the change that the demo is about."""
    return _MODELS.replace(_NAME, _NAME + _EMAIL)
