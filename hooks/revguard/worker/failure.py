"""Exceptions of the project as data: the kind, the message, and the frames that are the project's."""

import os
import traceback


class Abort(BaseException):
    """Ends a run of env.py from inside (not an Exception: retry loops must let it pass)."""


class Refused(Exception):
    """A connection that would have left the ephemeral database."""


def shorten(text, limit=4000):
    """At most ``limit`` characters, the middle left out."""
    if len(text) <= limit:
        return text
    return text[: limit // 2] + "\n...\n" + text[-limit // 2 :]


def describe(error, tree, toplevel):
    """A JSON-ready account of ``error``: type, message, frames inside the tree, cause's missing
    module or statement where there is one."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.realpath(frame.filename)
        if not frame.filename.startswith("<") and path.startswith(tree + os.sep):
            frames.append(
                {
                    "path": os.path.relpath(path, tree).replace(os.sep, "/"),
                    "line": frame.lineno,
                    "name": frame.name,
                    "text": frame.line or "",
                }
            )
    message = str(error).replace(tree + os.sep, "").replace(tree, toplevel)
    if isinstance(error, SyntaxError) and error.filename:
        path = os.path.realpath(error.filename)
        if path.startswith(tree + os.sep):
            relative = os.path.relpath(path, tree).replace(os.sep, "/")
            frames.append(
                {"path": relative, "line": error.lineno or 0, "name": "", "text": error.text or ""}
            )
    chain = []
    cause = error
    while cause is not None and len(chain) < 8:
        chain.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return {
        "type": type(error).__name__,
        "message": shorten(message),
        "frames": frames[-12:],
        "chain": chain,
        "module": getattr(error, "name", None) if isinstance(error, ImportError) else None,
        "statement": shorten(str(getattr(error, "statement", "") or ""), 2000),
        "code": _database_code(error),
    }


def _database_code(error):
    """SQLSTATE (PostgreSQL) or the driver's number, as text; empty where there is none."""
    original = getattr(error, "orig", None)
    for source in (original, getattr(original, "__cause__", None)):
        for name in ("pgcode", "sqlstate"):
            value = getattr(source, name, None)
            if value:
                return str(value)
    return ""
