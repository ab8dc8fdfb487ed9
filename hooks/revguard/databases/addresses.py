"""An ephemeral database in, the ways to name it to other programs out: a URL, parts, variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from revguard.databases import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from revguard.databases.network import Connection
    from revguard.databases.providing import Database

# of the user's own environ, where they would lead a program elsewhere
ELSEWHERE = (
    "PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGOPTIONS", "PGSSLMODE",
    "PGREQUIREAUTH", "PGREQUIREPEER", "PGTARGETSESSIONATTRS",
)  # fmt: skip


def values(database: Database, driver: str) -> dict[str, str]:
    """What the placeholders stand for; a part that such a database does not have is empty."""
    place = _place(database)
    host, port = str(place.get("host") or ""), str(place.get("port") or "")
    socket = str(place.get("socket") or (host if host.startswith("/") else ""))
    own_socket = str(database.url.get("socket") or database.url.get("host") or "")
    if not socket and own_socket.startswith("/"):
        socket = own_socket
    return {
        "url": url(place, driver, database.dialect),
        "host": host,
        "port": port,
        "user": str(place.get("username") or ""),
        "password": str(place.get("password") or ""),
        "database": str(place.get("database") or ""),
        "socket": socket,
    }


def url(place: Mapping[str, Any], driver: str, dialect: str) -> str:
    """The URL of a database, as SQLAlchemy and its driver read it."""
    database = str(place.get("database") or "")
    if dialect == "sqlite":
        return f"{driver}:///{database}"
    login = quote(str(place.get("username") or ""), safe="")
    if place.get("password"):
        login += ":" + quote(str(place["password"]), safe="")
    host, port, query = str(place.get("host") or ""), place.get("port"), {}
    if place.get("socket"):
        host, port, query = "localhost", None, {"unix_socket": str(place["socket"])}
    elif host.startswith("/"):
        query = {"host": host, "port": str(port)}
        if driver.endswith("+pg8000"):
            query = {"unix_sock": f"{host}/.s.PGSQL.{port}"}
        host, port = "", None
    query.update(place.get("options") or {})
    query.update(place.get("query") or {})
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    asked = f"?{urlencode(query, safe='/')}" if query else ""
    # SQLAlchemy takes what stands there as it is: a server's own file, for some
    return f"{driver}://{login}@{where}/{quote(database, safe='/')}{asked}"


def variables(database: Database) -> dict[str, str]:
    """The environ by which psql, mysql and libraries find it; DATABASE_URL for all others."""
    place = _place(database)
    told = {"DATABASE_URL": url(place, database.dialect, database.dialect)}
    if database.dialect == "postgresql":
        names = {"host": "PGHOST", "port": "PGPORT", "username": "PGUSER", "database": "PGDATABASE"}
        names["password"] = "PGPASSWORD"  # noqa: S105
    elif database.dialect in ("mysql", "mariadb"):
        names = {"host": "MYSQL_HOST", "port": "MYSQL_TCP_PORT", "username": "MYSQL_USER"}
        names |= {"socket": "MYSQL_UNIX_PORT", "database": "MYSQL_DATABASE"}
        names["password"] = "MYSQL_PWD"  # noqa: S105
    else:
        names = {}
    given: Mapping[str, Any] = place
    return told | {name: str(given[key]) for key, name in names.items() if given.get(key)}


def connect(database: Database, timeout: float) -> Connection:
    """A login of our own, to any but SQLite; seconds for each answer."""
    if database.login is not None:
        return database.login(timeout)
    place: Mapping[str, Any] = database.url
    host = str(place.get("host") or "localhost")
    login = {"username": place["username"], "database": place["database"]}
    if database.dialect == "postgresql" and host.startswith("/") and not place.get("password"):
        return wire.Connection(f"{host}/.s.PGSQL.{place['port']}", **login, timeout=timeout)
    from revguard.databases import network, remote_tls

    options = place.get("options") or {}
    tls = False if remote_tls.is_forbidden(options) else remote_tls.context(options)
    login |= {"host": host, "password": place.get("password"), "timeout": timeout, "tls": tls}
    if place.get("port"):
        login["port"] = place["port"]
    if database.dialect == "postgresql":
        if host.startswith("/"):
            login["socket"] = f"{host}/.s.PGSQL.{place['port']}"
        return network.PostgresConnection(**login)
    return network.MysqlConnection(**login, socket=place.get("socket"), several=True)


def _place(database: Database) -> Mapping[str, Any]:
    return database.address or database.url
