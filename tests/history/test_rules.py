"""The rules on the history: for each a table of what must fire and of what must not."""

from __future__ import annotations

import shlex
import sys

import pytest
from alembic.config import CommandLine

from revguard.history.branches import Branches
from revguard.history.graph import new_ids
from revguard.rules import RULES
from revguard.rules.history import (
    broken_graph,
    multiple_heads,
    not_on_base_head,
    several_revisions,
    untracked_revision,
)

from .scripts import chain, graph_of, path, text

A, B, C = chain("aaaa", "bbbb", "cccc").items()
AB = dict((A, B))
ABC = dict((A, B, C))
SIDE = {**AB, "side": text("side", "aaaa")}  # a second head beside bbbb
NODE = "revision = 'xxxx'\ndown_revision = 'bbbb'\n"


def only(findings):
    assert len(findings) == 1, findings
    (finding,) = findings
    assert finding.rule in RULES
    assert finding.severity == "error"
    assert finding.hint
    return finding


def on_disk(scripts, state="untracked"):
    return [(path(name), state, content.encode()) for name, content in scripts.items()]


# broken-graph


@pytest.mark.parametrize(
    ("scripts", "at", "line", "message", "hint"),
    [
        pytest.param(
            {**AB, "c": "revision = 'c'\ndown_revision = 'bbbb'\nx ="},
            "c",
            3,
            "not valid Python",
            "git add",
            id="syntax",
        ),
        pytest.param(
            {**AB, "c": "revision = 'c'\n<<<<<<< a\n"},
            "c",
            2,
            "a conflict of a git merge",
            "line 2",
            id="conflict",
        ),
        pytest.param(
            {**AB, "c": text("c", "gone")},
            "c",
            9,
            "names 'gone' in `down_revision`",
            "git log --all -Sgone",
            id="missing parent",
        ),
        pytest.param(
            {**AB, "c": text("c", depends_on="gone")},
            "c",
            9,
            "names 'gone' in `depends_on`",
            "git log",
            id="missing dependency",
        ),
        pytest.param(
            {"a": text("abcdef"), "c": text("c", "abcd")},
            "c",
            9,
            "'abcd'",
            'write "abcdef"',
            id="abbreviated",
        ),
        pytest.param(
            {"a": text("a", labels="web"), "c": text("c", "web")},
            "c",
            9,
            "'web'",
            'the id, "a"',
            id="label",
        ),
        pytest.param(
            {"a": text("a"), "c": text("c", "a-1")}, "c", 9, "'a-1'", "relative", id="relative"
        ),
        pytest.param(
            {**AB, "c": text("bbbb", "aaaa")},
            "c",
            8,
            "the same revision id 'bbbb'",
            "another id",
            id="duplicate",
        ),
        pytest.param(
            {**AB, "c": text("c+", "aaaa")}, "c", 8, "'c+'", "without any of", id="illegal id"
        ),
        pytest.param(
            {**AB, "c": text("c", "aaaa", labels="aaaa")},
            "c",
            8,
            "both use the name 'aaaa'",
            "branch_labels",
            id="label twice",
        ),
        pytest.param(
            {**AB, "c": "revision = 'c'"},
            "c",
            1,
            "no `down_revision`",
            "down_revision = None",
            id="no parent said",
        ),
        pytest.param(
            {"a": text("a", "c"), "c": text("c", "a")},
            "a",
            9,
            "a -> c -> a",
            "outside the circle",
            id="cycle",
        ),
        pytest.param(
            {**AB, "helper": "x = 1"},
            "helper",
            1,
            "has no `revision`",
            "move it out",
            id="what Alembic refuses to load",
        ),
    ],
)
def test_broken_graph_fires(scripts, at, line, message, hint):
    finding = only(broken_graph(graph_of(scripts)))
    assert finding.rule == "history/broken-graph"
    assert (finding.path, finding.line) == (path(at), line)
    assert message in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param({}, id="empty"),
        pytest.param(ABC, id="chain"),
        pytest.param(SIDE, id="two heads"),
        pytest.param({**AB, "__init__": "x ="}, id="what Alembic does not load"),
        pytest.param(
            {**AB, "c": "revision = f()\ndown_revision = 'bbbb'", "d": text("d", "c")},
            id="parent may be a script whose id is computed",
        ),
    ],
)
def test_broken_graph_does_not_fire(scripts):
    assert broken_graph(graph_of(scripts)) == []


