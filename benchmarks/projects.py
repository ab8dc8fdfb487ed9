"""Repositories to measure with: a number of tables, revisions and other files in, a folder out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_MODELS = """from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass

"""
_TABLE = """
class Table{n}(Base):
    __tablename__ = "table_{n}"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    amount: Mapped[int] = mapped_column(Integer, default=0)
{columns}
    def label(self) -> str:
        return f"{{self.name}} {mark}"

"""
_REVISION = '''"""revision {n}"""
from alembic import op
import sqlalchemy as sa

revision = "rev{n:05d}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}

def downgrade() -> None:
{downgrade}
'''
_ENV = """import os

from alembic import context
from sqlalchemy import engine_from_config, pool

from shop.models import Base

config = context.config
target_metadata = Base.metadata

section = config.get_section(config.config_ini_section)
section["sqlalchemy.url"] = section["sqlalchemy.url"].replace(
    "@address", os.environ.get("BENCH_ADDRESS", "1")
)
connectable = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
_MAKO = '''"""${message}"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''


class Project:
    """A shop with `tables` tables made by `revisions` revisions, in a repository of its own."""

    def __init__(
        self, folder: Path, url: str, tables: int = 5, revisions: int = 5, first: str = ""
    ) -> None:
        self.first = first  # what the models begin with
        self.folder = folder
        self.url = url
        self.tables = tables
        self.revisions = revisions
        self._extra = ""
        self._mark = "0"

    def make(self, other_files: int = 0) -> None:
        """Write and commit it."""
        (self.folder / "shop").mkdir(parents=True)
        (self.folder / "migrations" / "versions").mkdir(parents=True)
        (self.folder / "shop" / "__init__.py").write_text("")
        self.write_models()
        (self.folder / "migrations" / "env.py").write_text(_ENV)
        (self.folder / "migrations" / "script.py.mako").write_text(_MAKO)
        (self.folder / "alembic.ini").write_text(
            "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n"
            f"sqlalchemy.url = {self.url}\n"
        )
        (self.folder / ".gitignore").write_text("__pycache__/\n")
        for number in range(self.revisions):
            self._write_revision(number)
        for number in range(other_files):
            path = self.folder / "other" / f"d{number % 200}" / f"file{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n")
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "everything")

    def write_models(self, extra: str = "", mark: str = "0") -> None:
        """The models; `extra` columns in the first table change the schema, `mark` does not."""
        parts = [self.first, _MODELS]
        for number in range(self.tables):
            columns = extra if number == 0 else ""
            parts.append(_TABLE.format(n=number, columns=columns, mark=mark))
        (self.folder / "shop" / "models.py").write_text("".join(parts))

    def add_revision(self) -> None:
        """Write one more on top, which changes nothing."""
        self._write_revision(self.revisions)
        self.revisions += 1

    def _write_revision(self, number: int) -> None:
        """Tables are spread over the first revisions; the rest add and drop an index."""
        upgrade, downgrade = [], []
        for table in range(number, self.tables, self.revisions):
            upgrade.append(
                f'    op.create_table("table_{table}", sa.Column("id", sa.Integer(), '
                'nullable=False), sa.Column("name", sa.String(50), nullable=False), '
                'sa.Column("amount", sa.Integer(), nullable=False), '
                'sa.PrimaryKeyConstraint("id"))\n'
            )
            downgrade.append(f'    op.drop_table("table_{table}")\n')
        if not upgrade:
            upgrade = [f'    op.execute("COMMENT ON TABLE table_0 IS NULL -- {number}")\n']
            downgrade = ["    pass\n"]
        down = f"rev{number - 1:05d}" if number else None
        text = _REVISION.format(
            n=number, down=down, upgrade="".join(upgrade), downgrade="".join(downgrade)
        )
        path = self.folder / "migrations" / "versions" / f"rev{number:05d}_revision.py"
        path.write_text(text)

    def git(self, *arguments: str) -> None:
        """Run git in the repository."""
        environ = {
            **os.environ,
            "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@example.invalid",
            "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@example.invalid",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }  # fmt: skip
        subprocess.run(["git", *arguments], cwd=self.folder, env=environ, check=True)
