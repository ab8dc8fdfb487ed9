"""The imports that a script needs for the project's own types: operations in, lines out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from alembic.autogenerate import render


@contextmanager
def completed_imports() -> Iterator[None]:
    """Where Alembic renders ``shop.kinds.Mail()`` it leaves ``import shop.kinds`` to the reader.

    With ``user_module_prefix`` it is the template that brings the import.
    """
    module: Any = render
    original = module._user_autogenerate_prefix

    def prefix(context: Any, target: Any) -> str:
        if context.opts["user_module_prefix"] is None:
            context.imports.add(f"import {target.__module__}")
        found: str = original(context, target)
        return found

    module._user_autogenerate_prefix = prefix
    try:
        yield
    finally:
        module._user_autogenerate_prefix = original
