"""Repositories without Alembic, and `revguard init` in them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from revguard import rim


class Repository:
    """A repository that stands under git, and what `init` says of it."""

    def __init__(self, top, capsys):
        self.top, self._capsys = top, capsys

    def write(self, files):
        for name, text in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def git(self, *words):
        done = subprocess.run(["git", *words], cwd=self.top, check=True, capture_output=True)
        return done.stdout.decode()

    def commit(self, message="more"):
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def run(self, *words):
        """The exit code, and what was said on standard output and on standard error."""
        self._capsys.readouterr()
        code = rim.run(["init", *words])
        return code, *self._capsys.readouterr()

    def init(self, *words):
        """What it says to a machine; it has to succeed."""
        code, said, complaint = self.run("--format", "json", *words)
        assert code == 0, said + complaint
        return json.loads(said)

    def text(self, name):
        return (self.top / name).read_text(encoding="utf-8")

    def status(self):
        return self.git("status", "--porcelain").splitlines()


@pytest.fixture
def repository(tmp_path, cache_dir, monkeypatch, capsys, warm_workers):
    """Make a repository with these files, committed, and stand in it or in a folder of it."""
    programs = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", programs + os.pathsep + os.environ["PATH"])

    def make(files, *, name="shop", folder=""):
        one = Repository(tmp_path / name, capsys)
        one.top.mkdir()
        one.git("init", "-q")
        one.write(files)
        one.commit("start")
        monkeypatch.chdir(Path(one.top, folder))
        return one

    return make


def said(answer, topic):
    """What it says of a topic, in one text."""
    return "\n".join(step["said"] for step in answer["steps"] if step["topic"] == topic)


def hints(answer, topic):
    """What it advises."""
    return "\n".join(step["hint"] for step in answer["steps"] if step["topic"] == topic)
