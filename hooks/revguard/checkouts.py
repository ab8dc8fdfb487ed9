"""What moved the working tree: a git hook's words or pre-commit's variables in, whether that can
have changed the revision scripts out. Light on purpose: nearly every checkout ends here."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STAGES = ("post-checkout", "post-merge", "post-rewrite")
NAME = "upgrade.json"
# what pre-commit tells the hooks of each stage, and nobody else
_VARIABLES = {
    "PRE_COMMIT_CHECKOUT_TYPE": "post-checkout",
    "PRE_COMMIT_IS_SQUASH_MERGE": "post-merge",
    "PRE_COMMIT_REWRITE_COMMAND": "post-rewrite",
}
_ON_THE_WAY = ("rebase-merge", "rebase-apply", "BISECT_LOG")
_INI = ":(top,glob)**/alembic.ini"
_WITH_VALUE = ("--env", "--allow-host", "--color", "--format")


def stage_of(hook: str, environ: Mapping[str, str]) -> str:
    """The hook that runs us: named on the command line, or by pre-commit; empty by hand."""
    return hook or next((stage for name, stage in _VARIABLES.items() if environ.get(name)), "")


def quick(argv: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """0 where a hook has nothing to upgrade for sure; None where the whole way must tell."""
    words = _understood(argv[1:])
    if words is None:
        return None
    hook, arguments = words
    stage = stage_of(hook, environ)
    top = _toplevel(os.path.realpath(os.getcwd()))
    if not stage or top is None or (arguments and not hook):
        return None
    toplevel, git_dir = top
    if _passes(stage, arguments, environ, git_dir):
        return 0
    refs = _refs(stage, arguments, environ, git_dir)
    paths = _remembered(toplevel, environ)
    if refs is None or not paths:
        return None
    return 0 if _alike(refs, [*(f":(top){path}" for path in paths), _INI], environ) else None


def remember(folder: str, paths: Sequence[str]) -> None:
    """Write down the files and folders that an upgrade depends on, for the next quick way out."""
    import json

    from revguard import __version__

    path = os.path.join(folder, NAME)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump({"version": __version__, "paths": sorted(set(paths))}, stream)
        os.replace(temporary, path)
    except OSError:  # the next one goes the whole way
        return


def _understood(words: Sequence[str]) -> tuple[str, list[str]] | None:
    hook, arguments = "", []
    rest = iter(words)
    for word in rest:
        if word == "--hook":
            hook = next(rest, "")
        elif word in _WITH_VALUE:
            next(rest, "")
        elif word.startswith("-") and word not in ("-q", "--quiet", "-v", "--verbose"):
            return None
        elif not word.startswith("-"):
            arguments.append(word)
    return (hook, arguments) if hook in ("", *STAGES) else None


def _passes(stage: str, arguments: Sequence[str], environ: Mapping[str, str], git_dir: str) -> bool:
    """Whether the working tree is only passing by: files were checked out, a rebase or a bisection
    is at work, or a working tree is being made."""
    at_work = any(os.path.exists(os.path.join(git_dir, name)) for name in _ON_THE_WAY)
    if stage == "post-rewrite":  # a rebase says so at its end, while it still is at work
        return at_work and _word(arguments, 0, environ, "PRE_COMMIT_REWRITE_COMMAND") == "amend"
    if stage == "post-merge":
        return at_work
    before = _word(arguments, 0, environ, "PRE_COMMIT_FROM_REF")
    is_new = bool(before) and not before.strip("0")
    return at_work or is_new or _word(arguments, 2, environ, "PRE_COMMIT_CHECKOUT_TYPE") == "0"


def _refs(
    stage: str, arguments: Sequence[str], environ: Mapping[str, str], git_dir: str
) -> tuple[str, str] | None:
    if stage == "post-checkout":
        before = _word(arguments, 0, environ, "PRE_COMMIT_FROM_REF")
        after = _word(arguments, 1, environ, "PRE_COMMIT_TO_REF")
        return (before, after) if before and after else None
    if stage == "post-merge":
        squashed = _word(arguments, 0, environ, "PRE_COMMIT_IS_SQUASH_MERGE") == "1"
        return None if squashed else ("ORIG_HEAD", "HEAD")  # a squashed one is not committed yet
    if _word(arguments, 0, environ, "PRE_COMMIT_REWRITE_COMMAND") == "amend":
        return ("HEAD@{1}", "HEAD")
    begun = _begun(git_dir)
    return (begun, "HEAD") if begun else None


def _begun(git_dir: str) -> str:
    """The commit that the rebase at work began at. ORIG_HEAD need not be: a `git reset` where the
    rebase had stopped sets it, too."""
    paths = (os.path.join(git_dir, name, "orig-head") for name in _ON_THE_WAY[:2])
    path = next(filter(os.path.isfile, paths), None)
    if path is None:
        return ""
    with open(path, encoding="ascii") as stream:
        return stream.read().strip()


def _word(arguments: Sequence[str], index: int, environ: Mapping[str, str], variable: str) -> str:
    return arguments[index] if index < len(arguments) else environ.get(variable, "")


def _toplevel(folder: str) -> tuple[str, str] | None:
    """The working tree that a folder is in, and its git folder."""
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    git = os.path.join(folder, ".git")
    if os.path.isfile(git):  # a linked working tree
        with open(git, encoding="utf-8", errors="surrogateescape") as stream:
            told = stream.read().partition("gitdir:")[2].strip()
        git = os.path.join(folder, told)
    return folder, git


def _remembered(toplevel: str, environ: Mapping[str, str]) -> list[str]:
    import json

    from revguard import __version__, cachedir

    folder = cachedir.repository_folder(cachedir.cache_folder(environ), toplevel)
    with open(os.path.join(folder, NAME), encoding="utf-8", errors="surrogateescape") as stream:
        state = json.load(stream)
    return [str(path) for path in state["paths"]] if state["version"] == __version__ else []


def _alike(refs: tuple[str, str], paths: Sequence[str], environ: Mapping[str, str]) -> bool:
    argv = ["git", "--no-optional-locks", "diff-tree", "-r", "--quiet", "--no-ext-diff", *refs]
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    pid = os.posix_spawnp("git", [*argv, "--", *paths], dict(environ), file_actions=nowhere)
    return os.waitpid(pid, 0)[1] == 0
