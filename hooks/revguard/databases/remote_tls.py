"""The options of a URL that secure a connection in, the few that say the same out.

`sslmode` (disable, require, verify-ca, verify-full) with `sslrootcert`, `sslcert`, `sslkey`, or
`ssl_mode` (DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY) with `ssl_ca`, `ssl_cert`, `ssl_key`;
nothing where TLS is used if the server has it. `worker/secured.py` says it to the project's driver.
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
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
_UNDECIDED = {"allow", "prefer", "PREFERRED"}
_NEVER, _UNVERIFIED = {"disable", "DISABLED"}, {"require", "REQUIRED"}
_FULL = {"verify-full", "VERIFY_IDENTITY"}
_TRUE = {"1", "true", "yes", "on"}


def of_postgresql(query: Mapping[str, str]) -> dict[str, str]:
    """libpq's options."""
    mode = query.get("sslmode", "prefer")
    _check("sslmode", mode, _SSLMODES)
    return _with_files("sslmode", mode, query, ("sslrootcert", "sslcert", "sslkey"))


def of_mysql(query: Mapping[str, str]) -> dict[str, str]:
    """Those of SQLAlchemy's dialects and of the drivers."""
    true = {name for name, value in query.items() if value.lower() in _TRUE}
    files = ("ssl_ca", "ssl_cert", "ssl_key")
    mode = "PREFERRED"
    if "ssl_mode" in query:
        mode = query["ssl_mode"].upper()
    elif "ssl_disabled" in true:
        mode = "DISABLED"
    elif true & {"ssl_check_hostname", "ssl_verify_identity"}:
        mode = "VERIFY_IDENTITY"
    elif "ssl_verify_cert" in true:
        mode = "VERIFY_CA"
    elif "ssl" in true or any(query.get(name) for name in files):
        mode = "REQUIRED"
    _check("ssl_mode", mode, _SSL_MODES)
    return _with_files("ssl_mode", mode, query, files)


def is_forbidden(options: Mapping[str, str]) -> bool:
    """Whether TLS must not be used even where the server has it."""
    return _mode(options) in _NEVER


def context(options: Mapping[str, str]) -> ssl.SSLContext | None:
    """For our own drivers; None where TLS is not asked for. UnavailableError."""
    mode = _mode(options)
    if not mode or mode in _NEVER:
        return None
    import ssl

    authority = options.get("sslrootcert") or options.get("ssl_ca")
    certificate = options.get("sslcert") or options.get("ssl_cert")
    key = options.get("sslkey") or options.get("ssl_key")
    try:
        made = ssl.create_default_context(cafile=authority)
        if certificate:
            made.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError too
        named = ", ".join(filter(None, (authority, certificate, key)))
        raise UnavailableError(f"the certificates {named} cannot be used: {error}") from error
    made.check_hostname = mode in _FULL
    if mode in _UNVERIFIED:
        made.verify_mode = ssl.CERT_NONE
    return made


def _mode(options: Mapping[str, str]) -> str:
    return options.get("sslmode") or options.get("ssl_mode") or ""


def _check(name: str, mode: str, known: tuple[str, ...]) -> None:
    if mode not in known:
        raise UnavailableError(f"{name}={mode} is none of {', '.join(known)}")


def _with_files(
    name: str, mode: str, query: Mapping[str, str], files: tuple[str, ...]
) -> dict[str, str]:
    """The worker works in another folder, so the files' paths are made absolute."""
    if mode in _UNDECIDED:
        return {}
    named = {key: query[key] for key in files if query.get(key) and query[key] != "system"}
    paths = {key: os.path.abspath(os.path.expanduser(path)) for key, path in named.items()}
    return {name: mode, **paths}
