"""The second net: a database driver that is called without SQLAlchemy reaches the ephemeral
database or nothing."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from . import failure

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Callable, Sequence

    from .guard import Guard
    from .observe import Observer

# Where a driver's ways to connect are, functions or methods; "Class.method" for the latter.
_WAYS = {
    "psycopg2": ("connect",),
    "psycopg2cffi": ("connect",),
    "psycopg": ("Connection.connect", "AsyncConnection.connect"),
    "asyncpg.connect_utils": ("_connect",),  # all of asyncpg's ways end there, pools too
    "asyncpg": ("connect",),
    "pg8000": ("connect",),
    "pg8000.dbapi": ("connect",),
    "pg8000.legacy": ("connect",),
    "pg8000.core": ("CoreConnection.__init__",),
    "pymysql.connections": ("Connection.__init__",),
    "MySQLdb.connections": ("Connection.__init__",),
    "MySQLdb._mysql": ("connect",),
    "aiomysql.connection": ("Connection.__init__",),
    "asyncmy.connection": ("Connection.__init__",),
    "mariadb": ("connect",),
    "mariadb.connections": ("Connection.__init__",),
    "mysql.connector.connection": ("MySQLConnection._open_connection",),
    "mysql.connector.connection_cext": ("CMySQLConnection._open_connection",),
    "mysql.connector.aio.connection": ("MySQLConnection.connect",),
    "oracledb": ("connect", "connect_async"),
    "cx_Oracle": ("connect", "Connection.__init__"),
    "firebird.driver": ("connect", "create_database"),
    "firebird.driver.core": ("connect", "create_database"),
    "fdb": ("connect", "create_database"),
    "firebirdsql": ("connect", "create_database"),
    "ibm_db": ("connect", "pconnect"),
    "pyodbc": ("connect",),
    "pymssql": ("connect",),
}
# What the drivers of MySQL call their first arguments; all others name a "dsn" first, or nothing
_POSITIONAL = ("host", "user", "password", "database", "port", "unix_socket")
_MYSQL = ("pymysql", "MySQLdb", "aiomysql", "asyncmy", "mariadb")
_CONNECTOR = "mysql.connector"  # its connections know the place when they open it


def install(guard: Guard, observer: Observer) -> None:
    """Guard the drivers, also those that are imported later."""
    finder = _Finder(guard)
    for name in _WAYS:
        if name in sys.modules:
            finder.wrap(sys.modules[name])
    sys.meta_path.insert(0, finder)
    sys.addaudithook(_watch_sqlite(guard, observer))


class _Finder(importlib.abc.MetaPathFinder):
    """Sees the import of a driver and wraps its ways to connect as soon as they are there."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._busy: set[str] = set()

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders give, its module to be wrapped."""
        if name not in _WAYS or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self.wrap(module)

        loader.exec_module = exec_module

    def wrap(self, module: ModuleType) -> None:
        """Guard the ways to connect of an imported driver."""
        is_connector = module.__name__.startswith(_CONNECTOR)
        driver = _CONNECTOR if is_connector else module.__name__.partition(".")[0]
        for way in _WAYS[module.__name__]:
            owner_name, _, name = way.rpartition(".")
            owner: Any = getattr(module, owner_name, None) if owner_name else module
            if owner is not None and name in vars(owner):
                self._replace(owner, name, driver)
        if module.__name__ == "psycopg":
            module.connect = module.Connection.connect  # type: ignore[attr-defined]

    def _replace(self, owner: Any, name: str, driver: str) -> None:
        function = vars(owner)[name]
        inner = getattr(function, "__func__", function)
        if getattr(inner, "_is_guarded", False):
            return
        is_method = isinstance(owner, type)
        wrapped: Any = _guarded(self._guard, driver, inner, skipped=1 if is_method else 0)
        setattr(owner, name, wrapped if inner is function else type(function)(wrapped))


def _guarded(
    guard: Guard, driver: str, function: Callable[..., Any], skipped: int
) -> Callable[..., Any]:
    """The function, refusing every place but the ephemeral database."""

    @functools.wraps(function)
    def connect(*args: Any, **kwargs: Any) -> Any:
        if not guard.passes and not guard.is_ephemeral(*_told(driver, args, kwargs, skipped)):
            guard.refuse_direct(driver)
        return function(*args, **kwargs)

    connect._is_guarded = True  # type: ignore[attr-defined]
    return connect


def _told(
    driver: str, args: Sequence[Any], kwargs: dict[str, Any], skipped: int
) -> tuple[Sequence[Any], dict[str, Any]]:
    """What a call says about the place, in the words of places.of_call."""
    if driver == _CONNECTOR:
        return (), _of_connector(args[0])
    if driver in _MYSQL:
        return (), {**dict(zip(_POSITIONAL, args[skipped:])), **kwargs}
    return args[skipped:], kwargs


def _of_connector(connection: Any) -> dict[str, Any]:
    """A socket wins over the host, which mysql.connector always has."""
    names = ("unix_socket", "database") if connection._unix_socket else ("host", "port", "database")
    return {name: getattr(connection, f"_{name}") for name in names}


def _watch_sqlite(guard: Guard, observer: Observer) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook (PEP 578): it hears of each file, whatever name ``connect`` goes by."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != "sqlite3.connect" or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        text = os.fsdecode(args[0])
        if text in ("", ":memory:") or text.startswith(("file::memory:", "file:?")):
            return
        path = text[5:].partition("?")[0] if text.startswith("file:") else text
        if guard.is_ephemeral_file(path):
            return
        if os.path.isfile(path) and failure.relative(path, observer.tree):
            observer.note_write()  # data that is part of the commit, and this is a copy of it
            return
        guard.refuse_direct("sqlite3", f" ({path})")

    return hook
