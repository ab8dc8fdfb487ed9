"""What is configured and makes no difference is said, in reports and by `doctor`."""

import json
import subprocess
import sys

import pytest

from revguard import config, rim
from revguard.config import EnvironmentSettings, Settings
from revguard.evaluation import inert

ENV = """\
from alembic import context
from sqlalchemy import Column, Integer, MetaData, Table, create_engine

metadata = MetaData()
Table("things", metadata, Column("id", Integer, primary_key=True))
with create_engine("sqlite:///things.db").connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
FILES = {
    "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\nsqlalchemy.url = sqlite://\n",
    "migrations/env.py": ENV,
    "migrations/script.py.mako": "revision = ${repr(up_revision)}\ndown_revision = None\n"
    "from alembic import op\nimport sqlalchemy as sa\n"
    "def upgrade():\n    ${upgrades}\ndef downgrade():\n    ${downgrades}\n",
}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('prove = ["upgrade"]', "`prove`"),
        ("prove = []", "`prove`"),
        ('prove = ["upgrade", "round-trip", "rows"]', "`prove`"),
        ('rules = { "models/duplicate-table" = "error" }', "models/duplicate-table"),
        ('rules = { "squawk/ban-drop-column" = "error" }', "squawk/ban-drop-column"),
    ],
)
def test_is_noted(said, name):
    settings = config.load({"revguard.toml": said.encode()})
    environment = settings.environments.get("shop", settings.defaults)
    (note,) = inert.notes(settings, environment)
    assert name in note
    assert "this version does not" in note


@pytest.mark.parametrize(
    ("provider", "noted"),
    [
        ("local", True),
        ("embedded", True),
        ("sqlite", True),
        ("server:x", True),
        ("docker", False),
        ("docker:postgres:16", False),
        ("podman", False),
        ("auto", False),
    ],
)
def test_keep_is_for_containers(provider, noted):
    environment = EnvironmentSettings(keep=600, database="auto")
    found = inert.notes(Settings(), environment, provider)
    assert [note.startswith("`keep` is configured") for note in found] == [True] * noted


@pytest.mark.parametrize(
    "said",
    [
        "",
        'one-per = "branch"',
        'one-per = "commit"\nrenames = "ask"\nkeep = "0"\nlock = true',
        'renames = "source"',
        'renames = "never"',
        'prove = ["upgrade", "round-trip"]',
        'prove = ["upgrade", "round-trip", "rows", "locks"]',
        'rules = { "models/probable-rename" = "off", "proof/downgrade-fails" = "error" }',
        'python = "python3"\ndatabase = "local"\ntimeout = 5\nbase = "main"',
    ],
)
def test_is_not_noted(said):
    settings = config.load({"revguard.toml": said.encode()})
    assert inert.notes(settings, settings.defaults) == ()


def test_nothing_is_noted_of_the_defaults():
    assert inert.notes(Settings(), EnvironmentSettings()) == ()


@pytest.fixture
def project(tmp_path, cache_dir, monkeypatch):
    """A project without a revision, whose configuration says what makes no difference."""
    settings = f"[tool.revguard]\npython = {json.dumps(sys.executable)}\nprove = []\n"
    for name, text in (FILES | {"pyproject.toml": settings}).items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "shop/migrations/versions").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    for command in (["git", "init", "-q"], ["git", "add", "."]):
        subprocess.run(command, check=True)


def test_in_every_report(project, capsys):
    said = "`prove` is configured, and this version does not act on it"
    assert rim.run(["check"]) == 1
    assert f"note: {said}" in capsys.readouterr().out
    # the same content once more: from the cache, and said once
    assert rim.run(["check", "--format", "json"]) == 1
    (environment,) = json.loads(capsys.readouterr().out)["environments"]
    assert [note.startswith(said) for note in environment["notes"]] == [True]
    assert rim.run(["check", "-q"]) == 1
    assert "note" not in capsys.readouterr().out


def test_by_doctor(project, capsys):
    assert rim.run(["doctor"]) == 0
    assert "note:          `prove` is configured" in capsys.readouterr().out
