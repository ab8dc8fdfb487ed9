"""A branch's revisions to be moved or made one: a number of them in, a merged repository out; and
the same by hand, on a scratch SQLite database.

`python -m benchmarks.chains rebase|squash FOLDER` does it as somebody would who knows each command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.projects import Project

_URL = "sqlite:///@address"
_BASE, _THEIRS = "rev00004", "rev00005"
_REVISION = '''"""{id}"""
from alembic import op
import sqlalchemy as sa

revision = "{id}"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {back}
'''
_ADD = 'op.add_column("table_0", sa.Column("c{n}", sa.String(20), nullable=True))'
_DROP = 'op.drop_column("table_0", "c{n}")'
_COLUMN = "    c{n}: Mapped[str | None] = mapped_column(String(20))\n"
_DOWN = re.compile(rf'^down_revision = [\'"]{_BASE}[\'"]', re.MULTILINE)


def branch(folder: Path, count: int, *, landed: bool) -> Project:
    """Five landed revisions, and a branch with `count` on top of them. `landed`: another one has
    landed since, and is merged, so that there are two heads."""
    project = Project(folder, _URL)
    project.make()
    (folder / "revguard.toml").write_text('base = "main"\n')
    _commit(project, "settings")
    project.git("checkout", "-q", "-b", "mine")
    down = _BASE
    for n in range(count):
        down = _write(folder, f"mine{n:04d}", down, _ADD.format(n=n), _DROP.format(n=n))
        project.write_models("".join(_COLUMN.format(n=one) for one in range(n + 1)))
        _commit(project, f"column {n}")
    if landed:
        project.git("checkout", "-q", "main")
        _write(folder, _THEIRS, _BASE, 'op.execute("SELECT 1")', "pass")
        _commit(project, "theirs")
        project.git("checkout", "-q", "mine")
        project.git("merge", "-q", "-m", "merge", "main")
    return project


def renewed(project: Project) -> None:
    """As it was before something was done; Python would take the bytecode of scripts for fresh."""
    project.git("reset", "-q", "--hard")
    project.git("clean", "-fdq")
    shutil.rmtree(_versions(project.folder) / "__pycache__", ignore_errors=True)


def _write(folder: Path, name: str, down: str, up: str, back: str) -> str:
    text = _REVISION.format(id=name, down=down, up=up, back=back)
    (_versions(folder) / f"{name}_columns.py").write_text(text)
    return name


def _commit(project: Project, message: str) -> None:
    project.git("add", "-A")
    project.git("commit", "-q", "-m", message)


def _versions(folder: Path) -> Path:
    return folder / "migrations" / "versions"


def main(kind: str, folder: Path, programs: Path) -> None:
    """What `kind` says, by hand, in the folder."""
    with tempfile.TemporaryDirectory() as scratch:
        environ = {**os.environ, "BENCH_ADDRESS": f"{scratch}/scratch.db"}
        # an edit within the second leaves bytecode that Python takes for that of the new text
        environ["PYTHONDONTWRITEBYTECODE"] = "1"

        def alembic(*words: str) -> None:
            command = [str(programs / "alembic"), *words]
            subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)

        if kind == "rebase":
            alembic("heads")
            _edit(folder)
        else:
            _remove(folder)
            alembic("upgrade", "head")
            alembic("revision", "--autogenerate", "-m", "columns")
        alembic("upgrade", "head")
        alembic("check")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)


def _edit(folder: Path) -> None:
    for path in _versions(folder).glob("mine*.py"):
        text = path.read_text()
        path.write_text(_DOWN.sub(f'down_revision = "{_THEIRS}"', text))


def _remove(folder: Path) -> None:
    for path in _versions(folder).glob("mine*.py"):
        path.unlink()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.executable).parent)
