"""A PostgreSQL that the user named: databases made, copied and dropped by a plain role."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from revguard.databases import remote_refusals, remote_tls, wire
from revguard.databases.network import PostgresConnection
from revguard.databases.providing import UnavailableError, Url
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    import ssl

    from revguard.databases.remote_url import Target

_ALONE_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
_FORCE = 130000  # DROP DATABASE ... WITH (FORCE) from there on
_ELSEWHERE = ("postgres", "template1")
_NOT_THERE = {"3D000", "42501"}  # no such database, no right to connect to it
_IN_USE = "55006"
_APPLICATION = "revguard {run}"
# a role's own settings may end a login that waits while the project's revisions run
_UNHURRIED = """\
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
 ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout')"""
_COUNT = "SELECT count(*) FROM pg_stat_activity WHERE "
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
_NAMES = r"""
SELECT datname FROM pg_database
 WHERE datname LIKE 'revguard\_%' AND pg_has_role(datdba, 'MEMBER') ORDER BY datname"""
# Their value is a list of names, each quoted by itself, as pg_dump knows
_LISTS = {
    *("search_path", "temp_tablespaces", "local_preload_libraries"),
    *("session_preload_libraries", "shared_preload_libraries", "unix_socket_directories"),
}
_SETTINGS = """\
SELECT coalesce(rolname, ''), unnest(setconfig) FROM pg_db_role_setting
  JOIN pg_database ON pg_database.oid = setdatabase LEFT JOIN pg_roles ON pg_roles.oid = setrole
 WHERE datname = {source}"""
_PRIVILEGES = """\
SELECT coalesce(rolname, ''), privilege_type, is_grantable::int
  FROM pg_database, aclexplode(datacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
 WHERE datname = {source} ORDER BY 1, 2"""
_ABOUT = """\
SELECT shobj_description(oid, 'pg_database'), pg_get_userbyid(datdba), (datacl IS NULL)::int
  FROM pg_database WHERE datname = {name}"""