def test_a_script_that_does_not_compile_is_the_only_thing_that_is_wrong():
    scripts = {**AB, "b": "revision = 'bbbb'\ndown_revision = 'aaaa'\nx =", **dict((C,))}
    scripts.pop("bbbb")
    assert "not valid Python" in only(broken_graph(graph_of(scripts))).message


def test_what_only_a_newer_python_takes_is_left_to_alembic():
    graph = graph_of({"a": "revision = 'a'\ndown_revision = None\nx ="})
    major, minor = sys.version_info[:2]
    assert broken_graph(graph, python=(major, minor + 1)) == []
    assert broken_graph(graph, python=(major, minor))
    assert broken_graph(graph, python=(3, 8))


@pytest.mark.parametrize(
    ("state", "word", "command"),
    [
        pytest.param("untracked", "not tracked", "`git add {b} {a}`", id="untracked"),
        pytest.param("unstaged", "not staged", "`git add {b} {a}`", id="unstaged"),
        pytest.param("ignored", "ignored by git", "`git add -f {b} {a}`", id="ignored"),
    ],
)
def test_a_missing_parent_on_disk_is_named_with_those_before_it(state, word, command):
    finding = only(broken_graph(graph_of(dict((C,))), on_disk(AB, state)))
    assert word in finding.message
    assert path("bbbb") in finding.message
    assert finding.hint == command.format(a=path("aaaa"), b=path("bbbb"))


def test_a_path_is_quoted():
    files = [("a b/x'y.py", "untracked", text("bbbb", "aaaa").encode())]
    finding = only(broken_graph(graph_of(dict((A, C))), files))
    assert finding.hint == """`git add 'a b/x'"'"'y.py'`"""


# multiple-heads

WEB = {"aaaa": text("aaaa"), "w1": text("w1", "aaaa", labels="web")}
LABELLED = {**WEB, "j1": text("j1", "aaaa", labels="jobs")}


