"""GitHub as far as we need it, in memory: accounts, pull requests, comments, faults, git."""

import contextlib
import itertools
import json
import os
import re
import socket
import socketserver
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LONGEST = 65_536
TOKEN = "ghs_" + "t" * 36  # of the job's own kind
READER = "ghs_" + "r" * 36
PERSON = "ghp_" + "p" * 36
EXPIRED = "ghs_" + "x" * 36
REPO = "shop/shop"
MISSING = {"message": "Not Found"}
INVALID = {
    "message": "Validation Failed",
    "documentation_url": "https://docs.github.com/rest",
}


class Fault:
    """What happens to the next requests that it is about, in place of what should."""

    def __init__(self, method, path=".*", *, status=None, times=1, headers=None, message="no",
                 after=False, cut=False, sleep=0.0, raw=None):  # fmt: skip
        self.method, self.path, self.all = method, re.compile(path), times
        self.status, self.headers, self.message = status, headers or {}, message
        self.after = after  # the request is carried out all the same
        self.cut, self.sleep, self.raw = cut, sleep, raw
        self.again()

    def again(self):
        self.times = self.all

    def hits(self, method, path):
        if self.times and method == self.method and self.path.search(path):
            self.times -= 1
            return True
        return False


class GitHub:
    """The state. `description` validates; `problems` is what it found."""

    token = TOKEN
    tokens = {"writer": TOKEN, "reader": READER, "person": PERSON}  # noqa: RUF012

    def __init__(self, description):
        self.description = description
        self.accounts = {
            TOKEN: ("github-actions[bot]", "Bot", True),
            READER: ("github-actions[bot]", "Bot", False),
            PERSON: ("ann", "User", True),
        }
        self.comments = {}  # id: the object
        self.pulls = {}
        self.protected = set()
        self.locked = set()
        self.faults = []
        self.requests = []  # (method, path)
        self.problems = []
        self.repositories = None  # a folder of bare ones, for git over HTTP
        self.pushes = []
        self.before = None  # called with (method, path) before each request
        self._ids = itertools.count(1000)
        self.lock = threading.RLock()

    # what tests do and see
    def pull(self, number, *, head="b" * 40, repo=REPO, branch="mine", state="open"):
        full = self.description.object("pull-request", number=number, state=state)
        full["head"] = {**full["head"], "sha": head, "ref": branch}
        if repo is not None:
            inner = full["head"].get("repo") or self.description.object("repository")
            full["head"]["repo"] = {**inner, "full_name": repo}
        self.pulls[number] = full

    def head(self, number=7):
        return self.pulls[number]["head"]["sha"]

    def receive(self, shop, branch, repo=REPO):
        """A push: git has it, and nothing more is asked for."""

    def clear(self):
        """Somebody deletes all comments."""
        self.comments.clear()

    def follow(self, bare):
        """Pull requests stand where their branches do."""
        asked = ("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        done = subprocess.run(["git", "-C", str(bare), *asked], capture_output=True, text=True)
        tips = dict(line.split() for line in done.stdout.splitlines())
        for pull in self.pulls.values():
            head = pull["head"]
            if (head.get("repo") or {}).get("full_name") == REPO:
                head["sha"] = tips.get(head["ref"], head["sha"])

    def write(self, number, body, login="ann", kind="User"):
        """A comment that somebody wrote."""
        return self._comment(number, body, login, kind)

    def bodies(self, number=7):
        found = [one for one in self.comments.values() if one["issue_url"].endswith(f"/{number}")]
        return [one["body"] for one in sorted(found, key=lambda one: one["id"])]

    def ours(self, number=7):
        return [one for one in self.bodies(number) if one.startswith("<!-- revguard ")]

    def writes(self):
        return [one for one in self.requests if one[0] != "GET"]

    # what the API does
    def answer(self, method, path, query, body, token):
        """Status and object."""
        account = self.accounts.get(token)
        if account is None:
            return 401, {
                "message": "Bad credentials",
                "documentation_url": "https://docs",
                "status": "401",
            }
        routes = {
            ("GET", r"/user"): self._user,
            ("GET", r"/repos/shop/shop/issues/(\d+)/comments"): self._list,
            ("POST", r"/repos/shop/shop/issues/(\d+)/comments"): self._create,
            ("PATCH", r"/repos/shop/shop/issues/comments/(\d+)"): self._update,
            ("DELETE", r"/repos/shop/shop/issues/comments/(\d+)"): self._delete,
            ("GET", r"/repos/shop/shop/pulls"): self._pulls,
            ("GET", r"/repos/shop/shop/pulls/(\d+)"): self._pull,
            ("GET", r"/repos/shop/shop/branches/(.+)"): self._branch,
        }
        for (wanted, pattern), answer in routes.items():
            found = re.fullmatch(pattern, path)
            if wanted == method and found:
                with self.lock:
                    return answer(account, query, body, *found.groups())
        return 404, MISSING

    def _user(self, account, query, body):
        if account[1] == "Bot":
            return 403, {"message": "Resource not accessible by integration"}
        return 200, self.description.object(
            "public-user", login=account[0], type=account[1], user_view_type="public"
        )

    def _list(self, account, query, body, number):
        if int(number) not in self.pulls:
            return 404, MISSING
        found = [one for one in self.comments.values() if one["issue_url"].endswith(f"/{number}")]
        return 200, _page(sorted(found, key=lambda one: one["id"]), query)

    def _create(self, account, query, body, number):
        if int(number) not in self.pulls:
            return 404, MISSING
        return self._refused(account, int(number), body) or (
            201, self._comment(int(number), body["body"], account[0], account[1])
        )  # fmt: skip

    def _update(self, account, query, body, number):
        comment = self.comments.get(int(number))
        if comment is None:
            return 404, MISSING
        pull = int(comment["issue_url"].rpartition("/")[2])
        refused = self._refused(account, pull, body)
        if refused:
            return refused
        comment["body"] = body["body"]
        return 200, comment

    def _delete(self, account, query, body, number):
        if not account[2]:
            return 403, {"message": "Resource not accessible by integration"}
        return (204, None) if self.comments.pop(int(number), None) else (404, MISSING)

    def _refused(self, account, number, body):
        if not account[2]:
            return 403, {"message": "Resource not accessible by integration",
                         "documentation_url": "https://docs.github.com/rest"}  # fmt: skip
        if not body["body"].strip():
            return 422, INVALID
        if number in self.locked:
            return 403, {"message": "Unable to create comment because issue is locked."}
        if len(body["body"]) > LONGEST:
            return 422, {
                **INVALID,
                "errors": [{"resource": "IssueComment", "code": "unprocessable", "field": "data",
                            "message": "Body is too long (maximum is 65536 characters)"}],
            }  # fmt: skip
        return None

    def _comment(self, number, body, login, kind):
        new = next(self._ids)
        user = self.description.object("simple-user", login=login, type=kind)
        self.comments[new] = self.description.object(
            "issue-comment", id=new, body=body, user=user,
            html_url=f"https://github.com/{REPO}/pull/{number}#issuecomment-{new}",
            issue_url=f"https://api.github.com/repos/{REPO}/issues/{number}",
        )  # fmt: skip
        return self.comments[new]

    def _pull(self, account, query, body, number):
        found = self.pulls.get(int(number))
        return (200, found) if found else (404, MISSING)

    def _pulls(self, account, query, body):
        """The newest first."""
        state = query.get("state", "open")
        found = [
            one for _, one in sorted(self.pulls.items(), reverse=True)
            if state in ("all", one["state"]) and query.get("head") in (None, _label(one))
        ]  # fmt: skip
        return 200, [
            {**self.description.object("pull-request-simple", number=one["number"]),
             "state": one["state"], "head": one["head"]} for one in _page(found, query)
        ]  # fmt: skip

    def _branch(self, account, query, body, name):
        name = unquote(name)
        if name not in {"main", *self.protected, *map(_branch_here, self.pulls.values())}:
            return 404, MISSING
        branch = self.description.object("branch-with-protection", name=name)
        return 200, {**branch, "protected": name in self.protected}


def _page(found, query):
    """As described: at most 100, from the first one on."""
    size = min(100, max(1, int(query.get("per_page", 30))))
    page = max(1, int(query.get("page", 1)))
    return found[(page - 1) * size : page * size]


def _label(pull):
    """`owner:branch`, by which pull requests are asked for."""
    repo = pull["head"].get("repo") or {}
    return f"{repo.get('full_name', '').partition('/')[0]}:{pull['head']['ref']}"


def _branch_here(pull):
    repo = pull["head"].get("repo") or {}
    return pull["head"]["ref"] if repo.get("full_name") == REPO else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        github = self.server.github
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if ".git/" in parts.path:
            return self._git(github, parts, raw)
        path = parts.path.removeprefix("/api/v3")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if github.before:
            github.before(self.command, path)
        github.requests.append((self.command, path))
        fault = next((one for one in github.faults if one.hits(self.command, path)), None)
        if fault and fault.sleep:
            time.sleep(fault.sleep)
        status, answer = 0, None
        if fault is None or fault.after:
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            body = json.loads(raw) if raw else None
            status, answer = github.answer(self.command, path, query, body, token)
        if fault and fault.status:
            status, answer = fault.status, {"message": fault.message, "documentation_url": "d"}
        data = fault.raw if fault and fault.raw is not None else b""
        if not data and answer is not None:
            data = json.dumps(answer).encode()
        if fault is None:
            problem = github.description.problem(
                self.command, path, query, self.headers, raw, status, data
            )
            if problem:
                github.problems.append(problem)
        return self._send(status, data, fault)

    def _send(self, status, data, fault):
        if fault and fault.cut and not status:
            return self._cut()
        self.send_response(status or 200)
        self.send_header("Content-Type", "application/json")
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data) + (100 if fault and fault.cut else 0)))
        self.end_headers()
        self.wfile.write(data)
        if fault and fault.cut:
            self._cut()
        return None

    def _cut(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def _git(self, github, parts, raw):
        """git's own CGI program, as a server of git runs it."""
        login = self.headers.get_all("Authorization") or []
        if len(login) != 1:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        github.pushes.append((self.command, parts.path, login[0]))
        environ = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(github.repositories),
            "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command, "REMOTE_USER": "bot", "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(raw)), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }  # fmt: skip
        if self.headers.get("Content-Encoding"):
            environ["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
        done = subprocess.run(["git", "http-backend"], input=raw, env=environ, capture_output=True)
        if self.command == "POST" and parts.path.endswith("/git-receive-pack"):
            github.follow(github.repositories / f"{REPO}.git")
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(":") for line in head.decode().splitlines()]
        status = next((value for name, _, value in lines if name == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, _, value in lines:
            if name != "Status":
                self.send_header(name, value.strip())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any  # noqa: N815


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):  # without asking who 127.0.0.1 is
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def handle_error(self, *_):  # a client that went away
        pass


@contextlib.contextmanager
def served(state, handler=Handler):
    """The state behind HTTP; yields the URL."""
    server = Quiet(("127.0.0.1", 0), handler)
    server.github = state
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
