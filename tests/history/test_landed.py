"""The rules on what has landed: for each a table of what must fire and of what must not."""

from __future__ import annotations

import pytest

from revguard.history.graph import Graph
from revguard.rules import RULES
from revguard.rules.landed import changed_revisions, missing

from .scripts import Blobs, chain, graph_of, path, text

A, B, C = chain("aaaa", "bbbb", "cccc").items()
AB = dict((A, B))
ABC = dict((A, B, C))


def only(findings):
    assert len(findings) == 1, findings
    (finding,) = findings
    assert finding.rule in RULES
    assert finding.severity == "error"
    assert finding.hint
    return finding


def found(landed, parents, after, waived=()):
    blobs = Blobs()
    sides = [blobs.graph(side) for side in (*parents, after)]
    base = blobs.graph(landed) if landed is not None else None
    return changed_revisions(base, sides[-1], sides[:-1], blobs.load, "origin/main", waived)


# edited-revision

EDITED = text("bbbb", "aaaa", body="op.drop_table('t')")
AGAIN = text("bbbb", "aaaa", body="op.drop_table('u')")


def with_b(content):
    return {**AB, "bbbb": content}


@pytest.mark.parametrize(
    ("parents", "after", "line"),
    [
        pytest.param([AB], with_b(EDITED), 15, id="operations"),
        pytest.param([ABC], {**with_b(EDITED), **dict((C,))}, 15, id="with one on top"),
        pytest.param([with_b(EDITED)], with_b(AGAIN), 15, id="edited once more"),
        pytest.param([AB, AB], with_b(EDITED), 15, id="in a merge, by nobody else"),
        pytest.param(
            [AB, with_b(EDITED)], with_b(AGAIN), 15, id="in a merge, on top of a parent's edit"
        ),
        pytest.param([AB], with_b(text("bbbb", "aaaa", labels="web")), 10, id="branch_labels"),
        pytest.param([AB], with_b(B[1] + "\nimport os\n"), 21, id="something at the end"),
        pytest.param(
            [AB], with_b(B[1].replace("from alembic import op\n", "")), 9, id="something taken away"
        ),
        pytest.param([dict((A,))], with_b(EDITED), 15, id="the parent does not have it yet"),
        pytest.param([AB], {**dict((A,)), "moved": EDITED}, 15, id="renamed and edited"),
        pytest.param([AB], with_b(B[1] + "x ="), 1, id="no longer Python"),
    ],
)
def test_edited_revision_fires(parents, after, line):
    finding = only(found(AB, parents, after))
    assert finding.rule == "history/edited-revision"
    assert "'bbbb' has landed on origin/main" in finding.message
    at = path("moved" if "moved" in after else "bbbb")
    assert (finding.path, finding.line) == (at, line)
    restore = f"`git checkout origin/main -- {path('bbbb')}`"
    if "moved" in after:
        restore = f"`git show origin/main:{path('bbbb')} > {at} && git add {at}`"
    assert finding.hint == f"{restore}, and make the change in a new revision"


HARMLESS = text("bbbb", "aaaa", body="op.f('x', 1)")


@pytest.mark.parametrize(
    ("landed", "parents", "after"),
    [
        pytest.param(AB, [AB], AB, id="nothing"),
        pytest.param(None, [AB], with_b(EDITED), id="nothing has landed"),
        pytest.param(dict((A,)), [AB], with_b(EDITED), id="this one has not landed"),
        pytest.param(AB, [with_b(EDITED)], AB, id="an edit taken back"),
        pytest.param(AB, [with_b(EDITED)], with_b(EDITED), id="edited earlier"),
        pytest.param(AB, [AB, with_b(EDITED)], with_b(EDITED), id="edited by the merged branch"),
        pytest.param(
            AB, [with_b(EDITED)], with_b(EDITED + "# so\n"), id="edited earlier, a comment now"
        ),
        pytest.param(AB, [AB], with_b("# why\n" + B[1]), id="comment"),
        pytest.param(AB, [AB], with_b(B[1].replace("'", '"')), id="quotes"),
        pytest.param(AB, [AB], with_b(B[1].replace('"""bbbb', '"""Other words')), id="docstring"),
        pytest.param(
            AB, [AB], with_b(B[1].replace("Revises: aaaa", "Revises: base")), id="Revises:"
        ),
        pytest.param(
            AB, [AB], with_b(B[1].replace("pass", '"""Nothing."""')), id="docstring for pass"
        ),
        pytest.param(AB, [AB], with_b(B[1].replace("\n", "\r\n").encode()), id="line ends"),
        pytest.param(
            with_b(HARMLESS),
            [with_b(HARMLESS)],
            with_b(HARMLESS.replace("('x', 1)", '(\n        u"x",\n        1,\n    )')),
            id="formatting",
        ),
        pytest.param(AB, [AB], {**dict((A,)), "moved": B[1]}, id="renamed"),
        pytest.param(AB, [AB], ABC, id="a new one"),
        pytest.param(dict((A,)), [AB], dict((A,)), id="deleted, and not landed"),
    ],
)
def test_edited_revision_does_not_fire(landed, parents, after):
    assert found(landed, parents, after) == []


