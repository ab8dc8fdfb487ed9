"""What a hook sees is what git commits, and what it adds is committed, in every way to commit."""

import os
import shutil

import pytest


def staged(git):
    git.write("models.py", "a = 2\n")
    git("add", "models.py")


def unstaged(git):
    git.write("models.py", "a = 2\n")


def partly_staged(git):
    staged(git)
    git.write("models.py", "a = 3\n")


def others_about(git):
    """Other files that are staged, edited, untracked; none of them in `commit PATH`."""
    git.write("other.py", "b = 2\n")
    git("add", "other.py")
    git.write("gone.py", "c = 2\n")
    git.write("stray.py")
    unstaged(git)


def others_then_staged(git):
    others_about(git)
    git("add", "models.py")


def deleted(git):
    git("rm", "-q", "gone.py")


def renamed(git):
    git("mv", "old/name.py", "old/renamed.py")


def names(git):
    for name in (
        " leading",
        "trail ",
        "two words",
        "line\nbreak",
        "tab\tinside",
        "é",
        "-dash",
        '"',
    ):
        git.write(name)
    (git.path / os.fsdecode(b"invalid-\xff-utf8")).write_bytes(b"x\n")
    git("add", "-A")


def link(git):
    os.symlink("models.py", git.path / "link.py")
    git("add", "link.py")


def intent_to_add(git):
    staged(git)
    git.write("later.py")
    git("add", "-N", "later.py")


def executable(git):
    git.write("models.py", "a = 2\n").chmod(0o755)
    git("add", "models.py")


# name, what is prepared, how it is committed
COMMITS = [
    ("plain", staged, ["commit", "-m", "x"]),
    ("partly-staged", partly_staged, ["commit", "-m", "x"]),
    ("others-about", others_then_staged, ["commit", "-m", "x"]),
    ("all", unstaged, ["commit", "-am", "x"]),
    ("all-others-about", others_about, ["commit", "-am", "x"]),
    ("path", unstaged, ["commit", "-m", "x", "models.py"]),
    ("path-others-about", others_about, ["commit", "-m", "x", "--", "models.py"]),
    ("path-of-partly-staged", partly_staged, ["commit", "-m", "x", "models.py"]),
    ("only", others_about, ["commit", "-m", "x", "-o", "models.py"]),
    ("include", others_about, ["commit", "-m", "x", "-i", "models.py"]),
    ("amend", staged, ["commit", "--amend", "-m", "x"]),
    ("amend-all", unstaged, ["commit", "--amend", "-am", "x"]),
    ("amend-path", others_about, ["commit", "--amend", "-m", "x", "models.py"]),
    ("deletion", deleted, ["commit", "-m", "x"]),
    ("rename", renamed, ["commit", "-m", "x"]),
    ("names", names, ["commit", "-m", "x"]),
    ("link", link, ["commit", "-m", "x"]),
    ("executable", executable, ["commit", "-m", "x"]),
    ("intent-to-add", intent_to_add, ["commit", "-m", "x"]),
    ("nothing", lambda git: None, ["commit", "--allow-empty", "-m", "x"]),
]
BY_NAME = {name: (prepare, command) for name, prepare, command in COMMITS}
PLACES = ("worktree", "split-index", "sha256", "detached")
IN_EACH_PLACE = ("plain", "all", "path-others-about", "amend", "names")
each_commit = pytest.mark.parametrize(
    ("place", "prepare", "command"),
    [
        pytest.param(place, *BY_NAME[name], id=f"{place}-{name}")
        for place, names in (("main", BY_NAME), *((place, IN_EACH_PLACE) for place in PLACES))
        for name in names
    ],
    indirect=["place"],
)


@pytest.fixture
def place(request, git, tmp_path, new_repository, git_in):
    """Where the commit is made."""
    if request.param == "worktree":
        git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
        return git_in(tmp_path / "linked")
    if request.param == "split-index":
        git("update-index", "--split-index")
    if request.param == "detached":
        git("checkout", "-q", "--detach")
    if request.param == "sha256":
        other = new_repository(tmp_path / "sha256", "--object-format=sha256")
        other.commit({name: git("show", f":{name}") + "\n" for name in git("ls-files").split()})
        return other
    return git


