"""A MariaDB or MySQL in, whether the folder of one database is all that it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.databases.wire import ServerError

if TYPE_CHECKING:
    from revguard.databases.network import Connection

SYSTEM = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
# MariaDB's; nothing of MySQL's tells a global value that was set from one that is the default
_SET = "SELECT 1 FROM information_schema.SYSTEM_VARIABLES WHERE GLOBAL_VALUE_ORIGIN = 'SQL' LIMIT 1"
_NO_SUCH_TABLE = ("1109", "1146")


def databases(connection: Connection) -> frozenset[str]:
    """All but the server's own."""
    found = (str(row[0]) for row in connection.query("SHOW DATABASES"))
    return frozenset(name for name in found if name.lower() not in SYSTEM)


def is_alone(connection: Connection, *ours: str) -> bool:
    """Whether a revision or a bootstrap has left nothing but what is in our databases.

    Another database would have to be kept at the same moment as ours, which nothing does, and a
    global variable that was SET is forgotten with the server.
    """
    return databases(connection) <= {*ours} and not _has_set(connection)


def _has_set(connection: Connection) -> bool:
    try:
        return bool(connection.query(_SET))
    except ServerError as error:
        if error.code not in _NO_SUCH_TABLE:
            raise
        return False
