"""What is read from one script, and how the result is kept."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from revguard.history.script import parse

from .scripts import Blobs, chain, graph_of, path, text

HEADER = "revision = 'a'\ndown_revision = None\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("revision = 'b'\ndown_revision = 'a'", ("b", ("a",)), id="plain"),
        pytest.param(
            "revision: str = 'b'\ndown_revision: str | None = 'a'", ("b", ("a",)), id="annotated"
        ),
        pytest.param("revision = 'b'\ndown_revision = None", ("b", ()), id="base"),
        pytest.param("revision = 'b'\ndown_revision = ()", ("b", ()), id="empty tuple"),
        pytest.param(
            "revision = 'b'\ndown_revision = ('a', 'c')", ("b", ("a", "c")), id="mergepoint"
        ),
        pytest.param("revision = 'b'\ndown_revision = ['a']", ("b", ("a",)), id="list"),
        pytest.param("revision, down_revision = 'b', 'a'", ("b", ("a",)), id="unpacked"),
        pytest.param("A = 'a'\nrevision = 'b'\ndown_revision = A", ("b", ("a",)), id="by name"),
        pytest.param(
            "A = 'x'\ndown_revision = A\nA = 'y'\nrevision = 'b'", ("b", ("x",)), id="in order"
        ),
        pytest.param("revision = 'b' 'c'\ndown_revision = 'a' + '1'", ("bc", ("a1",)), id="joined"),
        pytest.param(
            "revision = 'x'\nrevision = 'b'\ndown_revision = 'a'", ("b", ("a",)), id="last wins"
        ),
        pytest.param("revision = 'b'\ndown_revision = f()", ("b", None), id="call"),
        pytest.param("revision = 'b'\ndown_revision = f'{x}'", ("b", None), id="f-string"),
        pytest.param(
            "revision = 'b'\nif x:\n    down_revision = 'a'", ("b", None), id="conditional"
        ),
        pytest.param(
            "revision = 'b'\ndown_revision = 'a'\ndown_revision += x", ("b", None), id="augmented"
        ),
        pytest.param("revision = 'b'\nfrom x import down_revision", ("b", None), id="imported"),
        pytest.param("from x import *", (None, None), id="star"),
        pytest.param(
            "from x import *\nrevision = 'b'\ndown_revision = 'a'",
            ("b", ("a",)),
            id="star, then said",
        ),
        pytest.param("revision = f()\ndown_revision = 'a'", (None, ("a",)), id="unknown id"),
        pytest.param(
            "# coding: latin-1\nrevision = 'b'\ndown_revision = '\xe9'",
            ("b", ("\xe9",)),
            id="latin-1",
        ),
        pytest.param("\ufeffrevision = 'b'\ndown_revision = 'a'", ("b", ("a",)), id="bom"),
        pytest.param(
            r"revision = 'b'; down_revision = 'a'; x = '\d'", ("b", ("a",)), id="bad escape"
        ),
    ],
)
def test_identifiers(source, expected):
    raw = source.encode("latin-1" if "latin-1" in source else "utf-8")
    script = parse(raw)
    assert script.error is None
    down = script.down if "down_revision" in script.bound else ()
    assert (script.revision, down) == expected


def test_lines_doc_and_imports():
    script = parse(
        b'"""Add users\nof all kinds\n\nRevision ID: a\n"""\nimport sqlalchemy.orm as so\n'
        b"from app.models import User\nfrom . import x\nrevision = 'a'\ndown_revision = None\n"
        b"def upgrade():\n    try:\n        import zoo.animals\n    except ImportError:\n"
        b"        from json import dumps\n"
    )
    assert script.doc == "Add users\nof all kinds"
    found = ("app.models", "app.models.User", "json", "json.dumps", "sqlalchemy.orm", "zoo.animals")
    assert script.imports == found
    assert (script.line, script.line_of_down) == (9, 10)
    assert parse(b"revision = 'a'\nrevision = 'b'\n").line == 2


@pytest.mark.parametrize(
    ("broken", "line", "message"),
    [
        pytest.param(HEADER + "def upgrade(:\n    pass\n", 3, "", id="in a function"),
        pytest.param(HEADER + "x = (\n", 3, "'(' was never closed", id="not closed"),
        pytest.param("x = = 1\n" + HEADER, 1, "invalid syntax", id="above the header"),
        pytest.param(
            HEADER + "<<<<<<< HEAD\nx\n=======\n>>>>>>> b\n", 3, "conflict", id="conflict"
        ),
        pytest.param(HEADER + "x = '\0'\n", 0, "null", id="null byte"),
    ],
)
def test_what_does_not_compile_still_has_its_header(broken, line, message):
    script = parse(broken.encode())
    assert (script.revision, script.down) == ("a", ())
    assert script.error is not None
    assert message in script.error.message
    assert line in (0, script.error.line)


def test_a_deep_script_is_an_error_and_no_crash():
    assert parse(b"x = " + b"(" * 5000 + b")" * 5000).error is not None


@pytest.mark.parametrize(
    ("name", "content", "ids", "strangers"),
    [
        pytest.param("__init__", "x = 1", [], [], id="__init__"),
        pytest.param("__init__x", text("a"), [], [], id="__init__ prefix"),
        pytest.param(".#a", text("a"), [], [], id="editor's lock"),
        pytest.param("migrations/versions/a.sql", text("a"), [], [], id="no .py"),
        pytest.param("migrations/versions/a.pyc", text("a"), [], [], id="bytecode"),
        pytest.param("helper", "x = 1", [], [path("helper")], id="helper"),
        pytest.param("ab12", "down_revision = None", ["ab12"], [], id="legacy name"),
        pytest.param("ab_12", "down_revision = None", [], [path("ab_12")], id="no legacy name"),
        pytest.param("a\nb c é", text("a"), ["a"], [], id="odd name"),
    ],
)
def test_files_that_are_no_nodes(name, content, ids, strangers):
    graph = graph_of({name: content})
    assert list(graph.nodes) == ids
    assert list(graph.strangers) == strangers
    assert not graph.problems


def test_dynamic_and_unknown_make_a_graph_uncertain():
    assert graph_of(chain("a", "b")).certain
    assert not graph_of({"a": "revision = 'a'\ndown_revision = f()"}).certain
    graph = graph_of({"a": "revision = f()\ndown_revision = None"})
    assert (graph.certain, graph.unknown, len(graph)) == (False, (path("a"),), 0)


@pytest.fixture
def read_only_folder():
    """A folder that this process cannot write to, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # nobody
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            os.chmod(folder, 0o700)


