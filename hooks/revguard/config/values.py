"""Single values of the configuration: what TOML read comes in, a checked value goes out."""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from revguard.errors import ConfigError
from revguard.masking import masked

PROVIDERS = ("auto", "sqlite", "embedded", "local", "docker", "podman", "server")
PROOFS = ("upgrade", "round-trip", "rows", "locks")
SEVERITIES = ("error", "warning", "off")
DUMP = "dump:"
RULE_FAMILIES = ("squawk/", "lock/", "rewrite/")  # their rules are named by others
OPERATIONS = (
    "add_table",
    "remove_table",
    "add_column",
    "remove_column",
    "add_index",
    "remove_index",
    "add_constraint",
    "remove_constraint",
    "add_fk",
    "remove_fk",
    "modify_type",
    "modify_nullable",
    "modify_default",
    "modify_comment",
    "add_table_comment",
    "remove_table_comment",
    "modify_column",  # of which Alembic does not say what
    "add_schema",
    "remove_schema",
    "remove_revision",  # of what has landed; no difference of the models
)
# Plugins of autogenerate bring operations of their own, by their class or in Alembic's manner:
# create_view, sync_enum_values, CreateSequenceOp
_OF_A_PLUGIN = re.compile(r"[A-Z]\w*|[a-z]\w*_\w+", re.ASCII)
_ALMOST = 0.85  # so like one of ours that it is one, misspelt
_AS_ALEMBIC_WRITES = {"drop_": "remove_", "create_": "add_", "alter_": "modify_"}

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_DRIVER = re.compile(r"[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)?")
_OF_A_SERVER = re.compile(r"^\S+://|^\$\w|^\$\{\w+\}")  # a URL, or a variable that holds one
_ATTRIBUTE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_RULE_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class Where(NamedTuple):
    """The place of a value: its file and the path of its key."""

    file: str
    keys: tuple[str, ...]

    def key(self, name: str) -> Where:
        return Where(self.file, (*self.keys, name))

    def __str__(self) -> str:
        return f"{self.file}: {dotted(self.keys)}" if self.keys else self.file

    def error(self, message: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self}: {message}", hint=hint)


Parser = Callable[[object, Where], object]


def dotted(keys: Iterable[str]) -> str:
    """Keys as TOML writes them, quoted where needed."""
    return ".".join(key if re.fullmatch(r"[\w-]+", key, re.ASCII) else f'"{key}"' for key in keys)


def nearest(word: str, known: Iterable[str]) -> str:
    """A `did you mean` for a word that is not known, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f', did you mean "{found[0]}"?' if found else ""


def table(value: object, where: Where) -> Mapping[str, object]:
    """A TOML table."""
    if not isinstance(value, dict):
        raise _wrong_type(value, "a table", where)
    return value


def text(value: object, where: Where) -> str:
    """A text that says something."""
    if not isinstance(value, str):
        raise _wrong_type(value, "a text in quotes", where)
    if not value.strip():
        raise where.error("must not be empty")
    if "\0" in value:
        raise where.error("must not hold a NUL character")
    return value


def flag(value: object, where: Where) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise _wrong_type(value, "true or false", where)
    return value


def texts(value: object, where: Where) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise _wrong_type(value, "a list of texts", where)
    return tuple(text(item, where.key(str(place))) for place, item in enumerate(value))


def text_table(value: object, where: Where) -> dict[str, str]:
    """A table of variables; an empty text is a value too."""
    return {key: _environ_value(item, where.key(key)) for key, item in table(value, where).items()}


def _environ_value(value: object, where: Where) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "a text in quotes", where)
    return value


def one_of(*choices: str) -> Callable[[object, Where], str]:
    """A parser that takes these words only."""

    def parse(value: object, where: Where) -> str:
        word = text(value, where)
        if word not in choices:
            known = ", ".join(f'"{choice}"' for choice in choices)
            raise where.error(f'"{word}" is none of {known}{nearest(word, choices)}')
        return word

    return parse


def proofs(value: object, where: Where) -> tuple[str, ...]:
    """The steps of the proof, in the order in which they run."""
    wanted = texts(value, where)
    for place, word in enumerate(wanted):
        one_of(*PROOFS)(word, where.key(str(place)))
    return tuple(step for step in PROOFS if step in wanted)


def seconds(value: object, where: Where) -> float:
    """A time limit."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, "a number of seconds", where)
    if not (value > 0 and math.isfinite(value)):
        raise where.error(f"{value} is no time limit, it must be more than 0 seconds")
    return float(value)


def duration(value: object, where: Where) -> int:
    """Seconds of "0", "90s", "10m", "1h30m", "1d"."""
    word = text(value, where).strip()
    found = _DURATION.fullmatch(word)
    if word == "0":
        return 0
    if not found:
        raise where.error(f'"{word}" is no duration', 'Write "0", "90s", "10m" or "1h30m".')
    days, hours, minutes, secs = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + secs


