"""The options of a URL that secure a connection in, a TLS context for our own drivers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
_TRUE = {"1", "true", "yes", "on"}


def of_postgresql(options: Mapping[str, str]) -> ssl.SSLContext | bool | None:
    """As libpq reads `sslmode`: False is never, None where the server has it."""
    mode = options.get("sslmode", "prefer")
    if mode not in _SSLMODES:
        raise UnavailableError(f"sslmode={mode} is none of {', '.join(_SSLMODES)}")
    if mode == "disable":
        return False
    if mode in {"allow", "prefer"}:
        return None
    return _context(
        verify=mode.startswith("verify"),
        host=mode == "verify-full",
        authority=options.get("sslrootcert", ""),
        certificate=options.get("sslcert", ""),
        key=options.get("sslkey", ""),
    )


def of_mysql(options: Mapping[str, str]) -> ssl.SSLContext | None:
    """None where nothing asks for it."""
    mode = options.get("ssl_mode", "").lower()
    if mode and mode not in _SSL_MODES:
        raise UnavailableError(f"ssl_mode={mode} is none of {', '.join(_SSL_MODES)}")
    if mode == "disabled" or _is_true(options, "ssl_disabled") or not wants_tls(options):
        return None
    host = mode == "verify_identity" or any(
        _is_true(options, name) for name in ("ssl_check_hostname", "ssl_verify_identity")
    )
    return _context(
        verify=host or mode == "verify_ca" or _is_true(options, "ssl_verify_cert"),
        host=host,
        authority=options.get("ssl_ca", ""),
        certificate=options.get("ssl_cert", ""),
        key=options.get("ssl_key", ""),
    )


def wants_tls(options: Mapping[str, str]) -> bool:
    """Whether a MySQL URL asks for it in any way."""
    if options.get("ssl_mode", "").lower() in _SSL_MODES[2:]:
        return True
    asking = ("ssl", "ssl_check_hostname", "ssl_verify_cert", "ssl_verify_identity")
    files = ("ssl_ca", "ssl_cert", "ssl_key")
    return any(_is_true(options, name) for name in asking) or any(map(options.get, files))


def _is_true(options: Mapping[str, str], name: str) -> bool:
    return options.get(name, "").lower() in _TRUE


def _context(
    *, verify: bool, host: bool, authority: str, certificate: str, key: str
) -> ssl.SSLContext:
    import ssl

    try:
        trusted = authority if authority != "system" else None
        context = ssl.create_default_context(cafile=trusted or None)
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except OSError as error:  # ssl.SSLError too
        named = ", ".join(filter(None, (authority, certificate, key)))
        raise UnavailableError(f"the certificates {named} cannot be used: {error}") from error
    context.check_hostname = host
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    return context
