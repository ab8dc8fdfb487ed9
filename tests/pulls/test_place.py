"""Where a run takes place: what the services' variables and events say, and what they leave out."""

import json

import pytest

from revguard.errors import UsageError
from revguard.pulls import places

ZEROS = "0" * 40
HEAD = {"sha": "a" * 40, "ref": "mine", "repo": {"full_name": "ann/shop"}}
PULL = {"number": 7, "head": HEAD, "base": {"sha": "b" * 40, "ref": "main"}}
GITHUB = {
    "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "shop/shop", "GITHUB_RUN_ID": "12",
    "GITHUB_RUN_ATTEMPT": "2", "GITHUB_SHA": "c" * 40,
}  # fmt: skip

EVENTS = {
    "a pull request": (
        "pull_request", {"pull_request": PULL},
        {"number": 7, "is_fork": True, "head": "a" * 40, "base_branch": "main", "run": (12, 2)},
    ),
    "a fork that was deleted": (
        "pull_request", {"pull_request": {**PULL, "head": {**HEAD, "repo": None}}},
        {"is_fork": True, "kind": "pull_request"},
    ),
    "a new branch": ("push", {"before": ZEROS, "after": "d" * 40}, {"base": "", "head": "d" * 40}),
    "a merge group": (
        "merge_group",
        {"merge_group": {"base_sha": "b" * 40, "head_sha": "d" * 40, "base_ref": "refs/heads/x"}},
        {"base": "b" * 40, "head": "d" * 40, "base_branch": "x", "number": None},
    ),
    "by hand": ("workflow_dispatch", {}, {"kind": "other", "head": "c" * 40}),
    "a run of a fork's": (
        "workflow_run",
        {"workflow_run": {"id": 9, "run_attempt": 3, "head_sha": "a" * 40, "pull_requests": [],
                          "head_repository": {"full_name": "ann/shop"}, "head_branch": "mine"}},
        {"number": None, "run": (9, 3), "head_repository": "ann/shop"},
    ),
    "an event of other types": (
        "workflow_run", {"workflow_run": {"id": [], "pull_requests": "x", "head_sha": 3}},
        {"number": None, "run": (0, 0), "head": ""},
    ),
}  # fmt: skip


def at(event, payload, tmp_path):
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    told = {**GITHUB, "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(path)}
    return places.place(told)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event(name, tmp_path):
    event, payload, wanted = EVENTS[name]
    found = at(event, payload, tmp_path)
    assert {key: getattr(found, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("payload", "said"),
    [("{", "cannot be read"), ("[]", "names no pull request"), ("{}", "names no pull request")],
)
def test_an_event_that_says_nothing(payload, said, tmp_path):
    with pytest.raises(UsageError, match=said):
        at("pull_request", payload, tmp_path)


def test_gitlab():
    told = {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "3", "CI_PIPELINE_ID": "5",
            "CI_JOB_ID": "50", "CI_COMMIT_SHA": "a" * 40}  # fmt: skip
    found = places.place(told)
    assert (found.service, found.number, found.run) == ("gitlab", 3, (5, 50))
    pushed = places.place({"GITLAB_CI": "true", "CI_COMMIT_BEFORE_SHA": "0b" * 20})
    assert (pushed.kind, pushed.base) == ("push", "0b" * 20)
    new = places.place({"GITLAB_CI": "true", "CI_COMMIT_BEFORE_SHA": ZEROS})
    assert (new.kind, new.base) == ("other", "")


def test_tokens_are_apart():
    told = {**GITHUB, "GITHUB_EVENT_NAME": "push", "GITHUB_TOKEN": "t", "GH_TOKEN": "u", "X": "y"}
    found = places.place(told)
    assert places.token(found, told) == "t"
    assert set(told) - set(places.without_tokens(told)) == {"GITHUB_TOKEN", "GH_TOKEN"}
    assert places.token(places.place({"GITHUB_TOKEN": "t"}), {"GITHUB_TOKEN": "t"}) == ""
