"""Every connection goes to the ephemeral database or nowhere.

Two nets: SQLAlchemy's engines (by URL, parts, ``creator``, ``async_creator``) are *redirected*;
a driver that is called directly is *refused*, unless it asks for the ephemeral database itself.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys
import threading

from .failure import Refused

# What names the place that is connected to, per driver family; all else a caller passes is kept
# (search_path options, isolation level, row factories, detect_types ...).
_PLACE = frozenset(
    "host hostaddr port user username password passfile passwd database dbname db dsn service "
    "servicefile unix_sock unix_socket sslmode sslcert sslkey sslrootcert sslcrl ssl ssl_context "
    "ssl_ca ssl_cert ssl_key ssl_disabled gssencmode krbsrvname channel_binding requirepeer "
    "target_session_attrs direct_tls sslnegotiation load_balance_hosts conninfo "
    "read_default_file read_default_group async_creator_fn async_fallback".split()
)
_CREATOR_MODULES = ("sqlalchemy.engine.create", "sqlalchemy.engine.strategies")


class Guard:
    """Holds where connections may go; ``provide`` is asked once, at the first connection."""

    def __init__(self, provide):
        self._provide = provide
        self._lock = threading.RLock()
        self._database = None
        self._inside = threading.local()
        self.connections = 0
        self.refused = []

    def forget(self):
        """The next connection asks again (a database that was set back)."""
        self._database = None

    def database(self, dialect):
        """The ephemeral database for an engine of this dialect; Refused for another kind."""
        with self._lock:
            if self._database is None:
                self._database = self._provide(dialect)
        wanted = self._database["dialect"]
        if dialect.name != wanted:
            message = "a %s connection was refused: the ephemeral database is %s" % (
                dialect.name,
                wanted,
            )
            self.refused.append(message)
            raise Refused(message)
        return self._database

    def arguments(self, dialect):
        """Positional and keyword arguments of the driver's connect for the ephemeral database."""
        from sqlalchemy.engine import url as sa_url

        place = self.database(dialect)["url"]
        if dialect.name == "sqlite":
            url = sa_url.URL.create("sqlite+" + dialect.driver, database=place["database"])
        else:
            query = {}
            host = place.get("host")
            if host and host.startswith("/"):
                query, host = {"host": host}, None
            url = sa_url.URL.create(
                dialect.name + "+" + dialect.driver,
                username=place.get("username"),
                password=place.get("password"),
                host=host,
                port=place.get("port") if host else None,
                database=place.get("database"),
                query=query,
            )
        cargs, cparams = dialect.create_connect_args(url)
        cparams = dict(cparams)
        if (place.get("host") or "").startswith("/"):
            _name_socket(dialect.driver, place, cparams)
        return list(cargs), cparams

    def redirect(self, dialect, cargs, cparams):
        """Rewrite the arguments of a connect in place, keeping what is no address."""
        new_args, new_params = self.arguments(dialect)
        kept = {key: value for key, value in cparams.items() if key not in _PLACE}
        cargs[:] = new_args
        cparams.clear()
        cparams.update(kept)
        cparams.update(new_params)
        self.connections += 1

    def allowed(self):
        """Whether this thread is inside a connect that was redirected."""
        return getattr(self._inside, "depth", 0) > 0

    def enter(self):
        self._inside.depth = getattr(self._inside, "depth", 0) + 1

    def leave(self):
        self._inside.depth -= 1

    def is_ephemeral(self, values):
        """Whether the arguments of a direct driver call name the ephemeral database."""
        if self._database is None:
            return False
        url = self._database["url"]
        text = " ".join(str(value) for value in values)
        host = url.get("host") or url.get("database") or "\0"
        return host in text and str(url.get("database")) in text

    def refuse(self, driver, detail=""):
        """Raise Refused for a direct call of a driver."""
        message = (
            "a connection opened directly with %s%s was refused: only the ephemeral database may "
            "be connected to; go through an SQLAlchemy engine or `op.get_bind()`"
        ) % (driver, detail)
        self.refused.append(message)
        raise Refused(message)


def _name_socket(driver, place, cparams):
    """A unix socket is a folder and a port for all drivers but pg8000, which wants the file."""
    if driver == "pg8000":
        cparams.pop("host", None)
        cparams["unix_sock"] = "%s/.s.PGSQL.%s" % (place["host"], place["port"])
    else:
        cparams["port"] = place["port"]


def install(guard, tree):
    """Redirect SQLAlchemy's connections and guard the drivers, also those imported later."""
    _redirect_engines(guard)
    _redirect_creators(guard)
    finder = _DriverFinder(guard, tree)
    for name in list(finder.patches):
        if name in sys.modules:
            finder.patch(sys.modules[name])
    sys.meta_path.insert(0, finder)


