"""What a database needs before the first revision, and which provider has it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from revguard import databases

from .shop import OURS, adds, script

SETTINGS = "[environments.shop]\nconfig = 'alembic.ini'\n"
WRITING = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", \"\"\"
import os, psycopg2
connection = psycopg2.connect({})
connection.cursor().execute("CREATE TABLE told (n int)")
connection.commit()
\"\"\"], check=True)
"""
# env.py opens it directly, and by a program, before any engine is there
DIRECT = """
import os, psycopg2
psycopg2.connect(os.environ["PLAIN"].replace("postgresql+psycopg2", "postgresql")).close()
"""


@pytest.fixture(scope="module")
def both(require):
    """PostgreSQL twice: 15 with its contrib, 18 without, which has `vector`."""
    try:
        return [
            databases.choose(provider, "postgresql", environ=os.environ)
            for provider in ("local", "embedded")
        ]
    except databases.CouldNotCheck as reason:
        require(False, f"PostgreSQL twice ({reason})")
        raise


@pytest.fixture
def prepared(shop):
    """`prepared(settings, files, upgrade)`: a shop whose first revision does something more."""

    def make(settings="", files=None, upgrade="", dialect="postgresql"):
        one = shop(dialect, commit=False)
        if upgrade:
            one.replace("migrations/versions/0001_first.py", "def upgrade():\n", f"{upgrade}\n")
        one.write("revguard.toml", SETTINGS + settings)
        for name, text in (files or {}).items():
            one.write(name, text)
            if text.startswith("#!"):
                (one.home / name).chmod(0o755)
        one.commit_all("first")
        one.write(
            "migrations/versions/0002_more.py", script("0002", "0001", **adds("users", "age"))
        )
        one.model(text="    age = Column(String(100), nullable=True)\n")
        one.git("add", "-A")
        return one

    return make


def upgrade(statement):
    return f"def upgrade():\n    op.execute({statement!r})"


def one(report):
    (environment,) = report["environments"]
    return environment


class TestExtensions:
    @pytest.mark.parametrize(
        ("statement", "provider"),
        [
            ("CREATE EXTENSION pgcrypto", "local"),
            ("CREATE EXTENSION IF NOT EXISTS vector", "embedded"),
            ("DO $$ BEGIN EXECUTE 'CREATE EXTENS' || 'ION vector'; END $$", "embedded"),
        ],
        ids=["the first has it", "the second has it", "the server says so"],
    )
    def test_auto_moves_on(self, both, prepared, reports, statement, provider):
        found = one(reports.check(prepared(upgrade=upgrade(statement)), "--no-cache"))
        assert found["verdict"] == "pass", found
        assert found["database"]["provider"] == provider

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE EXTENSION pgcrypto",
            "DO $$ BEGIN EXECUTE 'CREATE EXTENS' || 'ION pgcrypto'; END $$",
        ],
        ids=["seen ahead", "the server says so"],
    )
    def test_a_provider_that_is_named_has_it_or_not(self, both, prepared, reports, statement):
        settings = 'database = "embedded"\n'
        found = one(reports.check(prepared(settings, upgrade=upgrade(statement)), "--no-cache"))
        assert found["verdict"] == "error"
        assert "has no extension pgcrypto" in found["error"]
        assert '`database = "local"` has them' in found["hint"]

    def test_nobody_has_it(self, both, prepared, reports):
        found = one(reports.check(prepared(upgrade=upgrade("CREATE EXTENSION postgis"))))
        assert found["verdict"] == "error"
        assert "has no extension postgis" in found["error"]
        assert "docker:postgis/postgis:17-3.5" in found["hint"]
        assert "apt install postgresql-17-postgis-3" in found["hint"]


PREPARED = "CREATE ROLE clerk;\n-- as the administrators do\nCREATE SCHEMA audit;\n"
RELIES = upgrade("GRANT USAGE ON SCHEMA audit TO clerk")


