"""What Alembic's own configuration says: bytes of alembic.ini or pyproject.toml in, Options out."""

from __future__ import annotations

import configparser
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence

from revguard.config.loading import toml
from revguard.errors import ConfigError

HERE = "\0here"  # stands for the folder of the file, wherever the tree is laid out
_TOKEN = re.compile(r"%(?:\((\w+)\)s|%)")
_DEEPEST = 10  # as configparser
_URL = re.compile(r"([a-z][a-z0-9_]*)(?:\+([a-z][a-z0-9_]*))?://")
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
_LEGACY_SEPARATOR = re.compile(r", *|(?: +)|\n")  # before version_path_separator of 1.8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that say where an environment lies and what it speaks to."""

    script_location: str | None
    version_locations: tuple[str, ...] | None
    recursive: bool
    url_hint: tuple[str, str | None] | None

    @classmethod
    def empty(cls) -> Options:
        """The options of a file that says nothing."""
        return cls(script_location=None, version_locations=None, recursive=False, url_hint=None)

    @classmethod
    def of_ini(cls, section: Mapping[str, str]) -> Options:
        """The options in the section of an ini file."""
        return cls(
            script_location=section.get("script_location") or None,
            version_locations=_split(section),
            recursive=section.get("recursive_version_locations") == "true",
            url_hint=url_hint(section.get("sqlalchemy.url", "")),
        )

    def with_toml(self, table: Mapping[str, object]) -> Options:
        """What [tool.alembic] adds: what the ini says has priority."""
        location = table.get("script_location")
        versions = table.get("version_locations")
        listed = versions if isinstance(versions, list) else []
        mine = tuple(filter(None, map(_expand_text, listed)))
        return Options(
            script_location=self.script_location or (_expand_text(location) or None),
            version_locations=self.version_locations or mine or None,
            recursive=self.recursive or table.get("recursive_version_locations") is True,
            url_hint=self.url_hint,
        )


def parse(path: str, content: bytes) -> dict[str, dict[str, str]]:
    """The sections of an ini file, with what [DEFAULT] gives them, as far as we can expand it."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_decode(content), path)
    except configparser.Error as error:
        raise ConfigError(f"{path}:{_line(error)}: {_reason(error)}") from error
    return {name: _expanded(dict(parser[name])) for name in parser.sections()}


def tool_table(path: str, content: bytes | None) -> Mapping[str, object] | None:
    """[tool.alembic] of a pyproject.toml, or None."""
    if content is None or b"alembic" not in content:
        return None
    tool = toml(path, content).get("tool")
    table = tool.get("alembic") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def plain(text: str) -> str:
    """A value of [tool.alembic] as Alembic takes it."""
    return _expand_text(text)


def is_open(text: str) -> bool:
    """Whether a token is left that only the run can fill."""
    return any(found[1] for found in _TOKEN.finditer(text)) or "${" in text


def url_hint(url: str) -> tuple[str, str | None] | None:
    """The dialect and driver of a URL; none for the placeholder of Alembic's template."""
    found = _URL.match(url.strip())
    if not found or found[1] == "driver":
        return None
    # SQLAlchemy 1.3 and the hosters say `postgres`
    return ("postgresql" if found[1] == "postgres" else found[1], found[2])


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # Alembic reads it in the locale's encoding


def _expanded(section: Mapping[str, str]) -> dict[str, str]:
    return {key: _expand(value or "", section) for key, value in section.items()}


def _expand(value: str, section: Mapping[str, str], depth: int = 0) -> str:
    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        if name == "here":
            return HERE
        if name.lower() not in section or depth >= _DEEPEST:
            return found[0]
        return _expand(section[name.lower()], section, depth + 1)

    return _TOKEN.sub(one, value)


def _expand_text(value: object) -> str:
    return _expand(value, {}) if isinstance(value, str) else ""


def _split(section: Mapping[str, str]) -> tuple[str, ...] | None:
    said = section.get("version_locations")
    if not said:
        return None
    name = section.get("path_separator", section.get("version_path_separator"))
    separator = None if name is None else _SEPARATORS.get(name.split("#")[0].strip())
    parts: Sequence[str]
    parts = _LEGACY_SEPARATOR.split(said) if separator is None else said.split(separator)
    return tuple(part.strip() for part in parts if part.strip()) or None


def _line(error: configparser.Error) -> int:
    errors = getattr(error, "errors", None)  # not all kinds of ParsingError have it
    return int(errors[0][0] if errors else getattr(error, "lineno", None) or 1)


def _reason(error: configparser.Error) -> str:
    if isinstance(error, configparser.MissingSectionHeaderError):
        return "there is something before the first [section]"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"the section [{error.section}] is there twice"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"the option {error.option} is there twice in [{error.section}]"
    return "this line is no `option = value`"
