"""The one comment, and what happens to it when the network, the rights or the others fail."""

import threading

import pytest

from revguard.pulls import faults, github_thread, posting, web
from revguard.pulls.github_thread import GitHubThread
from revguard.pulls.marker import Marker
from revguard.pulls.place import Place
from revguard.pulls.posting import Wanted
from revguard.pulls.web import Api, NotSaid, Refused, Unreachable

from .fake import EXPIRED, PERSON, READER, TOKEN, Fault


def place(github, **values):
    return Place(service="github", api=github.url, repository="shop/shop", number=7, **values)


def thread(github, token=TOKEN, waits=None):
    slept = [] if waits is None else waits
    api = Api(github.url, github_thread.headers(token), {}, sleep=slept.append)
    return GitHubThread(api, place(github), 7, token)


def wanted(state="aa", run=(1, 1), *, project=".", relevant=True, head=""):
    mark = Marker(project=project, run=run, state=state)
    return Wanted(mark=mark, body=f"says {state}\n", relevant=relevant, head=head)


def post(github, *args, token=TOKEN, waits=None, **kwargs):
    return posting.post(thread(github, token, waits), wanted(*args, **kwargs))


def test_one_comment_that_is_updated_in_place(github):
    first = post(github, "aa")
    second = post(github, "bb", (2, 1))
    assert first.url == second.url
    assert first.url.startswith("https://github.com/shop/shop/pull/7#issuecomment-")
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
    github.pull(7, head="b" * 40)
    post(github, "aa", head="a" * 40)
    assert github.bodies() == []
    post(github, "aa", head="b" * 40)
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
    "another author who looks like a robot": ("revguard[bot]", "User"),
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
    post(github, "aa", token=PERSON)
    post(github, "bb", (2, 1), token=PERSON)
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
            github.comments.clear()

    github.before = delete
    post(github, "bb", (2, 1))
    assert github.bodies() == ["<!-- revguard project=. run=2.1 state=bb -->\nsays bb\n"]


COMMENTS = r"/issues/7/comments$"
MENDED = {
    "down for a moment": lambda: [Fault("GET", COMMENTS, status=503, times=2)],
    "a gateway fails": lambda: [Fault("GET", COMMENTS, status=502)],
    "too many requests": lambda: [Fault("GET", COMMENTS, status=429, headers={"Retry-After": "7"})],
    "a secondary limit": lambda: [
        Fault("POST", COMMENTS, status=403, headers={"Retry-After": "3"}, message="rate limit")
    ],
    "the limit is used up": lambda: [
        Fault("POST", COMMENTS, status=403, message="API rate limit exceeded",
              headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})
    ],
    "cut before the answer": lambda: [Fault("GET", COMMENTS, cut=True, times=2)],
    "cut in the middle": lambda: [Fault("GET", COMMENTS, cut=True, after=True)],
    "written, and the answer was lost": lambda: [Fault("POST", COMMENTS, cut=True, after=True)],
    "written, and the gateway failed": lambda: [Fault("POST", COMMENTS, status=502, after=True)],
    "not written, and the answer was lost": lambda: [Fault("POST", COMMENTS, cut=True)],
    "a page of a proxy": lambda: [Fault("GET", COMMENTS, raw=b"<html>", after=True)],
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_faults_that_pass(name, github):
    github.faults, waits = MENDED[name](), []
    post(github, "aa", waits=waits)
    assert github.bodies() == ["<!-- revguard project=. run=1.1 state=aa -->\nsays aa\n"]
    if name == "too many requests":
        assert waits == [7.0]


STAYS = {
    "wrong or expired token": (EXPIRED, [], 401, "has expired"),
    "may only read": (READER, [], 403, "pull-requests: write"),
    "not there": (TOKEN, [Fault("GET", COMMENTS, status=404)], 404, "is not there"),
    "refused": (TOKEN, [Fault("POST", COMMENTS, status=422, message="Validation Failed")], 422,
                "does not take"),
    "down": (TOKEN, [Fault("GET", COMMENTS, status=503, times=99)], 503, "refused it"),
    "limited for an hour": (
        TOKEN, [Fault("GET", COMMENTS, status=429, times=99, headers={"Retry-After": "3600"})], 429,
        "rate limit"),
    "cut each time": (TOKEN, [Fault("GET", COMMENTS, cut=True, times=99)], None,
                      "cannot be reached"),
}  # fmt: skip


@pytest.mark.parametrize("name", STAYS)
def test_faults_that_stay(name, github):
    token, github.faults, status, said = STAYS[name]
    for fault in github.faults:
        fault.times = 99
    waits = []
    with pytest.raises(NotSaid) as failed:
        post(github, "aa", token=token, waits=waits)
    assert getattr(failed.value, "status", None) == status
    explained = faults.explained(failed.value, place(github))
    assert said in explained
    assert token not in explained
    assert github.bodies() == []
    assert sum(waits) < 90  # a longer Retry-After is not waited for


def test_a_locked_conversation(github):
    github.locked = {7}
    with pytest.raises(Refused) as failed:
        post(github, "aa")
    assert "the conversation is locked" in faults.explained(failed.value, place(github))


def test_a_fork_is_told_of_the_two_stages(github):
    with pytest.raises(Refused) as failed:
        post(github, "aa", token=READER)
    told = faults.explained(failed.value, place(github, head_repository="ann/shop"))
    assert "two-stage" in told
    assert "permissions:" not in told


def test_an_api_that_is_slow(github, monkeypatch):
    monkeypatch.setattr(web, "_READ", 0.2)
    github.faults = [Fault("GET", COMMENTS, sleep=1.0, after=True)]
    post(github, "aa")
    assert len(github.ours()) == 1
    github.faults = [Fault("GET", COMMENTS, sleep=1.0, after=True, times=4)]
    with pytest.raises(Unreachable, match="timed out"):
        post(github, "bb", (2, 1))


def test_nobody_there():
    api = Api("http://127.0.0.1:1", github_thread.headers(TOKEN), {}, sleep=lambda _: None)
    with pytest.raises(Unreachable) as failed:
        api.call("GET", "/user")
    assert TOKEN not in str(failed.value)
