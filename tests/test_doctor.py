"""`revguard doctor`: what is found in real repositories, and what it says is wrong."""

import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from revguard import databases, rim
from revguard.errors import CouldNotCheck

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
    assert "database:      sqlite by sqlite\n               sqlite: taken: SQLite\n" in said
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


POSTGRES = "postgresql+psycopg2://shop@localhost/shop"
CREATES = "revision = '1'\ndown_revision = None\nSQL = 'CREATE EXTENSION {}'\n"


@pytest.fixture
def both(require):
    """PostgreSQL twice."""
    try:
        databases.choose("local", "postgresql", environ=os.environ)
        databases.choose("embedded", "postgresql", environ=os.environ)
    except CouldNotCheck as reason:
        require(False, f"PostgreSQL twice ({reason})")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {},
            [
                "postgresql by local (PostgreSQL ",
                "local: taken: PostgreSQL ",
                "embedded: not needed",
            ],
            id="nothing told",
        ),
        pytest.param(
            {"compose.yaml": "services: {db: {image: 'postgres:9.6'}}"},
            [", the project says 9.6 (compose.yaml)\n", "embedded: passed over, is PostgreSQL "],
            id="another version",
        ),
        pytest.param(
            {"migrations/versions/1.py": CREATES.format("vector")},
            ["by embedded", "local: passed over: PostgreSQL ", "has no extension vector"],
            id="an extension",
        ),
        pytest.param(
            {"migrations/versions/1.py": CREATES.format("nobodys")},
            ["problem: no postgresql database with the extensions", "embedded: passed over: "],
            id="an extension that nobody has",
        ),
    ],
)
def test_each_provider_and_why_it_was_passed_over(both, repository, capsys, files, said):
    top = repository(project(url=POSTGRES, **files))
    locations = top / "migrations" / "versions"
    locations.mkdir(exist_ok=True)
    _, output = doctor(capsys)
    for words in said:
        assert words in output


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


THREE_LINES = "repos:\n  - repo: x\n    rev: y\n    hooks: [{id: alembic-revision-check}]\n"


@pytest.mark.parametrize(
    ("configured", "hook", "said"),
    [
        pytest.param("", "", "no .pre-commit-config.yaml, so commits are not", id="nothing"),
        pytest.param("repos: []\n", "", "names no hook of revguard", id="others only"),
        pytest.param(THREE_LINES, "", "no hook is installed", id="not installed"),
        pytest.param(
            THREE_LINES, "# File generated by pre-commit\n", "pre-commit runs it", id="ok"
        ),
        pytest.param(THREE_LINES, "# File generated by prek\n", "prek runs it", id="prek"),
        pytest.param("", "exec revguard check\n", "runs revguard at each commit", id="plain"),
    ],
)
def test_whether_commits_are_checked(repository, capsys, configured, hook, said):
    top = repository(project(**({".pre-commit-config.yaml": configured} if configured else {})))
    if hook:
        path = top / ".git" / "hooks" / "pre-commit"
        path.parent.mkdir(exist_ok=True)
        path.write_text(hook, encoding="utf-8")
    code, output = doctor(capsys)
    assert code == 0
    (line,) = [line for line in output.splitlines() if line.startswith("hook:")]
    assert said in line
    assert line.startswith("hook:          git ")


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ('exec revguard check --hook pre-push "$@"\n', "runs revguard at each push"),
        ("exec revguard check\n", "judges the staged tree, not what is pushed"),
        ("exec other\n", None),
    ],
)
def test_whether_a_push_is_judged(repository, capsys, hook, said):
    top = repository(project())
    path = top / ".git" / "hooks" / "pre-push"
    path.parent.mkdir(exist_ok=True)
    path.write_text(hook, encoding="utf-8")
    _, output = doctor(capsys)
    lines = [line for line in output.splitlines() if line.startswith("push:")]
    assert [said in line for line in lines] == ([True] if said else [])


UPGRADES = THREE_LINES.replace("[{id", "[{id: alembic-upgrade}, {id")
STAGES = ("post-checkout", "post-merge", "post-rewrite")


FOR_EVERYONE = "default_install_hook_types: [pre-commit, post-checkout, post-merge, post-rewrite]"


