"""The configured database let through: what env.py connects to in, the same connection out, where
its host is allowed; read-only, where only a look was asked for."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from . import guard, places, reading
from .failure import Abort, shorten

if TYPE_CHECKING:
    from typing import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.engine.interfaces import Dialect

_TRIALS = 2  # a database that env.py makes itself fails once; a loop that waits for one fails on
_SECONDS = 5
_TIMEOUTS = {
    "psycopg2": "connect_timeout",
    "psycopg": "connect_timeout",
    "psycopg_async": "connect_timeout",
    "asyncpg": "timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "aiomysql": "connect_timeout",
    "asyncmy": "connect_timeout",
    "mysqlconnector": "connection_timeout",
    "mariadbconnector": "connect_timeout",
}
# what the clients take for a host that nobody named
_VARIABLES = {
    "postgresql": ("PGHOSTADDR", "PGHOST", "PGSERVICE"),
    "mysql": ("MYSQL_HOST",),
    "mariadb": ("MYSQL_HOST",),
}
_ENGINE, _CREATOR = "engine", "creator"  # whose connection it is
_PASSWORDS = ("password", "passwd", "password1", "password2", "password3")


class Unreachable(Abort):
    """The database does not answer, or lets nobody in."""


class Denied(Abort):
    """The database is on a host that nobody allowed."""


class Admission(guard.Guard):
    """Lets connections through. `read_only`: for a look; else only to hosts that are allowed."""

    def __init__(
        self, *, read_only: bool, allowed: Sequence[str] | None = None, creates: bool = False
    ) -> None:
        """Without a list of `allowed` hosts any is. `creates`: a SQLite file may be made."""
        super().__init__(lambda _dialect: {})
        self.read_only = read_only
        self.secrets: set[str] = set()
        self.place = ""  # that was connected to last
        self._allowed = allowed
        self._creates = creates
        self._failed = 0
        self._failure: BaseException | None = None  # of the last that failed
        self._own = threading.local()
        self._addresses: set[str] = set()  # of SQLite files, as they are opened for reading

    def install(self) -> None:
        """Let the connections of all engines and pools through, also of those made later."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.pool import Pool

        event.listen(Engine, "do_connect", self._on_connect)
        self._wrap_creators(Pool)
        if self.read_only:
            event.listen(Engine, "before_cursor_execute", reading.only, retval=True)
            sys.addaudithook(self._watch_files)

    def scrub(self, text: str) -> str:
        """The text without a password that a connection was made with."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def unreachable(self, error: BaseException) -> Unreachable | None:
        """The failed connection that an error comes from; None for any other reason."""
        cause: BaseException | None = error
        while cause is not None:
            if cause is self._failure:
                return Unreachable(str(cause))
            cause = cause.__cause__ or cause.__context__
        return None

    def _on_connect(
        self, dialect: Dialect, _record: Any, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        self._note(dialect, args, kwargs)
        self._admit(args, kwargs, dialect.name)
        if self.read_only:
            reading.refuse_unknown(dialect.name)
        if dialect.name == "sqlite" and not self._creates:
            self._refuse_missing(args, kwargs)
        if self.read_only and dialect.name == "sqlite":
            args, kwargs = reading.sqlite_arguments(args, kwargs)
            self._addresses.add(args[0])
        name = _TIMEOUTS.get(dialect.driver)
        if name:
            kwargs.setdefault(name, _SECONDS)
        with self._inside(_ENGINE):
            return self._made(dialect, lambda: dialect.connect(*args, **kwargs))

    def _refuse_missing(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        name = os.fsdecode(args[0] if args else kwargs["database"])
        path = reading.path_of(name)
        if not reading.is_in_memory(name) and not os.path.isfile(path):
            raise Unreachable(f"there is no file {os.path.abspath(path)}")

    def _made(self, dialect: Any, connect: Callable[[], Any]) -> Any:
        try:
            connection = connect()
        except Exception as error:
            self._failed += 1
            self._failure = error
            if self.read_only or self._failed >= _TRIALS:
                raise Unreachable(str(error) or type(error).__name__) from error
            raise
        self.connections += 1
        if self.read_only:
            reading.make_read_only(dialect, connection)
        return connection

    def _wrap_creators(self, pool_class: Any) -> None:
        """An engine with ``creator=`` never asks do_connect."""
        # not __init__: create_engine() reads off its signature which arguments are the pool's
        original = vars(pool_class)["_creator"]

        def assign(pool: Any, creator: Any) -> None:
            if getattr(creator, "__module__", "") not in guard._CREATOR_MODULES:
                creator = self._creator_for(pool, creator)
            original.fset(pool, creator)

        pool_class._creator = property(original.fget, assign, original.fdel)

    def _creator_for(self, pool: Any, creator: Any) -> Callable[..., Any]:
        def create(record: Any = None) -> Any:
            dialect = getattr(pool, "_dialect", None)
            if self.read_only and not hasattr(dialect, "create_connect_args"):
                self.refuse("a pool without an engine was refused: it cannot be made read-only")
            if self.read_only:
                reading.refuse_unknown(dialect.name)  # type: ignore[union-attr]
            with self._inside(_CREATOR):
                return self._made(dialect, lambda: pool._should_wrap_creator(creator)(record))

        return create

    @contextlib.contextmanager
    def _inside(self, whose: str) -> Iterator[None]:
        """A connection of SQLAlchemy's: the driver below it is not refused."""
        before = self._whose()
        self._own.inside = whose
        try:
            yield
        finally:
            self._own.inside = before

    def _whose(self) -> str:
        return str(getattr(self._own, "inside", ""))

    def is_ephemeral(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether a driver may be called so."""
        if self._whose() == _ENGINE:
            return True
        self._note_secrets(kwargs)
        self._admit(args, kwargs, "")
        return not self.read_only or self._whose() == _CREATOR

    def is_ephemeral_file(self, path: str) -> bool:  # noqa: ARG002
        """Whether a file may be opened: a look has a hook of its own, which knows how it is."""
        return True

    def _watch_files(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook: a SQLite file is opened as it was told here, or by a creator."""
        if event != "sqlite3.connect" or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(args[0])
        if reading.is_in_memory(name):
            return
        path = reading.path_of(name)
        if not os.path.isfile(path):
            raise Unreachable(f"there is no file {path}")
        if name not in self._addresses and self._whose() != _CREATOR:
            self.refuse_direct("sqlite3", f" ({path})")

    def refuse_direct(self, driver: str, detail: str = "") -> None:
        """Raise Refused for a direct call of a driver."""
        self.refuse(
            f"a connection opened directly with {driver}{detail} was refused: only one of an "
            "SQLAlchemy engine can be made read-only"
        )

    def _admit(self, args: Sequence[Any], kwargs: Mapping[str, Any], dialect: str) -> None:
        if self._allowed is None or dialect == "sqlite":
            return
        hosts = places.hosts_of_call(args, kwargs) or _default_hosts(dialect)
        if not hosts and dialect and dialect not in _VARIABLES:
            hosts = [dialect]  # a spelling that nobody here can read: no host is this one for sure
        for host in hosts:
            if not is_here(host) and host not in self._allowed:
                raise Denied(host)

    def _note(self, dialect: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._note_secrets(kwargs)
        if dialect.name == "sqlite":
            self.place = f"sqlite:///{args[0] if args else kwargs.get('database', '')}"
            return
        host = ",".join(places.hosts_of_call(args, kwargs) or _default_hosts(dialect.name))
        user = kwargs.get("user") or kwargs.get("username") or ""
        database = kwargs.get("dbname") or kwargs.get("database") or kwargs.get("db") or ""
        port = f":{kwargs['port']}" if kwargs.get("port") else ""
        self.place = f"{dialect.name}://{user}{'@' if user else ''}{host}{port}/{database}"

    def _note_secrets(self, kwargs: Mapping[str, Any]) -> None:
        found = (kwargs.get(name) for name in _PASSWORDS)
        self.secrets.update(one for one in found if isinstance(one, str) and len(one) > 2)


def _default_hosts(dialect: str) -> list[str]:
    """What a client that is told no host takes; of all clients, where the dialect is not known."""
    known = _VARIABLES.get(dialect, ()) if dialect else sum(_VARIABLES.values(), ())
    told = [os.environ[name] for name in known if os.environ.get(name)]
    return [host for one in told for host in one.split(",")]


def is_here(host: str) -> bool:
    """Whether a host is this machine for sure: a socket, a loopback address, or its name.

    Other names are not looked up: one that leads to a tunnel resolves to loopback, too.
    """
    if host in ("", "localhost") or host.startswith(("/", "@")) or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def said(error: BaseException) -> str:
    """The first line of what a driver says of a connection that failed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shorten(lines[0] if lines else type(error).__name__, 300)
