"""Real virtualenvs without pip, in which packages are made of their metadata alone."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest


class Virtualenv:
    """A virtualenv of the running Python; Alembic and SQLAlchemy by metadata unless told."""

    def __init__(self, prefix, alembic="1.13.0", sqlalchemy="2.0.30"):
        venv.EnvBuilder(symlinks=True).create(prefix)
        self.prefix = str(prefix)
        self.bin = str(prefix / "bin")
        self.python = str(prefix / "bin" / "python")
        (self.packages,) = prefix.glob("lib/python3*/site-packages")
        if alembic:
            self.install("alembic", alembic)
        if sqlalchemy:
            self.install("SQLAlchemy", sqlalchemy)

    def install(self, name, version, folder=None):
        info = Path(folder or self.packages) / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def make():
    return Virtualenv


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit and a folder services/billing."""
    top = tmp_path / "shop"
    (top / "services" / "billing").mkdir(parents=True)
    (top / "services" / "billing" / "alembic.ini").write_text("")
    subprocess.run(["git", "init", "-q", top], check=True)
    subprocess.run(["git", "-C", top, "add", "."], check=True)
    subprocess.run(["git", "-C", top, "commit", "-qm", "first"], check=True)
    return top


@pytest.fixture
def hook_prefix(tmp_path, make):
    """What pre-commit makes for our hook: it has Alembic, and is not the project's."""
    prefix = tmp_path / "cache" / "pre-commit" / "repo123" / "py_env-python3"
    prefix.mkdir(parents=True)
    return make(prefix)


@pytest.fixture
def environ(tmp_path):
    """An environ that knows no virtualenv, and no Python at all."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {**kept, "PATH": str(tmp_path / "empty")}


@pytest.fixture
def program(tmp_path):
    """Write an executable shell script: `program(path, body)`."""

    def write(path, body):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write


assert sys.platform != "win32", "the layout of a virtualenv is POSIX's here"
