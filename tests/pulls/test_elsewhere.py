"""Without GitHub: GitLab's merge requests, a terminal; and the ways through a network."""

import json
import os
import re
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from revguard.pulls import web
from revguard.pulls.web import Api, Unreachable

from . import fake

TOKEN = "glpat-" + "t" * 20


class GitLab:
    """The notes of merge request 3 of project 42."""

    def __init__(self):
        self.notes, self.requests = {}, []
        self.head, self.state = "", "opened"

    def answer(self, method, path, query, body):
        if path == "/user":
            return 200, {"username": "robot"}
        if path == "/projects/42/merge_requests/3":
            return 200, {"state": self.state, "sha": self.head}
        found = re.fullmatch(r"/projects/42/merge_requests/3/notes(?:/(\d+))?", path)
        if not found:
            return 404, {"message": "404 Not found"}
        if method == "GET":
            size, page = int(query["per_page"]), int(query["page"])
            return 200, [*self.notes.values()][(page - 1) * size : page * size]
        if method == "POST":
            number = len(self.notes) + 1
            self.notes[number] = self.note(number, body["body"], "robot")
            return 201, self.notes[number]
        self.notes[int(found[1])]["body"] = body["body"]
        return 200, self.notes[int(found[1])]

    def note(self, number, body, who):
        return {"id": number, "body": body, "author": {"username": who}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        gitlab = self.server.github
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = parts.path.removeprefix("/api/v4")
        gitlab.requests.append((self.command, path))
        status, answer = 401, {"message": "401 Unauthorized"}
        if self.headers.get("PRIVATE-TOKEN") == TOKEN:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.loads(raw) if raw else None
            status, answer = gitlab.answer(self.command, path, query, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815


@pytest.fixture
def gitlab():
    state = GitLab()
    with fake.served(state, Handler) as url:
        state.url = url
        yield state


def variables(gitlab, one, **more):
    shop = one.shop
    return {
        "GITLAB_CI": "true", "CI_API_V4_URL": f"{gitlab.url}/api/v4", "CI_PROJECT_ID": "42",
        "CI_PROJECT_PATH": "shop/shop", "CI_SERVER_URL": "https://gitlab.example",
        "CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": one.head, "CI_COMMIT_SHA": one.head,
        "CI_PIPELINE_ID": "10", "CI_JOB_ID": "100", "CI_PROJECT_DIR": str(shop.path),
        "GITLAB_TOKEN": TOKEN, **more,
    }  # fmt: skip


def test_a_merge_request(pull, gitlab, tmp_path):
    one = pull()
    one.shop.model()
    one.push()
    for number in range(150):
        gitlab.notes[number + 1] = gitlab.note(number + 1, "hello", "ann")
    folder = tmp_path / "out"
    told = variables(gitlab, one)
    done = one.shop.revguard("pr", "--files", str(folder), environ=told)
    assert done.returncode == 1, done.stderr
    assert "::" not in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert gitlab.notes[151]["body"].startswith("<!-- revguard project=. run=10.100 state=")
    (entry,) = json.loads((folder / "gl-code-quality-report.json").read_text())
    assert entry["check_name"] == "history/missing-revision"
    assert entry["location"]["path"] == "shop/models.py"

    one.edit()
    one.shop.git("apply", "--index", str(folder / "revguard.patch"))
    one.push()
    told = variables(gitlab, one, CI_PIPELINE_ID="11", CI_JOB_ID="110")
    done = one.shop.revguard("pr", environ=told)
    assert done.returncode == 0, done.stderr
    assert len(gitlab.notes) == 151
    assert "run=11.110" in gitlab.notes[151]["body"]


def test_a_token_that_may_not(pull, gitlab):
    one = pull()
    one.shop.model()
    one.push()
    done = one.shop.revguard("pr", environ=variables(gitlab, one, GITLAB_TOKEN="glpat-wrong"))
    assert done.returncode == 1
    assert "warning: the comment was not written: the token is refused" in done.stdout
    assert "users.email" in done.stdout


def test_a_terminal(pull, tmp_path):
    """No service, no token, no files: the text and the exit code."""
    one = pull()
    one.shop.model()
    one.push()
    one.edit()
    done = one.shop.revguard("pr")
    before = sorted(os.listdir(tmp_path))
    assert (done.returncode, "users.email" in done.stdout) == (1, True), done.stderr
    assert "::" not in done.stdout
    report = json.loads(one.shop.revguard("pr", "--format", "json").stdout)
    assert report["verdict"] == "fail"
    assert sorted(os.listdir(tmp_path)) == before
    done = one.shop.revguard("pr", "--step", "comment")
    assert (done.returncode, "--parts FILE" in done.stderr) == (2, True)
    done = one.shop.revguard("pr", "--database", "oracle9")
    assert (done.returncode, "is no database" in done.stderr) == (2, True)
    done = one.shop.revguard("pr", "--python", "/no/such/python")
    assert (done.returncode, "/no/such/python" in done.stdout + done.stderr) == (2, True)


PROXIES = {
    "none": ({}, ""),
    "https": ({"https_proxy": "http://p:1"}, "http://p:1"),
    "in capitals": ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
    "without a scheme": ({"https_proxy": "p:1"}, "http://p:1"),
    "for all": ({"all_proxy": "http://p:1"}, "http://p:1"),
    "not for http": ({"http_proxy": "http://p:1"}, ""),
    "not for this host": ({"https_proxy": "http://p:1", "no_proxy": "x, api.github.com"}, ""),
    "not for this domain": ({"https_proxy": "http://p:1", "NO_PROXY": ".github.com"}, ""),
    "for a host that ends alike": (
        {"https_proxy": "http://p:1", "no_proxy": "hub.com"}, "http://p:1"
    ),
    "for nobody": ({"https_proxy": "http://p:1", "no_proxy": "*"}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy(name):
    environ, wanted = PROXIES[name]
    assert web.proxy_for("https://api.github.com", environ) == wanted


class Proxy(BaseHTTPRequestHandler):
    """Answers in place of whom it was asked for; or sends on."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.github.append((self.path, dict(self.headers)))
        moved = self.path.endswith("/old")
        data = b"" if moved else b'{"login": "ann"}'
        self.send_response(301 if moved else 200)
        if moved:
            self.send_header("Location", self.path.replace("/old", "/new"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_through_a_proxy():
    seen = []
    with fake.served(seen, Proxy) as url:
        login = url.replace("http://", "http://me:secret@")
        api = Api("http://ghe.example/api/v3", {"Authorization": "Bearer t"}, {"http_proxy": login})
        assert api.call("GET", "/user").data == {"login": "ann"}
    ((path, headers),) = seen
    assert path == "http://ghe.example/api/v3/user"
    told = {name.lower(): value for name, value in headers.items()}
    assert told["proxy-authorization"].startswith("Basic ")
    assert headers["Authorization"] == "Bearer t"


def test_a_repository_that_was_renamed():
    seen = []
    with fake.served(seen, Proxy) as url:
        assert Api(url, {"Authorization": "Bearer t"}, {}).call("GET", "/old").data
    assert [(path, headers["Authorization"]) for path, headers in seen] == [
        ("/old", "Bearer t"), ("/new", "Bearer t"),
    ]  # fmt: skip


def test_a_proxy_that_is_not_there():
    environ = {"http_proxy": "http://me:secret@127.0.0.1:1"}
    api = Api("http://ghe.example", {}, environ, sleep=lambda _: None)
    with pytest.raises(Unreachable) as failed:
        api.call("GET", "/user")
    assert "secret" not in str(failed.value)