class PostgresAdministration:
    """One login, to a database that is there; nothing in it is touched."""

    def __init__(self, target: Target, *, run: str, timeout: float) -> None:
        self._target = target
        self._run = run
        self._connection = self._log_in(timeout)
        self._query = self._connection.query
        self.version = self._connection.parameters.get("server_version", "").split(" ")[0]
        self._number = int(self._value("SHOW server_version_num"))
        self._query(_UNHURRIED)

    def close(self) -> None:
        """Say good-bye; the run is not shown to live any more."""
        self._connection.close()

    def now(self) -> str:
        """The server's own clock."""
        return self._value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS')")

    def names(self) -> list[str]:
        """Those of roles that this one is a member of."""
        return [str(row[0]) for row in self._query(_NAMES)]

    def lives(self, name: str, run: str) -> bool:
        """A login tells its run by its application's name, for all to see."""
        shown = wire.literal(_APPLICATION.format(run=run))
        where = f"datname = {wire.literal(name)} OR application_name = {shown}"
        return self._value(_COUNT + where) != "0"

    def claim(self, name: str) -> None:
        """The application's name says it already."""

    def create(self, name: str) -> None:
        """As the server's administrators prepared template1; empty where that is in use."""
        try:
            self._query(f"CREATE DATABASE {wire.name(name)}")
        except ServerError as error:
            if error.code != _IN_USE:
                raise
            self._query(f"CREATE DATABASE {wire.name(name)} TEMPLATE template0")

    def copy(self, source: str, target: str) -> None:
        """With its own settings, comment and privileges."""
        self.throw_out(source)
        self._query(f"CREATE DATABASE {wire.name(target)} TEMPLATE {wire.name(source)}")
        for statement in self._belongings(source, target):
            self._query(statement)

    def throw_out(self, database: str) -> None:
        """End this role's sessions in a database; CREATE DATABASE itself waits for the others."""
        visitors = (
            f"datname = {wire.literal(database)} "
            "AND usename = current_user AND pid <> pg_backend_pid()"
        )
        self._query(_END + visitors)
        until = time.monotonic() + _ALONE_SECONDS
        while self._value(_COUNT + visitors) != "0" and time.monotonic() < until:
            time.sleep(0.005)

    def drop(self, name: str) -> None:
        """Who is in it is thrown out, as far as this role may."""
        if self._number < _FORCE:
            self.throw_out(name)
        force = " WITH (FORCE)" if self._number >= _FORCE else ""
        self._query(f"DROP DATABASE IF EXISTS {wire.name(name)}{force}")

    def missing(self, extensions: frozenset[str]) -> frozenset[str]:
        """Those that are not installed on the server's machine."""
        if not extensions:
            return frozenset()
        there = {row[0] for row in self._query("SELECT name FROM pg_available_extensions")}
        return extensions - there

    def url(self, name: str) -> Url:
        """With all that the project's driver needs."""
        target = self._target
        url = Url(
            host=target.host or target.socket,
            port=target.port,
            username=target.username,
            password=target.password,
            database=name,
        )
        if target.options and not target.socket:
            url["options"] = dict(target.options)
        return url

    def drop_command(self, name: str) -> str:
        """For psql."""
        force = " WITH (FORCE)" if self._number >= _FORCE else ""
        return f"DROP DATABASE {wire.name(name)}{force};"

    def refusal(self, error: Exception) -> CouldNotCheck:
        """In words."""
        return remote_refusals.of_postgresql(error, self._target)

    def _log_in(self, timeout: float) -> PostgresConnection:
        """To the URL's own database, else to one that is there for this."""
        wanted = [self._target.database, *_ELSEWHERE]
        first: Exception | None = None
        for database in dict.fromkeys(filter(None, wanted)):
            found = self._tried(database, timeout)
            if isinstance(found, PostgresConnection):
                return found
            first = first or found
            if not isinstance(found, ServerError) or found.code not in _NOT_THERE:
                break
        assert first is not None
        raise remote_refusals.of_postgresql(first, self._target) from first

    def _tried(self, database: str, timeout: float) -> PostgresConnection | Exception:
        target = self._target
        socket = f"{target.socket}/.s.PGSQL.{target.port}" if target.socket else None
        try:
            return PostgresConnection(
                host=target.host,
                port=target.port,
                socket=socket,
                username=target.username,
                password=target.password or "",  # pg8000 stumbles where it is asked for one
                database=database,
                timeout=timeout,
                patience=max(timeout, _PATIENCE_SECONDS),
                tls=self._tls(socket),
                application=_APPLICATION.format(run=self._run),
            )
        except UnavailableError as reason:
            raise CouldNotCheck(str(reason)) from None
        except Exception as error:  # noqa: BLE001 - another server's answer may confuse pg8000
            return error

    def _tls(self, socket: str | None) -> ssl.SSLContext | bool | None:
        if socket or remote_tls.is_forbidden(self._target.options):
            return False
        return remote_tls.context(self._target.options)

    def _belongings(self, source: str, target: str) -> list[str]:
        """Statements for what belongs to a database and yet is not copied with it."""
        ours, theirs = wire.name(target), wire.literal(source)
        statements = []
        for role, setting in self._query(_SETTINGS.format(source=theirs)):
            name, _, value = str(setting).partition("=")
            spelled = value if name.lower() in _LISTS else wire.literal(value)
            whose = f"ROLE {wire.name(str(role))} IN DATABASE" if role else "DATABASE"
            statements.append(f"ALTER {whose} {ours} SET {_setting(name)} TO {spelled}")
        [(comment, owner, plain)] = self._query(_ABOUT.format(name=theirs))
        if comment is not None:
            statements.append(f"COMMENT ON DATABASE {ours} IS {wire.literal(comment)}")
        if plain != "1":
            statements.append(f"REVOKE ALL ON DATABASE {ours} FROM PUBLIC, CURRENT_USER")
            for role, privilege, grantable in self._query(_PRIVILEGES.format(source=theirs)):
                grantee = wire.name(str(role)) if role else "PUBLIC"
                option = " WITH GRANT OPTION" if grantable == "1" else ""
                statements.append(f"GRANT {privilege} ON DATABASE {ours} TO {grantee}{option}")
        [(_, own, _)] = self._query(_ABOUT.format(name=wire.literal(target)))
        if owner != own:
            statements.append(f"ALTER DATABASE {ours} OWNER TO {wire.name(str(owner))}")
        return statements

    def _value(self, statement: str) -> str:
        return str(self._query(statement)[0][0])


def _setting(name: str) -> str:
    """A setting's name; an extension's has a point in it."""
    return ".".join(wire.name(part) for part in re.split(r"\.", name))
