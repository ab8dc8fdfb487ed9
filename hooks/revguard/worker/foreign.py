"""A column whose type the database cannot have: the models are another dialect's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_DIALECTS = "sqlalchemy.dialects."


def type_of(context: MigrationContext) -> dict[str, str] | None:
    """The first such column: {dialect, column, type}; None where there is none."""
    for table in _tables(context.opts.get("target_metadata")):
        for column in table.columns:
            module = type(column.type).__module__
            if not module.startswith(_DIALECTS):
                continue
            name = module[len(_DIALECTS) :].partition(".")[0]
            if name != context.dialect.name and not _compiles(column.type, context.dialect):
                return {
                    "dialect": name,
                    "column": f"{table.name}.{column.name}",
                    "type": type(column.type).__name__,
                }
    return None


def _tables(metadata: Any) -> Iterator[Any]:
    for item in metadata if isinstance(metadata, (list, tuple)) else [metadata]:
        yield from getattr(item, "tables", {}).values()


def _compiles(type_: Any, dialect: Any) -> bool:
    try:
        type_.compile(dialect=dialect)
    except Exception:  # noqa: BLE001  each dialect says it in another way
        return False
    return True
