"""The environments of a tree: found, configured, named, and why others are none."""

import os
from typing import NamedTuple

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from revguard.config import EnvironmentSettings, load
from revguard.environments import Skipped, discover, select
from revguard.errors import ConfigError, UsageError

INI = "[alembic]\nscript_location = migrations\nsqlalchemy.url = driver://user:pass@localhost/db\n"


class Entry(NamedTuple):
    mode: str
    oid: str


class Tree:
    """Files by path; reading is counted, since each reading is a process."""

    def __init__(self, files, modes=None):
        self.contents = {
            path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()
        }
        modes = modes or {}
        self.files = {path: Entry(modes.get(path, "100644"), "0" * 40) for path in self.contents}
        self.reads = []

    def read(self, paths):
        self.reads.append(paths)
        return {path: self.contents[path] for path in paths}


def find(files, configuration="", modes=None):
    tree = Tree(files, modes)
    settings = load({"revguard.toml": configuration.encode()})
    return discover(settings, tree.files, tree.read, top_name="shop")


def only(files, configuration=""):
    environments, skipped = find(files, configuration)
    assert skipped == []
    (environment,) = environments
    return environment


def at(folder, ini=INI, location="migrations"):
    return {f"{folder}alembic.ini": ini, f"{folder}{location}/env.py": ""}


def test_an_ini_at_the_top_is_named_after_the_repository():
    environment = only(at(""))
    assert environment.name == "shop"
    assert environment.config == "alembic.ini"
    assert environment.roots == ("",)
    assert environment.script_location == "migrations"
    assert environment.version_locations == ("migrations/versions",)
    assert environment.url_hint is None
    assert environment.section == "alembic"
    assert environment.toml is None
    assert environment.settings == EnvironmentSettings()


def test_one_in_a_folder_is_named_after_it_and_runs_there_first():
    environment = only(at("services/billing/"))
    assert environment.name == "billing"
    assert environment.roots == ("services/billing", "")
    assert environment.root == "services/billing"
    assert environment.script_location == "services/billing/migrations"


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        pytest.param(["a/", "b/"], ["a", "b"], id="distinct"),
        pytest.param(["", "a/"], ["shop", "a"], id="top and folder"),
        pytest.param(["x/db/", "y/db/"], ["x/db", "y/db"], id="same folder name"),
        pytest.param(["", "apps/shop/"], ["shop", "apps/shop"], id="folder named as the top"),
        pytest.param(["", "shop/"], [".", "shop"], id="path named as the top"),
    ],
)
def test_names(folders, names):
    environments, _ = find({path: text for folder in folders for path, text in at(folder).items()})
    assert [environment.name for environment in environments] == names


def test_a_location_that_is_relative_to_the_top_runs_there_first():
    files = {"config/alembic.ini": INI, "migrations/env.py": ""}
    assert only(files).roots == ("", "config")
    assert only(files).script_location == "migrations"


def test_a_location_in_a_package_runs_where_the_package_is_imported_from():
    files = {"app/alembic.ini": location("app:db"), "app/db/env.py": ""}
    assert only(files).roots == ("", "app")


PYPROJECT = '[tool.alembic]\nscript_location = "%(here)s/migrations"\n'


def test_a_pyproject_is_an_environment_too():
    environment = only({"a/pyproject.toml": PYPROJECT, "a/migrations/env.py": ""})
    assert (environment.config, environment.toml) == ("a/pyproject.toml", "a/pyproject.toml")
    assert environment.script_location == "a/migrations"


def test_ini_and_pyproject_of_one_folder_are_one_environment():
    files = {
        "alembic.ini": "[alembic]\nsqlalchemy.url = sqlite:///x.db\n",
        "pyproject.toml": PYPROJECT + 'version_locations = ["%(here)s/one", "two"]\n',
        "migrations/env.py": "",
    }
    environment = only(files)
    assert (environment.config, environment.toml) == ("alembic.ini", "pyproject.toml")
    assert environment.script_location == "migrations"
    assert environment.version_locations == ("one", "two")
    assert environment.url_hint == ("sqlite", None)


def test_the_ini_wins_over_the_pyproject():
    files = {**at(""), "pyproject.toml": '[tool.alembic]\nscript_location = "other"\n'}
    assert only(files).script_location == "migrations"


def test_a_pyproject_that_says_nothing_of_alembic_is_not_parsed():
    environment = only({**at(""), "docs/pyproject.toml": "broken ]"})
    assert environment.toml is None