@pytest.mark.parametrize(
    ("before", "after", "heads", "at", "hint"),
    [
        pytest.param(
            [], SIDE, "bbbb side", "side", 'alembic merge -m "merge heads" heads', id="first commit"
        ),
        pytest.param(
            [dict((A,))], SIDE, "bbbb side", "side", "alembic merge", id="the commit made both"
        ),
        pytest.param(
            [AB],
            SIDE,
            "bbbb side",
            "side",
            f'set `down_revision = "bbbb"` in {path("side")}, then `git add {path("side")}`',
            id="one is old",
        ),
        pytest.param(
            [AB],
            {**SIDE, "s2": text("s2", "side")},
            "bbbb s2",
            "side",
            'set `down_revision = "bbbb"`',
            id="the first new one is to move",
        ),
        pytest.param(
            [AB, {**dict((A,)), "side": SIDE["side"]}],
            SIDE,
            "bbbb side",
            "side",
            "alembic merge",
            id="a merge of two branches",
        ),
        pytest.param(
            [SIDE],
            {**SIDE, "x": text("x", "aaaa")},
            "bbbb side x",
            "x",
            "alembic merge",
            id="a third one",
        ),
        pytest.param(
            [{"x": text("x"), "y": text("y")}],
            {
                "x": text("x"),
                "y": text("y"),
                "v": text("v", ("x", "y")),
                "w": text("w", ("x", "y")),
            },
            "v w",
            "w",
            "alembic merge",
            id="two mergepoints of what was apart",
        ),
        pytest.param(
            [WEB],
            {**WEB, "b": text("b", "aaaa")},
            "b w1",
            "b",
            "set `down_revision",
            id="only one has a label",
        ),
        pytest.param(
            [LABELLED],
            {**LABELLED, "x": text("x", "w1"), "y": text("y", "w1")},
            "x y",
            "y",
            'heads" x y',
            id="within a labelled branch",
        ),
        pytest.param(
            [{**AB, "dep": text("dep", depends_on="bbbb")}],
            {**SIDE, "dep": text("dep", depends_on="bbbb")},
            "bbbb side",
            "side",
            "set `down_revision",
            id="one that others depend on is a head too",
        ),
        pytest.param(
            [AB],
            {**AB, "x": text("x")},
            "bbbb x",
            "x",
            'set `down_revision = "bbbb"`',
            id="a second base",
        ),
        pytest.param(
            [AB],
            {**AB, "x": text("x"), "y": text("y", "x")},
            "bbbb y",
            "x",
            'set `down_revision = "bbbb"`',
            id="a second base with one on top",
        ),
        pytest.param(
            [], {**AB, "x": text("x")}, "bbbb x", "x", "alembic merge", id="two bases at first"
        ),
        pytest.param(
            [{**AB, "x": text("x"), "m": text("m", ("bbbb", "x"))}],
            {**AB, "x": text("x"), "m": text("m", ("bbbb", "x")), "y": text("y")},
            "m y",
            "y",
            'set `down_revision = "m"`',
            id="a third base beside merged ones",
        ),
        pytest.param(
            [{**AB, "x": text("x")}],
            {**AB, "x": text("x"), "side": SIDE["side"]},
            "bbbb x side",
            "side",
            "alembic merge",
            id="a new head beside two histories",
        ),
    ],
)
def test_multiple_heads_fires(before, after, heads, at, hint):
    finding = only(multiple_heads(graph_of(after), [graph_of(one) for one in before]))
    assert finding.rule == "history/multiple-heads"
    assert finding.message.startswith(f"{len(heads.split())} heads")
    assert all(f"{head} ({path(head)})" in finding.message for head in heads.split())
    assert (finding.path, finding.line) == (path(at), 9)
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], {}, id="empty"),
        pytest.param([AB], ABC, id="one head"),
        pytest.param([SIDE], SIDE, id="known"),
        pytest.param([SIDE], {**SIDE, "s2": text("s2", "side")}, id="known, and one of them grew"),
        pytest.param(
            [SIDE], {**SIDE, "s2": text("s2", "side"), **dict((C,))}, id="known, and both grew"
        ),
        pytest.param([AB, SIDE], SIDE, id="known to the second parent"),
        pytest.param([SIDE], {**SIDE, "m": text("m", ("bbbb", "side"))}, id="merged"),
        pytest.param([dict((A,))], LABELLED, id="two labels"),
        pytest.param([WEB], LABELLED, id="a labelled branch beside another"),
        pytest.param([AB], {**AB, "jobs/x.py": text("x")}, id="a history in a folder of its own"),
        pytest.param([AB], {**AB, "x": text("x", labels="x")}, id="a labelled history"),
        pytest.param([WEB], {**WEB, "x": text("x")}, id="beside a labelled branch"),
        pytest.param([{**AB, "x": text("x")}], {**ABC, "x": text("x")}, id="two histories, known"),
        pytest.param(
            [{**AB, "x": text("x")}],
            {**ABC, "x": text("x"), "y": text("y", "x")},
            id="two histories, known, and both grew",
        ),
        pytest.param(
            [AB], {**AB, "x": text("x", depends_on="aaaa")}, id="only a dependency in common"
        ),
        pytest.param(
            [AB],
            {**AB, "x": text("x", labels="x", depends_on="bbbb")},
            id="labelled base with a dependency",
        ),
        pytest.param([AB], {**AB, "x": "revision = 'x'\ndown_revision = f()"}, id="computed"),
        pytest.param([AB], {**AB, "x": text("x", "gone")}, id="broken, which is another rule"),
        pytest.param(
            [AB],
            {**SIDE, "x": "revision = 'x'\ndown_revision = ('bbbb', f())"},
            id="computed, and may merge them",
        ),
    ],
)
def test_multiple_heads_does_not_fire(before, after):
    assert multiple_heads(graph_of(after), [graph_of(one) for one in before]) == []


@pytest.mark.parametrize(
    ("landed", "graph", "hint"),
    [
        pytest.param(AB, SIDE, "`revguard rebase` puts the others on top of bbbb", id="theirs"),
        pytest.param({"aaaa": AB["aaaa"]}, SIDE, "`revguard rebase` puts one on", id="both ours"),
        pytest.param(SIDE, SIDE, "`alembic merge", id="both have landed"),
        pytest.param({**AB, "cc": text("cc", "bbbb")}, SIDE, "`alembic merge", id="not merged yet"),
        pytest.param(None, SIDE, "`alembic merge", id="nothing says what has landed"),
    ],
)
def test_the_advice_where_the_base_is_known(landed, graph, hint):
    base = None if landed is None else graph_of(landed)
    finding = only(multiple_heads(graph_of(graph), landed=base, rebase="`revguard rebase`"))
    assert finding.hint.startswith(hint)


def test_the_advice_mends_it(tmp_path):
    after = {**SIDE, "s2": text("s2", "side")}
    finding = only(multiple_heads(graph_of(after), [graph_of(AB)]))
    assert 'set `down_revision = "bbbb"`' in finding.hint
    after["side"] = text("side", "bbbb")
    assert multiple_heads(graph_of(after), [graph_of(AB)]) == []
    assert graph_of(after).heads == ("s2",)


