# ruff: noqa: TID252  (the warm processes of all tests)
"""A shop with models and history in a real repository, and a real process that meets faults."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import jsonschema
import pytest

import revguard
from revguard import databases, leftovers
from revguard.errors import RevguardError

from ..warm.machine import MACHINE

SOURCES = Path(revguard.__file__).parents[1]
SCHEMA = json.loads(Path(revguard.__file__).with_name("report.schema.json").read_text())
URLS = {
    "mariadb": "mariadb+pymysql://nobody@db.invalid/app",
    "mysql": "mysql+pymysql://nobody@db.invalid/app",
    "postgresql": "postgresql+psycopg2://nobody@db.invalid/app",
    "sqlite": "sqlite:///never.db",
}
MODELS = """\
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)
"""
CHANGED = MODELS + "    email = Column(String(200))\n"
ENV = """\
from alembic import context
from sqlalchemy import create_engine

import models

with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=models.Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
SCRIPT = '''\
"""{message}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''
USERS = (
    'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True),\n'
    '    sa.Column("name", sa.String(50), nullable=False))'
)


def script(revision, down=None, upgrade="pass", downgrade="pass", message="more"):
    """The text of a revision script."""
    upgrade, downgrade = (textwrap.indent(body, "    ") for body in (upgrade, downgrade))
    return SCRIPT.format(
        message=message, revision=revision, down=down, upgrade=upgrade, downgrade=downgrade
    )


class Shop:
    """A repository: models.py, alembic.ini, migrations/, one landed revision."""

    versions = "migrations/versions"

    def __init__(self, base):
        self.base = base
        self.path = base / "shop"
        self.cache = base / "cache"
        self.temporary = base / "tmp"
        self.temporary.mkdir()
        MACHINE.workers(sys.executable)

    def make(self, dialect):
        """The first commit."""
        self.path.mkdir()
        self.write("alembic.ini", "[alembic]\nscript_location = migrations\n"
                   f"sqlalchemy.url = {URLS[dialect]}\n")  # fmt: skip
        self.write("migrations/env.py", ENV)
        self.write("migrations/script.py.mako", _template())
        first = script("r1", upgrade=USERS, downgrade='op.drop_table("users")')
        self.write(f"{self.versions}/r1.py", first)
        self.write("models.py", MODELS)
        self.configure(python=sys.executable)
        self.git("init", "-q")
        self.commit()

    def configure(self, **settings):
        """Write revguard.toml."""
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        self.write("revguard.toml", "".join(lines))

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.path, capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "change")

    def change(self, content=CHANGED):
        """Stage a change of the models."""
        self.write("models.py", content)
        self.git("add", "models.py")

    def environ(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **kept,
            "PYTHONPATH": str(SOURCES),
            "REVGUARD_CACHE_DIR": str(self.cache),
            "TMPDIR": str(self.temporary),
            **more,
        }

    def argv(self, *words, program=("-m", "revguard")):
        return [sys.executable, *program, *words]

    def start(self, *words, before=(), environ=None, program=("-m", "revguard"), **options):
        """The process, running."""
        return subprocess.Popen(
            [*before, *self.argv(*words, program=program)],
            cwd=options.pop("cwd", self.path),
            env=self.environ(**(environ or {})),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *words, environ=None, cwd=None, **options):
        """The process, ended."""
        cwd = cwd or self.path
        if options:
            with self.start(*words, environ=environ, cwd=cwd, **options) as process:
                out, err = process.communicate(timeout=120)
            done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        else:
            environ = self.environ(**(environ or {}))
            done = MACHINE.revguard(words, cwd=cwd, env=environ, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        assert "this is a bug" not in done.stderr, done.stderr
        return done

    def report(self, *words, **options):
        """(exit code, report) of a run with ``--format json``: valid, and alone on stdout."""
        done = self.run(*words, "--format", "json", **options)
        report = json.loads(done.stdout)
        jsonschema.validate(report, SCHEMA)
        assert (report["verdict"] == "error") == (done.returncode in (2, 3))
        return done.returncode, report

    def state(self):
        """Index, status and files: what must not change."""
        index = self.path / ".git" / "index"
        files = {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and ".git/" not in f"{path.relative_to(self.path)}/"
        }
        return index.read_bytes(), self.git("status", "--porcelain", "-uall"), files

    def left(self):
        """What runs left in the cache and among the temporary files."""
        found = list((self.cache / "v1" / "runs").glob("*"))
        for folder, folders, files in os.walk(self.temporary):  # which may vanish meanwhile
            paths = [Path(folder, name) for name in (*folders, *files)]
            found += [path for path in paths if not _is_kept(path)]
        return sorted(map(str, found))

    def run_ids(self):
        """The runs of which there are folders."""
        return {path.stem for path in (self.cache / "v1" / "runs").glob("*")}


def _is_kept(path):
    # the copy of the embedded server that all runs of root share
    return (path / "installed").is_dir() or "installed" in path.parts


def _template():
    import alembic

    return (Path(alembic.__file__).parent / "templates/generic/script.py.mako").read_text()


def fails(shop, *words, code=3, says=(), command="check", **options):
    """Run it: text and JSON both tell the failure, and nothing is touched. The text."""
    before = shop.state()
    done = shop.run(command, *words, **options)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    said = " ".join(done.stderr.split())
    for word in says:
        assert word in said, f"{word!r} is not in\n{done.stderr}"
    found, report = shop.report(command, *words, **options)
    assert found == code
    assert report["verdict"] == "error"
    errors = [report.get("error"), *(one["error"] for one in report["environments"])]
    assert any(errors)
    assert shop.state() == before
    return said


def descendants(pid):
    """{process id: identity} of all processes below this one, as they are now."""
    above = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        fields = leftovers._stat_fields(int(name))
        if fields:
            above[int(name)] = int(fields[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in above.items() if its == parent]
    return {child: leftovers.identity(child) for child in found[1:]}


def alive(processes):
    """Those of them that still run."""
    return [pid for pid, known in processes.items() if known and leftovers.identity(pid) == known]


def wait_for(found, seconds=20):
    """What `found()` gives as soon as it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.005)
    return found()


def _has_postgresql():
    try:
        databases.choose("local", "postgresql", environ=os.environ)
    except RevguardError:
        return False
    return True


@pytest.fixture
def base():
    """A folder that other accounts may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="rg-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", folder], check=False)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """The shop of each dialect, to be copied: git takes longer to make one."""
    made = {}

    def original(dialect):
        if dialect not in made:
            made[dialect] = Shop(tmp_path_factory.mktemp(dialect))
            made[dialect].make(dialect)
        return made[dialect].path

    return original


@pytest.fixture
def make_shop(base, originals, require, initialised):
    """A shop of a dialect, where that can be served; `cold` without an initialised server."""

    def make(dialect, cold=False):
        require(dialect != "postgresql" or _has_postgresql(), "PostgreSQL")
        shop = Shop(base)
        shutil.copytree(originals(dialect), shop.path, symlinks=True)
        shop.git("update-index", "-q", "--refresh")
        if not cold:
            initialised(shop.cache / "v1")
        return shop

    return make


@pytest.fixture
def shop(make_shop):
    """The shop on SQLite."""
    return make_shop("sqlite")


@pytest.fixture
def pg_shop(make_shop):
    """The shop on PostgreSQL, served by the machine's own."""
    return make_shop("postgresql")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request, make_shop):
    """The shop on either."""
    return make_shop(request.param)


@pytest.fixture(name="fails")
def fails_fixture():
    return fails


@pytest.fixture(name="script")
def script_fixture():
    return script


@pytest.fixture(scope="session")
def ordinary():
    """Words before a command that make it an ordinary user's, who owns what we own."""
    if os.geteuid() != 0:
        return ()
    words = ("unshare", "-U", "--map-user=65534", "--map-group=65534")
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user namespaces here")
    return words


class Tools:
    """What tests cannot import from here."""

    descendants = staticmethod(descendants)
    alive = staticmethod(alive)
    wait_for = staticmethod(wait_for)
    changed = CHANGED
    models = MODELS
    env = ENV
    users = USERS
    kill = signal.SIGKILL


@pytest.fixture
def tools():
    return Tools
