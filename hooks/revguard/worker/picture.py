"""The tables that differences touch, and their neighbours: a comparison and its metadata in, each
table with columns and foreign keys out, marked "added", "removed", "changed" or "same"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Collection, Iterable, Iterator

from alembic.operations import ops

from . import differences

if TYPE_CHECKING:
    from .candidate import Comparison

_MOST = 40  # tables that changed, and as many neighbours; nobody reads a larger picture
_MOST_COLUMNS = 100


class Touched:
    """The operations of a comparison, kept before known differences are taken out of them."""

    def __init__(self, comparison: Comparison, metadata: Any) -> None:
        """Keep what is needed; nothing is worked out yet."""
        self._context = comparison.context
        self._many = metadata if isinstance(metadata, (list, tuple)) else [metadata]
        self._found = [
            (op, differences.of_op(op, self._context))
            for script in comparison.revisions.generated_revisions
            for container in script.upgrade_ops_list
            for _, op in differences.leaves(container)
        ]

    def tables(self, known: Collection[str]) -> list[dict[str, Any]]:
        """The tables (JSON-ready); differences with a known key change nothing."""
        try:
            return self._tables(known)
        except Exception:  # noqa: BLE001 - a picture is no reason to fail; types are the project's
            return []

    def _tables(self, known: Collection[str]) -> list[dict[str, Any]]:
        models = {
            differences.qualified(table.schema, table.name): table
            for metadata in self._many
            if metadata is not None
            for table in metadata.tables.values()
        }
        touched: dict[str, dict[str, Any]] = {}
        for op, found in self._found:
            counted = [one for one in found if one.key not in known and one.table]
            for one in counted[:1]:
                if one.table not in touched and len(touched) < _MOST:
                    touched[one.table] = self._begun(op, one.table, models)
            if counted and counted[0].table in touched:
                self._mark(touched[counted[0].table], op, counted)
        return [*touched.values(), *self._neighbours(touched, models)]

    def _begun(self, op: Any, name: str, models: dict[str, Any]) -> dict[str, Any]:
        """The table as the models have it; one that is dropped as it was."""
        if isinstance(op, ops.DropTableOp):
            items = list(getattr(getattr(op, "_reverse", None), "columns", None) or ())
            return self._table(name, "removed", items, items)
        state = "added" if isinstance(op, ops.CreateTableOp) else "changed"
        if name not in models:
            items = list(getattr(op, "columns", ())) if state == "added" else []
            return self._table(name, state, items, items)
        table = models[name]
        return self._table(name, state, table.columns, table.constraints)

    def _table(
        self, name: str, state: str, items: Iterable[Any], constraints: Iterable[Any]
    ) -> dict[str, Any]:
        of_parts = "same" if state == "changed" else state
        columns = [self._column(one, of_parts) for one in items if hasattr(one, "type")]
        return {
            "name": name,
            "state": state,
            "columns": columns[:_MOST_COLUMNS],
            "foreign_keys": list(_foreign_keys(constraints, of_parts)),
        }

    def _column(self, column: Any, state: str) -> dict[str, Any]:
        return {
            "name": str(column.name),
            "type": differences.type_text(column.type, self._context),
            "primary": bool(getattr(column, "primary_key", False)),
            "state": state,
            "was": "",
        }

    def _mark(self, table: dict[str, Any], op: Any, found: list[differences.Difference]) -> None:
        if table["state"] != "changed":
            return
        if isinstance(op, ops.AddColumnOp):
            self._set(table, self._column(op.column, "added"))
        elif isinstance(op, ops.DropColumnOp):
            column = getattr(getattr(op, "_reverse", None), "column", None)
            if column is not None:
                self._set(table, self._column(column, "removed"))
        elif isinstance(op, ops.AlterColumnOp):
            was = ", ".join(one.detail.partition(" -> ")[0] for one in found)
            for column in table["columns"]:
                if column["name"] == op.column_name and column["state"] == "same":
                    column.update(state="changed", was=was)
        elif found[0].op in ("add_fk", "remove_fk"):
            _mark_foreign_key(table, op, "added" if found[0].op == "add_fk" else "removed")

    @staticmethod
    def _set(table: dict[str, Any], column: dict[str, Any]) -> None:
        others = [one for one in table["columns"] if one["name"] != column["name"]]
        at = [one["name"] for one in table["columns"]]
        place = at.index(column["name"]) if column["name"] in at else len(others)
        table["columns"] = [*others[:place], column, *others[place:]]

    def _neighbours(
        self, touched: dict[str, dict[str, Any]], models: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Tables that a touched one refers to, and those that refer to one: their keys only."""
        referred = {key["table"] for one in touched.values() for key in one["foreign_keys"]}
        found = 0
        for name, table in models.items():
            if name in touched or found >= _MOST:
                continue
            keys = list(_foreign_keys(table.constraints, "same"))
            mine = [key for key in keys if key["table"] in touched]
            if name in referred or mine:
                found += 1
                used = {column for key in mine for column in key["columns"]}
                items = [one for one in table.columns if one.primary_key or one.name in used]
                yield dict(self._table(name, "same", items, ()), foreign_keys=mine)


def _foreign_keys(constraints: Iterable[Any], state: str) -> Iterator[dict[str, Any]]:
    for one in constraints:
        if getattr(one, "elements", None) and hasattr(one.elements[0], "target_fullname"):
            columns = [
                element.parent.name for element in one.elements if element.parent is not None
            ]
            yield {"columns": sorted(columns), "table": _referred(one), "state": state}


def _referred(constraint: Any) -> str:
    try:
        table = constraint.elements[0].column.table
        return differences.qualified(table.schema, table.name)
    except Exception:  # noqa: BLE001 - what it refers to may be in no metadata
        return str(constraint.elements[0].target_fullname).rpartition(".")[0]


def _mark_foreign_key(table: dict[str, Any], op: Any, state: str) -> None:
    if state == "removed":
        op = getattr(op, "_reverse", None)
    columns = sorted(map(str, getattr(op, "local_cols", None) or ()))
    name = differences.qualified(
        getattr(op, "kw", {}).get("referent_schema"), getattr(op, "referent_table", None)
    )
    if not name:
        return
    for key in table["foreign_keys"]:
        if key["columns"] == columns and key["table"] == name and key["state"] == "same":
            key["state"] = state
            return
    table["foreign_keys"].append({"columns": columns, "table": name, "state": state})
