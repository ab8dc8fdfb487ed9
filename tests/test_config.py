"""The configuration: every key of the contract, and what each mistake is told."""

import datetime
import os
import subprocess
import sys

import pytest

import revguard
from revguard.config import EnvironmentSettings, Settings, Waiver, load
from revguard.errors import ConfigError

CONTRACT = b"""
[project]
name = "shop"

[tool.revguard]
base = "origin/main"
one-per = "branch"
python = ".venv/bin/python"
database = "auto"
renames = "source"
prove = ["locks", "upgrade"]
timeout = 90
keep = "10m"
lock = true

[tool.revguard.rules]
"destructive/drop-column" = "warning"
"squawk/ban-drop-column" = "off"
"lock/access-exclusive" = "error"

[tool.revguard.environments.billing]
config = "services/billing/alembic.ini"
root = "services/billing/"
python = "services/billing/.venv/bin/python"
database = "docker:postgres:16"
environ = { SECRET_KEY = "x", DATABASE_URL = "{url}", EMPTY = "" }
env-file = "ci/test.env"
driver = "postgresql+asyncpg"
flask-app = "billing.app:create_app()"
bootstrap = "ci/extensions.sql"
start = "dump:ci/base.sql"
section = "tenant"
x = ["schemas=public"]
within = "app.testing:worker_thread"
watch = ["services/billing/**/*.sql"]
timeout = 5.5

[tool.revguard.environments.code]
alembic-config = "app.migrations:make_config"

[[tool.revguard.waivers]]
operation = "remove_column"
object = "users.email"
until = 2027-01-31
reason = "two-phase drop"

[[tool.revguard.waivers]]
operation = "add_table"
object = "audit.log"
"""


def pyproject(text: str) -> dict[str, bytes]:
    return {"pyproject.toml": text.encode()}


def own(text: str) -> dict[str, bytes]:
    return {"revguard.toml": text.encode()}


def test_every_key_of_the_contract():
    settings = load({"pyproject.toml": CONTRACT})
    assert settings == Settings(
        base="origin/main",
        one_per="branch",
        python=".venv/bin/python",
        database="auto",
        renames="source",
        prove=("upgrade", "locks"),
        timeout=90.0,
        keep=600,
        lock=True,
        rules={
            "destructive/drop-column": "warning",
            "squawk/ban-drop-column": "off",
            "lock/access-exclusive": "error",
        },
        environments=settings.environments,
        waivers=(
            Waiver(
                operation="remove_column",
                object="users.email",
                until=datetime.date(2027, 1, 31),
                reason="two-phase drop",
                path="pyproject.toml",
                line=41,
            ),
            Waiver(operation="add_table", object="audit.log", path="pyproject.toml", line=47),
        ),
        source="pyproject.toml",
    )
    assert list(settings.environments) == ["billing", "code"]
    assert settings.environments["billing"] == EnvironmentSettings(
        one_per="branch",
        python="services/billing/.venv/bin/python",
        database="docker:postgres:16",
        renames="source",
        prove=("upgrade", "locks"),
        timeout=5.5,
        keep=600,
        lock=True,
        config="services/billing/alembic.ini",
        root="services/billing",
        environ={"SECRET_KEY": "x", "DATABASE_URL": "{url}", "EMPTY": ""},
        env_file="ci/test.env",
        driver="postgresql+asyncpg",
        flask_app="billing.app:create_app()",
        bootstrap="ci/extensions.sql",
        start="dump:ci/base.sql",
        section="tenant",
        x=("schemas=public",),
        within="app.testing:worker_thread",
        watch=("services/billing/**/*.sql",),
    )


def test_an_environment_inherits_what_it_does_not_say():
    code = load({"pyproject.toml": CONTRACT}).environments["code"]
    assert (code.timeout, code.keep, code.one_per) == (90.0, 600, "branch")
    assert code.alembic_config == "app.migrations:make_config"
    assert load({"pyproject.toml": CONTRACT}).defaults.timeout == 90.0


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no files"),
        pytest.param(pyproject(""), id="empty pyproject"),
        pytest.param(pyproject('[project]\nname = "revguard-user"\n'), id="nothing of ours"),
        pytest.param(pyproject("this is ] not toml"), id="broken, and not ours to judge"),
        pytest.param(own("# nothing yet\n"), id="empty own file"),
        pytest.param(pyproject("[tool.revguard]\n"), id="empty table"),
    ],
)
def test_nothing_configured_is_the_defaults(files):
    settings = load(files)
    assert settings == Settings()
    assert settings.defaults == EnvironmentSettings()
    assert settings.prove == ("upgrade", "round-trip", "rows", "locks")


def test_the_own_file_has_the_same_keys_at_its_top():
    settings = load(own('timeout = 7\n[[waivers]]\noperation = "add_fk"\nobject = "a.b"\n'))
    assert (settings.timeout, settings.source) == (7.0, "revguard.toml")
    assert (settings.waivers[0].path, settings.waivers[0].line) == ("revguard.toml", 2)


