"""A repository in which random histories are played: real git, a small alphabet of changes."""

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

from revguard import cli

from .oracle import VERSIONS

BRANCHES = ("main", "mine", "yours")
FEATURES = ("age", "mail", "note")

MODELS = """\
from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base

from shop import age, mail, note

Base = declarative_base()


class User(Base):
    __tablename__ = "users"

    id = Column(Integer, primary_key=True)


for _one in (age, mail, note):
    if _one.ON:
        setattr(User, _one.__name__.rpartition(".")[2], Column(Integer))
"""
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config

from shop.models import Base

engine = engine_from_config(context.config.get_section("alembic"))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
INI = (
    "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n"
    "sqlalchemy.url = sqlite:///shop.db\n"
)
MAKO = """\
\"\"\"${message}\"\"\"

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
"""
CREATES = (
    'op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))',
    'op.drop_table("users")',
)


def script(revision, down, upgrade="pass", downgrade="pass"):
    return (
        f'"""{revision}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {revision!r}\ndown_revision = {down!r}\nbranch_labels = None\n"
        f"depends_on = None\n\n\ndef upgrade():\n    {upgrade}\n\n\n"
        f"def downgrade():\n    {downgrade}\n"
    )


class World:
    """One repository for all histories of a process: what is known of contents stays known."""

    def __init__(self, path):
        self.path = path
        self.environ = {**os.environ, "GIT_EDITOR": "true"}
        path.mkdir()
        files = {
            "alembic.ini": INI, "migrations/env.py": ENV, "migrations/script.py.mako": MAKO,
            f"{VERSIONS}/root.py": script("root", None, *CREATES),
            "shop/__init__.py": "", "shop/models.py": MODELS,
            **{f"shop/{name}.py": "ON = False\n" for name in FEATURES},
            "revguard.toml": f'base = "main"\npython = "{sys.executable}"\n',
            ".gitignore": "__pycache__/\n",
        }  # fmt: skip
        for name, text in files.items():
            self.write(name, text)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "begun")
        self.start = self.git("rev-parse", "HEAD")

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *words, stdin=None):
        return subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", "-c", "advice.skippedCherryPicks=false",
             *words], cwd=self.path, env=self.environ, capture_output=True, input=stdin,
        )  # fmt: skip

    def raw(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def git(self, *words):
        return self.raw(*words).decode().strip()

    def begin(self):
        """All branches at the first commit, and nothing else left."""
        self.git("checkout", "-q", "-f", "-B", "main", self.start)
        refs = "".join(f"update refs/heads/{one} {self.start}\n" for one in BRANCHES)
        assert self.run("update-ref", "--stdin", stdin=refs.encode()).returncode == 0
        self.git("clean", "-q", "-f", "-d")

    def on(self, branch):
        self.git("checkout", "-q", "-f", branch)

    def commit(self, message):
        """What is staged; with one date for all, the same content has the same name again."""
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def tree(self, name):
        return self.git("rev-parse", f"{name}^{{tree}}")

    def staged(self):
        """The staged tree, and the trees that it comes from."""
        tree = self.git("write-tree")
        merging = Path(self.path, ".git", "MERGE_HEAD")
        parents = ["HEAD", *(merging.read_text().split() if merging.exists() else ())]
        return tree, tuple(self.tree(one) for one in parents)

    def revguard(self, *words):
        """The exit code of revguard in this process, and what it said."""
        said = io.StringIO()
        before = os.getcwd()
        os.chdir(self.path)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = cli.main(list(words))
        finally:
            os.chdir(before)
        return code, said.getvalue()

    def toggle(self, feature):
        """Switch a column of the models on or off; what a script has to do for it."""
        path = self.path / "shop" / f"{feature}.py"
        is_on = "True" in path.read_text()
        path.write_text(f"ON = {not is_on}\n")
        return steps(feature, adds=not is_on)

    def add_script(self, down, upgrade="pass", downgrade="pass"):
        """A script that is named after what is in it."""
        content = repr((down, upgrade)).encode()
        revision = "r" + hashlib.sha256(content).hexdigest()[:8]
        self.write(f"{VERSIONS}/{revision}.py", script(revision, down, upgrade, downgrade))


def steps(feature, *, adds):
    add = f'op.add_column("users", sa.Column("{feature}", sa.Integer()))'
    drop = f'op.drop_column("users", "{feature}")'
    return (add, drop) if adds else (drop, add)
