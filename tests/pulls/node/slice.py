"""The paths of GitHub's OpenAPI description that we call: the whole description in, a slice out."""

import json
import sys

PATHS = (
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/branches/{branch}",
    "/user",
)


def sliced(whole):
    """An OpenAPI document with these paths and what they refer to."""
    paths = {path: whole["paths"][path] for path in PATHS}
    components = {}
    for kind, name in sorted(referred(whole, paths)):
        components.setdefault(kind, {})[name] = whole["components"][kind][name]
    head = {key: whole[key] for key in ("openapi", "info", "servers")}
    return {**head, "paths": paths, "components": components}


def referred(whole, start):
    found, left = set(), [start]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            left += part.values()
            if isinstance(part.get("$ref"), str):
                kind, name = part["$ref"].removeprefix("#/components/").split("/", 1)
                if (kind, name) not in found:
                    found.add((kind, name))
                    left.append(whole["components"][kind][name])
    return found


if __name__ == "__main__":
    json.dump(sliced(json.load(sys.stdin)), sys.stdout)
