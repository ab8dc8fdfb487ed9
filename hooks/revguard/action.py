"""The action's steps: variables of the runner in, exit code out. Run as `python -I -m`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Final

from revguard import cli
from revguard.errors import UsageError
from revguard.pulls import files, inputs, telling
from revguard.pulls.place import Place

_NOT_COMMENTED: Final = (
    "the comment was not written: the lines above say why. The verdict stands, and the job's "
    "summary and annotations say the same."
)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the step of that name."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # the runner reads UTF-8, whatever pipes have here
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if argv == ["comment"]:
            return _commented(environ)
        words = inputs.judging(environ)
        return _plan(words, environ) if "plan" in words else cli.main(words)
    except UsageError as error:
        sys.stdout.write(telling.failure(str(error)))
        return error.exit_code


def _commented(environ: Mapping[str, str]) -> int:
    """The verdict is of the step before, whatever happens here."""
    code = cli.main(inputs.commenting(environ, environ.get("REVGUARD_REPORT", "")))
    if code != 0:
        sys.stdout.write(telling.lines((), (_NOT_COMMENTED,), Place(service="github")))
    return code if code == cli.INTERRUPTED else 0


def _plan(words: list[str], environ: Mapping[str, str]) -> int:
    """The affected environments as the output `matrix`, and in a file beside it."""
    said = StringIO()
    with redirect_stdout(said):
        code = cli.main(words)
    matrix = said.getvalue().strip()
    sys.stdout.write(f"{matrix}\n")
    if code == 0:
        folder = tempfile.mkdtemp(prefix="revguard-", dir=environ.get("RUNNER_TEMP") or None)
        path = os.path.join(folder, "revguard-plan.json")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(f"{matrix}\n")
        files.say({"matrix": matrix, "report": path}, environ)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
