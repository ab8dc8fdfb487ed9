"""Several files and the index are changed as one, or all is as it was: also after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from revguard.errors import CouldNotCheck, UsageError
from revguard.staging import entries, journal, putting_back, repository, rewriting

OLD, NEW = "versions/0001.py", "versions/deep/0002.py"
WRITES = {NEW: b"revision = '0002'\n", "models.py": b"a = 2\n"}
REMOVALS = [OLD]
LAST = []  # the number of its last change, once that is known
SCRIPT = Path(__file__).with_name("rewriting_script.py")


def find(git, **environ):
    return repository.find(git.path, {**os.environ, **environ})


def state(git):
    """What may not change: index, files and their modes, nothing of ours anywhere."""
    files = {
        str(path.relative_to(git.path)): (path.read_bytes(), path.stat().st_mode)
        for path in git.path.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(git.path).parts
    }
    folders = {str(path) for path in git.path.rglob("*") if path.is_dir()} - {
        str(path) for path in (git.path / ".git/objects").rglob("*")
    }
    ours = sorted(str(path) for path in git.path.rglob("*revguard*"))
    return git("ls-files", "--stage", "-v"), git.status(), files, folders, ours


def apply(git, **more):
    rewriting.rewrite(find(git), WRITES, REMOVALS, **more)


def assert_done(git):
    assert git.status() == ["M  models.py", f"D  {OLD}", f"A  {NEW}"]
    assert {path: (git.path / path).read_bytes() for path in WRITES} == WRITES
    assert not (git.path / OLD).exists()
    assert not list(git.path.rglob("*revguard*"))


def plain(git):
    pass


def others_about(git):
    git.write("other.py", "b = 2\n")
    git.write("stray.py")


def bytecode(git):
    git.write("versions/__pycache__/0001.cpython-311.pyc")
    git.write(".git/info/exclude", "__pycache__\n")


def line_ends(git):
    git("config", "core.autocrlf", "true")


def split_index(git):
    git("update-index", "--split-index")


def already_written(git):
    git.write(NEW, WRITES[NEW])


def intended(git):
    already_written(git)
    git("add", "-N", NEW)


def removed_but_not_staged(git):
    (git.path / OLD).unlink()


@pytest.mark.parametrize(
    "prepare",
    [
        plain,
        others_about,
        bytecode,
        line_ends,
        split_index,
        already_written,
        intended,
        removed_but_not_staged,
    ],
    ids=lambda prepare: prepare.__name__,
)
def test_rewritten(git, prepare):
    prepare(git)
    apply(git)
    status = git.status()
    assert [line for line in status if line[3:] not in ("other.py", "stray.py")] == [
        "M  models.py",
        f"D  {OLD}",
        f"A  {NEW}",
    ]
    assert git("show", f":{NEW}") == "revision = '0002'"
    assert not (git.path / OLD).exists()
    assert not list(git.path.rglob("*0001*.pyc"))
    assert not list(git.path.rglob("*revguard*"))


def test_nothing_to_do(git):
    before = state(git)
    rewriting.rewrite(find(git), {}, [])
    rewriting.rewrite(find(git), {"models.py": b"a = 1\n"}, ["never.py"])
    assert state(git) == before


def test_modes_stay(git):
    (git.path / "models.py").chmod(0o755)
    git("commit", "-qam", "executable")
    apply(git)
    assert (git.path / "models.py").stat().st_mode & 0o777 == 0o755
    assert git("ls-files", "--stage", "models.py").startswith("100755")


@pytest.mark.parametrize("told_by", ["disk", "index"])
def test_a_renamed_file_stays_executable(git, told_by):
    if told_by == "index":  # as on a file system that has no such bit
        git("config", "core.fileMode", "false")
        git("update-index", "--chmod=+x", OLD)
    else:
        (git.path / OLD).chmod(0o755)
        git("add", OLD)
    rewriting.rewrite(find(git), WRITES, [OLD], renames={NEW: OLD})
    assert git("ls-files", "--stage", NEW).startswith("100755")
    assert git("ls-files", "--stage", "models.py").startswith("100644")
    assert (git.path / NEW).stat().st_mode & 0o111 == 0o111
    assert git("diff", "--name-only") == ""


def test_a_renamed_file_that_is_not_executable(git):
    rewriting.rewrite(find(git), WRITES, [OLD], renames={NEW: OLD})
    assert git("ls-files", "--stage", NEW).startswith("100644")
    assert (git.path / NEW).stat().st_mode & 0o111 == 0


def test_a_file_with_line_ends_that_git_would_convert(git):
    """Committed with CRLF before `text=auto` came: git takes it as it is, and so do we."""
    git.commit({"models.py": "a = 1\r\n"})
    git("config", "core.autocrlf", "true")
    rewriting.rewrite(find(git), {"models.py": b"a = 2\r\n"})
    assert git("diff", "--cached", "--numstat").split() == ["1", "1", "models.py"]
    assert git("cat-file", "blob", ":models.py").endswith("\r")


def edited(git):
    git.write("models.py", "mine\n")


def deleted(git):
    (git.path / "models.py").unlink()


def edited_what_goes(git):
    git.write(OLD, "mine\n")


def another_is_there(git):
    git.write(NEW, "mine\n")


def a_link(git):
    (git.path / "models.py").unlink()
    os.symlink("other.py", git.path / "models.py")


def a_staged_link(git):
    a_link(git)
    git("add", "models.py")


def a_folder(git):
    (git.path / NEW).mkdir(parents=True)


def behind_a_link(git):
    git.write("old/0001.py")
    (git.path / "versions/0001.py").unlink()
    (git.path / "versions").rmdir()
    os.symlink("old", git.path / "versions")


def below_a_file(git):
    git.write("versions/deep")


def hidden(git):
    git("update-index", "--assume-unchanged", "models.py")
    git.write("models.py", "mine\n")


def sparse(git):
    git("update-index", "--skip-worktree", "models.py")
    (git.path / "models.py").unlink()


def unmerged(git):
    git("checkout", "-q", "-b", "theirs")
    git.commit({"models.py": "theirs\n"})
    git("checkout", "-q", "main")
    git.commit({"models.py": "ours\n"})
    assert git.run("merge", "theirs").returncode == 1


@pytest.mark.parametrize(
    "prepare",
    [
        edited,
        deleted,
        edited_what_goes,
        another_is_there,
        a_link,
        a_staged_link,
        a_folder,
        behind_a_link,
        below_a_file,
        hidden,
        sparse,
        unmerged,
    ],
    ids=lambda prepare: prepare.__name__,
)
def test_refused(git, prepare):
    prepare(git)
    before = state(git)
    with pytest.raises(UsageError):
        apply(git)
    assert state(git) == before


def removed_by_them(git):
    git("checkout", "-q", "-b", "theirs")
    git("rm", "-q", "models.py")
    git("commit", "-qm", "theirs")
    git("checkout", "-q", "main")
    git.commit({"models.py": "ours\n"})
    assert git.run("merge", "theirs").returncode == 1


def both_added(git):
    git("checkout", "-q", "-b", "theirs")
    git.commit({"models.py": "theirs\n", NEW: "theirs\n"})
    git("checkout", "-q", "main")
    git.commit({"models.py": "ours\n", NEW: "ours\n"})
    assert git.run("merge", "theirs").returncode == 1


@pytest.mark.parametrize("prepare", [unmerged, removed_by_them, both_added])
def test_conflicts_are_settled(git, prepare):
    prepare(git)
    apply(git, resolve=list(WRITES))
    assert git("ls-files", "--unmerged") == ""
    assert git("show", ":models.py") == "a = 2"
    git("commit", "-qm", "merged")
    assert git.status() == []


def test_a_conflict_is_settled_by_removal(git):
    both_added(git)
    rewriting.rewrite(find(git), {"models.py": b"a = 2\n"}, [NEW], resolve=[NEW, "models.py"])
    assert git("ls-files", NEW) == ""
    assert not (git.path / NEW).exists()


def test_a_linked_worktree(git, git_in):
    git("worktree", "add", "-q", "../linked")
    linked = git_in(git.path.parent / "linked")
    apply(linked)
    assert_done(linked)
    assert git.status() == []


HOOK = """#!{python}
import os, sys
sys.path[:0] = {path}
from revguard.staging import repository, rewriting
repo = repository.find(".", os.environ)
rewriting.rewrite(repo, {writes}, {removals})
"""


@pytest.mark.parametrize(
    "arguments", [["-am", "x"], ["-m", "x", "models.py"], ["-m", "x", "--only", "other.py"]]
)
def test_in_a_hook(git, arguments):
    """Whatever index git commits from: the commit has it, and nothing is left over."""
    writes = {NEW: WRITES[NEW], "gone.py": b"c = 2\n"}
    text = HOOK.format(python=sys.executable, path=sys.path, writes=writes, removals=REMOVALS)
    hook = git.write(".git/hooks/pre-commit", text)
    hook.chmod(0o755)
    git.write("models.py", "a = 3\n")
    git.write("other.py", "b = 3\n")
    git("commit", "-q", *arguments)
    changed = git("show", "--format=", "--name-status", "--no-renames").splitlines()
    assert {"M\tgone.py", f"D\t{OLD}", f"A\t{NEW}"} < set(changed)
    assert not [line for line in git.status() if line[3:] not in ("models.py", "other.py")]


def test_staged_for_another_commit(git):
    """`git commit PATH` leaves out what is staged: a file of it cannot be changed in both."""
    git.write("models.py", "a = 3\n")
    git("add", "models.py")
    folder = git.path / ".git"
    (folder / "index.lock").write_bytes((folder / "index").read_bytes())
    pending = folder / "next-index-77.lock"
    git("read-tree", "HEAD", environ={"GIT_INDEX_FILE": str(pending)})
    with pytest.raises(UsageError, match="otherwise"):
        rewriting.rewrite(find(git, GIT_INDEX_FILE=str(pending)), WRITES)
    assert (git.path / "models.py").read_text() == "a = 3\n"


@pytest.mark.parametrize("prepare", [plain, intended, others_about], ids=lambda one: one.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, CouldNotCheck("x"), SystemExit])
def test_undone(git, monkeypatch, prepare, after, error):
    prepare(git)
    before = state(git)
    stage = entries.stage

    def broken(*arguments):
        if after:
            stage(*arguments)
        raise error

    monkeypatch.setattr(entries, "stage", broken)
    with pytest.raises((KeyboardInterrupt, CouldNotCheck, SystemExit)):
        apply(git)
    assert state(git) == before


def test_a_lock_that_stays(git, monkeypatch):
    monkeypatch.setattr(entries, "_PATIENCE", 0.2)
    before = state(git)
    lock = git.path / ".git/index.lock"
    lock.write_text("")
    with pytest.raises(CouldNotCheck, match=r"index\.lock"):
        apply(git)
    lock.unlink()
    assert state(git) == before


def test_what_is_edited_meanwhile_stays(git, monkeypatch):
    write = rewriting._write

    def editing(path, change, token):
        write(path, change, token)
        git.write("versions/0001.py", "edited\n")

    monkeypatch.setattr(rewriting, "_write", editing)
    with pytest.raises(UsageError, match="meanwhile"):
        apply(git)
    assert (git.path / "models.py").read_text() == "a = 1\n"
    assert (git.path / OLD).read_text() == "edited\n"
    assert git.status() == [f" M {OLD}"]


def script(git, number, what="", *, resolve=()):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    texts = {path: content.decode() for path, content in WRITES.items()}
    words = [str(number), what, json.dumps(texts), json.dumps(REMOVALS), json.dumps(list(resolve))]
    return subprocess.run(
        [sys.executable, SCRIPT, *words], cwd=git.path, env=environ, capture_output=True, text=True
    )


def settle(git):
    """A git whose parent was killed goes on: wait for it, as the next run would."""
    until = time.monotonic() + 10
    while (git.path / ".git/index.lock").exists() and time.monotonic() < until:
        time.sleep(0.01)


def until_done(git, what="", *, resolve=()):
    """Kill it before its first change, before its second, ... as long as it lives long enough."""
    for number in range(1, 200):
        done = script(git, number, what, resolve=resolve)
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            return
        settle(git)
        yield number
    raise AssertionError("it never ended")


@pytest.mark.parametrize("prepare", [plain, intended, unmerged], ids=lambda one: one.__name__)
def test_killed_at_any_point(git, prepare):
    prepare(git)
    resolve = list(WRITES) if prepare is unmerged else ()
    before = state(git)
    killed = 0
    for killed in until_done(git, resolve=resolve):  # noqa: B007
        putting_back.put_back(find(git))
        assert state(git) == before
    assert killed > 10
    assert state(git) != before


def half_done(git):
    """Everything is changed, and its run was killed before it could say so."""
    before = state(git)
    if not LAST:
        for number in until_done(git):
            putting_back.put_back(find(git))
            LAST[:] = [number]
        git("reset", "-q", "--hard")
        assert state(git) == before
    assert script(git, LAST[0]).returncode == -signal.SIGKILL
    settle(git)
    assert (git.path / ".git" / journal.NAME).exists()
    return before


def test_killed_while_it_mends(git):
    before = half_done(git)
    assert max(until_done(git, "mend")) > 5
    assert state(git) == before


def test_a_killed_run_and_what_the_user_did_since(git):
    half_done(git)
    git.write("models.py", "edited\n")
    git.write("stray.py")
    git("add", "stray.py")
    putting_back.put_back(find(git))
    assert git.status() == [" M models.py", "A  stray.py"]
    assert (git.path / "models.py").read_text() == "edited\n"


def test_a_killed_run_that_was_committed_since(git):
    half_done(git)
    git("add", "-A")
    git("commit", "-qm", "as it is")
    assert putting_back.put_back(find(git))
    assert git.status() == []
    assert not (git.path / ".git" / journal.NAME).exists()


@pytest.mark.parametrize("exits", [0, 1], ids=["passes", "blocks"])
@pytest.mark.parametrize("arguments", [["-am", "x"], ["-m", "x", "other.py"]], ids=["-a", "PATH"])
def test_the_next_run_is_a_hook(git, exits, arguments):
    """There the user's index is locked: it is mended by git, or by the run after that."""
    before = half_done(git)
    git.write("other.py", "b = 3\n")
    text = f"""#!{sys.executable}
import os, sys
sys.path[:0] = {sys.path}
from revguard.staging import putting_back, repository
putting_back.put_back(repository.find(".", os.environ))
raise SystemExit({exits})
"""
    git.write(".git/hooks/pre-commit", text).chmod(0o755)
    assert git.run("commit", "-q", *arguments).returncode == exits
    putting_back.put_back(find(git))
    if exits:
        git("checkout", "-q", "other.py")
        assert git.status() == []
        (git.path / ".git/hooks/pre-commit").unlink()
        assert state(git) == before
    else:
        assert git("show", "--format=", "--name-status") == "M\tother.py"
        assert git.status() == []


def test_two_at_once(git, monkeypatch):
    seen = []

    def meanwhile(*_):
        for again in (apply, lambda one: putting_back.put_back(find(one))):
            with pytest.raises(CouldNotCheck, match="another revguard"):
                again(git)
            seen.append(again)

    stage = entries.stage
    monkeypatch.setattr(entries, "stage", lambda *one: (meanwhile(), stage(*one)))
    apply(git)
    assert len(seen) == 2
    assert_done(git)


def test_a_journal_that_is_half_written(git):
    before = state(git)
    git.write(f".git/{journal.NAME}", '{"format": 1, "tok')
    assert putting_back.put_back(find(git)) == ()
    assert state(git) == before


def test_a_journal_of_another_version(git):
    git.write(f".git/{journal.NAME}", '{"format": 99}')
    with pytest.raises(CouldNotCheck, match="another version"):
        putting_back.put_back(find(git))
