"""A folder that holds exactly a tree, from whatever state it was in."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from revguard import scratch
from revguard.errors import CouldNotCheck
from revguard.staging import filling, index, materialise, plans, repository, slots, trees


def find(git):
    return repository.find(git.path, os.environ)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def on_disk(folder):
    """Every file but bytecode: what it is and what it holds; and the empty folders."""
    found = {}
    for parent, folders, files in os.walk(os.fsencode(folder)):
        folders[:] = [name for name in folders if name != b"__pycache__"]
        for name in [*files, *(n for n in folders if os.path.islink(os.path.join(parent, n)))]:
            path = os.path.join(parent, name)
            shown = os.path.relpath(path, os.fsencode(folder))
            if os.path.islink(path):
                found[shown] = ("link", os.readlink(path))
            else:
                mode = "executable" if os.stat(path).st_mode & 0o100 else "file"
                found[shown] = (mode, Path(os.fsdecode(path)).read_bytes())
        if not files and not folders:
            found[os.path.relpath(parent, os.fsencode(folder))] = ("folder", b"")
    return found


def as_git_does(git, tree, tmp_path):
    """What git's own checkout of a tree looks like."""
    folder = tmp_path / f"expected-{random.getrandbits(64):x}"
    folder.mkdir()
    environ = {
        "GIT_INDEX_FILE": str(tmp_path / "expected-index"),
        "GIT_WORK_TREE": str(folder),
        "GIT_DIR": git("rev-parse", "--absolute-git-dir"),
    }
    (tmp_path / "expected-index").unlink(missing_ok=True)
    git("read-tree", "--reset", "-u", tree, environ=environ)
    return on_disk(folder)


def materialised(git, tree, cache, *, dirty=False):
    with materialise.checkout(find(git), tree, cache) as made:
        if dirty:
            made.mark_dirty()
        return on_disk(made.path)


def tree_of(git):
    git("add", "-A")
    return git("write-tree")


def fresh_file_count(path, before):
    """How many files were written again, by their inodes."""
    return len(set(inodes(path).items()) - set(before.items()))


def inodes(path):
    return {
        file: (os.lstat(file).st_ino, os.lstat(file).st_ctime_ns)
        for parent, _, files in os.walk(path)
        for file in (os.path.join(parent, name) for name in files)
    }


def odd_names(git):
    for name in (" leading", "\tt", "trail ", "cr\r", "line\nbreak", "é", "-dash", '"', "a b/c d"):
        git.write(name, f"{name}\n")
    (git.path / os.fsdecode(b"invalid-\xff")).write_bytes(b"x\n")
    git.write("a" * 200 + "/" + "b" * 200)


def links(git):
    os.symlink("models.py", git.path / "good")
    os.symlink("/nowhere/at all", git.path / "bad")
    os.symlink("old", git.path / "folder")
    os.symlink(os.fsdecode(b"\xff"), git.path / "odd")


def contents(git):
    git.write("empty", b"")
    git.write("binary", bytes(range(256)) * 20)
    git.write("large", os.urandom(3_000_000))
    git.write("header", b"4b825dc642cb6eb9a060e54bf8d69288fbee4904 tree 0\n\n")
    git.write("no-end", b"no line end")
    git.write("run.sh").chmod(0o755)


def line_ends(git):
    git.write(".gitattributes", "*.bat text eol=crlf\n*.txt text\nsub/** -text\n")
    git.write("a.bat", "1\n2\n")
    git.write("b.txt", "1\n2\n")
    git.write("sub/.gitattributes", "*.bat text eol=lf\n*.ini text eol=crlf\n")
    git.write("sub/a.bat", "1\n2\n")
    git.write("sub/c.ini", "1\n2\n")


def encodings(git):
    git.write(".gitattributes", "*.u16 text working-tree-encoding=UTF-16LE-BOM\n*.id ident\n")
    git.write("a.u16", "héllo\n".encode("utf-16"))
    git.write("b.id", "$Id$\n")


