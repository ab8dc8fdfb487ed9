"""What Alembic renders but cannot run or undo is made whole: names of constraints that the
downgrade must drop, foreign keys in a circle, PostgreSQL's enum types and casts."""

from alembic.autogenerate import render
from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, text

from . import differences


class CastingAlterColumnOp(ops.AlterColumnOp):
    """ALTER COLUMN ... TYPE ... USING, which autogenerate does not write of itself."""

    using = ""


@render.renderers.dispatch_for(CastingAlterColumnOp)
def _render_casting(context, op):
    text = render._alter_column(context, op)
    text = text[0] if isinstance(text, list) else text
    return "%s,\n           postgresql_using=%r)" % (text[: text.rindex(")")], op.using)


def before_hooks(script, dialect):
    """Names and circular foreign keys; the downgrade follows from the upgrade again."""
    upgrade = script.upgrade_ops
    differences.sort(upgrade)
    if dialect.name != "sqlite":
        _split_circles(upgrade)
    _name_constraints(upgrade, dialect)
    upgrade.reverse_into(script.downgrade_ops)


def _name_constraints(container, dialect):
    """Give what will have to be dropped by name the name that PostgreSQL itself would choose."""
    for _, op in differences.leaves(container):
        if getattr(op, "constraint_name", "") is not None:
            continue
        if isinstance(op, ops.CreateForeignKeyOp):
            op.constraint_name = _name(dialect, op.source_table, op.local_cols, "fkey")
        elif isinstance(op, ops.CreateUniqueConstraintOp):
            op.constraint_name = _name(dialect, op.table_name, op.columns, "key")


def _name(dialect, table, columns, suffix):
    limit = min(getattr(dialect, "max_identifier_length", 63) or 63, 63)
    stem = "_".join([table] + [str(getattr(c, "name", c)) for c in columns])
    return "%s_%s" % (stem[: limit - len(suffix) - 1], suffix)


def _split_circles(container):
    """A foreign key to a table that is created later becomes an operation of its own."""
    made = set()
    new = {
        differences._qualified(op.schema, op.table_name)
        for op in container.ops
        if isinstance(op, ops.CreateTableOp)
    }
    later = []
    for op in container.ops:
        if not isinstance(op, ops.CreateTableOp):
            continue
        made.add(differences._qualified(op.schema, op.table_name))
        for item in list(op.columns):
            if not isinstance(item, ForeignKeyConstraint):
                continue
            targets = {e._get_colspec().rpartition(".")[0] for e in item.elements}
            if targets & new and not targets <= made:
                op.columns.remove(item)
                later.append(ops.CreateForeignKeyOp.from_constraint(item))
    last = max(
        (i for i, op in enumerate(container.ops) if isinstance(op, ops.CreateTableOp)), default=-1
    )
    container.ops[last + 1 : last + 1] = later


