"""The one comment, on our fake and on an emulator that nobody here wrote."""

import re
import threading

import pytest

from revguard.pulls import faults, github_thread, posting
from revguard.pulls.github_thread import GitHubThread
from revguard.pulls.web import Api, Gone, Refused

from . import emulated
from .talking import place, post, wanted


@pytest.fixture(params=["ours", "another's"])
def github(request, description):
    """GitHub as our fake has it, then as the emulator has it."""
    if request.param == "ours":
        yield request.getfixturevalue("fake_github")
        return
    with emulated.github(request.getfixturevalue("emulator"), description) as state:
        state.pull(7)
        yield state


def test_one_comment_that_is_updated_in_place(github):
    first = post(github, "aa")
    second = post(github, "bb", (2, 1))
    assert first.url == second.url
    assert re.search(r"/shop/shop/(pull|issues)/7#issuecomment-\d+$", first.url)
    assert github.bodies() == ["<!-- revguard project=. run=2.1 state=bb -->\nsays bb\n"]


def test_the_same_again_is_no_edit(github):
    post(github, "aa")
    before = github.writes()
    post(github, "aa", (2, 1))
    assert github.writes() == before


def test_nothing_relevant_is_no_comment(github):
    post(github, relevant=False)
    assert github.bodies() == []
    post(github, "aa")
    post(github, "ok", (2, 1), relevant=False)  # mended: the old one turns green
    assert github.bodies() == ["<!-- revguard project=. run=2.1 state=ok -->\nsays ok\n"]


@pytest.mark.parametrize("run", [(5, 1), (6, 1)], ids=["an attempt before", "a run before"])
def test_never_over_a_newer_run(run, github):
    post(github, "new", (6, 2))
    before = github.bodies()
    assert "newer run" in post(github, "old", run).did
    assert github.bodies() == before


def test_commits_that_came_meanwhile(github):
    post(github, "aa", head="a" * 40)
    assert github.bodies() == []
    post(github, "aa", head=github.head())
    assert len(github.ours()) == 1


def test_a_closed_pull_request(github):
    github.pull(7, head="", state="closed")
    post(github, "aa")
    assert github.bodies() == []


def test_the_last_of_many_pages(github):
    for number in range(230):
        github.write(7, f"comment {number}")
    post(github, "aa")
    github.requests.clear()
    post(github, "bb", (2, 1))
    assert len(github.ours()) == 1
    assert [one for one in github.requests if one[0] == "GET" and "comments" in one[1]] == [
        ("GET", "/repos/shop/shop/issues/7/comments")
    ] * 3


FOREIGN = {
    "another author": ("ann", "User"),
    "another author who looks like a robot": ("revguard-bot", "User"),
}


@pytest.mark.parametrize("who", FOREIGN)
def test_what_others_write_is_left_alone(who, github):
    github.write(7, "<!-- revguard project=. run=9.1 state=aa -->\nforged\n", *FOREIGN[who])
    post(github, "aa")
    assert len(github.bodies()) == 2
    assert "forged" in github.bodies()[0]


def test_our_words_quoted(github):
    github.write(7, "> <!-- revguard project=. run=9.1 state=aa -->\n", "other[bot]", "Bot")
    post(github, "aa")
    assert len(github.bodies()) == 2


def test_a_person_is_an_author_too(github):
    github.write(7, "<!-- revguard project=. run=9.1 state=aa -->\n", "github-actions[bot]", "Bot")
    post(github, "aa", token=github.tokens["person"])
    post(github, "bb", (2, 1), token=github.tokens["person"])
    assert [one for one in github.bodies() if "says" in one] == [
        "<!-- revguard project=. run=2.1 state=bb -->\nsays bb\n"
    ]


def test_two_projects_of_one_repository(github):
    post(github, "aa", project="services/a")
    post(github, "bb", project="services/b")
    assert len(github.ours()) == 2


def test_two_runs_at_once(github):
    """Both have looked before either has written."""
    barrier = threading.Barrier(2, timeout=30)
    once = threading.local()

    def wait(method, path):
        if method == "GET" and path.endswith("/pulls/7") and not getattr(once, "done", False):
            once.done = True
            barrier.wait()

    github.before = wait
    runs = [
        threading.Thread(target=post, args=(github, state, run))
        for state, run in (("one", (1, 1)), ("two", (2, 1)))
    ]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    github.before = None
    assert github.bodies() == ["<!-- revguard project=. run=2.1 state=two -->\nsays two\n"]


def test_a_second_one_of_ours_is_removed(github):
    for number in (1, 2):
        mark = f"<!-- revguard project=. run={number}.1 state=a{number} -->\n"
        github.write(7, mark, "github-actions[bot]", "Bot")
    post(github, "bb", (3, 1))
    assert github.bodies() == ["<!-- revguard project=. run=3.1 state=bb -->\nsays bb\n"]


def test_deleted_meanwhile(github):
    post(github, "aa")

    def delete(method, path):
        if method == "PATCH":
            github.clear()

    github.before = delete
    post(github, "bb", (2, 1))
    assert github.bodies() == ["<!-- revguard project=. run=2.1 state=bb -->\nsays bb\n"]


def test_a_token_that_may_only_read(github):
    with pytest.raises(Refused) as failed:
        post(github, "aa", token=github.tokens["reader"])
    assert failed.value.status == 403
    assert "pull-requests: write" in faults.explained(failed.value, place(github))
    assert github.bodies() == []


def test_no_such_pull_request(github):
    api = Api(github.url, github_thread.headers(github.token), {})
    with pytest.raises(Gone) as failed:
        posting.post(GitHubThread(api, place(github), 99, github.token), wanted())
    assert failed.value.status == 404