def _redirect_engines(guard):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "do_connect")
    def do_connect(dialect, record, cargs, cparams):
        guard.redirect(dialect, cargs, cparams)
        cparams.pop("async_creator_fn", None)
        return _connect(guard, dialect, cargs, cparams)


def _connect(guard, dialect, cargs, cparams):
    guard.enter()
    try:
        return dialect.connect(*cargs, **cparams)
    finally:
        guard.leave()


def _redirect_creators(guard):
    """An engine with ``creator=`` never asks do_connect: its pool gets a creator of ours."""
    from sqlalchemy.pool import Pool

    original = Pool.__init__

    @functools.wraps(original)
    def init(pool, creator, *args, **kwargs):
        if getattr(creator, "__module__", "") not in _CREATOR_MODULES:
            creator = _creator_for(guard, pool)
        original(pool, creator, *args, **kwargs)

    Pool.__init__ = init


def _creator_for(guard, pool):
    def create(connection_record=None):
        dialect = getattr(pool, "_dialect", None)
        if dialect is None or not hasattr(dialect, "create_connect_args"):
            guard.refuse("a creator", " of a pool of its own")
        cargs, cparams = [], {}
        guard.redirect(dialect, cargs, cparams)
        return _connect(guard, dialect, cargs, cparams)

    return create


def _guarded(guard, driver, function):
    """A driver's connect that refuses every place but the ephemeral database."""

    @functools.wraps(function)
    def connect(*args, **kwargs):
        if guard.allowed() or guard.is_ephemeral(list(args) + list(kwargs.values())):
            return function(*args, **kwargs)
        return guard.refuse(driver)

    return connect


def _guarded_method(guard, driver, owner, name):
    function = owner.__dict__[name]
    inner = getattr(function, "__func__", function)
    wrapped = _guarded(guard, driver, inner)
    setattr(owner, name, type(function)(wrapped) if inner is not function else wrapped)


class _DriverFinder(importlib.abc.MetaPathFinder):
    """Sees the import of a database driver and wraps its connect as soon as it is there."""

    def __init__(self, guard, tree):
        self._guard = guard
        self._tree = tree
        self._busy = set()
        self.patches = {
            "psycopg2": self._functions("connect"),
            "psycopg2cffi": self._functions("connect"),
            "psycopg": self._psycopg,
            "asyncpg": self._functions("connect", "create_pool"),
            "pg8000": self._functions("connect"),
            "pg8000.dbapi": self._functions("connect"),
            "pg8000.native": self._pg8000_native,
            "sqlite3": self._sqlite,
            "pymysql": self._functions("connect", "Connect", "Connection"),
            "MySQLdb": self._functions("connect", "Connect", "Connection"),
            "mysql.connector": self._functions("connect"),
            "mariadb": self._functions("connect"),
            "aiomysql": self._functions("connect", "create_pool"),
            "asyncmy": self._functions("connect", "create_pool"),
            "oracledb": self._functions("connect"),
            "pyodbc": self._functions("connect"),
        }

    def find_spec(self, name, path=None, target=None):
        if name not in self.patches or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            self._wrap(spec.loader)
        return spec

    def _wrap(self, loader):
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            self.patch(module)

        loader.exec_module = exec_module

    def patch(self, module):
        """Wrap the connects of an imported driver."""
        self.patches[module.__name__](module)

    def _functions(self, *names):
        def patch(module):
            for name in names:
                function = getattr(module, name, None)
                if function is not None and not isinstance(function, type):
                    setattr(module, name, _guarded(self._guard, module.__name__, function))

        return patch

    def _psycopg(self, module):
        for owner in (module.Connection, module.AsyncConnection):
            _guarded_method(self._guard, "psycopg", owner, "connect")
        module.connect = module.Connection.connect

    def _pg8000_native(self, module):
        _guarded_method(self._guard, "pg8000", module.Connection, "__init__")

    def _sqlite(self, module):
        original = module.connect

        @functools.wraps(original)
        def connect(database, *args, **kwargs):
            if self._guard.allowed() or self._harmless(database):
                return original(database, *args, **kwargs)
            return self._guard.refuse("sqlite3", " (%s)" % os.fspath(database))

        module.connect = connect
        module.dbapi2.connect = connect

    def _harmless(self, database):
        """In memory, or below the checkout or the temporary folder: nothing of the user's."""
        text = os.fsdecode(database) if not isinstance(database, str) else database
        if text in ("", ":memory:") or text.startswith("file::memory:"):
            return True
        path = text[5:].partition("?")[0] if text.startswith("file:") else text
        real = os.path.realpath(path)
        if real == self._guard_file():
            return True
        return real.startswith(os.path.realpath(self._tree) + os.sep)

    def _guard_file(self):
        database = self._guard._database
        return None if database is None else os.path.realpath(database["url"]["database"])