def auto_crlf(git):
    git("config", "core.autocrlf", "true")
    git.write("bin", b"\0\r\n")


def smudge(git):
    git("config", "filter.rot.clean", "tr a-z b-za")
    git("config", "filter.rot.smudge", "tr b-za a-z")
    git.write(".gitattributes", "*.secret filter=rot\n")
    for number in range(5):
        git.write(f"{number} x.secret", f"secret {number}\n")


def info_attributes(git):
    (git.path / ".git/info").mkdir(exist_ok=True)
    (git.path / ".git/info/attributes").write_text("*.py eol=crlf\n")


def plain(git):
    pass


CASES = [
    plain,
    odd_names,
    links,
    contents,
    line_ends,
    encodings,
    auto_crlf,
    smudge,
    info_attributes,
]
each_case = pytest.mark.parametrize("prepare", CASES, ids=lambda prepare: prepare.__name__)


@each_case
def test_exactly_what_git_checks_out(git, tmp_path, cache, prepare):
    first = tree_of(git)
    prepare(git)
    tree = tree_of(git)
    expected = as_git_does(git, tree, tmp_path)
    assert materialised(git, tree, cache) == expected
    assert materialised(git, tree, cache) == expected
    assert materialised(git, first, cache) == as_git_does(git, first, tmp_path)
    assert materialised(git, tree, cache, dirty=True) == expected
    assert materialised(git, tree, cache) == expected


def test_what_is_checked_out_wins_over_the_working_tree(git, tmp_path, cache):
    """The attributes are the judged tree's: not those of the working tree or of the index."""
    line_ends(git)
    tree = tree_of(git)
    expected = as_git_does(git, tree, tmp_path)
    git.write(".gitattributes", "* -text\n")
    (git.path / "sub/.gitattributes").unlink()
    git("add", "-A")
    assert materialised(git, tree, cache) == expected


@pytest.mark.parametrize("name", ["a.bat", "sub/c.ini"])
def test_changed_attributes_convert_again(git, tmp_path, cache, name):
    line_ends(git)
    first = tree_of(git)
    materialised(git, first, cache)
    (git.path / "sub/.gitattributes").unlink()
    git.write(".gitattributes", "*.ini text eol=lf\n")
    second = tree_of(git)
    shown = os.fsencode(name)
    found = materialised(git, second, cache)
    assert found[shown] == ("file", b"1\n2\n")
    assert found == as_git_does(git, second, tmp_path)
    found = materialised(git, first, cache)
    assert found[shown] == ("file", b"1\r\n2\r\n")


def test_changed_settings_convert_again(git, tmp_path, cache):
    tree = tree_of(git)
    materialised(git, tree, cache)
    git("config", "core.autocrlf", "true")
    git.write("new.py")
    tree = tree_of(git)
    found = materialised(git, tree, cache)
    assert found[b"models.py"] == ("file", b"a = 1\r\n")
    assert found == as_git_does(git, tree, tmp_path)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_broken_filter_gives_the_plain_blob(git, cache, count):
    for number in range(count):
        git.write(f"{number}.big", f"pointer {number}\n")
    git.write("sub/readme.txt", "x\n")
    git.write(".gitattributes", "*.big filter=big\n*.txt eol=crlf\n")
    tree = tree_of(git)
    git("config", "filter.big.smudge", "false")
    git("config", "filter.big.required", "true")
    found = materialised(git, tree, cache)
    for number in range(count):
        assert found[b"%d.big" % number] == ("file", b"pointer %d\n" % number)
    if count < 3:
        assert found[b"sub/readme.txt"] == ("file", b"x\r\n")
    assert set(found) == set(map(os.fsencode, trees.listing(find(git), tree)))


