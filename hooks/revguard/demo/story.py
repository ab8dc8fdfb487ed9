"""What is shown: a stage and a kind of database in, the demo's acts played on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import git

from revguard.demo import shop
from revguard.demo.serving import Kind
from revguard.demo.stage import Stage
from revguard.errors import CouldNotCheck

_COMMIT = 'git commit -am "Ask customers for their email"'
_ELSEWHERE = "DATABASE_URL=sqlite:///shop.db"


def play(stage: Stage, kind: Kind, *, quiet: bool) -> None:
    """Play all acts. CouldNotCheck where one does not come out as it must."""
    with _opened(stage.folder, kind) as repo:
        play = _Play(stage, kind, repo, quiet=quiet)
        play.open()
        play.blocked()
        play.added()
        play.proven()
        play.ordinary()


def _opened(folder: str, kind: Kind) -> git.Repo:
    """The shop's repository with its first commit, by a user who is this repository's only."""
    os.mkdir(folder)
    _write(folder, shop.files(kind))
    repo = git.Repo.init(folder)
    repo.git.symbolic_ref("HEAD", "refs/heads/main")
    with repo.config_writer() as config:
        config.set_value("user", "name", "A Shopkeeper")
        config.set_value("user", "email", "shopkeeper@example.com")
        config.set_value("commit", "gpgsign", "false")
    repo.git.add("--all")
    repo.index.commit("Open the shop")
    return repo


def _write(folder: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class _Play:
    def __init__(self, stage: Stage, kind: Kind, repo: git.Repo, *, quiet: bool) -> None:
        self._stage = stage
        self._kind = kind
        self._repo = repo
        self._quiet = quiet
        self._first = repo.head.commit

    def open(self) -> None:
        title = f"A small shop in a throw-away repository: SQLAlchemy, Alembic, {self._kind.title}"
        self._tell(f"{title}.")
        if self._kind.note and not self._quiet:
            self._stage.say(f"(Not on PostgreSQL: {self._kind.note})\n")
        self._stage.command("cat .pre-commit-config.yaml")
        self._stage.command("pre-commit install")

    def blocked(self) -> None:
        self._tell("1. A model changes. Nobody thinks of the revision.")
        _write(self._stage.folder, {shop.MODELS: shop.models_with_email()})
        self._stage.command("git diff")
        self._stage.command(_COMMIT, code=1)
        if self._repo.head.commit != self._first:
            raise CouldNotCheck("the demo's commit was to be blocked, and was made")

    def added(self) -> None:
        self._tell("2. The other hook: it writes the revision, proves it, and adds it.")
        _write(self._stage.folder, {shop.HOOKS: shop.hooks("add")})
        self._stage.command(f"git diff {shop.HOOKS}")
        self._stage.command(_COMMIT)
        self._stage.command("git show --stat --format=%s")
        self._stage.command("git status --short --branch")
        brought = self._first.diff(self._repo.head.commit)
        added = [one.b_path or "" for one in brought if one.new_file]
        if not any(path.startswith(shop.VERSIONS) for path in added):
            raise CouldNotCheck("the demo's commit has no revision script")

    def proven(self) -> None:
        where = "a file" if self._kind.provider == "sqlite" else "a server"
        self._tell(f"3. How it was proven, on {where} of its own.")
        if self._kind.provider != "sqlite" and not self._quiet:
            self._stage.say(f"(alembic.ini says {self._kind.url}: nobody connects to that.)\n")
        self._stage.command("revguard check --tree HEAD --all -v")

    def ordinary(self) -> None:
        self._tell("4. What is left is an ordinary Alembic script. Here it meets a SQLite file.")
        self._stage.command(f"{_ELSEWHERE} alembic upgrade head")
        self._stage.command(f"{_ELSEWHERE} alembic current")

    def _tell(self, text: str) -> None:
        if not self._quiet:
            self._stage.heading(f"{text}\n")