def whole(git):
    assert git("fsck", "--strict", "--no-dangling") == ""


@each_commit
def test_sees_what_is_committed(place, prepare, command):
    prepare(place)
    before = place("rev-parse", "HEAD")
    parents = place("rev-parse", "HEAD^@").split()
    place.hook("look")
    place(*command)
    seen = place.seen()
    assert seen["tree"] == place("rev-parse", "HEAD^{tree}")
    assert seen["untouched"]
    assert seen["toplevel"] == os.path.realpath(place.path)
    # a hook cannot know that its commit is amended
    assert seen["parents"] == [before]
    assert place("rev-parse", "HEAD^@").split() == (parents if "--amend" in command else [before])
    whole(place)


@each_commit
def test_adds_to_the_commit(place, prepare, command):
    prepare(place)
    expected = status_after(place, command)
    place.hook("add=versions/new.py", "look")
    place(*command)
    assert "versions/new.py" in place("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")
    assert place("show", "HEAD:versions/new.py") == "revision = 'new'"
    assert place.seen()["tree"] == place("rev-parse", "HEAD^{tree}")
    assert place.status() == expected
    whole(place)
    # the next plain commit takes what was staged besides, and keeps the file
    place.without_hooks()
    place("commit", "-q", "--allow-empty", "-m", "next")
    assert place("show", "HEAD:versions/new.py") == "revision = 'new'"
    assert not [line for line in place.status() if "new.py" in line]


def status_after(git, command):
    """The status that the same commit leaves without a hook, in a copy of the repository."""
    copy = git.path.parent / "copy"
    if (git.path / ".git").is_file():  # a linked worktree cannot be copied: try it, then undo it
        index = git.path / git("rev-parse", "--path-format=absolute", "--git-path", "index")
        kept, head = index.read_bytes(), git("rev-parse", "HEAD")
        times = (index.stat().st_atime_ns, index.stat().st_mtime_ns)  # git compares it with files
        git(*command)
        status = git.status()
        git("update-ref", "HEAD", head)
        index.write_bytes(kept)
        os.utime(index, ns=times)
        return status
    shutil.copytree(git.path, copy, symlinks=True)
    other = type(git)(copy)
    other(*command)
    return other.status()


@pytest.mark.parametrize("action", ["exit=1", "interrupted=versions/late.py"])
@pytest.mark.parametrize("name", ["plain", "all", "path", "path-others-about", "amend"])
def test_a_commit_that_is_blocked_loses_nothing(git, name, action):
    prepare, command = BY_NAME[name]
    prepare(git)
    before = git.status()
    git.hook(action)
    assert git.run(*command).returncode != 0
    assert git.status() == before
    assert not (git.path / "versions/late.py").exists()
    whole(git)


@pytest.mark.parametrize("name", ["plain", "all", "path", "path-others-about", "amend"])
def test_a_file_that_is_there_with_the_same_content_is_staged(git, name):
    prepare, command = BY_NAME[name]
    prepare(git)
    git.write("versions/new.py", "revision = 'new'\n")
    git.hook("add=versions/new.py")
    git(*command)
    assert git("show", "HEAD:versions/new.py") == "revision = 'new'"
    assert not [line for line in git.status() if "new.py" in line]


@pytest.mark.parametrize("name", ["plain", "all", "path", "path-others-about", "amend"])
def test_another_file_of_that_name_is_not_touched(git, name):
    prepare, command = BY_NAME[name]
    prepare(git)
    git.write("versions/new.py", "mine\n")
    before = git.status()
    git.hook("add=versions/new.py")
    assert git.run(*command).returncode != 0
    assert "exists already" in git.seen()["error"]
    assert (git.path / "versions/new.py").read_text() == "mine\n"
    assert git.status() == before


def test_first_commit(empty):
    empty.write("models.py")
    empty("add", "models.py")
    empty.hook("look", "add=versions/new.py")
    empty("commit", "-m", "first")
    assert empty.seen()["parents"] == []
    assert empty.seen()["head_tree"] is None
    assert empty("ls-tree", "-r", "--name-only", "HEAD").split() == ["models.py", "versions/new.py"]
    assert empty.status() == []


