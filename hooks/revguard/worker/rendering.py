"""What ``render_item`` of env.py leaves to Alembic: types that are rendered in a way of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

from alembic.autogenerate import api

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
        for concerned, render in self._special if kind == "type" else ():
            if concerned(item):
                return render(item, context)
        return self._users(kind, item, context) if self._users else False
