# ruff: noqa: TID252  (what the scenarios run on)
"""Random histories: after every operation revguard says what the slow oracle says.

REVGUARD_HISTORIES is how many are played (50, in CI 500), REVGUARD_HISTORIES_SEED plays those of
one seed alone.
"""

import contextlib
import os

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..scenarios import machine
from ..warm.machine import MACHINE
from . import alphabet, modes, playing
from .game import Game
from .world import BRANCHES, World

EACH = 25  # histories of one seed
COUNT = int(os.environ.get("REVGUARD_HISTORIES", "500" if os.environ.get("CI") else "50"))
ONE = os.environ.get("REVGUARD_HISTORIES_SEED")
SEEDS = [int(ONE)] if ONE else range(-(-COUNT // EACH))
HOW = ["good"] * 6
HOW += ["forgotten", "without the models", "empty", "one-way", "on another", "twice", "by hand"]

any_branch = st.sampled_from(BRANCHES)
own = st.sampled_from(["one", "one", "two"])
pairs = st.sampled_from([(one, two) for one in BRANCHES for two in BRANCHES if one != two])
features = st.sampled_from(alphabet.FEATURES)
rarely = st.sampled_from([False, False, False, True])

good = st.builds(playing.Change, own, features, st.just("good"))
changes = st.builds(playing.Change, any_branch, features, st.sampled_from(HOW), rarely)
damage = st.sampled_from(["edited", "reworded", "deleted"])
landing = st.builds(playing.Land, own, rarely)
on_top = st.builds(playing.OnTop, own)
squash = st.builds(playing.Squash, own)
operations = st.one_of(
    good,
    landing,
    on_top,
    squash,
    st.builds(playing.Merge, pairs, rarely),
    st.builds(playing.Rebase, own),
    st.builds(playing.CherryPick, pairs, rarely),
    st.builds(playing.Revert, any_branch, rarely),
    st.builds(playing.Join, any_branch),
    st.builds(playing.Damage, any_branch, damage, st.integers(0, 5), rarely),
    # what happens more often than the others
    changes,
    changes,
    good,
    landing,
    on_top,
    squash,
)
# Where nobody has changed anything, nothing can go wrong
begun = st.tuples(good, st.one_of(good, changes))
begun = st.tuples(st.booleans(), begun, st.lists(operations, min_size=2, max_size=3))
# Main has two heads, or somebody comes second; and life goes on
forked = st.builds(
    lambda pair, then, more: (
        playing.Change("one", pair[0], "good"),
        playing.Change("two", pair[1], "good"),
        playing.Land("one"),
        then,
        more,
    ),
    st.permutations(alphabet.FEATURES),
    st.sampled_from([playing.Land("two", anyway=True), playing.OnTop("two")]),
    st.builds(playing.Change, any_branch, features, st.just("good")),
)
forked = st.tuples(st.just(False), forked, st.lists(operations, max_size=2))
histories = st.one_of(*[begun] * 5, forked)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One for all: what revguard and the oracle remember is of use to the next history."""
    environ = machine.plain_environ()
    virtualenv = machine.virtualenv(*machine.PROJECT_NEEDS)
    environ["VIRTUAL_ENV"] = str(virtualenv)
    environ["PATH"] = f"{virtualenv}/bin{os.pathsep}{environ['PATH']}"
    environ["REVGUARD_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    one = World(tmp_path_factory.mktemp("world"), environ)
    MACHINE.workers(f"{virtualenv}/bin/python")
    with MACHINE.in_process(), contextlib.closing(one):
        yield one


@pytest.fixture(scope="module")
def answered():
    """Questions on which the two agreed: the same one is not asked twice."""
    return {}


@pytest.mark.parametrize("seed", SEEDS)
def test_histories(seed, world, answered):
    @hypothesis.seed(seed)
    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories)
    def play(history):
        numbered, begun, then = history
        Game(world, answered, mode, numbered=numbered).play([*begun, *then])

    mode = modes.MODES[seed % len(modes.MODES)]
    print(f"again: REVGUARD_HISTORIES_SEED={seed} make test ARGS=tests/model")
    play()
