"""Exceptions of the project as data: kind, message, and the frames that are the project's own."""

from __future__ import annotations

import os
import traceback
from typing import Any

from . import settings


class Abort(BaseException):
    """Ends a run of env.py from inside (not an Exception: retry loops must let it pass)."""


class Refused(Exception):  # noqa: N818  (users read the name in their tracebacks)
    """A connection that would have left the ephemeral database."""


class Offline(Exception):  # noqa: N818
    """env.py gives Alembic a URL and no connection: it would write SQL and run none."""


class Misconfigured(Exception):  # noqa: N818  (users read the name in their tracebacks)
    """A setting of revguard's that cannot be used; ``remedy`` says what mends it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class RefusedAgain(BaseException):
    """The same once more: a loop that retries on any Exception would never end."""


def shorten(text: str, limit: int = 4000) -> str:
    """At most ``limit`` characters, the middle left out."""
    if len(text) <= limit:
        return text
    return text[: limit // 2] + "\n...\n" + text[-limit // 2 :]


def describe(error: BaseException, tree: str, toplevel: str) -> dict[str, Any]:
    """A JSON-ready account of ``error``: type, message, frames inside the tree, cause's missing
    module or statement where there is one."""
    message = str(error).replace(tree + os.sep, "").replace(tree, toplevel)
    frames = _frames(error, tree)[-12:]
    return {
        "type": type(error).__name__,
        "message": shorten(settings.without_values(message)),
        "frames": frames,
        "settings": _settings(error, frames, tree),
        "chain": _chain(error),
        "module": error.name if isinstance(error, ImportError) else None,
        "statement": shorten(str(getattr(error, "statement", "") or ""), 2000),
        "code": _database_code(error),
        "remedy": getattr(error, "remedy", "") if isinstance(error, Misconfigured) else "",
    }


def _settings(
    error: BaseException, frames: list[dict[str, Any]], tree: str
) -> list[dict[str, str]]:
    """The variables that were asked for; an exception of the project may be of any form."""
    absolute = [{**frame, "path": os.path.join(tree, frame["path"])} for frame in frames]
    try:
        return settings.asked_for(error, absolute)
    except Exception:  # noqa: BLE001
        return []


def _frames(error: BaseException, tree: str) -> list[dict[str, Any]]:
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = "" if frame.filename.startswith("<") else relative(frame.filename, tree)
        if path:
            text = frame.line or ""
            frames.append({"path": path, "line": frame.lineno, "name": frame.name, "text": text})
    if isinstance(error, SyntaxError) and error.filename:
        path = relative(error.filename, tree)
        if path:
            text = error.text or ""
            frames.append({"path": path, "line": error.lineno or 0, "name": "", "text": text})
    return frames


def relative(path: str, tree: str) -> str:
    """The path in the tree, with slashes; empty for one that is outside."""
    path = os.path.realpath(path)
    if not path.startswith(tree + os.sep):
        return ""
    return os.path.relpath(path, tree).replace(os.sep, "/")


def _chain(error: BaseException) -> list[str]:
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(names) < 8:
        names.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return names


def _database_code(error: BaseException) -> str:
    """SQLSTATE (PostgreSQL) or the server's number (MySQL), as text; empty where there is none."""
    original = getattr(error, "orig", None)
    for source in (original, getattr(original, "__cause__", None)):
        for name in ("pgcode", "errno", "sqlstate"):  # mysql.connector has both of the latter
            value = getattr(source, name, None)
            if value:
                return str(value)
        arguments = getattr(source, "args", ())
        if arguments and isinstance(arguments[0], int):
            return str(arguments[0])
    return ""
