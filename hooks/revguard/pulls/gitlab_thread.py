"""A GitLab merge request's notes: a Place and a token in, a Thread out."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from revguard.pulls.github_thread import pages
from revguard.pulls.place import Place
from revguard.pulls.thread import Comment, Standing, part
from revguard.pulls.web import Api

TOKEN_HEADER: Final = "PRIVATE-TOKEN"  # noqa: S105  (the header's name)


class GitLabThread:
    """The notes of one merge request. The job's own token may not write them."""

    def __init__(self, api: Api, place: Place, number: int) -> None:
        self._api = api
        self._place = place
        self._path = f"/projects/{quote(place.project, safe='')}/merge_requests/{number}"
        self._web = f"{place.server}/{place.repository}/-/merge_requests/{number}"

    def comments(self) -> list[Comment]:
        notes = pages(self._api, f"{self._path}/notes", sort="asc", order_by="created_at")
        return [self._comment(one) for one in notes]

    def create(self, body: str) -> Comment:
        return self._comment(self._api.call("POST", f"{self._path}/notes", {"body": body}).data)

    def update(self, comment: Comment, body: str) -> Comment:
        path = f"{self._path}/notes/{comment.id}"
        return self._comment(self._api.call("PUT", path, {"body": body}).data)

    def delete(self, comment: Comment) -> None:
        self._api.call("DELETE", f"{self._path}/notes/{comment.id}")

    def standing(self) -> Standing:
        request = self._api.call("GET", self._path).data
        return Standing(is_open=part(request, "state", str) == "opened",
                        head=request.get("sha") or "")  # fmt: skip

    def _comment(self, data: Any) -> Comment:
        number = part(data, "id", int)
        return Comment(
            id=number,
            body=data.get("body") or "",
            url=f"{self._web}#note_{number}",
            mine=(data.get("author") or {}).get("username") == self._me,
        )

    @cached_property
    def _me(self) -> str:
        return part(self._api.call("GET", "/user").data, "username", str)
