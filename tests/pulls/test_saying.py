"""What is said, and what tells two of them apart: sizes, times, outputs, hostile names."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from revguard.pulls import body, codequality, files, marker, telling
from revguard.pulls.place import Place, project_id
from revguard.verdict import EnvironmentReport, Finding, HeadFile, Lock, ProofStep, Report

GITHUB = Place(service="github", server="https://github.com", repository="shop/shop", head="a" * 40)


def report(*findings, **more):
    one = EnvironmentReport(name="shop", verdict="fail", findings=findings, **more)
    return Report(verdict="fail", environments=(one,))


def finding(message="m", **more):
    return Finding(rule="history/missing-revision", message=message, **more)


def state(said, **more):
    return body.state(said, GITHUB, **{"paste": "", "notes": (), **more})


def test_times_are_no_difference():
    def at(ms):
        proof = (ProofStep(step="upgrade", result="pass", ms=ms),)
        said = report(finding(), proof=proof, timings_ms={"total": ms})
        return replace(said, duration_ms=ms)

    assert state(at(1)) == state(at(2000))
    assert state(at(1)) != state(report(finding("another")))
    assert state(at(1)) != state(at(1), notes=("pushed",))


@pytest.mark.parametrize("size", [1_000, 100_000, 5_000_000])
def test_the_size(size):
    """Of a report of any size, the comment fits, and ends no fence in the middle."""
    said = report(*(finding("x" * 100, path=f"m{n}.py") for n in range(size // 100)))
    said = replace(
        said, environments=(replace(said.environments[0], script="y = 1\n" * (size // 6)),)
    )
    text = body.comment(said, GITHUB)
    assert len(text.encode()) <= body.LIMIT
    fences = [line for line in text.splitlines() if line.lstrip().startswith("```")]
    assert len(fences) % 2 == 0


def test_what_is_pasted_fits_too():
    text = body.comment(report(finding()), GITHUB, paste="+x\n" * 100_000)
    assert len(text.encode()) <= body.LIMIT
    assert "take the output `patch`" in text


@pytest.mark.parametrize("known", [False, True])
def test_locks_are_spoken_of_where_they_are_known(known):
    """Silence is no promise that nothing is locked, and no word is one that something is."""
    lock = Lock(statement="DROP TABLE carts", object="carts", mode="ACCESS EXCLUSIVE")
    proof = (ProofStep(step="upgrade", result="pass"), ProofStep(step="rows", result="skipped"))
    said = report(finding(), sql="DROP TABLE carts;\n", script="x = 1\n", proof=proof)
    one = replace(said.environments[0], locks=(lock,) if known else ())
    text = body.comment(replace(said, environments=(one,)), GITHUB)
    assert ("lock" in text.lower(), "ACCESS EXCLUSIVE" in text) == (known, known)


def test_the_head_file_is_shown_with_the_script():
    files = (HeadFile(path="versions/`heads`.txt", text="# ```\n1\n"),)
    text = body.comment(report(finding(), script="x = 1\n", head_files=files), GITHUB)
    shown = text[text.index("The head file, <code>versions/`heads`.txt</code>") :]
    assert "````text\n# ```\n1\n````" in shown
    assert "The head file" not in body.comment(report(finding(), script="x = 1\n"), GITHUB)


VALUES = {
    "lines": "one\ntwo",
    "a delimiter": "x\nEOF\ny=z",
    "an assignment": "a=b",
    "a heredoc": "a<<EOF\nb\nEOF",
    "nothing": "",
    "surrogates": "\udcff",
}


@pytest.mark.parametrize("name", VALUES)
def test_an_output(name, tmp_path):
    path = tmp_path / "output"
    path.touch()
    files.say({"value": VALUES[name], "after": "x"}, {"GITHUB_OUTPUT": str(path)})
    lines = path.read_bytes().decode().split("\n")
    found = {}
    while lines and lines[0]:
        key, end = lines.pop(0).split("<<")
        at = lines.index(end)
        found[key] = "\n".join(lines[:at])
        lines = lines[at + 1 :]
    assert found == {"value": VALUES[name].replace("\udcff", "?"), "after": "x"}


def test_the_log_is_no_command():
    text = telling.log("::set-output name=x::y\n::error::boo", GITHUB)
    first, *_, last, _ = text.split("\n")
    assert first.startswith("::stop-commands::revguard-")
    assert last == f"::{first.removeprefix('::stop-commands::')}::"
    assert telling.lines((), ("a\n::error::b",), GITHUB).count("\n") == 1


def test_a_marker_survives_any_project():
    for name in ("services/a b", "--> <b>", "a--b", "ü", ".", "x:y"):
        mark = marker.Marker(project=marker.quoted(name), run=(3, 1), state="ab")
        assert marker.read(f"{mark.line}text") == mark
        assert "-->" not in mark.line[5:-4]


PROJECTS = [
    (("/w",), ".", "the top"), (("/w/a/b",), "a/b", "a folder"),
    (("/w", ("y", "x")), ".:x:y", "two environments"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "named", "_what"), PROJECTS, ids=[one[2] for one in PROJECTS])
def test_the_project(given, named, _what):
    folder, *rest = given
    assert project_id(Place(workspace="/w"), folder, *(rest or [()])) == named


def test_code_quality():
    entries = json.loads(codequality.render(report(finding(path="a.py", line=3), finding("n"))))
    assert [one["location"]["lines"]["begin"] for one in entries] == [3, 1]
    assert len({one["fingerprint"] for one in entries}) == 2


def test_nothing_of_the_network_is_loaded_early():
    code = "import sys; import revguard.commands.pr, revguard.action; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"urllib3", "requests", "ssl", "sqlalchemy", "docker"} & {*done.stdout.split()}
