"""Random histories with real git and SQLite: revguard agrees with a slow oracle at each step.

`REVGUARD_HISTORIES` says how many (500 in CI, else 50), `REVGUARD_HISTORIES_SEED` which; a failure
shows the seed and the shortest history that hypothesis found. A situation that has been judged once
in a process (the same trees, parents and base) is not judged again.
"""

import os
import random
import shutil

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

import revguard
from revguard.project import launch

from . import loaded
from .oracle import Oracle, exit_codes
from .world import BRANCHES, FEATURES, World, steps

COUNT = int(os.environ.get("REVGUARD_HISTORIES") or (500 if os.environ.get("CI") else 50))
SHARDS = 10
SEED = int(os.environ.get("REVGUARD_HISTORIES_SEED", "0")) or random.SystemRandom().randrange(10**6)

branches = st.sampled_from(BRANCHES)
pairs = st.permutations(BRANCHES).map(lambda found: tuple(found[:2]))
scripts = st.sampled_from(("right", "right", "right", "none", "wrong", "stale"))
operations = st.one_of(
    st.tuples(st.just("change"), branches, st.sampled_from(FEATURES), scripts),
    st.tuples(st.just("change"), branches, st.sampled_from(FEATURES), scripts),
    st.tuples(st.sampled_from(("merge", "rebase", "pick")), pairs),
    st.tuples(st.sampled_from(("join", "revert")), branches),
    st.tuples(st.sampled_from(("move", "squash")), branches),
)
histories = st.lists(operations, min_size=2, max_size=5)


class Player:
    """Plays histories in a world, and judges each step in both ways."""

    def __init__(self, world, oracle):
        self.world = world
        self.oracle = oracle
        self.known = {}
        self.judged = 0

    def play(self, history):
        self.world.begin()
        for name, *words in history:
            branch = words[0] if isinstance(words[0], str) else words[0][0]
            self.world.on(branch)
            getattr(self, name)(*words)
            if branch != "main":
                self.range(branch)

    # the operations

    def change(self, branch, feature, kind):
        world = self.world
        right = world.toggle(feature)
        heads = self.oracle(world.tree("HEAD")).heads
        if kind != "none" and heads:
            down = "root" if kind == "stale" else heads[0]
            other = FEATURES[FEATURES.index(feature) - 1]
            world.add_script(down, *(steps(other, adds=True) if kind == "wrong" else right))
        self.commit(f"{feature} {kind}")

    def join(self, branch):
        heads = self.oracle(self.world.tree("HEAD")).heads
        if len(heads) > 1:
            self.world.add_script(heads)
            self.commit("join")

    def merge(self, pair):
        done = self.world.run("merge", "-q", "--no-ff", "--no-commit", pair[1])
        if done.returncode:
            self.world.git("reset", "-q", "--hard")
        else:
            self.commit(f"merge {pair[1]}")

    def pick(self, pair):
        if self.world.run("cherry-pick", "-n", pair[1]).returncode:
            self.world.git("reset", "-q", "--hard")
        else:
            self.commit("picked")

    def revert(self, branch):
        one = self.world
        parents = one.git("rev-list", "--parents", "-n1", "HEAD").split()[1:]
        if len(parents) == 1:
            one.git("revert", "-n", "HEAD")
            self.commit("reverted")

    def rebase(self, pair):
        if self.world.run("rebase", "-q", pair[1]).returncode:
            self.world.git("rebase", "--abort")

    # ours

    def move(self, branch):
        """With what has landed in the branch, its revisions go on top of it."""
        if branch != "main":
            self.merge((branch, "main"))
            self.mend("rebase")

    def squash(self, branch):
        if branch != "main":
            self.mend("squash")

    def mend(self, command):
        """One head, and the schema and the differences that there were; or nothing is touched."""
        world = self.world
        before, base = (self.oracle(world.tree(one)) for one in ("HEAD", "main"))
        code, said = world.revguard(command)
        if code:
            assert world.git("status", "--porcelain") == "", said
            return
        now = self.oracle(world.git("write-tree"))
        if before.broken or before.fails or len(base.heads) > 1:
            return
        assert len(now.heads) == 1, said
        assert (now.schema, now.drift) == (before.schema, before.drift), said
        self.commit(command)

    # the two ways

    def commit(self, message):
        """The staged tree is judged as a hook would, and committed whatever comes of it."""
        world = self.world
        world.git("add", "-A")
        tree, parents = world.staged()
        base = world.tree("main")
        self.agree(
            ("staged", tree, parents, base),
            lambda: exit_codes(self.oracle, tree, parents, base),
            "check",
        )
        world.commit(message)

    def range(self, branch):
        world = self.world
        merged = world.run("merge-tree", "--write-tree", "--no-messages", "main", branch)
        if merged.returncode:
            return  # of a conflict nobody knows what will be
        tree = merged.stdout.decode().strip()
        base, head = world.tree("main"), world.tree(branch)
        between = world.git("log", "--format=%T %P", f"main..{branch}")
        self.agree(
            ("range", tree, base, head, between),
            lambda: exit_codes(self.oracle, tree, (base,), base),
            "check", "--from-ref", "main", "--to-ref", branch,
        )  # fmt: skip

    def agree(self, situation, truth, *words):
        if situation not in self.known:
            self.judged += 1
            code, said = self.world.revguard(*words)
            allowed = truth()
            self.known[situation] = code in allowed, f"{words} gave {code}, not {allowed}:\n{said}"
        agrees, said = self.known[situation]
        assert agrees, said


@pytest.fixture(scope="module")
def player(tmp_path_factory):
    """A player whose workers need not load Alembic, with a cache that all its histories share."""
    folder = tmp_path_factory.mktemp("histories")
    (folder / "trees").mkdir()
    process, asks = loaded.start(folder, launch._BOOT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVGUARD_CACHE_DIR", str(folder / "cache"))
        patch.setattr(launch, "_BOOT", asks)
        world = World(folder / "shop")
        yield Player(world, Oracle(world.raw, folder / "trees"))
    process.communicate()
    shutil.rmtree(folder, ignore_errors=True)


TOLD = {
    "moved": [
        ("change", "mine", "age", "right"), ("change", "main", "mail", "right"), ("move", "mine"),
    ],
    "moved in a chain": [
        ("change", "mine", "age", "right"), ("change", "mine", "note", "right"),
        ("change", "main", "mail", "right"), ("move", "mine"),
    ],
    "squashed": [
        ("change", "mine", "age", "right"), ("change", "mine", "mail", "right"),
        ("squash", "mine"),
    ],
    "two heads stand already": [
        ("change", "main", "age", "right"), ("change", "mine", "mail", "right"),
        ("merge", ("main", "mine")), ("change", "main", "age", "none"),
    ],
    "nothing is brought to what cannot run": [
        ("change", "main", "age", "right"), ("change", "main", "age", "stale"),
        ("change", "mine", "age", "right"),
    ],
    "stale without a push": [
        ("change", "mine", "age", "right"), ("change", "yours", "mail", "right"),
        ("merge", ("main", "mine")), ("change", "yours", "note", "right"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("history", TOLD.values(), ids=TOLD)
def test_a_history(player, history):
    player.play(history)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_histories(player, shard):
    number = SEED + shard

    @seed(number)
    @settings(
        max_examples=max(1, COUNT // SHARDS), deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories)
    def check(history):
        note(f"REVGUARD_HISTORIES_SEED={SEED}, shard {shard}, revguard {revguard.__version__}")
        player.play(history)

    check()