def test_the_merge_command_mends_it(tmp_path):
    (tmp_path / "versions").mkdir()
    for name, content in SIDE.items():
        (tmp_path / "versions" / f"{name}.py").write_text(content)
    (tmp_path / "script.py.mako").write_text(
        "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
    )
    finding = only(multiple_heads(graph_of(SIDE)))
    command = shlex.split(finding.hint.split("`")[1])
    assert command[0] == "alembic"
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {tmp_path}\n")
    CommandLine().main(["-c", str(tmp_path / "alembic.ini"), *command[1:]])
    written = {one.stem: one.read_text() for one in (tmp_path / "versions").glob("*.py")}
    assert len(written) == len(SIDE) + 1
    assert multiple_heads(graph_of(written)) == []


def test_a_label_that_was_taken_away_makes_a_conflict():
    after = {**LABELLED, "j1": text("j1", "aaaa")}
    assert only(multiple_heads(graph_of(after), [graph_of(LABELLED)]))


def test_many_heads_are_not_all_named():
    star = {"aaaa": text("aaaa"), **{f"x{n}": text(f"x{n}", "aaaa") for n in range(9)}}
    finding = only(multiple_heads(graph_of(star), [graph_of(dict((A,)))]))
    assert finding.message.endswith("and 5 more")


# several-revisions


@pytest.mark.parametrize(
    ("before", "after", "count", "at"),
    [
        pytest.param([dict((A,))], ABC, 2, "cccc", id="a chain"),
        pytest.param([], AB, 2, "bbbb", id="first commit"),
        pytest.param(
            [AB],
            {
                **ABC,
                "d": "revision = 'd'\ndown_revision = 'cccc'\n" + "\n" * 5 + "depends_on = f()",
            },
            2,
            "d",
            id="what it depends on is computed",
        ),
        pytest.param([dict((A,))], SIDE, 2, "side", id="side by side"),
        pytest.param(
            [dict((A,))],
            {**SIDE, "m": text("m", ("bbbb", "side"))},
            2,
            "side",
            id="and a mergepoint",
        ),
        pytest.param(
            [LABELLED],
            {**LABELLED, "w2": text("w2", "w1"), "w3": text("w3", "w2"), "j2": text("j2", "j1")},
            2,
            "w3",
            id="two of one label, one of another",
        ),
        pytest.param(
            [AB, dict((A,))], {**ABC, "d": text("d", "cccc")}, 2, "d", id="beside a merge"
        ),
    ],
)
def test_several_revisions_fires(before, after, count, at):
    graph = graph_of(after)
    new = new_ids(graph, [graph_of(one) for one in before])
    finding = only(several_revisions(graph, new))
    assert finding.rule == "history/several-revisions"
    assert finding.message.startswith(f"this commit brings {count} revisions")
    assert finding.path == path(at)
    assert f"`git rm --cached {path(at)}`" in finding.hint
    branch = only(several_revisions(graph, new, "branch"))
    assert branch.message.startswith("this branch brings")
    assert "commits" not in branch.hint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([AB], AB, id="none"),
        pytest.param([AB], ABC, id="one"),
        pytest.param([SIDE], {**SIDE, "m": text("m", ("bbbb", "side"))}, id="a mergepoint"),
        pytest.param(
            [SIDE],
            {**SIDE, "m": text("m", ("bbbb", "side")), "n": text("n", "m")},
            id="a mergepoint and one",
        ),
        pytest.param(
            [AB, {**dict((A,)), "s": text("s", "aaaa"), "t": text("t", "s")}],
            {**AB, "s": text("s", "aaaa"), "t": text("t", "s"), "m": text("m", ("bbbb", "t"))},
            id="brought by a merge",
        ),
        pytest.param(
            [LABELLED],
            {**LABELLED, "w2": text("w2", "w1"), "j2": text("j2", "j1")},
            id="one for each label",
        ),
        pytest.param([AB], {**ABC, "x": text("x")}, id="one for each history"),
        pytest.param([AB], {**ABC, "x": "revision = 'x'\ndown_revision = f()"}, id="computed"),
        pytest.param(
            [SIDE],
            {**SIDE, "m": "revision = 'm'\ndown_revision = f()", "n": text("n", "m")},
            id="computed, and may be a mergepoint",
        ),
    ],
)
def test_several_revisions_does_not_fire(before, after):
    graph = graph_of(after)
    assert several_revisions(graph, new_ids(graph, [graph_of(one) for one in before])) == []


# untracked-revision


