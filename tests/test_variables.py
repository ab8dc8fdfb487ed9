"""What to type where env.py lacks a variable or a module."""

import pytest

from revguard.config import EnvironmentSettings
from revguard.environments import Environment
from revguard.evaluation import imports
from revguard.evaluation.variables import of_variables, suggested


def environment(**options):
    given = {"name": "shop", "config": "alembic.ini", "roots": ("",)}
    return Environment(**{**given, **options})


@pytest.mark.parametrize(
    ("name", "type_", "value"),
    [
        ("DATABASE_URL", "", "{url}"),
        ("SQLALCHEMY_DATABASE_URI", "", "{url}"),
        ("database_dsn", "", "{url}"),
        ("DATABASE", "", "{url}"),
        ("STORE", "PostgresDsn", "{url}"),
        ("POSTGRES_HOST", "", "{host}"),
        ("POSTGRES_SERVER", "", "{host}"),
        ("PGHOST", "", "{host}"),
        ("APP_DB__PORT", "int", "{port}"),
        ("DB_USER", "", "{user}"),
        ("MYSQL_PASSWORD", "SecretStr", "{password}"),
        ("POSTGRES_DB", "", "{database}"),
        ("DB_NAME", "", "{database}"),
        ("DB_ECHO", "bool", "false"),
        ("SECRET_KEY", "SecretStr", "x"),
        ("PORT", "int", "1"),
        ("WORKERS", "typing.Optional[int]", "1"),
        ("REDIS_DB", "int", "1"),
        ("REDIS_URL", "RedisDsn", "redis://localhost"),
        ("REDIS_URL", "", "redis://localhost"),
        ("FRONTEND_URL", "AnyHttpUrl", "http://localhost"),
        ("SENTRY_DSN", "", "http://localhost"),
        ("ADMIN", "EmailStr", "x@example.com"),
        ("ORIGINS", "typing.List[str]", "[]"),
        ("PRINT_SETTINGS", "str", "x"),
        ("HOSTNAME", "", "x"),
        ("USER", "", "x"),
    ],
)
def test_a_value_for_a_variable(name, type_, value):
    assert suggested(name, type_) == value


def account(*settings, type_="KeyError"):
    return {
        "type": type_,
        "settings": [{"name": n, "problem": p, "type": ""} for n, p in settings],
    }


def test_the_line_to_add():
    asked = account(("DATABASE_URL", "missing"), ("SECRET_KEY", "missing"))
    error = of_variables(asked, environment(name="my shop"), "\n  settings.py:3  Settings()")
    assert error.message == (
        "env.py cannot run: it needs the variables DATABASE_URL and SECRET_KEY, which are not set "
        "(KeyError)\n  settings.py:3  Settings()"
    )
    assert error.hint == (
        'Say it under [tool.revguard.environments."my shop"]: '
        '`environ = { DATABASE_URL = "{url}", SECRET_KEY = "x" }` '
        "({...} stands for the ephemeral database). "
        "Any value will do where nothing of it reaches the models."
    )


def test_what_is_configured_stays():
    settings = EnvironmentSettings(environ={"A": "hunter2"})
    asked = account(("PORT", "invalid"), ("KEY", "missing"), type_="ValidationError")
    error = of_variables(asked, environment(settings=settings), "")
    assert error.message == (
        "env.py cannot run: it needs the variable KEY, which is not set and does not accept the "
        "value of PORT (ValidationError)"
    )
    assert '`PORT = "1", KEY = "x"`' in error.hint
    assert "hunter2" not in error.hint + error.message


def test_another_failure_is_none_of_ours():
    assert of_variables(account(), environment(), "") is None


REMEDIES = {
    "a dependency": ((), {}, "`python -m pip install yaml`"),
    "requirements": (["requirements.txt"], {}, "`python -m pip install -r requirements.txt`"),
    "uv": (["uv.lock"], {}, "`uv sync`, or `uv add yaml`"),
    "poetry, beside the ini": (
        ["api/poetry.lock", "uv.lock"],
        {"roots": ("api", "")},
        "`poetry install`, or `poetry add yaml`",
    ),
    "pdm": (["pdm.lock"], {}, "`pdm install`, or `pdm add yaml`"),
    "pipenv": (["Pipfile.lock"], {}, "`pipenv install`"),
    "a source folder": (["src/yaml/__init__.py"], {}, "`prepend_sys_path = src` in alembic.ini"),
    "a module beside the ini's folder": (
        ["backend/yaml.py"],
        {"roots": ("backend/db", ""), "config": "backend/db/alembic.ini"},
        "`prepend_sys_path = ..` in backend/db/alembic.ini",
    ),
    "the project's tests have one": (["tests/yaml.py"], {}, "`python -m pip install yaml`"),
    "part of another package": (
        ["app/__init__.py", "app/yaml.py"],
        {},
        "`python -m pip install yaml`",
    ),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_the_remedy_of_a_failed_import(name):
    listing, options, said = REMEDIES[name]
    assert said in imports.remedy("yaml", environment(**options), listing, "python")
