"""Comparing and generating: autogenerate's result, and the revision script made of it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Iterable, Iterator, Mapping, Sequence

from alembic.autogenerate import api, compare
from alembic.script import write_hooks

from . import (
    branching,
    complete,
    defaults,
    differences,
    enums,
    implicit,
    importing,
    message,
    prerequisites,
    project,
    rendering,
    subtraction,
    suspended,
    types_mysql,
)

_PLACEHOLDER = "revguard"


class Comparison:
    """What autogenerate finds on this connection, the project's own hooks applied."""

    def __init__(
        self,
        environment: Any,
        context: Any,
        heads: tuple[str, ...],
        wanted: Mapping[str, Any] | None = None,
    ) -> None:
        """Compare now, with the MigrationContext's connection. `wanted`: what the script's id and
        its place in the history are to be, where that is not for us to say."""
        self.revisions: Any = api.RevisionContext(
            environment.config, environment.script, _arguments()
        )
        self.context = self.revisions._last_autogen_context = api.AutogenContext(context)
        script = self.revisions.generated_revisions[-1]
        script.upgrade_ops_list[-1].upgrade_token = context.opts["upgrade_token"]
        script.downgrade_ops_list[-1].downgrade_token = context.opts["downgrade_token"]
        self.included = 0  # tables of the metadata that env.py does not leave out
        self.context._object_filters.append(self._count)
        defaults.install(context)
        types_mysql.install(context)
        compare._populate_migration_script(self.context, script)
        complete.before_hooks(script, context)
        self._wanted = wanted
        script.rev_id = wanted["id"] if wanted else _revision_id(heads, self.differences())
        hook = context.opts.get("process_revision_directives")
        self.swallowed: list[differences.Difference] = []
        if hook:
            script._needs_render = True
            found = self.differences()
            hook(context, heads, self.revisions.generated_revisions)
            is_left = any(not one.is_empty() for one in script.upgrade_ops_list)
            if is_left and not self.revisions.generated_revisions:
                self.swallowed = found

    def _count(self, _item: Any, _name: Any, kind: str, reflected: bool, _other: Any) -> bool:
        """The last of the filters: it sees what all others let pass."""
        self.included += kind == "table" and not reflected
        return True

    def differences(self) -> list[differences.Difference]:
        """The differences that are left, in the order of the operations."""
        found = []
        for script in self.revisions.generated_revisions:
            for container in script.upgrade_ops_list:
                found.extend(differences.of_ops(container, self.context))
        return found

    def place(self, script: Any) -> None:
        """Give the script the id and the place that are wanted."""
        if self._wanted:
            script.rev_id = self._wanted["id"]
            script.head = list(self._wanted["down"]) or "base"
            script.splice = True
            script.depends_on = self._wanted["depends_on"] or None
            script.branch_label = self._wanted["labels"] or None

    def subtract(self, known: Iterable[str], waived: Iterable[str]) -> int:
        """Take known and waived differences out; the downgrade follows. Returns how many."""
        taken = 0
        for script in self.revisions.generated_revisions:
            count = subtraction.subtract(script.upgrade_ops, known, waived, self.context)
            if count:
                script.upgrade_ops.reverse_into(script.downgrade_ops)
            taken += count
        return taken


def _arguments() -> dict[str, Any]:
    return {
        "message": None,
        "autogenerate": True,
        "sql": False,
        "head": "head",
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": _PLACEHOLDER,
        "depends_on": None,
    }


def _revision_id(heads: Iterable[str], found: Iterable[differences.Difference]) -> str:
    """Twelve hexadecimal digits, the same for the same change on the same parent."""
    text = "\0".join([*heads, *sorted(item.key for item in found)])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def write(
    comparison: Comparison,
    environment: Any,
    dialect: Any,
    request: Mapping[str, Any],
    with_casts: bool,
    notes: list[str],
) -> list[Any]:
    """Let Alembic write the script; returns its Script (with path, revision, module)."""
    renderer = rendering.TypeRenderer()
    complete_script(comparison, dialect, renderer, with_casts)
    return generate(comparison, environment, request, renderer, notes)


