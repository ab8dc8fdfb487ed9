"""What a server that the user named refuses, or fails to answer, in; an error with a remedy out."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from revguard.databases import wire
from revguard.databases.mysql_text import literal
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck
from revguard.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from revguard.databases.remote_url import Target

_LOGIN = "Check the user and the password; `@` in one is written %40, `%` is %25."
_UNTOLD = "The URL has none: write `user:password@host`, or `user:$NAME@host` for a variable."
_FULL = "Try again when others have ended, or let the server have more."
_REPLICA = "Name its primary."
_CREATEDB = "An administrator gives it: `ALTER ROLE {role} CREATEDB;`"
_GRANT = "An administrator gives it: `GRANT ALL PRIVILEGES ON `revguard\\_%`.* TO {account};`"
_WITHOUT_A_WORD: tuple[tuple[tuple[type[OSError], ...], str, str], ...] = (
    ((socket.gaierror,), "there is no such host", "Check the URL's host."),
    (
        (ConnectionRefusedError, FileNotFoundError),
        "nobody listens there",
        "Is it running? Check the URL's address.",
    ),
    ((PermissionError,), "its socket may not be opened", "Check the socket's permissions."),
    ((TimeoutError,), "it does not answer", "Check the URL's address and the firewall."),
)


def of_postgresql(error: Exception, target: Target) -> CouldNotCheck:
    """An OSError, a ServerError or whatever confuses the driver."""
    if not isinstance(error, ServerError):
        return _unanswered(error, target, "PostgreSQL", "sslmode=require", "sslrootcert")
    said = str(error)
    login = _LOGIN if target.password else _UNTOLD
    if error.code == "28P01":
        return _refuses(target, f"the password of {target.username}", said, login)
    if error.code == "28000" and ("no encryption" in said or "SSL off" in said):
        return _refuses(target, "a connection without TLS", said, "Add `?sslmode=require`.")
    if error.code.startswith("28"):
        return _refuses(target, f"the login of {target.username}", said, login)
    if error.code.startswith("53"):
        return _refuses(target, "more work", said, _FULL)
    if error.code == "25006":
        return _refuses(target, "to write: it is a read-only replica", said, _REPLICA)
    if error.code == "42501" and "create database" in said:
        hint = _CREATEDB.format(role=wire.name(target.username))
        return _refuses(target, f"a scratch database: {target.username} lacks CREATEDB", said, hint)
    return _refuses(target, "what was asked of it", said, "")


def of_mysql(error: Exception, target: Target, account: str) -> CouldNotCheck:
    """The same; `account` is what the server takes the user for, user@host, where it told."""
    if not isinstance(error, ServerError):
        return _unanswered(error, target, "MariaDB or MySQL", "ssl=true", "ssl_ca")
    said = str(error)
    if error.code in {"1045", "1698"}:
        login = _LOGIN if target.password else _UNTOLD
        hint = f"{login} An account that requires TLS is refused so, too: add `?ssl=true`."
        return _refuses(target, f"the login of {target.username}", said, hint)
    if error.code == "3159":
        return _refuses(target, "a connection without TLS", said, "Add `?ssl=true`.")
    if error.code in {"1040", "1203", "1226"}:
        return _refuses(target, "more connections", said, _FULL)
    if error.code in {"1290", "1836"} and "read" in said:
        return _refuses(target, "to write: it is a read-only replica", said, _REPLICA)
    if error.code in {"1044", "1142", "1227", "1419"}:
        hint = _GRANT.format(account=_account(account))
        return _refuses(target, f"a right that {target.username} lacks", said, hint)
    return _refuses(target, "what was asked of it", said, "")


def _account(account: str) -> str:
    """user@host as SQL spells it."""
    user, _, host = account.rpartition("@")
    return f"{literal(user)}@{literal(host)}"


def _refuses(target: Target, what: str, said: str, hint: str) -> CouldNotCheck:
    return CouldNotCheck(f"the server {target.place} refuses {what}: {masked(said)}", hint=hint)


def _unanswered(
    error: Exception, target: Target, kind: str, secured: str, authority: str
) -> CouldNotCheck:
    """Nobody answers, or somebody who does not speak the language."""
    import ssl

    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            message = f"its certificate cannot be verified: {cause.verify_message}"
            return _fails(target, message, f"Name the authority's file: `?{authority}=PATH`.")
        if isinstance(cause, ssl.SSLError):
            return _fails(target, f"TLS does not come about: {cause}", "")
        for kinds, why, hint in _WITHOUT_A_WORD:
            if isinstance(cause, kinds):
                return _fails(target, why, hint)
    said = masked(str(error))
    if "refuses SSL" in said or "doesn't support it" in said:
        return _fails(target, "it has no TLS, and the URL asks for it", f"Leave out `{secured}`.")
    if "cryptography" in said:
        return _fails(target, said, "Add `?ssl=true`, or `pip install cryptography`.")
    if isinstance(error, OSError):
        return _fails(target, said or "it closed the connection", "")
    return _fails(target, f"it does not speak as {kind} does ({said})", "")


def _fails(target: Target, why: str, hint: str) -> CouldNotCheck:
    return CouldNotCheck(f"the server {target.place} cannot be used: {why}", hint=hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__ or getattr(error, "original_exception", None)