def test_flask_migrate_names_no_location():
    files = {"app/migrations/alembic.ini": "[alembic]\n", "app/migrations/env.py": ""}
    environment = only(files)
    assert environment.flask
    assert environment.script_location == "app/migrations"
    assert environment.version_locations == ("app/migrations/versions",)
    assert not only(at("")).flask


@pytest.mark.parametrize(
    ("files", "modes", "reason"),
    [
        pytest.param(
            {"alembic.ini": "[alembic]\n"}, {}, "names no script_location", id="no location"
        ),
        pytest.param(
            {"alembic.ini": INI},
            {},
            "has the script_location migrations, where no env.py is tracked",
            id="no env.py",
        ),
        pytest.param(
            {"alembic.ini": "[alembic]\nscript_location = %(here)s/db\n"},
            {},
            "has the script_location %(here)s/db, where no env.py is tracked",
            id="no env.py beside",
        ),
        pytest.param(
            {"alembic.ini": "[tenant]\nscript_location = a\n[x]\n", "a/env.py": ""},
            {},
            "has no section [alembic], but [tenant], [x]",
            id="other sections",
        ),
        pytest.param({"alembic.ini": ""}, {}, "has no section [alembic]", id="empty"),
        pytest.param(
            {"pyproject.toml": "[tool.alembic]\n", "env.py": ""},
            {},
            "names no script_location",
            id="pyproject without location",
        ),
        pytest.param(
            {"alembic.ini": "../x.ini", "migrations/env.py": ""},
            {"alembic.ini": "120000"},
            "is a symbolic link",
            id="link",
        ),
        pytest.param(
            at("{{cookiecutter.name}}/"), {}, "lies in the folder of a template", id="template"
        ),
        pytest.param(
            {"alembic.ini": "[alembic]\nscript_location = /srv/db\n"},
            {},
            "has the script_location /srv/db, where no env.py is tracked",
            id="absolute",
        ),
        pytest.param(
            {"alembic.ini": "[alembic]\nscript_location = ../db\n"},
            {},
            "has the script_location ../db, where no env.py is tracked",
            id="outside",
        ),
    ],
)
def test_what_is_no_environment_is_skipped_with_a_reason(files, modes, reason):
    environments, skipped = find({**files, **at("real/")}, modes=modes)
    assert [environment.name for environment in environments] == ["real"]
    assert [one.reason for one in skipped] == [reason]
    with pytest.raises(UsageError) as caught:
        find(files, modes=modes)
    assert f"{skipped[0].path}: {reason}" in caught.value.message
    assert "`alembic init`" in caught.value.hint
    assert isinstance(skipped[0], Skipped)


def test_no_environment_at_all():
    with pytest.raises(UsageError) as caught:
        find({"README.md": ""})
    assert caught.value.exit_code == 2
    assert caught.value.message == "no alembic.ini and no [tool.alembic] is tracked here"


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        pytest.param("key = 1\n", "a/alembic.ini:1: there is something before", id="no section"),
        pytest.param("[a]\nb = 1\n[a]\n", "a/alembic.ini:3: the section [a]", id="section twice"),
        pytest.param("[a]\nb = 1\nb = 2\n", "a/alembic.ini:3: the option b", id="option twice"),
        pytest.param("[a]\n\nhello\n", "a/alembic.ini:3: this line is no", id="no value"),
    ],
)
def test_an_ini_that_cannot_be_parsed_says_where(ini, message):
    with pytest.raises(ConfigError) as caught:
        find({**at("b/"), "a/alembic.ini": ini})
    assert caught.value.message.startswith(message)


def test_a_pyproject_that_cannot_be_parsed_says_where():
    with pytest.raises(ConfigError, match=r"^a/pyproject\.toml:2:"):
        find({**at("b/"), "a/pyproject.toml": "[tool.alembic]\nscript_location = \n"})


def location(text, *more):
    return f"[alembic]\nscript_location = {text}\n" + "".join(f"{line}\n" for line in more)


