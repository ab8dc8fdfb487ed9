"""The images of database servers that a project's YAML files name: bytes in, images out."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SERVERS = re.compile(rb"postg|pgvector|timescale|mariadb|mysql|percona")  # else it is not parsed
_LARGEST = 1 << 20  # bytes; nobody writes longer ones by hand
# what an image's name says of the dialects that its server speaks; the first that fits
_KINDS: Final = (
    (re.compile(r"postg|pgvector|timescale"), ("postgresql",)),
    (re.compile(r"maria"), ("mysql", "mariadb")),
    (re.compile(r"mysql|percona"), ("mysql",)),
)
_TOOLS = re.compile(r"admin|exporter|backup|bouncer|postgrest|graphile|client|proxy|replica")
_TAGS = (re.compile(r"\bpg(\d+(?:\.\d+)*)"), re.compile(r"v?(\d+(?:\.\d+)*)"))
_VARIABLE = re.compile(r"\$\{\w+:?-([^}]*)\}")  # with what it is where nobody sets it
_MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}")


class Image(NamedTuple):
    """An image that a file names for a service."""

    name: str
    tag: str

    @property
    def dialects(self) -> tuple[str, ...]:
        """SQLAlchemy's names for what its server speaks; none where it is no server."""
        if _TOOLS.search(self.name.rpartition("/")[2]):
            return ()
        return next((dialects for pattern, dialects in _KINDS if pattern.search(self.name)), ())

    @property
    def version(self) -> str:
        """The server's: "15" of `postgis:15-3.4`, "16" of `pgvector:pg16`; empty for `latest`."""
        named, plain = _TAGS
        found = named.search(self.tag) or plain.match(self.tag)
        return found[1] if found else ""


def images_in(content: bytes) -> tuple[Image, ...]:
    """The images of databases that a compose file or a workflow names; ValueError."""
    if len(content) > _LARGEST or not _SERVERS.search(content):
        return ()
    yaml: Any = importlib.import_module("yaml")  # of pre-commit; 15 ms, and only here
    loader = _loader(yaml)
    try:
        data = yaml.load(content, Loader=loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    return tuple(dict.fromkeys(_images(data)))


def _loader(yaml: Any) -> Any:
    """The safe loader, which also passes over tags that it does not know (!reference, !reset)."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.add_multi_constructor("", lambda _loader, _suffix, _node: None)
    return Loader


def _images(data: object) -> Iterator[Image]:
    """Those of services, of GitLab's lists of them too; a matrix gives each of its values."""
    if not isinstance(data, dict):
        return
    for service in _services(data):
        matrix: Mapping[str, object] = {}
        yield from _image(service, matrix)
    jobs = data.get("jobs")
    for job in _values(jobs) if isinstance(jobs, dict) else _values(data):
        if isinstance(job, dict):
            matrix = _mapping(_mapping(job.get("strategy")).get("matrix"))
            for service in _services(job):
                yield from _image(service, matrix)


def _services(owner: Mapping[Any, object]) -> Iterable[object]:
    found = owner.get("services")
    return _values(found) if isinstance(found, dict) else found if isinstance(found, list) else ()


def _image(service: object, matrix: Mapping[str, object]) -> Iterator[Image]:
    named = service
    if isinstance(service, dict):
        named = service.get("image") or service.get("name")
    if not isinstance(named, str):
        return
    for text in _expanded(_VARIABLE.sub(r"\1", named), matrix):
        name, _, tag = text.partition("@")[0].rpartition(":")
        if name and "/" not in tag and Image(name, tag).dialects:
            yield Image(name, tag)


def _expanded(text: str, matrix: Mapping[str, object]) -> Iterator[str]:
    found = _MATRIX.search(text)
    if found is None:
        yield text
        return
    values = matrix.get(found[1])
    for value in values if isinstance(values, list) else ():
        if isinstance(value, (str, int, float)):
            yield text.replace(found[0], str(value))


def _values(found: object) -> list[object]:
    return list(found.values()) if isinstance(found, dict) else []


def _mapping(found: object) -> Mapping[str, object]:
    return found if isinstance(found, dict) else {}
