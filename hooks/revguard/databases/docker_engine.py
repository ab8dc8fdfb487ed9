"""An environ in, the container engine that `docker` or `podman` would speak to out."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
_ASKING_SECONDS = 5  # for an engine to say what it is
_CONFLICT = 409
_REMOVAL_SECONDS = 10.0
_START = {
    "docker": "start it: `sudo systemctl start docker`, or Docker Desktop",
    "podman": "start it: `systemctl --user start podman.socket`",
}
_PERMIT = {
    "docker": "`sudo usermod -aG docker $USER`, then log in again",
    "podman": "use your own socket: `systemctl --user start podman.socket`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Where an engine listens, and how to be let in."""

    program: str  # docker or podman
    url: str
    told_by: str = ""
    tls: bool = False
    verify: bool = True
    certificates: str = ""  # the folder of ca.pem, cert.pem and key.pem

    @property
    def host(self) -> str:
        """Another machine on which it publishes ports; empty for this one."""
        if self.url.startswith(("unix:", "npipe:")):
            return ""
        found = urlsplit(self.url).hostname or ""
        return "" if found in _LOOPBACK else found

    @property
    def attachable(self) -> bool:
        """Whether a stream can be held open (by ssh the SDK cannot)."""
        return not self.url.startswith("ssh:")


def find_docker(environ: Mapping[str, str]) -> Engine:
    """As the docker command finds it: DOCKER_HOST, the context, the usual sockets."""
    told = environ.get("DOCKER_HOST", "").strip()
    if told:
        return _reached(_by_variable(told, environ))
    folder = environ.get("DOCKER_CONFIG") or os.path.join(_home(environ), ".docker")
    context = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if context and context != "default":
        return _reached(_by_context(context, folder))
    sockets = ["/var/run/docker.sock", *_in_runtime(environ, "docker.sock")]
    sockets.append(os.path.join(_home(environ), ".docker", "run", "docker.sock"))
    return _first("docker", sockets)


def find_podman(environ: Mapping[str, str]) -> Engine:
    """By CONTAINER_HOST, else the user's own socket, else the system's."""
    told = environ.get("CONTAINER_HOST", "").strip()
    if told:
        return _reached(Engine(program="podman", url=told, told_by="CONTAINER_HOST"))
    sockets = [*_in_runtime(environ, "podman", "podman.sock"), "/run/podman/podman.sock"]
    return _first("podman", sockets)


def client(engine: Engine, seconds: float = 120) -> Any:
    """The SDK's client for this engine, to be closed; UnavailableError where none answers."""
    try:
        from docker import APIClient  # 150 ms
    except ImportError:
        raise UnavailableError("the package docker is not installed") from None
    from docker.constants import DEFAULT_DOCKER_API_VERSION as NEWEST

    with refused_as_unavailable(engine):
        options = _options(engine)
        # asked by a version of our own: a client that asks by itself and fails stays open
        asking = APIClient(version=NEWEST, timeout=_ASKING_SECONDS, **options)
        try:
            told = str(asking.version(api_version=False)["ApiVersion"])
        finally:
            asking.close()
        return APIClient(version=min(told, NEWEST, key=_number), timeout=seconds, **options)


def version(engine: Engine) -> str:
    """What the engine calls itself; UnavailableError."""
    asking = client(engine, _ASKING_SECONDS)
    with refused_as_unavailable(engine):
        try:
            return str(asking.version(api_version=False)["Version"])
        finally:
            asking.close()


def answers(client: Any, engine: Engine) -> bool:
    """Whether the engine is still there."""
    from docker.errors import DockerException

    if silent(engine):
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False


