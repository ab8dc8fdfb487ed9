"""The version of a project's server: configuration, compose files and workflows in, numbers out."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from revguard.environments.server_images import Image, images_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from revguard.environments.environment import Listing

_COMPOSE = re.compile(r"(docker-)?compose(\.[\w-]+)?\.ya?ml")
_WORKFLOW = re.compile(r"\.(github|forgejo|gitea)/workflows/[^/]+\.ya?ml")
_GITLAB: Final = ".gitlab-ci.yml"
_CACHE_FORMAT = 1


class Told(NamedTuple):
    """The versions that a file or key tells (a matrix several, any of which will do)."""

    versions: tuple[str, ...]
    source: str

    @property
    def version(self) -> str:
        """The first."""
        return self.versions[0]


def told(
    configured: str | None,
    dialect: str,
    listing: Listing,
    folder: str,
    images: Callable[[list[str]], Mapping[str, Sequence[Image]]],
) -> Told | None:
    """The version that the project tells for a dialect; None where nothing does.

    Configuration wins, then compose files (beside the ini before those at the top), then CI.
    `images` reads files of the judged tree.
    """
    if configured:
        return Told((configured,), "`server-version`")
    paths = sources(listing, folder)
    found = images(paths) if paths else {}
    for path in paths:
        versions = [one.version for one in found.get(path, ()) if dialect in one.dialects]
        known = tuple(dict.fromkeys(filter(None, versions)))
        if known:
            return Told(known, path)
    return None


def sources(listing: Listing, folder: str) -> list[str]:
    """The files that may name an image, the most telling first."""
    compose, ci = [], []
    for path in listing:
        above, _, name = path.rpartition("/")
        if above in ("", folder) and _COMPOSE.fullmatch(name):
            compose.append(path)
        elif path == _GITLAB or (path.startswith(".") and _WORKFLOW.fullmatch(path)):
            ci.append(path)
    return sorted(compose, key=lambda path: _rank(path, folder)) + sorted(ci)


class Cache:
    """The images of files that were read before, by blob id; a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._load()

    def read(
        self,
        entries: Mapping[str, str],
        load: Callable[[list[str]], Mapping[str, bytes]],
        note: Callable[[str], None],
    ) -> dict[str, list[Image]]:
        """Path to images for {path: blob id}; `note` hears of files that cannot be read."""
        unknown = [path for path, oid in entries.items() if oid not in self._known]
        for path, content in load(unknown).items() if unknown else ():
            try:
                found = images_in(content)
            except ValueError as error:
                note(f"{path} cannot be read, so no server version is taken from it: {error}")
                found = ()
            self._known[entries[path]] = [list(image) for image in found]
        if unknown:
            self._save({oid: self._known.get(oid, []) for oid in entries.values()})
        return {
            path: [Image(*image) for image in self._known.get(oid, ())]
            for path, oid in entries.items()
        }

    def _load(self) -> dict[str, list[list[str]]]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            data = json.loads(self._path.read_bytes())
            if data["format"] == _CACHE_FORMAT:
                return {
                    str(oid): [[str(name), str(tag)] for name, tag in images]
                    for oid, images in data["images"].items()
                }
        return {}

    def _save(self, known: Mapping[str, list[list[str]]]) -> None:
        text = json.dumps({"format": _CACHE_FORMAT, "images": known})
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._path)


def _rank(path: str, folder: str) -> tuple[bool, int, str]:
    """What overrides comes before what is overridden, and that before files for other uses."""
    above, _, name = path.rpartition("/")
    kind = 0 if ".override." in name else name.count(".")
    return above != folder, kind, path
