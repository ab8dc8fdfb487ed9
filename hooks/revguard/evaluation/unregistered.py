"""Tables that the source defines and env.py never sees: a case and what ran in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby

from revguard.declared import Origin, Scanner, Table
from revguard.declared.importing import missing
from revguard.evaluation.case import Case
from revguard.evaluation.tasks import Evaluated
from revguard.evaluation.texts import Texts
from revguard.observed import is_aside, may_declare
from revguard.rules import models, severity_of
from revguard.verdict import Finding, SchemaChange


class Unregistered:
    """What the judged tree's source defines, against what a run had in its target metadata."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._is_off = severity_of(models.UNREGISTERED, case.settings.rules) == "off"

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self._case.subject.reader, self._case.subject.tree)

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(self._texts)

    @cached_property
    def new(self) -> tuple[Table, ...]:
        """Tables of changed files that no parent defines: what was forgotten before is known."""
        parents = self._parents()
        paths = set.intersection(*(self._declaring(parent) for parent in parents))
        if self._is_off or not paths:
            return ()
        known: set[tuple[str, str]] = set()
        for parent in filter(None, parents):
            texts = Texts(self._case.subject.reader, parent)
            found = Scanner(texts).scan(texts.read(self._declaring(parent)))
            known |= {_key(table) for table in found.tables}
        tables = self._scanner.scan(self._texts.read(paths)).tables
        return tuple(table for table in tables if _key(table) not in known)

    def _parents(self) -> Sequence[str | None]:
        """The parents' trees; one without this environment is as if it were empty."""
        subject, config = self._case.subject, self._case.around.environment.config
        return [
            None if config is not None and config not in subject.reader.listing(tree) else tree
            for tree in subject.parents
        ] or [None]

    def _declaring(self, parent: str | None) -> set[str]:
        reader = self._case.subject.reader
        return reader.declaring(reader.changes(parent, self._case.subject.tree))

    def findings(
        self, evaluated: Evaluated, changes: Iterable[SchemaChange]
    ) -> tuple[list[Finding], frozenset[str]]:
        """The findings, and the tables that they say a revision would drop."""
        seen = evaluated.result["registered"]
        if seen is None or self._is_off:
            return [], frozenset()
        ours = _Ours(self._case, evaluated, self._scanner)
        registered = {(schema or "", name) for schema, name in seen["tables"]}
        names = {name for _, name in registered}
        excluded = {(schema or "", name) for schema, name in seen["excluded"]}
        added = [
            table
            for table in self.new
            if ours.has(table)
            and (table.schema or "", table.name) not in registered | excluded
            and (table.schema is not None or table.name not in names)
        ]
        gone = {change.object for change in changes if change.op == "remove_table"}
        dropped = [table for table in self._all(gone) if ours.has(table)]
        found = [
            *self._findings(dropped, evaluated, dropped=True),
            *self._findings([t for t in added if t not in dropped], evaluated, dropped=False),
        ]
        return found, frozenset(map(_object, dropped))

    def _all(self, objects: set[str]) -> list[Table]:
        """The tables of these names in all of the source."""
        if not objects:
            return []
        paths = self._texts.read(path for path in self._texts if may_declare(path))
        return [t for t in self._scanner.scan(paths).tables if _object(t) in objects]

    def _findings(
        self, tables: Sequence[Table], evaluated: Evaluated, *, dropped: bool
    ) -> Iterator[Finding]:
        observed = evaluated.observed
        folder = observed.get("script_location", "")
        for path, group in groupby(tables, key=lambda table: table.path):
            found = list(group)
            where = missing(
                path,
                found[0].class_name if found[0].kind in ("class", "sqlmodel") else "",
                files=self._texts,
                loaded=frozenset(observed["files"]),
                roots=observed["roots"],
                env=f"{folder}/env.py" if folder else "env.py",
            )
            yield models.unregistered(found, where, dropped=dropped)


class _Ours:
    """Whether a table would be this environment's, were it only imported. In doubt it is not."""

    def __init__(self, case: Case, evaluated: Evaluated, scanner: Scanner) -> None:
        self._environment = case.around.environment
        self._others = case.others
        self._evaluated = evaluated
        self._scanner = scanner
        self._loaded = frozenset(evaluated.observed["files"])
        homes = evaluated.result["registered"]["homes"]
        self._homes = frozenset(Origin(path, name) for path, name in homes)

    def has(self, table: Table) -> bool:
        """Whether it is."""
        folders = (*self._evaluated.locations, self._evaluated.observed.get("script_location", ""))
        return (
            not (table.conditional or table.bind)
            and table.path not in self._loaded
            and not table.path.startswith(tuple(f"{one}/" for one in folders if one))
            and not is_aside(table.path, self._evaluated.root)
            and any(map(self._is_target, table.belongs))
            and self._is_near(table.path)
        )

    def _is_target(self, origin: Origin) -> bool:
        """Whether it has the target metadata: by its place, or as a library's by a name for it."""
        if origin in self._homes or origin.path:
            return origin in self._homes
        short = origin.name.rpartition(".")[2]
        return any(
            self._scanner.origin(home.path, home.name) == origin
            for home in self._homes
            if home.name == short
        )

    def _is_near(self, path: str) -> bool:
        """Of several environments with one base the nearest has it, or the one that is at home in
        the folder."""
        if not self._others:
            return True
        mine = self._environment.depth(path)
        theirs = max(other.depth(path) for other in self._others)
        if mine != theirs:
            return mine > theirs
        folder = path.rpartition("/")[0]
        return any(one.rpartition("/")[0] == folder for one in self._loaded if one.endswith(".py"))


def _key(table: Table) -> tuple[str, str]:
    return table.schema or "", table.name or f"class {table.class_name}"


def _object(table: Table) -> str:
    return f"{table.schema}.{table.name}" if table.schema else table.name