def test_random_steps(git, tmp_path, cache):
    """From any tree to any other: files become folders, links, submodule-less folders, nothing."""
    random.seed(7)
    names = ["a", "a/b", "a/b/c", "d", "d/e", "f", "f g/h\ni", "f g"]
    shutil.rmtree(git.path / "old")
    seen = []
    for _ in range(25):
        for name in ("a", "d", "f", "f g"):
            path = git.path / name
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
        for name in random.sample(names, 4):
            path = git.path / name
            if path.exists() or path.is_symlink():
                continue
            if any(p.is_symlink() or p.is_file() for p in path.parents):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if random.random() < 0.3:
                os.symlink(random.choice(["models.py", "/nowhere", "old"]), path)
            else:
                path.write_text(str(random.randrange(3)))
                path.chmod(random.choice([0o644, 0o755]))
        seen.append(tree_of(git))
    for tree in [*seen, *random.sample(seen, 10)]:
        dirty = random.random() < 0.3
        found = materialised(git, tree, cache, dirty=dirty)
        assert found == as_git_does(git, tree, tmp_path)
    assert not (cache / "trees/1").exists()


def test_the_time_of_a_file_is_that_of_its_content(git, cache):
    git.write("copy.py", "a = 1\n")
    first = tree_of(git)
    with materialise.checkout(find(git), first, cache) as made:
        path = Path(made.path)
        time_of = (path / "models.py").stat().st_mtime_ns
        assert time_of == (path / "copy.py").stat().st_mtime_ns
        assert time_of % 1_000_000_000 == 0
    git.write("models.py", "a = 2\n")
    with materialise.checkout(find(git), tree_of(git), cache) as made:
        assert (path / "models.py").stat().st_mtime_ns != time_of
    with materialise.checkout(find(git), first, cache) as made:
        assert (path / "models.py").stat().st_mtime_ns == time_of
        assert time_of < time.time_ns()


def run_python(path, code):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=path, env=environ, capture_output=True, text=True
    )
    return done.stdout.strip() + done.stderr.strip()[-60:]


def test_bytecode_is_kept_and_never_stale(git, cache):
    first = tree_of(git)
    git.write("models.py", "a = 2\n")
    second = tree_of(git)
    for tree, expected in ((first, "1"), (second, "2"), (first, "1"), (second, "2")):
        with materialise.checkout(find(git), tree, cache) as made:
            assert run_python(made.path, "import models; print(models.a)") == expected
            assert list(Path(made.path, "__pycache__").glob("models.*.pyc"))
            made.mark_dirty()
    with materialise.checkout(find(git), second, cache) as made:
        assert list(Path(made.path, "__pycache__").glob("models.*.pyc"))


@pytest.mark.parametrize("dirty", [False, True])
def test_a_removed_package_cannot_be_imported(git, cache, dirty):
    git.write("pack/deep/__init__.py", "")
    git.write("pack/__init__.py", "")
    first = tree_of(git)
    with materialise.checkout(find(git), first, cache) as made:
        assert run_python(made.path, "import pack.deep; print('there')") == "there"
        if dirty:
            made.mark_dirty()
    shutil.rmtree(git.path / "pack")
    with materialise.checkout(find(git), tree_of(git), cache) as made:
        assert "No module named 'pack'" in run_python(made.path, "import pack.deep")
        assert not os.path.exists(os.path.join(made.path, "pack"))


def test_a_clean_checkout_is_not_looked_at_again(git, cache, monkeypatch):
    tree = tree_of(git)
    materialised(git, tree, cache)
    monkeypatch.setattr(plans, "of_survey", None)
    monkeypatch.setattr(filling, "fill", None)
    materialised(git, tree, cache)


def test_only_changed_files_are_written(git, cache):
    with materialise.checkout(find(git), tree_of(git), cache) as made:
        before = inodes(made.path)
    git.write("models.py", "a = 2\n")
    git.write("new.py")
    with materialise.checkout(find(git), tree_of(git), cache) as made:
        assert fresh_file_count(made.path, before) == 2


@pytest.mark.parametrize("killed", [False, True])
def test_only_what_is_wrong_is_written_into_a_dirty_checkout(git, cache, killed):
    tree = tree_of(git)
    for _ in range(3):
        try:
            with materialise.checkout(find(git), tree, cache) as made:
                before = inodes(made.path)
                edit(Path(made.path))
                made.mark_dirty()
                if killed:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        with materialise.checkout(find(git), tree, cache) as made:
            assert fresh_file_count(made.path, before) == 1


