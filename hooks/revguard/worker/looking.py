"""What `revguard init` asks: lines of a future env.py in, what they give out; Alembic's own files.

Nothing is connected to. The tables that an import makes by itself (`create_all`) are noted, and
not made.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, Any

from . import failure
from .session import Session

if TYPE_CHECKING:
    from typing import Callable, Iterable, Iterator, Mapping


class Looking(Session):
    """No environment is there yet: it is asked what one would be made of."""

    before = "the models were imported"

    def _open(self) -> None:
        """There is nothing to open."""

    def _evaluate(self) -> dict[str, Any]:
        return look(self.request, self.tree, self.request["toplevel"])


def look(request: Mapping[str, Any], tree: str, toplevel: str) -> dict[str, Any]:
    """Answer `request["look"]`; what fails is told as data, and the rest is looked at."""
    wanted = request["look"]
    files = {name: _template(name, wanted) for name in wanted["templates"]}
    made = _note_create_all(tree)
    roots = [os.path.join(tree, *root.split("/")) for root in wanted["roots"]]
    sys.path.extend(root for root in roots if root not in sys.path)
    namespace: dict[str, Any] = {}

    def tried(work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        try:
            return {"value": work(*arguments, namespace)}
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the project raises is told as data
            traceback.print_exc()
            return {"failure": _account(error, tree, toplevel)}

    imports = [tried(_run, line) for line in wanted["imports"]]
    return {
        "templates": {name: text for name, text in files.items() if text},
        "imports": imports,
        "metadata": tried(_metadata, wanted["metadata"]),
        "url": tried(_url, wanted["url"], wanted["app"]),
        "create_all": made,
    }


def _run(line: str, namespace: dict[str, Any]) -> None:
    exec(compile(line, "<init>", "exec"), namespace)  # noqa: S102  what env.py will say


def _account(error: BaseException, tree: str, toplevel: str) -> dict[str, Any]:
    account = failure.describe(error, tree, toplevel)
    account["missing"] = _missing(error, account)
    return account


def _missing(error: BaseException, account: Mapping[str, Any]) -> list[str]:
    """Variables of the environ that the project wants, as the error tells."""
    seen: BaseException | None = error
    while seen is not None:
        errors = getattr(seen, "errors", None)
        if type(seen).__name__ == "ValidationError" and callable(errors):  # pydantic
            kinds = ("missing", "value_error.missing")
            return [str(one["loc"][-1]).upper() for one in errors() if one["type"] in kinds]
        if isinstance(seen, KeyError) and seen.args and account["frames"]:
            frame = account["frames"][-1]["text"]
            named = str(seen.args[0])
            if named.isidentifier() and ("environ" in frame or "env" in frame.lower()):
                return [named]
        seen = seen.__cause__ or seen.__context__
    return []


def _metadata(expression: str, namespace: dict[str, Any]) -> dict[str, Any]:
    found = eval(expression, namespace)  # noqa: S307  what env.py will say
    many = found if isinstance(found, (list, tuple)) else [found]
    tables = {name: table for one in many for name, table in one.tables.items()}
    default = {"ix": "ix_%(column_0_label)s"}
    return {
        "tables": sorted(tables),
        "named": all(dict(one.naming_convention) != default for one in many),
        "modules": sorted({name for table in tables.values() for name in _modules(table)}),
        "schemas": sorted({str(table.schema) for table in tables.values() if table.schema}),
    }


def _modules(table: Any) -> Iterator[str]:
    """The modules of types that are none of SQLAlchemy's: a script that names them imports them."""
    for column in table.columns:
        for kind in _types(column.type):
            module = type(kind).__module__
            if module.partition(".")[0] != "sqlalchemy":
                yield module


def _types(kind: Any) -> Iterable[Any]:
    yield kind
    item = getattr(kind, "item_type", None)
    if item is not None:
        yield item


def _url(expression: str, app: str, namespace: dict[str, Any]) -> dict[str, Any]:
    from sqlalchemy.engine import make_url
    from sqlalchemy.engine.url import URL

    if app:
        with eval(app, namespace).app_context():  # noqa: S307
            found = eval(expression, namespace)  # noqa: S307
    else:
        found = eval(expression, namespace)  # noqa: S307  what env.py will say
    kind = "url" if isinstance(found, URL) else "text" if isinstance(found, str) else "other"
    if found is None:
        raise ValueError(f"{expression} is None")
    url = found if kind == "url" else make_url(str(found))
    dialect = url.get_dialect()
    return {
        "kind": kind,
        "dialect": dialect.name,
        "driver": url.get_driver_name(),
        "asynchronous": bool(getattr(dialect, "is_async", False)),
    }


def _note_create_all(tree: str) -> list[dict[str, Any]]:
    """From here on create_all makes nothing; where it was called from is noted."""
    from sqlalchemy import MetaData

    made: list[dict[str, Any]] = []

    def create_all(*_args: Any, **_kwargs: Any) -> None:
        frames = [(failure.relative(f.filename, tree), f.lineno) for f in traceback.extract_stack()]
        own = [frame for frame in frames if frame[0]]
        if own:
            made.append({"path": own[-1][0], "line": own[-1][1]})

    MetaData.create_all = create_all  # type: ignore[method-assign]
    return made


def _template(name: str, wanted: Mapping[str, Any]) -> dict[str, str]:
    """The files that `alembic init --template NAME` makes; none where it has no such template."""
    from alembic import command
    from alembic.config import Config

    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            config = Config("alembic.ini", stdout=io.StringIO())
            known = os.path.join(config.get_template_directory(), name)
            if not os.path.isdir(known):
                return {}
            if name.startswith("pyproject"):
                config = Config("alembic.ini", stdout=io.StringIO(), toml_file="pyproject.toml")
                _write("pyproject.toml", wanted["pyproject"])
            command.init(config, wanted["folder"], template=name)
            return dict(_read(folder))
        finally:
            os.chdir(home)


def _write(path: str, text: str | None) -> None:
    if text is not None:
        with open(path, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)


def _read(folder: str) -> Iterator[tuple[str, str]]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(parent, name)
            if not name.endswith(".pyc"):
                with open(path, encoding="utf-8", newline="") as stream:
                    yield os.path.relpath(path, folder).replace(os.sep, "/"), stream.read()
