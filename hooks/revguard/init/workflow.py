"""The workflow: what the repository is built with in, .github/workflows/revguard.yml out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import revguard
from revguard.init import hookentry
from revguard.init.steps import Step

PATH: Final = ".github/workflows/revguard.yml"
_FOLDER: Final = ".github/workflows/"
# a file of another service: who has it, has its pipeline there
_ELSEWHERE: Final[Mapping[str, str]] = {
    ".gitlab-ci.yml": "GitLab CI",
    "bitbucket-pipelines.yml": "Bitbucket Pipelines",
    "azure-pipelines.yml": "Azure Pipelines",
    "Jenkinsfile": "Jenkins",
    ".circleci/config.yml": "CircleCI",
    ".woodpecker.yml": "Woodpecker",
    ".drone.yml": "Drone",
}
_USES: Final = re.compile(r"uses:\s*[\"']?(actions/(?:checkout|setup-python)@[\w.-]+)")
_USUAL: Final = ("actions/checkout@v6", "actions/setup-python@v6")
COMMAND: Final = 'revguard check --from-ref "origin/$GITHUB_BASE_REF" --to-ref HEAD'

_TEXT: Final = """\
# Is there one proven revision for each model change of a pull request?
name: revguard

on: pull_request

permissions: {{}}

concurrency:
  group: revguard-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  revguard:
    runs-on: ubuntu-latest
    permissions:
      contents: read
{rights}    steps:
      - uses: {checkout}
        with:
          fetch-depth: 0  # the whole range, and what has landed
          persist-credentials: false
      - uses: {setup}
        with:
          python-version: "{python}"
{install}{judge}"""
# what a release has, another version has not: a tag of the action
_ACTION: Final = "      - uses: revguard/revguard@v{version}\n"
_RIGHTS: Final = "      pull-requests: write  # for the comment\n"
_PLAIN: Final = "      - run: pip install revguard\n      - run: {command}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """How a project is installed, as its files tell."""

    home: str  # the folder that they lie in
    files: frozenset[str]  # of the repository
    python: str  # "3.12"
    texts: Mapping[str, bytes]  # workflows that are there
    remotes: tuple[str, ...]  # URLs


def step(project: Project) -> Step:
    """What is to be done: the new file, or why there is none."""
    named = [path for path, text in project.texts.items() if b"revguard" in text]
    if named:
        return Step(topic="workflow", said=f"{named[0]} runs revguard already")
    elsewhere = _elsewhere(project)
    if elsewhere:
        said = f"none written: {elsewhere}"
        hint = "let it run `revguard check --from-ref BASE --to-ref HEAD` on what is to be merged"
        return Step(topic="workflow", said=said, hint=hint)
    return Step(
        topic="workflow",
        said=f"writes {PATH}: judges each pull request",
        path=PATH,
        before=None,
        after=_text(project).encode("utf-8"),
    )


def workflows(files: frozenset[str]) -> list[str]:
    """The workflows among the files of the repository."""
    return [
        path
        for path in sorted(files)
        if path.startswith(_FOLDER) and path.endswith((".yml", ".yaml"))
    ]


def _elsewhere(project: Project) -> str:
    """Why GitHub's runners are not where this project is built; empty where they may be."""
    if any(path.startswith(".github/") for path in project.files):
        return ""
    for path, name in _ELSEWHERE.items():
        if path in project.files:
            return f"{path} says that it is built by {name}"
    hosts = [host for host in map(_host, project.remotes) if host]
    if hosts and not any("github" in host for host in hosts):
        return f"the remote lies at {hosts[0]}, not at GitHub"
    return ""


def _host(url: str) -> str:
    found = re.match(r"(?:\w+://)(?:[^@/]*@)?([^/:]+)|(?:[^@/]+@)([^/:]+):", url)
    return (found[1] or found[2]) if found and not url.startswith("file:") else ""


def _text(project: Project) -> str:
    install = "".join(f"      - run: {command}\n" for command in _install(project))
    checkout, setup = (_used(project, usual) for usual in _USUAL)
    return _TEXT.format(
        checkout=checkout, setup=setup, python=project.python, install=install, judge=_judge(),
        rights=_RIGHTS if hookentry.is_release() else "",
    )  # fmt: skip


def _judge() -> str:
    if hookentry.is_release():
        return _ACTION.format(version=revguard.__version__)
    return _PLAIN.format(command=COMMAND)


def _used(project: Project, usual: str) -> str:
    """The version of the action that the project's other workflows use, or the usual one."""
    name = usual.partition("@")[0]
    found = [
        one
        for text in project.texts.values()
        for one in _USES.findall(text.decode("utf-8", "replace"))
        if one.partition("@")[0] == name
    ]
    return max(set(found), key=found.count) if found else usual


def _install(project: Project) -> list[str]:
    """The commands that install the project, in its own way."""

    def has(name: str) -> bool:
        return _join(project.home, name) in project.files

    there = f" --directory {_quoted(project.home)}" if project.home else ""
    # revguard finds the virtualenvs that uv and poetry make
    if has("uv.lock"):
        return ["pip install uv", f"uv sync --frozen{there}"]
    if has("poetry.lock"):
        return ["pip install poetry", f"poetry install --no-root{there}"]
    for name in ("requirements.txt", "requirements/base.txt", "requirements/requirements.txt"):
        if has(name):
            return [f"pip install -r {_quoted(_join(project.home, name))}"]
    if has("pyproject.toml") or has("setup.py"):
        return [f"pip install {_quoted(project.home or '.')}"]
    return ["pip install sqlalchemy alembic"]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path