def complete_script(
    comparison: Comparison, dialect: Any, renderer: rendering.TypeRenderer, with_casts: bool
) -> None:
    """Put in what Alembic leaves out, while the database can still be asked."""
    for script in comparison.revisions.generated_revisions:
        if dialect.name == "postgresql":
            if "alembic_postgresql_enum" not in sys.modules:
                enums.Enums(comparison.context, renderer).complete(script)
            prerequisites.complete(script, comparison.context)
        elif dialect.name in ("mysql", "mariadb"):
            implicit.complete(script, comparison.context)
            suspended.complete(script, comparison.context)
        if with_casts:
            from . import casts

            casts.add_casts(script, comparison.context)


def join(comparisons: Sequence[Comparison]) -> Comparison:
    """One comparison that has the operations of all; one set for each token of the template."""
    first = comparisons[0]
    (script,) = first.revisions.generated_revisions
    tokens = {one.upgrade_token for one in script.upgrade_ops_list}
    for other in comparisons[1:]:
        (theirs,) = other.revisions.generated_revisions
        for pair in zip(theirs.upgrade_ops_list, theirs.downgrade_ops_list):
            if pair[0].upgrade_token not in tokens:
                tokens.add(pair[0].upgrade_token)
                script.upgrade_ops_list.append(pair[0])
                script.downgrade_ops_list.append(pair[1])
    return first


def has_place(comparison: Comparison, environment: Any) -> bool:
    """Whether it is known on which head the script goes: Alembic writes none on two at once."""
    waiting = [one for one in comparison.revisions.generated_revisions if one.head == "head"]
    if not waiting or len(environment.script.get_heads()) < 2:
        return True
    tables = _tables(comparison.differences())
    return branching.head_for(environment.script, tables) is not None


def _tables(found: Iterable[differences.Difference]) -> list[str]:
    return [item.table.rpartition(".")[2] for item in found]


def generate(
    comparison: Comparison,
    environment: Any,
    request: Mapping[str, Any],
    renderer: rendering.TypeRenderer,
    notes: list[str],
) -> list[Any]:
    """Write the script of a comparison that is complete.

    The project's template, file name, hooks and naming apply. A post-write hook that cannot run
    is noted: the script is there all the same.
    """
    found = comparison.differences()
    for script in comparison.revisions.generated_revisions:
        if script.message is None:
            script.message = request["message"] or message.message_for(found)
        if script.head == "head":
            script.head = branching.head_for(environment.script, _tables(found)) or script.head
        comparison.place(script)
        script._needs_render = True
    project.fix_create_date(environment.script, request["created"])
    with ExitStack() as stack:
        stack.enter_context(_noted_hooks(notes))
        stack.enter_context(importing.completed_imports())
        stack.enter_context(rendering.whole_types())
        stack.enter_context(renderer.installed(comparison.context))
        return list(comparison.revisions.generate_scripts())


@contextmanager
def _noted_hooks(notes: list[str]) -> Iterator[None]:
    """A post-write hook that raises becomes a note."""
    module: Any = write_hooks
    original = module._run_hooks

    def run_hooks(path: str, hooks: Any) -> None:
        try:
            original(path, hooks)
        except Exception as error:  # noqa: BLE001 - the project's own code
            notes.append(f"a post-write hook of alembic.ini could not run: {error}")

    module._run_hooks = run_hooks
    try:
        yield
    finally:
        module._run_hooks = original


def told(script: Any, tree: str) -> dict[str, Any]:
    """A written script as it is told."""
    with open(str(script.path), "rb") as stream:
        text = stream.read().decode("utf-8", "surrogateescape")
    down = script.down_revision
    return {
        "id": script.revision,
        "path": os.path.relpath(str(script.path), tree).replace(os.sep, "/"),
        "text": text,
        "down_revision": [down] if isinstance(down, str) else list(down or ()),
    }


def remove(scripts: Iterable[Any]) -> None:
    """Take the written scripts out of the checkout again, with their bytecode."""
    for script in scripts:
        path = str(script.path)
        for name in (path, importlib.util.cache_from_source(path)):
            with suppress(OSError):
                os.remove(name)
