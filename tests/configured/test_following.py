# ruff: noqa: TID252  (what the scenarios run on)
"""The hook `alembic-upgrade`: after a checkout, a merge, a rebase the database is at the heads."""

import sqlite3
import subprocess
import sys

import pytest

from revguard import checkouts, fast

from ..scenarios import machine
from ..scenarios.shop import OURS, adds, script

STAGES = ("post-checkout", "post-merge", "post-rewrite")


def at():
    connection = sqlite3.connect("shop.db")
    try:
        return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
    finally:
        connection.close()


class Plain:
    """Hooks that call revguard with git's own arguments."""

    def install(self, one, published):
        for stage in STAGES:
            one.environ["PYTHONPATH"] = OURS
            one.hook(f'upgrade --hook {stage} "$@"', stage)


class Managed:
    """Hooks that pre-commit or prek installs."""

    def __init__(self, *argv):
        self.argv = argv

    def install(self, one, published):
        one.write(
            ".pre-commit-config.yaml",
            f"repos:\n- repo: {published.url}\n  rev: {published.rev}\n"
            "  hooks:\n  - id: alembic-upgrade\n",
        )
        one.environ["PRE_COMMIT_HOME"] = published.home
        one.environ["PREK_HOME"] = published.home + "-prek"
        wanted = [f"--hook-type={stage}" for stage in STAGES]
        machine.run(*self.argv, "install", *wanted, cwd=one.path, env=one.environ)
        one.commit_all("hooks")


@pytest.fixture(params=["plain", "pre-commit", "prek"])
def manager(request, require):
    if request.param == "plain":
        return Plain()
    if request.param == "pre-commit":
        return Managed(sys.executable, "-m", "pre_commit")
    try:
        return Managed(str(machine.virtualenv("prek") / "bin" / "prek"))
    except AssertionError as reason:
        require(False, f"prek ({reason})")


@pytest.fixture
def hooked(project, branch, published):
    """A project at its heads, with hooks."""

    def make(manager):
        one = project()
        manager.install(one, published)
        branch(one)
        done = one.revguard("upgrade")
        assert done.returncode == 0, done.stderr
        return one

    return make


def test_the_database_follows_the_branch(manager, hooked):
    one = hooked(manager)
    done = one.run_git("switch", "feature/notes")
    assert done.returncode == 0, done.stderr
    assert "upgraded sqlite:///shop.db" in done.stderr + done.stdout
    assert at() == {"0003"}
    done = one.run_git("switch", "main")
    assert done.returncode == 1
    assert "which no script of this branch has" in " ".join((done.stderr + done.stdout).split())
    assert at() == {"0003"}
    # a merge that brings the script
    done = one.run_git("merge", "feature/notes")
    assert done.returncode == 0
    assert at() == {"0003"}
    assert "upgraded" not in done.stderr + done.stdout
    # a rebase: nothing on the way, all at its end
    one.run_git("switch", "-c", "feature/more", "main~1")  # refused: it lacks 0003
    one.write("README.md", "More\n")
    one.git("commit", "-q", "-a", "--no-verify", "-m", "more")
    one.git("switch", "-q", "main")
    text = script("0004", "0003", **adds("users", "more", "sa.Integer()"))
    one.write("migrations/versions/0004_more.py", text)
    one.commit_all("0004")
    assert at() == {"0003"}
    one.run_git("switch", "feature/more")  # refused: it lacks 0003
    done = one.run_git("rebase", "main")
    assert done.returncode == 0, done.stderr
    assert at() == {"0004"}
    said = done.stderr + done.stdout
    assert said.count("upgraded sqlite") == 1
    assert "not upgraded" not in said


def test_without_a_database_a_checkout_is_no_failure(hooked):
    one = hooked(Plain())
    one.git("switch", "-q", "feature/notes")
    url = "postgresql+psycopg2://u@127.0.0.1:1/x"
    one.replace("alembic.ini", "sqlite:///shop.db", url)
    one.git("commit", "-q", "-a", "-m", "PostgreSQL")
    done = one.run_git("switch", "main")
    assert done.returncode == 1  # the file is at 0003
    done = one.run_git("switch", "feature/notes")
    assert done.returncode == 0
    said = done.stdout + done.stderr
    assert "shop: not upgraded: postgresql" in said
    assert "cannot be reached" in " ".join(said.split())


