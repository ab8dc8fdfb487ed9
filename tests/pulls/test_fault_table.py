# ruff: noqa: TID252  (the shop of another folder)
"""The fault table of docs/action.md: what goes wrong, what the user sees of it, what is done.

Nothing is lost in any of them: the files, the outputs and the summary of the first step are as they
would have been, the second step is green, and a comment that was there is there.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from revguard.pulls import body, posting, web
from revguard.verdict import to_dict

from ..scenarios.shop import Shop, adds, files, script
from . import fake, running, test_reading
from .fake import EXPIRED, READER, TOKEN, Fault
from .stepping import Job

PAGE = Path(__file__).parents[2] / "docs" / "action.md"
LIST = POST = r"/issues/7/comments$"
EDIT, PULL = r"/issues/comments/", r"/pulls/7$"
BOT = ("github-actions[bot]", "Bot")


def comment(run, words="old"):
    return f"<!-- revguard project=. run={run} state=aa -->\n{words}\n"


OLD, NEWER = comment("1.1"), comment("9.1", "newer")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way in which it happens; what is said of it; the comments before and after."""

    faults: tuple = ()
    token: str = TOKEN
    said: str = ""
    was: str = OLD
    becomes: str = "new"  # as this run has it; or the text itself, or nothing
    before: object = None  # called with GitHub before the step
    during: object = None  # called with GitHub and the method before each request
    fork: bool = False
    nobody: bool = False  # where the API should be
    read: float = 30.0  # seconds that an answer may take
    waits: tuple | None = None  # seconds that were waited
    tries: int | None = None  # requests


@dataclass(frozen=True, kw_only=True)
class Fate:
    """A row. What is in backticks in `sees` is what its cases say; `tests`: others that hold it."""

    happens: str
    sees: str = ""
    does: str
    cases: dict = field(default_factory=dict)
    tests: tuple = ()

    @property
    def row(self):
        return f"| {self.happens} | {self.sees} | {self.does} |"


def always(method, path, **kind):
    return (Fault(method, path, times=99, **kind),)


def once(method, path, times=1, **kind):
    return (Fault(method, path, times=times, **kind),)


def lock(github):
    github.locked = {7}


def close(github):
    github.pulls[7]["state"] = "closed"


def more_commits(github):
    github.pulls[7]["head"]["sha"] = "f" * 40


def rename(github):
    github.pulls[7]["title"] = "Another title"


def delete(github, method):
    if method == "PATCH":
        github.clear()


def another(words):
    """Another run writes between our look and our comment."""

    def write(github, method):
        if method == "POST" and not github.comments:
            github.write(7, words, *BOT)

    return write


def moved(path, query=""):
    return {"Location": f"/api/v3{path}{query}"}


