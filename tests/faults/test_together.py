"""Several runs at once in one repository: each is right, and none is in another's way."""

import json

import pytest


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
