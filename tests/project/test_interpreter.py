"""Which interpreter is the project's: the order, what is passed over, and what is said."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from revguard import subprocesses
from revguard.errors import ConfigError, CouldNotCheck
from revguard.project import find


@pytest.fixture
def look(repository, environ, hook_prefix, tmp_path):
    """Look as the hook does: from pre-commit's own virtualenv."""

    def run(root="", configured=None, cache=None, top=repository, own=hook_prefix.prefix, **more):
        return find(str(top), root, configured, {**environ, **more}, own_prefix=own, cache=cache)

    return run


def why(interpreter):
    return dict(interpreter.passed_over)


def test_a_virtualenv_in_the_repository(look, make, repository):
    project = make(repository / ".venv")
    found = look()
    assert found.path == project.python
    assert (found.alembic, found.sqlalchemy) == ("1.13.0", "2.0.30")
    assert found.prefix == project.prefix != found.base_prefix
    assert found.site_packages == (str(project.packages),)
    assert found.reason == f"it is the .venv of {repository}"
    assert found.passed_over == ()
    assert found.python.startswith("3.")


def test_the_nearest_folder_wins_and_every_one_up_to_the_top_counts(look, make, repository):
    top = make(repository / "venv")
    assert look("services/billing").path == top.python
    near = make(repository / "services" / ".venv")
    assert look("services/billing").path == near.python
    assert look().path == top.python
    nearest = make(repository / "services" / "billing" / ".venv")
    assert look("services/billing").path == nearest.python


def test_no_folder_above_the_top_counts(look, make, repository):
    make(repository.parent / ".venv")
    with pytest.raises(CouldNotCheck):
        look()


def test_the_active_virtualenv_comes_first(look, make, repository, tmp_path):
    make(repository / ".venv")
    active = make(tmp_path / "active")
    found = look(VIRTUAL_ENV=active.prefix)
    assert (found.path, found.reason) == (active.python, "VIRTUAL_ENV names it")
    assert look(CONDA_PREFIX=active.prefix).reason == "CONDA_PREFIX names it"


def test_under_pre_commit_the_active_one_is_still_on_path(
    look, make, repository, hook_prefix, tmp_path
):
    make(repository / ".venv")
    active = make(tmp_path / "active")
    path = os.pathsep.join([hook_prefix.bin, "/usr/lib/git-core", active.bin])
    found = look(VIRTUAL_ENV=hook_prefix.prefix, PATH=path)
    assert (found.path, found.reason) == (active.python, "it is active: PATH holds it")


def test_what_lies_on_path_is_not_active_by_that(look, make, repository, tmp_path):
    project = make(repository / ".venv")
    tools = make(tmp_path / "tools")
    assert look(PATH=tools.bin).path == project.python


def test_the_hooks_own_virtualenv_is_never_taken(look, hook_prefix):
    with pytest.raises(CouldNotCheck) as caught:
        look(VIRTUAL_ENV=hook_prefix.prefix, PATH=hook_prefix.bin)
    assert hook_prefix.prefix not in caught.value.message


@pytest.mark.parametrize(
    ("folder", "variable"),
    [
        pytest.param("x/py_env-python3.11", None, id="pre-commit by name"),
        pytest.param(".cache/pre-commit/x/env", None, id="pre-commit"),
        pytest.param("pc/env", "PRE_COMMIT_HOME", id="pre-commit moved"),
        pytest.param("xdg/prek/hooks/python-1", "XDG_CACHE_HOME", id="prek"),
        pytest.param(".local/share/pipx/venvs/revguard", None, id="pipx"),
        pytest.param(".local/share/uv/tools/revguard", None, id="uv tool"),
        pytest.param(".cache/uv/archive-v0/abc", None, id="uvx"),
    ],
)
def test_a_tools_virtualenv_is_not_the_projects(look, make, tmp_path, folder, variable):
    tool = tmp_path / folder
    tool.mkdir(parents=True)
    tool = make(tool)
    more = {variable: str(tmp_path / folder.split("/")[0])} if variable else {}
    with pytest.raises(CouldNotCheck):
        look(own=tool.prefix, VIRTUAL_ENV=tool.prefix, PATH=tool.bin, **more)


def test_a_marked_virtualenv_is_not_the_projects(look, make, tmp_path):
    tool = make(tmp_path / "tool")
    assert look(own=tool.prefix).path == tool.python
    (tmp_path / "tool" / "revguard-isolated").touch()
    with pytest.raises(CouldNotCheck):
        look(own=tool.prefix)


