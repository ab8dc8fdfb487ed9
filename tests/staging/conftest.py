"""Real repositories, and a real pre-commit hook that calls the staging functions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOK = Path(__file__).with_name("hook_script.py")


class Git:
    """A working tree to work in: `git("commit", "-m", "x")`, `git.write("a/b.py", "...")`."""

    def __init__(self, path):
        self.path = Path(path)

    def run(self, *args, **kwargs):
        environ = {**os.environ, **kwargs.pop("environ", {})}
        return subprocess.run(
            ["git", *args], cwd=self.path, env=environ, capture_output=True, **kwargs
        )

    def __call__(self, *args, **kwargs):
        done = self.run(*args, **kwargs)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return os.fsdecode(done.stdout).rstrip("\n")

    def write(self, path, content="x\n"):
        full = self.path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content if isinstance(content, bytes) else content.encode())
        return full

    def commit(self, files, message="more"):
        for path, content in files.items():
            self.write(path, content)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")

    def status(self, *args):
        return self("status", "--porcelain", *args).splitlines()

    def hook(self, *actions, name="pre-commit"):
        """Install a hook that runs these actions; what it saw comes from `seen()`."""
        folder = Path(self("rev-parse", "--path-format=absolute", "--git-common-dir")) / "hooks"
        folder.mkdir(exist_ok=True)
        self.report = self.path.parent / "seen.json"
        words = " ".join(f"'{word}'" for word in (sys.executable, HOOK, self.report, *actions))
        (folder / name).write_text(f"#!/bin/sh\nexec {words}\n")
        (folder / name).chmod(0o755)

    def seen(self):
        return json.loads(self.report.read_text())

    def without_hooks(self):
        folder = Path(self("rev-parse", "--path-format=absolute", "--git-common-dir")) / "hooks"
        for name in ("pre-commit", "pre-merge-commit"):
            (folder / name).unlink(missing_ok=True)


def new(path, *options):
    path.mkdir(parents=True)
    git = Git(path)
    git("init", "-q", *options)
    return git


@pytest.fixture
def empty(tmp_path):
    """A repository without a commit."""
    return new(tmp_path / "project")


@pytest.fixture
def git(empty):
    """A repository with one commit of a few files."""
    empty.commit(
        {
            "models.py": "a = 1\n",
            "other.py": "b = 1\n",
            "gone.py": "c = 1\n",
            "old/name.py": "d = 1\n" * 20,
            "versions/0001.py": "revision = '0001'\n",
        },
        "first",
    )
    return empty


@pytest.fixture
def new_repository():
    return new


@pytest.fixture
def git_in():
    return Git
