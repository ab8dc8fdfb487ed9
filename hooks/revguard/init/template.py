"""Alembic's own template, wired to the project: its files and a wiring in, files out."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from revguard.errors import CouldNotCheck
from revguard.init.urls import Url

INI: Final = "alembic.ini"
PYPROJECT: Final = "pyproject.toml"
_METADATA: Final = re.compile(
    r"(?:# add your model's MetaData object here\n(?:#.*\n)*)?^target_metadata = None$",
    re.MULTILINE,
)
_AFTER_IMPORTS: Final = "from alembic import context\n"
_CONFIG: Final = "config = context.config\n"
_INI_URL: Final = re.compile(r"^sqlalchemy\.url = .*$", re.MULTILINE)
_INI_PATH: Final = re.compile(r"^prepend_sys_path = .*$", re.MULTILINE)
_TOML_PATH: Final = re.compile(r"^prepend_sys_path = \[[^\]]*\]$", re.MULTILINE)
_MAKO_IMPORT: Final = "import sqlalchemy as sa\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the environment has to know of the project."""

    tables: tuple[str, ...]  # modules that define tables
    imports: tuple[str, ...]  # lines, for the metadata
    metadata: str  # an expression
    url: Url
    url_kind: str  # what the worker saw: "text", "url" or "other"
    paths: tuple[str, ...]  # import roots, from the folder of the ini: "" or "src"
    configure: Mapping[str, str]  # arguments of context.configure()
    types: tuple[str, ...] = ()  # modules of types that scripts will name


def wired(files: Mapping[str, str], wiring: Wiring, before: str | None) -> dict[str, str]:
    """The files of `alembic init`, edited. `before` is the pyproject.toml that was there."""
    found = {}
    for path, text in files.items():
        name = path.rpartition("/")[2]
        if name == "env.py":
            text = env(text, wiring)  # noqa: PLW2901
        elif name == INI:
            text = _ini(text, wiring)  # noqa: PLW2901
        elif name == PYPROJECT:
            text = _pyproject(text, wiring, before or "")  # noqa: PLW2901
        elif name == "script.py.mako":
            text = _mako(text, wiring.types)  # noqa: PLW2901
        found[path] = text
    return found


def env(text: str, wiring: Wiring) -> str:
    """The text of env.py with metadata, imports, URL and options put in."""
    for needed in (_AFTER_IMPORTS, _CONFIG):
        if needed not in text:
            raise _unknown(needed.strip())
    text, count = _METADATA.subn(lambda _: f"target_metadata = {wiring.metadata}", text)
    if count != 1:
        raise _unknown("target_metadata = None")
    text = text.replace(_AFTER_IMPORTS, _AFTER_IMPORTS + _imports(wiring, text), 1)
    text = text.replace(_CONFIG, _CONFIG + _url(wiring), 1)
    return _configured(text, wiring.configure)


def _unknown(what: str) -> CouldNotCheck:
    return CouldNotCheck(
        f"the template of the project's Alembic is not known: its env.py has no `{what}`",
        hint="make the environment with `alembic init`, then run `revguard init` again",
    )


def _imports(wiring: Wiring, text: str) -> str:
    named = dict.fromkeys((*wiring.url.imports, *wiring.imports))
    lines = [line for line in named if f"\n{line}\n" not in f"\n{text}"]
    named_too = {line.split()[1] for line in lines if line.startswith("from ")}
    rest = [name for name in wiring.tables if name not in named_too]
    modules = [f"import {name}  # noqa: F401" for name in rest]
    said = "# Alembic knows a table only if the module that defines it is imported"
    # last: `import app` and `from app import app` name the same
    return "\n".join(["", said, *modules, *lines, ""])


def _url(wiring: Wiring) -> str:
    """Lines that give the URL to Alembic: it reads a % as the start of a variable."""
    url = wiring.url
    if url.literal is not None:
        return ""
    text = url.expression
    if wiring.url_kind == "url":
        text += ".render_as_string(hide_password=False)"
    elif wiring.url_kind == "other":
        text = f"str({text})"
    said = "# the URL that the application connects with"
    if url.app:
        return (
            f"\n{said}\nwith {url.app}.app_context():\n    url = {text}\n"
            'config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))\n'
        )
    return f'\n{said}\nconfig.set_main_option("sqlalchemy.url", {text}.replace("%", "%%"))\n'


def _configured(text: str, options: Mapping[str, str]) -> str:
    """Every call of context.configure() with these arguments at its end."""
    lines = text.splitlines(keepends=True)
    for call in reversed(_configure_calls(text)):
        assert call.end_lineno is not None
        assert call.end_col_offset is not None
        indent = " " * call.col_offset
        told = {one.arg: one.value for one in call.keywords if one.arg}
        words = [f"{name}={ast.get_source_segment(text, value)}" for name, value in told.items()]
        words += [f"{name}={value}" for name, value in options.items() if name not in told]
        body = "".join(f"{indent}    {word},\n" for word in words)
        rest = lines[call.end_lineno - 1][call.end_col_offset :]
        new = f"{indent}context.configure(\n{body}{indent}){rest}"
        lines[call.lineno - 1 : call.end_lineno] = [new]
    return "".join(lines)


def _configure_calls(text: str) -> Sequence[ast.Call]:
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "context.configure"
    ]
    return sorted(calls, key=lambda one: one.lineno)


def _ini(text: str, wiring: Wiring) -> str:
    said = f"# sqlalchemy.url is set in env.py: {wiring.url.expression}"
    if wiring.url.literal is not None:
        said = f"sqlalchemy.url = {wiring.url.literal}"
    text = _INI_URL.sub(lambda _: said.replace("%", "%%"), text)
    # without this key Alembic splits at spaces too, which a folder's name may have
    here = "%(here)s" if re.search(r"^path_separator = os$", text, re.MULTILINE) else "."
    paths = [f"{here}/{one}" if one else here for one in wiring.paths]
    joined = ":".join(one.removeprefix("./") for one in paths)
    return _INI_PATH.sub(lambda _: f"prepend_sys_path = {joined}", text)


def _pyproject(text: str, wiring: Wiring, before: str) -> str:
    """As `_ini`; what was in the file before stays as it is."""
    kept = len(before) if text.startswith(before) else 0
    paths = [f"%(here)s/{one}" if one else "%(here)s" for one in wiring.paths]
    listed = "".join(f'    "{one}",\n' for one in paths)
    ours = _TOML_PATH.sub(lambda _: f"prepend_sys_path = [\n{listed}]", text[kept:])
    return text[:kept] + ours


def _mako(text: str, types: Sequence[str]) -> str:
    lines = "".join(f"import {name}\n" for name in types)
    return text.replace(_MAKO_IMPORT, _MAKO_IMPORT + lines, 1)
