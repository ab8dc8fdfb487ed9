"""Read the configuration: bytes of pyproject.toml and revguard.toml in, Settings out."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from revguard.config import values
from revguard.config.settings import EnvironmentSettings, Settings, Waiver
from revguard.config.values import Parser, Where
from revguard.errors import ConfigError

PYPROJECT = "pyproject.toml"
OWN = "revguard.toml"
FILES = (PYPROJECT, OWN)

_COMMON: dict[str, Parser] = {
    "one-per": values.one_of("commit", "branch"),
    "python": values.text,
    "database": values.database,
    "renames": values.one_of("ask", "source", "never"),
    "prove": values.proofs,
    "timeout": values.seconds,
    "keep": values.duration,
    "lock": values.flag,
    "server-version": values.server_version,
}
_ENVIRONMENT: dict[str, Parser] = {
    "config": values.file_inside,
    "root": values.inside,
    **_COMMON,
    "environ": values.text_table,
    "env-file": values.text,
    "driver": values.driver,
    "flask-app": values.text,
    "bootstrap": values.file_inside,
    "start": values.starting_point,
    "section": values.text,
    "x": values.texts,
    "alembic-config": values.attribute,
    "within": values.attribute,
    "watch": values.texts,
}
_TABLES = ("rules", "environments", "waivers")
_TOP: dict[str, Parser] = {"base": values.text, **_COMMON}
_WAIVER: dict[str, Parser] = {
    "operation": values.operation,
    "object": values.text,
    "until": values.day,
    "reason": values.text,
}


def load(files: Mapping[str, bytes]) -> Settings:
    """The settings of the judged tree, whose configuration files are given by their names.

    Names that are missing are files that are not there. ConfigError for what cannot be meant.
    """
    found = [
        (where, content)
        for where, content in ((_locate(name), _read(name, files.get(name))) for name in FILES)
        if content
    ]
    if len(found) > 1:
        raise ConfigError(
            f"both {PYPROJECT} ([tool.revguard]) and {OWN} configure revguard",
            hint=f"Move all settings into one of them, for example into {OWN}.",
        )
    if not found:
        return Settings()
    where, content = found[0]
    return _settings(content, where, files[where.file])


def toml(name: str, content: bytes) -> dict[str, Any]:
    """A TOML file's content; a ConfigError says where it breaks."""
    parser: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return dict(parser.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not written in UTF-8") from error
    except ValueError as error:
        raise ConfigError(_broken(name, content, str(error))) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: is nested too deep to be read") from error


def _broken(name: str, content: bytes, message: str) -> str:
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if found:
        return f"{name}:{found[2]}:{found[3]}: {found[1]}"
    line, column = content.count(b"\n") + 1, len(content) - content.rfind(b"\n")
    return f"{name}:{line}:{column}: {message}"


def _locate(name: str) -> Where:
    return Where(name, ("tool", "revguard") if name == PYPROJECT else ())


def _read(name: str, content: bytes | None) -> Mapping[str, object]:
    # most pyproject.toml say nothing of us: do not even parse them
    if content is None or (name == PYPROJECT and b"revguard" not in content):
        return {}
    data: Mapping[str, object] = toml(name, content)
    if name == OWN:
        return data
    tool = values.table(data.get("tool", {}), Where(name, ("tool",)))
    return values.table(tool.get("revguard", {}), _locate(name))


def _settings(content: Mapping[str, object], where: Where, source: bytes) -> Settings:
    _known(content, where, (*_TOP, *_TABLES))
    common = _parse(_without(content, _TABLES), _TOP, where)
    inherited = {key: value for key, value in common.items() if key != "base"}
    return Settings(
        **common,
        rules=_rules(content.get("rules", {}), where.key("rules")),
        environments=_environments(content, where, inherited),
        waivers=_waivers(content.get("waivers", []), where.key("waivers"), source),
        source=where.file,
    )


def _rules(content: object, where: Where) -> Mapping[str, str]:
    wanted = values.table(content, where)
    known = _rule_ids() if wanted else ()
    return {
        values.rule(name, known, where.key(name)): values.severity(word, where.key(name))
        for name, word in wanted.items()
    }


def _rule_ids() -> tuple[str, ...]:
    from revguard.rules import RULES

    return tuple(RULES)


def _environments(
    content: Mapping[str, object], where: Where, inherited: Mapping[str, Any]
) -> Mapping[str, EnvironmentSettings]:
    place = where.key("environments")
    tables = values.table(content.get("environments", {}), place)
    return {
        name: _environment(name, said, place.key(name), inherited) for name, said in tables.items()
    }


def _environment(
    name: str, content: object, where: Where, inherited: Mapping[str, Any]
) -> EnvironmentSettings:
    if not name.strip() or not name.isprintable():
        raise where.error("an environment needs a name that can be typed")
    said = _parse(values.table(content, where), _ENVIRONMENT, where)
    if said.get("config") and said.get("alembic_config"):
        raise where.error("`config` and `alembic-config` exclude each other", "Keep one of them.")
    return EnvironmentSettings(**{**inherited, **said})


def _waivers(content: object, where: Where, source: bytes) -> tuple[Waiver, ...]:
    if not isinstance(content, list):
        raise where.error("must be a list of tables", f"Write `[[{values.dotted(where.keys)}]]`.")
    lines = _lines_of_tables(source, values.dotted(where.keys))
    if len(lines) != len(content):
        lines = [0] * len(content)
    return tuple(
        _waiver(item, where.key(str(place)), line)
        for place, (item, line) in enumerate(zip(content, lines, strict=True))
    )


def _waiver(content: object, where: Where, line: int) -> Waiver:
    said = _parse(values.table(content, where), _WAIVER, where)
    for needed in ("operation", "object"):
        if needed not in said:
            raise where.error(f"`{needed}` is missing")
    return Waiver(**said, path=where.file, line=line)


def _lines_of_tables(source: bytes, name: str) -> list[int]:
    header = re.compile(rb"\s*\[\[\s*" + re.escape(name.encode()) + rb"\s*\]\]")
    return [number for number, line in enumerate(source.splitlines(), 1) if header.match(line)]


def _parse(
    content: Mapping[str, object], parsers: Mapping[str, Parser], where: Where
) -> dict[str, Any]:
    _known(content, where, parsers)
    return {
        key.replace("-", "_"): parsers[key](value, where.key(key)) for key, value in content.items()
    }


def _known(content: Mapping[str, object], where: Where, known: Iterable[str]) -> None:
    names = tuple(known)
    for key in content:
        if key not in names:
            raise where.key(key).error(*_unknown(key, names, where))


def _unknown(key: str, names: tuple[str, ...], where: Where) -> tuple[str, str]:
    if key in _ENVIRONMENT and "environments" in names:
        place = values.dotted((*where.keys, "environments", "NAME"))
        return "unknown key here", f"`{key}` belongs to one environment: `[{place}]`."
    if key == "tool" and where.file == OWN:
        return "unknown key", f"In {OWN} the keys stand at the top, without `[tool.revguard]`."
    near = values.nearest(key.replace("_", "-"), names)
    return f"unknown key{near}", f"Known keys: {', '.join(names)}."


def _without(content: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    left_out = frozenset(keys)
    return {key: value for key, value in content.items() if key not in left_out}
