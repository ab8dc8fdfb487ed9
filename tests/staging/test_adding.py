"""A file is written and staged, or nothing is (how it gets into commits: test_hook_modes.py)."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from revguard.errors import CouldNotCheck, UsageError
from revguard.staging import adding, entries, repository

CONTENT = b"revision = 'new'\n"


def find(git):
    return repository.find(git.path, os.environ)


def state(git):
    """What may not change: the status, the index and the folders."""
    files = sorted(
        str(path) for path in git.path.rglob("*") if ".git" not in path.relative_to(git.path).parts
    )
    return git.status("--ignored"), git("ls-files", "--stage", "--debug"), files


@pytest.mark.parametrize(
    "path",
    ["new.py", "versions/new.py", "versions/deep/er/new.py", "a b/é\n.py", "*.py", ":(top)x.py"],
)
def test_added(git, path):
    git.write("other.py", "b = 2\n")
    git.write("stray.py")
    git.write("new-too.py")
    git("add", "-N", "new-too.py")
    before = git("status", "--porcelain", "-z").split("\0")
    adding.add_file(find(git), path, CONTENT)
    after = git("status", "--porcelain", "-z").split("\0")
    assert sorted(after) == sorted([*before, f"A  {path}"])
    assert (git.path / path).read_bytes() == CONTENT
    assert not list(git.path.rglob("*.revguard-new"))


def ignored(git):
    git.write(".git/info/exclude", "versions/\n")


def split_index(git):
    git("update-index", "--split-index")


def fsmonitor_and_untracked_cache(git):
    git("update-index", "--untracked-cache")


def line_ends(git):
    git("config", "core.autocrlf", "true")
    git("config", "core.safecrlf", "true")


def filtered(git):
    git("config", "filter.f.clean", "tr a-z A-Z")
    git("config", "filter.f.smudge", "tr A-Z a-z")
    git.write(".git/info/attributes", "*.py filter=f\n")


def intended(git):
    git.write("versions/new.py", CONTENT)
    git("add", "-N", "versions/new.py")


def already_staged(git):
    git.write("versions/new.py", CONTENT)
    git("add", "versions/new.py")


def staged_but_gone(git):
    already_staged(git)
    (git.path / "versions/new.py").unlink()


def deleted_before(git):
    git.commit({"versions/new.py": "old\n"})
    git("rm", "-q", "versions/new.py")


def literal_pathspecs(git):
    git("config", "core.ignorecase", "true")


@pytest.mark.parametrize(
    "prepare",
    [
        ignored,
        split_index,
        fsmonitor_and_untracked_cache,
        line_ends,
        filtered,
        intended,
        already_staged,
        staged_but_gone,
        deleted_before,
        literal_pathspecs,
    ],
    ids=lambda prepare: prepare.__name__,
)
def test_added_under(git, prepare):
    prepare(git)
    adding.add_file(find(git), "versions/new.py", CONTENT)
    assert (git.path / "versions/new.py").read_bytes() == CONTENT
    git("commit", "-q", "-m", "x")
    assert "versions/new.py" in git("ls-tree", "-r", "--name-only", "HEAD").split()
    assert not [line for line in git.status() if "new.py" in line]


def other_content(git):
    git.write("versions/new.py", "mine\n")


def a_folder(git):
    git.write("versions/new.py/x")


def a_link(git):
    os.symlink("0001.py", git.path / "versions/new.py")


def a_link_to_nowhere(git):
    os.symlink("nowhere", git.path / "versions/new.py")


def other_staged(git):
    git.write("versions/new.py", "mine\n")
    git("add", "versions/new.py")
    git.write("versions/new.py", CONTENT)


def other_staged_and_gone(git):
    other_staged(git)
    (git.path / "versions/new.py").unlink()


def behind_a_link(git):
    (git.path / "versions/0001.py").unlink()
    (git.path / "versions").rmdir()
    os.symlink("old", git.path / "versions")


def in_another_repository(git):
    git("init", "-q", "versions")


def below_a_file(git):
    (git.path / "versions/0001.py").unlink()
    (git.path / "versions").rmdir()
    git.write("versions")


@pytest.mark.parametrize(
    "prepare",
    [
        other_content,
        a_folder,
        a_link,
        a_link_to_nowhere,
        other_staged,
        other_staged_and_gone,
        behind_a_link,
        in_another_repository,
        below_a_file,
    ],
    ids=lambda prepare: prepare.__name__,
)
def test_refused(git, prepare):
    prepare(git)
    before = state(git)
    with pytest.raises(UsageError):
        adding.add_file(find(git), "versions/new.py", CONTENT)
    assert state(git) == before


@pytest.mark.parametrize("path", ["", "/x", "../x", "a/../../x", "a//x", ".git/x", "a/.GIT/x", "."])
def test_refused_paths(git, path):
    before = state(git)
    with pytest.raises(UsageError):
        adding.add_file(find(git), path, CONTENT)
    assert state(git) == before


def test_a_lock_that_is_soon_gone(git):
    lock = git.path / ".git/index.lock"
    lock.write_text("")
    timer = threading.Timer(0.3, lock.unlink)
    timer.start()
    adding.add_file(find(git), "versions/new.py", CONTENT)
    timer.join()
    assert git.status() == ["A  versions/new.py"]


def test_a_lock_that_stays(git, monkeypatch):
    monkeypatch.setattr(entries, "_PATIENCE", 0.2)
    before = state(git)
    lock = git.path / ".git/index.lock"
    lock.write_text("")
    with pytest.raises(CouldNotCheck, match=r"index\.lock") as caught:
        adding.add_file(find(git), "deep/new.py", CONTENT)
    assert "lock file" in caught.value.hint
    lock.unlink()
    assert state(git) == before


@pytest.mark.parametrize("prepare", [lambda git: None, intended], ids=["new", "intended"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, CouldNotCheck("x"), SystemExit])
def test_undone(git, monkeypatch, prepare, after, error):
    prepare(git)
    status, _, files = state(git)
    stage = adding._update

    def broken(repo, index, arguments, path):
        adding_it = "--add" in arguments
        if adding_it and not after:
            raise error
        stage(repo, index, arguments, path)
        if adding_it:
            raise error

    monkeypatch.setattr(adding, "_update", broken)
    with pytest.raises((KeyboardInterrupt, CouldNotCheck, SystemExit)):
        adding.add_file(find(git), "versions/new.py", CONTENT)
    assert (state(git)[0], state(git)[2]) == (status, files)
    assert git("fsck", "--strict", "--no-dangling") == ""


def test_the_second_index_fails(git, monkeypatch):
    """In `git commit PATH` there are two: neither keeps the file when one cannot take it."""
    folder = git.path / ".git"
    pending = folder / "next-index-77.lock"
    pending.write_bytes((folder / "index").read_bytes())
    (folder / "index.lock").write_bytes(b"nonsense")
    repo = repository.find(git.path, {**os.environ, "GIT_INDEX_FILE": str(pending)})
    assert entries.indexes(repo) == (str(pending), str(folder / "index.lock"))
    with pytest.raises(CouldNotCheck):
        adding.add_file(repo, "deep/new.py", CONTENT)
    assert not (git.path / "deep").exists()
    listed = git("ls-files", environ={"GIT_INDEX_FILE": str(pending)})
    assert "deep/new.py" not in listed.split()


def test_what_was_edited_meanwhile_is_not_taken_back(git):
    path = git.path / "versions/new.py"
    with pytest.raises(CouldNotCheck):  # noqa: PT012, SIM117
        with adding.write_file(find(git), "versions/new.py", CONTENT):
            path.write_text("edited\n")
            raise CouldNotCheck("x")
    assert path.read_text() == "edited\n"


def test_only_written(git):
    with adding.write_file(find(git), "versions/deep/new.py", CONTENT) as path:
        pass
    assert path == os.path.join(os.path.realpath(git.path), "versions/deep/new.py")
    assert git.status("-uall") == ["?? versions/deep/new.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_folder_that_cannot_be_written(git):
    if os.geteuid() == 0:
        made = subprocess.run(
            ["chattr", "+i", str(git.path / "versions")], capture_output=True, check=False
        )
        undo = ["chattr", "-i", str(git.path / "versions")]
        if made.returncode != 0:
            pytest.skip("root can write everywhere here")
    else:
        (git.path / "versions").chmod(0o555)
        undo = ["chmod", "755", str(git.path / "versions")]
    try:
        with pytest.raises(CouldNotCheck, match="cannot be written"):
            adding.add_file(find(git), "versions/new.py", CONTENT)
        with pytest.raises(CouldNotCheck, match="cannot be written"):
            adding.add_file(find(git), "versions/deep/new.py", CONTENT)
    finally:
        subprocess.run(undo, check=True)
    assert git.status() == []


def test_the_mode_follows_the_umask(git):
    before = os.umask(0o077)
    try:
        adding.add_file(find(git), "versions/new.py", CONTENT)
    finally:
        os.umask(before)
    assert (git.path / "versions/new.py").stat().st_mode & 0o777 == 0o600


SCRIPT = """
import os, sys
from revguard.staging import adding, entries, repository
repo = repository.find(sys.argv[1], os.environ)
print("ready", flush=True)
try:
    adding.add_file(repo, "versions/new.py", b"x\\n")
except KeyboardInterrupt:
    print("stopped", flush=True)
else:
    print("done", flush=True)
"""


@pytest.mark.parametrize("delay", [0, 5, 10, 15, 20, 30, 45, 60], ids=lambda ms: f"{ms}ms")
def test_ctrl_c_at_any_moment(git, delay):
    """To the whole process group, as a terminal does."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(git.path)],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay / 1000)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    outcome = process.communicate()[0].strip()
    there = (git.path / "versions/new.py").exists()
    assert git.status() == (["A  versions/new.py"] if there else [])
    assert there or outcome != "done"
    assert not (git.path / ".git/index.lock").exists()
