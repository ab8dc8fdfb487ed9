"""A GitHub pull request's conversation: a Place and a token in, a Thread out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from revguard.pulls.place import Place
from revguard.pulls.thread import Comment, Standing, each, part
from revguard.pulls.web import Api, Refused

_PAGE: Final = 100
_PAGES: Final = 200  # nobody reads further


def headers(token: str) -> dict[str, str]:
    """Those of every request."""
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


def pages(api: Api, path: str, **query: object) -> Iterator[Any]:
    """The items of all pages."""
    for page in range(1, _PAGES + 1):
        items = each(api.call("GET", path, per_page=_PAGE, page=page, **query).data)
        yield from items
        if len(items) < _PAGE:
            return


class GitHubThread:
    """The conversation of one pull request."""

    def __init__(self, api: Api, place: Place, number: int, token: str) -> None:
        self._api = api
        self._repo = f"/repos/{place.repository}"
        self._number = number
        self._is_app = token.startswith("ghs_")

    def comments(self) -> list[Comment]:
        path = f"{self._repo}/issues/{self._number}/comments"
        return [self._comment(one) for one in pages(self._api, path)]

    def create(self, body: str) -> Comment:
        path = f"{self._repo}/issues/{self._number}/comments"
        return self._comment(self._api.call("POST", path, {"body": body}).data, ours=True)

    def update(self, comment: Comment, body: str) -> Comment:
        path = f"{self._repo}/issues/comments/{comment.id}"
        return self._comment(self._api.call("PATCH", path, {"body": body}).data, ours=True)

    def delete(self, comment: Comment) -> None:
        self._api.call("DELETE", f"{self._repo}/issues/comments/{comment.id}")

    def standing(self) -> Standing:
        pull = self._api.call("GET", f"{self._repo}/pulls/{self._number}").data
        head = part(part(pull, "head", dict), "sha", str)
        return Standing(is_open=part(pull, "state", str) == "open", head=head)

    def _comment(self, data: Any, *, ours: bool = False) -> Comment:
        return Comment(
            id=part(data, "id", int),
            body=data.get("body") or "",
            url=data.get("html_url") or "",
            mine=ours or self._is_mine(data.get("user") or {}),
        )

    def _is_mine(self, user: Mapping[str, Any]) -> bool:
        # a job's token and an app's may not ask who they are: theirs are a bot's
        if self._me is None:
            return user.get("type") == "Bot"
        return user.get("login") == self._me

    @cached_property
    def _me(self) -> str | None:
        if self._is_app:
            return None
        try:
            return part(self._api.call("GET", "/user").data, "login", str)
        except Refused as refused:
            if refused.status == 403:
                return None
            raise


def is_protected(api: Api, place: Place) -> bool:
    """Whether the branch of the change may not be pushed to as it is."""
    branch = quote(place.head_branch, safe="")
    found = api.call("GET", f"/repos/{place.repository}/branches/{branch}").data
    return part(found, "protected", bool)


def number_of(api: Api, place: Place) -> int | None:
    """The open pull request whose head is the commit of the first workflow; None where it is gone.

    By what GitHub says of the run, never by what the run left behind.
    """
    if place.number is not None or not place.head_repository:
        return place.number
    owner = place.head_repository.partition("/")[0]
    found = pages(
        api,
        f"/repos/{place.repository}/pulls",
        state="open",
        head=f"{owner}:{place.head_branch}",
    )
    numbers = (part(one, "number", int) for one in found if _is_of(one, place))
    return next(numbers, None)


def _is_of(pull: Any, place: Place) -> bool:
    head = part(pull, "head", dict)
    repo = head.get("repo") or {}
    return head.get("sha") == place.head and repo.get("full_name") == place.head_repository
