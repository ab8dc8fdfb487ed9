# ruff: noqa: TID252  (the shop of another folder)
"""A run of a workflow: a checkout, an event, action.yml on GitHub's own parser and evaluator."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ..scenarios.shop import files

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("action.yml", "hooks", "pyproject.toml", "README.md", "LICENSE")


def shipped(folder):
    """The action as `uses:` fetches it."""
    for name in SHIPPED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copyfile
        ignored = {"ignore": shutil.ignore_patterns("__pycache__")} if name == "hooks" else {}
        copy(REPOSITORY / name, folder / name, **ignored)


@dataclass
class Result:
    """What a run came to."""

    status: str
    outputs: dict
    summary: str
    log: list
    unknown: list
    said: str = ""
    codes: dict = field(default_factory=dict)

    @property
    def verdict(self):
        return self.outputs["verdict"]

    @property
    def report(self):
        return json.loads(Path(self.outputs["report"]).read_text())

    @property
    def annotations(self):
        """Workflow commands that the runner acts on, those of the text in between not."""
        found, word = [], None
        for line in self.said.splitlines():
            if line.startswith("::stop-commands::"):
                word = line.removeprefix("::stop-commands::")
            elif word and line == f"::{word}::":
                word = None
            elif not word and line.startswith(("::error", "::warning", "::notice")):
                found.append(line)
        return found


class Runner:
    """Runs the action for a checkout. `action` is its folder, `tools` GitHub's programs."""

    def __init__(self, action, tools, folder, github):
        self.action, self.tools, self.folder, self.github = action, tools, folder, github
        self.number = 100

    def run(self, shop, event, payload, *, token=None, attempt=1, number=None, api=True,
            variables=None, **inputs):  # fmt: skip
        self.number += 1
        token = token or self.github.token
        temp = self.folder / f"run{self.number}"
        temp.mkdir()
        (temp / "event.json").write_text(json.dumps(payload))
        github = {
            "event_name": event, "event": payload, "event_path": str(temp / "event.json"),
            "repository": "shop/shop", "workspace": str(shop.path), "token": token,
            "action_path": str(self.action), "run_id": number or self.number,
            "run_attempt": attempt, "server_url": self.github.url,
            "api_url": f"{self.github.url}/api/v3" if api else "http://127.0.0.1:1",
            "sha": shop.git("rev-parse", "HEAD"), **(variables or {}),
        }  # fmt: skip
        passed = ("PATH", "HOME")
        job = {
            "inputs": {name.replace("_", "-"): value for name, value in inputs.items()},
            "github": github,
            "env": {name: one for name, one in shop.environ.items() if name not in passed},
            "runner": {"os": "Linux", "arch": "X64", "temp": str(temp),
                       "tool_cache": str(self.action.parent / "tools")},
            "result": str(temp / "result.json"),
        }  # fmt: skip
        (temp / "job.json").write_text(json.dumps(job))
        done = subprocess.run(
            ["node", str(self.tools / "runner.mjs"), str(self.action), str(temp / "job.json")],
            capture_output=True, text=True, env=shop.environ,
        )  # fmt: skip
        assert (temp / "result.json").exists(), (done.stdout, done.stderr)
        found = Result(**json.loads((temp / "result.json").read_text()), said=done.stdout)
        found.codes = {one["id"]: one["code"] for one in found.log}
        assert token not in done.stdout + found.summary + json.dumps(found.outputs)
        return found


class Pull:
    """A pull request of a shop, with its upstream and a checkout of what merging would land."""

    def __init__(self, shop, github, bare, number=7, fork=None):
        self.shop, self.github, self.number, self.fork = shop, github, number, fork
        self.bare = bare
        shop.git("branch", "-M", "main")
        shop.git("clone", "-q", "--bare", str(shop.path), str(bare))
        shop.git("-C", str(bare), "config", "http.receivepack", "true")
        shop.git("remote", "add", "origin", str(bare))
        shop.git("fetch", "-q", "origin")
        github.receive(shop, "main")
        shop.git("checkout", "-q", "-b", "mine")

    def push(self, message="more"):
        """Commit everything onto the branch and check out the merge, as the runner has it."""
        shop, repo = self.shop, self.fork or "shop/shop"
        shop.commit_all(message)
        shop.git("push", "-q", "--force", "origin", "mine")
        self.github.receive(shop, "mine", repo)
        self.github.pull(self.number, head=shop.git("rev-parse", "mine"), repo=repo)
        self.merge("mine")

    def merge(self, head):
        """Check out what merging a commit would land."""
        self.head = self.shop.git("rev-parse", head)
        self.shop.git("fetch", "-q", "origin")
        self.shop.git("checkout", "-q", "--detach", "origin/main")
        self.shop.git("merge", "-q", "--no-ff", "--no-edit", head)

    def edit(self):
        """Back on the branch."""
        self.shop.git("checkout", "-q", "mine")

    @property
    def event(self):
        head = {"sha": self.head, "ref": "mine", "repo": {"full_name": self.fork or "shop/shop"}}
        base = {"ref": "main", "sha": self.shop.git("rev-parse", "origin/main"),
                "repo": {"full_name": "shop/shop"}}  # fmt: skip
        return {"pull_request": {"number": self.number, "head": head, "base": base}}


def after(pull, folder, report):
    """The event of the second stage: a report in parts/, no checkout, what GitHub says of a run."""
    parts, nothing = folder / "parts", folder / "nothing"
    for one in (parts, nothing):
        one.mkdir()
    (parts / "revguard.json").write_text(json.dumps(report))
    pull.shop.path = nothing
    pull.shop.git = lambda *_: "0" * 40
    first = {
        "id": 500, "run_attempt": 1, "head_sha": pull.head, "head_branch": "mine",
        "html_url": "https://github.com/shop/shop/actions/runs/500", "pull_requests": [],
        "head_repository": {"full_name": pull.fork},
    }  # fmt: skip
    return {"workflow_run": first}


def two_services(pull):
    """A pull request that changes the models of two environments."""
    one = pull()
    shop, other = one.shop, files("sqlite")
    shop.git("checkout", "-q", "main")
    shop.write({f"billing/{name}": text for name, text in other.items() if name != ".gitignore"})
    shop.commit_all("another service")
    shop.git("push", "-q", "origin", "main")
    one.github.receive(shop, "main")
    shop.git("branch", "-f", "mine")
    shop.git("checkout", "-q", "mine")
    shop.model()
    shop.model(name="billing/shop/models.py")
    one.push()
    return one


def legs(runner, pull, parts):
    """A job that plans, then one for each environment, which says nothing: {name: result}."""
    plan = runner.run(pull.shop, "pull_request", pull.event, command="plan")
    names = [leg["environment"] for leg in json.loads(plan.outputs["matrix"])["include"]]
    assert (sorted(names), plan.status) == (["billing", "shop"], "success"), plan.said
    assert "comment" not in plan.codes
    found = {}
    for name in names:
        found[name] = runner.run(
            pull.shop, "pull_request", pull.event, environment=name, comment="never"
        )
        (parts / name).mkdir(parents=True)
        shutil.copy(found[name].outputs["report"], parts / name / "revguard.json")
    shutil.copy(plan.outputs["report"], parts / "plan.json")
    return found


def red(pull, **options):
    """A pull request whose revision is missing."""
    one = pull(**options)
    one.shop.model()
    one.push()
    return one
