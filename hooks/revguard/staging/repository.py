"""Where the repository is: a folder and a hook's environ in, working tree and index out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from revguard import subprocesses
from revguard.errors import UsageError
from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Mapping

_MERGED = re.compile(r"GITHEAD_([0-9a-f]{40,64})")
_DEFAULT_BRANCHES = ("HEAD", "main", "master")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A working tree and where git keeps what belongs to it; all paths absolute."""

    toplevel: str
    git_dir: str
    common_dir: str
    index_file: str
    environ: Mapping[str, str] = field(repr=False, compare=False)


def find(cwd: str | os.PathLike[str], environ: Mapping[str, str]) -> Repository:
    """The repository whose working tree holds `cwd`, as a hook of it sees it. UsageError."""
    folder = os.path.abspath(cwd)
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder {folder}")
    toplevel, git_dir = _locate(folder, environ)
    common_dir = _common_dir(git_dir, environ)
    index_file = _index_file(toplevel, git_dir, environ)
    own = dict(environ)
    if not index_file:  # the hook's variables speak of another repository
        own = plumbing.outside(environ)
        index_file = os.path.join(git_dir, "index")
    return Repository(
        toplevel=toplevel,
        git_dir=git_dir,
        common_dir=common_dir,
        index_file=index_file,
        environ=own,
    )


def head(repo: Repository) -> str | None:
    """The commit that HEAD is at; None on an unborn branch."""
    completed = plumbing.run(repo, "rev-parse", "--quiet", "--verify", "HEAD")
    if completed.returncode == 0:
        return completed.text().strip()
    if completed.returncode == 1:
        return None
    raise plumbing.GitFailed(completed)


def parents(repo: Repository) -> tuple[str, ...]:
    """What the proposed commit will descend from: HEAD, then the commits being merged."""
    first = head(repo)
    return () if first is None else (first, *merged(repo))


def merged(repo: Repository) -> tuple[str, ...]:
    """The commits that a merge in progress brings, also inside `pre-merge-commit`."""
    try:
        with open(os.path.join(repo.git_dir, "MERGE_HEAD"), encoding="ascii") as lines:
            return tuple(line.strip() for line in lines if line.strip())
    except (FileNotFoundError, NotADirectoryError):
        pass
    return _being_merged(repo)


def is_making_a_merge(repo: Repository) -> bool:
    """Whether this is `pre-merge-commit`: what is added to the index there is not in the commit."""
    written = os.path.exists(os.path.join(repo.git_dir, "MERGE_HEAD"))
    return not written and bool(_being_merged(repo))


def _being_merged(repo: Repository) -> tuple[str, ...]:
    # In pre-merge-commit MERGE_HEAD is not written yet; git says there what it merges by
    # variables named after the commits.
    if not repo.environ.get("GIT_REFLOG_ACTION", "").startswith(("merge", "pull")):
        return ()
    found = (_MERGED.fullmatch(name) for name in repo.environ)
    return tuple(match.group(1) for match in found if match)


class Base(NamedTuple):
    """What has landed, and the name by which git knows it."""

    commit: str
    name: str


def base_commit(repo: Repository, configured: str | None = None) -> str | None:
    """The commit of what has landed; see `base`."""
    found = base(repo, configured)
    return None if found is None else found.commit


def base(repo: Repository, configured: str | None = None) -> Base | None:
    """What has landed: the configured base, the pull request's, the remote's default branch.

    None where there is no remote. UsageError where a configured base is not in the repository.
    """
    if configured:
        found = _commits(repo, [configured])
        if found[0] is None:
            raise UsageError(
                f"the base {configured!r} is not in this repository",
                hint=f"{_how_to_get(configured)}, or change `base` in the configuration",
            )
        return Base(found[0], configured)
    names = [f"refs/remotes/origin/{branch}" for branch in _DEFAULT_BRANCHES]
    if pull_request := repo.environ.get("GITHUB_BASE_REF"):
        names.insert(0, f"refs/remotes/origin/{pull_request}")
    return _first_of(repo, names) or _other_remote(repo)


def _first_of(repo: Repository, names: list[str]) -> Base | None:
    commits = dict(zip(names, _commits(repo, names), strict=True))
    for name, commit in commits.items():
        if commit is not None:
            # origin/HEAD says less to a reader than the branch that it stands for
            like = [one for one in names if commits[one] == commit and not one.endswith("/HEAD")]
            return Base(commit, (like or [name])[0].removeprefix("refs/remotes/"))
    return None


