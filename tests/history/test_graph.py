"""The graph against Alembic's own, and what Alembic has no word for."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revguard.history.branches import Branches, joined
from revguard.history.graph import Graph, Node, new_ids

from .scripts import Blobs, chain, graph_of, path, text


@st.composite
def histories(draw, most=12):
    """Scripts of a history that Alembic can load: branches, merges, labels, dependencies."""
    count = draw(st.integers(1, most))
    ids = [f"{'abcdefghijklmnop'[n]}{n:03d}" for n in range(count)]
    scripts, labels = {}, {}
    for number, id_ in enumerate(ids):
        before = ids[:number]
        down = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
        label = f"label{number}" if draw(st.integers(0, 4)) == 0 else None
        names = before + [labels[i] for i in before if i in labels]
        deps = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if before else []
        if label:
            labels[id_] = label
        scripts[id_] = text(
            id_,
            tuple(down) if len(down) > 1 else (down[0] if down else None),
            depends_on=tuple(deps) or None,
            labels=label,
        )
    order = draw(st.permutations(ids))
    return {f"s{place}": scripts[id_] for place, id_ in enumerate(order)}


def write(folder: Path, scripts):
    (folder / "versions").mkdir()
    for name, content in scripts.items():
        (folder / "versions" / f"{name}.py").write_text(content)
    return ScriptDirectory(str(folder))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_as_alembic_has_it(scripts):
    with tempfile.TemporaryDirectory() as folder:
        directory = write(Path(folder), scripts)
        graph = graph_of(scripts)
        assert graph.problems == ()
        map_ = directory.revision_map
        assert set(graph.heads) == set(directory.get_heads())
        assert set(graph.bases) == set(directory.get_bases())
        assert set(graph.real_heads) == set(map_._real_heads)
        assert set(graph.real_bases) == set(map_._real_bases)
        branches = Branches(graph)
        for id_, node in graph.nodes.items():
            theirs = directory.get_revision(id_)
            assert set(node.down) == set(theirs._versioned_down_revisions)
            assert set(graph.requirements[id_]) == set(theirs._all_down_revisions)
            assert node.doc == theirs.doc
            for dependencies in (True, False):
                walked = map_._get_ancestor_nodes([theirs], include_dependencies=dependencies)
                ours = graph.ancestors(id_, dependencies=dependencies)
                assert ours == {one.revision for one in walked} - {id_}
                walked = map_._get_descendant_nodes([theirs], include_dependencies=dependencies)
                ours = graph.descendants(id_, dependencies=dependencies)
                assert ours == {one.revision for one in walked} - {id_}
            if theirs.is_head:
                assert branches.labels[id_] == theirs.branch_labels
        place = {id_: number for number, id_ in enumerate(graph.order)}
        assert place.keys() == graph.nodes.keys()
        for id_, needed in graph.requirements.items():
            assert all(place[other] < place[id_] for other in needed)


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_closed_and_heads_of_by_definition(scripts, data):
    graph = graph_of(scripts)
    ids = data.draw(st.sets(st.sampled_from(sorted(graph.nodes))))
    closed = graph.closed(ids)
    assert closed == {id_ for id_ in ids if graph.ancestors(id_) <= ids}
    for real in (True, False):
        below = {x: graph.requirements[x] if real else graph.parents[x] for x in ids}
        expected = {id_ for id_ in ids if not any(id_ in below[other] for other in ids)}
        assert set(graph.heads_of(ids, real=real)) == expected


@settings(max_examples=150, deadline=None)
@given(histories())
def test_conflicts_by_definition(scripts):
    graph = graph_of(scripts)
    branches = Branches(graph)

    def above(id_):
        return graph.ancestors(id_, dependencies=False) | {id_}

    def labels(id_):
        return {label for other in above(id_) for label in graph.nodes[other].labels}

    def rivals(one, other):
        parted = labels(one) - labels(other) and labels(other) - labels(one)
        return bool(above(one) & above(other)) and not parted

    def apart(head):  # by a label or a dependency
        bases = [graph.nodes[id_] for id_ in above(head) if not graph.nodes[id_].down]
        return bool(labels(head)) or any(node.depends_on for node in bases)

    def in_conflict(one, other):  # all scripts lie in one folder
        twins = not above(one) & above(other) and not apart(one) and not apart(other)
        return rivals(one, other) or twins

    pairs = [(a, b) for a in graph.heads for b in graph.heads if a < b and in_conflict(a, b)]
    expected = {frozenset(g) for g in joined(graph.heads, pairs) if len(g) > 1}
    assert {frozenset(group) for group in branches.conflicts()} == expected


def _alembic_refuses(folder, scripts):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            list(write(folder, scripts).walk_revisions())
    except Exception:  # noqa: BLE001 - KeyError, AttributeError, whatever Alembic dies of
        return True
    return False


@pytest.mark.parametrize(
    ("scripts", "kinds"),
    [
        pytest.param(
            {"a": text("aaaaaa"), "b": text("bbbbbb", "aaaa")}, ["missing"], id="abbreviated parent"
        ),
        pytest.param(
            {"a": text("aaaaaa"), "b": text("bbbbbb", depends_on="aaaa")},
            ["missing"],
            id="abbreviated dependency",
        ),
        pytest.param(
            {"a": text("aaaaaa", labels="l"), "b": text("bbbbbb", "l")},
            ["missing"],
            id="label as parent",
        ),
        pytest.param(
            {"a": text("aaaaaa"), "b": text("bbbbbb", "aaaaaa-1")},
            ["missing"],
            id="relative parent",
        ),
        pytest.param(
            {"a": text("aaaaaa"), "b": text("bbbbbb", ("aaaaaa", "x"))},
            ["missing"],
            id="one of two",
        ),
        pytest.param({"a": text("aaaaaa", "")}, ["missing"], id="empty parent"),
        pytest.param({"a": "revision = 'a'\n"}, ["no-down-revision"], id="no down_revision"),
        pytest.param({"a": text("a-b")}, ["bad-id"], id="illegal character"),
        pytest.param(
            {"a": text("a", labels="l"), "b": text("b", labels="l")}, ["label"], id="label twice"
        ),
        pytest.param({"a": text("a", labels="b"), "b": text("b")}, ["label"], id="label is an id"),
        pytest.param({"a": text("a", "a")}, ["cycle"], id="self"),
        pytest.param({"a": text("a", "b"), "b": text("b", "a")}, ["cycle"], id="cycle"),
        pytest.param(
            {"a": text("a", depends_on="b"), "b": text("b", "a")}, ["cycle"], id="dependency cycle"
        ),
        pytest.param({"a": text("a", depends_on="a")}, ["cycle"], id="depends on itself"),
        pytest.param(
            {"a": text("a"), "b": "revision = 'b'\ndown_revision = 'a'\nx ="},
            ["syntax"],
            id="syntax",
        ),
    ],
)
def test_what_alembic_refuses_is_a_problem(tmp_path, scripts, kinds):
    assert _alembic_refuses(tmp_path, scripts)
    assert [problem.kind for problem in graph_of(scripts).problems] == kinds


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param({}, id="empty"),
        pytest.param(
            {"a": text("a", labels="l"), "b": text("b", depends_on="l")}, id="label as dependency"
        ),
        pytest.param(
            {"a": text("a"), "b": text("b", "a", depends_on="a")}, id="dependency on a parent"
        ),
        pytest.param({"a": text("a", ()), "b": text("b", ["a"])}, id="sequences"),
        pytest.param({"a": text("a"), "__init__": "x = 1"}, id="__init__"),
        pytest.param({"ab12": "down_revision = None"}, id="legacy name"),
    ],
)
def test_what_alembic_takes_is_none(tmp_path, scripts):
    assert not _alembic_refuses(tmp_path, scripts)
    assert graph_of(scripts).problems == ()


def test_a_helper_is_refused_by_alembic_but_only_noted(tmp_path):
    scripts = {**chain("a"), "helper": "x = 1"}
    assert _alembic_refuses(tmp_path, scripts)
    graph = graph_of(scripts)
    assert (graph.problems, graph.strangers) == ((), (path("helper"),))


def test_duplicates_name_both_files():
    graph = graph_of({"one": text("a"), "two": text("a")})
    (problem,) = graph.problems
    assert problem.kind == "duplicate"
    assert path("one") in problem.message
    assert path("two") in problem.message


def test_a_cycle_that_alembic_overlooks():
    scripts = {
        "a": text("a"),
        "x": text("x", ("a", "y")),
        "y": text("y", "x"),
        "z": text("z", "y"),
    }
    graph = graph_of(scripts)
    (problem,) = graph.problems
    assert problem.message.startswith("revisions need each other in a circle: x -> y -> x")
    assert graph.order == ("a",)


def test_two_cycles_are_two_problems():
    pairs = {"a": "b", "b": "a", "c": "d", "d": "c"}
    graph = graph_of({id_: text(id_, down) for id_, down in pairs.items()})
    assert [problem.kind for problem in graph.problems] == ["cycle", "cycle"]


def test_closed_leaves_out_what_is_not_known():
    scripts = {
        **chain("a"),
        "b": text("b", "gone"),
        "c": "revision = 'c'\ndown_revision = f()",
        "d": text("d", "c"),
    }
    graph = graph_of(scripts)
    assert graph.closed(graph.nodes) == {"a"}


def test_ids_that_are_not_there():
    graph = graph_of(chain("a", "b"))
    assert graph.ancestors("zz") == set()
    assert graph.closed(["b", "zz"]) == set()
    assert graph.heads_of(["a", "zz"]) == ("a",)


def test_new_ids():
    before, other = graph_of(chain("a", "b")), graph_of({**chain("a"), "x": text("x", "a")})
    merged = graph_of(
        {**chain("a", "b"), "x": text("x", "a"), "m": text("m", ("b", "x")), "n": text("n", "m")}
    )
    assert new_ids(merged, [before, other]) == ("m", "n")
    assert new_ids(merged, []) == merged.order


SHAPES = {
    "chain": lambda n: [Node(id=str(i), down=(str(i - 1),) if i else ()) for i in range(n)],
    "chain from the end": lambda n: SHAPES["chain"](n)[::-1],
    "star": lambda n: [Node(id=str(i), down=("0",) if i else ()) for i in range(n)],
    "islands": lambda n: [Node(id=str(i)) for i in range(n)],
    "ladder": lambda n: [
        Node(id=str(i), down=tuple(str(j) for j in (i - 1, i - 2) if j >= 0)) for i in range(n)
    ],
    "labels": lambda n: [
        Node(id=str(i), down=(str(i - 50),) if i >= 50 else (), labels=(f"l{i}",) if i < 50 else ())
        for i in range(n)
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_5000_revisions(shape):
    nodes = SHAPES[shape](5000)
    graph = Graph(nodes)
    assert graph.problems == ()
    last = graph.order[-1]
    assert len(graph.closed(graph.nodes)) == 5000
    graph.ancestors(last)
    graph.descendants(graph.order[0])
    groups = Branches(graph).conflicts()
    assert [len(group) for group in groups] == ([4999] if shape == "star" else [])


def test_2000_revisions_from_the_cache(tmp_path):
    blobs = Blobs()
    ids = [f"{number:012x}" for number in range(2000)]
    scripts, cache = chain(*ids), tmp_path / "c.json"
    blobs.graph(scripts, cache)
    files = blobs.files(scripts)
    from revguard.history.reading import read

    assert read(files, blobs.load, cache).heads == (ids[-1],)
    assert len(blobs.asked) == 1
