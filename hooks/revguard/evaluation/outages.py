"""The server or the machine gave out, which says nothing about a revision: an account in, the
error out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from revguard.errors import CouldNotCheck
from revguard.evaluation import accounts

_EXHAUSTED = ("53", "58")  # SQLSTATE: insufficient resources, system error
_MYSQL_EXHAUSTED = {
    "3", "1021", "1026", "1037", "1038", "1041", "1114", "1135", "2008",
}  # fmt: skip
_MYSQL_LOST = {"1053", "1077", "1927", "2002", "2003", "2006", "2013", "2055", "4031"}
_FULL = re.compile(r"database or disk is full|disk I/O error|No space left on device|error: 28\b")
_LOST = re.compile(
    r"closed the connection|connection (was|is|already)? ?closed|terminating connection"
    r"|[Cc]onnection refused|reset by peer|Broken pipe|connection to server"
)


def of_lost_connection(account: Mapping[str, Any]) -> bool:
    """Whether the account tells that the database went away."""
    code = account.get("code", "")
    is_lost = code in _MYSQL_LOST or code.startswith("57P")
    return is_lost or bool(_LOST.search(account["message"]))


def of_server(said: str) -> CouldNotCheck:
    """The error for a database server that was killed, with its last words."""
    tail = "".join(f"\n  {line}" for line in said.splitlines())
    return CouldNotCheck(
        f"the ephemeral database server ended in the middle of the work:{tail}",
        hint="Was it killed, or is there not enough memory? Then try again.",
    )


def refuse_exhausted(account: Mapping[str, Any]) -> None:
    """CouldNotCheck where the machine's means ended: that says nothing about a revision."""
    code = account.get("code", "")
    is_exhausted = code in _MYSQL_EXHAUSTED or (len(code) == 5 and code.startswith(_EXHAUSTED))
    if is_exhausted or _FULL.search(account["message"]):
        said = accounts.first_line(account["message"])
        raise CouldNotCheck(
            f"there is not enough space or memory to go on: {said}",
            hint="Free some, or name another folder in REVGUARD_CACHE_DIR.",
        )
