"""Variables that a project's settings lack: named from what the real libraries raise."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import revguard

LIBRARIES = ("pydantic-settings", "starlette", "environs", "python-decouple", "django-environ")
RUNNER = """\
import json, sys
sys.path.insert(0, {hooks!r})
from revguard.worker import failure
told = {{}}
for name, text in json.load(sys.stdin).items():
    path = {folder!r} + "/settings.py"
    with open(path, "w") as stream:
        stream.write(text)
    try:
        exec(compile(text, path, "exec"), {{"__name__": "settings"}})
    except BaseException as error:
        told[name] = failure.describe(error, {folder!r}, "/repository")
print(json.dumps(told))
"""
V2 = """
from typing import List, Optional
from pydantic import AliasChoices, BaseModel, Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
"""
PYDANTIC_1 = """
from pydantic.v1 import BaseSettings, Field
class S(BaseSettings):
    secret: str
    url: str = Field(env='DB_URL')
    class Config:
        env_prefix = 'app_'
S()
"""
ENVIRONS_AT_THE_END = """
from environs import Env
env = Env(eager=False)
env.str('A_KEY')
env.int('B_KEY')
env.seal()
"""
ENVIRONS_INVALID = """
import os
from environs import Env
os.environ['C_KEY'] = 'hunter2'
Env().int('C_KEY')
"""
RETOLD = """
import os
try:
    os.environ['SECRET_KEY']
except KeyError:
    raise RuntimeError('read the manual')
"""
GETENV = """
import os
URL = os.environ.get('NO_URL')
HOME = os.getenv('HOME')
raise ValueError('Expected string or URL object, got None')
"""
# what the project does, and what it asks for: name, problem, type
CASES = {
    "pydantic": (
        V2 + "class S(BaseSettings):\n    DATABASE_URL: PostgresDsn\n    secret_key: SecretStr\n"
        "    debug: bool = False\nS()\n",
        [("DATABASE_URL", "missing"), ("SECRET_KEY", "missing")],
    ),
    "pydantic, a prefix": (
        V2 + "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='APP_')\n"
        "    url: str\n    other: str = Field(alias='OTHER_NAME')\n"
        "    third: str = Field(validation_alias=AliasChoices('THIRD', 'DRITTE'))\nS()\n",
        [("APP_URL", "missing"), ("OTHER_NAME", "missing"), ("THIRD", "missing")],
    ),
    "pydantic, a model within": (
        V2 + "class D(BaseModel):\n    host: str\n    port: int = 1\n    user: str\n"
        "class S(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_nested_delimiter='__', env_prefix='X_')\n"
        "    db: D\nS()\n",
        [("X_DB__HOST", "missing"), ("X_DB__USER", "missing")],
    ),
    "pydantic, part of a model within": (
        V2 + "import os\nos.environ['Y_DB__HOST'] = 'h'\n"
        "class D(BaseModel):\n    host: str\n    user: str\n"
        "class S(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_nested_delimiter='__', env_prefix='Y_')\n"
        "    db: D\nS()\n",
        [("Y_DB__USER", "missing")],
    ),
    "pydantic, settings within settings": (
        V2 + "class D(BaseSettings):\n    pg_host: str\n"
        "class S(BaseSettings):\n    x: str = ''\n    db: D = Field(default_factory=D)\nS()\n",
        [("PG_HOST", "missing")],
    ),
    "pydantic, case matters": (
        V2 + "class S(BaseSettings):\n    model_config = SettingsConfigDict(case_sensitive=True)\n"
        "    dbUrl: str\nS()\n",
        [("dbUrl", "missing")],
    ),
    "pydantic, a value that is none": (
        V2 + "import os\nos.environ['PORT'] = 'hunter2'\n"
        "class S(BaseSettings):\n    port: int\nS()\n",
        [("PORT", "invalid")],
    ),
    "pydantic, no settings": (V2 + "class M(BaseModel):\n    x: int\nM()\n", []),
    "pydantic 1": (
        PYDANTIC_1,
        [("APP_SECRET", "missing"), ("DB_URL", "missing")],
    ),
    "starlette": (
        "from starlette.config import Config\nConfig()('SECRET_KEY')\n",
        [("SECRET_KEY", "missing")],
    ),
    "environs": (
        "from environs import Env\nEnv().str('SECRET_KEY')\n",
        [("SECRET_KEY", "missing")],
    ),
    "environs, at the end": (
        ENVIRONS_AT_THE_END,
        [("A_KEY", "missing"), ("B_KEY", "missing")],
    ),
    "environs, a value that is none": (
        ENVIRONS_INVALID,
        [("C_KEY", "invalid")],
    ),
    "decouple": (
        "from decouple import Config, RepositoryEmpty\nConfig(RepositoryEmpty())('SECRET_KEY')\n",
        [("SECRET_KEY", "missing")],
    ),
    "django-environ": (
        "import environ\nenviron.Env()('SECRET_KEY')\n",
        [("SECRET_KEY", "missing")],
    ),
    "os.environ": ("import os\nos.environ['SECRET_KEY']\n", [("SECRET_KEY", "missing")]),
    "os.environ, told in other words": (
        RETOLD,
        [("SECRET_KEY", "missing")],
    ),
    "os.getenv in the line": (
        "import os\nint(os.getenv('NO_PORT'))\n",
        [("NO_PORT", "missing")],
    ),
    "os.getenv in the file": (
        GETENV,
        [("NO_URL", "missing")],
    ),
    "a dict": ("{'a': 1}['SECRET_KEY']\n", []),
    "a missing module": (
        "import os\ntry:\n    os.environ['A_KEY']\nexcept KeyError:\n    import nowhere_at_all\n",
        [],
    ),
    "a lookalike": ("raise KeyError('SECRET_KEY')\n", []),
    "None of something else": ("None.attribute\n", []),
}


@pytest.fixture(scope="module")
def told(libraries, tmp_path_factory):
    """What is told of each case, by one process in which the libraries are installed."""
    folder = str(tmp_path_factory.mktemp("project"))
    code = RUNNER.format(hooks=str(Path(revguard.__file__).parents[1]), folder=folder)
    done = subprocess.run(
        [libraries(LIBRARIES), "-c", code],
        input=json.dumps({name: text for name, (text, _) in CASES.items()}),
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": folder},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CASES)
def test_the_variables_are_named(told, name):
    account = told[name]
    found = [(one["name"], one["problem"]) for one in account["settings"]]
    assert found == CASES[name][1], account


def test_values_are_not_repeated(told):
    """They may be secrets; the types are told, for a value that will do."""
    assert not [name for name, account in told.items() if "hunter2" in account["message"]]
    types = {one["name"]: one["type"] for one in told["pydantic"]["settings"]}
    assert types == {"DATABASE_URL": "PostgresDsn", "SECRET_KEY": "SecretStr"}