class TestBootstrap:
    def test_sql_comes_before_the_first_revision(self, prepared, reports):
        one_shop = prepared("bootstrap = 'ci/first.sql'\n", {"ci/first.sql": PREPARED}, RELIES)
        first = one(reports.check(one_shop))
        assert (first["verdict"], first["cached"]) == ("pass", "no"), first
        # from the snapshot, which has the role: another revision on the same history
        one_shop.commit_all("second")
        more = adds("users", "size")
        more["upgrade"] += '\nop.execute("GRANT SELECT ON users TO clerk")'
        more["downgrade"] = f'op.execute("REVOKE ALL ON users FROM clerk")\n{more["downgrade"]}'
        one_shop.write("migrations/versions/0003_more.py", script("0003", "0002", **more))
        one_shop.model(text="    size = Column(String(100), nullable=True)\n")
        one_shop.git("add", "-A")
        again = one(reports.check(one_shop))
        assert (again["verdict"], again["cached"]) == ("pass", "snapshot"), again
        # another content, another snapshot
        one_shop.write("ci/first.sql", PREPARED.replace("clerk", "porter"))
        one_shop.git("add", "-A")
        other = one(reports.check(one_shop))
        assert other["verdict"] == "error"
        assert 'role "clerk" does not exist' in other["error"]
        assert other["hint"] == "Put it into the bootstrap, ci/first.sql: `CREATE ROLE clerk;`"

    @pytest.mark.parametrize(
        ("statement", "typed"),
        [
            ("GRANT ALL ON users TO clerk", "CREATE ROLE clerk;"),
            ('SET ROLE "The Clerk"', 'CREATE ROLE "The Clerk";'),
            ("CREATE TABLE audit.log (n int)", "CREATE SCHEMA audit;"),
            ("CREATE TABLE log (n citext)", 'CREATE EXTENSION IF NOT EXISTS "citext";'),
        ],
    )
    def test_what_nobody_made_is_named(self, prepared, reports, statement, typed):
        one_shop = prepared(upgrade=upgrade(statement).replace("GRANT ALL ON users", "GRANT clerk"))
        found = one(reports.check(one_shop, "--no-cache"))
        assert found["verdict"] == "error"
        assert f"Put `{typed}` into a file" in found["hint"]
        assert "[tool.revguard.environments.shop]" in found["hint"]

    def test_what_a_new_revision_relies_on_is_named(self, prepared, reports):
        one_shop = prepared()
        one_shop.replace(
            "migrations/versions/0002_more.py",
            "def upgrade():\n",
            'def upgrade():\n    op.execute("GRANT SELECT ON users TO clerk")\n',
        )
        one_shop.git("add", "-A")
        found = one(reports.check(one_shop, "--no-cache"))
        (finding,) = [one for one in found["findings"] if one["rule"] == "proof/upgrade-fails"]
        assert "Put `CREATE ROLE clerk;` into a file" in finding["hint"]

    SCRIPT = (
        "#!{python}\nimport os, psycopg2, pathlib\n"
        "assert os.environ['DATABASE_URL'].startswith('postgresql://'), os.environ\n"
        "assert pathlib.Path('ci/names').read_text() == 'audit', 'it runs in the tree'\n"
        "connection = psycopg2.connect('')  # PGHOST and the others\n"
        "connection.cursor().execute('CREATE ROLE clerk; CREATE SCHEMA audit')\n"
        "connection.commit()\n"
    )

    def test_a_script(self, prepared, reports, virtualenv):
        text = self.SCRIPT.format(python=virtualenv / "bin" / "python")
        files = {"ci/first": text, "ci/names": "audit"}
        one_shop = prepared("bootstrap = 'ci/first'\n", files, RELIES)
        one_shop.environ["DATABASE_URL"] = "postgresql://the.real.one/shop"
        found = one(reports.check(one_shop))
        assert found["verdict"] == "pass", found
        assert one_shop.status() == ["A  migrations/versions/0002_more.py", "M  shop/models.py"]

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            (
                "ci/first.sql",
                "CREATE ROLE clerk;\n\nCREATE TABEL x (n int);\n",
                ["ci/first.sql:3", "syntax error", "statement: CREATE TABEL x (n int)"],
            ),
            ("ci/first.sql", "\\set x 1\n", ["ci/first.sql:1", "syntax error"]),
            ("ci/first", "#!/bin/sh\necho not today\nexit 7\n", ["ended with code 7", "not today"]),
            ("ci/first", "#!/nonexistent/sh\n", ["cannot be started"]),
        ],
        ids=["sql", "psql's own", "script", "no interpreter"],
    )
    def test_one_that_fails(self, prepared, reports, name, text, said):
        one_shop = prepared(f"bootstrap = '{name}'\n", {name: text})
        done = one_shop.revguard("check", "--format", "json", "--no-cache")
        found = one(reports.read(done))
        assert done.returncode == 3
        for words in said:
            assert words in found["error"]

    def test_one_that_never_ends(self, prepared, reports, tmp_path):
        mark = f"{tmp_path}/alive"
        text = f"#!/bin/sh\nwhile :; do date +%N > {mark}; sleep 0.05; done\n"
        settings = "bootstrap = 'ci/first'\ntimeout = 6\n"
        found = one(reports.check(prepared(settings, {"ci/first": text}), "--no-cache"))
        assert "the bootstrap ci/first did not end within 6 s" in found["error"]
        with open(mark) as file:
            last = file.read()
        time.sleep(0.2)
        with open(mark) as file:
            assert file.read() == last

    def test_sql_that_never_ends(self, prepared, reports):
        settings = "bootstrap = 'ci/first.sql'\ntimeout = 6\n"
        one_shop = prepared(settings, {"ci/first.sql": "SELECT pg_sleep(60);\n"})
        found = one(reports.check(one_shop, "--no-cache"))
        assert "fails at ci/first.sql: it did not end within 6 s" in found["error"]

    def test_sql_that_is_interrupted(self, prepared):
        one_shop = prepared(
            "bootstrap = 'ci/first.sql'\n", {"ci/first.sql": "SELECT pg_sleep(60);\n"}
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "revguard", "check"],
            cwd=one_shop.path,
            env={**one_shop.environ, "PYTHONPATH": OURS},
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert (process.returncode, said) == (130, "revguard: interrupted\n")

    def test_one_that_is_interrupted(self, prepared, tmp_path):
        mark = tmp_path / "alive"
        text = f"#!/bin/sh\nwhile :; do date +%N > {mark}; sleep 0.05; done\n"
        one_shop = prepared("bootstrap = 'ci/first'\n", {"ci/first": text})
        process = subprocess.Popen(
            [sys.executable, "-m", "revguard", "check"],
            cwd=one_shop.path,
            env={**one_shop.environ, "PYTHONPATH": OURS},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not mark.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert (process.returncode, said) == (130, "revguard: interrupted\n")
        last = mark.read_text()
        time.sleep(0.2)
        assert mark.read_text() == last

    def test_one_that_is_not_in_the_commit(self, prepared, reports):
        done = prepared("bootstrap = 'ci/first.sql'\n").revguard("check", "--format", "json")
        assert done.returncode == 2
        assert "is not in the commit" in one(reports.read(done))["error"]

    @pytest.mark.parametrize(
        ("text", "verdict"),
        [
            ("CREATE TABLE made (n int);\nINSERT INTO made VALUES (1);\n", "pass"),
            ("CREATE TABLE made (n int);\n\nINSERT INTO mad\nVALUES (1);\n", "error"),
        ],
    )
    def test_on_sqlite(self, prepared, reports, text, verdict):
        settings = "bootstrap = 'ci/first.sql'\n"
        relies = upgrade("DROP TABLE made")
        one_shop = prepared(settings, {"ci/first.sql": text}, relies, dialect="sqlite")
        found = one(reports.check(one_shop))
        assert found["verdict"] == verdict, found
        if verdict == "error":
            assert "ci/first.sql:3: no such table: mad" in found["error"]


BY_PARTS = (
    "host=os.environ['H'], port=os.environ['P'], user=os.environ['U'], "
    "password=os.environ['W'], dbname=os.environ['D']"
)


class TestPlaceholders:
    @pytest.mark.parametrize(
        ("environ", "connecting"),
        [
            ('URL = "{url}"', "os.environ['URL'].replace('+psycopg2', '')"),
            (
                'H = "{host}", P = "{port}", U = "{user}", W = "{password}", D = "{database}"',
                BY_PARTS,
            ),
            (
                'S = "{socket}", U = "{user}", D = "{database}"',
                "host=os.environ['S'], user=os.environ['U'], dbname=os.environ['D']",
            ),
        ],
        ids=["url", "parts", "socket"],
    )
    def test_a_program_reaches_the_ephemeral_database(self, prepared, reports, environ, connecting):
        """env.py starts a program that makes a table, which the first revision drops again."""
        one_shop = prepared(
            f"environ = {{ {environ} }}\n", upgrade=upgrade("DROP TABLE IF EXISTS told")
        )
        one_shop.write("shop/__init__.py", WRITING.format(connecting))
        one_shop.git("add", "-A")
        found = one(reports.check(one_shop, "--no-cache"))
        # the program's table was there before the first revision, and that is said
        assert found["verdict"] == "error"
        assert "something made tables before the first revision ran (told)" in found["error"]

    def test_a_driver_is_told_the_address_ahead(self, prepared, reports):
        one_shop = prepared('environ = { PLAIN = "{url}" }\n')
        one_shop.write("shop/__init__.py", DIRECT)
        one_shop.git("add", "-A")
        found = one(reports.check(one_shop))
        assert found["verdict"] == "pass", found

    @pytest.mark.parametrize(
        ("environ", "url"),
        [
            ('HOST = "{host}"', '"postgresql+psycopg2://u@" + os.environ["HOST"] + "/x"'),
            ('URL = "{url}"', 'os.environ["URL"].replace("%", "%%")'),
        ],
        ids=["parts", "the only driver that is installed"],
    )
    def test_the_driver_is_learned_by_a_first_run(self, prepared, reports, environ, url):
        one_shop = prepared(f"environ = {{ {environ} }}\n")
        one_shop.replace("alembic.ini", "sqlalchemy.url = postgresql+psycopg2://shop@db", "x = y")
        one_shop.replace(
            "migrations/env.py",
            "connectable = engine_from_config(",
            f'import os\n    config.set_main_option("sqlalchemy.url", {url})\n'
            "    connectable = engine_from_config(",
        )
        one_shop.git("add", "-A")
        found = one(reports.check(one_shop, "--no-cache"))
        assert found["verdict"] == "pass", found
        assert found["database"]["dialect"] == "postgresql"


class TestVersions:
    @pytest.mark.parametrize(
        ("files", "settings", "provider", "note"),
        [
            ({}, "", "local", ""),
            ({"compose.yaml": "services: {db: {image: 'postgres:15-alpine'}}\n"}, "", "local", ""),
            ({"compose.yaml": "services: {db: {image: 'postgres:18'}}\n"}, "", "embedded", ""),
            (
                {"compose.yaml": "services: {db: {image: 'postgres:16'}}\n"},
                "",
                "local",
                "the project says 16 (compose.yaml)",
            ),
            (
                {"compose.yaml": "services: {db: {image: 'postgres:15'}}\n"},
                "server-version = '12'\n",
                "local",
                "the project says 12 (`server-version`)",
            ),
            (
                {"compose.yaml": "services: {db: {image: 'postgres:18'}}\n"},
                "database = 'local'\n",
                "local",
                "the project says 18 (compose.yaml)",
            ),
            ({"compose.yaml": "postgres: [\n"}, "", "local", ""),
        ],
        ids=["nothing", "same", "other", "nobody", "configured", "named", "broken"],
    )
    def test_the_projects_own_is_preferred(
        self, both, prepared, reports, files, settings, provider, note
    ):
        versions = [choice.installation.version for choice in both]
        if versions != ["15", "18"]:
            pytest.skip(f"the servers here are {versions}")
        found = one(reports.check(prepared(settings, files), "--no-cache"))
        assert found["verdict"] == "pass", found
        assert found["database"]["provider"] == provider
        notes = [one for one in found["notes"] if "the project says" in one]
        assert [note in one for one in notes] == ([True] if note else [])
