"""`pre-commit install`: a repository in, what it said out."""

from __future__ import annotations

import shutil
import sys

from revguard import subprocesses
from revguard.init.steps import Step
from revguard.staging import plumbing
from revguard.staging.repository import Repository


def install(repo: Repository) -> Step:
    """Install the hooks that .pre-commit-config.yaml names, by prek where only that is there."""
    path = repo.environ.get("PATH")
    program = shutil.which("pre-commit", path=path) or shutil.which("prek", path=path)
    argv = [program] if program else [sys.executable, "-m", "pre_commit"]
    environ = plumbing.outside(repo.environ)
    done = subprocesses.run([*argv, "install"], cwd=repo.toplevel, environ=environ)
    lines = [*done.text().splitlines(), *done.error_text().splitlines()]
    said = "; ".join(line.strip() for line in lines if line.strip())
    if done.returncode == 0:
        return Step(topic="install", said=said or "the hooks are installed")
    return Step(topic="problem", said=f"`pre-commit install` failed: {said}")