@pytest.mark.parametrize(
    ("ini", "env_py", "expected"),
    [
        pytest.param(location("%(here)s/db"), "svc/db", "svc/db", id="here"),
        pytest.param(location("./db/"), "svc/db", "svc/db", id="dots"),
        pytest.param(location("../db"), "db", "db", id="parent"),
        pytest.param(location("."), "svc", "svc", id="itself"),
        pytest.param(location("%(here)s"), "svc", "svc", id="here itself"),
        pytest.param(location("%(dir)s/db", "dir = app"), "svc/app/db", "svc/app/db", id="option"),
        pytest.param(
            "[DEFAULT]\nd = app\n" + location("%(d)s"), "svc/app", "svc/app", id="default"
        ),
        pytest.param(location("100%%"), "svc/100%", "svc/100%", id="percent"),
        pytest.param(location("app.db:sql"), "svc/app/db/sql", "svc/app/db/sql", id="package"),
        pytest.param(location("app:db"), "svc/src/app/db", "svc/src/app/db", id="src layout"),
        pytest.param(location("app:db"), "app/db", "app/db", id="package at the top"),
        pytest.param(location("app:sub:db"), "src/app/sub/db", "src/app/sub/db", id="colons"),
        pytest.param(location("app:db"), "libs/x/app/db", "libs/x/app/db", id="package elsewhere"),
        pytest.param(location("%(FOLDER)s/db"), "svc/x", None, id="open"),
        pytest.param(location("db", "sqlalchemy.url = x://%s:%%@%h/%"), "svc/db", "svc/db", id="%"),
        pytest.param("\ufeff" + location("db"), "svc/db", "svc/db", id="byte order mark"),
        pytest.param(location("db").encode() + b"a = \xe9", "svc/db", "svc/db", id="latin"),
    ],
)
def test_script_location(ini, env_py, expected):
    environment = only({"svc/alembic.ini": ini, f"{env_py}/env.py": ""})
    assert environment.script_location == expected
    if expected is None:
        assert environment.version_locations is None


def test_a_package_that_is_there_twice_is_not_guessed():
    files = {"a/alembic.ini": location("app:db"), "x/app/db/env.py": "", "y/app/db/env.py": ""}
    with pytest.raises(UsageError, match="app:db"):
        find(files)


VERSIONS = {
    "legacy": ("one two,three,  four", ["one", "two", "three", "four"]),
    "newline": ("\n  one\n  two\npath_separator = newline", ["one", "two"]),
    "space": ("one  two\nversion_path_separator = space", ["one", "two"]),
    "os": ("one:two\nversion_path_separator = os", ["one", "two"]),
    "colon": ("one:two\npath_separator = :", ["one", "two"]),
    "semicolon": ("one; two\npath_separator = ;", ["one", "two"]),
    "path_separator wins": (
        "one;two\npath_separator = ;\nversion_path_separator = space",
        ["one", "two"],
    ),
    "here": ("%(here)s/one %(here)s/two", ["one", "two"]),
    "default": ("", ["db/versions"]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("said", "expected"), VERSIONS.values(), ids=VERSIONS.keys())
def test_version_locations_are_alembics(said, expected, tmp_path, monkeypatch):
    ini = location("%(here)s/db") + (f"version_locations = {said}\n" if said else "")
    assert only({"alembic.ini": ini, "db/env.py": ""}).version_locations == tuple(expected)
    (tmp_path / "db").mkdir()
    (tmp_path / "alembic.ini").write_text(ini)
    monkeypatch.chdir(tmp_path)
    script = ScriptDirectory.from_config(Config("alembic.ini"))
    theirs = [os.path.relpath(path, tmp_path) for path in script._version_locations]
    assert theirs == expected


def test_version_locations_in_packages_and_open_ones():
    files = {"alembic.ini": location("db", "version_locations = app:one two"), "db/env.py": ""}
    files["src/app/one/a.py"] = ""
    assert only(files).version_locations == ("src/app/one", "two")
    files["alembic.ini"] = location("db", "version_locations = %(there)s/one two")
    assert only(files).version_locations is None


def test_the_separator_of_the_old_template_has_a_comment():
    lines = ("version_locations = a:b", "version_path_separator = os  # Use os.pathsep.")
    files = {"alembic.ini": location("db", *lines), "db/env.py": ""}
    assert only(files).version_locations == ("a", "b")


def test_recursive_version_locations():
    files = {"alembic.ini": location("db", "recursive_version_locations = true"), "db/env.py": ""}
    assert only(files).recursive
    files = {"pyproject.toml": PYPROJECT + "recursive_version_locations = true\n"}
    assert only({**files, "migrations/env.py": ""}).recursive
    assert not only(at("")).recursive


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgresql+asyncpg://u:p@h/db", ("postgresql", "asyncpg")),
        ("postgresql://u:p%40%%@h/db", ("postgresql", None)),
        ("postgres://u@h/db", ("postgresql", None)),
        ("sqlite:///./app.db", ("sqlite", None)),
        ("mysql+pymysql://u@h/db", ("mysql", "pymysql")),
        ("driver://user:pass@localhost/dbname", None),
        ("%(DATABASE_URL)s", None),
        ("${DATABASE_URL}", None),
        ("", None),
    ],
)
def test_url_hint(url, hint):
    files = {"alembic.ini": location("db", f"sqlalchemy.url = {url}"), "db/env.py": ""}
    assert only(files).url_hint == hint


