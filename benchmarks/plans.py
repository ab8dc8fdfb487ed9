"""Monorepos of many environments, to plan: a number in, a committed repository out."""

from __future__ import annotations

import subprocess
from pathlib import Path

_INI = "[alembic]\nscript_location = migrations\nprepend_sys_path = .\nsqlalchemy.url = sqlite://\n"
_ENV = """from alembic import context

from {name}.models import Base
from common.naming import convention

context.configure(target_metadata=Base.metadata)
"""
_MODELS = """from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base

from common.base import Mixin
from {name} import settings

Base = declarative_base()


class Thing(Mixin, Base):
    __tablename__ = "{name}_things"
    id = Column(Integer, primary_key=True)
"""
_REVISION = "revision = '{n}'\ndown_revision = {down!r}\n\n\ndef upgrade():\n    pass\n"
_COMMON = ("base", "naming", "types", "audit", "clock")


def monorepo(folder: Path, services: int) -> Path:
    """Services with models, settings and five revisions each, and a library that all import."""
    for name in _COMMON:
        _write(folder / f"libs/common/common/{name}.py", "class Mixin:\n    pass\n" * 20)
    _write(folder / "libs/common/common/__init__.py", "")
    for number in range(services):
        _service(folder / f"services/s{number}", f"s{number}")
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "services")
    return folder


def _service(folder: Path, name: str) -> None:
    _write(folder / "alembic.ini", _INI)
    _write(folder / "migrations/env.py", _ENV.format(name=name))
    for n in range(5):
        text = _REVISION.format(n=n, down=str(n - 1) if n else None)
        _write(folder / f"migrations/versions/{n}.py", text)
    for module in ("__init__", "settings", "views", "tasks"):
        _write(folder / f"{name}/{module}.py", "import json\n\nVALUE = 1\n" * 10)
    _write(folder / f"{name}/models.py", _MODELS.format(name=name))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True)