def test_a_waiver_holds_on_its_last_day():
    day = datetime.date(2027, 1, 31)
    waiver = Waiver(operation="add_table", object="a", until=day)
    assert waiver.holds(day)
    assert not waiver.holds(day + datetime.timedelta(days=1))
    assert Waiver(operation="add_table", object="a").holds(datetime.date.max)


def test_only_one_of_both_files_may_have_settings():
    both = pyproject("[tool.revguard]\ntimeout = 1\n") | own("timeout = 2\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml.*revguard\.toml") as caught:
        load(both)
    assert caught.value.exit_code == 2
    assert load(pyproject("[tool.revguard]\n") | own("timeout = 2\n")).timeout == 2
    assert load(pyproject("[tool.revguard]\ntimeout = 3\n") | own("")).timeout == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('keep = "0"', 0),
        ('keep = "90s"', 90),
        ('keep = "10m"', 600),
        ('keep = "1h30m"', 5400),
        ('keep = "1d"', 86400),
    ],
)
def test_durations(text, value):
    assert load(own(text)).keep == value


@pytest.mark.parametrize(
    "value",
    [
        "auto",
        "sqlite",
        "embedded",
        "local",
        "docker",
        "docker:postgres:16",
        "docker:ghcr.io/acme/pg@sha256:aa",
        "podman:postgres",
        "server:postgresql://u@h/",
        "server:mysql+pymysql://u:p%40@[::1]:3306/x?ssl=true",
        "server:$REVGUARD_SERVER_URL",
        "server:${URL}",
        "server:postgresql://u:${PASSWORD}@h",
    ],
)
def test_databases(value):
    assert load(own(f'database = "{value}"')).database == value


@pytest.mark.parametrize(
    "operation",
    ["add_fk", "modify_column", "remove_schema", "create_view", "sync_enum_values", "CreateViewOp"],
)
def test_operations_of_alembic_and_of_its_plugins(operation):
    text = f'[[waivers]]\noperation = "{operation}"\nobject = "a"\n'
    assert load(own(text)).waivers[0].operation == operation