FATES = (
    Fate(
        happens="the API is down, or answers with 5xx",
        sees="a warning: `cannot be reached`; `the API refused it`",
        does="each request is tried four times, for 90 seconds in all",
        cases={
            "nobody": Case(nobody=True, said="cannot be reached", becomes=OLD),
            "5xx": Case(faults=always("GET", LIST, status=503), becomes=OLD, tries=4,
                        said="the API refused it", waits=(0.5, 1.0, 2.0)),
            "5xx on writing": Case(faults=always("PATCH", EDIT, status=500), becomes=OLD,
                                   said="the API refused it"),
        },
    ),
    Fate(
        happens="the same, for a moment",
        does="the same; a new comment is looked for before it is written again: it may be there",
        cases={
            "5xx": Case(faults=once("GET", LIST, 2, status=503)),
            "a gateway": Case(faults=once("PATCH", EDIT, status=502, after=True)),
            "a new one": Case(was="", faults=once("POST", POST, status=502)),
            "a new one that is written": Case(
                was="", faults=once("POST", POST, status=502, after=True)
            ),
        },
    ),
    Fate(
        happens="the API is slow",
        sees="a warning: `timed out`",
        does="an answer may take 30 seconds; then as above",
        cases={
            "each time": Case(faults=always("GET", LIST, sleep=0.5, after=True), read=0.1,
                              said="timed out", becomes=OLD),
            "once": Case(faults=once("GET", PULL, sleep=0.5, after=True), read=0.1),
        },
    ),
    Fate(
        happens="the connection is cut in the middle",
        sees="a warning, where it stays so: `cannot be reached`",
        does="as above: never a second comment",
        cases={
            "each time": Case(faults=always("GET", LIST, cut=True, after=True), becomes=OLD,
                              said="cannot be reached"),
            "before the answer": Case(faults=once("GET", LIST, 2, cut=True)),
            "in the answer": Case(faults=once("GET", LIST, cut=True, after=True)),
            "an edit": Case(faults=once("PATCH", EDIT, cut=True, after=True)),
            "a new one": Case(was="", faults=once("POST", POST, cut=True)),
            "a new one that is written": Case(
                was="", faults=once("POST", POST, cut=True, after=True)
            ),
        },
    ),
    Fate(
        happens="something between answers in the API's place",
        sees="a warning: `something that is no JSON`",
        does="as above",
        cases={
            "each time": Case(faults=always("GET", LIST, raw=b"<html>", after=True), becomes=OLD,
                              said="something that is no JSON"),
            "once": Case(faults=once("GET", LIST, raw=b"<html>", after=True)),
        },
    ),
    Fate(
        happens="too many requests: 429, 403 with a limit",
        sees="a warning, where the wait would be longer than 90 seconds: "
        "`the rate limit is used up`",
        does="`Retry-After` and the limit's end are waited for",
        cases={
            "for seconds": Case(faults=once("GET", LIST, status=429, headers={"Retry-After": "7"}),
                                waits=(7.0,)),
            "for an hour": Case(
                faults=always("GET", LIST, status=429, headers={"Retry-After": "3600"}),
                said="the rate limit is used up", becomes=OLD, waits=(), tries=1,
            ),
            "a new one": Case(was="", waits=(3.0,), faults=once(
                "POST", POST, status=403, headers={"Retry-After": "3"}, message="rate limit")),
            "until a time": Case(faults=once(
                "PATCH", EDIT, status=403, message="API rate limit exceeded",
                headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})),
            "for ever": Case(
                faults=always("PATCH", EDIT, status=403, message="API rate limit exceeded",
                              headers={"X-RateLimit-Remaining": "0",
                                       "X-RateLimit-Reset": "99999999999"}),
                said="the rate limit is used up", becomes=OLD, waits=(),
            ),
        },
    ),
    Fate(
        happens="401: the token is wrong or has expired",
        sees="a warning: `the token is refused: it is wrong or has expired`",
        does="nothing more",
        cases={"expired": Case(token=EXPIRED, becomes=OLD, tries=1,
                               said="the token is refused: it is wrong or has expired")},
    ),
    Fate(
        happens="there is no token",
        sees="a warning: `there is no token`",
        does="nothing is asked",
        cases={"none": Case(token="", becomes=OLD, tries=0, said="there is no token"),
               "blank": Case(token=" ", becomes=OLD, tries=0, said="there is no token")},
    ),
    Fate(
        happens="the token is none: a line break, a letter that is not ASCII",
        sees="a warning: `the request cannot be made`, without the token",
        does="nothing is asked",
        cases={"a line break": Case(token="ghs_one\ntwo", becomes=OLD, tries=0,
                                    said="the request cannot be made"),
               "a sign": Case(token="ghs_€", becomes=OLD, tries=0,
                              said="the request cannot be made")},
    ),
    Fate(
        happens="403: the token has no right to write",
        sees="a warning: `the token may not write to pull requests`, with the block `permissions:` "
        "that is missing; on a fork, where the `two-stage` workflow is",
        does="nothing more",
        cases={
            "of the same repository": Case(token=READER, becomes=OLD, said="permissions:"),
            "a new one": Case(token=READER, was="", becomes="",
                              said="the token may not write to pull requests"),
            "a fork": Case(token=READER, becomes=OLD, fork=True, said="two-stage"),
        },
    ),
    Fate(
        happens="404: the pull request or the repository is not there for the token",
        sees="a warning: `the pull request is not there for this token`",
        does="nothing more",
        cases={"404": Case(faults=always("GET", LIST, status=404), becomes=OLD, tries=1,
                           said="the pull request is not there for this token")},
    ),
    Fate(
        happens="422: GitHub does not take the comment",
        sees="a warning: `the API does not take the comment`, with GitHub's words",
        does="nothing more: bodies are kept under 60,000 bytes",
        cases={
            "a new one": Case(was="", becomes="", said="the API does not take the comment",
                              faults=always("POST", POST, status=422)),
            "an edit": Case(becomes=OLD, said="the API does not take the comment",
                            faults=always("PATCH", EDIT, status=422)),
        },
    ),
    Fate(
        happens="the comment was deleted meanwhile",
        does="a new one is written",
        cases={"deleted": Case(during=delete)},
    ),
    Fate(
        happens="the conversation is locked",
        sees="a warning: `the conversation is locked`",
        does="nothing more",
        cases={"an edit": Case(before=lock, becomes=OLD, said="the conversation is locked"),
               "a new one": Case(before=lock, was="", becomes="",
                                 said="the conversation is locked")},
    ),
    Fate(
        happens="two runs of a pull request at once",
        sees="a line in the log: `one comment stays`; "
        "`a newer run has written the comment already`",
        does="one comment, with the newer run's words",
        cases={
            "the other one is newer": Case(was="", during=another(NEWER), becomes=NEWER,
                                           said="one comment stays"),
            "this one is newer": Case(was="", during=another(OLD), said="one comment stays"),
            "too late": Case(was=NEWER, becomes=NEWER, tries=1,
                             said="a newer run has written the comment already"),
        },
    ),
    Fate(
        happens="the pull request was closed",
        sees="a line in the log: `the pull request is closed: nothing was written`",
        does="nothing more",
        cases={"closed": Case(before=close, becomes=OLD,
                              said="the pull request is closed: nothing was written")},
    ),
    Fate(
        happens="the pull request has newer commits",
        sees="a line in the log: `there are newer commits: their run writes the comment`",
        does="nothing more",
        cases={"newer": Case(before=more_commits, becomes=OLD,
                             said="there are newer commits: their run writes the comment")},
    ),
    Fate(
        happens="the pull request or the repository was renamed",
        does="a pull request is known by its number, and redirections are followed",
        cases={
            "another title": Case(before=rename),
            "another repository": Case(faults=(
                *once("GET", LIST, status=301, headers=moved(
                    "/repos/shop/shop/issues/7/comments", "?per_page=100&page=1")),
                *once("GET", PULL, status=301, headers=moved("/repos/shop/shop/pulls/7")),
                *once("PATCH", EDIT, status=307, headers=moved(
                    "/repos/shop/shop/issues/comments/1000")),
            )),
        },
    ),
    Fate(
        happens="a report of 5 MB",
        sees="`Not all of the report has room here.` in the comment",
        does="comment and summary keep within GitHub's limits, and what is left out is left out "
        "whole; the output `report` has all of it",
        tests=("test_a_large_report",),
    ),
    Fate(
        happens="anything else where the comment is written: the report is gone, a bug of ours",
        sees="a warning: `the lines above say why`",
        does="the step stays green: the verdict is of the one before",
        tests=("test_whatever_happens_to_the_comment",),
    ),
    Fate(
        happens="no pull request in the event, or an event that cannot be read",
        sees="an error: `the event names no pull request`; `cannot be read`",
        does="exit 2: nothing is judged",
        tests=("test_an_event_without_a_pull_request",),
    ),
    Fate(
        happens="an event in which somebody else's code would run beside a token",
        sees="an error: `would import the models`; `nothing is judged`",
        does="exit 2: nothing is imported",
        tests=("test_an_event_that_is_refused",),
    ),
    Fate(
        happens="short or missing history",
        sees="verdict `error`, in the comment, too: `is not in it`; `is not in this clone`; each "
        "with `fetch-depth: 0`",
        does="exit 3: nothing is judged by half of it",
        tests=("test_history_that_is_not_there",),
    ),
    Fate(
        happens="the base was force-pushed",
        does="judged against what it is now",
        tests=("test_a_base_that_was_rewritten",),
    ),
    Fate(
        happens="an input with a value that there is not",
        sees="an error with the values that there are: `did you mean`",
        does="exit 2, before anything is judged; an input that there is not, GitHub warns of",
        tests=("test_an_input_that_means_nothing",),
    ),
    Fate(
        happens="an output value with newlines, `=` or delimiters",
        does="it arrives as it is, and sets no other output",
        tests=("test_outputs_arrive_as_they_are",),
    ),
)  # fmt: skip
SEEN = {name: fate.sees for fate in FATES for name in fate.tests}
CASES = {f"{fate.happens}: {name}": (fate, case) for fate in FATES
         for name, case in fate.cases.items()}  # fmt: skip


