"""MariaDB's and MySQL's own catalog in, {object: definition} out, for the connection's database.

Left out: counters (AUTO_INCREMENT, a sequence's next value), rows, statistics, definers and
privileges, and the order of columns.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

Row = Mapping[str, Any]

_VIEW = "SELECT {} FROM information_schema.{} WHERE {} = DATABASE()"
_THERE = (
    "SELECT TABLE_NAME AS name FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = 'information_schema' AND TABLE_NAME = 'CHECK_CONSTRAINTS'"
)
_OWNERS = (
    "SELECT CONSTRAINT_NAME, TABLE_NAME FROM information_schema.TABLE_CONSTRAINTS "
    "WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK'"
)
_SAME_RULE = {"NO ACTION": "RESTRICT"}  # to InnoDB


def read(connection: Any) -> dict[str, str]:
    """All that a revision may have made."""
    found: dict[str, str] = {}
    for part in (_database, _tables, _columns, _indexes, _foreign_keys, _checks, _views, _triggers,
                 _routines, _events, _partitions):  # fmt: skip
        found.update(part(connection))
    return found


def _rows(connection: Any, statement: str) -> list[dict[str, Any]]:
    """Rows by the names of their columns; versions of the servers have some more or fewer."""
    rows = connection.exec_driver_sql(statement).mappings()
    return [{str(key).upper(): _text(row[key]) for key in row} for row in rows]


def _of_view(connection: Any, view: str, schema: str, columns: str = "*") -> list[dict[str, Any]]:
    return _rows(connection, _VIEW.format(columns, view, schema))


def _text(value: Any) -> Any:
    """Some drivers give the catalog's texts as bytes."""
    return (
        bytes(value).decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else value
    )


def _said(row: Row, *names: str) -> str:
    """What the row says of these columns, as far as it says anything."""
    return ", ".join(
        f"{name.lower()} {row[name]}" for name in names if row.get(name) not in (None, "")
    )


def _database(connection: Any) -> dict[str, str]:
    (row,) = _of_view(connection, "SCHEMATA", "SCHEMA_NAME")
    return {"database": _said(row, "DEFAULT_COLLATION_NAME", "SCHEMA_COMMENT")}


def _tables(connection: Any) -> dict[str, str]:
    wanted = (
        "TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COLLATION, ROW_FORMAT, CREATE_OPTIONS, TABLE_COMMENT"
    )
    found = {}
    for row in _of_view(connection, "TABLES", "TABLE_SCHEMA", wanted):
        name, kind = row["TABLE_NAME"], row["TABLE_TYPE"]
        if kind == "SEQUENCE":
            quoted = str(name).replace("`", "``")
            (made,) = _rows(connection, f"SHOW CREATE SEQUENCE `{quoted}`")
            found[f"sequence {name}"] = str(made["CREATE TABLE"])
        elif "VIEW" not in kind and "TEMPORARY" not in kind:
            found[f"table {name}"] = _said(
                row, "TABLE_TYPE", "ENGINE", "TABLE_COLLATION", "ROW_FORMAT", "CREATE_OPTIONS",
                "TABLE_COMMENT",
            )  # fmt: skip
    return found


def _columns(connection: Any) -> dict[str, str]:
    found = {}
    for row in _of_view(connection, "COLUMNS", "TABLE_SCHEMA"):
        parts = [str(row["COLUMN_TYPE"]), "null" if row["IS_NULLABLE"] == "YES" else "not null"]
        if row["COLUMN_DEFAULT"] is not None:  # an empty text is one, too
            parts.append(f"default {row['COLUMN_DEFAULT']}")
        parts.append(
            _said(row, "EXTRA", "GENERATION_EXPRESSION", "COLLATION_NAME", "COLUMN_COMMENT")
        )
        found[f"column {row['TABLE_NAME']}.{row['COLUMN_NAME']}"] = ", ".join(filter(None, parts))
    return found


