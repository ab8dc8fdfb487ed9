"""Autogenerate's operations as differences: named like Alembic's diff tuples, each with a key that
is the same wherever the same difference is found; and known ones taken out of the operations."""

from alembic.autogenerate import render
from alembic.operations import ops

_ADDED = {
    "CreateForeignKeyOp": "add_fk",
    "CreateUniqueConstraintOp": "add_constraint",
    "CreateCheckConstraintOp": "add_constraint",
    "CreatePrimaryKeyOp": "add_constraint",
}


class Difference:
    """One difference: ``op`` as in Alembic's diff tuples, ``object``, ``detail``, and ``key``."""

    __slots__ = ("op", "object", "detail", "key", "table", "name")

    def __init__(self, op, table, name, detail, text):
        self.op = op
        self.table = table
        self.name = name
        self.object = table + ("." + name if name else "")
        self.detail = detail
        self.key = "%s %s %s" % (op, self.object, text)

    def as_dict(self):
        return {
            "op": self.op,
            "object": self.object,
            "detail": self.detail,
            "key": self.key,
            "table": self.table,
            "name": self.name,
        }


def leaves(container):
    """Each operation of an OpContainer with the list that holds it, depth first."""
    for op in list(container.ops):
        if isinstance(op, ops.OpContainer):
            for pair in leaves(op):
                yield pair
        else:
            yield container.ops, op


def of_ops(container, context):
    """All differences in upgrade operations; ``context`` is their AutogenContext."""
    found = []
    for _, op in leaves(container):
        found.extend(of_op(op, context))
    return found


def of_op(op, context):
    """The differences of one operation: one, or one for each thing that an ALTER COLUMN does."""
    table = _qualified(getattr(op, "schema", None), getattr(op, "table_name", None))
    if isinstance(op, ops.AlterColumnOp):
        return _of_alter(op, table, context)
    text = _render(op, context)
    kind = type(op).__name__
    if isinstance(op, ops.CreateTableOp):
        columns = ", ".join(c.name for c in op.columns if hasattr(c, "type"))
        return [Difference("add_table", table, "", columns, text)]
    if isinstance(op, ops.DropTableOp):
        return [Difference("remove_table", table, "", "", text)]
    if isinstance(op, ops.AddColumnOp):
        return [Difference("add_column", table, op.column.name, _column(op.column, context), text)]
    if isinstance(op, ops.DropColumnOp):
        return [Difference("remove_column", table, op.column_name, "", text)]
    if isinstance(op, ops.CreateIndexOp):
        return [Difference("add_index", table, op.index_name or "", _index(op), text)]
    if isinstance(op, ops.DropIndexOp):
        return [Difference("remove_index", table, op.index_name or "", "", text)]
    if isinstance(op, ops.DropConstraintOp):
        foreign = getattr(op, "constraint_type", None) == "foreignkey"
        name = "remove_fk" if foreign else "remove_constraint"
        return [Difference(name, table, op.constraint_name or "", "", text)]
    if kind in _ADDED:
        return [_of_constraint(op, kind, text)]
    if kind in ("CreateTableCommentOp", "DropTableCommentOp"):
        name = "add_table_comment" if kind.startswith("Create") else "remove_table_comment"
        return [Difference(name, table, "", str(getattr(op, "comment", "") or ""), text)]
    first = op.to_diff_tuple()[0] if hasattr(op, "to_diff_tuple") else None
    name = first if isinstance(first, str) else kind
    return [Difference(name, table, "", "", text)]


def _of_constraint(op, kind, text):
    if isinstance(op, ops.CreateForeignKeyOp):
        table = _qualified(op.kw.get("source_schema"), op.source_table)
        detail = "%s -> %s(%s)" % (
            ", ".join(op.local_cols),
            op.referent_table,
            ", ".join(op.remote_cols),
        )
        columns = op.local_cols
    else:
        table = _qualified(getattr(op, "schema", None), op.table_name)
        columns = getattr(op, "columns", None) or ()
        detail = ", ".join(map(str, columns)) or str(getattr(op, "condition", ""))
    name = op.constraint_name or "_".join(map(str, columns))
    return Difference(_ADDED[kind], table, str(name), detail, text)


def _of_alter(op, table, context):
    found = []

    def add(name, old, new):
        detail = "%s -> %s" % (old, new)
        found.append(Difference(name, table, op.column_name, detail, detail))

    if op.modify_type is not None:
        add("modify_type", _type(op.existing_type, context), _type(op.modify_type, context))
    if op.modify_nullable is not None:
        add("modify_nullable", _null(op.existing_nullable), _null(op.modify_nullable))
    if op.modify_server_default is not False:
        old, new = op.existing_server_default, op.modify_server_default
        add("modify_default", _default(old), _default(new))
    if getattr(op, "modify_comment", False) is not False:
        add("modify_comment", repr(op.existing_comment), repr(op.modify_comment))
    if not found:
        found.append(Difference("modify_column", table, op.column_name, "", _render(op, context)))
    return found


