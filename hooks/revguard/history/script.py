"""Reads one revision script without importing it: bytes in, what Alembic would find there out."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from revguard.history.extensions import named_in
from revguard.history.values import UNKNOWN, evaluated, identifiers, one_identifier

NAMES = ("revision", "down_revision", "depends_on", "branch_labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """Why a script is not valid Python (for the Python that runs revguard)."""

    message: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one script says of itself. None stands for a value that is not a literal."""

    revision: str | None = None
    down: tuple[str, ...] | None = ()
    depends_on: tuple[str, ...] | None = ()
    labels: tuple[str, ...] | None = ()
    bound: tuple[str, ...] = ()  # those of NAMES that the script binds at all
    doc: str = ""
    imports: tuple[str, ...] = ()
    line: int = 0  # of `revision`
    line_of_down: int = 0
    extensions: tuple[str, ...] = ()  # of PostgreSQL, that it creates
    error: Error | None = None


def parse(source: bytes) -> Script:
    """Read a script. One that does not compile is read as far as its header does."""
    try:
        return replace(_read(_compile(source)), extensions=named_in(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = _why(error, source)
    for header in _headers(source):
        tree = tree_of(header)
        if tree is not None:
            return _read(tree, why)
    return Script(revision=None, down=None, depends_on=None, labels=None, error=why)


def tree_of(source: bytes) -> ast.Module | None:
    """The syntax tree, or None where the script does not compile."""
    try:
        return _compile(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _compile(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a user's script is not our business
        return ast.parse(source)


def _why(error: BaseException, source: bytes) -> Error:
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            return Error(message="a conflict of a git merge is still in it", line=number)
    if isinstance(error, SyntaxError):
        return Error(message=error.msg or "invalid syntax", line=error.lineno or 1)
    return Error(message=str(error) or type(error).__name__, line=1)


def _headers(source: bytes) -> Iterator[bytes]:
    """Beginnings of the script that may compile where the whole does not."""
    lines = source.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith((b"def ", b"async def ", b"class ", b"@")):
            yield b"".join(lines[:number])
            break
    named = tuple(name.encode() for name in NAMES)
    yield b"".join(line if line.startswith(named) else b"\n" for line in lines)


def _read(module: ast.Module, error: Error | None = None) -> Script:
    values, lines = _bindings(module)
    return Script(
        revision=one_identifier(values.get("revision")),
        down=identifiers(values.get("down_revision")),
        depends_on=identifiers(values.get("depends_on")),
        labels=identifiers(values.get("branch_labels")),
        bound=tuple(name for name in NAMES if name in values),
        doc=(ast.get_docstring(module, clean=False) or "").strip().split("\n\n")[0],
        imports=tuple(sorted(set(_imports(module.body)))),
        line=lines.get("revision", 0),
        line_of_down=lines.get("down_revision", 0),
        error=error,
    )


def _bindings(module: ast.Module) -> tuple[dict[str, object], dict[str, int]]:
    """What the module's names are bound to at its end, and on which line."""
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    for statement in module.body:
        for name, value in _bound_by(statement, values):
            values[name] = value
            lines[name] = statement.lineno
        if isinstance(statement, ast.Delete):
            for target in statement.targets:
                values.pop(target.id if isinstance(target, ast.Name) else "", None)
    return values, lines


def _bound_by(statement: ast.stmt, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _assigned(target, evaluated(statement.value, values))
    elif isinstance(statement, ast.AnnAssign):
        if statement.value is not None:
            yield from _assigned(statement.target, evaluated(statement.value, values))
    elif not isinstance(statement, (ast.Expr, ast.Delete)):
        yield from ((name, UNKNOWN) for name in _bound_somehow(statement))


def _bound_somehow(statement: ast.stmt) -> Iterator[str]:
    """Names whose value depends on the run: `def`, imports, and what `if`, `try` or `+=` bind."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            names = NAMES if alias.name == "*" else (alias.asname or alias.name,)
            yield from (name.partition(".")[0] for name in names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from _bound_somehow(node)


def _assigned(target: ast.expr, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        fits = isinstance(value, tuple) and len(value) == len(target.elts)
        parts = value if fits and isinstance(value, tuple) else (UNKNOWN,) * len(target.elts)
        for part, known in zip(target.elts, parts, strict=True):
            yield from _assigned(part, known)


def _imports(body: list[ast.stmt]) -> Iterator[str]:
    """Modules that are imported anywhere, in functions too; of `from a import b` a and a.b."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            if statement.module and not statement.level:
                yield statement.module
                yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
        elif hasattr(statement, "body") or hasattr(statement, "cases"):
            for field in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(statement, field, []))
            for field in ("handlers", "cases"):
                for part in getattr(statement, field, []):
                    yield from _imports(part.body)