def test_revguard_in_the_projects_own_virtualenv(look, make, repository, tmp_path):
    own = make(tmp_path / "anywhere")
    assert look(own=own.prefix).reason == "revguard is installed in it"
    active = make(tmp_path / "active")
    assert look(own=own.prefix, PATH=active.bin).path == active.python
    assert look(own=own.prefix, PATH=f"{own.bin}:{active.bin}").path == own.python
    project = make(repository / ".venv")
    assert look(own=own.prefix, PATH=active.bin).path == project.python


def test_uv_project_environment(look, make, repository, tmp_path):
    make(tmp_path / "elsewhere")
    relative = make(repository / "env")
    assert look("services/billing", UV_PROJECT_ENVIRONMENT="env").path == relative.python
    found = look(UV_PROJECT_ENVIRONMENT=str(tmp_path / "elsewhere"))
    assert found.reason == "UV_PROJECT_ENVIRONMENT names it"


def test_a_file_that_points_to_the_virtualenv(look, make, repository, tmp_path):
    project = make(tmp_path / "shop-x1")
    (repository / ".venv").write_text(f"{project.prefix}\n")
    assert look().path == project.python


def test_poetry_is_asked_once_and_only_where_it_is_used(look, make, program, repository, tmp_path):
    project = make(tmp_path / "poetry-env")
    calls = tmp_path / "calls"
    body = f'echo "$PWD $* $VIRTUAL_ENV" >> {calls}; echo "{project.python}"'
    path = os.path.dirname(program(tmp_path / "bin" / "poetry", body))
    cache = str(tmp_path / "c")
    with pytest.raises(CouldNotCheck):
        look(PATH=path, cache=cache)
    assert not calls.exists()
    (repository / "poetry.lock").touch()
    path += ":/bin:/usr/bin"
    found = look("services/billing", PATH=path, cache=cache, VIRTUAL_ENV="/nowhere")
    assert (found.path, found.reason) == (project.python, "`poetry env info -e` names it")
    assert look(PATH=path, cache=cache).path == project.python
    assert calls.read_text() == f"{repository} env info -e \n"
    os.utime(repository / "poetry.lock", ns=(1, 1))
    look(PATH=path, cache=cache)
    assert len(calls.read_text().splitlines()) == 2


def test_poetry_that_fails_is_no_answer(look, program, repository, tmp_path):
    (repository / "pyproject.toml").write_text("[tool.poetry]\n")
    path = os.path.dirname(program(tmp_path / "bin" / "poetry", "echo no; exit 1"))
    with pytest.raises(CouldNotCheck):
        look(PATH=path)


def test_pdm(look, make, program, repository, tmp_path):
    project = make(tmp_path / "pdm-env")
    (repository / "pdm.lock").touch()
    path = os.path.dirname(program(tmp_path / "bin" / "pdm", f'echo "{project.python}"'))
    assert look(PATH=path).reason == "`pdm info --python` names it"
    (repository / ".pdm-python").write_text(project.python)
    assert look(PATH=path).reason == f"{repository}/.pdm-python names it"


def test_path_is_last(look, make, tmp_path):
    first, second = make(tmp_path / "a", alembic=None), make(tmp_path / "b")
    found = look(PATH=os.pathsep.join([first.bin, second.bin]))
    assert (os.path.dirname(found.path), found.reason) == (
        second.bin,
        "it is active: PATH holds it",
    )
    assert list(why(found).values()) == ["has no Alembic"]


def test_a_linked_worktree_uses_the_main_ones(look, make, repository, tmp_path):
    linked = tmp_path / "linked"
    subprocess.run(["git", "-C", repository, "worktree", "add", "-q", linked], check=True)
    project = make(repository / "services" / ".venv")
    assert look("services/billing", top=linked).path == project.python
    configured = look(configured="services/.venv/bin/python", top=linked)
    assert configured.path == project.python
    own = make(linked / ".venv")
    assert look("services/billing", top=linked).path == own.python


