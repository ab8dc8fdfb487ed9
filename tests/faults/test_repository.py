"""Git as it should not be: no repository, a conflict, a lock, a lost object, no rights."""

import os

import pytest


@pytest.mark.parametrize("command", ["check", "add"])
def test_no_repository(shop, base, fails, command):
    shop.path.joinpath("elsewhere").mkdir()
    outside = base / "outside"
    outside.mkdir()
    done = shop.run(command, cwd=outside)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"error: {outside} is not in a git repository" in done.stderr
    assert "`git init`" in done.stderr
    code, report = shop.report(command, cwd=outside)
    assert code == 2
    assert "not in a git repository" in report["error"]


def test_a_folder_that_is_not_there(shop, fails):
    fails(shop, "-C", "nowhere", code=2, says=["there is no folder", "nowhere"])


def test_a_bare_repository(shop, base):
    bare = base / "bare.git"
    shop.git("clone", "-q", "--bare", ".", str(bare))
    done = shop.run("check", cwd=bare)
    assert done.returncode == 2
    assert "no working tree" in " ".join(done.stderr.split())
    assert "`git worktree add" in done.stderr
    assert shop.report("check", cwd=bare)[0] == 2


def test_no_git(shop, base, fails):
    empty = base / "empty"
    empty.mkdir()
    fails(shop, code=3, says=["`git` cannot be started", "PATH"], environ={"PATH": str(empty)})


@pytest.mark.parametrize("command", ["check", "add"])
def test_unmerged_paths(shop, fails, command):
    shop.git("checkout", "-qb", "other")
    shop.write("models.py", "a = 1\n")
    shop.commit()
    shop.git("checkout", "-q", "main")
    shop.write("models.py", "a = 2\n")
    shop.commit()
    with pytest.raises(AssertionError):
        shop.git("merge", "other")
    says = ["there are unmerged paths: models.py", "`git add`"]
    fails(shop, command=command, code=2, says=says)


def test_add_while_the_index_is_locked(shop, fails):
    shop.change()
    lock = shop.path / ".git" / "index.lock"
    lock.touch()
    says = ["git cannot stage", "index.lock", "remove the lock file"]
    fails(shop, command="add", code=3, says=says)
    assert shop.run("check").returncode == 1
    lock.unlink()
    assert shop.run("add").returncode == 0


def test_check_while_the_index_is_locked(shop):
    shop.change()
    (shop.path / ".git" / "index.lock").touch()
    assert shop.run("check").returncode == 1


@pytest.mark.parametrize("name", [":models.py", "HEAD:alembic.ini", "HEAD^{tree}"])
def test_an_object_that_is_lost(shop, name):
    shop.change()
    oid = shop.git("rev-parse", name).strip()
    (shop.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    before = (shop.path / ".git" / "index").read_bytes()
    done = shop.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    named = [oid, shop.git("rev-parse", "HEAD").strip()]
    assert any(one in done.stderr for one in named)
    assert "`git fsck`" in done.stderr
    assert shop.report("check")[0] == 3
    assert (shop.path / ".git" / "index").read_bytes() == before


def test_a_broken_index(shop):
    (shop.path / ".git" / "index").write_bytes(b"garbage")
    done = shop.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "smaller than expected" in " ".join(done.stderr.split())
    assert "`git reset`" in done.stderr
    assert (shop.path / ".git" / "index").read_bytes() == b"garbage"


def test_a_broken_head(shop):
    shop.change()
    (shop.path / ".git" / "refs" / "heads" / "main").write_text("0" * 39 + "1\n")
    done = shop.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "`git fsck`" in done.stderr


def test_a_base_that_is_not_there(shop, fails):
    shop.configure(base="origin/trunk")
    shop.git("add", "-A")
    fails(shop, code=2, says=["origin/trunk", "`git fetch origin trunk`"])


def test_a_tree_that_is_not_there(shop, fails):
    fails(shop, "--tree", "v9", code=2, says=["'v9' names no tree", "`git log"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_someone_elses_repository(shop, base):
    for path in (shop.path, shop.path / ".git"):
        os.chown(path, 12345, 12345)
    done = shop.run("check", environ={"HOME": str(base)})
    assert done.returncode == 2
    assert "dubious ownership" in done.stderr
    assert "git config --global --add safe.directory" in " ".join(done.stderr.split())


def test_a_repository_that_cannot_be_written(shop, ordinary, fails):
    shop.change()
    for folder in (shop.path / ".git" / "objects", *shop.path.glob(".git/objects/??")):
        folder.chmod(0o555)
    # the tree of the index is an object that has to be written
    fails(shop, code=3, says=["insufficient permission"], before=ordinary)


def test_a_version_folder_that_cannot_be_written(shop, ordinary, fails):
    shop.change()
    (shop.path / shop.versions).chmod(0o555)
    says = ["cannot be written", "Permission denied", shop.versions]
    fails(shop, command="add", code=3, says=says, before=ordinary)


def test_models_that_nobody_may_read_are_read_from_git(shop, ordinary):
    shop.change()
    (shop.path / "models.py").chmod(0)
    assert shop.run("check", before=ordinary).returncode == 1
