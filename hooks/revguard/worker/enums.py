"""PostgreSQL's enum types in a script: each created once before it is used, and dropped when
nothing uses it any more. Alembic leaves that out wherever it is not part of a CREATE TABLE."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Tuple

from alembic.autogenerate import api
from alembic.operations import ops
from sqlalchemy import text

from . import casts
from .differences import leaves
from .prerequisites import columns_of, sql
from .rendering import TypeRenderer

Key = Tuple[Any, str]  # schema or None, name
Place = Tuple[Any, Any]  # the operation and the type in it
Uses = Dict[Key, List[Place]]

_TYPES = """
SELECT n.nspname, t.typname, n.nspname = current_schema(),
       (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
           AND c.relkind IN ('r', 'p'))
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e'
"""


class Enums:
    """The enum types of one comparison's scripts."""

    def __init__(self, context: api.AutogenContext, renderer: TypeRenderer) -> None:
        """Read from the context's connection which types there are and how often each is used."""
        self._context = context
        self._marked: set[Key] = set()
        renderer.special(self._is_there, _rendered)
        self._dialect: Any = context.dialect
        self._existing: dict[Key, int] = {}
        connection = context.connection
        assert connection is not None
        for schema, name, is_default, uses in connection.execute(text(_TYPES)).fetchall():
            self._existing[(schema, name)] = uses
            if is_default:
                self._existing[(None, name)] = uses

    def complete(self, script: ops.MigrationScript) -> None:
        """Add what is missing to both directions of ``script``."""
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        assert upgrade is not None
        assert downgrade is not None
        added, removed = self._uses(upgrade)
        existing = set(self._existing)
        kept = {key for key, uses in self._existing.items() if uses > len(removed.get(key, ()))}
        kept |= set(added)
        orphans = [key for key in removed if key in existing and key not in kept]
        created = [key for key in added if key not in existing]
        self._direction(upgrade, added, existing)
        self._direction(downgrade, self._uses(downgrade)[0], existing - set(orphans))
        for key in orphans:
            upgrade.ops.append(self._drop(removed[key][0][1]))
        for key in created:
            downgrade.ops.append(self._drop(added[key][0][1]))
        casts.set_defaults_aside(script, self._context, _leaves_an_enum)

    def _direction(self, container: ops.OpContainer, uses: Uses, existing: set[Key]) -> None:
        """Create what is missing; leave to CREATE TABLE what it creates alone and by itself."""
        create = []
        for key, places in uses.items():
            op, type_ = places[0]
            if key in existing:
                self._marked.add(key)
            elif len(places) > 1 or not isinstance(op, ops.CreateTableOp):
                self._marked.add(key)
                create.append(self._create(type_))
        container.ops[:0] = create

    def _is_there(self, type_: Any) -> bool:
        """Whether it is to be rendered as a type that is there already."""
        if hasattr(type_, "item_type"):
            return False  # Alembic renders an array's own type by itself
        enum = _enum(type_)
        return enum is not None and (enum.schema, enum.name) in self._marked

    def _uses(self, container: ops.OpContainer) -> tuple[Uses, Uses]:
        added: Uses = {}
        removed: Uses = {}
        for _, op in leaves(container):
            self._note(added, op, [column.type for column in columns_of(op)])
            if isinstance(op, ops.DropTableOp):
                self._note(removed, op, _types(getattr(op._reverse, "columns", None) or ()))
            elif isinstance(op, ops.DropColumnOp):
                column = getattr(op._reverse, "column", None)
                self._note(removed, op, [] if column is None else [column.type])
            elif isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
                self._note(added, op, [op.modify_type])
                self._note(removed, op, [op.existing_type])
        return added, removed

    def _note(self, found: Uses, op: Any, types: Iterable[Any]) -> None:
        for type_ in types:
            enum = _enum(type_)
            if enum is not None:
                found.setdefault((enum.schema, enum.name), []).append((op, enum))

    def _quoted(self, enum: Any) -> str:
        preparer = self._dialect.identifier_preparer
        name = str(preparer.quote(enum.name))
        return f"{preparer.quote_schema(enum.schema)}.{name}" if enum.schema else name

    def _create(self, type_: Any) -> ops.ExecuteSQLOp:
        enum = _enum(type_)
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in enum.enums)
        return sql(f"CREATE TYPE {self._quoted(enum)} AS ENUM ({labels})")

    def _drop(self, type_: Any) -> ops.ExecuteSQLOp:
        return sql(f"DROP TYPE {self._quoted(_enum(type_))}")


def _types(items: Iterable[Any]) -> list[Any]:
    return [item.type for item in items if hasattr(item, "type")]


def _leaves_an_enum(op: Any) -> bool:
    """A default keeps the type in use: it would be cast, and the type could not be dropped."""
    return _enum(op.existing_type) is not None


def _enum(type_: Any) -> Any:
    """The native enum behind a column's type (plain, in an array, decorated), or None."""
    if type_ is None:
        return None
    inner = getattr(type_, "item_type", None)
    if inner is not None:
        return _enum(inner)
    plain = getattr(type_, "impl", None) if hasattr(type_, "process_bind_param") else type_
    if plain is None or not hasattr(plain, "enums") or not getattr(plain, "name", None):
        return None
    return plain if getattr(plain, "native_enum", True) else None


def _rendered(type_: Any, context: api.AutogenContext) -> str:
    """As Alembic renders it, but for the words that keep it from being created again."""
    enum = _enum(type_)
    context.imports.add("from sqlalchemy.dialects import postgresql")
    schema = f", schema={str(enum.schema)!r}" if enum.schema else ""
    labels = ", ".join(map(repr, enum.enums))
    return f"postgresql.ENUM({labels}, name={str(enum.name)!r}{schema}, create_type=False)"
