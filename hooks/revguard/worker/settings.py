"""Which variables a failed reading of settings asked for: an exception in, their names out.

The libraries are known by the form of their exceptions; none of them is imported.
"""

from __future__ import annotations

import os
import re
from typing import Any, Iterator

# what a variable's name stands in, each with a library that says so
_MESSAGES = (
    re.compile(r"^\W?Config '(?P<name>\w+)' is missing, and has no default"),  # starlette
    re.compile(r'^Environment variable "(?P<name>[^"]+)" (?P<problem>not set|invalid)'),  # environs
    re.compile(r"^(?P<name>\w+) not found\. Declare it as envvar"),  # python-decouple
    re.compile(r"^\W?Set the (?P<name>\w+) environment variable"),  # django-environ
)
_READ = re.compile(r"(?:getenv|environ\.get)\(\s*[\"'](\w+)[\"']\s*\)")
_VALUE = re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL)
_DEEPEST = 8


def asked_for(error: BaseException, frames: Any) -> list[dict[str, str]]:
    """[{name, problem, type}]: "missing" or "invalid"; `type` as the library knows it, or empty.

    `frames` are those of the project, as describe() tells them, with absolute paths.
    """
    found: dict[str, dict[str, str]] = {}
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None or isinstance(cause, ImportError):
            break
        for item in _of_one(cause):
            found.setdefault(item["name"], item)
        cause = cause.__cause__ or cause.__context__
    if not found and "None" in str(error):
        for name in _read_as_none(frames):
            found.setdefault(name, _item(name))
    return list(found.values())


def without_values(message: str) -> str:
    """The message without the values that pydantic repeats: they may be secrets."""
    return _VALUE.sub("input_value=***", message)


def _item(name: str, problem: str = "missing", type_: str = "") -> dict[str, str]:
    return {"name": name, "problem": problem, "type": type_}


def _of_one(error: BaseException) -> Iterator[dict[str, str]]:
    kind = type(error)
    if isinstance(error, KeyError) and _is_environs_key(error) and isinstance(error.args[0], str):
        yield _item(error.args[0])
    elif kind.__name__ == "ValidationError" and kind.__module__.startswith("pydantic"):
        yield from _of_pydantic(error)
    elif isinstance(getattr(error, "error_messages", None), dict) and "environs" in kind.__module__:
        for name, said in error.error_messages.items():  # type: ignore[attr-defined]
            yield _item(str(name), "missing" if "not set" in str(said) else "invalid")
    else:
        text = str(error.args[0]) if error.args else ""
        for pattern in _MESSAGES:
            match = pattern.search(text)
            if match:
                invalid = match.groupdict().get("problem") == "invalid"
                yield _item(match["name"], "invalid" if invalid else "missing")


def _is_environs_key(error: KeyError) -> bool:
    """Whether os.environ itself raised it."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    ours: Any = type(os.environ).__getitem__
    return last is not None and last.tb_frame.f_code is ours.__code__


# pydantic


def _of_pydantic(error: Any) -> Iterator[dict[str, str]]:
    """Variables of a BaseSettings; other models are not read from the environ."""
    settings = _settings_class(error)
    if settings is None:
        return
    for item in error.errors():
        where = [str(part) for part in item.get("loc", ()) if isinstance(part, str)]
        if not where:
            continue
        is_missing = str(item.get("type")) in ("missing", "value_error.missing")
        problem = "missing" if is_missing else "invalid"
        field = _field(settings, where[0])
        for path in _parts(settings, field, where) if is_missing else [where]:
            yield _item(_variable(settings, field, path), problem, _type(field, path))


def _settings_class(error: Any) -> Any:
    """The BaseSettings that was being made: said by the error, else found in its frames."""
    candidates = [getattr(error, "model", None)]
    last = error.__traceback__
    while last is not None:
        for name in ("self", "__pydantic_self__", "cls"):
            value = last.tb_frame.f_locals.get(name)
            candidates.append(value if isinstance(value, type) else type(value))
        last = last.tb_next
    found = [one for one in candidates if isinstance(one, type) and _is_settings(one)]
    title = getattr(error, "title", None)
    named = [one for one in found if one.__name__ == title]
    return next(reversed(named or found), None)


def _is_settings(kind: type) -> bool:
    return any(
        one.__name__ == "BaseSettings" and one.__module__.startswith("pydantic")
        for one in kind.__mro__[1:]
    )


def _parts(settings: Any, field: Any, where: list[str]) -> list[list[str]]:
    """The required fields of a model within the settings, if variables can name them."""
    config = getattr(settings, "model_config", None)
    inner = getattr(getattr(field, "annotation", None), "model_fields", None)
    if len(where) > 1 or not isinstance(inner, dict) or not isinstance(config, dict):
        return [where]
    if not config.get("env_nested_delimiter"):
        return [where]
    return [[*where, name] for name, one in inner.items() if one.is_required()] or [where]


def _field(settings: Any, name: str) -> Any:
    """The field of this name or alias."""
    fields = getattr(settings, "model_fields", None) or getattr(settings, "__fields__", {})
    if name in fields:
        return fields[name]
    return next((one for one in fields.values() if name in _aliases(one)), None)


def _aliases(field: Any) -> list[Any]:
    validation = getattr(field, "validation_alias", None)
    return [getattr(field, "alias", None), validation, *getattr(validation, "choices", ())]


def _variable(settings: Any, field: Any, where: list[str]) -> str:
    """The variable that a field is read from."""
    config = getattr(settings, "model_config", None)
    if not isinstance(config, dict):
        return _variable_of_v1(settings, field, where)
    prefix = str(config.get("env_prefix") or "")
    name = where[0] if any(_aliases(field)) else prefix + where[0]
    delimiter = config.get("env_nested_delimiter")
    if delimiter and len(where) > 1:
        name = str(delimiter).join([name, *where[1:]])
    return name if config.get("case_sensitive") else name.upper()


def _variable_of_v1(settings: Any, field: Any, where: list[str]) -> str:
    config = getattr(settings, "__config__", None)
    extra = getattr(getattr(field, "field_info", None), "extra", {})
    names = sorted(extra.get("env_names") or [getattr(config, "env_prefix", "") + where[0]])
    delimiter = getattr(config, "env_nested_delimiter", None)
    name = str(names[0])
    if delimiter and len(where) > 1:
        name = str(delimiter).join([name, *where[1:]])
    return name if getattr(config, "case_sensitive", False) else name.upper()


def _type(field: Any, where: list[str]) -> str:
    kind = getattr(field, "annotation", None) or getattr(field, "type_", None)
    for name in where[1:]:
        kind = getattr(getattr(kind, "model_fields", {}).get(name), "annotation", None)
    return str(getattr(kind, "__name__", kind or ""))[:100]


# os.getenv("X") without a default, whose None was used


def _read_as_none(frames: Any) -> Iterator[str]:
    """Variables that are not set and are read in the failing line, else in the failing files."""
    for frame in reversed(frames):
        names = _unset(frame["text"])
        if names:
            yield from names
            return
    for path in dict.fromkeys(frame["path"] for frame in reversed(frames)):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                names = _unset(stream.read())
        except OSError:
            continue
        if names:
            yield from names
            return


def _unset(text: str) -> list[str]:
    return [name for name in _READ.findall(text) if name not in os.environ]
