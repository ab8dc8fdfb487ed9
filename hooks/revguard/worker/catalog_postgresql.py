"""PostgreSQL's own catalog in, {object: definition} out.

Objects of extensions are left out (the extension itself is there), as are privileges and owners.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

# Each part selects a name and a definition. `n` holds the schemas that count, `own` tells what
# belongs to no extension.
_RELATIONS = """
SELECT 'table ' || c.oid::regclass,
       concat_ws(' ', c.relkind, c.relpersistence, array_to_string(c.reloptions, ','),
                 CASE WHEN c.relrowsecurity THEN 'row security' END,
                 CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
                 pg_get_expr(c.relpartbound, c.oid),
                 (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                    FROM pg_inherits i WHERE i.inhrelid = c.oid))
FROM pg_class c JOIN n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.oid NOT IN (SELECT objid FROM extended)
"""
_COLUMNS = """
SELECT 'column ' || c.oid::regclass || '.' || quote_ident(a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                 CASE WHEN a.attnotnull THEN 'not null' END,
                 'default ' || pg_get_expr(d.adbin, d.adrelid),
                 CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END,
                 CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
                 CASE WHEN a.attcollation NOT IN (0, 100) THEN 'collate ' ||
                      (SELECT quote_ident(o.collname) FROM pg_collation o
                        WHERE o.oid = a.attcollation) END)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
  AND c.oid NOT IN (SELECT objid FROM extended)
"""
_SEQUENCES = """
SELECT 'sequence ' || c.oid::regclass,
       concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
                 s.seqmax, s.seqcache, s.seqcycle,
                 (SELECT 'of ' || d.refobjid::regclass || '.' || quote_ident(a.attname)
                    FROM pg_depend d JOIN pg_attribute a
                      ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                     AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN n ON n.oid = c.relnamespace
WHERE c.oid NOT IN (SELECT objid FROM extended)
"""
_CONSTRAINTS = """
SELECT 'constraint ' || coalesce(c.oid::regclass::text, t.oid::regtype::text) || '.'
       || quote_ident(k.conname), pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN n ON n.oid = k.connamespace
LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
WHERE k.contype NOT IN ('n', 't') AND (c.oid IS NOT NULL OR t.oid IS NOT NULL)
"""
_INDEXES = """
SELECT 'index ' || i.indrelid::regclass || '.' || quote_ident(x.relname),
       pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN n ON n.oid = c.relnamespace
"""
_TYPES = """
SELECT 'type ' || t.oid::regtype,
       concat_ws(' ', t.typtype, CASE WHEN t.typtype = 'd' THEN
           format_type(t.typbasetype, t.typtypmod) || CASE WHEN t.typnotnull THEN ' not null'
           ELSE '' END END, t.typdefault,
           (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
              FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t JOIN n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r') AND t.oid NOT IN (SELECT objid FROM extended)
"""
_TRIGGERS = """
SELECT 'trigger ' || t.tgrelid::regclass || '.' || quote_ident(t.tgname),
       pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal
"""
_VIEWS = """
SELECT 'view ' || c.oid::regclass, pg_get_viewdef(c.oid)
FROM pg_class c JOIN n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND c.oid NOT IN (SELECT objid FROM extended)
"""
_RULES = """
SELECT 'rule ' || r.ev_class::regclass || '.' || quote_ident(r.rulename), pg_get_ruledef(r.oid)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'
"""
_POLICIES = """
SELECT 'policy ' || p.polrelid::regclass || '.' || quote_ident(p.polname),
       concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid),
                 pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p
"""
_FUNCTIONS = """
SELECT 'function ' || p.oid::regprocedure,
       CASE WHEN p.prokind = 'a' THEN 'aggregate' ELSE md5(pg_get_functiondef(p.oid)) END
FROM pg_proc p JOIN n ON n.oid = p.pronamespace
WHERE p.oid NOT IN (SELECT objid FROM extended)
  AND p.oid NOT IN (SELECT objid FROM pg_depend
                     WHERE classid = 'pg_proc'::regclass AND deptype = 'i')
"""
_STATISTICS = """
SELECT 'statistics ' || n.nspname || '.' || s.stxname, pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext s JOIN n ON n.oid = s.stxnamespace
"""
_COMMENTS = """
SELECT 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
FROM pg_description d WHERE d.objoid >= 16384 AND d.objoid NOT IN (SELECT objid FROM extended)
  AND d.classoid <> 'pg_extension'::regclass
"""
_SCHEMAS = "SELECT 'schema ' || quote_ident(n.nspname), '' FROM n"
_EXTENSIONS = "SELECT 'extension ' || extname, extversion FROM pg_extension"
_PARTS = (
    _RELATIONS, _COLUMNS, _SEQUENCES, _CONSTRAINTS, _INDEXES, _TYPES, _TRIGGERS, _VIEWS, _RULES,
    _POLICIES, _FUNCTIONS, _STATISTICS, _COMMENTS, _SCHEMAS, _EXTENSIONS,
)  # fmt: skip
_HEAD = """
WITH n AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND nspname NOT LIKE 'pg\\_temp%' AND nspname NOT LIKE 'pg\\_toast%'
), extended AS (SELECT objid FROM pg_depend WHERE deptype = 'e')
"""


def read(connection: Any) -> dict[str, str]:
    """All that a revision may have made."""
    statement = _HEAD + " UNION ALL ".join(_PARTS)
    rows = connection.execute(text(statement.replace("::", "\\:\\:"))).fetchall()
    return {row[0]: row[1] or "" for row in rows}