class Enums:
    """PostgreSQL enum types of a script: created once before use, dropped when nothing uses them."""

    def __init__(self, context):
        self._context = context
        self._dialect = context.dialect
        self._marked = {}
        connection = context.connection
        rows = connection.execute(
            text(
                "SELECT n.nspname, t.typname, n.nspname = current_schema(), "
                "(SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                " WHERE a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped "
                " AND c.relkind IN ('r', 'p')) "
                "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e'"
            )
        ).fetchall()
        self._existing = {}
        for schema, name, is_default, uses in rows:
            self._existing[(schema, name)] = uses
            if is_default:
                self._existing[(None, name)] = uses

    def complete(self, script):
        """Add what is missing to both directions of ``script``."""
        added, removed = self._uses(script.upgrade_ops)
        existing = set(self._existing)
        kept = {key for key, uses in self._existing.items() if uses > len(removed.get(key, ()))}
        kept |= set(added)
        orphans = [key for key in removed if key in existing and key not in kept]
        created = [key for key in added if key not in existing]
        self._direction(script.upgrade_ops, added, existing)
        self._direction(
            script.downgrade_ops,
            self._uses(script.downgrade_ops)[0],
            set(self._existing) - set(orphans),
        )
        for key in orphans:
            script.upgrade_ops.ops.append(self._drop(removed[key][0][1]))
        for key in created:
            script.downgrade_ops.ops.append(self._drop(added[key][0][1]))
        self._install_renderer()

    def _direction(self, container, uses, existing):
        """Create what CREATE TABLE does not create itself, and say where it must not try."""
        create = []
        for key, places in uses.items():
            first_op, first_type = places[0]
            if key not in existing and not isinstance(first_op, ops.CreateTableOp):
                create.append(self._create(first_type))
            elif key not in existing:
                places = places[1:]
            for _, type_ in places:
                self._marked[id(type_)] = type_
        container.ops[:0] = create

    def _uses(self, container):
        added, removed = {}, {}
        for _, op in differences.leaves(container):
            if isinstance(op, ops.CreateTableOp):
                self._note(added, op, [c.type for c in op.columns if hasattr(c, "type")])
            elif isinstance(op, ops.AddColumnOp):
                self._note(added, op, [op.column.type])
            elif isinstance(op, ops.DropTableOp):
                columns = getattr(getattr(op, "_reverse", None), "columns", None) or ()
                self._note(removed, op, [c.type for c in columns if hasattr(c, "type")])
            elif isinstance(op, ops.DropColumnOp):
                column = getattr(getattr(op, "_reverse", None), "column", None)
                self._note(removed, op, [] if column is None else [column.type])
            elif isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
                self._note(added, op, [op.modify_type])
                self._note(removed, op, [op.existing_type])
        return added, removed

    def _note(self, found, op, types):
        for type_ in types:
            enum = self._enum(type_)
            if enum is not None:
                marked = type_ if enum is type_ else getattr(type_, "item_type", type_)
                found.setdefault((enum.schema, enum.name), []).append((op, marked))

    def _enum(self, type_):
        """The native enum behind a column's type (plain, in an array, decorated), or None."""
        if type_ is None:
            return None
        inner = getattr(type_, "item_type", None)
        if inner is not None:
            return self._enum(inner)
        plain = getattr(type_, "impl", None) if hasattr(type_, "process_bind_param") else type_
        if plain is None or not hasattr(plain, "enums") or not getattr(plain, "name", None):
            return None
        return plain if getattr(plain, "native_enum", True) else None

    def _quoted(self, enum):
        preparer = self._dialect.identifier_preparer
        name = preparer.quote(enum.name)
        return "%s.%s" % (preparer.quote_schema(enum.schema), name) if enum.schema else name

    def _create(self, type_):
        enum = self._enum(type_)
        labels = ", ".join("'%s'" % label.replace("'", "''") for label in enum.enums)
        text = "CREATE TYPE %s AS ENUM (%s)" % (self._quoted(enum), labels)
        return ops.ExecuteSQLOp(text.replace(":", "\\:"))

    def _drop(self, type_):
        return ops.ExecuteSQLOp(
            "DROP TYPE %s" % self._quoted(self._enum(type_)).replace(":", "\\:")
        )

    def _install_renderer(self):
        users = self._context.opts.get("render_item")

        def render_item(kind, item, context):
            if kind == "type" and id(item) in self._marked and not hasattr(item, "impl_instance"):
                enum = self._enum(item)
                if enum is item:
                    context.imports.add("from sqlalchemy.dialects import postgresql")
                    schema = ", schema=%r" % enum.schema if enum.schema else ""
                    labels = ", ".join(map(repr, enum.enums))
                    return "postgresql.ENUM(%s, name=%r%s, create_type=False)" % (
                        labels,
                        str(enum.name),
                        schema,
                    )
            return users(kind, item, context) if users else False

        self._context.opts["render_item"] = render_item


def add_casts(script, dialect):
    """Write a USING clause for each type change (PostgreSQL would not cast of itself)."""
    for container in (script.upgrade_ops, script.downgrade_ops):
        for holder, op in list(differences.leaves(container)):
            if type(op) is ops.AlterColumnOp and op.modify_type is not None:
                op.__class__ = CastingAlterColumnOp
                op.using = "%s::%s" % (
                    dialect.identifier_preparer.quote(op.column_name),
                    op.modify_type.compile(dialect=dialect),
                )