def test_what_is_passed_over_is_told(look, make, program, repository, tmp_path):
    active = make(tmp_path / "active", alembic=None, sqlalchemy=None)
    half = make(repository / "services" / ".venv", sqlalchemy=None)
    old = program(
        repository / ".venv" / "bin" / "python",
        'echo "revguard-probe:{\\"python\\": \\"2.7.18\\"}"',
    )
    dead = repository / "venv" / "bin"
    dead.mkdir(parents=True)
    (dead / "python").symlink_to("/nowhere/python3.9")
    gone = str(tmp_path / "gone")
    with pytest.raises(CouldNotCheck) as caught:
        look("services", VIRTUAL_ENV=active.prefix, CONDA_PREFIX=gone)
    assert caught.value.exit_code == 3
    assert caught.value.message.splitlines()[1:] == [
        f"  {active.python} has no Alembic and no SQLAlchemy",
        f"  {gone}/bin/python {gone} is not there",
        f"  {half.python} has no SQLAlchemy",
        f"  {old} is Python 2.7.18, revguard needs 3.8 or later",
        f"  {dead}/python {repository}/venv has no python in it",
    ]
    assert f"`{active.python} -m pip install alembic`" in caught.value.hint
    project = make(tmp_path / "late")
    found = look("services", VIRTUAL_ENV=active.prefix, PATH=project.bin)
    assert found.passed_over[0] == (active.python, "has no Alembic and no SQLAlchemy")


def test_nothing_at_all(look):
    with pytest.raises(CouldNotCheck) as caught:
        look()
    assert caught.value.message == "no Python with Alembic and SQLAlchemy is found"
    assert "[tool.revguard]" in caught.value.hint


def test_a_configured_interpreter(look, make, repository, tmp_path):
    make(repository / ".venv")
    other = make(tmp_path / "other")
    inside = make(repository / "services" / "env")
    for configured, more in {
        other.python: {},
        "services/env/bin/python": {},
        "./services/env": {},
        "${WHERE}/bin/python": {"WHERE": other.prefix},
    }.items():
        found = look("services/billing", configured, **more)
        assert found.path in {
            other.python,
            inside.python,
            f"{repository}/./services/env/bin/python",
        }
        assert found.reason == "the configuration names it"


def test_a_configured_interpreter_of_home_and_of_path(look, make, tmp_path, monkeypatch):
    other = make(tmp_path / "home" / "env")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert look(configured="~/env/bin/python").path == other.python
    assert look(configured="python3", PATH=other.bin).path == f"{other.bin}/python3"


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        pytest.param("nope/bin/python", "is not there", id="missing"),
        pytest.param("services/plain", "is not executable", id="not executable"),
        pytest.param("services", "is a folder", id="folder without python"),
        pytest.param("services/old", "is Python 3.7.9, revguard needs 3.8 or later", id="old"),
        pytest.param("services/broken", "does not start (exit code 9): boom", id="broken"),
        pytest.param("services/no-python", "does not start (exit code 0)", id="no python"),
        pytest.param("services/garbage", "does not start: ", id="no program"),
        pytest.param("services/dangling", "is a link to /nowhere", id="dangling"),
        pytest.param("${UNSET}/python", "names the variable UNSET, which is not set", id="unset"),
    ],
)
def test_a_configured_interpreter_that_cannot_be_used(
    look, repository, program, configured, message
):
    services = repository / "services"
    (services / "plain").write_text("")
    (services / "garbage").write_bytes(b"\x7fELF not really")
    (services / "garbage").chmod(0o755)
    (services / "dangling").symlink_to("/nowhere")
    program(services / "old", """echo 'revguard-probe:{"python": "3.7.9"}'""")
    program(services / "broken", "echo boom >&2; exit 9")
    program(services / "no-python", "exit 0")
    with pytest.raises(ConfigError) as caught:
        look(configured=configured)
    assert caught.value.exit_code == 2
    assert f"python = {configured}" in caught.value.message
    assert message in caught.value.message


def test_a_configured_interpreter_without_alembic(look, make, repository):
    bare = make(repository / "env", alembic=None)
    make(repository / ".venv")
    with pytest.raises(ConfigError) as caught:
        look(configured="env/bin/python")
    assert caught.value.message == f"python = env/bin/python ({bare.python}) has no Alembic"
    assert caught.value.hint == f"Install it: `{bare.python} -m pip install alembic`"


def test_one_that_never_answers(look, program, repository, monkeypatch):
    monkeypatch.setattr("revguard.project.probing._SECONDS", 0.2)
    program(repository / ".venv" / "bin" / "python", "exec /bin/sleep 60")
    with pytest.raises(CouldNotCheck, match=r"did not answer within 0\.2 s"):
        look()


def test_pythonpath_may_bring_the_packages(look, make, repository, tmp_path):
    project = make(repository / ".venv", alembic=None)
    project.install("alembic", "1.9.0", folder=tmp_path / "lib")
    assert look(PYTHONPATH=str(tmp_path / "lib")).alembic == "1.9.0"


def test_packages_without_metadata(look, make, repository):
    project = make(repository / ".venv", alembic=None)
    (project.packages / "alembic").mkdir()
    with pytest.raises(CouldNotCheck, match="has no Alembic"):
        look()
    (project.packages / "alembic" / "__init__.py").write_text('__version__ = "1.8.1"\n')
    assert look().alembic == "1.8.1"


