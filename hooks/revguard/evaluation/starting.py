"""What a history is replayed on, `start`: a tree in, a dump or the landed models out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from revguard.config.values import DUMP
from revguard.databases import Database, dumps, extensions, loading
from revguard.databases.standing import Standing
from revguard.errors import CouldNotCheck
from revguard.evaluation import bootstrapping
from revguard.evaluation.accounts import shortened
from revguard.evaluation.case import Surroundings
from revguard.evaluation.lacking import ExtensionMissing, preparation
from revguard.evaluation.subject import Histories, Subject
from revguard.history.extensions import named_in
from revguard.staging import trees

METADATA: Final = "metadata"
_MAKE: Final = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
_STATE: Final = "INSERT INTO alembic_version (version_num) VALUES ('REVISION');"
_NAMES: Final[Mapping[str, str]] = {
    "postgresql": "PostgreSQL",
    "mysql": "MariaDB or MySQL",
    "mariadb": "MariaDB or MySQL",
    "sqlite": "SQLite",
}


@dataclass(frozen=True, kw_only=True)
class Dump:
    """The file that `start = "dump:PATH"` names, as the tree and its parent have it."""

    subject: Subject
    path: str
    own: str  # blob ids
    before: str  # empty where the parent has none

    @property
    def said(self) -> str:
        """The setting."""
        return f'`start = "{DUMP}{self.path}"`'

    def chosen(self, landed: Collection[str], search_path: str) -> str:
        """The one to begin with: a commit may bring a dump that has its new revision already."""
        if self.before in ("", self.own):
            return self.own
        known = self.stated(self.own, search_path)
        return self.own if known <= set(landed) else self.before

    def stated(self, oid: str, search_path: str) -> set[str]:
        """The revisions that it says to be at."""
        return dumps.stated(self.text(oid, search_path))

    def text(self, oid: str, search_path: str) -> str:
        """Its SQL. CouldNotCheck."""
        return dumps.text(self.content(oid), self.path, search_path)

    def content(self, oid: str) -> bytes:
        """As it is in the tree."""
        return trees.read_blobs(self.subject.repo, {oid})[oid]

    def extensions(self, search_path: str) -> tuple[str, ...]:
        """Those that it creates, as far as its text tells."""
        return named_in(self.text(self.own, search_path).encode("utf-8", "replace"))


def dump_of(subject: Subject, start: str, *, needed: bool) -> Dump | None:
    """The dump that `start` names. ConfigError where it is needed and not there."""
    if not start.startswith(DUMP):
        return None
    path = start[len(DUMP) :]
    entry = bootstrapping.entry_of(subject, "start", start, path, needed=needed)
    if entry is None:
        return None
    before = [subject.reader.listing(tree).get(path) for tree in subject.parents[:1]]
    return Dump(
        subject=subject,
        path=path,
        own=entry.oid,
        before=before[0].oid if before and before[0] else "",
    )


def load(
    dump: Dump, oid: str, database: Database, around: Surroundings, given_up: Callable[[], bool]
) -> None:
    """Bring an empty database to what the dump has. CouldNotCheck, ExtensionMissing."""
    if database.login is not None:
        raise CouldNotCheck(
            f"{dump.said}: this version loads no dumps of {database.dialect}",
            hint='Use `start = "metadata"`, or let a `bootstrap` script load it.',
        )
    around.progress(f"loading {dump.path}")
    text = dump.text(oid, around.environ.get("PATH", ""))
    _refuse_another_kind(dump, dumps.kind(text), database.dialect)
    try:
        loading.load(text, database, around.timeout, given_up)
    except loading.LoadError as error:
        raise _failed(dump, error, around) from error
    except TimeoutError as error:
        said = f"a statement of it did not end within {around.timeout:g} s"
        raise CouldNotCheck(f"{dump.said}: {said}") from error
    except OSError as error:
        raise CouldNotCheck(f"{dump.said}: the dump cannot be loaded: {error}") from error


def refuse_unfit(dump: Dump, standing: Standing, histories: Histories) -> None:
    """CouldNotCheck for a dump that does not say where the history goes on, or says it wrong."""
    graph, landed = histories.graph, set(histories.replayed())
    if not standing.versioned:
        raise CouldNotCheck(
            f"{dump.said}: the dump has no version table, so nobody knows which revisions it has",
            hint=f"Take it with that table, or say the revision at its end: `{_MAKE} {_STATE}`",
        )
    if not standing.heads and graph.nodes:
        raise CouldNotCheck(
            f"{dump.said}: the version table of the dump is empty (a dump of the schema alone has "
            "no rows), so nobody knows which revisions are in it",
            hint=f"Take it with the rows of that table, or say the revision at its end: `{_STATE}`",
        )
    for head in standing.heads or ():
        if head not in graph.nodes:
            raise CouldNotCheck(
                f"{dump.said}: the dump is at revision {head}, which no script of the commit has",
                hint="Take the dump of a database that is at a revision of this history.",
            )
        if head not in landed:
            raise CouldNotCheck(
                f"{dump.said}: the dump has revision {head} already, which is new in this change "
                "and so cannot be proven on it",
                hint="Take the dump of a database without it: of what has landed.",
            )


def _refuse_another_kind(dump: Dump, kind: str, dialect: str) -> None:
    family = "mysql" if dialect == "mariadb" else dialect
    if kind and kind != family:
        raise CouldNotCheck(
            f"{dump.said}: it is a dump of {_NAMES[kind]}, and env.py connects to "
            f"{_NAMES.get(dialect, dialect)}",
            hint="Name a dump of the project's own kind of database, or see to it that env.py "
            "finds the URL (`environ` or `env-file` in [tool.revguard]).",
        )


def _failed(dump: Dump, error: loading.LoadError, around: Surroundings) -> CouldNotCheck:
    where, said = f"{dump.path}:{error.line}", str(error)
    missing = extensions.refused(said)
    if missing:
        return ExtensionMissing(missing, where)
    shown = shortened(error.statement)
    return CouldNotCheck(
        f"{dump.said}: the dump cannot be loaded, {where}: {said}\n  statement: {shown}",
        hint=preparation(said, around.environment)
        or "Take it with the server's own program: `pg_dump --no-owner`, `mariadb-dump` or "
        "`sqlite3 FILE .dump`.",
    )