def spoil_nothing(path):
    pass


def edit(path):
    (path / "models.py").write_text("a = 9\n")


def edit_in_place_of_same_size_and_truncate(path):
    status = (path / "models.py").stat()
    (path / "models.py").write_text("")
    os.utime(path / "models.py", ns=(status.st_atime_ns, status.st_mtime_ns))


def add_stray(path):
    (path / "stray.py").write_text("")
    (path / "data").mkdir()
    (path / "data/db.sqlite").write_text("")


def stray_link(path):
    os.symlink("/", path / "root")


def remove(path):
    (path / "models.py").unlink()
    shutil.rmtree(path / "old")


def swap_for_links(path):
    """A link where a folder was: nothing may be written through it."""
    outside = path.parent.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    shutil.rmtree(path / "old")
    os.symlink(outside, path / "old")
    (path / "models.py").unlink()
    os.symlink(outside / "models.py", path / "models.py")


def swap_kinds(path):
    (path / "models.py").unlink()
    (path / "models.py").mkdir()
    (path / "models.py/x").write_text("")
    shutil.rmtree(path / "old")
    (path / "old").write_text("")


def change_mode(path):
    (path / "models.py").chmod(0o755)


def hard_link(path):
    outside = path.parent.parent.parent / "precious"
    outside.write_text("precious")
    (path / "models.py").unlink()
    os.link(outside, path / "models.py")


def all_gone(path):
    shutil.rmtree(path)


SPOILED = [
    spoil_nothing,
    edit,
    edit_in_place_of_same_size_and_truncate,
    add_stray,
    stray_link,
    remove,
    swap_for_links,
    swap_kinds,
    change_mode,
    hard_link,
    all_gone,
]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("next_tree", ["same", "other"])
def test_a_dirty_checkout_is_made_good(git, tmp_path, cache, spoil, next_tree):
    first = tree_of(git)
    with materialise.checkout(find(git), first, cache) as made:
        spoil(Path(made.path))
        made.mark_dirty()
    git.write("old/name.py", "changed\n")
    git.write("models.py", "a = 2\n")
    tree = first if next_tree == "same" else tree_of(git)
    assert materialised(git, tree, cache) == as_git_does(git, tree, tmp_path)
    outside = cache / "outside"
    assert not outside.exists() or list(outside.iterdir()) == []
    assert not (cache / "precious").exists() or (cache / "precious").read_text() == "precious"


def test_after_an_interrupt_the_checkout_is_looked_at(git, tmp_path, cache):
    tree = tree_of(git)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012, SIM117
        with materialise.checkout(find(git), tree, cache) as made:
            edit(Path(made.path))
            raise KeyboardInterrupt
    assert materialised(git, tree, cache) == as_git_does(git, tree, tmp_path)


def test_after_an_error_the_checkout_stays_clean(git, cache, monkeypatch):
    tree = tree_of(git)
    with pytest.raises(CouldNotCheck), materialise.checkout(find(git), tree, cache):
        raise CouldNotCheck("x")
    monkeypatch.setattr(filling, "fill", None)
    materialised(git, tree, cache)


