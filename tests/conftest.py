"""What all tests stand on: a neutral git, a cache of their own, servers that CI must have."""

import gc
import os
import shutil
import sys

import pytest

from revguard import databases
from revguard.errors import RevguardError

from . import served
from .warm.machine import MACHINE

# here, before any folder's conftest takes it from the scenarios
pytest.register_assert_rewrite(f"{__name__.rpartition('.')[0]}.scenarios.shop")

NEUTRAL_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A U Thor",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "main",
    "GIT_CONFIG_KEY_1": "protocol.file.allow",
    "GIT_CONFIG_VALUE_1": "always",
}
# What the shell or the hook that started the tests would bring in
FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_REFLOG_ACTION",
    "PRE_COMMIT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "NO_COLOR",
    "FORCE_COLOR",
)


def pytest_collection_finish(session):
    """What is loaded by now stays: no search for garbage goes through thousands of tests again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def neutral_environ(tmp_path_factory):
    """A git without the user's configuration, and a cache that is this session's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in NEUTRAL_GIT.items():
            patch.setenv(name, value)
        patch.setenv("REVGUARD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
        MACHINE.close()


@pytest.fixture
def warm_workers():
    """Where revguard runs in this process, its workers are warm: those of this interpreter."""
    MACHINE.workers(sys.executable)
    with MACHINE.in_process():
        yield


@pytest.fixture(scope="session")
def initialised(tmp_path_factory):
    """`initialised(cache)`: it has the servers' data folders that earlier tests initialised."""
    kept = tmp_path_factory.mktemp("servers")

    def link(cache):
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "servers").symlink_to(kept)

    return link


@pytest.fixture
def cache_dir(tmp_path, monkeypatch):
    """A cache of this test's own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("REVGUARD_CACHE_DIR", str(path))
    return path


def require(found, what):
    """Skip where something is missing on a user's machine; fail in CI, where all must be there."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and in CI nothing may be")
    pytest.skip(f"{what} is not here")


@pytest.fixture(name="require", scope="session")
def require_fixture():
    """`require(found, what)`, for tests that cannot import this file."""
    return require


@pytest.fixture(scope="session")
def chosen(require):
    """`chosen(setting, dialect)`: what `database = "<setting>"` gives a project; or skip."""

    def choose(setting, dialect, environ=os.environ):
        try:
            return databases.choose(setting, dialect, environ=environ)
        except RevguardError as reason:
            require(False, f"{setting} for {dialect} ({reason})")
            raise

    return choose


@pytest.fixture(scope="session")
def serving():
    """`serving(cache, choice)`: a server started by our provider, with databases for all."""
    return served.serving


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory, require):
    """A Docker engine of the tests' own, with images like the official ones."""
    from .databases import engine, images

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    require(engine.DOCKERD and root, "dockerd, and root to run it")
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    with engine.shared(folder, lambda one: images.build(one, require)) as shared:
        shared.images = {name: f"docker:{image}" for name, image in images.NAMES.items()}
        yield shared


@pytest.fixture(scope="session")
def mortal_engine(require):
    """An engine that nobody else uses, so that it may be killed, with images likewise."""
    from .databases import engine, images

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    require(engine.DOCKERD and root, "dockerd, and root to run it")
    own = engine.Engine.new()
    try:
        images.official(own, require)
        own.images = {name: f"docker:{image}" for name, image in images.NAMES.items()}
        yield own
    finally:
        own.close()


@pytest.fixture(scope="session")
def own_server(chosen, require):
    """`own_server(dialect)`: a server that a user started, with passwords and TLS; a context."""
    from .databases import byhand

    def start(dialect):
        binaries = chosen("local", dialect).installation.binaries
        require(shutil.which("openssl"), "openssl")
        return byhand.running(byhand.SERVERS[dialect], binaries)

    return start


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory, chosen):
    """A MariaDB server as our provider gives it, for all tests of this process."""
    choice = chosen("local", "mariadb")
    with served.serving(tmp_path_factory.mktemp("mariadb"), choice) as server:
        yield server