def test_patch(git):
    git.write("models.py", "a = 2\n")
    git.hook("look", "add=versions/new.py")
    git("commit", "-p", "-m", "x", input=b"y\n")
    assert git("ls-tree", "-r", "--name-only", "HEAD", "versions").split() == [
        "versions/0001.py",
        "versions/new.py",
    ]
    assert git.seen()["files"]
    assert git.status() == []


def diverged(git):
    git("checkout", "-q", "-b", "side")
    git.commit({"side.py": "s = 1\n", "models.py": "a = 5\n"})
    git("checkout", "-q", "main")
    return git("rev-parse", "side")


def test_a_clean_merge_knows_both_parents(git):
    side = diverged(git)
    first = git.commit({"main.py": "m = 1\n"})
    git.hook("look", name="pre-merge-commit")
    git("merge", "-q", "--no-edit", "side")
    assert git.seen()["parents"] == [first, side]
    assert git.seen()["tree"] == git("rev-parse", "HEAD^{tree}")


def test_a_concluded_merge_knows_both_parents(git):
    side = diverged(git)
    first = git.commit({"models.py": "a = 6\n"})
    assert git.run("merge", "-q", "side").returncode == 1
    git.hook("look")
    assert git.run("commit", "-m", "x").returncode != 0  # git itself refuses before the hook
    git.write("models.py", "a = 7\n")
    git("add", "models.py")
    git("commit", "-q", "-m", "merged")
    assert git.seen()["parents"] == [first, side]


def test_an_octopus_knows_all_parents(git):
    tips = []
    for name in ("one", "two"):
        git("checkout", "-q", "-b", name, "main")
        tips.append(git.commit({f"{name}.py": "x\n"}))
    git("checkout", "-q", "main")
    first = git.commit({"main.py": "m = 1\n"})
    git.hook("look", name="pre-merge-commit")
    git("merge", "-q", "--no-edit", "one", "two")
    assert sorted(git.seen()["parents"]) == sorted([first, *tips])


def test_pull_knows_both_parents(git, tmp_path, git_in):
    git("clone", "-q", ".", str(tmp_path / "clone"))
    clone = git_in(tmp_path / "clone")
    theirs = git.commit({"theirs.py": "x\n"})
    ours = clone.commit({"ours.py": "x\n"})
    clone.hook("look", name="pre-merge-commit")
    clone("pull", "-q", "--no-rebase", "--no-edit")
    assert clone.seen()["parents"] == [ours, theirs]


@pytest.mark.parametrize("name", ["plain", "all", "path"])
def test_a_hook_that_looks_from_a_subfolder(git, tmp_path, git_in, name):
    """A hook of a linked worktree has GIT_DIR, which makes git mistake the subfolder."""
    git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = git_in(tmp_path / "linked")
    prepare, command = BY_NAME[name]
    prepare(linked)
    linked.hook("look=versions")
    linked(*command)
    assert linked.seen()["toplevel"] == os.path.realpath(linked.path)
    assert linked.seen()["tree"] == linked("rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize("name", ["plain", "all", "path"])
def test_a_hook_that_looks_into_a_nested_repository(git, new_repository, name):
    git.write(".gitignore", "inner/\n")
    git.commit({})
    inner = new_repository(git.path / "inner")
    inner.commit({"inner.py": "x\n"})
    prepare, command = BY_NAME[name]
    prepare(git)
    git.hook("look=inner")
    git(*command)
    assert git.seen()["tree"] == inner("rev-parse", "HEAD^{tree}")
    assert git.seen()["toplevel"] == os.path.realpath(inner.path)


def test_a_hook_under_git_dir_and_work_tree(git, tmp_path):
    """The dotfiles way: the git folder lies elsewhere, and variables say where."""
    git.hook("add=versions/new.py", "look")
    bare = tmp_path / "dot.git"
    os.rename(git.path / ".git", bare)
    where = [f"--git-dir={bare}", f"--work-tree={git.path}"]
    git.write("models.py", "a = 2\n")
    git(*where, "commit", "-qam", "x")
    assert git.seen()["tree"] == git(*where, "rev-parse", "HEAD^{tree}")
    assert git(*where, "show", "HEAD:versions/new.py") == "revision = 'new'"
    assert git.seen()["toplevel"] == os.path.realpath(git.path)
