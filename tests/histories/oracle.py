"""The slow way to the verdict: whatever git holds is replayed from empty by Alembic alone.

Nothing here is revguard's: trees are read by `git archive`, run and compared by Alembic in this
process, and judged by what the contract says in words.
"""

import importlib
import io
import itertools
import sys
import tarfile
import warnings
from dataclasses import dataclass, field

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

VERSIONS = "migrations/versions"


@dataclass(frozen=True)
class Seen:
    """What is true of one tree."""

    texts: dict = field(default_factory=dict)  # of the scripts, by revision
    parents: dict = field(default_factory=dict)  # of each revision
    heads: tuple = ()
    broken: bool = False  # Alembic cannot load the scripts
    fails: bool = False  # they cannot be run from empty
    drift: frozenset = frozenset()  # how the database then differs from the models
    schema: frozenset = frozenset()  # columns of that database

    def ancestors(self, revision):
        """A revision and all that it stands on."""
        found, waiting = set(), [revision]
        while waiting:
            one = waiting.pop()
            if one not in found and one in self.parents:
                found.add(one)
                waiting += self.parents[one]
        return found


class Oracle:
    """What is true of trees, each replayed once."""

    def __init__(self, git, folder):
        self._git = git  # runs git, gives bytes
        self._folder = folder
        self._seen = {}

    def __call__(self, tree):
        """What is true of a tree."""
        if tree not in self._seen:
            self._seen[tree] = self._replay(tree)
        return self._seen[tree]

    def _replay(self, tree):
        top = self._folder / tree
        with tarfile.open(fileobj=io.BytesIO(self._git("archive", "--format=tar", tree))) as tar:
            tar.extractall(top, filter="data")
        config = Config()
        config.set_main_option("script_location", str(top / "migrations"))
        scripts = ScriptDirectory.from_config(config)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a parent that is not there
                revisions = list(scripts.walk_revisions())
                heads = tuple(sorted(scripts.get_heads()))
        except (CommandError, KeyError):
            return Seen(broken=True)
        known = Seen(
            texts={one.revision: (top / VERSIONS / one.path).read_text() for one in revisions},
            parents={one.revision: one._normalized_down_revisions for one in revisions},
            heads=heads,
        ).__dict__
        try:
            return Seen(**{**known, **_run(config, scripts, _metadata(top))})
        except sa.exc.DBAPIError:
            return Seen(**{**known, "fails": True})


def _metadata(top):
    for name in [one for one in sys.modules if one.partition(".")[0] == "shop"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.insert(0, str(top))
    try:
        return importlib.import_module("shop.models").Base.metadata
    finally:
        sys.path.remove(str(top))


def _run(config, scripts, metadata):
    engine = sa.create_engine("sqlite://")

    def upgrade(revision, context):
        return scripts._upgrade_revs("heads", revision)

    try:
        with engine.connect() as connection:
            with EnvironmentContext(config, scripts, fn=upgrade, destination_rev="heads") as env:
                env.configure(connection=connection, target_metadata=metadata)
                with env.begin_transaction():
                    env.run_migrations()
                context = env.get_context()
            drift = frozenset(map(_key, compare_metadata(context, metadata)))
            looked = sa.inspect(connection)
            schema = frozenset(
                (table, column["name"])
                for table in looked.get_table_names()
                for column in looked.get_columns(table)
            )
            return {"drift": drift, "schema": schema}
    finally:
        engine.dispose()


def _key(diff):
    operation, *rest = diff
    last = rest[-1]
    return operation, str(rest[1]) if operation.endswith("column") else "", last.name


def exit_codes(oracle, tree, parents, base):
    """The exit codes that a change may have: all are trees, `base` is what has landed.

    What cannot be run from empty cannot be checked, unless the graph alone says enough.
    """
    now, before = oracle(tree), [oracle(parent) for parent in parents]
    if now.fails and tree in parents:
        return (0, 1, 3)  # nothing changes, which is seen where it is known what matters
    if now.broken:
        return (1,)
    if now.fails:
        return (1, 3)
    if _takes_back(now, before, oracle(base)) or _has_new_rivals(now, before):
        return (1,)
    return (0,) if now.drift <= frozenset().union(*(one.drift for one in before)) else (1,)


def _takes_back(now, before, landed):
    """Whether a landed script is gone or another one."""
    for revision, text in landed.texts.items():
        sides = [one.texts.get(revision) for one in before]
        if revision not in now.texts:
            if before and all(sides):
                return True
        elif now.texts[revision] not in (text, *sides):
            return True
    return False


def _has_new_rivals(now, before):
    """Whether two heads stand side by side that did not in any parent."""
    for pair in itertools.combinations(now.heads, 2):
        ours, theirs = (now.ancestors(one) for one in pair)
        known = any(
            (one in ours and other in theirs) or (one in theirs and other in ours)
            for side in before
            for one, other in itertools.combinations(side.heads, 2)
        )
        if not known:
            return True
    return False