def test_configured_environments_and_nothing_else():
    files = {**at(""), **at("billing/"), "x/pyproject.toml": "[tool.alembic]\nbroken"}
    configuration = 'timeout = 9\n[environments.bill]\nconfig = "billing/alembic.ini"\n'
    environments, skipped = find(files, configuration)
    assert [environment.name for environment in environments] == ["bill"]
    assert environments[0].settings.timeout == 9
    assert environments[0].roots == ("billing", "")
    assert skipped == []


def test_root_section_and_toml_as_configured():
    files = {
        "conf/db.ini": "[tenant]\nscript_location = migrations\n[alembic]\nscript_location = x\n",
        "svc/migrations/env.py": "",
        "svc/pyproject.toml": PYPROJECT,
    }
    configuration = """
        [environments.tenant]
        config = "conf/db.ini"
        section = "tenant"
        root = "./svc"
        x = ["a=b"]
        [environments.toml]
        config = "svc/pyproject.toml"
    """
    (tenant, toml), _ = find(files, configuration)
    assert (tenant.section, tenant.roots) == ("tenant", ("svc",))
    assert tenant.script_location == "svc/migrations"
    assert tenant.settings.x == ("a=b",)
    assert (toml.config, toml.script_location) == ("svc/pyproject.toml", "svc/migrations")


def test_a_configured_environment_without_a_file_takes_the_found_one_of_its_name():
    environment = only(at("svc/billing/"), "[environments.billing]\ntimeout = 3\n")
    assert environment.config == "svc/billing/alembic.ini"
    assert environment.settings.timeout == 3


def test_an_environment_that_is_built_in_code():
    files = {"svc/app.py": ""}
    environment = only(files, '[environments.a]\nalembic-config = "app:make"\nroot = "svc"\n')
    assert (environment.config, environment.roots) == (None, ("svc",))
    assert (environment.script_location, environment.version_locations) == (None, None)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param(
            'config = "billing/alembc.ini"',
            'billing/alembc.ini is not in the tree, did you mean "billing/alembic.ini"?',
            id="no such file",
        ),
        pytest.param('section = "x"\nconfig = "billing/alembic.ini"', "[x], but [al", id="-n"),
        pytest.param('config = "no/alembic.ini"', "no/alembic.ini names no script", id="location"),
        pytest.param('config = "b.toml"', "b.toml has no [tool.alembic]", id="toml"),
        pytest.param("lock = true", "environments.bill: it says neither", id="nothing"),
    ],
)
def test_what_is_configured_must_be_there(said, message):
    files = {**at("billing/"), "no/alembic.ini": "[alembic]\n", "b.toml": ""}
    with pytest.raises(ConfigError) as caught:
        find(files, f"[environments.bill]\n{said}\n")
    assert caught.value.message.startswith("revguard.toml: environments.bill: ")
    assert message in caught.value.message


def test_a_root_that_is_not_there():
    configuration = '[environments.bill]\nconfig = "billing/alembic.ini"\nroot = "biling"\n'
    with pytest.raises(ConfigError, match=r"environments\.bill\.root: biling is no folder"):
        find(at("billing/"), configuration)


def test_everything_is_read_at_once():
    tree = Tree({**at("a/"), **at("b/"), "pyproject.toml": "", "deep/pyproject.toml": PYPROJECT})
    discover(load({}), tree.files, tree.read, top_name="shop")
    assert len(tree.reads) == 1


def test_select():
    environments, _ = find({**at("billing/"), **at("users/"), **at("")})
    assert select(environments, []) == environments
    chosen = select(environments, ["users", "billing", "users"])
    assert [environment.name for environment in chosen] == ["billing", "users"]
    with pytest.raises(UsageError) as caught:
        select(environments, ["biling"])
    assert caught.value.message == 'there is no environment "biling", did you mean "billing"?'
    assert caught.value.hint == "Environments here: shop, billing, users."