def test_texts_are_loaded_once_and_only_where_they_differ():
    blobs = Blobs()
    before, after = blobs.graph(AB), blobs.graph(with_b(EDITED))
    blobs.asked.clear()
    changed_revisions(before, after, [before], blobs.load)
    assert [len(asked) for asked in blobs.asked] == [2]
    changed_revisions(before, before, [before], blobs.load)
    changed_revisions(before, after, [after], blobs.load)  # edited earlier
    assert len(blobs.asked) == 1


# deleted-revision


@pytest.mark.parametrize(
    ("landed", "parents", "after"),
    [
        pytest.param(AB, [AB], dict((A,)), id="the head"),
        pytest.param(AB, [AB, AB], dict((A,)), id="in a merge"),
        pytest.param(
            AB,
            [AB],
            {**dict((A,)), "dddd": HARMLESS.replace("bbbb", "dddd")},
            id="and another one is new",
        ),
        pytest.param(AB, [AB], {**dict((A,)), "bbbb": "x = 1"}, id="no id"),
    ],
)
def test_deleted_revision_fires(landed, parents, after):
    finding = only(found(landed, parents, after))
    assert finding.rule == "history/deleted-revision"
    assert found(landed, parents, after, ["remove_revision bbbb"]) == []
    assert found(landed, parents, after, ["remove_revision aaaa", "remove_table bbbb"])
    assert "'bbbb'" in finding.message
    assert finding.path == path("bbbb")
    assert finding.hint == f"`git checkout origin/main -- {path('bbbb')}`"


@pytest.mark.parametrize(
    ("landed", "parents", "after"),
    [
        pytest.param(AB, [AB], AB, id="nothing"),
        pytest.param(None, [AB], dict((A,)), id="nothing has landed"),
        pytest.param(dict((A,)), [AB], dict((A,)), id="this one has not landed"),
        pytest.param(AB, [dict((A,))], dict((A,)), id="the branch does not have it yet"),
        pytest.param(AB, [AB, dict((A,))], dict((A,)), id="gone in a parent"),
        pytest.param(AB, [], dict((A,)), id="no parent"),
        pytest.param(AB, [AB], {**dict((A,)), "moved": B[1]}, id="renamed"),
        pytest.param(AB, [AB], {**dict((A,)), "moved": EDITED}, id="renamed and edited"),
        pytest.param(AB, [AB], {**dict((A,)), "bbbb": "x = (\n"}, id="cannot be read"),
    ],
)
def test_deleted_revision_does_not_fire(landed, parents, after):
    assert [one for one in found(landed, parents, after) if "deleted" in one.rule] == []


# renumbered-revision

PLACED = "has landed on origin/main on top of"


