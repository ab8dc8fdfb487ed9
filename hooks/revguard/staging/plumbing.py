"""Git commands for reading: arguments in, bytes out, whatever the user's configuration says."""

from __future__ import annotations

import os

from revguard import subprocesses
from revguard.errors import CouldNotCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping, Sequence

    from revguard.staging.repository import Repository
    from revguard.subprocesses import Completed

# What a user may configure must not change what plumbing prints, nor start programs.
_CONFIG = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
}
# An index of ours is written whole: a split one would leave a shared part in the user's
# git folder, a sparse one would hide what is to be judged.
PRIVATE_INDEX = {"core.splitIndex": "false", "index.sparse": "false", "core.safecrlf": "false"}

# Where a repository is (`git rev-parse --local-env-vars` without the configuration): what a hook
# has of this is about its own repository, and what we run on another one must not get it.
_PLACES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REFLOG_ACTION",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
# What would change how a command of ours behaves.
_BENDING = (
    "GIT_ATTR_SOURCE",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
    "GIT_FLUSH",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_VERSION",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_PREFIX",
)
_OURS = {
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


class GitFailed(CouldNotCheck):
    """A git command that should have worked did not."""

    def __init__(self, completed: Completed, *, hint: str = "") -> None:
        command = next((word for word in _words(completed.argv)), "")
        said = completed.error_text() or f"it ended with {completed.returncode} and said nothing"
        super().__init__(f"`git {command}` failed: {said}", hint=hint)
        self.completed = completed


def outside(environ: Mapping[str, str]) -> dict[str, str]:
    """The environ for git in another repository than the one that a hook belongs to."""
    return {
        name: value
        for name, value in environ.items()
        if name not in _PLACES and name not in _BENDING and not name.startswith("GITHEAD_")
    }


def inside(
    repo: Repository, *, index: str | None = None, work_tree: str | None = None
) -> dict[str, str]:
    """The environ of a git command in this repository, with its index or with one of ours."""
    environ = {name: value for name, value in repo.environ.items() if name not in _BENDING}
    environ.update(_OURS)
    environ["GIT_DIR"] = repo.git_dir
    environ["GIT_WORK_TREE"] = work_tree or repo.toplevel
    environ["GIT_INDEX_FILE"] = index or repo.index_file
    return environ


def command(*arguments: str, config: Mapping[str, str] | None = None) -> list[str]:
    """The argv of a git command that the user's configuration cannot bend."""
    settings = {**_CONFIG, **(config or {})}
    options = (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
    return ["git", "--no-pager", *options, *arguments]


def run(
    repo: Repository,
    *arguments: str,
    stdin: bytes | None = None,
    index: str | None = None,
    config: Mapping[str, str] | None = None,
) -> Completed:
    """Run a git command to its end, whatever its exit code is."""
    return subprocesses.run(
        command(*arguments, config=config),
        cwd=repo.toplevel,
        environ=inside(repo, index=index),
        stdin=stdin,
    )


def output(
    repo: Repository,
    *arguments: str,
    stdin: bytes | None = None,
    index: str | None = None,
    config: Mapping[str, str] | None = None,
) -> bytes:
    """What a git command prints; GitFailed where it fails."""
    completed = run(repo, *arguments, stdin=stdin, index=index, config=config)
    if completed.returncode != 0:
        raise GitFailed(completed)
    return completed.stdout


def together(
    repo: Repository,
    *commands: Sequence[str],
    index: str | None = None,
    config: Mapping[str, str] | None = None,
) -> list[Completed]:
    """Run git commands of little output at the same time, whatever their exit codes are."""
    environ = inside(repo, index=index)
    running: list[tuple[list[str], subprocess.Popen[bytes]]] = []
    try:
        for arguments in commands:
            argv = command(*arguments, config=config)
            running.append((argv, _start(argv, repo.toplevel, environ)))
        return [_finish(argv, process) for argv, process in running]
    except BaseException:
        for _, process in running:
            subprocesses.kill(process)
        raise


def split(listed: bytes) -> list[str]:
    """The items of a NUL-terminated list, as file names of this system."""
    return [os.fsdecode(item) for item in listed.split(b"\0") if item]


def join(items: Iterable[str]) -> bytes:
    """File names as a NUL-terminated list."""
    return b"".join(os.fsencode(item) + b"\0" for item in items)


def _start(argv: list[str], cwd: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocesses.start(
        argv, cwd=cwd, environ=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _finish(argv: list[str], process: subprocess.Popen[bytes]) -> Completed:
    out, err = process.communicate()
    return subprocesses.Completed(tuple(argv), process.returncode, out, err)


def _words(argv: Sequence[str]) -> Iterable[str]:
    rest = iter(argv[1:])
    for word in rest:
        if word == "-c":
            next(rest, None)
        elif not word.startswith("-"):
            yield word