def subtract(container, known, waived, context):
    """Take the known differences (a list of keys, each counting once) out of the operations, and
    those that are waived ("op object" each).

    Returns how many were taken. An ALTER COLUMN of which a part is known keeps the rest.
    """
    left = {}
    for key in known:
        left[key] = left.get(key, 0) + 1
    taken = 0
    for holder, op in list(leaves(container)):
        differences = of_op(op, context)
        hits = []
        for difference in differences:
            if left.get(difference.key):
                left[difference.key] -= 1
                hits.append(difference)
            elif "%s %s" % (difference.op, difference.object) in waived:
                hits.append(difference)
        taken += len(hits)
        if hits and len(hits) == len(differences):
            holder.remove(op)
        elif hits:
            _forget(op, hits)
    _drop_empty(container)
    return taken


def _forget(op, hits):
    unset = {
        "modify_type": ("modify_type", None),
        "modify_nullable": ("modify_nullable", None),
        "modify_default": ("modify_server_default", False),
        "modify_comment": ("modify_comment", False),
    }
    for difference in hits:
        name, value = unset[difference.op]
        setattr(op, name, value)


def _drop_empty(container):
    for op in list(container.ops):
        if isinstance(op, ops.OpContainer):
            _drop_empty(op)
            if not op.ops:
                container.ops.remove(op)


def sort(container):
    """The same order on every run, whatever the hash seed: additions and changes as Alembic has
    them, columns dropped by name, tables dropped last and what references them first."""
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps):
            _sort_slots(op.ops, ops.DropColumnOp, lambda item: item.column_name)
    drops = [op for op in container.ops if isinstance(op, ops.DropTableOp)]
    gone = {_qualified(op.schema, op.table_name): op for op in drops}
    before = {name: [] for name in gone}
    rest = []
    for op in container.ops:
        if isinstance(op, ops.DropTableOp):
            continue
        name = _qualified(getattr(op, "schema", None), getattr(op, "table_name", None))
        if isinstance(op, ops.ModifyTableOps) and name in gone:
            before[name].append(op)
        else:
            rest.append(op)
    ordered = []
    for name in _dependents_first(gone):
        ordered.extend(before[name])
        ordered.append(gone[name])
    container.ops[:] = rest + ordered


def _sort_slots(items, kind, key):
    places = [index for index, item in enumerate(items) if isinstance(item, kind)]
    for index, item in zip(places, sorted((items[i] for i in places), key=key)):
        items[index] = item


def _dependents_first(gone):
    references = {name: set(referenced(op)) & set(gone) - {name} for name, op in gone.items()}
    ordered = []
    left = sorted(references)
    while left:
        free = [n for n in left if not any(n in references[m] for m in left if m != n)]
        for name in free or left[:1]:
            ordered.append(name)
            left.remove(name)
    return ordered


def referenced(op):
    """The tables that a CREATE or DROP TABLE operation's foreign keys point to."""
    created = op if isinstance(op, ops.CreateTableOp) else getattr(op, "_reverse", None)
    for item in getattr(created, "columns", None) or ():
        for element in getattr(item, "elements", None) or ():
            spec = getattr(element, "_colspec", None)
            text = spec if isinstance(spec, str) else element.target_fullname
            yield text.rpartition(".")[0]


def _qualified(schema, table):
    return "%s.%s" % (schema, table) if schema else str(table or "")


def _render(op, context):
    try:
        return "\n".join(render.render_op(context, op))
    except Exception as error:  # an operation without a renderer still is a difference
        return "%s (%s)" % (op, error)


def _type(type_, context):
    try:
        return type_.compile(dialect=context.dialect)
    except Exception:
        return repr(type_)


def _null(value):
    return "NULL" if value else "NOT NULL"


def _default(value):
    if value is None or value is False:
        return "none"
    argument = getattr(value, "arg", None)
    if argument is None:
        argument = getattr(value, "sqltext", value)
    return str(getattr(argument, "text", argument))


def _column(column, context):
    return "%s, %s" % (_type(column.type, context), "nullable" if column.nullable else "not null")


def _index(op):
    columns = ", ".join(str(getattr(c, "name", None) or c) for c in op.columns)
    return columns + (", unique" if op.unique else "")


def message_for(found):
    """A revision message: what changes, the first by name, the rest counted."""
    verbs = {
        "add_table": "add table",
        "remove_table": "drop table",
        "add_column": "add",
        "remove_column": "drop",
        "add_index": "add index",
        "remove_index": "drop index",
        "add_fk": "add foreign key",
        "remove_fk": "drop foreign key",
        "add_constraint": "add constraint",
        "remove_constraint": "drop constraint",
        "modify_type": "change type of",
        "modify_nullable": "change nullability of",
        "modify_default": "change default of",
        "modify_comment": "change comment of",
    }
    weight = {"add_table": 0, "remove_table": 1}
    ordered = sorted(found, key=lambda d: weight.get(d.op, 2))
    tables = {d.table for d in ordered if d.op in weight}
    shown = [d for d in ordered if d.op in weight or d.table not in tables]
    first = shown[0]
    text = "%s %s" % (verbs.get(first.op, first.op.replace("_", " ")), first.object)
    return text if len(shown) == 1 else "%s and %d more" % (text, len(shown) - 1)
