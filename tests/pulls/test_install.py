# ruff: noqa: TID252  (the machine of another folder)
"""The action's first step: a virtualenv of its own, whole or not there at all."""

import ast
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from revguard.pulls import install

from ..scenarios import machine
from . import running

ACTION = yaml.safe_load((running.REPOSITORY / "action.yml").read_text())
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")


@pytest.fixture
def environ(tmp_path):
    source = tmp_path / "action"
    (source / "hooks" / "revguard").mkdir(parents=True)
    (source / "hooks" / "revguard" / "__init__.py").write_text("x = 1\n")
    (source / "pyproject.toml").write_text("[\n")  # pip refuses it
    (tmp_path / "output").touch()
    return {
        "GITHUB_ACTION_PATH": str(source),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "RUNNER_TOOL_CACHE": str(tmp_path / "tools"),
        "PATH": "/nowhere",
    }


def test_no_python_is_new_enough(environ, monkeypatch, capfd):
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setattr(install, "PLACES", ())
    assert install.main(environ) == 2
    assert "itself needs Python 3.10 or newer" in capfd.readouterr().out


def test_what_cannot_be_installed_leaves_nothing(environ, tmp_path, capfd):
    assert install.main(environ) == 3
    assert "::error title=revguard::revguard cannot be installed" in capfd.readouterr().out
    assert [*(tmp_path / "tools" / "revguard").iterdir()] == []
    assert (tmp_path / "output").read_text() == ""


def test_what_is_there_is_taken(environ, tmp_path):
    key = install._key(environ["GITHUB_ACTION_PATH"], "")
    folder = tmp_path / "tools" / "revguard" / key
    folder.mkdir(parents=True)
    (folder / install.ISOLATED).touch()
    assert install.main(environ) == 0
    assert (tmp_path / "output").read_text() == f"python={install._python(str(folder))}\n"


def test_one_for_each_content_and_version(environ, tmp_path):
    source = environ["GITHUB_ACTION_PATH"]
    keys = {install._key(source, ""), install._key(source, "0.1.0"), install._key(source, "0.2.0")}
    path = tmp_path / "action" / "hooks" / "revguard" / "__init__.py"
    path.write_text("x = 2\n")
    assert len(keys | {install._key(source, "")}) == 4
    assert install._key(source, "0.1.0") in keys


def test_what_killed_jobs_left_is_swept(environ, tmp_path):
    """A folder aside that is an hour old, and one in its place that is not whole."""
    tools = tmp_path / "tools" / "revguard"
    old, new = tools / "0123456789abcdef.77", tools / "0123456789abcdef.78"
    whole = tools / "fedcba9876543210"
    half = tools / install._key(environ["GITHUB_ACTION_PATH"], "")
    for folder in (old, new, whole, half):
        (folder / "bin").mkdir(parents=True)
    (whole / install.ISOLATED).touch()
    for folder in (old, whole):
        os.utime(folder, (1, 1))
    assert not install._is_whole(str(half))
    install._sweep(str(half))
    assert sorted(one.name for one in tools.iterdir()) == sorted([new.name, whole.name])


def test_an_old_python_understands_it():
    """It says that it is too old, or finds a newer one."""
    tree = ast.parse(Path(install.__file__).read_text(), feature_version=(3, 5))
    shown = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert shown == []  # of __future__ it knows less
    annotated = [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    assert annotated == []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.args, *node.args.kwonlyargs]
            said = [one.annotation for one in given] + [node.returns]
            assert all(isinstance(one, (ast.Name, ast.Constant)) for one in said), node.name


def test_a_python_that_the_runner_brings(environ, tmp_path, monkeypatch):
    """setup-python gave the project an old one; GitHub's runners have newer ones beside it."""
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setattr(install, "PLACES", ())
    for version in ("3.9.1", "3.10.2", "3.12.4"):
        folder = tmp_path / "tools" / "Python" / version / "x64" / "bin"
        folder.mkdir(parents=True)
        (folder / "python").write_text(f"#!/bin/sh\necho {version} > {tmp_path}/ran\n")
        (folder / "python").chmod(0o755)
    assert install.main(environ) == 0
    assert (tmp_path / "ran").read_text() == "3.12.4\n"


def test_on_windows_bash_is_given_slashes():
    found = install._python("D:\\tools\\revguard\\1f", windows=True)
    assert found == "D:/tools/revguard/1f/Scripts/python.exe"
    own = install._python("C:\\Python\\3.12.4\\x64", its_own=True, windows=True)
    assert own == "C:/Python/3.12.4/x64/python.exe"


NO_VERSIONS = (
    "1.0; rm -rf /", "1.0 --index-url http://127.0.0.1:1/", "--index-url=http://127.0.0.1:1/",
    "1.0\n--pre", "0.1.0\n::set-env name=X::y", "1.0 @ http://127.0.0.1:1/x.whl", "*", "1.*",
    "latest", ">=0", "1.0,>0", "$(id)", "`id`", "1.0%0A::error::x", "../../x", "1.0+local",
    "1." * 5000, "\u0661.0",
)  # fmt: skip
VERSIONS = ("0.1.0", "v0.1.0", "1.2.3rc1", "1.2.post1", "2026.1.dev3", "1")


