"""Where a revision is that the working tree does not have: an id in, the commit that has its script
and the way back out."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass

from revguard.environments import Environment
from revguard.evaluation.subject import Subject
from revguard.history.graph import Graph
from revguard.staging import plumbing, trees

_PLAIN = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A commit that has the script. `branch` is empty where none has the script any more, as after
    a squash."""

    revision: str
    commit: str
    path: str
    branch: str
    remote: str  # whose branch it is; empty for one of this repository
    target: str  # to which its history is to be taken back: the last that both have

    @property
    def name(self) -> str:
        """What to check out, as git shows it."""
        return "/".join(filter(None, (self.remote, self.branch))) or self.commit[:12]


def find(
    subject: Subject, environment: Environment, locations: tuple[str, ...], revision: str
) -> Elsewhere | None:
    """The newest commit of all branches and of the reflogs whose script has this revision."""
    if not locations or not _PLAIN.fullmatch(revision):
        return None
    named = _named(subject, locations, revision)
    if named is None:
        return None
    commit, path = named
    tree = trees.tree_of(subject.repo, commit)
    there = subject.graph(tree, locations, recursive=environment.recursive)
    here = subject.graph(subject.tree, locations, recursive=environment.recursive)
    remote, branch = _branch(subject, commit, path)
    return Elsewhere(
        revision=revision,
        commit=commit,
        path=path,
        branch=branch,
        remote=remote,
        target=_common(there, here, revision),
    )


def _named(subject: Subject, locations: tuple[str, ...], revision: str) -> tuple[str, str] | None:
    pattern = f"^revision[^=]*=[ ]*['\"]{re.escape(revision)}['\"]"
    done = plumbing.run(
        subject.repo, "log", "--all", "--reflog", "-1", "--diff-filter=AMR", "--no-renames",
        "--no-ext-diff", "--no-textconv", "--format=%H", "--name-only", "-z", f"-G{pattern}", "--",
        *locations,
    )  # fmt: skip
    commit, _, files = os.fsdecode(done.stdout).partition("\0")
    paths = [name for name in files.lstrip("\n").split("\0") if name]
    if done.returncode != 0 or not paths:
        return None
    return commit, next((name for name in paths if revision in name), paths[0])


def _branch(subject: Subject, commit: str, path: str) -> tuple[str, str]:
    """Remote and name of a branch that has the commit and the script still, one of this repository
    first."""
    words = ("for-each-ref", f"--contains={commit}", "--format=%(refname)")
    done = plumbing.run(subject.repo, *words, "refs/heads", "refs/remotes")
    names = done.text().splitlines() if done.returncode == 0 else []
    for name in sorted(names):  # refs/heads/ comes before refs/remotes/
        asked = ("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}:{path}")
        if plumbing.run(subject.repo, *asked).returncode != 0:
            continue
        _, kind, rest = name.split("/", 2)
        if kind == "heads":
            return "", rest
        remote, _, branch = rest.partition("/")
        if branch != "HEAD":
            return remote, branch
    return "", ""


def _common(there: Graph, here: Graph, revision: str) -> str:
    """The last revision before this one that the working tree has too; base where none is."""
    shared = [name for name in there.ancestors(revision) if name in here]
    found = there.heads_of(shared)
    return found[0] if len(found) == 1 else "base" if not found else ""


def command(found: Elsewhere, environment: Environment) -> str:
    """What to type to leave the revision behind; empty where no single command does it."""
    if not found.target:
        return ""
    switch = f"git switch {found.branch}" if found.branch else f"git checkout {found.name}"
    back = f"{alembic(environment)} downgrade {found.target}"
    if environment.root and not environment.flask:
        back = f"(cd {shlex.quote(environment.root)} && {back})"
    return f"{switch} && {back} && git switch -"


def alembic(environment: Environment) -> str:
    """The beginning of an `alembic` command for an environment, in its root."""
    if environment.flask:
        return "flask db"
    words = ["alembic"]
    config = posixpath.relpath(environment.config or "alembic.ini", environment.root or ".")
    if config not in ("alembic.ini", "pyproject.toml"):
        words += ["-c", shlex.quote(config)]
    if environment.section != "alembic":
        words += ["-n", shlex.quote(environment.section)]
    words += [f"-x {shlex.quote(one)}" for one in environment.settings.x]
    return " ".join(words)
