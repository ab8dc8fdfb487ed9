"""What the worker inherits: the project's virtualenv, the settings, and nothing of ours."""

import os
import sys

import pytest

import revguard
from revguard.config import EnvironmentSettings
from revguard.errors import ConfigError
from revguard.project import filled, find, placeholders_in, worker_environ
from revguard.project.envfile import parse


@pytest.fixture
def give(repository, make, environ, hook_prefix):
    project = make(repository / ".venv")
    interpreter = find(str(repository), "", None, environ, own_prefix=hook_prefix.prefix)

    def run(settings=None, cache=None, own=hook_prefix.prefix, **more):
        return worker_environ(
            {**environ, **more},
            interpreter,
            EnvironmentSettings(**(settings or {})),
            own_prefix=own,
            folders=[str(repository)],
            cache=cache,
        )

    run.project, run.interpreter = project, interpreter
    return run


def test_the_projects_virtualenv_is_active_and_the_hooks_is_not(give, hook_prefix):
    path = os.pathsep.join([hook_prefix.bin, "/usr/lib/git-core", give.project.bin, "/usr/bin"])
    environ = give(VIRTUAL_ENV=hook_prefix.prefix, PATH=path)
    assert environ["VIRTUAL_ENV"] == give.project.prefix
    assert environ["PATH"].split(os.pathsep) == [give.project.bin, "/usr/lib/git-core", "/usr/bin"]


def test_an_interpreter_outside_a_virtualenv_makes_none_active(give, environ, repository, make):
    import dataclasses

    plain = dataclasses.replace(give.interpreter, prefix="/usr", base_prefix="/usr")
    found = worker_environ(
        {**environ, "VIRTUAL_ENV": "/gone"},
        plain,
        EnvironmentSettings(),
        own_prefix=sys.prefix,
        folders=[],
    )
    assert "VIRTUAL_ENV" not in found
    assert found["PATH"] == environ["PATH"]


@pytest.mark.parametrize(
    "name",
    [
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_AUTHOR_DATE",
        "PYTHONHOME",
        "__PYVENV_LAUNCHER__",
        "PYTHONINSPECT",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "INPUT_TOKEN",
        "INPUT_COMMENT",
    ],
)
def test_what_is_not_passed_on(give, name):
    assert name not in give(**{name: "x"})


@pytest.mark.parametrize(
    "name", ["PRE_COMMIT", "GITHUB_ACTIONS", "STRIPE_TOKEN", "PYTHONPATH", "PYTHONWARNINGS", "LANG"]
)
def test_what_is_passed_on(give, name):
    assert give(**{name: "/x"})[name] == "/x"


def test_where_revguard_itself_is_imported_from_is_not_passed_on(give):
    ours = os.path.dirname(os.path.dirname(revguard.__file__))
    assert give(PYTHONPATH=f"{ours}:/lib/x")["PYTHONPATH"] == "/lib/x"
    assert "PYTHONPATH" not in give(PYTHONPATH=ours)


def test_the_hash_seed_is_pinned(give):
    assert give(PYTHONHASHSEED="random")["PYTHONHASHSEED"] == "0"


def test_no_bytecode_beside_the_sources(give):
    environ = give(cache="/c", PYTHONDONTWRITEBYTECODE="1")
    assert "PYTHONDONTWRITEBYTECODE" not in environ
    assert environ["PYTHONPYCACHEPREFIX"] == "/c/pycache"
    theirs = give(cache="/c", PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="/p")
    assert theirs["PYTHONPYCACHEPREFIX"] == "/p"
    assert "PYTHONPYCACHEPREFIX" not in give(cache="/c")
    assert give(PYTHONDONTWRITEBYTECODE="1")["PYTHONDONTWRITEBYTECODE"] == "1"


def test_settings_over_file_over_environ(give, repository):
    (repository / "test.env").write_text("A=file\nB=file\nC=${A}/c\n")
    environ = give({"env_file": "test.env", "environ": {"B": "settings"}}, A="x", B="x", D="x")
    assert {name: environ[name] for name in "ABCD"} == {
        "A": "file",
        "B": "settings",
        "C": "file/c",
        "D": "x",
    }


def test_placeholders(give):
    settings = {"environ": {"URL": "{url}", "PG": "{host}:{port}", "JSON": '{"a": {x}}'}}
    assert placeholders_in(EnvironmentSettings(**settings)) == {"url", "host", "port"}
    assert placeholders_in(EnvironmentSettings()) == frozenset()
    assert give(settings)["URL"] == "{url}"  # until the database is there
    values = {"url": "sqlite:///{host}", "host": "h", "port": "5432"}
    assert filled(EnvironmentSettings(**settings), values) == {
        "URL": "sqlite:///{host}",
        "PG": "h:5432",
    }


def test_a_missing_env_file(give, repository):
    with pytest.raises(ConfigError, match=r"env-file = ci/no\.env is not there") as caught:
        give({"env_file": "ci/no.env"})
    assert str(repository) in caught.value.hint


def test_an_env_file_that_is_a_folder(give):
    with pytest.raises(ConfigError, match="env-file = services cannot be read"):
        give({"env_file": "services"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A=1", {"A": "1"}, id="plain"),
        pytest.param("A = 1 \nB=\n", {"A": "1", "B": ""}, id="spaces and nothing"),
        pytest.param("# c\n\n  # c\nA=1 # c\nB=1#2", {"A": "1", "B": "1#2"}, id="comments"),
        pytest.param("export A=1", {"A": "1"}, id="export"),
        pytest.param("exported=1\nexport=2", {"exported": "1", "export": "2"}, id="not export"),
        pytest.param("A='x # \"y\" \\n ${A}'", {"A": 'x # "y" \\n ${A}'}, id="single"),
        pytest.param('A="x\\n\\"y\\" # z" # c', {"A": 'x\n"y" # z'}, id="double"),
        pytest.param('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}, id="lines"),
        pytest.param("A=p://u:p@h/d?x=1&y=2", {"A": "p://u:p@h/d?x=1&y=2"}, id="url"),
        pytest.param('A=1\nB=${A}2\nC="${NO:-d}"', {"A": "1", "B": "12", "C": "d"}, id="expand"),
        pytest.param("H=${OUTER}\nN=$x", {"H": "outer", "N": "$x"}, id="outer"),
        pytest.param("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="windows"),
        pytest.param("\ufeffA=1", {"A": "1"}, id="byte order mark"),
        pytest.param("BARE\nA=1", {"A": "1"}, id="bare name"),
        pytest.param("A=it's", {"A": "it's"}, id="apostrophe"),
        pytest.param("A=#nothing", {"A": "#nothing"}, id="hash at once"),
        pytest.param("", {}, id="empty"),
    ],
)
def test_env_files(text, expected):
    assert parse("x.env", text.encode(), {"OUTER": "outer"}) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"A=1\nhello world\n", "x.env:2: this line is no NAME=VALUE", id="words"),
        pytest.param(b"=1\n", "x.env:1: this line", id="no name"),
        pytest.param(b"A=1\nB='\xff'\n", "x.env:2: is not written in UTF-8", id="bytes"),
        pytest.param(b"A=\0\n", "x.env:1: this line", id="nul"),
    ],
)
def test_env_files_that_cannot_be_read(content, message):
    with pytest.raises(ConfigError) as caught:
        parse("x.env", content, {})
    assert caught.value.message.startswith(message)
