"""Head files: what they name, what is wrong with one, and what git makes of two branches."""

import subprocess

import pytest

from revguard.history import headfile
from revguard.history.graph import Graph
from revguard.rules.head_file import head_file, is_finding

from .scripts import FOLDER, chain, graph_of, path, text

ABC = chain("aaaa", "bbbb", "cccc")
WEB = {"aaaa": text("aaaa"), "w1": text("w1", "aaaa", labels="web")}
LABELLED = {**WEB, "j1": text("j1", "aaaa", labels="jobs")}
JOBS = "migrations/jobs"
FOLDERS = (FOLDER, JOBS)
TWO = {**ABC, f"{JOBS}/j1.py": text("j1"), f"{JOBS}/j2.py": text("j2", "j1")}
FILE = f"{FOLDER}/heads.txt"


def named(scripts, locations=(FOLDER,)):
    found = headfile.contents(graph_of(scripts), locations)
    return {name: headfile.named(content) for name, content in found.items()}


@pytest.mark.parametrize(
    ("scripts", "locations", "expected"),
    [
        pytest.param({}, (FOLDER,), {}, id="no script, no file"),
        pytest.param(ABC, (FOLDER,), {FILE: ("cccc",)}, id="a chain"),
        pytest.param(LABELLED, (FOLDER,), {FILE: ("j1", "w1")}, id="by labels"),
        pytest.param(
            {**ABC, "side": text("side", "aaaa")}, (FOLDER,), {FILE: ("cccc", "side")},
            id="rivals, as long as they are there",
        ),
        pytest.param(
            {**ABC, "dep": text("dep", depends_on="cccc")}, (FOLDER,), {FILE: ("cccc", "dep")},
            id="one that others depend on is a head too",
        ),
        pytest.param(
            TWO, FOLDERS, {FILE: ("cccc",), f"{JOBS}/heads.txt": ("j2",)}, id="two folders",
        ),
        pytest.param(
            {**TWO, f"{JOBS}/m.py": text("m", ("cccc", "j2"))}, FOLDERS,
            {FILE: (), f"{JOBS}/heads.txt": ("m",)}, id="merged in the other folder",
        ),
        pytest.param(
            {f"{FOLDER}/2026/a.py": text("a"), f"{FOLDER}/2027/b.py": text("b", "a")}, (FOLDER,),
            {FILE: ("b",)}, id="folders below",
        ),
        pytest.param(
            {f"{FOLDER}/in/a.py": text("a")}, (FOLDER, f"{FOLDER}/in"),
            {f"{FOLDER}/in/heads.txt": ("a",)}, id="of nested folders the inner",
        ),
        pytest.param({"a.py": text("a")}, ("",), {}, id="not below"),
        pytest.param(
            {**ABC, "x": "revision = 'x'\ndown_revision = f()"}, (FOLDER,), {},
            id="only running a script would tell",
        ),
    ],
)  # fmt: skip
def test_contents(scripts, locations, expected):
    if locations == ("",):
        locations = ("elsewhere",)
    assert named(scripts, locations) == expected


def test_at_the_top():
    graph = graph_of({"./a.py": text("a")})
    assert [*headfile.contents(graph, ("",))] == ["heads.txt"]


def test_labels_are_told_and_the_header_says_what_to_type():
    said = headfile.contents(graph_of(LABELLED), (FOLDER,))[FILE].decode()
    assert said.endswith("\n\n# jobs\nj1\n\n# web\nw1\n")
    assert "`revguard rebase`" in said
    assert "`revguard add`" in said


def test_the_order_does_not_depend_on_the_ids():
    later = {**LABELLED, "a0": text("a0", "w1"), "z9": text("z9", "j1")}
    assert named(later) == {FILE: ("z9", "a0")}


RIGHT = headfile.contents(graph_of(ABC), (FOLDER,))[FILE]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(None, 0, "is missing", id="missing"),
        pytest.param(b"", 0, "names no head, and the scripts there end in 'cccc'", id="empty"),
        pytest.param(b"# so\n\nbbbb\n", 3, "names 'bbbb', and the scripts there end", id="stale"),
        pytest.param(b"cccc\nside\n", 1, "names 'cccc', 'side'", id="too many"),
        pytest.param(
            b"# so\n<<<<<<< HEAD\nbbbb\n=======\ncccc\n>>>>>>> theirs\n", 2,
            "still holds a conflict of a git merge", id="conflict",
        ),
        pytest.param(b"\xff\xfe\n", 1, "names", id="no text"),
    ],
)  # fmt: skip
def test_a_head_file_that_is_wrong(content, line, message):
    found = {} if content is None else {FILE: content}
    (finding,) = head_file(graph_of(ABC), (FOLDER,), found)
    assert (finding.rule, finding.path, finding.line) == ("history/multiple-heads", FILE, line)
    assert message in finding.message
    assert finding.hint == "`revguard add` writes it"
    assert is_finding(finding)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(RIGHT, id="as it is written"),
        pytest.param(RIGHT.replace(b"\n", b"\r\n"), id="line ends"),
        pytest.param(b"cccc", id="without a header"),
        pytest.param(b"# web\n  cccc  \n", id="another comment"),
    ],
)
def test_a_head_file_that_is_right(content):
    assert head_file(graph_of(ABC), (FOLDER,), {FILE: content}) == []


def test_a_graph_without_scripts_needs_none():
    assert head_file(Graph([]), (FOLDER,), {}) == []
    assert path("a") != FILE


@pytest.fixture
def merged(tmp_path):
    """What git says to two branches that change a file from one content each."""

    def merge(before, ours, theirs):
        for name, content in (("before", before), ("ours", ours), ("theirs", theirs)):
            (tmp_path / name).write_bytes(content)
        command = ["git", "merge-file", "-p", "ours", "before", "theirs"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    return merge


@pytest.mark.parametrize(
    ("ours", "theirs", "conflicts"),
    [
        pytest.param({"x": text("x", "w1")}, {"y": text("y", "w1")}, True, id="one branch"),
        pytest.param({"x": text("x", "w1")}, {"y": text("y", "j1")}, False, id="two branches"),
        pytest.param({"x": text("x", "w1")}, {}, False, id="one side"),
        pytest.param({"x": text("x", "w1")}, {"n": text("n", labels="new")}, False, id="a new one"),
    ],
)
def test_what_git_makes_of_it(ours, theirs, conflicts, merged):
    sides = ({}, ours, theirs)
    contents = [headfile.contents(graph_of({**LABELLED, **s}), (FOLDER,))[FILE] for s in sides]
    assert merged(*contents) == (1 if conflicts else 0)
