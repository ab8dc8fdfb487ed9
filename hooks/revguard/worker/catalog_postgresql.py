"""PostgreSQL's own catalog in, {object: definition} out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

_EVERYTHING = """
WITH n AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND nspname NOT LIKE 'pg_temp%' AND nspname NOT LIKE 'pg_toast%'
)
SELECT 'table ' || c.oid::regclass, 'kind ' || c.relkind::text || ' comment '
       || coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class c JOIN n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'column ' || c.oid::regclass || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || ' default ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' identity '
       || a.attidentity::text || ' generated ' || a.attgenerated::text || ' collation '
       || a.attcollation::regcollation::text || ' comment '
       || coalesce(col_description(c.oid, a.attnum), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'constraint ' || coalesce(c.oid::regclass::text, t.typname) || '.' || k.conname,
       pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN n ON n.oid = k.connamespace
LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
WHERE k.contype <> 'n'
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
JOIN n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
UNION ALL
SELECT 'enum ' || t.oid::regtype, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN n ON n.oid = t.typnamespace
GROUP BY t.oid
UNION ALL
SELECT 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'view ' || c.oid::regclass, pg_get_viewdef(c.oid)
FROM pg_class c JOIN n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
UNION ALL
SELECT 'function ' || p.oid::regprocedure, md5(p.prosrc)
FROM pg_proc p JOIN n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'schema ' || n.nspname, '' FROM n
"""


def read(connection: Any) -> dict[str, str]:
    """All that a revision may have made."""
    rows = connection.execute(text(_EVERYTHING)).fetchall()
    return {row[0]: row[1] or "" for row in rows}
