"""The two quick ways out, before anything heavy loads: arguments in, an exit code or None out.

Both read one file of the cache and ask git twice at the same time: what differs between the index
and HEAD, and between the index and the tree that was last judged. (a) Where neither touches what
env.py was seen to depend on, the commit cannot matter. (b) Where only the second does not, and
HEAD, base, interpreter and environ are as at the last answer, it is given again. Every doubt
ends in None: the whole pipeline decides.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from revguard.observed import Relevance

_PLAIN_ARGUMENTS = (["check"], ["add"], ["check", "-q"], ["add", "-q"])
NAME = "fast.json"
_HALF_DONE = "revguard-rewriting.json"  # staging/journal.py: a run was killed, the pipeline mends
_MANY = 1000  # paths that still fit on a command line
# by which pre-commit says that a range or a push is meant
NOT_THE_INDEX = ("PRE_COMMIT_TO_REF", "PRE_COMMIT_REMOTE_NAME")
RUNNING = "REVGUARD_RUNNING"  # set for the worker: a post-write hook may run pre-commit, and it us


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """The exit code where a quick way out is open, else None."""
    if environ.get(RUNNING) and argv[:1] in (["check"], ["add"], ["upgrade"]):
        return 0
    if list(argv[:1]) == ["upgrade"]:
        return _unmoved(argv, environ)
    if list(argv) not in _PLAIN_ARGUMENTS or environ.get("GIT_WORK_TREE"):
        return None
    if any(environ.get(name) for name in NOT_THE_INDEX):
        return None
    if not hasattr(os, "posix_spawnp"):
        return None
    try:
        return _decide(list(argv), environ)
    except Exception:  # noqa: BLE001  (whatever is in the cache: the pipeline decides)
        return None


def _unmoved(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    from revguard import checkouts

    try:
        return checkouts.quick(argv, environ)
    except Exception:  # noqa: BLE001  (as above)
        return None


def _decide(argv: list[str], environ: Mapping[str, str]) -> int | None:
    toplevel = _toplevel(os.path.realpath(os.getcwd()))
    if toplevel is None or _is_unusual(toplevel, environ):
        return None
    state = _state(toplevel, environ)
    if state is None or os.path.exists(os.path.join(toplevel, "revguard.toml")) != state["local"]:
        return None
    from revguard.observed import Relevance

    matters = Relevance(state["observed"])
    trees = ("HEAD", state["tree"])
    started = [_start_diff(tree, environ) for tree in trees]
    since_head, since_judged = (_finish(pid, pipe) for pid, pipe in started)
    if since_judged is None or _any(matters, since_judged, trees[1], environ):
        return None
    if since_head is not None and not _any(matters, since_head, trees[0], environ):
        return 0
    return _again(state.get("answer"), argv, toplevel, environ)


def _any(matters: Relevance, output: bytes, tree: str, environ: Mapping[str, str]) -> bool:
    """Whether a change matters: by what was observed, or since it may define a table."""
    from revguard.observed import DECLARES, may_declare

    changes = list(_changes(output))
    if any(matters(status, path) for status, path in changes):
        return True
    paths = [f":(top,literal){path}" for _, path in changes if may_declare(path)]
    if not 0 < len(paths) <= _MANY:
        return bool(paths)
    return _finish(*_start_diff(tree, environ, f"-G{DECLARES}", paths=paths)) != b""


def _again(answer: Any, argv: list[str], toplevel: str, environ: Mapping[str, str]) -> int | None:
    """Give the last answer once more, if all that it depended on is as it was."""
    if not answer or "out" not in answer or answer["arguments"] != argv:
        return None
    if answer["surroundings"] != surroundings(environ) or answer["day"] != _day():
        return None
    git_dir = os.path.join(toplevel, ".git")
    if any(ref(git_dir, name) != oid for name, oid in answer["refs"].items()):
        return None
    if any(os.stat(path).st_mtime_ns != stamp for path, stamp in answer["stamps"].items()):
        return None
    code = int(answer["code"])
    sys.stdout.write(answer["out"])
    sys.stdout.flush()
    return code


def surroundings(environ: Mapping[str, str]) -> str:
    """What the interpreter found and the form of the output depend on, as one text."""
    names = ("VIRTUAL_ENV", "CONDA_PREFIX", "PATH", "PYTHONPATH", "NO_COLOR", "FORCE_COLOR", "TERM")
    parts = [f"{name}={environ.get(name)}" for name in names]
    try:
        parts.append(str(os.get_terminal_size(1)) if os.isatty(1) else environ.get("COLUMNS", ""))
    except OSError:
        parts.append("?")
    return "\n".join(parts)


def ref(git_dir: str, name: str) -> str | None:
    """What a ref points to, read from git's files; None where it is not there."""
    try:
        with open(os.path.join(git_dir, name), encoding="utf-8") as stream:
            text = stream.read().strip()
    except OSError:
        return _packed(git_dir, name)
    return ref(git_dir, text[5:]) if text.startswith("ref: ") else text


