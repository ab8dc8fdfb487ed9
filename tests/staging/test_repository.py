"""Where a repository is found, and what its commits descend from."""

import os
import subprocess

import pytest

from revguard.errors import UsageError
from revguard.staging import repository, trees


def find(path, **environ):
    return repository.find(path, {**os.environ, **{k: str(v) for k, v in environ.items()}})


def in_subfolder(git, tmp_path, make):
    (git.path / "a/b").mkdir(parents=True)
    return git.path / "a/b", git.path, git.path / ".git"


def in_worktree(git, tmp_path, make):
    git("worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked/sub").mkdir()
    return tmp_path / "linked/sub", tmp_path / "linked", git.path / ".git/worktrees/linked"


def with_a_line_break(git, tmp_path, make):
    make(tmp_path / "line\nbreak")
    return tmp_path / "line\nbreak", tmp_path / "line\nbreak", tmp_path / "line\nbreak/.git"


def behind_a_link(git, tmp_path, make):
    (tmp_path / "link").symlink_to(git.path / "old")
    return tmp_path / "link", git.path, git.path / ".git"


def separate(git, tmp_path, make):
    make(tmp_path / "work", f"--separate-git-dir={tmp_path / 'kept.git'}")
    return tmp_path / "work", tmp_path / "work", tmp_path / "kept.git"


def submodule(git, tmp_path, make):
    make(tmp_path / "lib").commit({"lib.py": "x\n"})
    git("submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")
    return git.path / "lib", git.path / "lib", git.path / ".git/modules/lib"


def nested(git, tmp_path, make):
    make(git.path / "old/inner")
    return git.path / "old/inner", git.path / "old/inner", git.path / "old/inner/.git"


@pytest.mark.parametrize(
    "where",
    [in_subfolder, in_worktree, with_a_line_break, behind_a_link, separate, submodule, nested],
    ids=lambda where: where.__name__,
)
def test_found(git, tmp_path, new_repository, where):
    cwd, toplevel, git_dir = where(git, tmp_path, new_repository)
    found = find(cwd)
    assert found.toplevel == os.path.realpath(toplevel)
    assert found.git_dir == os.path.realpath(git_dir)
    assert found.index_file == os.path.join(found.git_dir, "index")
    expected = git.path / ".git" if where is in_worktree else git_dir
    assert found.common_dir == os.path.realpath(expected)


@pytest.mark.parametrize(
    ("environ", "index"),
    [
        pytest.param({"GIT_INDEX_FILE": ".git/index"}, ".git/index", id="relative"),
        pytest.param({"GIT_INDEX_FILE": "{top}/.git/index.lock"}, ".git/index.lock", id="absolute"),
        pytest.param({"GIT_INDEX_FILE": "{tmp}/own"}, "../own", id="somewhere"),
        pytest.param({"GIT_INDEX_FILE": "{tmp}/b/.git/index"}, ".git/index", id="another's"),
        pytest.param(
            {"GIT_DIR": "{tmp}/b/.git", "GIT_INDEX_FILE": "{tmp}/b/.git/index"},
            ".git/index",
            id="another's-worktree",
        ),
        pytest.param(
            {"GIT_DIR": "{tmp}/b/.git", "GIT_INDEX_FILE": ".git/index"},
            ".git/index",
            id="another's-relative",
        ),
    ],
)
@pytest.mark.parametrize("folder", [".", "old"])
def test_the_index_of_a_hook(git, tmp_path, new_repository, environ, index, folder):
    new_repository(tmp_path / "b").commit({"b.py": "x\n"})
    given = {name: text.format(top=git.path, tmp=tmp_path) for name, text in environ.items()}
    found = find(git.path / folder, **given)
    assert found.toplevel == os.path.realpath(git.path)
    assert os.path.normpath(found.index_file) == os.path.normpath(git.path / index)
    assert repository.head(found) == git("rev-parse", "HEAD")


def test_no_repository(tmp_path):
    with pytest.raises(UsageError, match="is not in a git repository") as caught:
        find(tmp_path, GIT_CEILING_DIRECTORIES=tmp_path.parent)
    assert "git init" in caught.value.hint


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        find(tmp_path / "missing")


def test_bare(tmp_path, new_repository):
    new_repository(tmp_path / "bare.git", "--bare")
    with pytest.raises(UsageError, match="no working tree") as caught:
        find(tmp_path / "bare.git")
    assert "git worktree add" in caught.value.hint


def test_inside_the_git_folder(git):
    with pytest.raises(UsageError, match="no working tree"):
        find(git.path / ".git")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs chown")
def test_a_repository_of_somebody_else(git):
    for path in (git.path, git.path / ".git"):
        os.chown(path, 65534, 65534)
    with pytest.raises(UsageError, match="dubious ownership") as caught:
        find(git.path)
    assert "safe.directory" in caught.value.message


