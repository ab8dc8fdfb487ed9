"""Two types of one column, before and after a revision, in; why values may be lost out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from revguard.rules.kinds_of_types import Type, known

_LONGER: Final = "longer values do not fit"
_LARGER: Final = "larger values do not fit"
_NEGATIVE: Final = "negative values do not fit"
_POINT: Final = "the digits after the point are lost"
_FEWER: Final = "digits are lost"
_TIME: Final = "the time of day is lost"
_DATE: Final = "the date is lost"
_ZONE: Final = "the time zone is lost"
_FRACTION: Final = "fractions of a second are lost"
_BOTH: Final = "all but 0 and 1 is lost"

_DOUBLE: Final = 15  # digits that it keeps
_DIGITS: Final = {8: 3, 16: 5, 24: 8, 32: 10, 64: 19}  # of the largest number of so many bits
_CALLED: Final = {"number": "numbers", "integer": "whole numbers", "float": "numbers"}
# characters of the longest text
_WRITTEN: Final = {"boolean": 5, "date": 10, "time": 21, "timestamp": 32, "uuid": 32, "float": 24}


def narrows(before: str, after: str, dialect: str) -> str:
    """Why values of the first type may not be kept by the second; empty where all are, and where
    one of them is not known."""
    while before.endswith("[]") and after.endswith("[]"):
        before, after = before[:-2], after[:-2]
    old, new = known(before, dialect), known(after, dialect)
    if old is None or new is None or old == new:
        return ""
    rule = _WITHIN.get(old.kind) if old.kind == new.kind else _BETWEEN.get((old.kind, new.kind))
    if rule is not None:
        return rule(old, new)
    if new.kind == "text":
        return _as_text(old, new)
    return _of_text(new) if old.kind == "text" else ""


def _of_text(new: Type) -> str:
    if new.kind in ("bytes", "json"):
        return "" if new.kind == "bytes" else "texts that are no JSON do not fit"
    if new.kind == "list":
        return "texts that are not in the list do not fit"
    return f"texts that are no {_CALLED.get(new.kind, new.kind)} do not fit"


def _as_text(old: Type, new: Type) -> str:
    return _LONGER if _longest(old) > new.size else ""


def _longest(old: Type) -> int:
    if old.kind == "integer":
        return _DIGITS[old.size] + (not old.unsigned)
    if old.kind == "number":
        return old.size + old.scale + 2
    if old.kind == "list":
        return max(map(len, old.labels), default=0)
    return _WRITTEN.get(old.kind, old.size)


def _size(old: Type, new: Type) -> str:
    return _LONGER if new.size < old.size else ""


def _integers(old: Type, new: Type) -> str:
    if new.unsigned and not old.unsigned:
        return _NEGATIVE
    largest = [one.size - (not one.unsigned) for one in (old, new)]
    return _LARGER if largest[1] < largest[0] else ""


def _numbers(old: Type, new: Type) -> str:
    if new.size < old.size:
        return _LARGER
    return _FEWER if 0 < new.scale < old.scale else _POINT if new.scale < old.scale else ""


def _floats(old: Type, new: Type) -> str:
    return _FEWER if new.size < old.size else ""


def _moments(old: Type, new: Type) -> str:
    if old.zone and not new.zone:
        return _ZONE
    return _FRACTION if new.scale < old.scale else ""


def _lists(old: Type, new: Type) -> str:
    gone = sorted(old.labels - new.labels)
    return f"{', '.join(map(repr, gone))} is not in the list any more" if gone else ""


def _integer_as_number(old: Type, new: Type) -> str:
    return _LARGER if new.size < _DIGITS[old.size] else ""


def _integer_as_float(old: Type, new: Type) -> str:
    return _FEWER if new.size < old.size else ""


def _number_as_integer(old: Type, new: Type) -> str:
    if old.scale > 0:
        return _POINT
    return _LARGER if old.size >= _DIGITS[new.size] else ""


def _number_as_float(old: Type, new: Type) -> str:
    return _FEWER if old.size + old.scale > (_DOUBLE if new.size > 24 else 6) else ""


def _float_as_number(_old: Type, new: Type) -> str:
    return _FEWER if new.scale < 1 << 20 else ""


def _always(reason: str) -> Callable[[Type, Type], str]:
    return lambda _old, _new: reason


_WITHIN: Final[Mapping[str, Callable[[Type, Type], str]]] = {
    "text": _size, "bytes": _size, "integer": _integers, "number": _numbers, "float": _floats,
    "time": _moments, "timestamp": _moments, "list": _lists,
}  # fmt: skip
_BETWEEN: Final[Mapping[tuple[str, str], Callable[[Type, Type], str]]] = {
    ("integer", "number"): _integer_as_number,
    ("integer", "float"): _integer_as_float,
    ("integer", "boolean"): _always(_BOTH),
    ("number", "integer"): _number_as_integer,
    ("number", "float"): _number_as_float,
    ("number", "boolean"): _always(_BOTH),
    ("float", "integer"): _always(_POINT),
    ("float", "number"): _float_as_number,
    ("float", "boolean"): _always(_BOTH),
    ("timestamp", "date"): _always(_TIME),
    ("timestamp", "time"): _always(_DATE),
}
