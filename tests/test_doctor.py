"""`revguard doctor`: what is found in real repositories, and what it says is wrong."""

import json
import subprocess
import sys

import pytest

from revguard import rim

INI = "[alembic]\nscript_location = %(here)s/migrations\nsqlalchemy.url = {url}\n"


@pytest.fixture
def repository(tmp_path, cache_dir, monkeypatch):
    """Write a repository with these files, and stand in it."""

    def make(files):
        top = tmp_path / "shop"
        top.mkdir()
        for name, text in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        subprocess.run(["git", "init", "-q"], cwd=top, check=True)
        subprocess.run(["git", "add", "."], cwd=top, check=True)
        monkeypatch.chdir(top)
        return top

    return make


def project(url="sqlite:///shop.db", **files):
    settings = f'[tool.revguard]\npython = "{sys.executable}"\n'
    return {
        "alembic.ini": INI.format(url=url),
        "migrations/env.py": "",
        "pyproject.toml": settings,
    } | files


def doctor(capsys, *words):
    code = rim.run(["doctor", *words])
    return code, capsys.readouterr().out


def test_all_is_well(repository, capsys, cache_dir):
    top = repository(project())
    code, said = doctor(capsys)
    assert code == 0
    assert f"repository:    {top}, tree " in said
    assert "configuration: pyproject.toml" in said
    assert "environment:   shop, alembic.ini" in said
    assert f"interpreter:   {sys.executable} (Python 3." in said
    assert "taken because: " in said
    assert "database:      sqlite by sqlite" in said
    assert f"cache:         {cache_dir}" in said
    assert said.endswith("a check can run\n")


def test_as_json(repository, capsys):
    repository(project())
    code, said = doctor(capsys, "--format", "json")
    data = json.loads(said)
    assert (code, data["ok"]) == (0, True)
    topics = {line["topic"] for line in data["lines"]}
    assert topics >= {"repository", "configuration", "environment", "interpreter", "database"}


def test_a_dialect_that_env_py_will_tell(repository, capsys):
    repository(project(url="driver://user:pass@localhost/dbname"))
    code, said = doctor(capsys)
    assert code == 0
    assert "the dialect is known once env.py has run" in said
    assert "sqlite: serves sqlite" in said


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({"README": ""}, "environments:  problem: ", id="no environment"),
        pytest.param(
            project(**{"pyproject.toml": "[tool.revguard]\ndatabse = 1\n"}),
            "configuration: problem: ",
            id="wrong configuration",
        ),
        pytest.param(
            project(**{"pyproject.toml": '[tool.revguard]\npython = "no/such"\n'}),
            "interpreter:   problem: ",
            id="no interpreter",
        ),
        pytest.param(project(url="oracle://x/y"), "database:      problem: ", id="no provider"),
    ],
)
def test_problems(repository, capsys, files, said):
    repository(files)
    code, output = doctor(capsys)
    assert code == 1
    assert said in output
    assert output.endswith("a check cannot run: 1 problem\n")


def test_outside_of_a_repository(tmp_path, monkeypatch, capsys, cache_dir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, said = doctor(capsys)
    assert code == 1
    assert said.startswith("repository:    problem: ")


def test_what_is_no_environment_is_said_with_the_reason(repository, capsys):
    files = {"docs/alembic.ini": INI.format(url="sqlite://")}
    repository(project(**files))
    code, said = doctor(capsys)
    assert code == 0
    assert "skipped:       docs/alembic.ini: " in said


def test_an_unknown_environment(repository, capsys):
    repository(project())
    code, said = doctor(capsys, "--env", "shpo")
    assert code == 1
    assert "shpo" in said
