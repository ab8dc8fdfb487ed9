"""The Action's steps as a runner runs them: a project in, Ways to check, judge and comment out.

The API is the stateful fake of the tests, on loopback; what it would validate is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Way
from benchmarks.projects import Project

REPOSITORY = Path(__file__).parents[1]
TOOLS = Path(os.environ.get("REVGUARD_NODE_TOOLS") or REPOSITORY / ".make" / "node")
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
NUMBER = 7


def lack() -> str:
    """What is not there to measure with; empty where all is."""
    return (
        "" if (TOOLS / "slice.json").exists() else "`make node` gets what GitHub's fake is made of"
    )


class Action:
    """The Action in a folder of its own, as `uses:` fetches it."""

    def __init__(self, base: Path, python: str, environ: Mapping[str, str]) -> None:
        import yaml
        from tests.pulls import running

        self.base = base
        self.folder = base / "action"
        self.folder.mkdir(parents=True)
        running.shipped(self.folder)
        steps = yaml.safe_load((self.folder / "action.yml").read_text())["runs"]["steps"]
        self.steps = {one["id"]: one["run"] for one in steps}
        self.environ = {
            **environ,
            "PATH": f"{Path(python).parent}{os.pathsep}{environ['PATH']}",
            "GITHUB_ACTION_PATH": str(self.folder),
            "GITHUB_OUTPUT": str(base / "output"),
            "RUNNER_TOOL_CACHE": str(base / "tools"),
            "RUNNER_TEMP": str(base),
        }

    def install(self, *, cold: bool) -> Way:
        """The first step, with an installation to be found or none."""
        return self._way("install", {}, self.forget if cold else self._no_output)

    def forget(self) -> None:
        self._no_output()
        shutil.rmtree(self.base / "tools", ignore_errors=True)

    def by_hand(self, python: str) -> Way:
        """The same by who types it."""
        folder = str(self.base / "hand")
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "-q", "--compile", str(self.folder)]
        commands = [[python, "-m", "venv", folder], pip]

        def before() -> None:
            shutil.rmtree(folder, ignore_errors=True)

        return Way(commands, str(self.base), self.environ, before)

    def python(self) -> str:
        """The installed interpreter."""
        lines = (self.base / "output").read_text().splitlines()
        return next(line for line in lines if line.startswith("python=")).removeprefix("python=")

    def step(
        self, name: str, project: Project, told: Mapping[str, str], before: Callable[[], None]
    ) -> Way:
        """One of the other steps, in the project; red is what it has to be."""
        return self._way(name, told, before, project.folder)

    def _no_output(self) -> None:
        (self.base / "output").write_text("")

    def _way(
        self,
        name: str,
        told: Mapping[str, str],
        before: Callable[[], None],
        folder: Path | None = None,
    ) -> Way:
        environ = {**self.environ, **told}
        cwd = str(folder or self.base)
        return Way([[*BASH, self.steps[name]]], cwd, environ, before=before, expected=(1,))


class Pull:
    """The project's branch as a pull request, whose last commit is another one each time."""

    def __init__(self, project: Project, github: Any, base: Path, drift: str) -> None:
        self.project = project
        self.github = github
        self.event = base / "event.json"
        self.report = base / "report"
        self._drift = drift
        self._mark = 0
        for words in (
            ("checkout", "-q", "-b", "mine"),
            ("update-ref", "refs/remotes/origin/main", "main"),
            ("commit", "-q", "--allow-empty", "-m", "mine"),
        ):
            project.git(*words)

    def change(self) -> None:
        """Another commit with the same effect, so that no verdict is known."""
        self._mark += 1
        self.project.write_models(self._drift, f"{self._mark:06d}")
        self.project.git("commit", "-q", "-a", "--amend", "-m", "mine")
        commits = [self._commit(name) for name in ("mine", "main")]
        head = {"sha": commits[0], "ref": "mine", "repo": {"full_name": "shop/shop"}}
        base = {"sha": commits[1], "ref": "main", "repo": {"full_name": "shop/shop"}}
        pull = {"number": NUMBER, "head": head, "base": base}
        self.event.write_text(json.dumps({"pull_request": pull}))
        self.github.pull(NUMBER, head=commits[0])

    def without_comment(self) -> None:
        """As at the first run of the pull request."""
        self.github.comments.clear()

    def told(self, python: str) -> dict[str, str]:
        """The variables of the job and of both steps."""
        from tests.pulls.fake import TOKEN

        return {
            "REVGUARD_PYTHON": python,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.event),
            "GITHUB_REPOSITORY": "shop/shop",
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_API_URL": f"{self.github.url}/api/v3",
            "GITHUB_RUN_ID": "100",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_STEP_SUMMARY": os.devnull,
            "GITHUB_WORKSPACE": str(self.project.folder),
            "REVGUARD_TOKEN": TOKEN,
            "REVGUARD_REPORT": str(self.report / "revguard.json"),
        }

    def _commit(self, name: str) -> str:
        done = subprocess.run(
            ["git", "rev-parse", name],
            cwd=self.project.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()


@contextlib.contextmanager
def github() -> Iterator[Any]:
    """GitHub's fake, served."""
    from tests.pulls import fake
    from tests.pulls.described import Description

    state = fake.GitHub(Description(TOOLS / "slice.json"))
    state.description.problem = lambda *_: ""  # that is a test's work
    with fake.served(state) as url:
        state.url = url
        yield state
