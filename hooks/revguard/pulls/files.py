"""A report in, the files of a run out: report, patch, SARIF, outputs and the job's summary."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from revguard.errors import UsageError
from revguard.pulls import body, codequality
from revguard.pulls.place import Place
from revguard.pulls.rendering import sarif_of
from revguard.verdict import Report, to_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Paths of what was written; empty for what was not."""

    report: str = ""
    patch: str = ""
    sarif: str = ""


def write(
    report: Report, place: Place, folder: str | None, environ: Mapping[str, str], missing: str
) -> Written:
    """Write the files into a folder: a new one outside of the workspace, where none is named and
    GitHub runs us. `missing` is the patch. UsageError where they cannot be written."""
    if folder is None and place.service != "github":
        return Written()
    try:
        where = _folder(folder, environ)
        written = Written(
            report=_file(where, "revguard.json", json.dumps(to_dict(report), indent=2) + "\n"),
            sarif=_file(where, "revguard.sarif", sarif_of(report)),
            patch=_file(where, "revguard.patch", missing) if missing else "",
        )
        _file(where, "revguard.md", body.comment(report, place))
        if place.service == "gitlab":
            _file(where, "gl-code-quality-report.json", codequality.render(report))
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename}: {error.strerror}",
            hint="`--files DIR` names another folder",
        ) from error
    return written


def _folder(folder: str | None, environ: Mapping[str, str]) -> str:
    if folder is None:
        return tempfile.mkdtemp(prefix="revguard-", dir=environ.get("RUNNER_TEMP") or None)
    os.makedirs(folder, exist_ok=True)
    return folder


def _file(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        stream.write(text)
    return path


def outputs(report: Report, written: Written) -> dict[str, str]:
    """The outputs of the contract."""
    environments = report.environments
    revisions = [new.id for one in environments for new in one.new_revisions]
    return {
        "verdict": report.verdict,
        "changed": "true" if any(one.changes for one in environments) else "false",
        "revisions": json.dumps(revisions),
        "report": written.report,
        "sarif": written.sarif,
        "patch": written.patch,
    }


def say(values: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Give outputs to the runner, whatever their values hold."""
    lines = []
    for name, value in values.items():
        end = f"revguard-{secrets.token_hex(16)}"
        lines.append(f"{name}<<{end}\n{value}\n{end}\n")
    _append(environ.get("GITHUB_OUTPUT"), "".join(lines))


def summarise(text: str, environ: Mapping[str, str]) -> None:
    """Put Markdown on the page of the job."""
    _append(environ.get("GITHUB_STEP_SUMMARY"), text)


def _append(path: str | None, text: str) -> None:
    if not path:
        return
    with open(path, "a", encoding="utf-8", errors="replace", newline="") as stream:
        stream.write(text)
