"""Our fake asked the same as an emulator that nobody here wrote: where they differ, who is right.

What is right is in GitHub's description of its API, against which our fake's answers are held.
"""

from urllib.parse import urlsplit

import pytest

from . import emulated

REPO = "/repos/shop/shop"
COMMENTS = f"{REPO}/issues/7/comments"
ONE = f"{REPO}/issues/comments/ID"  # of the first comment
HELLO = {"body": "hello"}

# what is asked: method, path, by whom, body, query
ASKED = {
    "the comments": ("GET", COMMENTS, "reader"),
    "a page of them": ("GET", COMMENTS, "reader", None, {"per_page": 1, "page": 2}),
    "a page that there is not": ("GET", COMMENTS, "reader", None, {"per_page": 1, "page": 9}),
    "a larger page than there is": ("GET", COMMENTS, "reader", None, {"per_page": 1000}),
    "the comments of nothing": ("GET", f"{REPO}/issues/99/comments", "reader"),
    "a new comment": ("POST", COMMENTS, "writer", HELLO),
    "one of a person": ("POST", COMMENTS, "person", HELLO),
    "one of nobody": ("POST", COMMENTS, "", HELLO),
    "one without the right": ("POST", COMMENTS, "reader", HELLO),
    "one that is blank": ("POST", COMMENTS, "writer", {"body": " \n"}),
    "one on nothing": ("POST", f"{REPO}/issues/99/comments", "writer", HELLO),
    "one that is too long": ("POST", COMMENTS, "writer", {"body": "x" * 65_537}),
    "one with a token of nobody": ("POST", COMMENTS, "ghs_nobody", HELLO),
    "other words": ("PATCH", ONE, "writer", HELLO),
    "other words without the right": ("PATCH", ONE, "reader", HELLO),
    "other words of nothing": ("PATCH", f"{REPO}/issues/comments/4711", "writer", HELLO),
    "a comment less": ("DELETE", ONE, "writer"),
    "a comment less without the right": ("DELETE", ONE, "reader"),
    "nothing less": ("DELETE", f"{REPO}/issues/comments/4711", "writer"),
    "the pull request": ("GET", f"{REPO}/pulls/7", "reader"),
    "another": ("GET", f"{REPO}/pulls/99", "reader"),
    "all": ("GET", f"{REPO}/pulls", "reader", None, {"state": "all"}),
    "the closed": ("GET", f"{REPO}/pulls", "reader", None, {"state": "closed"}),
    "those of a branch": ("GET", f"{REPO}/pulls", "reader", None, {"head": "shop:mine"}),
    "those of a fork": ("GET", f"{REPO}/pulls", "reader", None, {"head": "ann:mine"}),
    "a page of all": ("GET", f"{REPO}/pulls", "reader", None, {"per_page": 1, "state": "all"}),
    "a branch": ("GET", f"{REPO}/branches/mine", "reader"),
    "a branch with a slash": ("GET", f"{REPO}/branches/feature%2Fx", "reader"),
    "a branch that is not there": ("GET", f"{REPO}/branches/nowhere", "reader"),
    "who a person is": ("GET", "/user", "person"),
    "who nobody is": ("GET", "/user", ""),
    "who a job is": ("GET", "/user", "writer"),
}
# ours, the emulator's, and why ours is kept
DIFFERENT = {
    "one that is too long": (422, 201, "GitHub takes 65,536 characters"),
    "one with a token of nobody": (401, 201, "a 401 is described; the emulator takes a fallback"),
    "who a job is": (403, 200, "no user is there to be told of; 403 is described"),
}


@pytest.fixture
def two(fake_github, emulator, description):
    """Both, with two pull requests and two comments."""
    with emulated.github(emulator, description) as other:
        for github in (fake_github, other):
            github.pull(7)
            github.pull(8, branch="feature/x")
            github.write(7, "first")
            github.write(7, "second", "github-actions[bot]", "Bot")
        yield fake_github, other


def answer(github, name):
    """Status and what matters of the answer; at an error the status."""
    method, path, by, body, query = (*ASKED[name], None, None)[:5]
    host = urlsplit(github.url).netloc
    first = emulated.ask(host, github.token, "GET", COMMENTS)[1][0]
    path = path.replace("ID", str(first["id"]))
    status, found = emulated.ask(host, github.tokens.get(by, by), method, path, body, query)
    if status >= 400:
        assert found["message"]
        return status, None
    return status, [*map(kept, found)] if isinstance(found, list) else kept(found or {})


def kept(found):
    """What we read of a pull request, a comment, a branch or an account."""
    if "head" in found:
        return found["number"], found["state"], found["head"]["ref"]
    if "user" in found:
        return found["body"], found["user"]["login"], found["user"]["type"]
    return {key: found[key] for key in ("name", "protected", "login", "type") if key in found}


@pytest.mark.parametrize("name", ASKED)
def test_asked_the_same(name, two):
    ours, theirs = (answer(github, name) for github in two)
    if name in DIFFERENT:
        assert (ours[0], theirs[0]) == DIFFERENT[name][:2]
    else:
        assert ours == theirs
