"""A column's type as a database tells it in, its kind and how much it holds out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

ENDLESS: Final = 1 << 40
_FRACTION: Final = 6  # digits of a second, where nothing else is said
_TYPE: Final = re.compile(r"([a-z]\w*)((?: [a-z]+)*) ?(?:\((.*)\))?((?: [a-z]+)*)", re.DOTALL)
_KINDS: Final = {
    "text": "char character nchar varchar nvarchar varchar2 nvarchar2 text ntext clob nclob "
    "tinytext mediumtext longtext",
    "integer": "tinyint smallint mediumint int integer bigint int2 int4 int8",
    "number": "numeric decimal dec number",
    "float": "real float double float4 float8 binary_float binary_double",
    "boolean": "boolean bool",
    "date": "date",
    "time": "time timetz",
    "timestamp": "timestamp timestamptz datetime datetime2 datetimeoffset",
    "json": "json jsonb",
    "uuid": "uuid",
    "bytes": "bytea blob tinyblob mediumblob longblob binary varbinary",
    "list": "enum set",
}
_KIND: Final = {name: kind for kind, names in _KINDS.items() for name in names.split()}
# words that may stand beside a name; with any other it is no type of these
_BESIDE: Final = frozenset(
    "varying precision with without local time zone unsigned signed zerofill large object".split()  # noqa: SIM905
)
_BITS: Final[Mapping[str, int]] = {
    "tinyint": 8, "smallint": 16, "int2": 16, "mediumint": 24, "bigint": 64, "int8": 64,
}  # fmt: skip
_LENGTHS: Final[Mapping[str, int]] = {
    "tinytext": 255, "tinyblob": 255, "mediumtext": (1 << 24) - 1, "mediumblob": (1 << 24) - 1,
    "longtext": (1 << 32) - 1, "longblob": (1 << 32) - 1,
}  # fmt: skip
_ONE: Final = ("char", "character", "nchar", "binary")  # without a length
_SINGLE: Final = ("real", "float4", "binary_float")
_MYSQL: Final = ("mysql", "mariadb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A type that is known here."""

    kind: str
    size: int = ENDLESS  # characters, bytes, bits, or digits before the point
    scale: int = ENDLESS  # digits after the point, or of a second's fraction
    unsigned: bool = False
    zone: bool = False
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """A type's text, taken apart."""

    name: str
    beside: tuple[str, ...]
    args: str
    dialect: str

    @property
    def numbers(self) -> list[int]:
        return [int(one) for one in re.findall(r"-?\d+", self.args)]


def known(text: str, dialect: str) -> Type | None:
    """What the text says; None where it is no type of these, as a project's own is none."""
    found = _TYPE.fullmatch(_lower(text))
    if found is None or found[1] not in _KIND:
        return None
    beside = (*found[2].split(), *found[4].split())
    if not _BESIDE.issuperset(beside):
        return None
    kind = _KIND[found[1]]
    return _MAKERS[kind](_Words(name=found[1], beside=beside, args=found[3] or "", dialect=dialect))


def _lower(text: str) -> str:
    """The words in small letters, labels as they are."""
    return re.sub(r"'(?:[^']|'')*'|[^']+", _unquoted, " ".join(text.split()))


def _unquoted(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("'") else found[0].lower()


def _sized(words: _Words) -> Type:
    size = words.numbers[0] if words.numbers else _LENGTHS.get(words.name, ENDLESS)
    if not words.numbers and words.name in _ONE and not words.beside:
        size = 1
    elif not words.numbers and words.name in ("text", "blob") and words.dialect in _MYSQL:
        size = (1 << 16) - 1
    return Type(kind=_KIND[words.name], size=size)


def _integer(words: _Words) -> Type:
    bits = _BITS.get(words.name, 64 if words.dialect == "sqlite" else 32)
    return Type(kind="integer", size=bits, scale=0, unsigned="unsigned" in words.beside)


def _number(words: _Words) -> Type:
    if not words.numbers:
        return Type(kind="number")
    digits, scale = (*words.numbers, 0)[:2]
    return Type(kind="number", size=digits - scale, scale=scale)


def _float(words: _Words) -> Type:
    single = words.name in _SINGLE or (words.name == "float" and words.dialect in _MYSQL)
    if words.name == "float" and len(words.numbers) == 1:
        single = words.numbers[0] <= 24
    if words.dialect == "sqlite":
        single = False
    return Type(kind="float", size=24 if single else 53)


def _moment(words: _Words) -> Type:
    plain = 0 if words.dialect in _MYSQL else _FRACTION
    zone = words.name in ("timestamptz", "timetz", "datetimeoffset") or "with" in words.beside
    return Type(
        kind=_KIND[words.name], scale=words.numbers[0] if words.numbers else plain, zone=zone
    )


def _list(words: _Words) -> Type:
    return Type(kind="list", labels=frozenset(re.findall(r"'((?:[^']|'')*)'", words.args)))


def _plain(words: _Words) -> Type:
    return Type(kind=_KIND[words.name])


_MAKERS: Final[Mapping[str, Callable[[_Words], Type]]] = {
    **dict.fromkeys(_KINDS, _plain),
    "text": _sized,
    "bytes": _sized,
    "integer": _integer,
    "number": _number,
    "float": _float,
    "time": _moment,
    "timestamp": _moment,
    "list": _list,
}
