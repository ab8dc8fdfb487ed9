"""A JSON report that somebody else may have written in, a Report of the right types out."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from revguard import verdict
from revguard.verdict import Report

LIMIT: Final = 32 << 20  # bytes of one file


def read(path: Path) -> Report:
    """The report in a file. ValueError says what it is instead."""
    try:
        if path.stat().st_size > LIMIT:
            raise ValueError(f"it is larger than {LIMIT >> 20} MiB")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return checked(data)


def checked(data: Any) -> Report:
    """The report that this decoded JSON is. ValueError."""
    report = verdict.from_dict(data)
    wrong = _wrong(report, "report")
    if wrong:
        raise ValueError(f"not a report of this version: {wrong} is of another type")
    return report


def _wrong(value: object, where: str) -> str:
    """The first part that is not of its field's type; empty where all are."""
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        found = _unlike(getattr(value, name), hint, f"{where}.{name}")
        if found:
            return found
    return ""


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def _unlike(value: Any, hint: Any, where: str) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return ""
    if origin in (Union, types.UnionType):
        tried = [_unlike(value, one, where) for one in inner]
        return "" if "" in tried else tried[0]
    if origin is Literal:
        return "" if value in inner and isinstance(value, str) else where
    if origin is tuple:
        return _first(value, inner[0], where) if isinstance(value, tuple) else where
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _unlike_mapping(value, inner, where)
    if is_dataclass(hint):
        return _wrong(value, where) if isinstance(value, hint) else where  # type: ignore[arg-type]
    if type(value) is not hint:  # True is an int, and no line number
        return where
    return where if isinstance(value, str) and not _is_writable(value) else ""


def _is_writable(text: str) -> bool:
    """Whether it is Unicode, or the bytes of a file's name."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _unlike_mapping(value: Any, inner: tuple[Any, ...], where: str) -> str:
    if not isinstance(value, Mapping):
        return where
    return _first([*value], inner[0], where) or _first([*value.values()], inner[1], where)


def _first(values: Any, hint: Any, where: str) -> str:
    return next(filter(None, (_unlike(one, hint, where) for one in values)), "")