WRONG = {
    "unknown key": ("timout = 1", 'revguard.toml: timout: unknown key, did you mean "timeout"?'),
    "underscore": ('one_per = "commit"', 'one_per: unknown key, did you mean "one-per"?'),
    "far from any key": ("zzzz = 1", "revguard.toml: zzzz: unknown key"),
    "key of an environment": ('env-file = "x"', "revguard.toml: env-file: unknown key here"),
    "table of pyproject": ("[tool.revguard]\nlock = true", "revguard.toml: tool: unknown key"),
    "text for a number": ('timeout = "1"', "timeout: must be a number of seconds, not a text"),
    "boolean for a number": ("timeout = true", "must be a number of seconds, not a boolean"),
    "no time": ("timeout = 0", "timeout: 0 is no time limit"),
    "negative time": ("timeout = -3", "timeout: -3 is no time limit"),
    "endless time": ("timeout = inf", "timeout: inf is no time limit"),
    "number for a text": ("base = 1", "base: must be a text in quotes, not a number"),
    "empty text": ('base = " "', "base: must not be empty"),
    "number for a flag": ("lock = 1", "lock: must be true or false, not a number"),
    "one-per": ('one-per = "comit"', 'did you mean "commit"?'),
    "renames": ('renames = "always"', 'renames: "always" is none of "ask", "source", "never"'),
    "prove is no list": ('prove = "upgrade"', "prove: must be a list of texts, not a text"),
    "prove": ('prove = ["roundtrip"]', 'prove.0: "roundtrip" is none of'),
    "keep number": ("keep = 10", "keep: must be a text in quotes, not a number"),
    "keep without a unit": ('keep = "10"', 'keep: "10" is no duration'),
    "keep words": ('keep = "an hour"', 'keep: "an hour" is no duration'),
    "keep order": ('keep = "1m1h"', 'keep: "1m1h" is no duration'),
    "database": ('database = "dokcer"', 'database: "dokcer" is no database'),
    "database without image": ('database = "docker:"', "names no image"),
    "server without URL": ('database = "server:localhost"', "holds no URL"),
    "server without anything": ('database = "server:"', '"server:" holds no URL'),
    "server alone": ('database = "server"', '"server" holds no URL'),
    "a password in a message": (
        'database = "srever:postgresql://u:s3cr@t@h/"',
        '"srever:postgresql://u:***@h/" is no database',
    ),
    "local with something": ('database = "local:15"', '"local" takes nothing after it'),
    "rules is no table": ("rules = []", "rules: must be a table, not a list"),
    "rule": (
        '[rules]\n"destructive/drop-colum" = "off"',
        'drop-colum": there is no such rule, did you mean "destructive/drop-column"?',
    ),
    "family": ('[rules]\n"destructive/*" = "off"', "a rule is named in full"),
    "empty name in a family": ('[rules]\n"squawk/" = "off"', "there is no such rule"),
    "severity": ('[rules]\n"proof/upgrade-fails" = "warn"', 'did you mean "warning"?'),
    "environments is no table": ("environments = 1", "environments: must be a table"),
    "environment is no table": ("[environments]\na = 1", "environments.a: must be a table"),
    "unknown key of an environment": (
        '[environments.billing]\nconfg = "a.ini"',
        'revguard.toml: environments.billing.confg: unknown key, did you mean "config"?',
    ),
    "base of an environment": ('[environments.a]\nbase = "x"', "environments.a.base: unknown key"),
    "name with spaces only": ('[environments." "]', "needs a name"),
    "two configs": (
        '[environments.a]\nconfig = "a.ini"\nalembic-config = "a:b"',
        "`config` and `alembic-config` exclude each other",
    ),
    "path out": ('[environments.a]\nroot = "a/../../b"', "leads out of the repository"),
    "absolute": ('[environments.a]\nconfig = "/a.ini"', "must be relative"),
    "windows": ('[environments.a]\nconfig = "C:\\\\a.ini"', "must be relative"),
    "environ value": (
        "[environments.a.environ]\nPORT = 5432",
        "environments.a.environ.PORT: must be a text in quotes, not a number",
    ),
    "x is a text": ('[environments.a]\nx = "a=b"', "x: must be a list of texts"),
    "x holds a number": ("[environments.a]\nx = [1]", "x.0: must be a text in quotes"),
    "start": ('[environments.a]\nstart = "dump:"', 'start: "dump:" is none of'),
    "driver": ('[environments.a]\ndriver = "postgresql://"', "is no driver"),
    "within": ('[environments.a]\nwithin = "app.testing"', "names no callable"),
    "waivers is a table": ("[waivers]\na = 1", "waivers: must be a list of tables"),
    "waiver without object": ('[[waivers]]\noperation = "add_table"', "`object` is missing"),
    "waiver without operation": ('[[waivers]]\nobject = "a"', "`operation` is missing"),
    "operation of a script": (
        '[[waivers]]\noperation = "drop_column"\nobject = "a.b"',
        '"drop_column" is no operation of a comparison, did you mean "remove_column"?',
    ),
    "misspelt operation": (
        '[[waivers]]\noperation = "modify_nulable"\nobject = "a"',
        'did you mean "modify_nullable"?',
    ),
    "invented operation": (
        '[[waivers]]\noperation = "delete_column"\nobject = "a"',
        "is no operation of a comparison",
    ),
    "operation": ('[[waivers]]\noperation = "explode"\nobject = "a"', "waivers.0.operation"),
    "day in quotes": (
        '[[waivers]]\noperation = "add_table"\nobject = "a"\nuntil = "2027-01-31"',
        "waivers.0.until: must be a day without quotes, 2027-01-31, not a text",
    ),
    "day and time": (
        '[[waivers]]\noperation = "add_table"\nobject = "a"\nuntil = 2027-01-31T00:00:00Z',
        "must be a day without quotes, 2027-01-31, not a date or time",
    ),
    "unknown key of a waiver": (
        '[[waivers]]\noperation = "add_table"\nobject = "a"\nuntill = 2027-01-31',
        'waivers.0.untill: unknown key, did you mean "until"?',
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_mistakes_name_file_key_and_the_nearest(text, message):
    with pytest.raises(ConfigError) as caught:
        load(own(text))
    assert message in str(caught.value)
    assert caught.value.message.startswith("revguard.toml")


def test_keys_in_pyproject_are_named_in_full():
    with pytest.raises(ConfigError) as caught:
        load(pyproject("[tool.revguard]\ntimout = 1\n"))
    assert caught.value.message == (
        'pyproject.toml: tool.revguard.timout: unknown key, did you mean "timeout"?'
    )
    assert "Known keys: base, one-per" in caught.value.hint


def test_the_table_must_be_a_table():
    with pytest.raises(ConfigError, match=r"pyproject\.toml: tool\.revguard: must be a table"):
        load(pyproject('[tool]\nrevguard = "yes"\n'))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"timeout = 1\nkeep = \n", "revguard.toml:2:8: ", id="value missing"),
        pytest.param(b"timeout = 1\nbase = '", "revguard.toml:2:", id="ends in a text"),
        pytest.param(
            b"a = 1\nb = '\xff'\n", "revguard.toml:2: is not written in UTF-8", id="bytes"
        ),
        pytest.param(b"a = " + b"[" * 5000, "revguard.toml", id="nested without end"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(content, message):
    with pytest.raises(ConfigError) as caught:
        load({"revguard.toml": content})
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == 2


def test_a_byte_order_mark_does_no_harm():
    assert load({"revguard.toml": b"\xef\xbb\xbftimeout = 4\n"}).timeout == 4


def test_waivers_written_inline_have_no_line():
    text = 'waivers = [{ operation = "add_table", object = "a" }]'
    assert load(own(text)).waivers[0].line == 0


def test_loading_imports_nothing_heavy():
    code = (
        "import sys; from revguard.config import load; load({'revguard.toml': b'timeout = 1'});"
        "print(sorted({'alembic', 'sqlalchemy', 'git', 'docker', 'platformdirs', 'subprocess'}"
        " & set(sys.modules)))"
    )
    environ = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(revguard.__file__))}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "[]\n"