@pytest.mark.parametrize(
    ("configured", "installed", "said"),
    [
        pytest.param(THREE_LINES, {}, [], id="not wanted"),
        pytest.param(
            UPGRADES,
            {},
            [
                "upgrade:       alembic-upgrade is not installed for post-checkout, post-merge, ",
                "`pre-commit install --hook-type post-checkout --hook-type post-merge ",
                FOR_EVERYONE,
            ],
            id="not installed",
        ),
        pytest.param(
            f"{FOR_EVERYONE}\n{UPGRADES}",
            {"post-checkout": "# File generated by pre-commit\n"},
            ["`pre-commit install --hook-type post-merge --hook-type post-rewrite`\n"],
            id="in part",
        ),
        pytest.param(
            UPGRADES,
            dict.fromkeys(STAGES, "# File generated by prek\n"),
            ["upgrade:       prek runs alembic-upgrade after checkout, merge and rewrite\n"],
            id="installed",
        ),
        pytest.param(
            "",
            {"post-merge": "exec revguard upgrade --hook post-merge\n"},
            ["not installed for post-checkout, post-rewrite\n", "copy ", "hooks/post-merge"],
            id="by hand",
        ),
    ],
)
def test_whether_the_database_follows_the_branch(repository, capsys, configured, installed, said):
    top = repository(project(**({".pre-commit-config.yaml": configured} if configured else {})))
    for stage, text in installed.items():
        path = top / ".git" / "hooks" / stage
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    code, output = doctor(capsys)
    assert code == 0
    for words in said:
        assert words in output
    assert ("upgrade:" in output) == bool(said)


def test_hooks_that_git_looks_for_elsewhere(repository, capsys):
    top = repository(project(**{".pre-commit-config.yaml": THREE_LINES}))
    subprocess.run(["git", "config", "core.hooksPath", "githooks"], cwd=top, check=True)
    _, output = doctor(capsys)
    assert f"core.hooksPath is {top}/githooks, and pre-commit installs nothing there" in output
    assert "`git config --unset-all core.hooksPath && pre-commit install`" in output


SETTINGS = '\n[tool.revguard.environments.shop]\nconfig = "alembic.ini"\n'


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        pytest.param("", 0, "environment:   shop, alembic.ini\n", id="none"),
        pytest.param(
            'environ = { SECRET_KEY = "t0psecret", URL = "{url}" }\nx = ["a=b"]\n',
            0,
            "settings:      environ sets SECRET_KEY, URL; -x a=b\n",
            id="variables",
        ),
        pytest.param('env-file = "ci.env"\n', 0, "settings:      env-file ci.env\n", id="a file"),
        pytest.param('env-file = "no.env"\n', 1, "settings:      problem: ", id="no file"),
        pytest.param('bootstrap = "no.sql"\n', 1, "`git add no.sql`", id="no bootstrap"),
    ],
)
def test_the_settings_of_an_environment(repository, capsys, more, code, said):
    files = project(**{"ci.env": "TOKEN=t0psecret\n"})
    repository(files | {"pyproject.toml": files["pyproject.toml"] + SETTINGS + more})
    found, output = doctor(capsys)
    assert (found, "t0psecret" in output) == (code, False)
    assert said in output
    assert "taken because: pyproject.toml names it" in output
    assert "settings:" in output or not more


def test_the_configured_database_is_not_connected_to(repository, capsys):
    with http.server.HTTPServer(("127.0.0.1", 0), Engine) as server:
        repository(project(url=f"postgresql+psycopg2://u:s3cr3t@127.0.0.1:{server.server_port}/x"))
        _, output = doctor(capsys)
        server.timeout = 0.01
        server.handle_timeout = lambda: seen.append("nobody")
        seen = []
        server.handle_request()
    assert seen == ["nobody"]
    assert "s3cr3t" not in output


def test_colours(repository, capsys):
    repository(project(**{"pyproject.toml": '[tool.revguard]\npython = "no/such"\n'}))
    _, plain = doctor(capsys)
    _, coloured = doctor(capsys, "--color", "always")
    assert "\x1b[31;1mproblem:\x1b[0m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31;1m", "\x1b[31m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


class Engine(http.server.BaseHTTPRequestHandler):
    """As much of Docker's API as is asked for."""

    def do_GET(self):
        body = json.dumps({"Version": "28.2.1", "ApiVersion": "1.50", "MinAPIVersion": "1.24"})
        self.send_response(200 if self.path == "/version" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def test_a_docker_engine_that_answers(repository, capsys, monkeypatch):
    repository(project())
    with http.server.HTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        code, said = doctor(capsys)
        server.shutdown()
    assert code == 0
    assert f"docker:        engine 28.2.1 answers at tcp://127.0.0.1:{server.server_port}" in said


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unix:///nonexistent/docker.sock", "there is no /nonexistent/docker.sock"),
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("nonsense", "Invalid bind address format"),
    ],
)
def test_no_docker_engine_is_no_problem(repository, capsys, monkeypatch, host, reason):
    repository(project())
    monkeypatch.setenv("DOCKER_HOST", host)
    code, said = doctor(capsys)
    assert code == 0
    (line,) = [line for line in said.splitlines() if line.startswith("docker:        no engine: ")]
    assert reason in line


def test_docker_is_loaded_by_nobody_else(repository):
    repository(project())
    code = (
        "import sys\nfrom revguard.cli import main\nmain(['check'])\nprint('docker' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