@pytest.fixture(scope="module")
def red(tmp_path_factory, virtualenv, description):
    """A pull request whose revision is missing. Who changes it has to put it back."""
    folder = tmp_path_factory.mktemp("red")
    (folder / "shop").mkdir()
    shop = Shop(folder / "shop", virtualenv)
    shop.environ["REVGUARD_CACHE_DIR"] = str(folder / "cache")
    shop.git("init", "-q")
    shop.write(files("sqlite"))
    shop.commit_all("first")
    shop.write("README.md", "What will be rewritten\n")
    shop.commit_all("second")
    pull = running.Pull(shop, fake.GitHub(description), folder / "shop.git")
    shop.model()
    pull.push()
    return pull


@pytest.fixture(scope="module")
def judged(red, tmp_path_factory):
    """The first step's outputs."""
    job = Job(red, tmp_path_factory.mktemp("judged"))
    done = job.step("judge")
    assert done.code == 1, done.said
    assert job.outputs["verdict"] == "fail"
    return job


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited for, and were not."""
    waited = []
    monkeypatch.setitem(web.Api.__init__.__kwdefaults__, "sleep", waited.append)
    return waited


def spoken(red, judged, github, folder, case=None, **variables):
    """The second step."""
    case = case or Case()
    event = red.event
    if case.fork:
        event["pull_request"]["head"]["repo"]["full_name"] = "ann/shop"
    job = Job(red, folder, event)
    api = "http://127.0.0.1:1" if case.nobody else f"{github.url}/api/v3"
    told = {"GITHUB_API_URL": api, "REVGUARD_REPORT": judged.outputs["report"], **variables}
    return job, job.step("comment", REVGUARD_TOKEN=case.token, **told)


@pytest.mark.parametrize("name", CASES)
def test_speaking(name, red, judged, github, waits, monkeypatch, tmp_path):
    fate, case = CASES[name]
    monkeypatch.setattr(web, "_READ", case.read)
    github.pull(7, head=red.head)
    if case.was:
        github.write(7, case.was, *BOT)
    if case.before:
        case.before(github)
    if case.during:
        github.before = lambda method, _path: case.during(github, method)
    for fault in case.faults:
        fault.again()
    github.faults, before = [*case.faults], judged.left()
    job, done = spoken(red, judged, github, tmp_path, case)
    assert done.code == 0
    assert "Traceback" not in done.said
    assert not case.token.strip() or not any(one in done.said for one in case.token.split())
    assert judged.left() == before
    assert job.outputs["comment-url"] == "" or github.bodies()
    wanted = [case.becomes] if case.becomes else []
    if case.becomes == "new":
        (found,) = github.bodies()
        assert found.startswith("<!-- revguard project=. run=5.1 state=")
        assert "users.email" in found
    else:
        assert github.bodies() == wanted
    warned = case.said and not fate.sees.startswith("a line")
    assert [line.partition(" ")[0] for line in done.annotations] == ["::warning"] * bool(warned)
    assert case.said in done.said
    assert not case.said or case.said in re.findall("`([^`]+)`", fate.sees)
    assert case.waits is None or tuple(waits) == case.waits
    assert sum(waits) <= 90
    assert case.tries is None or len(github.requests) == case.tries


def test_a_slow_answer_is_waiting_too(red, judged, github, waits, monkeypatch, tmp_path):
    """Four tries of 30 seconds would be longer than what there is in all."""
    monkeypatch.setattr(web, "_READ", 0.1)
    monkeypatch.setattr(web, "_BUDGET", 0.15)
    monkeypatch.setattr(web, "_FIRST_WAIT", 0.0)
    github.faults = [*always("GET", LIST, sleep=0.5, after=True)]
    _, done = spoken(red, judged, github, tmp_path)
    assert "timed out" in done.said
    assert len(github.requests) < 4


def test_a_large_report(red, github, waits, tmp_path):
    found = test_reading.data(script="y = 1  # é\n" * 400_000)
    (one,) = found["environments"][0]["findings"]
    found["environments"][0]["findings"] = [
        {**one, "message": f"{number} " + "x" * 500} for number in range(300)
    ]
    path = tmp_path / "large.json"
    path.write_text(json.dumps(found))
    assert path.stat().st_size > 5_000_000
    github.pull(7, head=red.head)
    job = Job(red, tmp_path)
    told = {"REVGUARD_INPUT_PARTS": str(path), "GITHUB_API_URL": f"{github.url}/api/v3"}
    assert job.step("judge", **told).code == 1
    assert len(job.summary.read_bytes()) < 1 << 20
    assert json.loads(Path(job.outputs["report"]).read_text()) == to_dict(
        test_reading.reading.checked(found)
    )
    told["REVGUARD_REPORT"] = job.outputs["report"]
    assert job.step("comment", REVGUARD_TOKEN=TOKEN, **told).code == 0
    (text,) = github.ours()
    assert len(text.encode()) <= body.LIMIT + 200
    assert "Not all of the report has room here." in text
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("what", ["the report is gone", "a bug of ours"])
def test_whatever_happens_to_the_comment(what, red, judged, github, monkeypatch, tmp_path):
    github.pull(7, head=red.head)
    told = {"REVGUARD_REPORT": str(tmp_path / "gone")} if "gone" in what else {}
    if not told:
        monkeypatch.setattr(posting, "post", lambda *_: 1 / 0)
    _, done = spoken(red, judged, github, tmp_path, **told)
    assert done.code == 0
    assert "the lines above say why" in done.annotations[-1]
    assert "`the lines above say why`" in SEEN["test_whatever_happens_to_the_comment"]
    assert github.bodies() == []


NO_PULL = {
    "none": ("{}", "the event names no pull request"),
    "a list": ("[]", "the event names no pull request"),
    "a number that is none": (
        '{"pull_request": {"number": "7"}}', "the event names no pull request"
    ),
    "half of it": ('{"pull_request": {"numb', "cannot be read"),
    "no text": ("\x00\x01", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PULL)
def test_an_event_without_a_pull_request(name, red, tmp_path):
    text, said = NO_PULL[name]
    job = Job(red, tmp_path)
    (tmp_path / "event.json").write_text(text)
    done = job.step("judge")
    assert done.code == 2
    (error,) = done.annotations
    assert error.startswith("::error title=revguard::")
    assert said in error
    assert f"`{said}`" in SEEN["test_an_event_without_a_pull_request"]
    assert job.outputs == {}


REFUSED = {
    "pull_request_target": "would import the models",
    "workflow_run": "nothing is judged",
}


@pytest.mark.parametrize("event", REFUSED)
def test_an_event_that_is_refused(event, red, tmp_path):
    job = Job(red, tmp_path)
    done = job.step("judge", GITHUB_EVENT_NAME=event)
    assert done.code == 2
    (error,) = done.annotations
    assert error.startswith("::error title=revguard::")
    assert REFUSED[event] in error
    assert f"`{REFUSED[event]}`" in SEEN["test_an_event_that_is_refused"]
    assert job.outputs == {}


HISTORIES = {
    "one commit": (["--depth=1"], "is not in it"),
    "no base": (["--single-branch"], "is not in this clone"),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_history_that_is_not_there(name, red, github, waits, tmp_path):
    options, said = HISTORIES[name]
    shop, clone = red.shop, tmp_path / "clone"
    shop.git("push", "-q", "--force", "origin", "HEAD:refs/heads/merged")
    shop.git("clone", "-q", *options, "--branch", "merged", f"file://{red.bare}", str(clone))
    event = red.event
    if name == "no base":  # a base that moved on to what nobody has fetched
        event["pull_request"]["base"]["sha"] = "e" * 40
    job = Job(red, tmp_path, event)
    told = {"GITHUB_WORKSPACE": str(clone), "GITHUB_API_URL": f"{github.url}/api/v3"}
    done = job.step("judge", clone, **told)
    assert (done.code, job.outputs["verdict"]) == (3, "error"), done.said
    assert "fetch-depth: 0" in job.summary.read_text()
    assert said in job.summary.read_text()
    assert f"`{said}`" in SEEN["test_history_that_is_not_there"]
    assert any(line.startswith("::error") for line in done.annotations)
    github.pull(7, head=red.head)
    told["REVGUARD_REPORT"] = job.outputs["report"]
    assert job.step("comment", clone, REVGUARD_TOKEN=TOKEN, **told).code == 0
    (text,) = github.ours()
    assert "fetch-depth: 0" in text


def test_a_base_that_was_rewritten(red, tmp_path):
    """The event names a commit that no branch reaches any more; the new base has the revision."""
    shop, event = red.shop, red.event
    main, merged = shop.git("rev-parse", "origin/main"), shop.git("rev-parse", "HEAD")
    shop.git("checkout", "-q", "--detach", "origin/main^")
    shop.write(
        "migrations/versions/0002_email.py", script("0002", "0001", **adds("users", "email"))
    )
    shop.commit_all("another second")
    shop.git("push", "-q", "--force", "origin", "HEAD:main")
    try:
        shop.git("fetch", "-q", "origin")
        shop.git("merge", "-q", "--no-ff", "--no-edit", red.head)
        job = Job(red, tmp_path, event)
        assert event["pull_request"]["base"]["sha"] == main
        done = job.step("judge")
        assert (done.code, job.outputs["verdict"]) == (0, "pass"), done.said
    finally:
        shop.git("push", "-q", "--force", "origin", f"{main}:main")
        shop.git("fetch", "-q", "origin")
        shop.git("checkout", "-q", "--force", "--detach", merged)


UNKNOWN = {
    "a mode": ({"MODE": "sugest"}, "did you mean `mode: suggest`?"),
    "a command": ({"COMMAND": "delete"}, "must be one of pr, plan"),
    "a comment": ({"COMMENT": "sometimes"}, "on-change, always, never"),
    "a database": ({"DATABASE": "oracle9"}, "is no database"),
    "a base": ({"BASE": "nowhere"}, "names no commit"),
    "a flag for a base": ({"BASE": "--help"}, "names no commit"),
    "an environment": ({"ENVIRONMENT": "shopp"}, "shopp"),
    "a folder": ({"WORKING_DIRECTORY": "nowhere"}, "nowhere"),
    "a flag for a folder": ({"WORKING_DIRECTORY": "--help"}, "--help"),
    "an interpreter": ({"PYTHON": "/no/such/python"}, "/no/such/python"),
    "a folder of parts": ({"PARTS": "nowhere"}, "there is no"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_input_that_means_nothing(name, red, tmp_path):
    inputs, said = UNKNOWN[name]
    job = Job(red, tmp_path)
    done = job.step("judge", **{f"REVGUARD_INPUT_{key}": value for key, value in inputs.items()})
    assert done.code == 2, done.said
    assert "Traceback" not in done.said
    assert any(line.startswith("::error") and said in line for line in done.annotations), done.said


def test_outputs_arrive_as_they_are(red, tmp_path):
    """Through names that a repository may have: a revision's id, a folder."""
    found = test_reading.data(verdict="fail")
    hostile = "a\nverdict<<EOF\npass\nEOF\nverdict=pass"
    revision = {"id": hostile, "path": hostile, "down_revision": [], "added_by": "user"}
    found["environments"][0]["new_revisions"] = [revision]
    (tmp_path / "r.json").write_text(json.dumps(found))
    job = Job(red, tmp_path)
    assert job.step("judge", REVGUARD_INPUT_PARTS=str(tmp_path / "r.json")).code == 1
    assert job.outputs["verdict"] == "fail"
    assert json.loads(job.outputs["revisions"]) == [hostile]


def test_the_page_has_the_table():
    """Each row, each of them once, and none beside them."""
    text = PAGE.read_text()
    table = text[text.index("| what happens |") :].split("\n\n")[0].splitlines()
    assert table[2:] == [fate.row for fate in FATES]


def test_each_row_is_held():
    assert all(name in globals() for name in SEEN)
    for fate in FATES:
        assert fate.cases or fate.tests, fate.happens
        if fate.sees and fate.cases:
            said = {case.said for case in fate.cases.values()}
            assert said & {*re.findall("`([^`]+)`", fate.sees)}
