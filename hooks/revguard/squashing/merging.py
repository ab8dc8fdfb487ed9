"""Several revision scripts as one: their parts in the order in which they run in, a text out.

What each does is taken over word for word: upgrade() runs the parts in order, downgrade() the other
way round. Where the names of two scripts could meet, each part stays a function of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from revguard.history.script import NAMES
from revguard.squashing.chains import Chain, Refusal
from revguard.squashing.scripts import ANEW, WAYS, Parts, bound

_GENERATED = re.compile(r"^[ \t]*# ### (commands auto|end Alembic).*\n", re.MULTILINE)
_MARK = re.compile(r"\n*^# revguard: generated .*\n", re.MULTILINE)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LEAVES = (ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of the first script, by number, that give way to a text; `first` > `last`: inserted."""

    first: int
    last: int
    text: str


def merged(chain: Chain, pieces: Sequence[Parts], message: str, more: Sequence[str]) -> str:
    """The text of the one revision. `more`: paragraphs for its docstring. Refusal."""
    first = pieces[0]
    _refuse_self_knowledge(chain, pieces)
    edits = [
        _docstring(first, chain, message, more),
        *_headers(first, chain),
        *_imports(pieces),
    ]
    if len(pieces) > 1:  # of two texts for one line the later comes first
        edits += [*_ways(pieces), *_helpers(pieces)]
    return _MARK.sub("\n", _applied(first, edits)).rstrip() + "\n"


def paragraphs(one: Parts) -> list[str]:
    """What somebody has written into a docstring besides the message."""
    found = re.split(r"\n\s*\n", (one.doc or "").strip())[1:]
    kept = (re.sub(r"(?m)^(Revision ID|Revises|Create Date): .*$", "", text) for text in found)
    return [text.strip() for text in kept if text.strip()]


def _refuse_self_knowledge(chain: Chain, pieces: Sequence[Parts]) -> None:
    """A script that asks who it is would get another answer."""
    for one in pieces:
        uses = {node.id for node in ast.walk(one.module) if isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Load)}  # fmt: skip
        known = {*NAMES, "__doc__"} | ({"__file__"} if one.path != chain.last.path else set())
        for name in sorted(uses & known):
            raise Refusal(f"{one.path} uses its own `{name}`, which would be another one")
        if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
               for node in ast.walk(one.module)):  # fmt: skip
            raise Refusal(f"{one.path} imports `*`: which names these are only running it tells")


def _docstring(first: Parts, chain: Chain, message: str, more: Sequence[str]) -> Edit:
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


def _headers(first: Parts, chain: Chain) -> Iterator[Edit]:
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


def _imports(pieces: Sequence[Parts]) -> Iterator[Edit]:
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


def _helpers(pieces: Sequence[Parts]) -> Iterator[Edit]:
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
        at = _start(first, _way(first, "upgrade"))
        yield Edit(first=at, last=at - 1, text="".join(f"{text}\n\n" for text in texts))


def _with_comments(piece: Parts, statement: ast.stmt) -> str:
    start = _start(piece, statement)
    return piece.source(start, statement.end_lineno or statement.lineno).rstrip() + "\n"


def _start(piece: Parts, statement: ast.stmt) -> int:
    """The line where it begins: with its decorators, and the comments right above it."""
    decorators = getattr(statement, "decorator_list", [])
    line: int = min([statement.lineno, *(one.lineno for one in decorators)])
    while line > 1 and piece.lines[line - 2].startswith("#"):
        line -= 1
    return line


def _way(piece: Parts, name: str) -> ast.FunctionDef:
    found = piece.way(name)
    if found is None:
        raise Refusal(f"{piece.path} has no {name}()")
    args = found.args
    if args.args or args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg:
        raise Refusal(f"{name}() of {piece.path} takes arguments: there are several databases")
    if found.decorator_list:
        raise Refusal(f"{name}() of {piece.path} has a decorator")
    return found


