"""Logins for the launcher, to a server that only the project's own driver speaks to: one command a
line in, one answer a line out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from . import odbc

if TYPE_CHECKING:
    from typing import Callable, TextIO

    from .channel import Channel


def serve(commands: TextIO, events: TextIO) -> None:
    """Until nobody asks any more."""
    from .channel import Channel, Closed

    with contextlib.suppress(Closed):
        _serve(Channel(commands, events))
    os._exit(0)  # a driver's threads may not keep us


def _serve(channel: Channel) -> None:
    session: _Session | None = None
    request = channel.receive()
    while True:
        try:
            if session is None:
                session = _Session(request)  # the first names the driver
                answer = {"version": ""}
            else:
                answer = session.answer(request)
        except Exception as error:  # noqa: BLE001  whatever a driver raises is told as data
            answer = {"error": _said(error)}
        request = channel.ask("answer", **answer)


class _Session:
    """One driver, and at most one login by it."""

    def __init__(self, request: dict[str, Any]) -> None:
        from sqlalchemy.engine.url import URL
        from sqlalchemy.exc import NoSuchModuleError

        self._name = request["driver"]
        try:
            dialect_class: Any = URL.create(self._name).get_dialect()
        except NoSuchModuleError:  # some name their driver otherwise than in a URL
            self._name = self._name.partition("+")[0]
            dialect_class = URL.create(self._name).get_dialect()
        load = getattr(dialect_class, "import_dbapi", None) or dialect_class.dbapi
        load()
        self._is_async = bool(getattr(dialect_class, "is_async", False))
        self._loop: Any = None
        self._engine: Any = None
        self._connection: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What one command comes to."""
        does: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "login": self._login, "query": self._query, "tables": self._tables,
            "close": self._close,
        }  # fmt: skip
        run = does[request["do"]]
        if not self._is_async:
            return run(request)
        import asyncio

        from sqlalchemy.util.concurrency import greenlet_spawn

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        found: dict[str, Any] = self._loop.run_until_complete(greenlet_spawn(run, request))
        return found

    def _login(self, request: dict[str, Any]) -> dict[str, Any]:
        from sqlalchemy import create_engine
        from sqlalchemy.engine.url import URL
        from sqlalchemy.pool import NullPool

        self._close(request)
        place = request["place"]
        url = URL.create(self._name, **place)
        self._engine = create_engine(url, poolclass=NullPool)
        asked = odbc.query(self._engine.dialect, ())
        if asked:
            url = URL.create(self._name, **{**place, "query": asked})
            self._engine = create_engine(url, poolclass=NullPool)
        connection = self._engine.connect()
        with contextlib.suppress(Exception):  # a dialect may have none
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        self._connection = connection
        told = getattr(self._engine.dialect, "server_version_info", None) or ()
        return {"version": ".".join(str(part) for part in told if isinstance(part, int))}

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        result = self._connection.exec_driver_sql(request["statement"])
        rows = [list(row) for row in result] if result.returns_rows else []
        if hasattr(self._connection, "commit"):  # SQLAlchemy 2: whatever the dialect commits
            self._connection.commit()
        return {"rows": [[None if one is None else str(one) for one in row] for row in rows]}

    def _tables(self, _request: dict[str, Any]) -> dict[str, Any]:
        from sqlalchemy import inspect

        found: Any = inspect(self._connection)
        return {"rows": [[name] for name in found.get_table_names()]}

    def _close(self, _request: dict[str, Any]) -> dict[str, Any]:
        for name, end in (("_connection", "close"), ("_engine", "dispose")):
            held = getattr(self, name)
            setattr(self, name, None)
            if held is not None:
                with contextlib.suppress(Exception):  # the server may be what ended it
                    getattr(held, end)()
        return {}


def _said(error: BaseException) -> str:
    """The driver's own words: SQLAlchemy puts its own, a link and the statement around them."""
    told = getattr(error, "orig", None) or error
    return f"{type(told).__name__}: {told}"