@pytest.mark.parametrize(
    ("tree", "files", "ids"),
    [
        pytest.param(AB, dict((C,)), ["cccc"], id="on the head"),
        pytest.param(
            dict((A,)), {"cccc": C[1], "bbbb": B[1]}, ["bbbb", "cccc"], id="two, one on the other"
        ),
        pytest.param({}, dict((A,)), ["aaaa"], id="the first one"),
        pytest.param(SIDE, {"m": text("m", ("bbbb", "side"))}, ["m"], id="mergepoint"),
        pytest.param(SIDE, dict((C,)), ["cccc"], id="on one of two heads"),
    ],
)
def test_untracked_revision_fires(tree, files, ids):
    found = untracked_revision(on_disk(files), graph_of(tree), needed=True)
    assert [finding.path for finding in found] == [path(id_) for id_ in ids]
    for finding in found:
        assert finding.rule == "history/untracked-revision"
        assert "is not tracked by git" in finding.message
        assert (finding.line, finding.hint) == (8, f"`git add {finding.path}`")


@pytest.mark.parametrize(
    ("state", "word", "command"),
    [("unstaged", "not staged", "git add m"), ("ignored", "ignored", "git add -f m")],
)
def test_untracked_revision_tells_the_states_apart(state, word, command):
    found = only(untracked_revision(on_disk(dict((C,)), state), graph_of(AB), needed=True))
    assert word in found.message
    assert command in found.hint


@pytest.mark.parametrize(
    ("tree", "files", "needed"),
    [
        pytest.param(AB, dict((C,)), False, id="nothing is missing"),
        pytest.param(AB, {}, True, id="no file"),
        pytest.param(AB, {"copy": B[1]}, True, id="id is there"),
        pytest.param(ABC, {"old": text("old", "aaaa")}, True, id="left over from another branch"),
        pytest.param(AB, {"x": text("x")}, True, id="another base"),
        pytest.param(AB, {"x": text("x", "gone")}, True, id="parent unknown"),
        pytest.param(AB, {"x": "y = 1"}, True, id="no revision"),
        pytest.param(AB, {"__init__": C[1]}, True, id="a name that Alembic passes over"),
        pytest.param(AB, {"x": NODE + "x ="}, True, id="not Python"),
        pytest.param(AB, {"x": "revision = 'x'\ndown_revision = f()"}, True, id="computed"),
        pytest.param(
            {**dict((A,)), **dict((C,))},
            dict((B,)),
            True,
            id="the missing parent, which is another rule",
        ),
    ],
)
def test_untracked_revision_does_not_fire(tree, files, needed):
    assert untracked_revision(on_disk(files), graph_of(tree), needed=needed) == []


def test_a_conflict_is_one_between_heads():
    graph = graph_of(LABELLED)
    branches = Branches(graph)
    assert not branches.are_rivals("w1", "j1")
    assert branches.are_rivals("aaaa", "w1")


# not-on-base-head


@pytest.mark.parametrize(
    ("base", "own", "message"),
    [
        pytest.param(
            {"aaaa": AB["aaaa"], "other": text("other", "aaaa")}, AB, "to 'other'", id="one"
        ),
        pytest.param(
            {"aaaa": AB["aaaa"], "x": text("x", "aaaa"), "y": text("y", "x")},
            ABC,
            "to 'y'",
            id="a chain on a chain",
        ),
    ],
)
def test_not_on_base_head_fires(base, own, message):
    merged = graph_of({**base, **own})
    finding = only(not_on_base_head(graph_of(base), graph_of(own), merged, "main"))
    assert (finding.rule, finding.path) == ("history/not-on-base-head", path("bbbb"))
    assert message in finding.message
    assert "`git merge main`, then `revguard rebase --from-ref main`" in finding.hint


@pytest.mark.parametrize(
    ("base", "own"),
    [
        pytest.param({"aaaa": AB["aaaa"]}, AB, id="on the head"),
        pytest.param(AB, ABC, id="on a later head"),
        pytest.param(AB, {**AB, "side": text("side", "aaaa")}, id="a branch on purpose"),
        pytest.param(SIDE, {**SIDE, "m": text("m", ("bbbb", "side"))}, id="a merge revision"),
        pytest.param(AB, {"aaaa": AB["aaaa"]}, id="nothing new"),
        pytest.param({}, AB, id="nothing landed"),
    ],
)
def test_not_on_base_head_is_silent(base, own):
    merged = graph_of({**base, **own})
    assert not_on_base_head(graph_of(base), graph_of(own), merged, "main") == []
