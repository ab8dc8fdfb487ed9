"""GitHub's own description of its API: exchanges are held against it, objects are made of it."""

import json
import re
from functools import cached_property

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

HOST = "https://api.github.com"


class Description:
    """The slice of GitHub's OpenAPI description that the tests' tools have cut out."""

    def __init__(self, path):
        self.spec = json.loads(path.read_text())

    @cached_property
    def _openapi(self):
        return OpenAPI.from_dict(self.spec)

    def operation(self, method, path):
        """The description of what is asked for; None where there is none."""
        for template, methods in self.spec["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
                return methods.get(method.lower())
        return None

    def problem(self, method, path, query, headers, body, status, answer):
        """What of an exchange is not as described; empty where all is."""
        operation = self.operation(method, path)
        if operation is None:
            return f"{method} {path} is not described"
        kind = headers.get("Content-Type") or ""
        request = MockRequest(
            HOST, method.lower(), path, args=query, headers=dict(headers), data=body or None,
            content_type=kind,
        )  # fmt: skip
        try:
            self._openapi.validate_request(request)
            if str(status) in operation["responses"]:
                response = MockResponse(
                    answer or b"", status_code=status, content_type="application/json"
                )
                if answer:
                    self._openapi.validate_response(request, response)
            elif status < 400:
                return f"{method} {path}: {status} is not described"
        except Exception as error:  # noqa: BLE001  (whatever the validator finds)
            return f"{method} {path}: {status}: {error!r}: {error.__cause__!r}"
        return ""

    def schema(self, name):
        return self.spec["components"]["schemas"][name]

    def object(self, kind, /, **values):
        """An object of that schema with what it must have, and these values."""
        return {**self.minimal(self.schema(kind)), **values}

    def minimal(self, schema):
        """The smallest value that a schema takes."""
        if "$ref" in schema:
            return self.minimal(self.schema(schema["$ref"].rpartition("/")[2]))
        if schema.get("nullable") and "type" in schema:
            return None
        if "enum" in schema:
            return schema["enum"][0]
        for key in ("allOf", "anyOf", "oneOf"):
            if key in schema:
                parts = [self.minimal(one) for one in schema[key][: None if key == "allOf" else 1]]
                whole = parts[0]
                if key == "allOf":
                    whole = {name: value for part in parts for name, value in part.items()}
                return whole
        return self._of_type(schema)

    def _of_type(self, schema):
        kind = schema.get("type", "object")
        if kind == "object":
            properties = schema.get("properties", {})
            return {name: self.minimal(properties[name]) for name in schema.get("required", ())}
        if kind == "array":
            return []
        if kind == "string":
            formats = {"date-time": "2026-01-02T03:04:05Z", "uri": "https://github.com/"}
            return formats.get(schema.get("format"), "text")
        return {"integer": 1, "number": 1, "boolean": False}[kind]