SCRIPT = """
import os, sys
from pathlib import Path
from revguard.staging import filling, materialise, repository
stop, path, tree, cache = sys.argv[1:]
written = 0
really = filling._write_file
def counted(*args):
    global written
    if written == int(stop):
        print("stopped", flush=True)
        os.kill(os.getpid(), 9)
    written += 1
    really(*args)
filling._write_file = counted
with materialise.checkout(repository.find(path, os.environ), tree, cache) as made:
    Path(made.path, "models.py").write_text("edited")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("stop", [0, 1, 3, 99])
def test_after_kill_9_the_checkout_is_looked_at(git, tmp_path, cache, stop):
    first = tree_of(git)
    if stop != 99:
        materialised(git, first, cache)
    for number in range(5):
        git.write(f"new{number}.py")
    git.write("models.py", "a = 2\n")
    second = tree_of(git)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(stop), str(git.path), second, str(cache)], env=environ
    )
    assert done.returncode == -signal.SIGKILL
    for tree in (first, second):
        assert materialised(git, tree, cache) == as_git_does(git, tree, tmp_path)
    assert not (cache / "trees/1").exists()


def test_killed_between_two_conversions(git, tmp_path, cache):
    """Half of the files are converted in the old way, half in the new one."""
    line_ends(git)
    first = tree_of(git)
    materialised(git, first, cache)
    git.write(".gitattributes", "*.txt text eol=crlf\n")
    second = tree_of(git)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["4", str(git.path), second, str(cache)]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], env=environ)
    assert done.returncode == -signal.SIGKILL
    for tree in (first, second):
        assert materialised(git, tree, cache) == as_git_does(git, tree, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "{}", '{"format": 1}', '{"format": 99}', "\0", '{"format":1,"x":2}'],
)
@pytest.mark.parametrize("name", ["0.json", "0.used"])
def test_a_corrupt_state_is_rebuilt(git, tmp_path, cache, name, text):
    tree = tree_of(git)
    with materialise.checkout(find(git), tree, cache) as made:
        pass
    edit(Path(made.path))
    (cache / "trees" / name).write_text(text)
    if name == "0.used":
        (cache / "trees/0.json").unlink()
    assert materialised(git, tree, cache) == as_git_does(git, tree, tmp_path)


def test_a_tree_that_git_has_pruned(git, tmp_path, cache):
    first = tree_of(git)
    materialised(git, first, cache)
    state = json.loads((cache / "trees/0.json").read_text())
    (cache / "trees/0.json").write_text(json.dumps({**state, "tree": "1" * 40}))
    assert materialised(git, first, cache) == as_git_does(git, first, tmp_path)


def test_two_at_once_have_different_folders(git, tmp_path, cache):
    first = tree_of(git)
    git.write("models.py", "a = 2\n")
    second = tree_of(git)
    for _ in range(3):
        with (
            materialise.checkout(find(git), first, cache) as one,
            materialise.checkout(find(git), second, cache) as two,
            materialise.checkout(find(git), first, cache) as three,
        ):
            assert len({one.path, two.path, three.path}) == 3
            assert on_disk(one.path) == on_disk(three.path) == as_git_does(git, first, tmp_path)
            assert on_disk(two.path) == as_git_does(git, second, tmp_path)
    assert sorted(path.name for path in (cache / "trees").glob("*.json")) == [
        "0.json",
        "1.json",
        "2.json",
    ]


def test_processes_at_once(git, cache):
    tree = tree_of(git)
    code = (
        "import os, sys, time\n"
        "from revguard.staging import materialise, repository\n"
        "path, tree, cache = sys.argv[1:]\n"
        "with materialise.checkout(repository.find(path, os.environ), tree, cache) as made:\n"
        "    with open(made.path + '/mine', 'x'): time.sleep(0.3)\n"
        "    os.unlink(made.path + '/mine')\n"
        "    print(made.path)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", code, str(git.path), tree, str(cache)]
    running = [
        subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(7)
    ]
    paths = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 7
    assert all(paths)
    with materialise.checkout(find(git), tree, cache):
        pass
    assert len(list((cache / "trees").glob("*.json"))) <= slots.KEPT


def test_the_nearest_slot_is_taken(git, cache):
    every = []
    for number in range(3):
        git.write("models.py", f"a = {number}\n")
        every.append(tree_of(git))
    with (
        materialise.checkout(find(git), every[0], cache) as zero,
        materialise.checkout(find(git), every[1], cache) as one,
        materialise.checkout(find(git), every[2], cache) as two,
    ):
        where = dict(zip(every, (zero.path, one.path, two.path), strict=True))
    for tree in reversed(every):
        with materialise.checkout(find(git), tree, cache) as made:
            assert made.path == where[tree]


def test_the_folder_is_named_as_the_working_tree(git, cache):
    with materialise.checkout(find(git), tree_of(git), cache) as made:
        assert os.path.basename(made.path) == "project"


def with_submodule(git, tmp_path, new_repository):
    lib = new_repository(tmp_path / "lib")
    deep = new_repository(tmp_path / "deep")
    deep.commit({"deep.py": "x\n"})
    lib.commit({"lib.py": "v = 1\n"})
    lib("submodule", "--quiet", "add", str(tmp_path / "deep"), "deep")
    lib.commit({})
    git("submodule", "--quiet", "add", str(tmp_path / "lib"), "vendor/lib")
    git("submodule", "--quiet", "update", "--init", "--recursive")
    return git.path / "vendor/lib"


def test_submodules_have_their_content(git, tmp_path, cache, new_repository, git_in):
    path = with_submodule(git, tmp_path, new_repository)
    first = tree_of(git)
    found = materialised(git, first, cache)
    assert found[b"vendor/lib/lib.py"] == ("file", b"v = 1\n")
    assert found[b"vendor/lib/deep/deep.py"] == ("file", b"x\n")
    inner = git_in(path)
    inner.commit({"lib.py": "v = 2\n"})
    inner.write("lib.py", "v = 3\n")
    second = tree_of(git)
    assert second != first
    assert materialised(git, second, cache)[b"vendor/lib/lib.py"] == ("file", b"v = 2\n")
    assert materialised(git, first, cache)[b"vendor/lib/lib.py"] == ("file", b"v = 1\n")
    assert materialised(git, first, cache, dirty=True) == found
    assert materialised(git, first, cache) == found
    git("rm", "-q", "-f", "--cached", "vendor/lib")
    assert b"vendor/lib/lib.py" not in materialised(git, git("write-tree"), cache)


def test_submodules_that_are_not_checked_out_are_empty(git, tmp_path, cache, new_repository):
    with_submodule(git, tmp_path, new_repository)
    tree = tree_of(git)
    git("submodule", "--quiet", "deinit", "-f", "--all")
    assert materialised(git, tree, cache)[b"vendor/lib"] == ("folder", b"")
    git.write("models.py", "a = 2\n")
    later = tree_of(git)
    assert materialised(git, later, cache)[b"vendor/lib"] == ("folder", b"")
    git("submodule", "--quiet", "update", "--init")
    for each in (later, tree):
        found = materialised(git, each, cache)
        assert found[b"vendor/lib/lib.py"] == ("file", b"v = 1\n")
        assert found[b"vendor/lib/deep"] == ("folder", b"")


def test_a_submodule_without_the_commit_is_empty(git, tmp_path, cache, new_repository):
    with_submodule(git, tmp_path, new_repository)
    git("add", "-A")
    git("update-index", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    assert materialised(git, git("write-tree"), cache)[b"vendor/lib"] == ("folder", b"")


def raw_tree(git, name, mode=b"100644"):
    """A tree with one entry of any name, which git's own commands would not write."""
    blob = git("hash-object", "-w", "--stdin", input=b"evil\n")
    raw = mode + b" " + name + b"\0" + bytes.fromhex(blob)
    return git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", input=raw)


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"../evil", b"/evil", b"a/../../evil", b".git/hooks/x"]
)
def test_evil_trees_are_refused(git, tmp_path, cache, name):
    tree = raw_tree(git, name)
    with pytest.raises(CouldNotCheck, match=r"would not check out|failed"):
        materialised(git, tree, cache)
    assert not list(tmp_path.rglob("evil*"))