def _ways(pieces: Sequence[Parts]) -> Iterator[Edit]:
    """The bodies, one after the other."""
    first = pieces[0]
    inline = all(_may_be_inline(pieces, name) for name in WAYS)
    functions = ""
    for name in WAYS:
        ordered = pieces if name == "upgrade" else pieces[::-1]
        done = [one for one in ordered if _does(one, name)]
        if inline:
            text = "\n".join(f"    # {_said(one)}\n{_body(one, name)}" for one in done)
        else:
            text = "".join(f"    {_named(one, name)}()\n" for one in done)
            functions += "".join(f"{_function(one, name)}\n\n" for one in done)
        way = _way(first, name)
        head = first.source(way.lineno, way.body[0].lineno - 1) or f"def {name}():\n"
        head = head[: head.rindex(":") + 1] + "\n" if ":" in head else f"def {name}():\n"
        _, end = _lines_of_body(first, way)
        kept = _docstring_of(first, way)
        yield Edit(first=way.lineno, last=end, text=f"{head}{kept}{text or '    pass' + chr(10)}")
    at = _start(first, _way(first, "upgrade"))
    yield Edit(first=at, last=at - 1, text=functions)


def _docstring_of(piece: Parts, way: ast.FunctionDef) -> str:
    said = ast.get_docstring(way, clean=False)
    one = way.body[0]
    alone = one.lineno > way.lineno and said is not None and "\n" not in said
    return f"    {piece.source(one.lineno, one.lineno).strip()}\n" if alone else ""


def _said(one: Parts) -> str:
    if one.id == ANEW:
        return "autogenerated anew"
    message = " ".join((one.doc or "").strip().split("\n\n")[0].split())
    return f"{one.id}: {message}" if message else one.id


def _does(piece: Parts, name: str) -> bool:
    body = _way(piece, name).body
    return any(not isinstance(one, ast.Pass) and not _is_text(one) for one in body)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _may_be_inline(pieces: Sequence[Parts], name: str) -> bool:
    """Whether the bodies mean the same in one function: no name of one hides another's, and none
    leaves early."""
    top = {one for piece in pieces for one in bound(piece.module.body)}
    for piece in (one for one in pieces if _does(one, name)):
        way = _way(piece, name)
        if bound(way.body) & top or any(_leaves(one) for one in way.body):
            return False
        indents = {piece.lines[one.lineno - 1][: one.col_offset] for one in way.body}
        if indents != {"    "}:
            return False
    return True


def _leaves(node: ast.AST) -> bool:
    if isinstance(node, _LEAVES):
        return True
    if isinstance(node, _OWN_SCOPE):
        return False
    return any(_leaves(child) for child in ast.iter_child_nodes(node))


def _lines_of_body(piece: Parts, way: ast.FunctionDef) -> tuple[int, int]:
    """The lines below `def`, without a docstring, with comments at their end."""
    start = way.body[0].lineno
    if _is_text(way.body[0]):
        start = (way.body[0].end_lineno or start) + 1
    else:
        while piece.lines[start - 2].lstrip().startswith("#"):
            start -= 1
    end = way.end_lineno or start
    while end < len(piece.lines) and re.match(r"[ \t]+#", piece.lines[end]):
        end += 1
    return start, end


def _body(piece: Parts, name: str) -> str:
    start, end = _lines_of_body(piece, _way(piece, name))
    return _GENERATED.sub("", piece.source(start, end)).strip("\n") + "\n"


def _named(piece: Parts, name: str) -> str:
    return f"_{name}_{re.sub(r'[^0-9A-Za-z]', '_', piece.id)}"


def _function(piece: Parts, name: str) -> str:
    way = _way(piece, name)
    _, end = _lines_of_body(piece, way)
    text = piece.source(way.lineno, end).rstrip() + "\n"
    return _GENERATED.sub("", text.replace(f"def {name}", f"def {_named(piece, name)}", 1))


def _applied(first: Parts, edits: Iterable[Edit]) -> str:
    lines = list(first.lines)
    # from the end, so that the numbers stay true; of two at one line the later goes in first
    for edit in sorted(edits, key=lambda one: one.first, reverse=True):
        lines[edit.first - 1 : edit.last] = [edit.text]
    return "".join(lines)


def message_of(chain: Sequence[Parts]) -> str:
    """What the revisions say, as one message."""
    said = [_said(one).removeprefix(one.id).removeprefix(": ") for one in chain]
    return ", ".join(dict.fromkeys(filter(None, said))) or "squashed"