@pytest.mark.parametrize("given", NO_VERSIONS, ids=lambda given: ascii(given)[:30])
def test_what_is_no_version(given, environ, tmp_path, capfd):
    """Nothing is installed, and the message is one line whatever it holds."""
    assert install.main({**environ, "REVGUARD_INPUT_VERSION": given}) == 2
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith("::error title=revguard::the input `version` is '")
    assert "%0A" not in line
    assert line.endswith("or leave it out to install what `uses:` names")
    assert not (tmp_path / "tools").exists()


@pytest.mark.parametrize("given", [*VERSIONS, "", " ", "\n"], ids=repr)
def test_what_is_a_version(given, environ, tmp_path):
    """The `v` of a tag is none of the version's; without one it is the action's own revguard."""
    wanted = given.strip().removeprefix("v")
    key = install._key(environ["GITHUB_ACTION_PATH"], wanted)
    folder = tmp_path / "tools" / "revguard" / key
    folder.mkdir(parents=True)
    (folder / install.ISOLATED).touch()
    assert install.main({**environ, "REVGUARD_INPUT_VERSION": given}) == 0


# the step of action.yml, with a local index


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """A folder of released versions, as pip's own variables name it; without dependencies, which
    would take a minute to install."""
    folder = tmp_path_factory.mktemp("index")
    source = folder / "source"
    source.mkdir()
    running.shipped(source)
    about = source / "hooks" / "revguard" / "__init__.py"
    text = about.read_text()
    for version in ("0.9.1", "0.9.2"):
        about.write_text(re.sub('__version__ = ".*"', f'__version__ = "{version}"', text))
        building = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(building, cwd=source, check=True, capture_output=True)
    return {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_NO_DEPS": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }  # fmt: skip


@pytest.fixture
def step(index, tmp_path):
    """`step(version)`: the installing step, by the shell that GitHub runs it with."""
    source = tmp_path / "action"
    source.mkdir()
    running.shipped(source)
    (script,) = (one["run"] for one in ACTION["runs"]["steps"] if one["id"] == "install")
    (tmp_path / "step.sh").write_text(script)

    def run(version="", *, start=subprocess.run, options=None, **more):
        (tmp_path / "output").write_text("")
        environ = {
            **machine.plain_environ(), **index, "GITHUB_ACTION_PATH": str(source),
            "GITHUB_OUTPUT": str(tmp_path / "output"), "REVGUARD_INPUT_VERSION": version,
            "RUNNER_TOOL_CACHE": str(tmp_path / "tools"), "RUNNER_TEMP": str(tmp_path), **more,
        }  # fmt: skip
        said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return start([*BASH, str(tmp_path / "step.sh")], env=environ, **said, **(options or {}))

    return run


def python_of(tmp_path):
    return (tmp_path / "output").read_text().removeprefix("python=").rstrip("\n")


def version_of(python):
    asked = "import revguard; print(revguard.__version__)"
    return subprocess.run(
        [python, "-I", "-c", asked], capture_output=True, text=True
    ).stdout.strip()


def test_a_released_version(step, tmp_path):
    """It is installed once; whatever the index says later, it is there. One that is not to be had
    is said, and nothing of it stays."""
    done = step("0.9.1", PIP_USER="1", PIP_TARGET=str(tmp_path / "elsewhere"))
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "elsewhere").exists()
    python = python_of(tmp_path)
    assert version_of(python) == "0.9.1"
    stamp = os.stat(python).st_ctime_ns
    done = step("v0.9.1", PIP_FIND_LINKS=str(tmp_path / "gone"))
    assert (done.returncode, done.stdout, python_of(tmp_path)) == (0, "", python)
    assert os.stat(python).st_ctime_ns == stamp

    done = step("9.9")
    assert done.returncode == 3
    assert "(from versions: 0.9.1, 0.9.2)" in done.stdout
    assert "revguard 9.9 cannot be installed: the lines above say why. The input" in done.stdout
    assert python_of(tmp_path) == ""
    assert len([*(tmp_path / "tools" / "revguard").iterdir()]) == 1


def test_a_python_whose_pip_is_too_old(step, tmp_path):
    """Or has none: then the virtualenv has its own."""
    base = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
    (site,) = base.glob("lib/python*/site-packages")
    (site / "pip.py").write_text("import sys\nsys.exit('no such option: --python')\n")
    path = f"{base}/bin{os.pathsep}{machine.plain_environ()['PATH']}"
    done = step("0.9.1", PATH=path)
    assert (done.returncode, done.stdout) == (0, "")
    assert version_of(python_of(tmp_path)) == "0.9.1"


def test_an_installation_that_was_killed(step, tmp_path):
    """What it left is not taken for whole, and not in the way."""
    tools = tmp_path / "tools" / "revguard"
    begun = step("0.9.2", start=subprocess.Popen, options={"start_new_session": True})
    until = time.monotonic() + 60
    while not [*tools.glob("*.*/bin/python")]:
        assert begun.poll() is None, begun.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()
    (left,) = tools.iterdir()
    assert not (left / install.ISOLATED).exists()
    assert python_of(tmp_path) == ""
    done = step("0.9.2")
    assert done.returncode == 0, done.stdout
    assert version_of(python_of(tmp_path)) == "0.9.2"
