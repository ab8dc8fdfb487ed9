"""The schema of a database as its own catalog tells it: {object: definition}, for comparing one
database with itself before and after a downgrade, independent of the metadata."""

_POSTGRESQL = """
SELECT 'table ' || c.oid::regclass, 'kind ' || c.relkind::text || ' comment '
       || coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {visible}
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'column ' || c.oid::regclass || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || ' default ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' identity '
       || a.attidentity::text || ' generated ' || a.attgenerated::text || ' collation '
       || a.attcollation::regcollation::text || ' comment '
       || coalesce(col_description(c.oid, a.attnum), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {visible}
UNION ALL
SELECT 'constraint ' || coalesce(c.oid::regclass::text, t.typname) || '.' || k.conname,
       pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
WHERE k.contype <> 'n' AND {visible}
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND {visible}
UNION ALL
SELECT 'enum ' || t.oid::regtype, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {visible} GROUP BY t.oid
UNION ALL
SELECT 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {visible}
UNION ALL
SELECT 'view ' || c.oid::regclass, pg_get_viewdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {visible}
UNION ALL
SELECT 'function ' || p.oid::regprocedure, md5(p.prosrc)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND {visible}
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'schema ' || n.nspname, '' FROM pg_namespace n WHERE {visible}
""".format(
    visible="n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
    "AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast%'"
)


def read(connection, version_table):
    """Object names to definitions; the version table and what belongs to it is left out."""
    reader = {"postgresql": _read_postgresql, "sqlite": _read_sqlite}.get(
        connection.dialect.name, _read_inspector
    )
    found = reader(connection)
    return {
        name: text
        for name, text in found.items()
        if version_table not in name.replace('"', "").replace(".", " ").split()
    }


def _read_postgresql(connection):
    from sqlalchemy import text

    rows = connection.execute(text(_POSTGRESQL)).fetchall()
    return {row[0]: row[1] or "" for row in rows}


def _read_sqlite(connection):
    def rows(sql):
        return connection.exec_driver_sql(sql).fetchall()

    found = {}
    for kind, name, table, sql in rows("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if name.startswith("sqlite_"):
            continue
        if kind != "table":
            found["%s %s.%s" % (kind, table, name)] = " ".join((sql or "").split())
            continue
        quoted = '"' + name.replace('"', '""') + '"'
        found["table " + name] = ""
        for column in rows("PRAGMA table_xinfo(%s)" % quoted):
            found["column %s.%s" % (name, column[1])] = repr(tuple(column[2:]))
        for index in rows("PRAGMA index_list(%s)" % quoted):
            if index[3] == "c":
                continue
            inner = '"' + index[1].replace('"', '""') + '"'
            columns = [str(row[2]) for row in rows("PRAGMA index_info(%s)" % inner)]
            found["%s %s (%s)" % (index[3], name, ", ".join(columns))] = str(index[2])
        keys = {}
        for key in rows("PRAGMA foreign_key_list(%s)" % quoted):
            keys.setdefault(key[0], []).append(repr(tuple(key[2:])))
        for texts in keys.values():
            found["foreign key %s %s" % (name, " ".join(texts))] = ""
        for text in _checks(sql or ""):
            found["check %s %s" % (name, text)] = ""
    return found


def _checks(sql):
    """The parenthesised texts behind CHECK in a CREATE TABLE, white space folded."""
    import re

    found = []
    for match in re.finditer(r"\bCHECK\s*\(", sql, re.IGNORECASE):
        depth, end = 1, match.end()
        while end < len(sql) and depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(" ".join(sql[match.end() : end - 1].split()))
    return found


def _read_inspector(connection):
    from sqlalchemy import inspect

    inspector = inspect(connection)
    found = {}
    for table in inspector.get_table_names():
        found["table " + table] = str(inspector.get_table_comment(table).get("text"))
        for column in inspector.get_columns(table):
            found["column %s.%s" % (table, column["name"])] = _flat(column)
        for kind, rows in (
            ("index", inspector.get_indexes(table)),
            ("foreign key", inspector.get_foreign_keys(table)),
            ("unique", inspector.get_unique_constraints(table)),
            ("primary key", [inspector.get_pk_constraint(table)]),
        ):
            for row in rows:
                found["%s %s.%s" % (kind, table, row.get("name"))] = _flat(row)
    return found


def _flat(row):
    return ", ".join("%s=%s" % (key, row[key]) for key in sorted(row))


def difference(before, after):
    """Lines that say in which objects the two differ; empty where they are the same."""
    lines = []
    for name in sorted(set(before) | set(after)):
        if name not in after:
            lines.append("%s is missing" % name)
        elif name not in before:
            lines.append("%s was left behind" % name)
        elif before[name] != after[name]:
            lines.append("%s: %s instead of %s" % (name, after[name], before[name]))
    return lines
