"""The action's steps in this process: a checkout, an event and variables in; code and words out."""

import contextlib
import io
import json
import os
from dataclasses import dataclass

import pytest

from revguard import action


@dataclass
class Done:
    """What a step came to."""

    code: int
    said: str

    @property
    def annotations(self):
        return [line for line in self.said.splitlines() if line.startswith(("::error", "::warn"))]


class Job:
    """One run of a job for a pull request. `folder` is the runner's."""

    def __init__(self, pull, folder, event=None):
        self.pull, self.folder = pull, folder
        self.output, self.summary = folder / "output", folder / "summary"
        for one in (self.output, self.summary):
            one.touch()
        (folder / "event.json").write_text(json.dumps(pull.event if event is None else event))

    def step(self, name, path=None, **variables):
        """Run it with what the runner gives it, and with nothing of the kind that is here."""
        told, said = self._variables() | variables, io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for known in [one for one in os.environ if one.startswith(("GITHUB_", "REVGUARD_IN"))]:
                patch.delenv(known)
            for key, value in told.items():
                patch.setenv(key, value)
            patch.chdir(path or self.pull.shop.path)
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = action.main([name], os.environ)
        return Done(code, said.getvalue())

    def _variables(self):
        shop = self.pull.shop
        return {
            **{key: shop.environ[key] for key in ("VIRTUAL_ENV", "PATH", "REVGUARD_CACHE_DIR")},
            "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"), "GITHUB_REPOSITORY": "shop/shop",
            "GITHUB_WORKSPACE": str(shop.path), "GITHUB_RUN_ID": "5", "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SHA": shop.git("rev-parse", "HEAD"), "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary), "RUNNER_TEMP": str(self.folder),
        }  # fmt: skip

    @property
    def outputs(self):
        """As the runner reads them."""
        lines, found = self.output.read_text().split("\n"), {}
        while lines and lines[0]:
            key, end = lines.pop(0).split("<<")
            at = lines.index(end)
            found[key] = "\n".join(lines[:at])
            lines = lines[at + 1 :]
        return found

    def left(self):
        """Each file that the steps have left, and its content."""
        found = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {path: data for path, data in found.items() if path != self.output}
