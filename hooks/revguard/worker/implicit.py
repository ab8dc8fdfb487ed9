"""MariaDB's and MySQL's indexes behind foreign keys, in a script's two directions.

A foreign key needs an index. Where there is none the server makes one unasked, keeps it when the
key goes, and takes it away unsaid when another index can do its work. Alembic looks past it. So
it is dropped and made here wherever a revision would otherwise fail, or not be undone.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from alembic.operations import ops

from .differences import leaves
from .prerequisites import sql
from .standing import Columns, Key, Table, Tables


def complete(script: ops.MigrationScript, context: Any) -> None:
    """Change both directions of ``script``, which undo each other so far."""
    directions = script.upgrade_ops, script.downgrade_ops
    for container in directions:
        assert container is not None
        _drop_with_table(container)
        _keys_first(container)
    _Completion(directions[0], directions[1], context).run()


def _table(op: Any) -> Table:
    if isinstance(op, ops.CreateForeignKeyOp):
        return op.kw.get("source_schema"), str(op.source_table)
    return getattr(op, "schema", None), str(getattr(op, "table_name", ""))


def _drop_with_table(container: Any) -> None:
    """An index goes with its table; before it, a foreign key may still need it."""
    gone = {_table(op) for _, op in leaves(container) if isinstance(op, ops.DropTableOp)}
    for holder, op in list(leaves(container)):
        if isinstance(op, ops.DropIndexOp) and _table(op) in gone:
            holder.remove(op)
    for op in list(container.ops):
        if isinstance(op, ops.ModifyTableOps) and not op.ops:
            container.ops.remove(op)


def _keys_first(container: Any) -> None:
    """A foreign key is dropped before the index that it needs."""
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps):
            op.ops.sort(key=lambda one: not _drops_key(one))


def _drops_key(op: Any) -> bool:
    return isinstance(op, ops.DropConstraintOp) and op.constraint_type == "foreignkey"


def _drops_index(op: Any) -> str:
    if isinstance(op, ops.DropIndexOp):
        return str(op.index_name)
    unique = isinstance(op, ops.DropConstraintOp) and op.constraint_type == "unique"
    return str(op.constraint_name) if unique else ""


def _creates_index(op: Any) -> tuple[str, Columns] | None:
    """Name and columns of an index or unique constraint that an operation makes."""
    if isinstance(op, ops.CreateIndexOp):
        columns = tuple(str(getattr(one, "name", None) or one) for one in op.columns)
        return str(op.index_name), columns
    if isinstance(op, ops.CreateUniqueConstraintOp):
        return str(op.constraint_name), tuple(str(getattr(c, "name", c)) for c in op.columns)
    return None


def _serves(index: Columns, key: Columns) -> bool:
    return index[: len(key)] == key


class _Completion:
    """One script's two directions, and the database before it."""

    def __init__(self, upgrade: Any, downgrade: Any, context: Any) -> None:
        self._upgrade = upgrade
        self._downgrade = downgrade
        self._context = context
        self._tables = Tables(context.connection)
        self._all = [op for _, op in leaves(upgrade)]
        self._gone = {_table(op) for op in self._all if isinstance(op, ops.DropTableOp)}
        self._new = {_table(op) for op in self._all if isinstance(op, ops.CreateTableOp)}
        self._restored: set[tuple[Table, str]] = set()

    def run(self) -> None:
        """Whatever concerns a foreign key or an index of its columns."""
        for op in self._all:
            table = _table(op)
            if isinstance(op, ops.DropTableOp):
                for key in self._tables.keys(table):
                    self._made_again(table, key)
            elif _drops_key(op):
                self._dropped(op, table)
            elif isinstance(op, ops.CreateForeignKeyOp) and table not in self._new:
                self._created(op, table)
        for table in {_table(op): None for op in self._all if _creates_index(op)}:
            if table not in self._new:
                self._superseded(table)
        for op in [op for _, op in leaves(self._upgrade) if _drops_index(op)]:
            if _table(op) not in self._gone:
                self._needed(op, _table(op))

    def _staying(self, table: Table) -> list[Key]:
        dropped = {op.constraint_name for op in self._all if _drops_key(op) and _table(op) == table}
        return [key for key in self._tables.keys(table) if key.name not in dropped]

    def _implicit(self, table: Table, key: Key) -> str:
        """The index that the server made, if the models do not have it, and nothing drops it."""
        name = self._tables.implicit(table, key)
        schema, bare = table
        declared = self._context.table_key_to_table.get(f"{schema}.{bare}" if schema else bare)
        is_declared = declared is not None and name in {str(i.name) for i in declared.indexes}
        dropped = {_drops_index(op) for op in self._all if _table(op) == table}
        return "" if is_declared or name in dropped else name

    def _made_again(self, table: Table, key: Key) -> None:
        """The downgrade's key brings an index of its own name; it was another."""
        name = self._implicit(table, key)
        if not name or name == key.name or (table, name) in self._restored:
            return
        self._restored.add((table, name))
        index = _index(name, table, key.columns)
        for holder, op in leaves(self._downgrade):
            is_key = isinstance(op, ops.CreateForeignKeyOp) and _table(op) == table
            if is_key and op.constraint_name == key.name:
                holder.insert(_place(holder, op), index)
                return
        for holder, op in leaves(self._downgrade):
            if isinstance(op, ops.CreateTableOp) and _table(op) == table:
                holder.insert(_place(holder, op) + 1, index)

    def _dropped(self, op: Any, table: Table) -> None:
        for key in self._tables.keys(table):
            if key.name != op.constraint_name:
                continue
            self._made_again(table, key)
            name = self._implicit(table, key)
            shared = any(_serves(key.columns, other.columns) for other in self._staying(table))
            if name and table not in self._gone and not shared:
                _insert_behind(self._upgrade, op, _without(name, table))

    def _created(self, op: Any, table: Table) -> None:
        """Without an index of the models, the new key brings one, which goes with it."""
        columns = tuple(map(str, op.local_cols))
        dropped = {_drops_index(one) for one in self._all if _table(one) == table}
        dropped |= {self._implicit(table, key) for key in self._leaving(table)}
        left = [c for name, (c, _) in self._tables.indexes(table).items() if name not in dropped]
        made = [_creates_index(one) for one in self._all if _table(one) == table]
        left += [one[1] for one in made if one is not None]
        earlier = self._all[: _place(self._all, op)]
        left += [
            tuple(map(str, one.local_cols))
            for one in earlier
            if isinstance(one, ops.CreateForeignKeyOp) and _table(one) == table
        ]
        if any(_serves(index, columns) for index in left):
            return
        for _, one in leaves(self._downgrade):
            if _drops_key(one) and (_table(one), one.constraint_name) == (
                table,
                op.constraint_name,
            ):
                _insert_behind(self._downgrade, one, _without(str(op.constraint_name), table))

    def _leaving(self, table: Table) -> list[Key]:
        staying = self._staying(table)
        return [key for key in self._tables.keys(table) if key not in staying]

    def _superseded(self, table: Table) -> None:
        """A new index would take the place of the server's own unsaid: one statement does both,
        so that it is the same whether it was there or not."""
        for key in self._staying(table):
            name = self._implicit(table, key)
            for op in self._all if name else ():
                made = _creates_index(op)
                if made and _table(op) == table and _serves(made[1], key.columns) and _is_plain(op):
                    old = name, key.columns, False
                    self._swap(table, old, op, made)
                    break

    def _needed(self, op: Any, table: Table) -> None:
        """An index that a foreign key needs cannot go before another one is there."""
        name = _drops_index(op)
        indexes = self._tables.indexes(table)
        columns, unique = indexes.get(name, ((), False))
        dropped = {_drops_index(one) for one in self._all if _table(one) == table}
        left = [c for other, (c, _) in indexes.items() if other not in dropped]
        for key in self._staying(table):
            if not _serves(columns, key.columns):
                continue
            if any(_serves(other, key.columns) for other in left):
                continue
            for one in self._all:
                made = _creates_index(one)
                if made and _table(one) == table and _serves(made[1], key.columns):
                    if _is_plain(one):
                        _take(self._upgrade, op)
                        self._take_creation(table, name)
                        self._swap(table, (name, columns, unique), one, made)
                    return
            _insert_before(self._upgrade, op, _index(key.name, table, key.columns))
            self._behind_creation(table, name, _without(key.name, table))
            left.append(key.columns)

    def _swap(
        self, table: Table, old: tuple[str, Columns, bool], op: Any, made: tuple[str, Columns]
    ) -> None:
        """The operation that makes an index becomes a statement that also drops the old one."""
        new = made[0], made[1], _is_unique(op)
        _replace(self._upgrade, op, altered(self._context.dialect, table, old, new))
        for _, one in list(leaves(self._downgrade)):
            if _drops_index(one) == made[0] and _table(one) == table:
                _replace(self._downgrade, one, altered(self._context.dialect, table, new, old))

    def _creations(self, table: Table, name: str) -> Iterator[Any]:
        for _, one in list(leaves(self._downgrade)):
            made = _creates_index(one)
            if made and made[0] == name and _table(one) == table:
                yield one

    def _take_creation(self, table: Table, name: str) -> None:
        for one in self._creations(table, name):
            _take(self._downgrade, one)

    def _behind_creation(self, table: Table, name: str, op: Any) -> None:
        for one in self._creations(table, name):
            _insert_behind(self._downgrade, one, op)


