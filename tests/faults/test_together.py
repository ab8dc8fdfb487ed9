"""Several runs at once in one repository: each is right, and none is in another's way."""

import json
import subprocess
import sys

import pytest

from revguard import runs


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request, make_shop):
    """The shop on either, where no server was ever initialised."""
    return make_shop(request.param, cold=True)


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_four_checks_at_once(any_shop, state):
    if state == "warm":
        assert any_shop.run("check", "--all").returncode == 0
    any_shop.change()
    before = any_shop.state()
    processes = [any_shop.start("check", "--format", "json") for _ in range(4)]
    reports = []
    for process in processes:
        with process:
            out, err = process.communicate(timeout=180)
        assert process.returncode == 1, (out, err)
        assert "Traceback" not in err
        reports.append(json.loads(out))
    scripts = {report["environments"][0]["script"] for report in reports}
    assert len(scripts) == 1
    assert None not in scripts
    assert any_shop.left() == []
    assert any_shop.state() == before


def test_a_run_is_locked_before_it_can_be_seen(tmp_path, monkeypatch):
    """A sweep that came between would take it for a dead one's, and end its processes."""
    really, seen = runs.lock, []

    def looking(*arguments, **options):
        seen.extend(tmp_path.rglob("*.lock"))
        return really(*arguments, **options)

    monkeypatch.setattr(runs, "lock", looking)
    with runs.Run(tmp_path, memory=None, temporary=str(tmp_path)):
        assert seen == []
        assert list(tmp_path.rglob("*.lock"))


def test_a_sweep_never_takes_a_run_that_begins_for_a_dead_one(tmp_path):
    sweeping = f"""
from pathlib import Path
from revguard import runs
print("ready", flush=True)
while True:
    runs.sweep(Path({str(tmp_path)!r}), memory=None, temporary={str(tmp_path)!r})
"""
    argv = [sys.executable, "-c", sweeping]
    sweepers = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for sweeper in sweepers:
            sweeper.stdout.readline()
        for _ in range(200):
            with runs.Run(tmp_path, memory=None, temporary=str(tmp_path)) as run:
                assert run.cache_writable
                assert run.folder.is_dir()
    finally:
        for sweeper in sweepers:
            sweeper.kill()
            sweeper.communicate()
    runs.sweep(tmp_path, memory=None, temporary=str(tmp_path))
    assert list((tmp_path / "runs").iterdir()) == []


def test_two_different_trees_at_once(any_shop, tools):
    any_shop.change()
    processes = [any_shop.start("check"), any_shop.start("check", "--tree", "HEAD", "--all")]
    codes = []
    for process in processes:
        with process:
            out, err = process.communicate(timeout=180)
        assert "Traceback" not in err
        codes.append(process.returncode)
    assert codes == [1, 0], (out, err)


def test_four_adds_at_once(any_shop):
    """One commit's worth of the script, and no index.lock left.

    Who looks after another has written the script and before it is staged says so.
    """
    any_shop.change()
    processes = [any_shop.start("add") for _ in range(4)]
    codes = []
    for process in processes:
        with process:
            out, err = process.communicate(timeout=180)
        assert "Traceback" not in err
        assert process.returncode == 0 or "history/untracked-revision" in out, (out, err)
        codes.append(process.returncode)
    assert 0 in codes
    status = any_shop.git("status", "--porcelain", "-uall").splitlines()
    assert [line[:2] for line in status] == ["A ", "M "]
    assert not (any_shop.path / ".git" / "index.lock").exists()
    assert any_shop.run("check").returncode == 0
    assert any_shop.left() == []


def test_the_cache_is_cleared_meanwhile(any_shop):
    any_shop.change()
    process = any_shop.start("check")
    while process.poll() is None:
        any_shop.run("cache", "clear")
    with process:
        out, err = process.communicate(timeout=180)
    assert "Traceback" not in err, err
    assert process.returncode in (1, 3), (out, err)
