"""Every connection goes to the ephemeral database or nowhere.

Two nets: SQLAlchemy's engines (by URL, parts, ``creator``, ``async_creator``) are *redirected*;
a driver that is called directly (drivers.py) is *refused*, unless it is told the ephemeral
database's own address.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from . import odbc, places, secured, spelling
from .failure import Refused, RefusedAgain

if TYPE_CHECKING:
    from typing import Callable, Hashable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.pool import Pool

# What names the place that is connected to, or how to be let in there, per driver family; all
# else a caller passes is kept (options, server_settings, row factories, detect_types ...).
_PLACE = {
    "host", "hostaddr", "port", "user", "username", "password", "passfile", "passwd", "database",
    "dbname", "db", "dsn", "conninfo", "service", "servicefile", "unix_sock", "unix_socket",
    "channel_binding", "requirepeer", "requiressl", "require_auth", "target_session_attrs",
    "direct_tls", "load_balance_hosts", "source_address", "async_creator_fn", "bind_address",
    "read_default_file", "read_default_group", "default_file", "default_group", "option_files",
    "option_groups", "failover", "dns_srv", "named_pipe", "auth_plugin", "auth_plugin_map",
    "server_public_key", "password1", "password2", "password3", "sock",
    "server", "service_name", "sid", "instance_name", "config_dir", "wallet_location",
    "wallet_password", "access_token", "externalauth", "proxy_user", "pool_alias", "params",
}  # fmt: skip
# a socket on this machine has none of it
_SECURED = ("ssl", "tls", "gss", "krb", "kerberos", "oci_", "openid_", "fido", "webauthn")
# libpq and libmysqlclient take these for what a caller leaves out; PGHOSTADDR even wins over a host
_VARIABLES = (
    "PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGREQUIREPEER", "PGREQUIREAUTH",
    "PGSSLMODE", "PGREQUIRESSL", "PGSSLNEGOTIATION", "PGSSLCERTMODE", "PGCHANNELBINDING",
    "PGGSSENCMODE", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS",
    "MYSQL_PWD", "MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT",
)  # fmt: skip
_FLAGS = {"client_flag", "client_flags"}  # SQLAlchemy adds to those that a URL has
_CREATOR_MODULES = ("sqlalchemy.engine.create", "sqlalchemy.engine.strategies")
_READABLE = ("postgresql", "mysql", "mariadb", "sqlite")  # by places.py
_PATIENCE = 5  # refusals: after that a loop is tried no longer


class Guard:
    """Holds where connections may go; ``provide`` is asked once, at the first connection."""

    def __init__(
        self,
        provide: Callable[[Dialect], dict[str, Any]],
        tell: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self._provide = provide
        self._tell = tell
        self._lock = threading.RLock()
        self._passing = threading.local()
        self._strings: set[str] = set()  # by which drivers were led to the ephemeral database
        self._database: dict[str, Any] | None = None
        self._provide_each: Callable[[Dialect], dict[str, Any]] | None = None
        self._each: dict[Hashable, dict[str, Any]] = {}  # by the place that was asked for
        self._asked: dict[int, tuple[Dialect, Hashable]] = {}  # what an engine connects to
        self.address: dict[str, Any] | None = None  # of the ephemeral database, told ahead
        self.pools: weakref.WeakSet[Pool] = weakref.WeakSet()  # of every engine
        self.connections = 0
        self.refused: list[str] = []

    def forget(self) -> None:
        """The next connection asks again, also of an engine that keeps its connections for the
        next run of env.py: the database was copied or set back, which ended them."""
        self._database = None
        for pool in self.pools:
            pool._invalidate_time = time.time()

    @property
    def dialect(self) -> str:
        """That of the ephemeral database, once it was asked for."""
        return str(self._database["dialect"]) if self._database else ""

    def separate(self, provide: Callable[[Dialect], dict[str, Any]]) -> None:
        """From now on each place that is connected to has a database of its own."""
        self._provide_each = provide
        self.forget()

    def note_place(self, dialect: Dialect, place: Hashable) -> None:
        """Where an engine would connect to; each has a dialect of its own."""
        self._asked[id(dialect)] = (dialect, place)

    def place_of(self, dialect: Dialect) -> Hashable:
        """What the engine of this dialect connected to, had it not been turned; None: unknown."""
        return self._asked.get(id(dialect), (dialect, None))[1]

    def _of_place(self, dialect: Dialect) -> dict[str, Any]:
        assert self._provide_each is not None
        place = self.place_of(dialect)
        if place not in self._each:
            self._each[place] = self._provide_each(dialect)
        return self._each[place]

    def database(self, dialect: Dialect) -> dict[str, Any]:
        """The ephemeral database for an engine of this dialect; Refused for another kind."""
        if self._provide_each is not None:
            with self._lock:
                return self._of_place(dialect)
        with self._lock:
            if self._database is None:
                self._database = self._provide(dialect)
            database = self._database
        if spelling.kind(dialect) != database["dialect"]:
            self.refuse(
                f"a {spelling.kind(dialect)} connection was refused: the ephemeral database is "
                f"{database['dialect']}"
            )
        return database

    def redirected(
        self, dialect: Dialect, given: Mapping[str, Any], first: Sequence[Any] = ()
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a connect turned to the ephemeral database, what is no address kept."""
        place = self.database(dialect)["url"]
        url = _url(dialect, place, odbc.query(dialect, [*first, given.get("dsn")]))
        positional, named = dialect.create_connect_args(url)
        kept = {key: value for key, value in given.items() if not _is_place(key)}
        kept.update({key: value for key, value in named.items() if key not in _FLAGS})
        for key in _FLAGS.intersection(named):
            kept.setdefault(key, named[key])
        if str(place.get("host") or "").startswith("/"):
            _name_socket(dialect.driver, place, kept)
        kept.update(secured.arguments(dialect.driver, place.get("options") or {}))
        self.connections += 1
        self._strings.update(one for one in (*positional, kept.get("dsn")) if isinstance(one, str))
        return list(positional), kept

    @contextlib.contextmanager
    def passing(self, dialect: Dialect) -> Iterator[None]:
        """A stretch of this thread in which a driver whose arguments nobody here can read is called
        with some of ours."""
        before = getattr(self._passing, "on", False)
        self._passing.on = spelling.kind(dialect) not in _READABLE
        try:
            yield
        finally:
            self._passing.on = before

    @property
    def passes(self) -> bool:
        """Whether this thread is in such a stretch."""
        return bool(getattr(self._passing, "on", False))

    def is_ephemeral(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether the arguments of a driver's connect name the ephemeral database."""
        texts = [one for one in (*args[:1], kwargs.get("dsn")) if isinstance(one, str)]
        if self._strings.intersection(texts):
            return True
        known = [one["url"] for one in self._known() if one["dialect"] != "sqlite"]
        called = places.of_call(args, kwargs) if known else None
        return called is not None and called in map(places.of_url, known)

    def is_ephemeral_file(self, path: str) -> bool:
        """Whether this is the file of the ephemeral database."""
        files = [one["url"]["database"] for one in self._known() if one["dialect"] == "sqlite"]
        return os.path.realpath(path) in [os.path.realpath(str(file)) for file in files]

    def _known(self) -> list[dict[str, Any]]:
        known = (self.address, self._database, *self._each.values())
        return [one for one in known if one is not None]

    def refuse_direct(self, driver: str, detail: str = "") -> None:
        """Raise Refused for a direct call of a driver."""
        self.refuse(
            f"a connection opened directly with {driver}{detail} was refused: only the ephemeral "
            "database may be connected to; go through an SQLAlchemy engine or `op.get_bind()`"
        )

    def refuse(self, message: str) -> None:
        """Raise Refused; a loop that tries again and again is ended for good."""
        self.refused.append(message)
        self._tell(message)
        if len(self.refused) >= _PATIENCE:
            raise RefusedAgain(message)
        raise Refused(message)


def _is_place(name: str) -> bool:
    return name in _PLACE or name.startswith(_SECURED)


def _url(dialect: Dialect, place: Mapping[str, Any], asked: Mapping[str, str]) -> URL:
    from sqlalchemy.engine.url import URL

    name = f"{dialect.name}+{dialect.driver}"
    if dialect.name == "sqlite":
        return URL.create(name, database=place["database"])
    host = place.get("host")
    is_socket = str(host or "").startswith("/")
    query = {"host": str(host)} if is_socket else {**(place.get("query") or {}), **asked}
    if place.get("socket"):
        query = {"unix_socket": str(place["socket"])}
    return URL.create(
        name,
        username=place.get("username"),
        password=place.get("password"),
        host=None if is_socket else host,
        port=None if is_socket else place.get("port"),
        database=place.get("database"),
        query=query,
    )


def _name_socket(driver: str, place: Mapping[str, Any], named: dict[str, Any]) -> None:
    """A unix socket is a folder and a port for all drivers but pg8000, which wants the file."""
    if driver == "pg8000":
        named.pop("host", None)
        named["unix_sock"] = f"{place['host']}/.s.PGSQL.{place['port']}"
    else:
        named["host"] = place["host"]
        named["port"] = place["port"]


def install(guard: Guard) -> None:
    """Redirect the connections of all engines and pools, also of those that are made later."""
    _redirect_engines(guard)
    _redirect_creators(guard)


def _redirect_engines(guard: Guard) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def do_connect(dialect: Dialect, _record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        guard.note_place(dialect, places.said(dialect, cargs, cparams))
        return _connect(guard, dialect, cparams, cargs)

    event.listen(Engine, "do_connect", do_connect)


def _connect(
    guard: Guard, dialect: Dialect, given: Mapping[str, Any], first: Sequence[Any] = ()
) -> Any:
    positional, named = guard.redirected(dialect, given, first)
    with _without_variables(), guard.passing(dialect):
        return dialect.connect(*positional, **named)


@contextlib.contextmanager
def _without_variables() -> Iterator[None]:
    """Connect as the arguments say; env.py may still read the variables afterwards."""
    kept = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _redirect_creators(guard: Guard) -> None:
    """An engine with ``creator=`` never asks do_connect: its pool gets a creator of ours."""
    from sqlalchemy.pool import Pool

    # not __init__: create_engine() reads off its signature which arguments are the pool's
    original = vars(Pool)["_creator"]

    def assign(pool: Pool, creator: Any) -> None:
        if getattr(creator, "__module__", "") not in _CREATOR_MODULES:
            creator = _creator_for(guard, pool)
        guard.pools.add(pool)
        original.fset(pool, creator)

    Pool._creator = property(  # type: ignore[method-assign,assignment]
        original.fget, assign, original.fdel
    )


def _creator_for(guard: Guard, pool: Pool) -> Callable[..., Any]:
    def create(_record: Any = None) -> Any:
        dialect: Any = getattr(pool, "_dialect", None)
        if dialect is None or not hasattr(dialect, "create_connect_args"):
            guard.refuse_direct("a creator", " of a pool of its own")
        return _connect(guard, dialect, {})

    return create