def altered(
    dialect: Any, table: Table, old: tuple[str, Columns, bool], new: tuple[str, Columns, bool]
) -> Any:
    """One statement that drops an index and makes another."""

    def quoted(name: str) -> str:
        preparer = dialect.identifier_preparer
        text = str(preparer.quote(name))
        return text.replace("%%", "%") if getattr(preparer, "_double_percents", False) else text

    place = ".".join(quoted(one) for one in table if one)
    columns = ", ".join(map(quoted, new[1]))
    kind = "UNIQUE INDEX" if new[2] else "INDEX"
    return sql(
        f"ALTER TABLE {place} DROP INDEX {quoted(old[0])}, ADD {kind} {quoted(new[0])} ({columns})"
    )


def _is_plain(op: Any) -> bool:
    """Whether name and columns are all that there is to say."""
    options = (getattr(op, "kw", None) or {}).items()
    said = any(value for key, value in options if key.startswith(("mysql_", "mariadb_")))
    columns: Iterable[Any] = op.columns
    return not said and all(isinstance(one, str) or hasattr(one, "table") for one in columns)


def _is_unique(op: Any) -> bool:
    return isinstance(op, ops.CreateUniqueConstraintOp) or bool(getattr(op, "unique", False))


def _index(name: str, table: Table, columns: Columns) -> ops.CreateIndexOp:
    return ops.CreateIndexOp(name, table[1], list(columns), schema=table[0])


def _without(name: str, table: Table) -> ops.DropIndexOp:
    return ops.DropIndexOp(name, table[1], schema=table[0])


def _place(items: list[Any], op: Any) -> int:
    return next(place for place, one in enumerate(items) if one is op)


def _holder(container: Any, op: Any) -> list[Any]:
    return next(holder for holder, one in leaves(container) if one is op)


def _insert_before(container: Any, op: Any, new: Any) -> None:
    holder = _holder(container, op)
    holder.insert(_place(holder, op), new)


def _insert_behind(container: Any, op: Any, new: Any) -> None:
    holder = _holder(container, op)
    holder.insert(_place(holder, op) + 1, new)


def _replace(container: Any, op: Any, new: Any) -> None:
    holder = _holder(container, op)
    holder[_place(holder, op)] = new


def _take(container: Any, op: Any) -> None:
    holder = _holder(container, op)
    del holder[_place(holder, op)]
