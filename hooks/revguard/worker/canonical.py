"""A MetaData in, lines out that differ exactly where its DDL may."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

SIMPLE = (str, bytes, int, float, bool, type(None))
_TYPE_ATTRIBUTES = ("enums", "name", "schema", "native_enum", "create_constraint", "collation")
_CONSTRAINT_ATTRIBUTES = ("deferrable", "initially", "ondelete", "onupdate", "match", "use_alter")


class Describer:
    """Describes metadata as one dialect sees it."""

    def __init__(self, dialect: Any) -> None:
        """Types are compiled for ``dialect``."""
        self._dialect = dialect
        self._types: dict[Any, tuple[Any, str]] = {}

    def metadata(self, metadata: Any) -> Iterator[str]:
        """Its lines, the same whatever the order in which its tables were defined."""
        naming = (getattr(metadata, "naming_convention", None) or {}).items()
        yield f"metadata {metadata.schema} {sorted(map(repr, naming))!r}"
        sequences = getattr(metadata, "_sequences", {})
        for key in sorted(sequences):
            yield f"sequence {key} {_attributes(sequences[key])}"
        for key in sorted(metadata.tables):
            yield from self._table(metadata.tables[key])

    def _table(self, table: Any) -> Iterator[str]:
        yield (
            f"table {table.schema} {table.name} comment={getattr(table, 'comment', None)!r} "
            f"info={_plain(table.info)} options={_options(table)} "
            f"prefixes={list(map(str, getattr(table, '_prefixes', ())))}"
        )
        for column in table.columns:
            yield self._column(column)
        yield from sorted(self._constraint(item) for item in table.constraints)
        yield from sorted(self._index(item) for item in table.indexes)

    def _column(self, column: Any) -> str:
        default = column.default if getattr(column.default, "is_sequence", False) else None
        return (
            f"column {column.name} key={column.key} {self._type(column.type)} "
            f"null={column.nullable} pk={column.primary_key} auto={column.autoincrement} "
            f"unique={column.unique} index={column.index} "
            f"sd={self._server_default(column.server_default)} "
            f"seq={None if default is None else _attributes(default)} "
            f"c={getattr(column, 'comment', None)!r} i={_plain(column.info)} {_options(column)}"
        )

    def _type(self, type_: Any) -> str:
        key = _type_key(type_)
        if key not in self._types:
            self._types[key] = (type_, self._type_anew(type_))  # kept alive: ids stay unique
        return self._types[key][1]

    def _type_anew(self, type_: Any) -> str:
        parts = [type(type_).__module__, type(type_).__qualname__, repr(type_)]
        for name in _TYPE_ATTRIBUTES:
            value = getattr(type_, name, None)
            if value is not None and not callable(value):
                parts.append(f"{name}={value}")
        try:
            parts.append(type_.compile(dialect=self._dialect))
        except Exception as error:  # noqa: BLE001 - another dialect's: its repr is what there is
            parts.append(type(error).__name__)
        return " ".join(parts)

    def _server_default(self, default: Any) -> str | None:
        if default is None:
            return None
        text = getattr(default, "arg", None)
        if text is None:
            text = getattr(default, "sqltext", None)
        return f"{type(default).__name__} {self._sql(text)} {_attributes(default)}"

    def _sql(self, element: Any) -> str | None:
        if element is None or isinstance(element, str):
            return element
        try:
            return str(
                element.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})
            )
        except Exception:  # noqa: BLE001 - a construct of another dialect
            return str(element)

    def _constraint(self, constraint: Any) -> str:
        columns = [column.name for column in getattr(constraint, "columns", ())]
        references = [
            f"{element.target_fullname} {element.ondelete} {element.onupdate}"
            for element in getattr(constraint, "elements", ())
        ]
        attributes = [getattr(constraint, name, None) for name in _CONSTRAINT_ATTRIBUTES]
        return (
            f"constraint {type(constraint).__name__} name={constraint.name} {columns} {references} "
            f"{self._sql(getattr(constraint, 'sqltext', None))} {attributes} "
            f"{_options(constraint)}{getattr(constraint, 'operators', '')}"
        )

    def _index(self, index: Any) -> str:
        expressions = [self._sql(expression) for expression in index.expressions]
        return (
            f"index {index.name} unique={index.unique} {expressions} {_options(index, self._sql)}"
        )


def _type_key(type_: Any) -> Any:
    """Equal for types that are the same, as far as that costs next to nothing to see."""
    kind = type(type_)
    if kind.__module__.startswith("sqlalchemy."):
        values = tuple([pair for pair in vars(type_).items() if not pair[0].startswith("_")])
        if all(isinstance(value, SIMPLE) for _, value in values):
            return kind, values
    return id(type_)


def _plain(info: Mapping[Any, Any] | None) -> list[str]:
    if not info:
        return []
    return sorted(f"{k}={v!r}" for k, v in info.items() if isinstance(v, SIMPLE))


def _options(item: Any, sql: Callable[[Any], str | None] = str) -> str:
    options = getattr(item, "dialect_options", None)
    if not options:
        return ""
    found = []
    for dialect in sorted(options):
        arguments = options[dialect]
        for name in sorted(getattr(arguments, "_non_defaults", arguments)):
            value = arguments[name]
            found.append(f"{dialect}_{name}={value if _is_text(value) else sql(value)}")
    return str(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, bool, int, list, tuple, dict, type(None)))


def _attributes(item: Any) -> list[str]:
    return sorted(
        f"{name}={value!r}"
        for name, value in vars(item).items()
        if isinstance(value, SIMPLE) and not name.startswith("_")
    )
