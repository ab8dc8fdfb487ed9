"""From zero on projects of many shapes: what env.py says, and that the first revision is proven."""

import importlib.util

import pytest

from . import projects
from .conftest import said

IMPORTED = "import {}  # noqa: F401\n"


def case(name, files, needs="", **wanted):
    return pytest.param(files, needs, wanted, id=name)


CASES = [
    case(
        "plain declarative",
        projects.DECLARATIVE,
        tables=1,
        imports=["shop.models"],
        lines=["from shop.db import DATABASE_URL", "from shop.db import Base"],
        url='"sqlalchemy.url", DATABASE_URL.replace("%", "%%")',
        metadata="Base.metadata",
    ),
    case(
        "models that nobody imports together",
        projects.SCATTERED,
        tables=3,
        imports=["shop.models", "shop.orders.tables", "shop.stock.items"],
    ),
    case(
        "src layout",
        projects.SRC,
        tables=1,
        imports=["shop.models"],
        ini="prepend_sys_path = %(here)s/src",
    ),
    case(
        "no package, in a subfolder",
        projects.NO_PACKAGE,
        tables=1,
        home="backend/",
        imports=["models"],
        lines=["from database import Base"],
    ),
    case(
        "one file",
        projects.ONE_FILE,
        tables=1,
        lines=["from app import Base"],
        ini="sqlalchemy.url = sqlite:///app.db",
    ),
    case(
        "asynchronous engine",
        projects.ASYNC,
        "aiosqlite",
        tables=1,
        template="async",
        lines=["from shop.db import engine"],
        url="engine.url.render_as_string(hide_password=False)",
    ),
    case(
        "imperative tables",
        projects.IMPERATIVE,
        tables=1,
        lines=["from shop import config as app_config", "from shop.orm import metadata"],
        url="app_config.get_uri()",
        metadata="metadata",
    ),
    case(
        "SQLModel",
        projects.SQLMODEL,
        "sqlmodel",
        tables=1,
        metadata="SQLModel.metadata",
        lines=["from sqlmodel import SQLModel"],
        mako="import sqlmodel.sql.sqltypes\n",
    ),
    case(
        "Flask with a factory",
        projects.FLASK_FACTORY,
        "flask_sqlalchemy",
        tables=1,
        metadata="db.metadata",
        lines=["from shop import create_app", "from shop.extensions import db"],
        url="with create_app().app_context():\n    url = db.engine.url.render_as_string",
    ),
    case(
        "Flask in one file",
        projects.FLASK_ONE_FILE,
        "flask_sqlalchemy",
        tables=1,
        metadata="db.metadata",
        lines=["from app import app", "from app import db"],
        url="with app.app_context():",
    ),
    case(
        "pydantic settings, shown by an example",
        projects.PYDANTIC | {".env.example": projects.EXAMPLE_ENV},
        "pydantic_settings",
        tables=1,
        url="settings.DATABASE_URL.replace",
        lines=["from shop.config import settings"],
        settings='env-file = ".env.example"',
    ),
    case(
        "pydantic settings, shown by nothing",
        projects.PYDANTIC,
        "pydantic_settings",
        tables=1,
        settings='environ = { DATABASE_URL = "{url}", SECRET_KEY = "revguard" }',
    ),
    case(
        "a variable of the environ",
        projects.ENVIRON,
        tables=1,
        url='os.environ["SHOP_DATABASE_URL"].replace',
        settings='environ = { SHOP_DATABASE_URL = "{url}" }',
    ),
]


@pytest.mark.parametrize(("files", "needs", "wanted"), CASES)
def test_from_zero(repository, require, files, needs, wanted):
    require(not needs or importlib.util.find_spec(needs), needs)
    one = repository(files)
    answer = one.init()
    home = wanted.get("home", "")
    env = one.text(f"{home}migrations/env.py")
    compile(env, "env.py", "exec")
    for name in wanted.get("imports", ()):
        assert IMPORTED.format(name) in env
    for line in wanted.get("lines", ()):
        assert f"\n{line}\n" in env
    assert wanted.get("url", "") in env
    assert f"\ntarget_metadata = {wanted.get('metadata', 'Base.metadata')}\n" in env
    assert ("async_engine_from_config" in env) == (wanted.get("template") == "async")
    assert env.count("compare_server_default=True") == 2
    ini = one.text(f"{home}alembic.ini")
    assert wanted.get("ini", "prepend_sys_path = %(here)s") + "\n" in ini
    assert "driver://" not in ini
    assert wanted.get("mako", "") in one.text(f"{home}migrations/script.py.mako")
    written = [step["path"] for step in answer["steps"] if step.get("action") == "create"]
    settings = one.text("revguard.toml") if "revguard.toml" in written else ""
    assert wanted.get("settings", "") in settings
    assert bool(settings) == ("settings" in wanted)
    count = f"{wanted['tables']} table"
    assert said(answer, "models").startswith(count)
    assert "env.py runs; the first revision (" in said(answer, "check")
    assert "upgrade passed, compare passed, downgrade passed, reupgrade" in said(answer, "check")
    assert said(answer, "problem") == ""
    assert answer["next"][1] == "revguard add -m 'first revision'"
