"""A server of the project's own kind, and commands run against a fresh database of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """Where it listens: what the placeholders of `environ` stand for, without the database."""

    dialect: str
    driver: str
    parts: Mapping[str, str]
    folder: Path

    def fresh(self, name: str) -> dict[str, str]:
        """A new database; what `{url}`, `{host}`... stand for."""
        if self.dialect == "sqlite":
            path = str(self.folder / f"{name}.db")
            return {**dict.fromkeys(self.parts, ""), "database": path, "url": f"sqlite:///{path}"}
        self._make(name)
        parts = {**self.parts, "database": name}
        url = "{driver}://{user}:{password}@{host}:{port}/{database}"
        return {**parts, "url": url.format(driver=self.driver, **parts)}

    def _make(self, name: str) -> None:
        where = ["-h", self.parts["host"], "-P", self.parts["port"], "-u", self.parts["user"]]
        command = ["mariadb", *where, "-e", f"CREATE DATABASE {name}"]
        if self.dialect == "postgresql":
            where = ["-h", self.parts["host"], "-p", self.parts["port"], "-U", self.parts["user"]]
            command = ["createdb", *where, name]
        secret = {"PGPASSWORD": self.parts["password"], "MYSQL_PWD": self.parts["password"]}
        subprocess.run(command, env={**os.environ, **secret}, check=True)


@contextlib.contextmanager
def running(dialect: str, driver: str) -> Iterator[Server]:
    """A server that runs while we measure, without fsync, as ours are."""
    from revguard import databases
    from revguard.databases import addresses
    from revguard.runs import Run

    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    try:
        with Run(base / "cache") as run:
            setting = "sqlite" if dialect == "sqlite" else "local"
            choice = databases.choose(setting, dialect, environ=os.environ, network=True)
            with databases.start(choice, run=run) as found:
                found.wait()
                parts = addresses.values(found.database(), driver or dialect)
                yield Server(dialect, driver or dialect, parts, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def filled(environ: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The variables with the placeholders' values in them."""
    return {name: _filled(value, values) for name, value in environ.items()}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
