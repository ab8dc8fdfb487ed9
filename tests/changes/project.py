"""A project whose models a test changes, and revguard run on it in this process."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from revguard import cli
from revguard.environments.environment import Environment

HEADER = """\
import datetime
import decimal
import enum
import uuid

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger, Boolean, CheckConstraint, Column, Computed, Date, DateTime, Enum, Float,
    ForeignKey, ForeignKeyConstraint, Identity, Index, Integer, JSON, LargeBinary, MetaData,
    Numeric, PrimaryKeyConstraint, Sequence, SmallInteger, String, Table, Text, Time,
    UniqueConstraint, func, text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.orm import declarative_base, relationship
from sqlalchemy.types import TypeDecorator

{metadata}
Base = declarative_base(metadata=metadata)


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)

"""
ENV = """\
from alembic import context
from sqlalchemy import create_engine

import models

with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=models.metadata{options})
    with context.begin_transaction():
        context.run_migrations()
"""
URLS = {
    "postgresql": "postgresql+psycopg2://nobody@db.invalid/app",
    "mariadb": "mariadb+pymysql://nobody@db.invalid/app",
    "mysql": "mysql+pymysql://nobody@db.invalid/app",
    "sqlite": "sqlite:///never.db",
}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def template() -> str:
    """Alembic's own template of a revision script."""
    import alembic

    folder = Path(alembic.__file__).parent / "templates" / "generic"
    return (folder / "script.py.mako").read_text()


class Project:
    """One repository: models.py, alembic.ini, migrations/."""

    def __init__(self, folder: Path, dialect: str, **settings: str) -> None:
        self.folder = folder
        self.dialect = dialect
        self.metadata = settings.get("metadata", "metadata = MetaData()")
        self._write("alembic.ini", f"[alembic]\nscript_location = migrations\n"
                    f"sqlalchemy.url = {settings.get('url', URLS[dialect])}\n")  # fmt: skip
        options = settings.get("options", "")
        self._write("migrations/env.py", ENV.format(options=f", {options}" if options else ""))
        self._write("migrations/script.py.mako", template())
        self._write("migrations/versions/.gitkeep", "")
        lines = [f"python = {json.dumps(settings.get('python', sys.executable))}"]
        lines.append('renames = "never"')  # a case says what is dropped and added
        if "database" in settings:
            lines.append(f"database = {json.dumps(settings['database'])}")
        self._write("revguard.toml", "\n".join(lines) + "\n")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def models(self, body: str) -> None:
        """Write models.py."""
        header = HEADER.format(metadata=self.metadata)
        self._write("models.py", header + textwrap.dedent(body).strip() + "\n")

    def stage(self) -> None:
        """Stage everything."""
        if not (self.folder / ".git").exists():
            git(self.folder, "init", "-q")
        git(self.folder, "add", "-A")

    def commit(self) -> None:
        git(self.folder, "commit", "-qm", "change")

    def revguard(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and the report of one environment."""
        stream = io.StringIO()
        line = [*arguments, "-C", str(self.folder), "--format", "json"]
        with contextlib.redirect_stdout(stream):
            code = cli.main(line)
        report = json.loads(stream.getvalue())
        assert len(report["environments"]) == 1 or code, report
        return code, report["environments"][0] if report["environments"] else report

    def add(self) -> dict[str, Any]:
        """`revguard add`, which must succeed, and a commit."""
        code, report = self.revguard("add")
        assert code == 0, explained(report)
        self.commit()
        return report

    def scripts(self) -> list[Path]:
        return sorted((self.folder / "migrations/versions").glob("*.py"))

    def request(self, old: list[str]) -> dict[str, Any]:
        """What the pipeline would ask of the worker: compare at these revisions, and generate."""
        return {
            **Environment(name="default", config="alembic.ini").words,
            "tree": str(self.folder),
            "toplevel": str(self.folder),
            "root": "",
            "message": None,
            "created": 1767323045,
            "old": old,
            "new": [],
            "generate": True,
            "known": [],
            "proven": [],
            "waived": [],
        }

    def keep(self, script: dict[str, Any]) -> None:
        """Put a script that the worker made where it belongs."""
        self._write(script["path"], script["text"])


def explained(report: dict[str, Any]) -> str:
    """What a person wants to see of a report that is not as expected."""
    lines = [f"{report.get('verdict')} {report.get('error') or ''}"]
    lines += [f"{f['rule']} {f['message']}" for f in report.get("findings", ())]
    lines += [f"{s['step']} {s['result']} {s['reason']}" for s in report.get("proof", ())]
    lines += [f"{c['op']} {c['object']} {c['detail']}" for c in report.get("changes", ())]
    return "\n".join([*lines, str(report.get("script") or "")])
