"""How a connection is to be secured in, the arguments of each driver's connect for it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Mapping

_NEVER, _UNVERIFIED = ("disable", "DISABLED"), ("require", "REQUIRED")
_FULL = ("verify-full", "VERIFY_IDENTITY")


def arguments(driver: str, options: Mapping[str, str]) -> dict[str, Any]:
    """What a driver wants to hear; `options` are those of databases/remote_tls.py."""
    if not options:
        return {}
    if driver.startswith("psycopg"):
        return dict(options)
    if driver == "asyncpg":
        return {"ssl": _context(options) or False}
    if driver == "pg8000":
        return {"ssl_context": _context(options) or False}
    return _of_mysql(driver, options)


def _of_mysql(driver: str, options: Mapping[str, str]) -> dict[str, Any]:
    mode = options["ssl_mode"]
    files = {name: path for name, path in options.items() if name != "ssl_mode"}
    if driver == "mysqldb":
        given = {name[len("ssl_") :]: path for name, path in files.items()}
        return {"ssl_mode": mode, **({"ssl": given} if given else {})}
    if driver in ("mysqlconnector", "mariadbconnector"):
        if mode in _NEVER:
            return {"ssl_disabled": True} if driver == "mysqlconnector" else {}
        named: dict[str, Any] = dict(files, ssl_verify_cert=mode not in _UNVERIFIED)
        if driver == "mysqlconnector":
            return dict(named, ssl_verify_identity=mode in _FULL)
        return dict(named, ssl=True)
    context = _context(options)
    return {} if context is None else {"ssl": context}


def _context(options: Mapping[str, str]) -> SSLContext | None:
    mode = options.get("sslmode") or options.get("ssl_mode")
    if mode in _NEVER:
        return None
    import ssl

    context = ssl.create_default_context(cafile=options.get("sslrootcert") or options.get("ssl_ca"))
    certificate = options.get("sslcert") or options.get("ssl_cert")
    if certificate:
        context.load_cert_chain(certificate, options.get("sslkey") or options.get("ssl_key"))
    context.check_hostname = mode in _FULL
    if mode in _UNVERIFIED:
        context.verify_mode = ssl.CERT_NONE
    return context