def test_a_checkout_makes_no_file(hooked):
    one = hooked(Plain())
    (one.path / "shop.db").unlink()
    done = one.run_git("switch", "feature/notes")
    assert done.returncode == 0
    said = " ".join((done.stdout + done.stderr).split())
    assert f"shop: not upgraded: there is no file {one.path}/shop.db `revguard upgrade`" in said
    assert not (one.path / "shop.db").exists()


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_the_end_of_a_rebase_that_had_stopped(hooked, backend):
    """What was done where it stopped does not matter: a reset sets ORIG_HEAD, too."""
    one = hooked(Plain())
    one.git("switch", "-q", "-c", "mine", "main")
    for name in ("first", "second"):
        one.write("README.md", f"{name}\n")
        one.git("commit", "-q", "-a", "--no-verify", "-m", name)
    one.git("switch", "-q", "main")
    one.write("README.md", "theirs\n")
    text = script("0003", "0002", **adds("users", "more", "sa.Integer()"))
    one.write("migrations/versions/0003_more.py", text)
    one.commit_all("0003")
    one.git("switch", "-q", "mine")
    assert at() == {"0002"}
    done = one.run_git("rebase", backend, "main")
    assert done.returncode == 1
    one.git("reset", "-q", "--hard")  # to the new base: skips the commit, and moves ORIG_HEAD
    done = one.run_git("rebase", "--skip")
    one.git("reset", "-q", "--hard")
    done = one.run_git("rebase", "--skip")
    assert done.returncode == 0, done.stderr
    assert at() == {"0003"}, done.stdout + done.stderr


@pytest.mark.parametrize("script_too", [True, False])
def test_an_amended_commit(hooked, script_too):
    one = hooked(Plain())
    one.write("README.md", "More\n")
    one.git("commit", "-q", "-a", "--no-verify", "-m", "more")
    if script_too:
        text = script("0003", "0002", **adds("users", "more", "sa.Integer()"))
        one.write("migrations/versions/0003_more.py", text)
        one.git("add", "-A")
    done = one.run_git("commit", "--amend", "--no-verify", "--no-edit")
    assert done.returncode == 0
    assert at() == ({"0003"} if script_too else {"0002"})
    assert ("upgraded" in done.stdout + done.stderr) == script_too


# without looking at any database

HERE = "HEAD~1"


class Asked:
    """The quick way out, asked in the working tree of a project."""

    def __init__(self, one, monkeypatch):
        self.one = one
        for name, value in one.environ.items():
            monkeypatch.setenv(name, value)

    def __call__(self, *words, **variables):
        return fast.main(["upgrade", *words], {**self.one.environ, **variables})


@pytest.fixture
def asked(project, branch, monkeypatch):
    one = project()
    branch(one)
    one.write("README.md", "Later\n")
    one.commit_all("no script")
    assert one.revguard("upgrade").returncode == 0
    return Asked(one, monkeypatch)


def commits(one, *names):
    return [one.git("rev-parse", name) for name in names]


NULL = "0" * 40


@pytest.mark.parametrize(
    ("before", "after", "kind", "code"),
    [
        pytest.param("main~1", "main", "1", 0, id="no script"),
        pytest.param("main", "main", "1", 0, id="a new branch"),
        pytest.param("main", "feature/notes", "0", 0, id="files"),
        pytest.param("main", "feature/notes", "1", None, id="a script"),
        pytest.param("feature/notes", "main~1", "1", None, id="a script that goes"),
    ],
)
@pytest.mark.parametrize("way", ["plain", "pre-commit"])
def test_a_checkout(asked, before, after, kind, code, way):
    first, second = commits(asked.one, before, after)
    if way == "plain":
        assert asked("--hook", "post-checkout", first, second, kind) == code
        return
    found = asked(
        PRE_COMMIT_FROM_REF=first, PRE_COMMIT_TO_REF=second, PRE_COMMIT_CHECKOUT_TYPE=kind
    )
    assert found == code


def test_a_new_working_tree(asked):
    (second,) = commits(asked.one, "main")
    assert asked("--hook", "post-checkout", NULL, second, "1") == 0


