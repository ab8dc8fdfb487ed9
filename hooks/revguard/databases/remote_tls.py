"""The options of a URL that secure a connection in, the same for all drivers out.

{"tls": "never" | "require" | "ca" | "full", "ca": file, "cert": file, "key": file}, or nothing
where TLS is used if the server has it. `worker/secured.py` says it to the project's driver.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

OF_POSTGRESQL = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"})
OF_MYSQL = frozenset(
    {"ssl", "ssl_ca", "ssl_cert", "ssl_key", "ssl_mode", "ssl_check_hostname"}
    | {"ssl_verify_cert", "ssl_verify_identity", "ssl_disabled"}
)
_SSLMODE = {
    "disable": "never",
    "allow": "",
    "prefer": "",
    "require": "require",
    "verify-ca": "ca",
    "verify-full": "full",
}
_SSL_MODE = {
    "disabled": "never",
    "preferred": "",
    "required": "require",
    "verify_ca": "ca",
    "verify_identity": "full",
}
_TRUE = {"1", "true", "yes", "on"}


def of_postgresql(query: Mapping[str, str]) -> dict[str, str]:
    """libpq's options."""
    mode = _mode("sslmode", query.get("sslmode", "prefer"), _SSLMODE)
    return _with_files(mode, query, "sslrootcert", "sslcert", "sslkey")


def of_mysql(query: Mapping[str, str]) -> dict[str, str]:
    """Those of SQLAlchemy's dialects and of the drivers."""
    true = {name for name, value in query.items() if value.lower() in _TRUE}
    files = any(query.get(name) for name in ("ssl_ca", "ssl_cert", "ssl_key"))
    if "ssl_mode" in query:
        mode = _mode("ssl_mode", query["ssl_mode"].lower(), _SSL_MODE)
    elif "ssl_disabled" in true:
        mode = "never"
    elif true & {"ssl_check_hostname", "ssl_verify_identity"}:
        mode = "full"
    elif "ssl_verify_cert" in true:
        mode = "ca"
    else:
        mode = "require" if files or "ssl" in true else ""
    return _with_files(mode, query, "ssl_ca", "ssl_cert", "ssl_key")


def context(options: Mapping[str, str]) -> ssl.SSLContext | None:
    """For our own drivers; None where TLS is not asked for. UnavailableError."""
    if options.get("tls", "never") == "never":
        return None
    import ssl

    try:
        made = ssl.create_default_context(cafile=options.get("ca"))
        if options.get("cert"):
            made.load_cert_chain(options["cert"], options.get("key"))
    except OSError as error:  # ssl.SSLError too
        named = ", ".join(options[name] for name in ("ca", "cert", "key") if name in options)
        raise UnavailableError(f"the certificates {named} cannot be used: {error}") from error
    made.check_hostname = options["tls"] == "full"
    if options["tls"] == "require":
        made.verify_mode = ssl.CERT_NONE
    return made


def _mode(name: str, told: str, known: Mapping[str, str]) -> str:
    if told not in known:
        raise UnavailableError(f"{name}={told} is none of {', '.join(known)}")
    return known[told]


def _with_files(
    mode: str, query: Mapping[str, str], authority: str, cert: str, key: str
) -> dict[str, str]:
    if not mode:
        return {}
    files = {"ca": query.get(authority), "cert": query.get(cert), "key": query.get(key)}
    if files["ca"] == "system":
        files["ca"] = None
    found = {
        name: os.path.abspath(os.path.expanduser(path)) for name, path in files.items() if path
    }
    return {"tls": mode, **found}
