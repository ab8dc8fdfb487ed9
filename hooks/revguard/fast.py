"""The quick way out: nothing in the staged change can matter, known before anything heavy loads.

Reads one file of the cache and asks git twice at the same time: what differs between the index and
HEAD, and between the index and the tree that was last judged. Where neither touches what env.py was
seen to depend on, this commit's models and revisions are the judged ones. Every doubt ends in
None: the whole pipeline decides.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_PLAIN_ARGUMENTS = (["check"], ["add"], ["check", "-q"], ["add", "-q"])
NAME = "fast.json"
RUNNING = "REVGUARD_RUNNING"  # set for the worker: a post-write hook may run pre-commit, and it us


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """0 where the commit cannot matter, else None."""
    if environ.get(RUNNING) and argv[:1] in (["check"], ["add"]):
        return 0
    if list(argv) not in _PLAIN_ARGUMENTS or environ.get("GIT_WORK_TREE"):
        return None
    if not hasattr(os, "posix_spawnp"):
        return None
    try:
        return _decide(environ)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _decide(environ: Mapping[str, str]) -> int | None:
    toplevel = _toplevel(os.path.realpath(os.getcwd()))
    if toplevel is None or _merging(toplevel):
        return None
    state = _state(toplevel, environ)
    if state is None or os.path.exists(os.path.join(toplevel, "revguard.toml")) != state["local"]:
        return None
    from revguard.observed import Relevance

    matters = Relevance(state["observed"])
    started = [_start_diff(tree, environ) for tree in ("HEAD", state["tree"])]
    outputs = [_finish(pid, pipe) for pid, pipe in started]
    for output in outputs:
        if output is None or any(matters(status, path) for status, path in _changes(output)):
            return None
    return 0


def _toplevel(folder: str) -> str | None:
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _merging(toplevel: str) -> bool:
    git = os.path.join(toplevel, ".git")
    # in a linked worktree .git is a file: its own MERGE_HEAD lies elsewhere
    return not os.path.isdir(git) or os.path.exists(os.path.join(git, "MERGE_HEAD"))


def _state(toplevel: str, environ: Mapping[str, str]) -> Any:
    import json

    from revguard import __version__, cachedir

    folder = cachedir.repository_folder(cachedir.cache_folder(environ), toplevel)
    with open(os.path.join(folder, NAME), encoding="utf-8") as stream:
        state = json.load(stream)
    return state if state["version"] == __version__ else None


def _start_diff(tree: str, environ: Mapping[str, str]) -> tuple[int, int]:
    reading, writing = os.pipe()
    argv = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "diff-index", "--cached"]
    argv += ["--raw", "-z", "--no-renames", "--ignore-submodules=none", tree, "--"]
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


def remember(folder: str, tree: str, observed: Any, local: bool) -> None:
    """Write down what the next commit's quick way out needs; `tree` is the judged one."""
    import json

    from revguard import __version__

    state = {"version": __version__, "tree": tree, "observed": observed, "local": local}
    _replace(os.path.join(folder, NAME), json.dumps(state))


def forget(folder: str) -> None:
    """Nothing is known any more: the next commit is judged."""
    try:  # noqa: SIM105  (contextlib costs the quick way out 2 ms)
        os.unlink(os.path.join(folder, NAME))
    except OSError:
        pass


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