def test_a_folder_named_as_a_standard_module_does_no_harm(look, make, repository):
    make(repository / ".venv")
    for name in ("types", "json", "alembic"):
        (repository / name).mkdir()
        (repository / name / "__init__.py").write_text("raise SystemExit(9)")
    assert look().alembic == "1.13.0"


def test_what_a_sitecustomize_prints_does_no_harm(look, make, repository):
    project = make(repository / ".venv")
    (project.packages / "sitecustomize.py").write_text("print('hello', end='')")
    assert look().alembic == "1.13.0"


def test_a_shim_is_asked_each_time_and_names_the_program(look, make, program, repository, tmp_path):
    one, two = make(tmp_path / "one"), make(tmp_path / "two", alembic="1.16.0")
    chosen = tmp_path / "chosen"
    shims = os.path.dirname(program(tmp_path / "shims" / "python3", f'exec "$(cat {chosen})" "$@"'))
    path = f"{shims}:/bin:/usr/bin"
    for project in (one, two):
        chosen.write_text(project.python)
        assert look(PATH=path, cache=str(tmp_path / "c")).path == project.python


@pytest.fixture
def started(monkeypatch):
    """The programs that were started."""
    programs = []
    start = subprocesses.start

    def noted(argv, **more):
        programs.append(argv[0])
        return start(argv, **more)

    monkeypatch.setattr(subprocesses, "start", noted)
    return programs


def test_a_warm_look_starts_no_process(look, make, repository, tmp_path, started):
    bare = make(tmp_path / "bare", alembic=None)
    project = make(repository / ".venv")
    cache = str(tmp_path / "c")
    cold = look(cache=cache, VIRTUAL_ENV=bare.prefix)
    assert started == [bare.python, project.python]
    assert look(cache=cache, VIRTUAL_ENV=bare.prefix) == cold
    assert len(started) == 2


def test_what_is_installed_later_is_seen(look, make, repository, tmp_path):
    project = make(repository / ".venv", alembic=None)
    cache = str(tmp_path / "c")
    with pytest.raises(CouldNotCheck, match="has no Alembic"):
        look(cache=cache)
    project.install("alembic", "1.15.2")
    assert look(cache=cache).alembic == "1.15.2"
    shutil.rmtree(project.packages / "alembic-1.15.2.dist-info")
    project.install("alembic", "1.16.0")
    assert look(cache=cache).alembic == "1.16.0"


def test_a_virtualenv_made_anew_is_asked_anew(look, make, repository, tmp_path, started):
    make(repository / ".venv")
    cache = str(tmp_path / "c")
    look(cache=cache)
    shutil.rmtree(repository / ".venv")
    make(repository / ".venv", alembic="1.10.0")
    assert look(cache=cache).alembic == "1.10.0"
    assert len(started) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"key": "other"}', b"\xff"])
def test_a_broken_cache_is_none(look, make, repository, tmp_path, content):
    make(repository / ".venv")
    look(cache=str(tmp_path / "c"))
    for path in (tmp_path / "c" / "interpreters").iterdir():
        path.write_bytes(content)
    assert look(cache=str(tmp_path / "c")).alembic == "1.13.0"


def test_a_cache_that_cannot_be_written_is_none(look, make, repository, tmp_path):
    make(repository / ".venv")
    (tmp_path / "c").write_text("a file")
    assert look(cache=str(tmp_path / "c")).alembic == "1.13.0"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_virtualenv_of_another_user(look, make, repository):
    project = make(repository / ".venv")
    for folder, _, names in os.walk(project.prefix):
        for name in [".", *names]:
            os.lchown(os.path.join(folder, name), 65534, 65534)
    assert look().path == project.python


PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


@pytest.mark.parametrize(
    "path", sorted(PYENV.glob("*/bin/python")), ids=lambda path: path.parts[-3]
)
def test_other_versions_of_python(look, make, repository, tmp_path, path):
    packages = tmp_path / "lib"
    for name in ("alembic", "SQLAlchemy"):
        make.install(None, name, "1.9", folder=packages)
    version = path.parts[-3]
    if tuple(map(int, version.split(".")[:2])) < (3, 8):
        with pytest.raises(ConfigError, match=f"is Python {version}, revguard needs 3.8"):
            look(configured=str(path), PYTHONPATH=str(packages))
    else:
        found = look(configured=str(path), PYTHONPATH=str(packages))
        assert (found.python, found.alembic) == (version, "1.9")
