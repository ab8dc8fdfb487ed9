"""PostgreSQL's enum types in a script: each created once before it is used, and dropped when
nothing uses it any more. Alembic leaves that out wherever it is not part of a CREATE TABLE."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Tuple

from alembic.autogenerate import api
from alembic.operations import ops
from sqlalchemy import text

from .differences import leaves

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

    def __init__(self, context: api.AutogenContext) -> None:
        """Read from the context's connection which types there are and how often each is used."""
        self._context = context
        self._dialect: Any = context.dialect
        self._marked: dict[int, Any] = {}
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
        self._install_renderer()

    def _direction(self, container: ops.OpContainer, uses: Uses, existing: set[Key]) -> None:
        """Create what CREATE TABLE does not create itself, and say where it must not try."""
        create = []
        for key, places in uses.items():
            first_op, first_type = places[0]
            marked = places
            if key not in existing and not isinstance(first_op, ops.CreateTableOp):
                create.append(self._create(first_type))
            elif key not in existing:
                marked = places[1:]
            for _, type_ in marked:
                self._marked[id(type_)] = type_
        container.ops[:0] = create

    def _uses(self, container: ops.OpContainer) -> tuple[Uses, Uses]:
        added: Uses = {}
        removed: Uses = {}
        for _, op in leaves(container):
            if isinstance(op, ops.CreateTableOp):
                self._note(added, op, _types(op.columns))
            elif isinstance(op, ops.AddColumnOp):
                self._note(added, op, [op.column.type])
            elif isinstance(op, ops.DropTableOp):
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
                marked = type_ if enum is type_ else getattr(type_, "item_type", type_)
                found.setdefault((enum.schema, enum.name), []).append((op, marked))

    def _quoted(self, enum: Any) -> str:
        preparer = self._dialect.identifier_preparer
        name = str(preparer.quote(enum.name))
        return f"{preparer.quote_schema(enum.schema)}.{name}" if enum.schema else name

    def _create(self, type_: Any) -> ops.ExecuteSQLOp:
        enum = _enum(type_)
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in enum.enums)
        return _sql(f"CREATE TYPE {self._quoted(enum)} AS ENUM ({labels})")

    def _drop(self, type_: Any) -> ops.ExecuteSQLOp:
        return _sql(f"DROP TYPE {self._quoted(_enum(type_))}")

    def _install_renderer(self) -> None:
        opts: Any = self._context.opts
        users = opts.get("render_item")

        def render_item(kind: str, item: Any, context: api.AutogenContext) -> Any:
            if kind == "type" and id(item) in self._marked and _enum(item) is item:
                return _rendered(item, context)
            return users(kind, item, context) if users else False

        opts["render_item"] = render_item


def _types(items: Iterable[Any]) -> list[Any]:
    return [item.type for item in items if hasattr(item, "type")]


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


def _rendered(enum: Any, context: api.AutogenContext) -> str:
    """As Alembic renders it, but for the words that keep it from being created again."""
    context.imports.add("from sqlalchemy.dialects import postgresql")
    schema = f", schema={str(enum.schema)!r}" if enum.schema else ""
    labels = ", ".join(map(repr, enum.enums))
    return f"postgresql.ENUM({labels}, name={str(enum.name)!r}{schema}, create_type=False)"


def _sql(statement: str) -> ops.ExecuteSQLOp:
    return ops.ExecuteSQLOp(statement.replace(":", "\\:"))
