"""The trees of the index and of the working tree, read without a trace."""

import os
import subprocess

import pytest

from revguard.errors import CouldNotCheck, UsageError
from revguard.staging import index, repository, trees
from revguard.staging.untracked import Untracked, untracked


def find(git, **environ):
    return repository.find(git.path, {**os.environ, **environ})


def traces(git):
    """Everything in the repository but objects."""
    return {
        path: path.read_bytes()
        for path in git.path.rglob("*")
        if path.is_file() and "objects" not in path.relative_to(git.path).parts
    }


def content(git, tree):
    files = trees.listing(find(git), tree)
    blobs = trees.read_blobs(find(git), (entry.oid for entry in files.values()))
    return {path: blobs[entry.oid] for path, entry in files.items()}


CONFIGS = {
    "split": {"core.splitIndex": "true", "splitIndex.maxPercentChange": "0"},
    "untracked-cache": {"core.untrackedCache": "true"},
    "fsmonitor": {"core.fsmonitor": "false-program-that-is-not-there"},
    "hooks": {"core.hooksPath": "/nowhere"},
    "display": {
        "core.quotePath": "true",
        "color.ui": "always",
        "core.abbrev": "4",
        "diff.renames": "copies",
        "diff.noprefix": "true",
        "diff.external": "false",
        "diff.relative": "true",
        "diff.orderFile": "/nowhere",
        "status.relativePaths": "true",
        "log.showSignature": "true",
    },
    "ignore-submodules": {"diff.ignoreSubmodules": "all"},
    "index-v4": {"index.version": "4"},
    "safecrlf": {"core.safecrlf": "true", "core.autocrlf": "true"},
    "ignore-stat": {"core.checkStat": "minimal"},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_reading_leaves_no_trace_and_the_configuration_changes_nothing(git, config):
    git.write("é\n.py")
    git.write("models.py", "a = 2\n")
    git("add", "-A")
    git("mv", "old/name.py", "old/other.py")
    git.write("models.py", "a = 3\n")
    git.write("stray.py")
    head = git("rev-parse", "HEAD^{tree}")
    expected = git("write-tree")
    changes = trees.changes(find(git), head, expected)
    whole = index.worktree_tree(find(git))
    for name, value in config.items():
        git("config", name, value)
    before = traces(git)
    repo = find(git)
    assert index.staged_tree(repo) == expected
    assert index.staged(repo) == (expected, repository.parents(repo), head)
    assert index.worktree_tree(repo) == whole
    assert trees.changes(repo, head, expected) == changes
    assert sorted(change.status + change.path for change in changes) == [
        "Aold/other.py",
        "Aé\n.py",
        "Dold/name.py",
        "Mmodels.py",
    ]
    assert untracked(repo, expected, "") == [Untracked("stray.py", "untracked")]
    assert traces(git) == before


def test_unmerged(git):
    git("checkout", "-q", "-b", "side")
    git.commit({"models.py": "a = 5\n", "é.py": "x\n"})
    git("checkout", "-q", "main")
    git.commit({"models.py": "a = 6\n", "é.py": "y\n"})
    assert git.run("merge", "side").returncode == 1
    for function in (index.staged_tree, index.staged, index.worktree_tree):
        with pytest.raises(UsageError, match=r"unmerged paths: models\.py, ") as caught:
            function(find(git))
        assert "git add" in caught.value.hint


def test_a_broken_index(git):
    (git.path / ".git/index").write_bytes(b"nonsense")
    with pytest.raises(CouldNotCheck):
        index.staged_tree(find(git))


def test_no_index_at_all(empty):
    repo = find(empty)
    tree = index.staged_tree(repo)
    assert tree == trees.empty_tree(tree)
    assert index.staged(repo) == (tree, (), None)
    assert trees.listing(repo, tree) == {}


@pytest.mark.parametrize("at", [".venv", "services/billing/env"])
@pytest.mark.parametrize("others", [True, False])
def test_worktree_with_a_virtualenv_that_nothing_ignores(git, at, others):
    before = content(git, index.worktree_tree(find(git)))
    git.write(f"{at}/pyvenv.cfg")
    git.write(f"{at}/lib/site-packages/x.py")
    git.write("models.py", "a = 2\n")
    (git.path / "gone.py").unlink()
    new = {f"{at}x/y.py": b"x\n", "new\n.py": b"x\n"} if others else {}
    for path in new:
        git.write(path)
    after = before | {"models.py": b"a = 2\n"} | new
    del after["gone.py"]
    assert content(git, index.worktree_tree(find(git))) == after


def test_worktree(git):
    git.write(".gitignore", "ignored/\n")
    git.write("ignored/x.py")
    git.write("new/y.py")
    git.write("models.py", "a = 2\n")
    (git.path / "gone.py").unlink()
    git("mv", "other.py", "moved.py")
    git.write("later.py")
    git("add", "-N", "later.py")
    (git.path / "old/name.py").unlink()
    (git.path / "old/name.py").mkdir()
    git.write("old/name.py/deep.py")
    assert content(git, index.worktree_tree(find(git))) == {
        ".gitignore": b"ignored/\n",
        "new/y.py": b"x\n",
        "models.py": b"a = 2\n",
        "moved.py": b"b = 1\n",
        "later.py": b"x\n",
        "old/name.py/deep.py": b"x\n",
        "versions/0001.py": b"revision = '0001'\n",
    }


def test_worktree_sees_a_change_within_the_same_moment(git):
    """A file that was changed right after `git add`, to a content of the same size."""
    for number in range(10):
        git.write("models.py", f"a = {number}\n")
        git("add", "models.py")
        git.write("models.py", f"b = {number}\n")
        tree = index.worktree_tree(find(git))
        assert content(git, tree)["models.py"] == f"b = {number}\n".encode()


def test_worktree_that_git_cannot_read(git, new_repository):
    new_repository(git.path / "unborn")
    with pytest.raises(CouldNotCheck, match="unborn") as caught:
        index.worktree_tree(find(git))
    assert ".gitignore" in caught.value.hint


def cone(git):
    git("sparse-checkout", "set", "--cone", "versions")


def cone_with_sparse_index(git):
    git("sparse-checkout", "set", "--cone", "--sparse-index", "versions")


def patterns(git):
    git("sparse-checkout", "set", "--no-cone", "/models.py", "/versions/")


@pytest.mark.parametrize("narrow", [cone, cone_with_sparse_index, patterns])
def test_sparse_checkouts_are_judged_whole(git, narrow):
    git.commit({"far/away/a.py": "x\n", "far/b.py": "y\n"})
    narrow(git)
    assert not (git.path / "far").exists()
    repo = find(git)
    head = git("rev-parse", "HEAD^{tree}")
    assert index.staged_tree(repo) == index.worktree_tree(repo) == head
    git.write("far/away/c.py")
    names = content(git, index.worktree_tree(repo))
    assert {"far/away/a.py", "far/away/c.py", "far/b.py"} <= set(names)
    before = (git.path / ".git/index").read_bytes()
    git.hook("look", "add=far/new.py")
    git.write("versions/0002.py")
    git("add", "versions/0002.py")
    git("commit", "-q", "-m", "x")
    assert git.seen()["untouched"]
    assert git("ls-tree", "--name-only", "HEAD", "far/").split() == [
        "far/away",
        "far/b.py",
        "far/new.py",
    ]
    assert before
    assert [line for line in git.status() if "far/away/c.py" not in line] in ([], ["?? far/away/"])
    assert git("fsck", "--strict", "--no-dangling") == ""
    git.without_hooks()
    git("commit", "-q", "--allow-empty", "-m", "next")
    assert git("show", "HEAD:far/new.py")


def test_a_partial_clone_fetches_nothing_to_write_a_tree(git, tmp_path, git_in):
    git.commit({"far/a.py": "never seen\n"})
    git("config", "uploadpack.allowFilter", "true")
    url = f"file://{git.path}"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--sparse", url, tmp_path / "clone"],
        check=True,
    )
    clone = git_in(tmp_path / "clone")
    clone.write("models.py", "a = 2\n")
    clone("add", "models.py")
    os.rename(git.path, tmp_path / "offline")
    tree = index.staged_tree(find(clone))
    assert "far/a.py" in trees.listing(find(clone), tree)
    with pytest.raises(CouldNotCheck):
        content(clone, tree)
    os.rename(tmp_path / "offline", git.path)
    assert content(clone, tree)["far/a.py"] == b"never seen\n"


