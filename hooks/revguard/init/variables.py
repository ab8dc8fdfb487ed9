"""Variables of the environ that a project needs to be imported: names in, what to configure out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from revguard.project import envfile

_EXAMPLES: Final = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "env.example",
    ".env.test", ".env.ci", "sample.env", ".example.env",
)  # fmt: skip
_URLS: Final = ("URL", "URI", "DSN")
_DATABASE: Final = ("DATABASE", "DB", "SQL", "POSTGRES", "PG", "MYSQL", "MARIADB")
PLAIN: Final = "revguard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the project is given: a tracked file of examples, and single values."""

    env_file: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # as they are configured
    found: Mapping[str, str] = field(default_factory=dict)  # in the file

    @property
    def names(self) -> frozenset[str]:
        """All that is given."""
        return frozenset((*self.values, *self.found))

    @property
    def asks_url(self) -> bool:
        """Whether a value is the ephemeral database's URL."""
        return "{url}" in self.values.values()

    def environ(self, url: str) -> dict[str, str]:
        """The variables, with a URL in the place of `{url}`."""
        filled = {name: text.replace("{url}", url) for name, text in self.values.items()}
        return {**self.found, **filled}


def examples(files: Mapping[str, bytes], home: str) -> tuple[str, dict[str, str]]:
    """A tracked file that shows the variables, and what it holds; empty where there is none."""
    for folder in dict.fromkeys((home, "")):
        for name in _EXAMPLES:
            path = posixpath.join(folder, name)
            if path in files:
                return path, envfile.parse(path, files[path], {})
    return "", {}


def with_missing(
    given: Given, missing: Iterable[str], example: tuple[str, dict[str, str]]
) -> Given:
    """With these variables, too: from the file of examples where it has all, else made up."""
    wanted = [name for name in missing if name not in given.names]
    path, found = example
    told = {name.upper() for name in found}
    if path and not given.env_file and all(name in told for name in wanted):
        return Given(env_file=path, values=given.values, found=found)
    made = {name: _value(name) for name in wanted}
    return Given(env_file=given.env_file, values={**given.values, **made}, found=given.found)


def looks_like_a_database(name: str) -> bool:
    """Whether a variable's name speaks of a database."""
    return any(word in name.upper().split("_") for word in (*_DATABASE, *_URLS))


def _value(name: str) -> str:
    words = name.upper().split("_")
    if "PORT" in words:
        return "5432"
    if words[-1] in _URLS and (len(words) == 1 or any(one in words for one in _DATABASE)):
        return "{url}"
    return PLAIN
