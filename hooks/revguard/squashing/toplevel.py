"""What stands at the top level of a merged script: the parts of a chain in, edits of the first
one's docstring, header, imports and helpers out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from revguard.squashing.chains import Chain, Refusal
from revguard.squashing.scripts import WAYS, Parts, bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of the first script, by number, that give way to a text; `first` > `last`: inserted."""

    first: int
    last: int
    text: str


def paragraphs(one: Parts) -> list[str]:
    """What somebody has written into a docstring besides the message."""
    found = re.split(r"\n\s*\n", (one.doc or "").strip())[1:]
    kept = (re.sub(r"(?m)^(Revision ID|Revises|Create Date): .*$", "", text) for text in found)
    return [text.strip() for text in kept if text.strip()]


def docstring(first: Parts, chain: Chain, message: str, more: Sequence[str]) -> Edit:
    """The message, what somebody explained, and the ids."""
    lines = (first.doc or "").strip().split("\n")
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    rest = "\n".join(lines[end:])
    rest = re.sub(r"(?m)^(Revision ID: ).*$", lambda found: found[1] + chain.last.id, rest)
    down = ", ".join(chain.down)
    rest = re.sub(r"(?m)^(Revises: ).*$", lambda found: found[1] + down, rest)
    for text in paragraphs(first):
        rest = rest.replace(text, "")
    added = "".join(f"\n\n{text}" for text in more)
    said = f"{message}{added}\n{rest}".rstrip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    said = re.sub(r"\n{3,}", "\n\n", said)
    tail = "\n\n" if rest.strip() else "\n" if "\n" in said else ""
    text = f'"""{said}{tail}"""\n'
    if first.doc is None:
        return Edit(first=1, last=0, text=text)
    statement = first.module.body[0]
    return Edit(first=statement.lineno, last=statement.end_lineno or statement.lineno, text=text)


def headers(first: Parts, chain: Chain) -> Iterator[Edit]:
    """The id and the place in the history."""
    down = chain.down[0] if len(chain.down) == 1 else chain.down or None
    values: dict[str, object] = {"revision": chain.last.id, "down_revision": down}
    for name, found in (("branch_labels", chain.labels), ("depends_on", chain.depends_on)):
        values[name] = found or None
    for name, value in values.items():
        statement = first.header(name)
        if statement is None or statement.value is None:
            if value is not None:
                raise Refusal(f"{first.path} says nothing of `{name}`")
            continue
        if ast.unparse(statement.value) != repr(value):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            note = (
                f": {ast.unparse(statement.annotation)}"
                if isinstance(statement, ast.AnnAssign)
                else ""
            )
            text = f"{ast.unparse(target)}{note} = {_quoted(value, first)}\n"
            yield Edit(
                first=statement.lineno, last=statement.end_lineno or statement.lineno, text=text
            )


def _quoted(value: object, first: Parts) -> str:
    """The value in the quotes that the script has."""
    said, own = repr(value), first.header("revision")
    double = own is not None and '"' in first.source(own.lineno, own.end_lineno or own.lineno)
    return said.replace("'", '"') if double and not {'"', "\\"} & {*said} else said


def imports(pieces: Sequence[Parts]) -> Iterator[Edit]:
    """What the later scripts import and the first does not; one name is one thing."""
    first, *others = pieces
    known = dict(_all([first]))
    plain: list[str] = []
    future: list[str] = []
    for one in (statement for piece in others for statement in piece.imports):
        new = []
        for alias, (name, what) in zip(one.names, _imported(one), strict=True):
            if known.get(name, what) != what:
                raise Refusal(f"`{name}` is {known[name]} in one of them and {what} in another")
            if name not in known:
                known[name] = what
                new.append(alias)
        if new:
            is_future = isinstance(one, ast.ImportFrom) and one.module == "__future__"
            (future if is_future else plain).append(_statement(one, new))
    at = max((one.end_lineno or one.lineno for one in first.imports), default=_after_doc(first))
    yield Edit(first=at + 1, last=at, text="".join(plain))
    at = _after_doc(first)
    yield Edit(first=at + 1, last=at, text="".join(future))


def _all(pieces: Iterable[Parts]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        for one in piece.imports:
            yield from _imported(one)


def _imported(one: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that a statement binds (`a.b` of `import a.b`), and what they are."""
    origin = f"{'.' * one.level}{one.module or ''}." if isinstance(one, ast.ImportFrom) else ""
    for alias in one.names:
        yield alias.asname or alias.name, f"{origin}{alias.name}"


def _statement(one: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> str:
    if isinstance(one, ast.Import):
        return ast.unparse(ast.Import(names=names)) + "\n"
    return ast.unparse(ast.ImportFrom(module=one.module, names=names, level=one.level)) + "\n"


def _after_doc(first: Parts) -> int:
    if first.doc is None:
        return 0
    return first.module.body[0].end_lineno or 1


def helpers(pieces: Sequence[Parts]) -> Iterator[Edit]:
    """Functions, tables and data of the later scripts, before the first one's upgrade()."""
    first, *others = pieces
    imported = {name.partition(".")[0] for name, _ in _all(pieces)}
    known = {name: (ast.dump(one), first.path) for one in first.helpers for name in bound([one])}
    texts = []
    for piece in others:
        for one in piece.helpers:
            names = bound([one])
            alike = [known[name] for name in names if name in known]
            for said, path in alike:
                if said != ast.dump(one):
                    raise Refusal(
                        f"{path} and {piece.path} both define "
                        f"`{', '.join(sorted(names & known.keys()))}`, each in its own way",
                        hint="give it another name in one of them",
                    )
            if not alike:
                known.update(dict.fromkeys(names, (ast.dump(one), piece.path)))
                texts.append(_with_comments(piece, one))
    for name in sorted((imported | {*WAYS}) & known.keys()):
        raise Refusal(f"{known[name][1]} defines `{name}`, which another one imports or is")
    if texts:
        at = start_of(first, way_of(first, "upgrade"))
        yield Edit(first=at, last=at - 1, text="".join(f"{text}\n\n" for text in texts))


def _with_comments(piece: Parts, statement: ast.stmt) -> str:
    start = start_of(piece, statement)
    return piece.source(start, statement.end_lineno or statement.lineno).rstrip() + "\n"


def start_of(piece: Parts, statement: ast.stmt) -> int:
    """The line where it begins: with its decorators, and the comments right above it."""
    decorators = getattr(statement, "decorator_list", [])
    line: int = min([statement.lineno, *(one.lineno for one in decorators)])
    while line > 1 and piece.lines[line - 2].startswith("#"):
        line -= 1
    return line


def way_of(piece: Parts, name: str) -> ast.FunctionDef:
    """upgrade() or downgrade(), if it can be put together with others. Refusal."""
    found = piece.way(name)
    if found is None:
        raise Refusal(f"{piece.path} has no {name}()")
    args = found.args
    if args.args or args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg:
        raise Refusal(f"{name}() of {piece.path} takes arguments: there are several databases")
    if found.decorator_list:
        raise Refusal(f"{name}() of {piece.path} has a decorator")
    return found
