"""What a run found out: values that every stage adds to, in and out of the JSON report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeAlias, TypeVar

Verdict: TypeAlias = Literal["pass", "fail", "error"]
Severity: TypeAlias = Literal["error", "warning"]
Cached: TypeAlias = Literal["no", "tree", "schema", "snapshot"]
Step: TypeAlias = Literal["upgrade", "downgrade", "reupgrade", "compare", "rows", "locks"]
Result: TypeAlias = Literal["pass", "fail", "skipped"]
AddedBy: TypeAlias = Literal["user", "revguard"]
State: TypeAlias = Literal["added", "removed", "changed", "same"]

VERSION: Final = 1  # of the JSON report
COULD_NOT_CHECK: Final = 3
EXIT_CODES: Final[Mapping[Verdict, int]] = {"pass": 0, "fail": 1, "error": COULD_NOT_CHECK}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to say about the change, by one rule. Not an exception."""

    rule: str
    severity: Severity = "error"
    message: str
    hint: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The line of the models that caused a change."""

    path: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One difference that the judged change brings to the models, in Alembic's words."""

    op: str
    object: str
    detail: str = ""
    covered: bool = False
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table of the picture; `was` says what differed before."""

    name: str
    type: str = ""
    primary: bool = False
    state: State = "same"
    was: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """What a table of the picture refers to."""

    columns: tuple[str, ...]
    table: str
    state: State = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that the judged change touches, or a neighbour of one (`same`; its keys only)."""

    name: str
    state: State
    columns: tuple[Column, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofStep:
    """One recorded step on the ephemeral database."""

    step: Step
    result: Result
    reason: str = ""
    ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a statement of the new revisions locks."""

    statement: str
    object: str
    mode: str
    rewrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """A revision that the judged change brings, or that was added to it."""

    id: str
    path: str
    down_revision: tuple[str, ...] = ()
    added_by: AddedBy = "user"
    anew: bool = False  # it was there before, and was generated again for more of the models
    text: str = ""  # of the script


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFile:
    """A head file (`lock = true`) as it has to be."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInfo:
    """The ephemeral database of the run."""

    provider: str
    dialect: str
    server_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterInfo:
    """The project's interpreter and what it brings."""

    path: str
    python: str = ""
    alembic: str = ""
    sqlalchemy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReport:
    """All that is known of one environment. `error` is set where it could not be checked."""

    name: str
    config: str | None = None
    verdict: Verdict
    cached: Cached = "no"
    database: DatabaseInfo | None = None
    interpreter: InterpreterInfo | None = None
    heads: tuple[str, ...] = ()
    known_drift: int = 0
    new_revisions: tuple[NewRevision, ...] = ()
    changes: tuple[SchemaChange, ...] = ()
    tables: tuple[Table, ...] = ()
    script: str | None = None
    script_path: str | None = None
    head_files: tuple[HeadFile, ...] = ()
    sql: str = ""
    proof: tuple[ProofStep, ...] = ()
    locks: tuple[Lock, ...] = ()
    findings: tuple[Finding, ...] = ()
    timings_ms: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str | None = None
    hint: str = ""
    exit_code: int = COULD_NOT_CHECK  # of the error; not part of the JSON report

    @property
    def missing_files(self) -> dict[str, str]:
        """What `revguard add` writes: the missing script and the head files, by path."""
        script = {self.script_path: self.script} if self.script and self.script_path else {}
        return {**script, **{one.path: one.text for one in self.head_files}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one command, which the reporters render. `error`: nothing was judged."""

    verdict: Verdict
    tree: str | None = None
    duration_ms: int = 0
    environments: tuple[EnvironmentReport, ...] = ()
    error: str | None = None
    hint: str = ""
    exit_code: int = COULD_NOT_CHECK  # of the error; not part of the JSON report


def verdict_of(findings: Iterable[Finding], *, error: str | None = None) -> Verdict:
    """An environment's verdict: what could not be checked is never a pass."""
    if error is not None:
        return "error"
    return "fail" if any(finding.severity == "error" for finding in findings) else "pass"


def overall(environments: Iterable[EnvironmentReport]) -> Verdict:
    """A report's verdict: the worst of its environments; with none there was nothing to do."""
    verdicts = {environment.verdict for environment in environments}
    for verdict in ("error", "fail"):
        if verdict in verdicts:
            return verdict
    return "pass"


def exit_code(report: Report) -> int:
    """The process's exit code for a report."""
    if report.verdict != "error":
        return EXIT_CODES[report.verdict]
    codes = [one.exit_code for one in report.environments if one.verdict == "error"]
    # with a usage error and a check that could not run, the check is what is missing
    return max(codes, default=report.exit_code) if report.error is None else report.exit_code


def to_dict(report: Report) -> dict[str, Any]:
    """The JSON report, keys in the order of the documentation."""
    return {
        "version": VERSION,
        **_plain(report, skip=("environments", "exit_code")),
        "environments": [environment_to_dict(one) for one in report.environments],
    }


def environment_to_dict(environment: EnvironmentReport) -> dict[str, Any]:
    """One environment of the JSON report."""
    return _plain(environment, skip=("exit_code",))


def from_dict(data: Mapping[str, Any]) -> Report:
    """The report that `to_dict` wrote. ValueError for anything else."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("not a report of this version")
    values = {key: value for key, value in data.items() if key != "version"}
    return _built(Report, values, {"environments": _each(environment_from_dict)})


def environment_from_dict(data: Mapping[str, Any]) -> EnvironmentReport:
    """The environment that `environment_to_dict` wrote. ValueError for anything else."""
    return _built(
        EnvironmentReport,
        data,
        {
            "database": _maybe(_reader(DatabaseInfo)),
            "interpreter": _maybe(_reader(InterpreterInfo)),
            "heads": tuple,
            "new_revisions": _each(
                lambda value: _built(NewRevision, value, {"down_revision": tuple})
            ),
            "changes": _each(
                lambda value: _built(SchemaChange, value, {"source": _maybe(_reader(Source))})
            ),
            "tables": _each(table_from_dict),
            "head_files": _each(_reader(HeadFile)),
            "proof": _each(_reader(ProofStep)),
            "locks": _each(_reader(Lock)),
            "findings": _each(_reader(Finding)),
            "timings_ms": dict,
            "notes": tuple,
        },
    )


def table_from_dict(data: Mapping[str, Any]) -> Table:
    """A table of the picture, as the worker and the JSON report have it."""
    foreign_key = {"columns": tuple}
    return _built(
        Table,
        data,
        {
            "columns": _each(_reader(Column)),
            "foreign_keys": _each(lambda value: _built(ForeignKey, value, foreign_key)),
        },
    )


# `error` and `hint` of something that could be checked would say nothing
_ONLY_WITH_AN_ERROR = ("error", "hint")


def _plain(value: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    silent = type(value) in (Report, EnvironmentReport) and value.error is None
    skip += _ONLY_WITH_AN_ERROR if silent else ()
    return {
        one.name: _jsonable(getattr(value, one.name))
        for one in fields(value)
        if one.name not in skip
    }


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return _plain(value) if hasattr(value, "__dataclass_fields__") else value


def _built(
    kind: Callable[..., _T], data: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]]
) -> _T:
    try:
        return kind(**{key: readers.get(key, _as_is)(value) for key, value in data.items()})
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not a report of this version: {error}") from error


def _reader(kind: Callable[..., _T]) -> Callable[[Any], _T]:
    return lambda value: _built(kind, value, {})


def _each(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    return lambda values: tuple(read(value) for value in values)


def _maybe(read: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    return lambda value: None if value is None else read(value)


def _as_is(value: Any) -> Any:
    return value
