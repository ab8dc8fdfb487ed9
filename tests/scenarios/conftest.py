"""Shops in real repositories, whose virtualenv is not the one that revguard runs in."""

import json
import textwrap
from pathlib import Path

import pytest

import revguard
from revguard import databases

from . import flasks, machine
from .shop import Reports, Shop, files


@pytest.fixture(scope="session")
def virtualenv():
    """The project's virtualenv: Alembic, SQLAlchemy and a driver; no revguard."""
    return machine.virtualenv(*machine.PROJECT_NEEDS)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """This repository as pre-commit sees it; installed once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "published"
    folder.mkdir(exist_ok=True)
    return machine.published(folder)


@pytest.fixture(scope="session")
def reports():
    schema = Path(revguard.__file__).with_name("report.schema.json")
    return Reports(json.loads(schema.read_text()))


@pytest.fixture(scope="session")
def postgresql(require):
    """Whether there is a PostgreSQL to be had."""
    try:
        databases.choose("auto", "postgresql", environ=machine.plain_environ())
    except databases.CouldNotCheck as reason:
        require(False, f"PostgreSQL ({reason})")


@pytest.fixture
def shop(tmp_path, virtualenv, request):
    """``shop()``: a committed shop. Options: dialect, folder, commit=False, those of files()."""
    made = []

    def make(dialect="sqlite", *, folder="", commit=True, more=(), **options):
        if dialect == "postgresql":
            request.getfixturevalue("postgresql")
        path = tmp_path / (f"shop{len(made)}" if made else "shop")
        path.mkdir()
        one = Shop(path, virtualenv, folder)
        one.git("init", "-q")
        one.write({**files(dialect, **options), **dict(more)})
        if commit:
            one.commit_all("first")
        made.append(one)
        return one

    return make


@pytest.fixture
def made(tmp_path):
    """``made(files)``: a committed shop with these files besides the usual ones."""

    def make(more, *, without=(), **options):
        path = tmp_path / "shop"
        path.mkdir()
        one = Shop(path, machine.virtualenv(*machine.EVERY_WAY_NEEDS))
        one.git("init", "-q")
        every = {**files(**options), **{name: dedented(text) for name, text in more.items()}}
        one.write({name: text for name, text in every.items() if name not in without})
        one.commit_all("first")
        return one

    return make


def dedented(text):
    return textwrap.dedent(text).lstrip("\n")


@pytest.fixture
def flask_shop(tmp_path):
    """``flask_shop(files)``: a committed shop with the layout of Flask-Migrate."""

    def make(more, version=4, folder="", template="flask"):
        virtualenv = machine.virtualenv(*machine.FLASK_NEEDS[version])
        path = tmp_path / "shop"
        path.mkdir()
        one = Shop(path, virtualenv, folder)
        one.git("init", "-q")
        one.write({**flasks.files(virtualenv, template), **more})
        one.commit_all("first")
        return one

    return make
