"""What the worker tells of an exception, as text: an account in, what a message shows of it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def said(account: Mapping[str, Any]) -> str:
    """What was raised."""
    return f"{account['type']}: {account['message']}".rstrip(": ")


def first_line(text: str) -> str:
    """Of a message that may have more."""
    return text.strip().partition("\n")[0]


def where(account: Mapping[str, Any]) -> str:
    """The frames of the project that it came by, the last ones."""
    lines = [
        f"\n  {frame['path']}:{frame['line']}  {frame['text'].strip()}"
        for frame in account["frames"][-6:]
    ]
    return "".join(lines)


def told(account: Mapping[str, Any]) -> str:
    """An exception and where it came from."""
    return said(account) + where(account)


def shortened(statement: str, limit: int = 300) -> str:
    """A statement on one line, not too long."""
    return " ".join(statement.split())[:limit]


def tail(log: str) -> str:
    """The last lines of what a worker wrote."""
    return "\n".join("  " + line for line in log.strip().splitlines()[-8:])