def test_parents_of_an_unborn_branch(empty):
    repo = find(empty.path)
    assert repository.head(repo) is None
    assert repository.parents(repo) == ()


def test_a_broken_head_is_no_unborn_branch(git):
    (git.path / ".git/refs/heads/main").write_text("0123456789012345678901234567890123456789\n")
    (git.path / ".git/HEAD").write_text("nonsense\n")
    with pytest.raises(UsageError):
        find(git.path)


def test_variables_of_a_merge_do_not_count_elsewhere(git, tmp_path, new_repository):
    other = new_repository(tmp_path / "b")
    other.commit({"b.py": "x\n"})
    merging = {
        "GIT_REFLOG_ACTION": "merge side",
        "GITHEAD_" + "1" * 40: "side",
        "GIT_INDEX_FILE": git.path / ".git/index",
    }
    assert len(repository.parents(find(git.path, **merging))) == 2
    assert len(repository.parents(find(other.path, **merging))) == 1


def cloned(git, tmp_path, git_in, *options):
    subprocess.run(["git", "clone", "-q", *options, git.path, tmp_path / "clone"], check=True)
    return git_in(tmp_path / "clone")


def with_origin_head(git, tmp_path, git_in):
    clone = cloned(git, tmp_path, git_in)
    clone.commit({"mine.py": "x\n"})
    return clone, git("rev-parse", "HEAD")


def without_origin_head(git, tmp_path, git_in):
    clone, expected = with_origin_head(git, tmp_path, git_in)
    clone("remote", "set-head", "origin", "--delete")
    return clone, expected


def dangling_origin_head(git, tmp_path, git_in):
    clone, expected = with_origin_head(git, tmp_path, git_in)
    clone("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/nowhere")
    return clone, expected


def other_default(git, tmp_path, git_in):
    git("checkout", "-q", "-b", "trunk")
    expected = git.commit({"trunk.py": "x\n"})
    return cloned(git, tmp_path, git_in), expected


def another_name(git, tmp_path, git_in):
    return cloned(git, tmp_path, git_in, "--origin", "upstream"), git("rev-parse", "HEAD")


def no_remote(git, tmp_path, git_in):
    return git, None


def empty_remote(git, tmp_path, git_in):
    git("remote", "add", "origin", str(tmp_path))
    return git, None


def shallow(git, tmp_path, git_in):
    expected = git.commit({"second.py": "x\n"})
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{git.path}", tmp_path / "clone"], check=True
    )
    return git_in(tmp_path / "clone"), expected


@pytest.mark.parametrize(
    "prepare",
    [
        with_origin_head,
        without_origin_head,
        dangling_origin_head,
        other_default,
        another_name,
        no_remote,
        empty_remote,
        shallow,
    ],
    ids=lambda prepare: prepare.__name__,
)
def test_base(git, tmp_path, git_in, prepare):
    where, expected = prepare(git, tmp_path, git_in)
    assert repository.base_commit(find(where.path, GITHUB_BASE_REF="")) == expected


def test_base_of_a_pull_request(git, tmp_path, git_in):
    git("branch", "release/1")
    expected = git("rev-parse", "HEAD")
    git.commit({"later.py": "x\n"})
    clone = cloned(git, tmp_path, git_in)
    assert repository.base_commit(find(clone.path, GITHUB_BASE_REF="release/1")) == expected


@pytest.mark.parametrize("name", ["main", "refs/heads/main", "v1", "{head}"])
def test_configured_base(git, name):
    git("tag", "-a", "v1", "-m", "x")
    head = git("rev-parse", "HEAD")
    git("checkout", "-q", "-b", "side")
    git.commit({"later.py": "x\n"})
    assert repository.base_commit(find(git.path), name.format(head=head)) == head


@pytest.mark.parametrize("name", ["origin/main", "nowhere", "--help", "a\nb", ":models.py"])
def test_configured_base_that_is_not_there(git, name):
    with pytest.raises(UsageError, match="is not in this repository") as caught:
        repository.base_commit(find(git.path), name)
    if name == "origin/main":
        assert "`git fetch origin main`" in caught.value.hint


@pytest.mark.parametrize("name", ["HEAD", "main", "v1", "HEAD^{tree}", "HEAD:old"])
def test_tree_of(git, name):
    git("tag", "-a", "v1", "-m", "x")
    expected = git("rev-parse", name if ":" in name else name + "^{tree}")
    assert trees.tree_of(find(git.path), name) == expected


@pytest.mark.parametrize("name", ["nowhere", "--all", "HEAD:models.py", "", "0" * 40, "a\nb"])
def test_tree_of_what_is_none(git, name):
    with pytest.raises(UsageError, match="names no tree"):
        trees.tree_of(find(git.path), name)
