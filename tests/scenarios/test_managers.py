"""The hooks by the oldest pre-commit that knows them, and by prek: blocked, then made.

The newest pre-commit and a plain git hook go through all modes in test_staging_modes.py.
"""

import pytest

from . import machine

# what is to be installed, and the program in it
MANAGERS = {"pre-commit-3.2": ("pre-commit==3.2.2", "pre-commit"), "prek": ("prek", "prek")}


@pytest.mark.parametrize("name", MANAGERS)
def test_blocked_then_made_with_the_script(shop, published, require, name):
    needs, program = MANAGERS[name]
    try:
        words = (str(machine.virtualenv(needs) / "bin" / program),)
    except AssertionError as reason:
        require(False, f"{needs} ({reason})")
    one = shop()
    one.pre_commit(published, "check", program=words)
    one.commit_all("hook")
    one.model()
    blocked = one.run_git("commit", "-am", "email")
    assert blocked.returncode == 1, blocked.stderr
    assert "history/missing-revision" in blocked.stdout + blocked.stderr
    assert one.versions() == ["0001_first.py"]
    one.pre_commit(published, "add", program=words)
    made = one.run_git("commit", "-am", "email")
    assert made.returncode == 0, made.stdout + made.stderr
    assert sorted(one.committed().values()) == ["A", "M", "M"]
    assert one.status() == []
