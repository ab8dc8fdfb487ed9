"""Where revisions go, as far as the graph decides: tables of histories, without a database."""

import itertools
import random

import pytest

from revguard.errors import UsageError
from revguard.history.branches import Branches
from revguard.history.graph import Graph, Node
from revguard.rebasing import naming, planning
from revguard.rebasing.values import Own, Scripts

VERSIONS = "migrations/versions"


def node(text):
    """`id<parent,parent` with `[label]` and `^dependency`, and `@path` at the end."""
    text, _, path = text.partition("@")
    text, _, needs = text.partition("^")
    text, _, label = text.rstrip("]").partition("[")
    id_, _, down = text.partition("<")
    return Node(
        id=id_,
        down=tuple(filter(None, down.split(","))),
        depends_on=tuple(filter(None, needs.split(","))),
        labels=tuple(filter(None, label.split(","))),
        path=f"{VERSIONS}/{path or id_}.py",
    )


def scripts(landed, own):
    found = Graph(map(node, landed.split()))
    assert not found.problems, found.problems
    mine = []
    nodes = list(map(node, own.split()))
    keys = {one.id: f"{one.id} of this branch" if one.id in found else one.id for one in nodes}
    for one in nodes:
        keyed = Node(
            id=keys[one.id],
            down=tuple(keys.get(id_, id_) for id_ in one.down),
            depends_on=tuple(keys.get(id_, id_) for id_ in one.depends_on),
            labels=one.labels,
            path=one.path,
        )
        mine.append(Own(node=keyed, id=one.id, down=one.down, depends_on=one.depends_on))
    return Scripts(landed=found, own=tuple(mine))


def planned(landed, own, empty="", template=None):
    found = scripts(landed, own)
    down = planning.parents(found, lambda one: one.id in empty.split())
    taken = [one.path for one in found.landed.nodes.values()] + [one.path for one in found.own]
    return naming.moves(found, down, template, [VERSIONS], taken)


def told(moves):
    return {
        f"{one.id}<{','.join(one.down)}" if one.path else f"{one.id} gone"
        for one in moves
        if one.changes_history
    }


MOVED = {
    "one": ("1 2<1 3<2", "a<1", "a<3"),
    "a chain: its root only": ("1 2<1", "a<1 b<a c<b", "a<2"),
    "on the head already": ("1 2<1", "a<2 b<a", ""),
    "nothing of its own": ("1 2<1", "", ""),
    "the base has nothing new": ("1", "a<1 b<a", ""),
    "a first revision": ("", "a b<a", ""),
    "a second beginning, which nobody meant": ("1 2<1", "a b<a", "a<2"),
    "a history of its own, in a folder": ("1 2<1", "a@jobs/a b<a@jobs/b", ""),
    "a history of its own, by its label": ("1 2<1", "a[jobs] b<a", ""),
    "a history of its own, by what it needs": ("1 2<1", "a^1 b<a", ""),
    "a history of its own that the branch joins": ("1 2<1", "a m<2,a", ""),
    "two beginnings of the branch": ("", "a b", "b<a"),
    "two chains: one on top of the other": ("1 2<1", "a<1 b<1 c<b", "a<2 b<a"),
    "two chains on the head": ("1", "a<1 b<1", "b<a"),
    "a fork": ("1 2<1", "a<1 b<a c<a", "a<2 c<b"),
    "two chains that a mergepoint joins": ("1 2<1", "a<1 b<1 m<a,b", "a<2 b<2"),
    "one waits for the other": ("1 2<1", "a<1^b b<1", "b<2 a<b"),
    "the mergepoint stays where the base has not moved": ("1 2<1", "a<1 m<a,2", ""),
    "a mergepoint with a part that does something": ("1 2<1 3<2", "a<1 m<a,2", "a<3 m<a"),
    "the landed line is a branch": ("1 2<1 l<1[x] m<l", "a<l", "a<m"),
    "landed branches, each with a head": ("1 x<1[lx] y<1[ly] z<x w<y", "a<x b<y", "a<z b<w"),
    "a labelled branch of its own is a rival": ("1 2<1", "a<1[x]", "a<2"),
    "labels part them": ("1 x<1[lx]", "a<1[ly]", ""),
    "a dependency stays": ("1 2<1 s q<s", "a<1^q", "a<2"),
    "depends on what it goes on top of": ("1 2<1", "a<1^2", "a<2"),
    "a landed mergepoint": ("1 2<1 3<1 4<2,3", "a<2", "a<4"),
    "both sides of a landed mergepoint": ("1 2<1 3<1 4<2,3", "a<2,3", "a<4"),
    "on both heads of a base": ("1 2<1 3<1", "m<2,3", ""),
}


@pytest.mark.parametrize(("landed", "own", "expected"), MOVED.values(), ids=MOVED)
def test_moved(landed, own, expected):
    assert told(planned(landed, own)) == set(expected.split())


GONE = {
    "needless once the base moved": ("1 2<1 3<2", "a<1 m<a,2", "m", {"a<3", "m gone"}),
    "what stands on it goes on": ("1 2<1 3<2", "a<1 m<a,2 b<m", "m", {"a<3", "m gone", "b<a"}),
    "twice": (
        "1 2<1 3<2 4<3", "a<1 m<a,2 b<m n<b,3", "m n", {"a<4", "m gone", "b<a", "n gone"},
    ),
    "it has a label": ("1 2<1 3<2", "a<1 m<a,2[x]", "m", {"a<3", "m<a"}),
    "it still joins": ("1 2<1", "a<1 b<1 m<a,b", "m", {"a<2", "b<2"}),
}  # fmt: skip


