"""However a commit is made: it is blocked, or made with the script; and nothing else is touched."""

import subprocess

import pytest

from .modes import MODES
from .shop import rules

each_mode = pytest.mark.parametrize("mode", MODES, ids=str)
REAL = ("plain", "all", "path", "among-others", "partly-staged", "amend", "first-commit",
        "worktree-path", "deletion-only", "project-in-a-subfolder")  # fmt: skip
some_modes = pytest.mark.parametrize("mode", [one for one in MODES if one.name in REAL], ids=str)
each_dialect = pytest.mark.parametrize(
    ("dialect", "mode"),
    [
        pytest.param(dialect, mode, id=f"{dialect}-{mode}")
        for dialect, names in (("sqlite", REAL), ("postgresql", ("plain", "path", "worktree-path")))
        for mode in MODES
        if mode.name in names
    ],
)


def begin(shop, mode, dialect="sqlite"):
    return shop(dialect, folder=mode.folder, commit=not mode.first, **mode.more)


def state(shop):
    """What a blocked commit must leave as it is: HEAD, the index, and all files."""
    head = shop.run_git("rev-parse", "HEAD").stdout
    files = {
        path.relative_to(shop.path): path.read_bytes()
        for path in sorted(shop.path.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(shop.path).parts
        and "__pycache__" not in path.parts
    }  # fmt: skip
    return head, shop.git("ls-files", "-s"), shop.status(), files


def commit(shop, mode, arguments):
    return shop.run_git(*arguments, input=mode.answers)


def is_blocked(shop, mode):
    arguments = mode.prepare(shop)
    before = state(shop)
    done = commit(shop, mode, arguments)
    assert done.returncode == 1, (done.stdout, done.stderr)
    said = done.stdout + done.stderr
    assert "history/missing-revision" in said
    assert ("drop_table" if mode.drops else "email") in said
    assert "revguard add" in said
    assert state(shop) == before
    return arguments


def is_made_with_the_script(shop, mode, reports):
    arguments = mode.prepare(shop)
    known = set(shop.versions())
    done = commit(shop, mode, arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    (name,) = set(shop.versions()) - known
    path = f"{shop.folder}/migrations/versions/{name}".lstrip("/")
    committed = shop.committed()
    if mode.first:
        assert {path, mode.models} <= set(committed)
    else:
        assert set(committed) == {*mode.committed, path}
        assert committed[path] == "A"
    assert shop.status() == sorted(mode.after, key=shop_order)
    text = shop.git("show", f"HEAD:{path}")
    assert text == (shop.path / path).read_text().rstrip("\n")
    assert ("drop_table" if mode.drops else "email") in text
    whole(shop)
    # a second check has nothing to do
    report = reports.settled(shop)
    assert (report["verdict"], rules(report)) == ("pass", [])
    # the next plain commit takes along what was staged besides, and the script stays
    shop.git("commit", "-q", "--allow-empty", "-m", "next")
    assert not [line for line in shop.status() if name in line]
    assert shop.git("show", f"HEAD:{path}") == text
    assert path not in shop.committed()
    return path


def shop_order(line):
    return (line.startswith("??"), line[3:])


def whole(shop):
    assert shop.git("fsck", "--strict", "--no-dangling") == ""


@each_mode
def test_check_blocks(shop, mode):
    one = begin(shop, mode)
    one.hook("check")
    is_blocked(one, mode)


@each_mode
def test_add_puts_the_script_in(shop, mode, reports):
    one = begin(shop, mode)
    one.hook("add")
    is_made_with_the_script(one, mode, reports)


@pytest.mark.parametrize("name", ["plain", "path", "first-commit"])
def test_check_blocks_on_postgresql(shop, name):
    (mode,) = [one for one in MODES if one.name == name]
    one = begin(shop, mode, "postgresql")
    one.hook("check")
    is_blocked(one, mode)


@each_dialect
def test_pre_commit_adds(shop, mode, reports, published, dialect):
    one = begin(shop, mode, dialect)
    one.pre_commit(published, "add")
    if not mode.first:
        one.git("add", ".pre-commit-config.yaml")
        one.git("commit", "-q", "--no-verify", "-m", "hook")
    is_made_with_the_script(one, mode, reports)


@some_modes
def test_pre_commit_blocks(shop, mode, published):
    one = begin(shop, mode)
    one.pre_commit(published, "check")
    if not mode.first:
        one.git("add", ".pre-commit-config.yaml")
        one.git("commit", "-q", "--no-verify", "-m", "hook")
    is_blocked(one, mode)


def test_what_the_hint_says_makes_the_commit_pass(shop, published, reports):
    one = shop("postgresql")
    one.pre_commit(published, "check")
    one.commit_all("hook")
    one.model()
    done = one.run_git("commit", "-am", "x")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    # a blocked `commit -a` takes back what it staged
    assert "`git add -u`, then `revguard add` writes the revision" in said
    one.git("add", "-u")
    added = one.revguard("add")
    assert added.returncode == 0, (added.stdout, added.stderr)
    assert len(one.versions()) == 2
    one.git("commit", "-qam", "x")
    assert one.status() == []
    assert len(one.committed()) == 2
    assert reports.settled(one)["verdict"] == "pass"


@pytest.mark.parametrize(
    ("words", "before"),
    [
        (["-a"], "`git add -u`, then `revguard add`"),
        (["shop/models.py"], "`git add` what you commit, then `revguard add`"),
        ([], "\n`revguard add`"),
    ],
    ids=["all", "path", "staged"],
)
def test_the_hint_says_what_is_to_be_staged_again(words, before, shop):
    one = shop()
    one.hook("check")
    one.model()
    if not words:
        one.git("add", "-u")
    done = one.run_git("commit", "-m", "x", *words)
    assert done.returncode == 1
    assert f"{before} writes the revision" in done.stdout + done.stderr


# merges


def branches(shop):
    """Two branches that each bring a model and its revision, from different heads."""
    shop.git("checkout", "-q", "-b", "side")
    shop.write("shop/side.py", "a = 1\n")
    shop.commit_all("side")
    shop.git("checkout", "-q", "main")


def test_a_merge_that_brings_nothing_new_passes(shop, reports):
    one = shop()
    branches(one)
    one.model()
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("email")
    for name in ("pre-commit", "pre-merge-commit"):
        one.hook("check", name)
    one.git("merge", "-q", "--no-edit", "side")
    assert one.status() == []
    assert len(one.git("rev-parse", "HEAD^@").split()) == 2
    assert reports.settled(one)["verdict"] == "pass"


@pytest.mark.parametrize("through", ["git", "pre-commit"])
def test_a_clean_merge_of_two_heads_is_blocked(shop, reports, request, through):
    one = shop()
    if through == "pre-commit":
        published = request.getfixturevalue("published")
        one.pre_commit(published, "check", "pre-commit", "pre-merge-commit")
        one.commit_all("hook")
    one.git("checkout", "-q", "-b", "side")
    one.model("orders")
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("side")
    one.git("checkout", "-q", "main")
    one.model("users")
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("main")
    if through == "git":
        one.hook("check", "pre-merge-commit")
        one.hook("check")
    done = one.run_git("merge", "--no-edit", "side")
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "history/multiple-heads" in done.stdout + done.stderr
    # the merge is in progress; a merge revision concludes it
    subprocess.run(
        ["alembic", "merge", "-m", "both", "heads"], cwd=one.home, env=one.environ, check=True,
        capture_output=True,
    )  # fmt: skip
    one.git("add", "migrations")
    one.git("commit", "-q", "-m", "merged")
    assert len(one.git("rev-parse", "HEAD^@").split()) == 2
    assert one.status() == []
    report = reports.settled(one)
    assert (report["verdict"], rules(report)) == ("pass", [])


def test_a_merge_with_a_conflict_in_the_models(shop, reports):
    """Both sides changed the same place; the resolution has a column that nobody's script makes."""
    one = shop()
    one.git("checkout", "-q", "-b", "side")
    one.model("users", "    age = Column(Integer)\n")
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("side")
    one.git("checkout", "-q", "main")
    one.model("users", "    nick = Column(String(9))\n")
    one.commit_all("main")  # known drift: main has no script for it
    one.hook("check")
    assert one.run_git("merge", "-q", "side").returncode == 1
    kept = "    age = Column(Integer)\n    nick = Column(String(9))\n"
    one.git("checkout", "--ours", "shop/models.py")
    one.replace("shop/models.py", "    nick = Column(String(9))\n", kept)
    one.git("add", "-A")
    # both differences were a parent's: nothing is new
    one.git("commit", "-q", "-m", "merged")
    assert one.status() == []
    # and one that no parent had
    one.git("reset", "-q", "--hard", "HEAD^")
    assert one.run_git("merge", "-q", "side").returncode == 1
    one.git("checkout", "--ours", "shop/models.py")
    fresh = kept + "    fresh = Column(Integer)\n"
    one.replace("shop/models.py", "    nick = Column(String(9))\n", fresh)
    one.git("add", "-A")
    done = one.run_git("commit", "-m", "merged")
    assert done.returncode == 1
    assert "fresh" in done.stdout + done.stderr
    report = reports.settled(one)
    assert rules(report) == ["history/missing-revision"]
    assert [change["object"] for change in report["environments"][0]["changes"]] == ["users.fresh"]