def _packed(git_dir: str, name: str) -> str | None:
    if not os.path.exists(os.path.join(git_dir, "packed-refs")):
        return None
    with open(os.path.join(git_dir, "packed-refs"), encoding="utf-8") as stream:
        for line in stream:
            if line.rstrip("\n").endswith(" " + name):
                return line.partition(" ")[0]
    return None


def _day() -> int:
    import time

    moment = time.localtime()  # the user's day, as waivers and ignores have it
    return moment.tm_year * 1000 + moment.tm_yday


def _toplevel(folder: str) -> str | None:
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _is_unusual(toplevel: str, environ: Mapping[str, str]) -> bool:
    git = os.path.join(toplevel, ".git")
    if environ.get("GIT_REFLOG_ACTION", "").startswith(("merge", "pull")):
        return True  # in pre-merge-commit MERGE_HEAD is not written yet
    # in a linked worktree .git is a file: its own MERGE_HEAD lies elsewhere
    return not os.path.isdir(git) or any(
        os.path.exists(os.path.join(git, name)) for name in ("MERGE_HEAD", _HALF_DONE)
    )


def _state(toplevel: str, environ: Mapping[str, str]) -> Any:
    import json

    from revguard import __version__, cachedir

    if cachedir.has_runs(environ):  # one may have been killed: the pipeline sweeps
        return None
    folder = cachedir.repository_folder(cachedir.cache_folder(environ), toplevel)
    with open(os.path.join(folder, NAME), encoding="utf-8", errors="surrogateescape") as stream:
        state = json.load(stream)
    return state if state["version"] == __version__ else None


def _start_diff(
    tree: str, environ: Mapping[str, str], *options: str, paths: Sequence[str] = ()
) -> tuple[int, int]:
    reading, writing = os.pipe()
    argv = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "diff-index", "--cached"]
    argv += ["--raw", "-z", "--no-renames", "--no-textconv", "--ignore-submodules=none"]
    argv += [*options, tree, "--", *paths]
    null = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), null]
    try:
        pid = os.posix_spawnp("git", argv, dict(environ), file_actions=actions)
    finally:
        os.close(writing)
    return pid, reading


def _finish(pid: int, pipe: int) -> bytes | None:
    parts = []
    while part := os.read(pipe, 1 << 20):
        parts.append(part)
    os.close(pipe)
    return b"".join(parts) if os.waitpid(pid, 0)[1] == 0 else None


def _changes(output: bytes) -> Iterator[tuple[str, str]]:
    fields = output.split(b"\0")
    for index in range(0, len(fields) - 1, 2):
        yield chr(fields[index].split(b" ")[4][0]), os.fsdecode(fields[index + 1])


def remember(
    folder: str, tree: str, observed: Any, local: bool, answer: Mapping[str, Any] | None
) -> None:
    """Write down what the next quick way out needs; `tree` is the judged one.

    `answer` holds what the verdict depended on besides: refs and stamps (files' times).
    """
    import json

    from revguard import __version__

    state = {"version": __version__, "tree": tree, "observed": observed, "local": local}
    state["answer"] = answer
    _replace(os.path.join(folder, NAME), json.dumps(state))


def answered(
    arguments: Sequence[str], environ: Mapping[str, str], tree: str | None, out: str, code: int
) -> None:
    """Complete what remember() wrote in this run by what was said of `tree`."""
    toplevel = _toplevel(os.path.realpath(os.getcwd()))
    if list(arguments) not in _PLAIN_ARGUMENTS or toplevel is None:
        return
    import json

    from revguard import cachedir

    folder = cachedir.repository_folder(cachedir.cache_folder(environ), toplevel)
    path = os.path.join(folder, NAME)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            state = json.load(stream)
        answer = state["answer"]
        fresh = bool(answer) and "out" not in answer and state["tree"] == tree
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if fresh:
        answer.update(
            arguments=list(arguments), surroundings=surroundings(environ), day=_day(),
            out=out, code=code,
        )  # fmt: skip
        _replace(path, json.dumps(state))


def _replace(path: str, text: str) -> None:
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except OSError:  # a cache that cannot be written is as if there were none
        try:  # noqa: SIM105
            os.unlink(temporary)
        except OSError:
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ) or 0)