def remove(client: Any, name: str) -> None:
    """End a container and remove it with its volumes; returns when it is gone. DockerException."""
    from docker.errors import APIError, NotFound

    try:
        client.remove_container(name, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT:
            raise
        _wait_for_removal(client, name)  # it ended, and is being removed for that


@contextmanager
def refused_as_unavailable(engine: Engine) -> Iterator[None]:
    """Every way in which an engine fails to answer is an UnavailableError with the reason."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        said = error.explanation or error
        raise UnavailableError(f"the engine at {engine.url} refuses: {said}") from error
    except (DockerException, OSError, ValueError, KeyError) as error:
        raise UnavailableError(
            f"no engine answers at {engine.url}{_by(engine)}: {reason(error)}; "
            f"{_START[engine.program]}"
        ) from error


def reason(error: BaseException) -> str:
    """The system's own reason where there is one: what is around it repeats and wraps it."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error)


def _wait_for_removal(client: Any, name: str) -> None:
    from docker.errors import NotFound

    until = time.monotonic() + _REMOVAL_SECONDS
    with suppress(NotFound):
        while time.monotonic() < until:
            client.inspect_container(name)
            time.sleep(0.02)


def _options(engine: Engine) -> dict[str, Any]:
    options: dict[str, Any] = {"base_url": engine.url}
    if engine.url.startswith("ssh:"):
        options["use_ssh_client"] = True  # the user's own ssh, with the user's own keys
    if engine.tls:
        from docker.tls import TLSConfig

        ca, cert, key = (
            path if os.path.exists(path) else None
            for path in (os.path.join(engine.certificates, f"{name}.pem") for name in _MATERIAL)
        )
        options["tls"] = TLSConfig(
            client_cert=(cert, key) if cert and key else None, ca_cert=ca, verify=engine.verify
        )
    return options


_MATERIAL = ("ca", "cert", "key")


def _by_variable(url: str, environ: Mapping[str, str]) -> Engine:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    folder = environ.get("DOCKER_CERT_PATH") or os.path.join(_home(environ), ".docker")
    return Engine(
        program="docker",
        url=url if "://" in url or ":" not in url else f"tcp://{url}",
        told_by="DOCKER_HOST",
        tls=verify or bool(environ.get("DOCKER_TLS")),
        verify=verify,
        certificates=folder,
    )


def _by_context(name: str, folder: str) -> Engine:
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = os.path.join(folder, "contexts", "meta", digest, "meta.json")
    try:
        with open(path, encoding="utf-8") as file:
            endpoint = json.load(file)["Endpoints"]["docker"]
        url, verify = str(endpoint["Host"]), not endpoint.get("SkipTLSVerify", False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f'the docker context "{name}" cannot be read ({path}: {reason(error)}); '
            "choose one of `docker context ls` by `docker context use NAME`"
        ) from error
    certificates = os.path.join(folder, "contexts", "tls", digest, "docker")
    return Engine(
        program="docker",
        url=url,
        told_by=f'the docker context "{name}"',
        tls=url.startswith(("tcp:", "https:")) and os.path.isdir(certificates),
        verify=verify,
        certificates=certificates,
    )


def _current_context(folder: str) -> str:
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        return ""
    return str(told.get("currentContext") or "") if isinstance(told, dict) else ""


def _first(program: str, sockets: list[str]) -> Engine:
    """The first socket on which somebody listens; else the best reason against them."""
    against: list[tuple[int, str]] = []
    for path in dict.fromkeys(sockets):
        found = Engine(program=program, url=f"unix://{path}")
        told = _against(found)
        if not told:
            return found
        against.append((os.path.exists(path), told))
    if any(there for there, _ in against):
        raise UnavailableError(max(against)[1])
    raise UnavailableError(f"there is no {' nor '.join(sockets)}; {_START[program]}")


def silent(engine: Engine) -> bool:
    """Whether nobody listens, told without loading the SDK."""
    return bool(_against(engine))


def _reached(engine: Engine) -> Engine:
    told = _against(engine)
    if told:
        raise UnavailableError(told)
    return engine


def _against(engine: Engine) -> str:
    """What the system says of the socket's file, without loading the SDK; empty for: nothing."""
    scheme, _, path = engine.url.partition("://")
    if scheme != "unix":
        return ""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
            trying.settimeout(_ASKING_SECONDS)
            trying.connect(path)
    except PermissionError:
        return f"you may not use {path}{_by(engine)}; {_PERMIT[engine.program]}"
    except FileNotFoundError:
        return f"there is no {path}{_by(engine)}; {_START[engine.program]}"
    except OSError as error:
        return f"nobody answers at {path}{_by(engine)} ({error}); {_START[engine.program]}"
    return ""


def _by(engine: Engine) -> str:
    return f" ({engine.told_by})" if engine.told_by else ""


def _in_runtime(environ: Mapping[str, str], *names: str) -> list[str]:
    folder = environ.get("XDG_RUNTIME_DIR", "")
    return [os.path.join(folder, *names)] if folder else []


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