def test_a_cache_that_cannot_be_written(git, tmp_path):
    cache = tmp_path / "file"
    cache.write_text("")
    tree = tree_of(git)
    with materialise.checkout(find(git), tree, cache) as made:
        assert on_disk(made.path) == as_git_does(git, tree, tmp_path)
    assert not os.path.exists(made.path)


@pytest.fixture
def full_disk(tmp_path):
    """A tiny file system, where mounting one is allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_cache_is_as_if_there_were_none(git, full_disk, tmp_path):
    git.write("large", os.urandom(3_000_000))
    tree = tree_of(git)
    assert materialised(git, tree, full_disk) == as_git_does(git, tree, tmp_path)
    assert sum(path.stat().st_size for path in full_disk.rglob("*") if path.is_file()) < 100_000


def test_a_full_disk(git, full_disk, monkeypatch):
    """No room for temporary files either."""
    monkeypatch.setattr(scratch, "_parents", lambda environ: [str(full_disk)])
    git.write("large", os.urandom(3_000_000))
    tree = tree_of(git)
    with pytest.raises(CouldNotCheck, match="No space left on device") as caught:
        materialised(git, tree, full_disk)
    assert "revguard cache clear" in caught.value.hint
    git.write("large", "small")
    tree = tree_of(git)
    assert materialised(git, tree, full_disk)[b"large"] == ("file", b"small")


def test_a_partial_clone_is_filled_in_one_go(git, tmp_path, cache, git_in):
    git.commit({f"far/{number}.py": f"{number}\n" for number in range(30)})
    git("config", "uploadpack.allowFilter", "true")
    url = f"file://{git.path}"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--sparse", url, tmp_path / "clone"],
        check=True,
    )
    clone = git_in(tmp_path / "clone")
    tree = clone("rev-parse", "HEAD^{tree}")
    packs = tmp_path / "clone/.git/objects/pack"
    before = len(list(packs.glob("*.pack")))
    found = materialised(clone, tree, cache)
    assert len(list(packs.glob("*.pack"))) == before + 1
    assert found == as_git_does(git, tree, tmp_path)
    assert (tmp_path / "clone/.git/FETCH_HEAD").exists() is False


def test_a_partial_clone_that_is_offline(git, tmp_path, cache, git_in):
    git.commit({"far/a.py": "never seen\n"})
    git("config", "uploadpack.allowFilter", "true")
    url = f"file://{git.path}"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--sparse", url, tmp_path / "clone"],
        check=True,
    )
    os.rename(git.path, tmp_path / "offline")
    clone = git_in(tmp_path / "clone")
    with pytest.raises(CouldNotCheck, match="git fetch"):
        materialised(clone, clone("rev-parse", "HEAD^{tree}"), cache)


@pytest.mark.parametrize("make", ["sha256", "shallow", "worktree"])
def test_other_repositories(git, tmp_path, cache, new_repository, git_in, make):
    if make == "sha256":
        place = new_repository(tmp_path / "other", "--object-format=sha256")
        place.commit({"a.py": "x\n", "b/c.py": "y\n"})
    elif make == "shallow":
        git.commit({})
        url = f"file://{git.path}"
        subprocess.run(["git", "clone", "-q", "--depth=1", url, tmp_path / "other"], check=True)
        place = git_in(tmp_path / "other")
    else:
        git("worktree", "add", "-q", str(tmp_path / "other"))
        place = git_in(tmp_path / "other")
    first = place("rev-parse", "HEAD^{tree}")
    place.write("models.py", "a = 2\n")
    place("add", "-A")
    for tree in (first, index.staged_tree(find(place)), first):
        assert materialised(place, tree, cache) == as_git_does(place, tree, tmp_path)


def test_files_have_ordinary_permissions(git, cache):
    git.write("run.sh").chmod(0o755)
    before = os.umask(0o027)
    try:
        with materialise.checkout(find(git), tree_of(git), cache) as made:
            path = Path(made.path)
            assert stat.S_IMODE((path / "models.py").stat().st_mode) == 0o640
            assert stat.S_IMODE((path / "run.sh").stat().st_mode) == 0o750
    finally:
        os.umask(before)


def test_the_repository_is_not_written(git, cache):
    git.write("models.py", "a = 2\n")
    tree = tree_of(git)
    git.write("models.py", "a = 3\n")
    git.write("stray.py")
    before = (git.status(), (git.path / ".git/index").read_bytes(), git("stash", "list"))
    materialised(git, tree, cache)
    assert before == (git.status(), (git.path / ".git/index").read_bytes(), git("stash", "list"))