@pytest.mark.parametrize(
    ("landed", "after", "at", "line", "message"),
    [
        pytest.param(
            AB,
            {**dict((A,)), "bbbb": text("dddd", "aaaa")},
            "bbbb",
            8,
            "revision 'bbbb' has landed on origin/main, and {at} calls it 'dddd'",
            id="another id",
        ),
        pytest.param(
            AB,
            {**dict((A,)), "bbbb": EDITED.replace("bbbb", "dddd")},
            "bbbb",
            8,
            "calls it 'dddd'",
            id="another id, and edited",
        ),
        pytest.param(
            AB,
            {**dict((A,)), "0003_b": text("dddd", "aaaa")},
            "0003_b",
            8,
            "calls it 'dddd'",
            id="another id and file name",
        ),
        pytest.param(
            ABC,
            {**dict((A,)), "bbbb": text("dddd", "aaaa"), "cccc": text("cccc", "dddd")},
            "bbbb",
            8,
            "calls it 'dddd'",
            id="another id, and the next follows",
        ),
        pytest.param(
            AB, with_b(text("bbbb", None)), "bbbb", 9,
            "'bbbb' ({at}) " + PLACED + " 'aaaa', and stands on nothing now", id="base",
        ),
        pytest.param(
            ABC,
            {**AB, "new": text("new", "bbbb"), "cccc": text("cccc", "new")},
            "cccc",
            9,
            "'cccc' ({at}) " + PLACED + " 'bbbb', and stands on 'new' now",
            id="one pushed in below it",
        ),
        pytest.param(
            AB, with_b(text("bbbb", "aaaa", depends_on="aaaa")), "bbbb", 9,
            "stands on 'aaaa' and 'aaaa' now", id="depends_on",
        ),
        pytest.param(
            ABC, {**AB, "cccc": text("cccc", ("aaaa", "bbbb"))}, "cccc", 9,
            "stands on 'aaaa' and 'bbbb' now", id="made a mergepoint",
        ),
    ],
)  # fmt: skip
def test_renumbered_revision_fires(landed, after, at, line, message):
    finding = only(found(landed, [landed], after))
    assert finding.rule == "history/renumbered-revision"
    assert (finding.path, finding.line) == (path(at), line)
    assert message.format(at=path(at)) in finding.message
    assert "git checkout origin/main --" in finding.hint


def test_a_revision_that_was_taken_out_of_the_middle():
    rules = [one.rule for one in found(ABC, [ABC], {**dict((A,)), "cccc": text("cccc", "aaaa")})]
    assert rules == ["history/renumbered-revision", "history/deleted-revision"]


def test_a_place_and_an_edit_are_told_apart():
    finding, other = found(AB, [AB], with_b(EDITED.replace("'aaaa'", "None")))
    assert (finding.rule, finding.line) == ("history/edited-revision", 15)
    assert (other.rule, other.line) == ("history/renumbered-revision", 9)


@pytest.mark.parametrize(
    ("landed", "parents", "after"),
    [
        pytest.param(None, [AB], with_b(text("bbbb", None)), id="nothing has landed"),
        pytest.param(dict((A,)), [AB], with_b(text("bbbb", None)), id="this one has not landed"),
        pytest.param(
            dict((A,)), [AB], {**dict((A,)), "bbbb": text("dddd", "aaaa")}, id="nor has this"
        ),
        pytest.param(
            AB, [with_b(text("bbbb", None))], with_b(text("bbbb", None)), id="moved earlier"
        ),
        pytest.param(AB, [with_b(text("bbbb", None))], AB, id="taken back"),
        pytest.param(AB, [dict((A,))], {**dict((A,)), "dddd": text("dddd", "aaaa")},
                     id="the branch does not have it yet"),
        pytest.param(
            {**AB, "m": text("m", ("aaaa", "bbbb"))},
            [{**AB, "m": text("m", ("aaaa", "bbbb"))}],
            {**AB, "m": text("m", ["bbbb", "aaaa"])},
            id="a mergepoint, in another order",
        ),
        pytest.param(AB, [AB], {**dict((A,)), "0002_b": B[1]}, id="another file name"),
    ],
)  # fmt: skip
def test_renumbered_revision_does_not_fire(landed, parents, after):
    assert [one for one in found(landed, parents, after) if "renumbered" in one.rule] == []


def test_an_id_that_is_renumbered_on_purpose():
    after = {**dict((A,)), "bbbb": text("dddd", "aaaa")}
    assert found(AB, [AB], after, ["remove_revision bbbb"]) == []


def test_a_waiver_is_of_what_a_side_has():
    sides = graph_of(ABC), graph_of(dict((A,))), [graph_of(AB)]
    assert missing(*sides) == ("bbbb", "cccc")
    assert missing(None, sides[1], sides[2]) == ("bbbb",)
    assert missing(None, sides[0], sides[2]) == ()
    assert isinstance(sides[0], Graph)
