"""The slow oracle: a tree and what it comes from in, what is wrong with it out.

It knows nothing of revguard: Alembic loads the scripts, every revision is run from an empty SQLite
database on, and what is left is compared with the models. It remembers by content.
"""

import functools
import tempfile
from itertools import combinations
from pathlib import Path

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from . import alphabet, modes

DEPENDS = "two lines of revisions, and what runs first decides"
MAY_BE_KNOWN = "could not check, or unaffected"


class History:
    """The revisions of some scripts, as Alembic reads them; `broken` where it cannot."""

    def __init__(self, files):
        self.texts = dict(files)
        self.modules, self.down, self.names, self.heads = {}, {}, {}, ()
        self.broken = ""
        try:
            self._load()
        except Exception as error:  # noqa: BLE001  (whatever a script may raise)
            self.broken = f"{type(error).__name__}: {error}"

    def _load(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in self.texts.items():
                Path(folder, name).write_text(text)
            scripts = ScriptDirectory(folder, version_locations=[folder])
            found = [*scripts.walk_revisions()]
            for name in self.texts:
                if len([one for one in found if Path(one.path).name == name]) != 1:
                    raise CommandError(f"{name} is not loaded")
            self.heads = tuple(sorted(scripts.get_heads()))
            for one in reversed(found):
                self.modules[one.revision] = one.module
                self.down[one.revision] = tuple(one._versioned_down_revisions)
                self.names[one.revision] = Path(one.path).name

    def steps(self, ids, *, last):
        """An order in which these can be run: of those that could be next the first, or the last.
        What Alembic takes depends on how their folder is listed."""
        left, found = set(ids), []
        while left:
            ready = (id_ for id_ in left if left.isdisjoint(self.down[id_]))
            found.append((max if last else min)(ready))
            left.remove(found[-1])
        return found

    def text_of(self, id_):
        return self.texts[self.names[id_]]

    @functools.cache  # noqa: B019  (histories are remembered anyway)
    def line(self, id_):
        """A revision and all below it."""
        found = {id_}
        for one in self.down[id_]:
            found |= self.line(one)
        return frozenset(found)


@functools.cache
def history(files):
    return History(files)


def _run(connection, module, name):
    context = MigrationContext.configure(connection)
    with Operations.context(context):
        getattr(module, name)()


def _schema(connection):
    tables = [
        row[0]
        for row in connection.exec_driver_sql("select name from sqlite_master where type = 'table'")
    ]
    return frozenset(
        (table, *row[1:4])
        for table in tables
        for row in connection.exec_driver_sql(f"pragma table_info({table})")
    )


class Replay:
    """What running all revisions from empty leaves, those that were there before first.

    `fails`: "old" or "new", where one of those cannot be run. `drift`: {(operation, object)} by
    which the models differ from that. `idle`: new ones that do nothing. `one_way`: why the new ones
    cannot be undone and done again.
    """

    def __init__(self, files, known, models, last):
        self.fails, self.one_way = "", ""
        self.schema, self.drift, self.idle = None, None, []
        one = history(files)
        old, new = steps(files, known, last=last)
        engine = sqlalchemy.create_engine("sqlite://")
        with engine.connect() as connection:
            self._play(connection, one, old, new, models)
        engine.dispose()

    def _play(self, connection, one, old, new, models):
        names = {}
        try:
            exec(models, names)
            for id_ in old:
                _run(connection, one.modules[id_], "upgrade")
        except Exception:  # noqa: BLE001  (whatever a script may raise)
            self.fails = "old"
            return
        before = _schema(connection)
        try:
            for id_ in new:
                self._upgrade(connection, one, id_)
        except Exception:  # noqa: BLE001  (whatever a script may raise)
            self.fails = "new"
            return
        self.schema = _schema(connection)
        context = MigrationContext.configure(connection)
        self.drift = frozenset(map(_key, compare_metadata(context, names["Base"].metadata)))
        self.one_way = self._one_way(connection, one, new, before)

    def _upgrade(self, connection, one, id_):
        before = _schema(connection)
        rows = connection.connection.total_changes
        _run(connection, one.modules[id_], "upgrade")
        is_idle = _schema(connection) == before and connection.connection.total_changes == rows
        if is_idle and len(one.down[id_]) < 2:
            self.idle.append(id_)

    def _one_way(self, connection, one, new, before):
        try:
            for id_ in reversed(new):
                _run(connection, one.modules[id_], "downgrade")
            if _schema(connection) != before:
                return "downgrade leaves another schema"
            for id_ in new:
                _run(connection, one.modules[id_], "upgrade")
        except Exception as error:  # noqa: BLE001  (whatever a script may raise)
            return str(error)
        same = _schema(connection) == self.schema
        return "" if same else "upgrading again leaves another schema"


def steps(files, known, *, last):
    """What was there before, and what is new, each in its order."""
    one = history(files)
    old = {id_ for id_ in one.modules if one.line(id_) <= known}
    return one.steps(old, last=last), one.steps(one.modules.keys() - old, last=last)


@functools.cache
def _replayed(files, known, models, last):
    return Replay(files, known, models, last)


def replay(files, known, models, *, last):
    if last and steps(files, known, last=True) == steps(files, known, last=False):
        last = False
    return _replayed(files, known, models, last)


def _key(item):
    op = item[0]
    return (op, item[1].name) if op.endswith("_table") else (op, f"{item[2]}.{item[3].name}")


class Oracle:
    """Verdicts on the trees of one repository."""

    def __init__(self, objects, mode):
        self._objects = objects
        self._mode = mode

    def files(self, tree):
        found = self._objects.files(tree, alphabet.FOLDER)
        return frozenset((name, text) for name, text in found.items() if name != modes.HEADS)

    def models(self, tree):
        folder, _, name = alphabet.MODELS.rpartition("/")
        return self._objects.files(tree, folder)[name]

    def history(self, tree):
        return history(self.files(tree))

    def _content(self, tree):
        return self.files(tree), self.models(tree)

    def schema(self, tree, landed):
        """What its revisions make, those that have landed first; None where they do not run, or
        where that depends on their order."""
        if self.history(tree).broken:
            return None
        one, other = (self._replay(tree, [landed], last=last).schema for last in (False, True))
        return one if one == other else None

    def _replay(self, tree, parents, *, last):
        known = frozenset(id_ for one in parents for id_ in self.history(one).modules)
        return replay(self.files(tree), known, self.models(tree), last=last)

    def staged(self, tree, parents, base):
        """The rules that a commit of this tree breaks. `parents`, `base`: trees."""
        found = self._of_change(tree, parents, base)
        here, before = self.history(tree), [self.history(one) for one in parents]
        if here.broken:
            return found
        return found | _several(here, _new(here, before))

    def range(self, tree, base, head):
        """The rules that merging breaks. `tree`: merged; `base`, `head`: commits."""
        landed = self._objects.tree_of(base)
        found = self._of_change(tree, [landed], landed)
        merged = self.history(tree)
        if merged.broken:
            return found
        found |= self._several_of_range(merged, base, head)
        return found | _off_base(
            self.history(landed), self.history(self._objects.tree_of(head)), merged
        )

    def _several_of_range(self, merged, base, head):
        if self._mode.for_branch:
            return _several(merged, _new(merged, [self.history(self._objects.tree_of(base))]))
        found = set()
        for commit in self._objects.reached(head) - self._objects.reached(base):
            parents = self._objects.parents_of(commit)
            if len(parents) == 1:
                here = self.history(self._objects.tree_of(commit))
                old = [self.history(self._objects.tree_of(one)) for one in parents]
                new = [id_ for id_ in _new(here, old) if id_ in merged.modules]
                found |= _several(here, new)
        return found

    def _of_change(self, tree, parents, base):
        here = self.history(tree)
        if here.broken:
            return {"history/broken-graph"}
        before = [self.history(one) for one in parents]
        landed = self.history(base)
        found = (
            _heads(here, before) | _changed(here, before, landed) | self._head_file(tree, parents)
        )
        return found | self._proof(tree, parents, here, before)

    def _head_file(self, tree, parents):
        """It must name the heads, where there is to be one, unless a parent has it all so."""
        text = self._said(tree)
        old = [(self.files(one), self._said(one)) for one in parents]
        heads = sorted(self.history(tree).heads)
        if not self._mode.lock or not heads or (self.files(tree), text) in old:
            return set()
        fits = text is not None and modes.said(text) == heads
        return set() if fits else {"history/multiple-heads"}

    def _said(self, tree):
        return self._objects.files(tree, alphabet.FOLDER).get(modes.HEADS)

    def _proof(self, tree, parents, here, before):
        found = [self._proof_in(tree, parents, here, before, last=one) for one in (False, True)]
        return found[0] if found[0] == found[1] else {DEPENDS}

    def _proof_in(self, tree, parents, here, before, *, last):
        played = self._replay(tree, parents, last=last)
        if played.fails == "old":
            # nothing was changed: who remembers that need not look
            same = any(self._content(tree) == self._content(one) for one in parents)
            return {MAY_BE_KNOWN if same else "error"}
        if played.fails:
            return {"proof/upgrade-fails"}
        new = _new(here, before)
        whole = [one for one in parents if not self.history(one).broken]
        olds = [self._replay(one, [one], last=last).drift for one in whole]
        found = set()
        if played.drift.difference(self._mode.waived, *filter(None, olds)):
            found.add("history/incomplete-revision" if new else "history/missing-revision")
        if any(id_ in new for id_ in played.idle):
            found.add("history/empty-revision")
        if played.one_way:
            found.add("proof/downgrade-fails")
        return found


def _new(here, before):
    return [id_ for id_ in here.modules if not any(id_ in one.modules for one in before)]


def _several(here, new):
    count = len([id_ for id_ in new if len(here.down[id_]) < 2])
    return {"history/several-revisions"} if count > 1 else set()


def _heads(here, before):
    """Two heads that no parent had, in whatever they have grown from."""
    for one, other in combinations(here.heads, 2):
        mine, yours = here.line(one), here.line(other)
        if not any(
            (left in mine - yours and right in yours - mine)
            or (left in yours - mine and right in mine - yours)
            for parent in before
            for left, right in combinations(parent.heads, 2)
        ):
            return {"history/multiple-heads"}
    return set()


def _changed(here, before, landed):
    """What has landed and is not what it was; a parent's doing is not blamed on this change."""
    found = set()
    for id_ in landed.modules:
        sides = [one for one in (landed, *before) if id_ in one.modules]
        if id_ not in here.modules:
            if before and all(id_ in one.modules for one in before):
                found.add("history/deleted-revision")
            continue
        if all(set(one.down[id_]) != set(here.down[id_]) for one in sides):
            found.add("history/renumbered-revision")
        if all(_bodies(one.text_of(id_)) != _bodies(here.text_of(id_)) for one in sides):
            found.add("history/edited-revision")
    return found


def _bodies(text):
    return text[text.index("def upgrade") :]


def _off_base(landed, own, merged):
    """A revision on top of one that the base has gone on from, without the branch."""
    for id_ in _new(own, [landed]):
        if id_ not in merged.modules:
            continue  # merging brings no such thing: the base has what the branch was
        for parent in own.down[id_]:
            ahead = [one for one in landed.modules if parent in landed.down[one]]
            if any(one not in own.modules for one in ahead):
                return {"history/not-on-base-head"}
    return set()
