"""The workflow: how the project is installed, and where none is written."""

import pytest
import yaml

from revguard.init import workflow


def project(*files, home="", remotes=(), texts=None, python="3.12"):
    return workflow.Project(
        home=home, files=frozenset(files), python=python, texts=texts or {}, remotes=remotes
    )


def commands(step):
    job = yaml.safe_load(step.after)["jobs"]["revguard"]
    return [one["run"] for one in job["steps"] if "run" in one]


INSTALLED = {
    "requirements": (project("requirements.txt"), ["pip install -r requirements.txt"]),
    "a package": (project("pyproject.toml"), ["pip install ."]),
    "uv": (project("uv.lock", "pyproject.toml"), ["pip install uv", "uv sync --frozen"]),
    "poetry": (
        project("poetry.lock", "pyproject.toml"),
        ["pip install poetry", "poetry install --no-root"],
    ),
    "a subfolder": (
        project("api/requirements.txt", "requirements.txt", home="api"),
        ["pip install -r api/requirements.txt"],
    ),
    "nothing": (project(), ["pip install sqlalchemy alembic"]),
}


@pytest.mark.parametrize("name", INSTALLED)
def test_installed(name):
    given, wanted = INSTALLED[name]
    step = workflow.step(given)
    assert commands(step) == wanted
    found = yaml.safe_load(step.after)
    assert found["jobs"]["revguard"]["steps"][-1] == {"uses": "revguard/revguard@v0.1.0"}
    # the commits of the range, and what has landed, have to be there
    assert found["jobs"]["revguard"]["steps"][0]["with"]["fetch-depth"] == 0
    rights = {"contents": "read", "pull-requests": "write"}
    assert (found["permissions"], found["jobs"]["revguard"]["permissions"]) == ({}, rights)


def test_a_version_that_is_no_release(monkeypatch):
    """There is no tag of the action to name."""
    monkeypatch.setattr("revguard.__version__", "0.2.dev1")
    step = workflow.step(project())
    *_, install, check = commands(step)
    assert install == "pip install revguard"
    assert check == 'revguard check --from-ref "origin/$GITHUB_BASE_REF" --to-ref HEAD'


def test_actions_as_the_others_have_them():
    texts = {".github/workflows/ci.yml": b"steps:\n  - uses: actions/checkout@v6\n"}
    step = workflow.step(project(".github/workflows/ci.yml", texts=texts))
    assert b"uses: actions/checkout@v6\n" in step.after
    assert b"uses: actions/setup-python@v6\n" in step.after


NOT_HERE = {
    "another service": project(".gitlab-ci.yml"),
    "another host": project(remotes=("git@gitlab.com:shop/shop.git",)),
    "there already": project(
        ".github/workflows/x.yml", texts={".github/workflows/x.yml": b"run: revguard check\n"}
    ),
}


@pytest.mark.parametrize("name", NOT_HERE)
def test_not_written(name):
    assert not workflow.step(NOT_HERE[name]).writes


HERE = {
    "no remote": project(),
    "GitHub": project(remotes=("https://github.com/shop/shop.git",)),
    "a folder": project(remotes=("/srv/git/shop.git", "file:///srv/git/shop.git")),
    "GitHub's folder beside another's file": project(".github/CODEOWNERS", ".gitlab-ci.yml"),
}


@pytest.mark.parametrize("name", HERE)
def test_written(name):
    assert workflow.step(HERE[name]).writes