def database(value: object, where: Where) -> str:
    """The provider, and what it is given."""
    word = text(value, where)
    name, colon, rest = word.partition(":")
    if name not in PROVIDERS:
        known = ", ".join(f'"{provider}"' for provider in PROVIDERS)
        shown = masked(word)
        raise where.error(f'"{shown}" is no database, its first word is none of {known}')
    if name in {"docker", "podman"}:
        if (colon and not rest) or re.search(r"\s", rest):
            raise where.error(
                f'"{word}" names no image', f'Write "{name}" or "{name}:postgres:16".'
            )
    elif name == "server":
        if not _OF_A_SERVER.search(rest):
            raise where.error(
                f'"{masked(word)}" holds no URL',
                'Write "server:postgresql://user@host/", or "server:$NAME" for a variable.',
            )
    elif colon:
        raise where.error(f'"{name}" takes nothing after it, "{masked(word)}" does')
    return word


def server_version(value: object, where: Where) -> str:
    """The version of the project's own database server."""
    word = text(value, where).strip()
    if not re.fullmatch(r"\d+(\.\d+)*", word, re.ASCII):
        raise where.error(f'"{word}" is no version', 'Write "16", or "10.11".')
    return word


def starting_point(value: object, where: Where) -> str:
    """What the history is replayed on."""
    word = text(value, where)
    if word in {"empty", "metadata"}:
        return word
    if word.startswith(DUMP) and word != DUMP:
        return DUMP + file_inside(word[len(DUMP) :], where)
    raise where.error(f'"{word}" is none of "empty", "metadata", "dump:PATH"')


def driver(value: object, where: Where) -> str:
    """A dialect and its driver, as a URL begins."""
    word = text(value, where)
    if not _DRIVER.fullmatch(word):
        raise where.error(f'"{word}" is no driver', 'Write "postgresql+asyncpg", as in a URL.')
    return word


def attribute(value: object, where: Where) -> str:
    """Something in a module."""
    word = text(value, where)
    if not _ATTRIBUTE.fullmatch(word):
        raise where.error(f'"{word}" names no callable', 'Write "package.module:name".')
    return word


def inside(value: object, where: Where) -> str:
    """A path in the repository: relative, with slashes, without `..` that leaves it."""
    word = text(value, where).replace("\\", "/")
    parts: list[str] = []
    for part in word.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            raise where.error(f'"{word}" leads out of the repository')
        elif part not in {"", "."}:
            parts.append(part)
    if word.startswith("/") or re.match("[A-Za-z]:/", word):
        raise where.error(f'"{word}" must be relative to the repository')
    return "/".join(parts)


def file_inside(value: object, where: Where) -> str:
    """As `inside`, and not the repository itself."""
    path = inside(value, where)
    if not path:
        raise where.error("must name a file")
    return path


def severity(value: object, where: Where) -> str:
    """What a rule's findings count for."""
    return one_of(*SEVERITIES)(value, where)


def rule(name: str, known: Iterable[str], where: Where) -> str:
    """The id of a rule; those of squawk and of the traced locks are open families."""
    if name in known:
        return name
    for family in RULE_FAMILIES:
        if name.startswith(family) and _RULE_NAME.fullmatch(name[len(family) :]):
            return name
    hint = "`revguard explain` lists the rules."
    if name.endswith("*"):
        raise where.error("a rule is named in full, there are no patterns", hint)
    raise where.error(f"there is no such rule{nearest(name, known)}", hint)


def operation(value: object, where: Where) -> str:
    """A difference, as a comparison names it."""
    word = text(value, where)
    if word in OPERATIONS or (_OF_A_PLUGIN.fullmatch(word) and not _resembles_ours(word)):
        return word
    meant = word
    for theirs, ours in _AS_ALEMBIC_WRITES.items():
        if word.startswith(theirs):
            meant = ours + word[len(theirs) :]
    raise where.error(f'"{word}" is no operation of a comparison{nearest(meant, OPERATIONS)}')


def _resembles_ours(word: str) -> bool:
    nouns = tuple("_" + name.partition("_")[2] for name in OPERATIONS)
    return word.endswith(nouns) or bool(
        difflib.get_close_matches(word, OPERATIONS, n=1, cutoff=_ALMOST)
    )


def day(value: object, where: Where) -> datetime.date:
    """A day of the calendar."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    raise _wrong_type(value, "a day without quotes, 2027-01-31", where)


def _wrong_type(value: object, wanted: str, where: Where) -> ConfigError:
    return where.error(f"must be {wanted}, not {_TYPE_NAMES.get(type(value), 'a date or time')}")


_TYPE_NAMES: dict[type, str] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}
