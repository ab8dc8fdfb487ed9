"""Requests to a service's API: a method, a path and JSON in, a Reply or a NotSaid out.

urllib3 is here with `docker` already: it keeps the connection, follows redirects without changing
the method, and fails on a body that was cut. When to try again is decided here, since a POST must
not be repeated blindly, a 403 may be a rate limit, and a Retry-After may be longer than a job.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from revguard.masking import masked

if TYPE_CHECKING:
    import urllib3

_TRIES: Final = 4
_FIRST_WAIT: Final = 0.5  # seconds, doubled each time
_BUDGET: Final = 90.0  # seconds of waiting for what fails, all requests of a run together
_CONNECT, _READ = 10.0, 30.0  # seconds
_AGAIN: Final = (500, 502, 503, 504)
_RATE: Final = (403, 429)
_GONE: Final = (404, 410)


_NONE: Final = (
    "the request cannot be made: the token, the API's address or the proxy has signs that none "
    "has, such as a line break"
)


class NotSaid(Exception):  # noqa: N818  (it is caught, and said as a warning)
    """The service was not reached or did not do what was asked. Never changes a verdict."""


class Unreachable(NotSaid):
    """No answer, or none that can be used. Whether a POST was carried out nobody knows."""


class Refused(NotSaid):
    """The service answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Gone(Refused):
    """What was asked for is not there, or not for this token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the service answered: decoded JSON, None for an empty body."""

    status: int
    data: Any


class Api:
    """A service's API, with one connection that is kept. `headers` hold the token."""

    def __init__(
        self,
        root: str,
        headers: Mapping[str, str],
        environ: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._root = root
        self._headers = {"User-Agent": "revguard", "Accept": "application/json", **headers}
        self._environ = environ
        self._sleep = sleep
        self._pool: urllib3.PoolManager | None = None
        self._budget = _BUDGET

    def call(self, method: str, path: str, body: object = None, **query: object) -> Reply:
        """One request, again where that is safe and may help. Refused, Unreachable."""
        fields = {name: str(value) for name, value in query.items()}
        wait = _FIRST_WAIT
        for tries_left in reversed(range(_TRIES)):
            started = time.monotonic()
            try:
                response = self._once(method, path, body, fields)
                asked = _pause(response, repeatable=method != "POST")
                if asked is None:
                    return _reply(response)
                problem: NotSaid = _refused(response)
            except Unreachable as unreachable:
                if method == "POST":
                    raise
                asked, problem = 0.0, unreachable
            self._budget -= time.monotonic() - started
            pause = max(asked, wait)
            if not tries_left or pause > self._budget:
                raise problem
            self._budget -= pause
            self._sleep(pause)
            wait *= 2
        raise AssertionError  # the last try returned or raised

    def _once(self, method: str, path: str, body: object, fields: Mapping[str, str]) -> Any:
        import urllib3

        try:
            if self._pool is None:
                self._pool = _pool(self._root, self._environ)
            return self._pool.request(
                method,
                self._root + path,
                headers=self._headers,
                **({"json": body} if body is not None else {"fields": dict(fields)}),
            )
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            raise Unreachable(masked(f"{self._root} cannot be reached: {cause}")) from error
        except ValueError:  # what it says holds what it is about, which may be the token
            raise NotSaid(_NONE) from None


def _pool(root: str, environ: Mapping[str, str]) -> urllib3.PoolManager:
    import urllib3

    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=_CONNECT, read=_READ),
        "retries": urllib3.Retry(
            connect=0, read=0, status=0, other=0, redirect=3, respect_retry_after_header=False
        ),
    }
    proxy = proxy_for(root, environ)
    if not proxy:
        return urllib3.PoolManager(**options)
    login = urlsplit(proxy)
    if login.username:
        said = f"{login.username}:{login.password or ''}"
        options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=said)
    try:
        return urllib3.ProxyManager(proxy, **options)
    except (ValueError, urllib3.exceptions.HTTPError) as error:
        raise Unreachable(masked(f"the proxy {proxy} cannot be used: {error}")) from error


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """The proxy that the environ names for a URL; empty for none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    names = (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    proxy = next((environ[name] for name in names if environ.get(name)), "")
    passed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    for item in (one.strip().lstrip(".") for one in passed.split(",")):
        if item == "*" or (item and (host == item or host.endswith(f".{item}"))):
            return ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _pause(response: Any, *, repeatable: bool) -> float | None:
    """How long to wait before the same is asked again; None where that makes no sense."""
    status = response.status
    if status in _RATE:
        return _rate_limit(response.headers, status)
    if status in _AGAIN and repeatable:
        return _seconds(response.headers.get("Retry-After"))
    return None


def _rate_limit(headers: Mapping[str, str], status: int) -> float | None:
    """A refused request was not carried out: it may be asked again, a POST too."""
    if "Retry-After" in headers:
        return _seconds(headers.get("Retry-After"))
    if headers.get("X-RateLimit-Remaining") == "0":
        return max(0.0, _seconds(headers.get("X-RateLimit-Reset")) - time.time())
    return 0.0 if status == 429 else None  # a 403 without a limit is about rights


def _seconds(value: str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return _until(value or "")


def _until(value: str) -> float:
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0


def _reply(response: Any) -> Reply:
    if response.status >= 400:
        raise _refused(response)
    if not response.data:
        return Reply(status=response.status, data=None)
    try:
        return Reply(status=response.status, data=json.loads(response.data))
    except (ValueError, RecursionError) as error:
        raise Unreachable("the API answered with something that is no JSON") from error


def _refused(response: Any) -> Refused:
    try:
        data = json.loads(response.data)
    except (ValueError, RecursionError):
        data = {}
    said = data.get("message") or data.get("error") if isinstance(data, dict) else None
    text = " ".join(str(said or response.reason or "no reason is given").split())[:300]
    kind = Gone if response.status in _GONE else Refused
    return kind(response.status, text)
