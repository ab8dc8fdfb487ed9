"""What the scenarios run on, made once: virtualenvs of projects, and this repository as pre-commit
installs it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
from filelock import FileLock

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("hooks", "pyproject.toml", ".pre-commit-hooks.yaml", "README.md", "LICENSE")
PROJECT_NEEDS = ("alembic", "sqlalchemy", "psycopg2-binary")
EVERY_WAY_NEEDS = (*PROJECT_NEEDS, "aiosqlite", "greenlet", "sqlmodel")
FLASK_NEEDS = {
    4: ("alembic", "flask-migrate>=4", "flask-sqlalchemy", "python-dotenv"),
    3: ("alembic", "sqlalchemy", "flask-migrate<4", "flask-sqlalchemy", "python-dotenv"),
}


def own_cache():
    """Where virtualenvs are kept from one session to the next; REVGUARD_TEST_CACHE moves it."""
    told = os.environ.get("REVGUARD_TEST_CACHE")
    return Path(told or platformdirs.user_cache_dir("revguard-tests"))


def run(*argv, **kwargs):
    done = subprocess.run(argv, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


def plain_environ():
    """An environ in which Python writes bytecode and no virtualenv is active."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST")
    own = os.path.dirname(sys.executable)
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    folders = [one for one in kept.get("PATH", os.defpath).split(os.pathsep) if one != own]
    return {**kept, "PATH": os.pathsep.join(folders)}


def virtualenv(*needs):
    """The folder of a virtualenv with these requirements, none of which is revguard."""
    key = hashlib.sha256("\0".join((sys.version, sys.base_prefix, *needs)).encode()).hexdigest()
    folder = own_cache() / f"project-{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            run(sys.executable, "-m", "venv", str(folder), env=plain_environ())
            pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *needs)
            run(*pip, env=plain_environ())
            (folder / "ready").touch()
    return folder


class Published:
    """This repository where pre-commit can get it: ``url``, ``rev`` and a PRE_COMMIT_HOME."""

    def __init__(self, folder):
        self.url = str(folder / "revguard.git")
        self.home = str(folder / "pre-commit")
        self._rev = folder / "rev"

    @property
    def rev(self):
        return self._rev.read_text()

    def publish(self, folder):
        """A bare clone of a repository that holds what is shipped, as it is now."""
        source = folder / "source"
        source.mkdir()
        for name in SHIPPED:
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copyfile
            ignored = {"ignore": shutil.ignore_patterns("__pycache__")} if name == "hooks" else {}
            copy(REPOSITORY / name, source / name, **ignored)
        run("git", "init", "-q", str(source))
        run("git", "-C", str(source), "add", "-A")
        run("git", "-C", str(source), "commit", "-q", "-m", "as it is now")
        run("git", "clone", "-q", "--bare", str(source), self.url)
        self._rev.write_text(run("git", "-C", str(source), "rev-parse", "HEAD").strip())


def published(folder):
    """Publish once for all workers that share this folder."""
    with FileLock(str(folder / "published.lock")):
        found = Published(folder)
        if not (folder / "rev").exists():
            found.publish(folder)
        return found
