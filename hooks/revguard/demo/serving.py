"""Which database the demo can have: an environ in, a URL for alembic.ini and its provider out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from revguard import cachedir, databases, runs
from revguard.errors import RevguardError

# by the module, as a URL names them; only a driver of the project can speak to its database
_DRIVERS = {"psycopg": "psycopg", "psycopg2": "psycopg2"}
_PROVIDERS = ("local", "embedded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A dialect that can be served here."""

    title: str  # "PostgreSQL 18.6"
    url: str  # for alembic.ini; of PostgreSQL one that leads nowhere
    provider: str  # as the configuration names it
    note: str = ""  # why it is not PostgreSQL


def choose(environ: Mapping[str, str]) -> Kind:
    """PostgreSQL where a driver is installed and a server really starts, else SQLite."""
    driver = _driver()
    if driver is None:
        said = "no driver for PostgreSQL is installed beside revguard"
        return _sqlite(f"{said};\n`pip install 'revguard[postgres]'` brings one, and a server")
    refused = []
    for provider in _PROVIDERS:
        version, why = _tried(provider, environ)
        if version:
            url = f"postgresql+{driver}://shop@database.invalid/shop"
            return Kind(title=f"PostgreSQL {version}", url=url, provider=provider)
        refused.append(why)
    return _sqlite("\n".join(refused))


def _tried(provider: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The version of the provider's server, or why it cannot be had."""
    try:
        return _started(provider, environ), ""
    except RevguardError as error:
        return "", error.message


def _sqlite(note: str) -> Kind:
    return Kind(title="SQLite", url="sqlite:///shop.db", provider="sqlite", note=note)


def _driver() -> str | None:
    from sqlalchemy import __version__

    for module, name in _DRIVERS.items():
        if module == "psycopg" and __version__.startswith("1."):
            continue  # SQLAlchemy 2.0 was the first to know it
        try:
            importlib.import_module(module)
        except ImportError:  # also where it is installed and libpq is not
            continue
        return name
    return None


def _started(provider: str, environ: Mapping[str, str]) -> str:
    """The version of a server that was started to see that it does; its data folder is kept."""
    choice = databases.choose(provider, "postgresql", environ=environ)
    with (
        runs.Run(cachedir.cache_dir(environ)) as run,
        databases.start(choice, run=run) as server,
    ):
        server.wait()
        return server.database().server_version