def test_changes_of_all_kinds(git):
    old = git("rev-parse", "HEAD^{tree}")
    (git.path / "gone.py").unlink()
    (git.path / "other.py").unlink()
    os.symlink("models.py", git.path / "other.py")
    git.write("models.py", "a = 1\n").chmod(0o755)
    git.write("new.py")
    git("add", "-A")
    new = git("write-tree")
    repo = find(git)
    found = {change.path: change for change in trees.changes(repo, old, new)}
    assert {path: change.status for path, change in found.items()} == {
        "gone.py": "D",
        "models.py": "M",
        "new.py": "A",
        "other.py": "T",
    }
    assert found["gone.py"].new is None
    assert found["new.py"].old is None
    assert found["models.py"].old.oid == found["models.py"].new.oid
    assert found["other.py"].new.mode == trees.SYMLINK
    assert {change.status for change in trees.changes(repo, None, new)} == {"A"}
    assert trees.changes(repo, new, new) == []
    assert {path: change.new for path, change in found.items() if change.new}.items() <= (
        trees.listing(repo, new).items()
    )


def test_blobs(git):
    sizes = (0, 1, 199, 200, 201, 70_000, 3_000_000)
    contents = {f"f{size}": os.urandom(size) for size in sizes}
    git.commit(contents)
    repo = find(git)
    files = trees.listing(repo, trees.tree_of(repo, "HEAD"))
    blobs = trees.read_blobs(repo, [files[name].oid for name in contents] * 2)
    assert {name: blobs[files[name].oid] for name in contents} == contents
    assert trees.read_blobs(repo, []) == {}
    with pytest.raises(CouldNotCheck, match="does not have"):
        trees.read_blobs(repo, ["1" * 40])


