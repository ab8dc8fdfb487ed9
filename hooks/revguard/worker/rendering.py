"""Types in, their text in a script out: where Alembic alone would write what cannot run."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import Any, Callable, Iterator

import sqlalchemy
from alembic.autogenerate import api, render

Renderer = Callable[[Any, api.AutogenContext], str]


class TypeRenderer:
    """Stands in the place of the project's ``render_item`` while a script is rendered."""

    def __init__(self) -> None:
        """Nothing is special at first."""
        self._users: Any = None
        self._special: list[tuple[Callable[[Any], bool], Renderer]] = []

    def special(self, concerned: Callable[[Any], bool], render: Renderer) -> None:
        """Render the types that are ``concerned`` by ``render``."""
        self._special.append((concerned, render))

    @contextmanager
    def installed(self, context: api.AutogenContext) -> Iterator[None]:
        """In the place of ``render_item`` for as long as this lasts."""
        opts: Any = context.opts
        self._users = opts.get("render_item")
        opts["render_item"] = self
        try:
            yield
        finally:
            opts["render_item"] = self._users

    def __call__(self, kind: str, item: Any, context: api.AutogenContext) -> Any:
        """As ``render_item`` is called; False leaves it to Alembic."""
        for concerned, special in self._special if kind == "type" else ():
            if concerned(item):
                return special(item, context)
        return self._users(kind, item, context) if self._users else False


@contextmanager
def whole_types() -> Iterator[None]:
    """Another dialect's type in a variant is rendered by its repr, in which SQLAlchemy's names are
    bare: ``postgresql.JSONB(astext_type=Text())``. They get the prefix that the script imports."""
    module: Any = render
    original = module._repr_type

    def repr_type(type_: Any, context: api.AutogenContext, *args: Any, **kwargs: Any) -> str:
        prefix = context.opts["sqlalchemy_module_prefix"] or ""
        return _with_prefix(original(type_, context, *args, **kwargs), prefix)

    module._repr_type = repr_type
    try:
        yield
    finally:
        module._repr_type = original


def _with_prefix(expression: str, prefix: str) -> str:
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:  # the project's own render_item may say what it likes
        return expression
    bare = [
        (node.func.lineno, node.func.col_offset)
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and hasattr(sqlalchemy, node.func.id)
    ]
    lines = [line.encode() for line in expression.split("\n")]
    for line, column in sorted(bare, reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + prefix.encode() + text[column:]
    return b"\n".join(lines).decode()