def _locate(folder: str, environ: Mapping[str, str]) -> tuple[str, str]:
    # The hooks of a linked worktree get GIT_DIR and no GIT_WORK_TREE: git then takes the folder
    # where it is called for the top of the working tree, which is wrong in a subfolder.
    if environ.get("GIT_DIR") and not environ.get("GIT_WORK_TREE"):
        try:
            return _ask(folder, plumbing.outside(environ))
        except UsageError:
            return _ask(folder, dict(environ))
    return _ask(folder, dict(environ))


def _ask(folder: str, environ: dict[str, str]) -> tuple[str, str]:
    questions = ("--show-toplevel", "--absolute-git-dir")
    answer = _rev_parse(folder, environ, *questions)
    lines = answer.splitlines()
    if len(lines) != len(questions):  # a folder with a line break in its name
        lines = [_rev_parse(folder, environ, question) for question in questions]
    return os.path.realpath(lines[0]), os.path.realpath(lines[1])


def _rev_parse(folder: str, environ: dict[str, str], *questions: str) -> str:
    argv = plumbing.command("rev-parse", *questions)
    completed = subprocesses.run(argv, cwd=folder, environ=environ)
    if completed.returncode == 0:
        return os.fsdecode(completed.stdout).removesuffix("\n")
    said = completed.error_text()
    if "safe.directory" in said:
        raise UsageError(f"git refuses the repository at {folder}: {said}")
    if "must be run in a work tree" in said:
        raise UsageError(
            f"{folder} belongs to a git repository but to no working tree of it",
            hint="run it in a working tree: `git worktree add ../checkout`, then `-C ../checkout`",
        )
    raise UsageError(
        f"{folder} is not in a git repository ({said})",
        hint="run it inside one, name one with `-C DIR`, or make one with `git init`",
    )


def _common_dir(git_dir: str, environ: Mapping[str, str]) -> str:
    try:
        with open(os.path.join(git_dir, "commondir"), "rb") as file:
            written = os.fsdecode(file.read().rstrip(b"\n"))
    except (FileNotFoundError, NotADirectoryError):
        named = environ.get("GIT_COMMON_DIR") if environ.get("GIT_DIR") else None
        return os.path.realpath(named) if named else git_dir
    return os.path.realpath(os.path.join(git_dir, written))


def _index_file(toplevel: str, git_dir: str, environ: Mapping[str, str]) -> str:
    """The index that the hook is about; "" where the variables belong to another repository."""
    named = environ.get("GIT_INDEX_FILE")
    elsewhere = environ.get("GIT_DIR")
    if elsewhere and os.path.realpath(elsewhere) != git_dir:
        return ""
    if not named:
        return os.path.join(git_dir, "index")
    path = os.path.join(toplevel, named)
    folder = os.path.dirname(path)
    if os.path.realpath(folder) == git_dir:
        return os.path.join(git_dir, os.path.basename(path))
    if not os.path.isdir(folder) or os.path.isfile(os.path.join(folder, "HEAD")):
        return ""
    return path


def _commits(repo: Repository, names: list[str]) -> list[str | None]:
    questions = "".join(f"{name.replace(chr(10), ' ')}^{{commit}}\n" for name in names)
    answers = plumbing.output(
        repo, "cat-file", "--batch-check=%(objectname) commit", stdin=os.fsencode(questions)
    )
    lines = os.fsdecode(answers).splitlines()
    return [line.removesuffix(" commit") if line.endswith(" commit") else None for line in lines]


def _other_remote(repo: Repository) -> Base | None:
    """The default branch of the only remote, where that is not called origin."""
    remotes = os.fsdecode(plumbing.output(repo, "remote")).split()
    if len(remotes) != 1 or remotes == ["origin"]:
        return None
    names = [f"refs/remotes/{remotes[0]}/{branch}" for branch in _DEFAULT_BRANCHES]
    return _first_of(repo, names)


def _how_to_get(base: str) -> str:
    remote, slash, branch = base.partition("/")
    return f"get it with `git fetch {remote} {branch}`" if slash else "see `git branch --all`"