@pytest.mark.parametrize(("landed", "own", "empty", "expected"), GONE.values(), ids=GONE)
def test_needless_mergepoints(landed, own, empty, expected):
    assert told(planned(landed, own, empty)) == expected


REFUSED = {
    "the base has two heads": ("1 2<1 3<1", "a<1", "2 heads"),
    "two lines that need each other": ("1 2<1", "a<1 b<1 c<a^b d<b^a", "depend on each other"),
    "a label twice": ("1 2<1[x]", "a<1[x]", "both use the name 'x'"),
    "a parent that is not there": ("1 2<1", "a<9", "'9'"),
    "an id twice that is no number": ("1 ab<1", "ab<1@ab_mine", "which a revision that has landed"),
}


@pytest.mark.parametrize(("landed", "own", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(landed, own, said):
    with pytest.raises(UsageError, match=said):
        planned(landed, own)


NUMBERS = {
    "the next number": ("0001 0002<0001@0002_a", "0002<0001@0002_b", {"0003<0002": "0003_b"}),
    "a chain": (
        "1 2<1@2_a 3<2@3_a", "2<1@2_b 3<2@3_b", {"4<3": "4_b", "5<4": "5_b"},
    ),
    "what comes after": (
        "1 2<1@2_a", "2<1@2_b 3<2@3_b", {"3<2": "3_b", "4<3": "4_b"},
    ),
    "a row that grows longer": ("8 9<8@9_a", "9<8@9_b", {"10<9": "10_b"}),
    "no collision": ("1 2<1@2_a", "3<1@3_b", {"3<2": "3_b"}),
    "a name of another kind": ("1 2<1@2_a", "2<1@mine", {"3<2": "mine"}),
    "a name that is taken": ("1 2<1@2_a 3<2@3_b", "3<1@3_a 2<3@2_b", {"4<3": "4_a", "5<4": "5_b"}),
}  # fmt: skip


@pytest.mark.parametrize(("landed", "own", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers(landed, own, expected):
    found = planned(landed, own, template="")
    assert {
        f"{one.id}<{','.join(one.down)}": one.path.rpartition("/")[2].removesuffix(".py")
        for one in found
    } == expected


DATED = "%(year)d%(month).2d%(day).2d%(hour).2d%(minute).2d_%(rev)s"
DATES = {
    "before its parent": ("1@202601010000_1 2<1@202601090000_2", "a<1@202601050000_a",
                          {"a": ("202601090001_a", ("2026-01-05 00:00", "2026-01-09 00:01"))}),
    "after it": ("1@202601010000_1 2<1@202601020000_2", "a<1@202601050000_a",
                 {"a": ("202601050000_a", None)}),
    "a chain": ("1@202601010000_1 2<1@202601090000_2", "a<1@202601050000_a b<a@202601060000_b",
                {"a": ("202601090001_a", ("2026-01-05 00:00", "2026-01-09 00:01")),
                 "b": ("202601090002_b", ("2026-01-06 00:00", "2026-01-09 00:02"))}),
    "what stays is not looked at": ("1@202601090000_1", "a<1@202601050000_a",
                                    {"a": ("202601050000_a", None)}),
    "named by hand": ("1@202601010000_1 2<1@202601090000_2", "a<1@mine", {"a": ("mine", None)}),
    "the parent's name says nothing": ("1@first 2<1@second", "a<1@202601050000_a",
                                       {"a": ("202601050000_a", None)}),
}  # fmt: skip


@pytest.mark.parametrize(("landed", "own", "expected"), DATES.values(), ids=DATES)
def test_dates(landed, own, expected):
    found = planned(landed, own, template=DATED)
    assert {
        one.id: (one.path.rpartition("/")[2].removesuffix(".py"), one.create_date) for one in found
    } == expected


def test_a_template_that_only_code_knows():
    found = planned("1 2<1@202601090000_2", "a<1@202601050000_a", template=None)
    assert [one.path for one in found] == [f"{VERSIONS}/202601050000_a.py"]


def grown(rng, known, prefix, count):
    """Revisions on top of any of the known ones, now and then one on two."""
    found = []
    for number in range(count):
        parents = rng.sample(known, min(len(known), rng.choice((1, 1, 1, 2))))
        found.append(f"{prefix}{number}<{','.join(sorted(parents))}")
        known = [*known, f"{prefix}{number}"]
    return found


def line(prefix, count):
    names = ["r0", *(f"{prefix}{number}" for number in range(count))]
    return ["r0", *(f"{one}<{below}" for below, one in itertools.pairwise(names))]


@pytest.mark.parametrize("seed", range(300))
def test_any_branch_ends_in_one_head(seed):
    """The base is one line, the branch is anything: one head, nothing lost, nothing left to do."""
    rng = random.Random(seed)
    landed = line("l", rng.randrange(5))
    known = [one.partition("<")[0] for one in landed]
    own = grown(rng, known, "o", rng.randrange(1, 7))
    needed = {f"o{number}" for number in range(6) if rng.random() < 0.5}
    moves = planned(" ".join(landed), " ".join(own), " ".join(needed))
    kept = [one for one in moves if one.path is not None]
    graph = Graph([*map(node, landed), *(node(f"{one.id}<{','.join(one.down)}") for one in kept)])
    assert not graph.problems, (landed, own)
    assert not Branches(graph).conflicts(), (landed, own, told(moves))
    gone = {one.id for one in moves} - {one.id for one in kept}
    assert gone <= needed
    again = planned(" ".join(landed), " ".join(f"{one.id}<{','.join(one.down)}" for one in kept))
    assert told(again) == set(), (landed, own, told(moves))
