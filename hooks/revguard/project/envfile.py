"""Read a .env file: its bytes in, its variables out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from revguard.errors import ConfigError

_LINE = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)? (?P<name>[A-Za-z_][\w.-]*) [^\S\n]*
    (?:=[^\S\n]*
        (?: '(?P<single>[^']*)'
          | "(?P<double>(?:[^"\\]|\\.)*)"
          | (?P<bare>[^\n]*?)
        )
    )?
    [^\S\n]* (?:(?<=\s)\#[^\n]*)? (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BLANK = re.compile(r"[^\S\n]*(?:\#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_VARIABLE = re.compile(r"(?<!\\)\$\{(\w+)(?::-([^}]*))?\}")


def parse(name: str, content: bytes, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a file: quotes, `export`, comments, `${NAME}`; a bare name sets nothing."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not written in UTF-8") from error
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        matched = _BLANK.match(text, position) or _LINE.match(text, position)
        if not matched or "\0" in matched[0]:
            line = text.count("\n", 0, position) + 1
            raise ConfigError(f"{name}:{line}: this line is no NAME=VALUE")
        if matched.re is _LINE:
            value = _value(matched, {**environ, **found})
            if value is not None:
                found[matched["name"]] = value
        position = matched.end()
    return found


def _value(matched: re.Match[str], environ: Mapping[str, str]) -> str | None:
    if matched["single"] is not None:
        return matched["single"]
    if matched["double"] is not None:
        expanded = _expanded(matched["double"], environ)
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), expanded)
    return None if matched["bare"] is None else _expanded(matched["bare"].strip(), environ)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environ.get(found[1]) or found[2] or "", text)
