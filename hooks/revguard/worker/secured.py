"""How a connection is to be secured in, the arguments of each driver's connect for it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Mapping

_LIBPQ = {"never": "disable", "require": "require", "ca": "verify-ca", "full": "verify-full"}
_MYSQLCLIENT = {
    "never": "DISABLED", "require": "REQUIRED", "ca": "VERIFY_CA", "full": "VERIFY_IDENTITY"
}  # fmt: skip
_FILES = ("ca", "cert", "key")


def arguments(driver: str, options: Mapping[str, str]) -> dict[str, Any]:
    """What a driver wants to hear; `options` are those of databases/remote_tls.py."""
    if not options:
        return {}
    if driver.startswith("psycopg"):
        files = {"sslrootcert": "ca", "sslcert": "cert", "sslkey": "key"}
        given = {name: options[key] for name, key in files.items() if key in options}
        return {"sslmode": _LIBPQ[options["tls"]], **given}
    if driver == "asyncpg":
        return {"ssl": _context(options) or False}
    if driver == "pg8000":
        return {"ssl_context": _context(options) or False}
    return _of_mysql(driver, options)


def _of_mysql(driver: str, options: Mapping[str, str]) -> dict[str, Any]:
    mode = options["tls"]
    files = {key: options[key] for key in _FILES if key in options}
    if driver == "mysqldb":
        return {"ssl_mode": _MYSQLCLIENT[mode], **({"ssl": files} if files else {})}
    if driver in ("mysqlconnector", "mariadbconnector"):
        if mode == "never":
            return {"ssl_disabled": True} if driver == "mysqlconnector" else {}
        named: dict[str, Any] = {f"ssl_{key}": path for key, path in files.items()}
        named["ssl_verify_cert"] = mode in ("ca", "full")
        if driver == "mysqlconnector":
            return dict(named, ssl_verify_identity=mode == "full")
        return dict(named, ssl=True)
    context = _context(options)
    return {} if context is None else {"ssl": context}


def _context(options: Mapping[str, str]) -> SSLContext | None:
    if options["tls"] == "never":
        return None
    import ssl

    context = ssl.create_default_context(cafile=options.get("ca"))
    if "cert" in options:
        context.load_cert_chain(options["cert"], options.get("key"))
    context.check_hostname = options["tls"] == "full"
    if options["tls"] == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