def test_untracked(git):
    git.write(".gitignore", "*_local.py\n")
    git("add", ".gitignore")
    for name in ("a.py", "deep/b.py", "intended.py", "c_local.py", "0002.py", "é\n.py", "n.txt"):
        git.write(f"versions/{name}")
    git.write("versions/__pycache__/x.py")
    git("add", "-N", "versions/intended.py")
    git("add", "versions/0002.py")
    repo = find(git)
    expected = [
        Untracked("versions/a.py", "untracked"),
        Untracked("versions/c_local.py", "ignored"),
        Untracked("versions/deep/b.py", "untracked"),
        Untracked("versions/intended.py", "unstaged"),
        Untracked("versions/é\n.py", "untracked"),
    ]
    tree = index.staged_tree(repo)
    assert untracked(repo, tree, "versions") == expected
    assert untracked(repo, tree, "versions/") == expected
    assert untracked(repo, tree, "") == expected
    assert untracked(repo, tree, "nowhere") == []
    head = trees.tree_of(repo, "HEAD")
    assert Untracked("versions/0002.py", "unstaged") in untracked(repo, head, "versions")


def test_untracked_stays_in_the_repository(git, tmp_path, new_repository):
    new_repository(git.path / "versions/inner").write("inner.py")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text("")
    (git.path / "linked").symlink_to(outside)
    repo = find(git)
    assert untracked(repo, index.staged_tree(repo), "versions") == []
    assert untracked(repo, index.staged_tree(repo), "linked") == []


def test_a_staged_script_left_out_of_the_commit_is_unstaged(git):
    git.write("versions/0002.py")
    git("add", "versions/0002.py")
    git.write("models.py", "a = 2\n")
    git.hook("look")
    git("commit", "-q", "-m", "x", "models.py")
    assert git.seen()["untracked"] == [["versions/0002.py", "unstaged"]]


def test_importing_loads_no_git_library():
    import sys

    code = (
        "import sys, revguard.staging.adding, revguard.staging.untracked, revguard.staging.index,"
        " revguard.staging.materialise; assert 'git' not in sys.modules"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
