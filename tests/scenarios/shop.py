# ruff: noqa: TID252  (the warm processes of all tests)
"""A small shop in a real repository: files, git and revguard as its developers use them."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import alembic

import revguard

from ..warm.machine import MACHINE
from .machine import plain_environ, run

OURS = str(Path(revguard.__file__).parents[1])  # the code that the tests belong to
PRE_COMMIT = (sys.executable, "-m", "pre_commit")
TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic"
URLS = {"sqlite": "sqlite:///shop.db", "postgresql": "postgresql+psycopg2://shop@db.invalid/shop"}

MODELS = '''\
"""What the shop knows."""

from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"

    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)
    # more of users


class Order(Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False)
    # more of orders
'''

FIRST = '''\
"""first"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade():
    op.drop_table("orders")
    op.drop_table("users")
'''

EMAIL = "    email = Column(String(100), nullable=True)\n"
NOTE = "    note = Column(String(20), nullable=True)\n"


def script(revision, down, upgrade="pass", downgrade="pass", *, head=""):
    """The text of a revision script; the bodies are indented."""
    named = f'"{down}"' if isinstance(down, str) else repr(down)
    bodies = [textwrap.indent(body, "    ") for body in (upgrade, downgrade)]
    return (
        f'"""{revision}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f'revision = "{revision}"\ndown_revision = {named}\n{head}\n\n'
        f"def upgrade():\n{bodies[0]}\n\n\ndef downgrade():\n{bodies[1]}\n"
    )


def adds(table, column, type_="sa.String(100)", options="nullable=True"):
    """Bodies of upgrade() and downgrade() that add a column."""
    added = f'op.add_column("{table}", sa.Column("{column}", {type_}, {options}))'
    return {"upgrade": added, "downgrade": f'op.drop_column("{table}", "{column}")'}


def environment(url, *, models="shop.models", configure="", script_location="migrations"):
    """Files of an Alembic environment: the stock template with the models put in."""
    ini = (TEMPLATE / "alembic.ini.mako").read_text()
    env = (TEMPLATE / "env.py").read_text()
    env = env.replace(
        "target_metadata = None", f"from {models} import Base\n\ntarget_metadata = Base.metadata"
    )
    assert "Base.metadata" in env
    online = "connection=connection, target_metadata=target_metadata"
    assert online in env
    env = env.replace(online, f"{online}, {configure}")
    return {
        "alembic.ini": (
            "[alembic]\n"
            f"script_location = {script_location}\nprepend_sys_path = .\nsqlalchemy.url = {url}\n\n"
            + ini[ini.index("[loggers]") :]
        ),
        f"{script_location}/env.py": env,
        f"{script_location}/script.py.mako": (TEMPLATE / "script.py.mako").read_text(),
    }


def files(dialect="sqlite", **options):
    """All files of the shop."""
    return {
        **environment(URLS[dialect], **options),
        "migrations/versions/0001_first.py": FIRST,
        "shop/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/views.py": "def index():\n    return 'hello'\n",
        "README.md": "The shop\n",
        ".gitignore": "__pycache__/\n*.db\n",
    }


class Shop:
    """A working tree: files, ``git``, ``revguard``; the project's virtualenv is active."""

    def __init__(self, path, virtualenv, folder=""):
        self.path = Path(path)
        self.home = self.path / folder
        self.folder = folder
        environ = plain_environ()
        environ["VIRTUAL_ENV"] = str(virtualenv)
        environ["PATH"] = f"{virtualenv}/bin{os.pathsep}{environ['PATH']}"
        self.environ = environ
        MACHINE.workers(f"{virtualenv}/bin/python")

    # files
    def write(self, files, text=None):
        """Write one file or a dict of them, below the project's folder."""
        for name, content in (files if text is None else {files: text}).items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read(self, name):
        return (self.home / name).read_text()

    def replace(self, name, old, new, count=1):
        text = self.read(name)
        assert old in text, (old, text)
        self.write(name, text.replace(old, new, count))

    def model(self, table="users", text=EMAIL, name="shop/models.py"):
        """Put columns into a model."""
        mark = f"    # more of {table}\n"
        self.replace(name, mark, text + mark)

    def versions(self, folder="migrations/versions"):
        """Names of the revision scripts on disk."""
        return sorted(path.name for path in (self.home / folder).glob("*.py"))

    # git
    def run_git(self, *args, **kwargs):
        environ = {**self.environ, **kwargs.pop("environ", {})}
        return subprocess.run(
            ["git", *args], cwd=kwargs.pop("cwd", self.path), env=environ, capture_output=True,
            text=True, **kwargs,
        )  # fmt: skip

    def git(self, *args, **kwargs):
        done = self.run_git(*args, **kwargs)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout.rstrip("\n")

    def commit_all(self, message="more"):
        """A commit that no hook looks at."""
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", message)

    def status(self):
        return self.git("status", "--porcelain").splitlines()

    def committed(self, commit="HEAD"):
        """What a commit changes: {path: A, M or D}."""
        out = self.git(
            "-c", "core.quotePath=false", "show", "--format=", "--name-status", "--no-renames",
            "-m", "--first-parent", commit,
        )  # fmt: skip
        return {path: status for status, path in (line.split("\t") for line in out.splitlines())}

    def hook(self, command="check", name="pre-commit"):
        """A plain git hook that runs revguard as it is installed beside the tests."""
        folder = Path(self.git("rev-parse", "--path-format=absolute", "--git-path", "hooks"))
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{MACHINE.program}' {command}\n")
        path.chmod(0o755)

    def pre_commit(self, published, command="check", *types, program=PRE_COMMIT):
        """The hook as pre-commit installs it, or another program, from a repository."""
        config = (
            f"repos:\n- repo: {published.url}\n  rev: {published.rev}\n"
            f"  hooks:\n  - id: alembic-revision-{command}\n"
        )
        (self.path / ".pre-commit-config.yaml").write_text(config)
        self.environ["PRE_COMMIT_HOME"] = published.home
        self.environ["PREK_HOME"] = f"{published.home}-prek"
        wanted = [f"--hook-type={one}" for one in types or ("pre-commit",)]
        run(*program, "install", *wanted, cwd=self.path, env=self.environ)

    # revguard
    def revguard(self, *args, environ=None, cwd=None, **kwargs):
        environ = {**self.environ, "PYTHONPATH": OURS, **(environ or {})}
        return MACHINE.revguard(args, cwd=cwd or self.path, env=environ, **kwargs)


class Reports:
    """Reports of ``revguard check --format json``, held against the schema that ships."""

    def __init__(self, schema):
        from jsonschema import Draft202012Validator

        self._validator = Draft202012Validator(schema)

    def read(self, done):
        """The report of a run, and nothing else on stdout."""
        assert "Traceback" not in done.stderr, done.stderr
        report = json.loads(done.stdout)
        self._validator.validate(report)
        codes = {"pass": (0,), "fail": (1,), "error": (2, 3)}
        assert done.returncode in codes[report["verdict"]], (done.returncode, report)
        return report

    def check(self, shop, *args):
        return self.read(shop.revguard("check", "--format", "json", *args))

    def settled(self, shop, *args):
        """The report at hand; again it comes from the cache, and without one it is alike."""
        first = self.check(shop, *args)
        again = self.check(shop, *args)
        assert unlike(first, again) == {}
        if first["verdict"] != "error":
            kept = [one for one in again["environments"] if _is_kept(one)]
            assert {one["cached"] for one in kept} <= {"tree"}
        bare = self.check(shop, *args, "--no-cache")
        assert unlike(first, bare) == {}
        return first


def _is_kept(environment):
    """Whether the verdict rests on the tree alone, so that it is kept."""
    broken = any(one["rule"] == "history/broken-graph" for one in environment["findings"])
    alone = [note for note in environment["notes"] if "could not be evaluated" in note]
    return not broken and not alone


def unlike(report, other):
    """What two reports on the same content do not have in common, times and the like apart.

    An environment that is not affected is left out where the cache tells so.
    """
    ours, theirs = (
        {one["name"]: _comparable(one) for one in side["environments"]} for side in (report, other)
    )
    for name in set(ours) ^ set(theirs):
        alone = {**ours, **theirs}[name]
        assert (alone["verdict"], alone["findings"], alone["changes"]) == ("pass", [], []), alone
    different = {
        f"{name}: {key}": (ours[name].get(key), theirs[name].get(key))
        for name in set(ours) & set(theirs)
        for key in {*ours[name], *theirs[name]}
        if ours[name].get(key) != theirs[name].get(key)
    }
    heads = {
        key: (report.get(key), other.get(key)) for key in ("version", "verdict", "tree", "error")
    }
    return different | {key: pair for key, pair in heads.items() if pair[0] != pair[1]}


def _comparable(environment):
    proof = [{**step, "ms": 0} for step in environment["proof"]]
    left_out = ("timings_ms", "cached", "database")
    kept = {key: value for key, value in environment.items() if key not in left_out}
    return {**kept, "proof": proof}


def rules(report):
    """Ids of what was found, worst first as reported, over all environments."""
    return [finding["rule"] for one in report["environments"] for finding in one["findings"]]


def only(report):
    (one,) = report["environments"]
    return one


def finding(report, rule):
    (found,) = [
        one for env in report["environments"] for one in env["findings"] if one["rule"] == rule
    ]
    return found


def typed(hint):
    """The first command that a hint gives."""
    return re.search(r"`([^`]+)`", hint).group(1)


def copy_of(shop, target):
    """The same working tree once more, at another place."""
    shutil.copytree(shop.path, target, symlinks=True)
    other = Shop.__new__(Shop)
    other.__dict__.update(shop.__dict__)
    other.path, other.home = Path(target), Path(target) / shop.folder
    return other
