"""GitLab's variables in, a Place out."""

from __future__ import annotations

from collections.abc import Mapping

from revguard.pulls.place import Place


def place(environ: Mapping[str, str]) -> Place:
    """Where this job takes place."""
    request = environ.get("CI_MERGE_REQUEST_IID", "")
    before = environ.get("CI_COMMIT_BEFORE_SHA", "")
    head = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA", "")
    before = "" if set(before) <= {"0"} else before  # a new branch
    pushed = not request and before != ""
    return Place(
        service="gitlab",
        kind="pull_request" if request else "push" if pushed else "other",
        event=environ.get("CI_PIPELINE_SOURCE", ""),
        server=environ.get("CI_SERVER_URL", "").rstrip("/"),
        api=environ.get("CI_API_V4_URL", "").rstrip("/"),
        repository=environ.get("CI_PROJECT_PATH", ""),
        project=environ.get("CI_PROJECT_ID", ""),
        number=int(request) if request.isdecimal() else None,
        base=environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "") if request else before,
        base_branch=environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        head=head,
        head_branch=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
        or environ.get("CI_COMMIT_BRANCH", ""),
        head_repository=environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", ""),
        run=(_number(environ.get("CI_PIPELINE_ID")), _number(environ.get("CI_JOB_ID"))),
        run_url=environ.get("CI_JOB_URL", ""),
        workspace=environ.get("CI_PROJECT_DIR", ""),
    )


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 0
