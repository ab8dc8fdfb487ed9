# ruff: noqa: TID252  (the shop of another folder)
"""Runners that are not here, as far as they can be had: shells, names of Pythons, no POSIX."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ..scenarios.shop import OURS
from . import running, without_posix

STEPS = {
    one["id"]: one["run"]
    for one in yaml.safe_load((running.REPOSITORY / "action.yml").read_text())["runs"]["steps"]
}
# What these have in common the bash 3.2 of macOS has, too.
SHELLS = {
    "bash": ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail"),
    "bash --posix": ("bash", "--posix", "-e"),
    "dash": ("dash", "-e"),
    "busybox": ("busybox", "sh", "-e"),
}


@pytest.mark.parametrize("dialect", ["sh", "bash"])
@pytest.mark.parametrize("name", STEPS)
def test_shellcheck(name, dialect, require):
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    require(program, "shellcheck")
    done = subprocess.run([program, "--shell", dialect, "-"], input=STEPS[name], text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.fixture(params=SHELLS)
def shell(request, require):
    words = SHELLS[request.param]
    program = shutil.which(words[0])
    require(program, words[0])
    return (program, *words[1:])


RUNS = '#!/bin/sh\n[ "$2" = -c ] || echo "$0 $*"\n'
SHOP = "#!/bin/sh\necho 'Python was not found; run without arguments to install it' >&2\nexit 49\n"
OLD = "#!/bin/sh\necho 'Unknown option: -I' >&2\nexit 2\n"
PYTHONS = {
    "python3": ({"python3": RUNS, "python": RUNS}, "python3"),
    "python alone": ({"python": RUNS}, "python"),
    "the shop of Windows": ({"python3": SHOP, "python": RUNS}, "python"),
    "Python 2": ({"python": OLD, "py": RUNS}, "py"),
    "the launcher of Windows": ({"python3": SHOP, "python": SHOP, "py": RUNS}, "py"),
    "none that runs": ({"python3": SHOP, "python": OLD}, ""),
    "none": ({}, ""),
}


@pytest.mark.parametrize("name", PYTHONS)
def test_the_python_that_is_taken(name, shell, tmp_path):
    there, taken = PYTHONS[name]
    folder = tmp_path / "bin"
    folder.mkdir()
    for program, text in there.items():
        (folder / program).write_text(text)
        (folder / program).chmod(0o755)
    action = tmp_path / "an action"
    (tmp_path / "step.sh").write_text(STEPS["install"])
    environ = {"PATH": str(folder), "GITHUB_ACTION_PATH": str(action)}
    done = subprocess.run([*shell, str(tmp_path / "step.sh")], env=environ, text=True,
                          capture_output=True)  # fmt: skip
    if taken:
        script = f"{action}/hooks/revguard/pulls/install.py"
        assert (done.returncode, done.stdout) == (0, f"{folder}/{taken} -I {script}\n")
    else:
        assert done.returncode == 2
        assert done.stdout.startswith("::error title=revguard::this runner has no Python")


@pytest.mark.parametrize("name", ["judge", "comment"])
def test_a_python_at_a_path_of_its_own(name, shell, tmp_path):
    """With blanks and signs of the shell in it, and the exit code of what it ran."""
    python = tmp_path / "a $(b) `c` 'd" / "python.exe"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$*"\nexit 3\n')
    python.chmod(0o755)
    (tmp_path / "step.sh").write_text(STEPS[name])
    done = subprocess.run([*shell, str(tmp_path / "step.sh")], env={"REVGUARD_PYTHON": str(python)},
                          text=True, capture_output=True)  # fmt: skip
    assert (done.returncode, done.stdout) == (3, f"-I -m revguard.action {name}\n"), done.stderr


def test_without_posix(pull, virtualenv, tmp_path):
    """Judged and added with nothing that Windows lacks; what the worker uses is this system's."""
    one = pull()
    shop = one.shop
    # there, a virtualenv has its interpreter elsewhere
    shop.write("revguard.toml", f'python = "{virtualenv}/bin/python"\n')
    shop.commit_all("settings")
    shop.git("push", "-q", "origin", "mine:main")
    shop.git("fetch", "-q", "origin")
    # of its own, as the folders that are not locked there would be swept by a run that is here
    (tmp_path / "temporary").mkdir()
    shop.environ["TMPDIR"] = str(tmp_path / "temporary")
    killing = tmp_path / "bin" / "taskkill"
    killing.parent.mkdir()
    killing.write_text('#!/bin/sh\nkill -9 -- "-$4" 2>/dev/null || kill -9 "$4"\n')
    killing.chmod(0o755)
    shop.environ["PATH"] += f"{os.pathsep}{killing.parent}"

    def ours(*words, **more):
        command = [sys.executable, without_posix.__file__, OURS, *words]
        done = subprocess.run(command, cwd=shop.path, env={**shop.environ, **more}, text=True,
                              capture_output=True)  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    shop.model()
    shop.git("add", "-A")
    done = ours("cli", "add")
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(line.startswith("A  migrations/versions/") for line in shop.status())
    shop.git("reset", "-q", "--hard")
    shop.model(text='    каша = Column("каша", String(100))\n')
    one.push()
    judging = {"REVGUARD_INPUT_BASE": "origin/main", "RUNNER_TEMP": str(tmp_path)}
    done = ours("action", "judge", **judging)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "history/missing-revision" in done.stdout
    assert "users.каша" in done.stdout
    done = ours("action", "judge", **judging, REVGUARD_INPUT_MODE="каша")
    assert (done.returncode, "каша" in done.stdout) == (2, True)
    assert [*(tmp_path / "temporary").iterdir()] == []