@pytest.mark.parametrize("name", ["rebase-merge", "rebase-apply", "BISECT_LOG"])
def test_on_the_way(asked, name):
    first, second = commits(asked.one, "main", "feature/notes")
    (asked.one.path / ".git" / name).mkdir()
    assert asked("--hook", "post-checkout", first, second, "1") == 0
    assert asked("--hook", "post-merge", "0") == 0
    assert asked("--hook", "post-rewrite", "amend") == 0
    asked.one.git("update-ref", "ORIG_HEAD", "feature/notes")
    assert asked("--hook", "post-rewrite", "rebase") is None


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        pytest.param(("--hook", "post-merge", "0"), {}, id="merge"),
        pytest.param((), {"PRE_COMMIT_IS_SQUASH_MERGE": "0"}, id="merge by pre-commit"),
        pytest.param(("--hook", "post-rewrite", "rebase"), {}, id="rebase"),
        pytest.param((), {"PRE_COMMIT_REWRITE_COMMAND": "rebase"}, id="rebase by pre-commit"),
    ],
)
@pytest.mark.parametrize(("before", "code"), [("main~1", 0), ("feature/notes", None)])
def test_a_merge_and_a_rebase(asked, words, variables, before, code):
    asked.one.git("update-ref", "ORIG_HEAD", before)
    if "rebase" in (*words, *variables.values()):
        at_work(asked.one, before)
        asked.one.git("update-ref", "ORIG_HEAD", "main")  # by a reset where it had stopped
    assert asked(*words, **variables) == code


def at_work(one, begun, folder="rebase-merge"):
    """A rebase, at its end."""
    path = one.path / ".git" / folder
    path.mkdir()
    (path / "orig-head").write_text(one.git("rev-parse", begun) + "\n")


@pytest.mark.parametrize(("before", "code"), [("main~1", 0), ("feature/notes", None)])
def test_a_rebase_by_patches(asked, before, code):
    at_work(asked.one, before, "rebase-apply")
    assert asked("--hook", "post-rewrite", "rebase") == code


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        pytest.param((), {}, id="by hand"),
        pytest.param(("heads",), {"PRE_COMMIT_CHECKOUT_TYPE": "1"}, id="a revision"),
        pytest.param(("--hook", "post-merge", "1"), {}, id="squashed"),
        pytest.param(("--hook", "post-rewrite", "rebase"), {}, id="a rebase of nobody knows what"),
        pytest.param(("--hook", "post-checkout"), {}, id="no arguments"),
        pytest.param(("--hook", "post-checkout", "x", "y", "1"), {}, id="no refs"),
        pytest.param(("--hook", "pre-commit"), {}, id="no such stage"),
        pytest.param(("-C", "shop", "--hook", "post-merge", "0"), {}, id="elsewhere"),
    ],
)
def test_in_doubt_the_whole_way_is_gone(asked, words, variables):
    asked.one.git("update-ref", "ORIG_HEAD", "main~1")
    assert asked(*words, **variables) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "0"}', "\x00"])
def test_whatever_the_cache_holds(asked, cache_dir, text):
    first, second = commits(asked.one, "main~1", "main")
    (path,) = cache_dir.rglob(checkouts.NAME)
    path.write_text(text)
    assert asked("--hook", "post-checkout", first, second, "1") is None


@pytest.mark.parametrize("name", ["alembic.ini", "other/alembic.ini", "revguard.toml"])
def test_an_environment_that_comes_with_the_branch(asked, name):
    one = asked.one
    one.write(name, "# more\n" + (one.read(name) if "/" not in name else ""))
    one.commit_all("settings")
    first, second = commits(one, "main~1", "main")
    assert asked("--hook", "post-checkout", first, second, "1") is None


def test_the_quick_way_out_reads_nothing_heavy(asked):
    first, second = commits(asked.one, "main~1", "main")
    code = (
        "import sys; from revguard.cli import main\n"
        f"assert main(['upgrade', '--hook', 'post-checkout', '{first}', '{second}', '1']) == 0\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True,
        env={**asked.one.environ, "PYTHONPATH": OURS},
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"argparse", "dataclasses", "git", "subprocess", "sqlalchemy"} == set()
