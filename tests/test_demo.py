"""`revguard demo`: as a user runs it, on PostgreSQL and SQLite, and nothing is left of it."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from revguard import leftovers, rim
from revguard.demo import serving

BLOCKED = "alembic revision (check).................................................Failed"
ADDED = "alembic revision (add)...................................................Passed"
# what the user's shell, a hook or CI may have set; none of it is meant for the demo
HOSTILE = {
    "GIT_DIR": "/nonexistent/.git",
    "GIT_WORK_TREE": "/nonexistent",
    "GIT_INDEX_FILE": "/nonexistent/index",
    "GIT_AUTHOR_DATE": "not a date",
    "GIT_TRACE": "1",
    "GIT_EXTERNAL_DIFF": "false",
    "PRE_COMMIT": "1",
    "SKIP": "alembic-revision-check,alembic-revision-add",
    "REVGUARD_RUNNING": "1",
    "GITHUB_BASE_REF": "main",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "ALEMBIC_CONFIG": "other.ini",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a space for all that is temporary, with no identity and no configuration."""
    temporary, home = tmp_path / "a place", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("REVGUARD_CACHE_DIR", str(tmp_path / "the cache"))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = memory()
    yield tmp_path
    assert list(temporary.iterdir()) == []
    assert list(home.iterdir()) == []
    assert not (tmp_path / "the cache").exists()
    assert leftovers.find("", [str(tmp_path)]) == []
    assert memory() - before == set()


def memory():
    """Folders of runs on the memory file system that this test's processes may have made."""
    base = Path("/dev/shm", f"revguard-{os.geteuid()}")
    mine = f"{leftovers.VARIABLE}=".encode()
    alive = set()
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = process.read_bytes().split(b"\0")
        except OSError:
            continue
        alive |= {one[len(mine) :].decode() for one in variables if one.startswith(mine)}
    found = {one.name for one in base.iterdir() if one.is_dir()} if base.is_dir() else set()
    return found - alive if os.environ.get("REVGUARD_TESTS_ALONE") else set()


def demo(*words, cwd, **variables):
    return subprocess.run(
        [sys.executable, "-m", "revguard", "demo", *words],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def heed_interrupts():
    # what a shell starts in the background ignores them, and so do its children
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def typed(said):
    return [line[2:] for line in said.splitlines() if line.startswith("$ ")]


def check_story(said):
    assert typed(said) == [
        "cat .pre-commit-config.yaml",
        "pre-commit install",
        "git diff",
        'git commit -am "Ask customers for their email"',
        "git diff .pre-commit-config.yaml",
        'git commit -am "Ask customers for their email"',
        "git show --stat --format=%s",
        "git status --short --branch",
        "revguard check --tree HEAD --all -v",
        "DATABASE_URL=sqlite:///shop.db alembic upgrade head",
        "DATABASE_URL=sqlite:///shop.db alembic current",
    ]
    blocked, _, rest = said.partition("\n2. ")
    assert BLOCKED in blocked
    assert "error[history/missing-revision]" in blocked
    assert "|     op.add_column('customers', " in blocked
    assert ADDED in rest
    (path,) = re.findall(r"create mode 100644 (migrations/versions/\S+\.py)", rest)
    assert "upgrade passed, compare passed, downgrade passed, upgrade again passed" in " ".join(
        rest.split()
    )
    assert f"{Path(path).name.partition('_')[0]} (head)" in rest
    assert said.endswith("The repository, its databases and its cache are gone.\n")


def test_on_postgresql_in_a_hostile_environ(place, require):
    kind = serving.choose({**os.environ, "REVGUARD_CACHE_DIR": str(place / "probe")})
    require(kind.provider != "sqlite", "PostgreSQL with a driver")
    shutil.rmtree(place / "probe")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = demo(cwd=place, **HOSTILE, COLUMNS="160")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    check_story(done.stdout)
    assert f"proof on postgresql {kind.title.partition(' ')[2]}" in done.stdout
    assert "\x1b" not in done.stdout
    assert after.ru_utime - before.ru_utime < 20  # the elapsed time is the machine's


def test_on_sqlite(place, capfd, monkeypatch):
    monkeypatch.setattr(serving, "_driver", lambda: None)
    code = rim.run(["demo", "--color", "always"])
    said = capfd.readouterr().out
    assert "\x1b[32mPassed\x1b" in said or "\x1b[42mPassed\x1b" in said
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert code == 0
    check_story(said)
    assert "pip install 'revguard[postgres]'" in said
    assert "proof on sqlite" in said


def test_for_a_machine_and_quietly(place, capfd, monkeypatch):
    monkeypatch.setattr(serving, "_driver", lambda: None)
    code = rim.run(["demo", "-q", "--format", "json"])
    out, err = capfd.readouterr()
    assert (code, json.loads(out)) == (0, {"ok": True})
    assert err.startswith("$ cat ")
    assert BLOCKED in err


@pytest.mark.parametrize(
    ("number", "after"),
    [
        pytest.param(signal.SIGINT, "$ pre-commit install", id="Ctrl-C at the beginning"),
        pytest.param(signal.SIGINT, "+    email", id="Ctrl-C in the hook"),
        pytest.param(signal.SIGTERM, "+    email", id="SIGTERM in the hook"),
    ],
)
def test_interrupted(place, number, after):
    command = [sys.executable, "-m", "revguard", "demo", "--color", "never"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, preexec_fn=heed_interrupts) as run:
        for line in run.stdout:
            if line.startswith(after):
                break
        time.sleep(1)
        run.send_signal(number)
        run.stdout.read()
        error = run.stderr.read()
    assert (run.returncode, error) == (130, "revguard: interrupted\n")


def test_without_git(place, capfd, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    code = rim.run(["demo"])
    said = capfd.readouterr()
    assert (code, said.out) == (3, "")
    assert "git is not found on PATH" in said.err
    assert "apt install git" in said.err


def test_a_demo_that_goes_wrong_says_so(place, capfd, monkeypatch):
    monkeypatch.setattr(serving, "_driver", lambda: None)
    monkeypatch.setattr("revguard.demo.shop.models_with_email", lambda: "no python (\n")
    code = rim.run(["demo"])
    said = capfd.readouterr()
    assert code == 3
    assert "the demo expected exit code" in said.err or "the demo's commit" in said.err
    assert "are gone" not in said.out