def _indexes(connection: Any) -> dict[str, str]:
    parts: dict[tuple[str, str], list[tuple[int, str]]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for row in _of_view(connection, "STATISTICS", "TABLE_SCHEMA"):
        place = str(row["TABLE_NAME"]), str(row["INDEX_NAME"])
        column = row["COLUMN_NAME"] or row.get("EXPRESSION")
        length = f"({row['SUB_PART']})" if row["SUB_PART"] else ""
        order = " desc" if row["COLLATION"] == "D" else ""
        parts.setdefault(place, []).append((int(row["SEQ_IN_INDEX"]), f"{column}{length}{order}"))
        kinds[place] = "" if int(row["NON_UNIQUE"]) else "unique "
        kinds[place] += _said(row, "INDEX_TYPE", "INDEX_COMMENT", "IS_VISIBLE", "IGNORED")
    columns = {place: _joined(items) for place, items in parts.items()}
    plain = {place: text for place, text in columns.items() if not kinds[place].startswith("u")}
    named = {place: f"index {'.'.join(place)}" for place in columns}
    named.update(_of_the_server(plain, _keys(connection)))
    return {named[place]: f"{kinds[place]} {columns[place]}" for place in columns}


def _of_the_server(
    indexes: Mapping[tuple[str, str], str], keys: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """Names of indexes that the server made for foreign keys, by their columns.

    It calls one after its column or after the constraint, and anew when the key is made anew.
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    of_keys = {(table, columns) for (table, _), columns in keys.items()}
    for (table, name), columns in indexes.items():
        first = columns.startswith(f"({name}, ") and (table, columns) in of_keys
        left = columns == f"({name})" or name.startswith(f"{table}_ibfk_")  # by a key that is gone
        if first or left or keys.get((table, name)) == columns:
            found.setdefault((table, columns), []).append((table, name))
    return {
        places[0]: f"index {table}.{columns} of a foreign key"
        for (table, columns), places in found.items()
        if len(places) == 1
    }


def _joined(numbered: Iterable[tuple[int, str]]) -> str:
    return "(" + ", ".join(text for _, text in sorted(numbered)) + ")"


def _keys(connection: Any, column: str = "COLUMN_NAME") -> dict[tuple[str, str], str]:
    """Columns, or those referred to, by the table and the name of a foreign key."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in _of_view(connection, "KEY_COLUMN_USAGE", "TABLE_SCHEMA"):
        if row["REFERENCED_TABLE_NAME"] is not None:
            place = str(row["TABLE_NAME"]), str(row["CONSTRAINT_NAME"])
            found.setdefault(place, []).append((int(row["ORDINAL_POSITION"]), str(row[column])))
    return {place: _joined(items) for place, items in found.items()}


def _foreign_keys(connection: Any) -> dict[str, str]:
    local, remote = _keys(connection), _keys(connection, "REFERENCED_COLUMN_NAME")
    found = {}
    for row in _of_view(connection, "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA"):
        place = str(row["TABLE_NAME"]), str(row["CONSTRAINT_NAME"])
        rules = [_SAME_RULE.get(str(row[f"{event}_RULE"]), row[f"{event}_RULE"])
                 for event in ("DELETE", "UPDATE")]  # fmt: skip
        found[f"foreign key {'.'.join(place)}"] = (
            f"{local.get(place, '()')} references {row['REFERENCED_TABLE_NAME']} "
            f"{remote.get(place, '()')} on delete {rules[0]} on update {rules[1]}"
        )
    return found


def _checks(connection: Any) -> dict[str, str]:
    if not _rows(connection, _THERE):  # MySQL before 8.0.16
        return {}
    rows = _of_view(connection, "CHECK_CONSTRAINTS", "CONSTRAINT_SCHEMA")
    owners: dict[str, str] = {}
    if rows and "TABLE_NAME" not in rows[0]:  # MySQL: there the names are unique in a database
        owners = {row["CONSTRAINT_NAME"]: row["TABLE_NAME"] for row in _rows(connection, _OWNERS)}
    return {
        f"check {row.get('TABLE_NAME') or owners.get(row['CONSTRAINT_NAME'])}."
        f"{row['CONSTRAINT_NAME']}": str(row["CHECK_CLAUSE"])
        for row in rows
    }


def _views(connection: Any) -> dict[str, str]:
    return {
        f"view {row['TABLE_NAME']}": _said(row, "VIEW_DEFINITION", "CHECK_OPTION", "SECURITY_TYPE")
        for row in _of_view(connection, "VIEWS", "TABLE_SCHEMA")
    }


def _triggers(connection: Any) -> dict[str, str]:
    return {
        f"trigger {row['EVENT_OBJECT_TABLE']}.{row['TRIGGER_NAME']}": _said(
            row, "ACTION_TIMING", "EVENT_MANIPULATION", "ACTION_ORDER", "ACTION_STATEMENT"
        )
        for row in _of_view(connection, "TRIGGERS", "TRIGGER_SCHEMA")
    }


def _routines(connection: Any) -> dict[str, str]:
    arguments: dict[str, list[tuple[int, str]]] = {}
    for row in _of_view(connection, "PARAMETERS", "SPECIFIC_SCHEMA"):
        place, text = int(row["ORDINAL_POSITION"]), _said(row, "PARAMETER_MODE", "PARAMETER_NAME")
        name = f"{str(row['ROUTINE_TYPE']).lower()} {row['SPECIFIC_NAME']}"
        arguments.setdefault(name, []).append((place, f"{text} {row['DTD_IDENTIFIER']}"))
    found = {}
    for row in _of_view(connection, "ROUTINES", "ROUTINE_SCHEMA"):
        name = f"{str(row['ROUTINE_TYPE']).lower()} {row['ROUTINE_NAME']}"
        found[name] = _joined(arguments.get(name, ())) + _said(
            row, "IS_DETERMINISTIC", "SQL_DATA_ACCESS", "SECURITY_TYPE", "ROUTINE_COMMENT",
            "ROUTINE_DEFINITION",
        )  # fmt: skip
    return found


def _events(connection: Any) -> dict[str, str]:
    return {
        f"event {row['EVENT_NAME']}": _said(
            row, "EVENT_TYPE", "EXECUTE_AT", "INTERVAL_VALUE", "INTERVAL_FIELD", "ENDS", "STATUS",
            "ON_COMPLETION", "EVENT_COMMENT", "EVENT_DEFINITION",
        )
        for row in _of_view(connection, "EVENTS", "EVENT_SCHEMA")
    }  # fmt: skip


def _partitions(connection: Any) -> dict[str, str]:
    return {
        f"partition {row['TABLE_NAME']}.{row['PARTITION_NAME']}.{row['SUBPARTITION_NAME']}": _said(
            row, "PARTITION_METHOD", "PARTITION_EXPRESSION", "PARTITION_DESCRIPTION",
            "SUBPARTITION_METHOD", "SUBPARTITION_EXPRESSION",
        )
        for row in _of_view(connection, "PARTITIONS", "TABLE_SCHEMA")
        if row["PARTITION_NAME"]
    }  # fmt: skip