def _same(one, other):
    return one.nodes == other.nodes and one.problems == other.problems


class TestCache:
    def test_the_second_time_nothing_is_loaded(self, tmp_path):
        blobs, scripts = Blobs(), chain("a", "b", "c")
        first = blobs.graph(scripts, tmp_path / "deep" / "history.json")
        second = blobs.graph(scripts, tmp_path / "deep" / "history.json")
        assert [len(asked) for asked in blobs.asked] == [3]
        assert _same(first, second)

    def test_only_what_is_new_is_loaded(self, tmp_path):
        blobs, cache = Blobs(), tmp_path / "c.json"
        blobs.graph(chain("a", "b"), cache)
        graph = blobs.graph(chain("a", "b", "c"), cache)
        assert [len(asked) for asked in blobs.asked] == [2, 1]
        assert _same(graph, graph_of(chain("a", "b", "c")))

    def test_what_does_not_compile_is_not_kept(self, tmp_path):
        blobs, cache = Blobs(), tmp_path / "c.json"
        scripts = {**chain("a"), "b": HEADER + "x ="}
        graphs = [blobs.graph(scripts, cache) for _ in range(2)]
        assert [len(asked) for asked in blobs.asked] == [2, 1]
        assert _same(*graphs)

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda raw: b"", id="empty"),
            pytest.param(lambda raw: b"\xff\x00", id="not text"),
            pytest.param(lambda raw: raw[: len(raw) // 2], id="cut off"),
            pytest.param(
                lambda raw: raw.replace(b"'a'", b"'z'").replace(b'"a"', b'"z"'), id="flipped"
            ),
            pytest.param(
                lambda raw: raw.replace(b'"version": ', b'"version": 9'), id="other version"
            ),
            pytest.param(lambda raw: b"[]\n[]", id="other shape"),
            pytest.param(lambda raw: b"[" * 100_000, id="deep"),
        ],
    )
    def test_damage_is_as_if_there_were_none(self, tmp_path, damage):
        blobs, cache, scripts = Blobs(), tmp_path / "c.json", chain("a", "b")
        expected = blobs.graph(scripts, cache)
        cache.write_bytes(damage(cache.read_bytes()))
        assert _same(blobs.graph(scripts, cache), expected)
        assert len(blobs.asked) == 2
        blobs.graph(scripts, cache)
        assert len(blobs.asked) == 2  # it was mended

    def test_wrong_records_with_a_right_sum(self, tmp_path):
        import zlib

        from revguard.history import cache as caching

        blobs, cache, scripts = Blobs(), tmp_path / "c.json", chain("a")
        (id_,) = blobs.files(scripts).values()
        body = json.dumps({id_: ["a", 5]}).encode()
        head = json.dumps({"version": caching.VERSION, "crc": zlib.crc32(body)}).encode()
        cache.write_bytes(head + b"\n" + body)
        assert list(blobs.graph(scripts, cache).nodes) == ["a"]

    def test_a_place_that_cannot_be_written(self, tmp_path):
        occupied = tmp_path / "file"
        occupied.write_text("x")
        blobs = Blobs()
        assert list(blobs.graph(chain("a"), occupied / "c.json").nodes) == ["a"]
        (tmp_path / "folder").mkdir()
        assert list(blobs.graph(chain("a"), tmp_path / "folder").nodes) == ["a"]
        assert sorted(os.listdir(tmp_path)) == ["file", "folder"]

    def test_read_only(self, read_only_folder):
        assert list(Blobs().graph(chain("a"), read_only_folder / "c.json").nodes) == ["a"]
        assert os.listdir(read_only_folder) == []

    def test_it_does_not_grow_for_ever(self, tmp_path, monkeypatch):
        monkeypatch.setattr("revguard.history.cache._KEPT", 3)
        blobs, cache = Blobs(), tmp_path / "c.json"
        for number in range(5):
            blobs.graph({"a": text("a", doc=str(number))}, cache)
        assert len(json.loads(cache.read_bytes().partition(b"\n")[2])) <= 3


def test_a_blob_that_is_not_there():
    blobs = Blobs()
    files = blobs.files(chain("a", "b"))
    del blobs.texts[files[path("a")]]
    from revguard.history.reading import read

    graph = read(files, blobs.load)
    assert [problem.kind for problem in graph.problems] == ["unreadable", "missing"]
