"""Comparing and generating: autogenerate's result, and the revision script made of it."""

import hashlib
import os

from alembic.autogenerate import api, compare
from alembic.script import write_hooks

from . import complete, differences, project

_PLACEHOLDER = "revguard"


class Comparison:
    """What autogenerate finds on this connection, the project's own hooks applied."""

    def __init__(self, environment, context, heads):
        self.revisions = api.RevisionContext(
            environment.config, environment.script, _arguments(heads)
        )
        self.context = self.revisions._last_autogen_context = api.AutogenContext(context)
        script = self.revisions.generated_revisions[-1]
        script.upgrade_ops_list[-1].upgrade_token = context.opts["upgrade_token"]
        script.downgrade_ops_list[-1].downgrade_token = context.opts["downgrade_token"]
        compare._populate_migration_script(self.context, script)
        complete.before_hooks(script, context.dialect)
        script.rev_id = _revision_id(heads, self.differences())
        hook = context.opts.get("process_revision_directives")
        if hook:
            script._needs_render = True
            hook(context, heads, self.revisions.generated_revisions)

    def differences(self):
        """The differences that are left, in the order of the operations."""
        found = []
        for script in self.revisions.generated_revisions:
            for container in script.upgrade_ops_list:
                found.extend(differences.of_ops(container, self.context))
        return found

    def subtract(self, known, waived):
        """Take known and waived differences out; the downgrade follows. Returns how many there were."""
        taken = 0
        for script in self.revisions.generated_revisions:
            count = differences.subtract(script.upgrade_ops, known, waived, self.context)
            if count:
                script.upgrade_ops.reverse_into(script.downgrade_ops)
            taken += count
        return taken


def _arguments(heads):
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
        "rev_id_": heads,
    }


def _revision_id(heads, found):
    """Twelve hexadecimal digits, the same for the same change on the same parent."""
    text = "\0".join(list(heads or ()) + sorted(item.key for item in found))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def write(comparison, environment, dialect, request, casts, notes):
    """Let Alembic write the script; returns its Script (with path, revision, module).

    The project's template, file name, hooks and naming apply. A post-write hook that cannot run
    is noted: the script is there all the same.
    """
    found = comparison.differences()
    for script in comparison.revisions.generated_revisions:
        if dialect.name == "postgresql" and not _knows_enums():
            complete.Enums(comparison.context).complete(script)
        if casts:
            complete.add_casts(script, dialect)
        if script.message is None:
            script.message = request["message"] or differences.message_for(found)
        script._needs_render = True
    project.fix_create_date(environment.script, request["created"])
    original = write_hooks._run_hooks

    def run_hooks(path, hooks):
        try:
            original(path, hooks)
        except Exception as error:
            notes.append("a post-write hook of alembic.ini could not run: %s" % error)

    write_hooks._run_hooks = run_hooks
    try:
        return list(comparison.revisions.generate_scripts())
    finally:
        write_hooks._run_hooks = original


def _knows_enums():
    import sys

    return "alembic_postgresql_enum" in sys.modules


def remove(scripts):
    """Take the written scripts out of the checkout again, with their bytecode."""
    import importlib.util

    for script in scripts:
        path = str(script.path)
        for name in (path, importlib.util.cache_from_source(path)):
            try:
                os.remove(name)
            except OSError:
                pass
