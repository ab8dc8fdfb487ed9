"""Histories that cannot replay from empty: `start = "dump:PATH"` and `start = "metadata"`."""

import gzip
import os
import sqlite3
import subprocess

import pytest

from revguard import databases

from .shop import MODELS, NOTE, adds, only, rules, script

SETTINGS = "[environments.shop]\nconfig = 'alembic.ini'\n"
# the first revision alters a table that is older than Alembic
ALTERS = script("0001", None, **adds("users", "name", "sa.String(50)", "nullable=False"))
OLDER = (
    "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL);\n"
    "CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL"
    " REFERENCES users (id));\n"
)
VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);\n"
AT = "INSERT INTO alembic_version (version_num) VALUES ('{}');\n"
DUMP = OLDER + VERSION + AT.format("0001")
# of PostgreSQL's: keys are sequences there
POSTGRES_DUMP = DUMP.replace("id INTEGER NOT NULL PRIMARY KEY", "id SERIAL PRIMARY KEY")
EMAIL = script("0002", "0001", **adds("users", "email"))


@pytest.fixture
def older(shop):
    """`older(start, files)`: a committed shop whose history cannot replay."""

    def make(start="", files=None, dialect="sqlite", **options):
        one = shop(dialect, commit=False)
        one.write("migrations/versions/0001_first.py", ALTERS)
        one.write("revguard.toml", SETTINGS + (f"start = '{start}'\n" if start else ""))
        one.write(files or {})
        if options.get("commit", True):
            one.commit_all("first")
        return one

    return make


def dumped(text, name="ci/schema.sql"):
    return {"start": f"dump:{name}", "files": {name: text}}


def judged(shop, reports, *args):
    shop.git("add", "-A")
    return only(reports.check(shop, *args))


def test_the_message_has_both_ways_out(older, reports):
    one = older()
    one.write("revguard.toml", "")
    one.model()
    found = judged(one, reports)
    assert found["verdict"] == "error"
    assert "revision 0001 (migrations/versions/0001_first.py:11) fails: " in found["error"]
    assert "no such table: users" in found["error"]
    assert "statement: ALTER TABLE users ADD COLUMN name VARCHAR(50) NOT NULL" in found["error"]
    lines = found["hint"].splitlines()
    assert lines[1:3] == ["[tool.revguard.environments.shop]", 'config = "alembic.ini"']
    # typed as they stand, they mend it
    for line in lines[3:]:
        assert line.startswith("start = ")
    own = "\n".join(lines[1:4]).replace("tool.revguard.", "")
    one.write("revguard.toml", own)
    one.commit_all("configured")
    one.model(text=NOTE)
    assert rules({"environments": [judged(one, reports)]}) == ["history/missing-revision"]


STARTS = {
    "metadata": {"start": "metadata"},
    "dump": dumped(DUMP),
    "dump, gzip": dumped(gzip.compress(DUMP.encode()), "ci/schema.sql.gz"),
}


@pytest.mark.parametrize("name", STARTS)
def test_guarded(name, older, reports):
    """Blocked, added, committed; and then from the snapshot."""
    one = older(**STARTS[name])
    clean = only(reports.check(one, "--all"))
    assert (clean["verdict"], clean["known_drift"], clean["changes"]) == ("pass", 0, [])
    one.model(text=NOTE)
    judged(one, reports)
    one.replace("shop/models.py", NOTE, "")
    one.model()
    found = judged(one, reports)
    assert (found["verdict"], found["cached"]) == ("fail", "snapshot"), found
    assert [step["result"] for step in found["proof"]] == ["pass"] * 4
    assert "history was not replayed" in found["notes"][0]
    added = only(reports.read(one.revguard("add", "--format", "json")))
    assert added["verdict"] == "pass"
    one.commit_all("email")
    one.model(text=NOTE)
    again = judged(one, reports)
    assert [change["object"] for change in again["changes"]] == ["users.note"]
    assert again["known_drift"] == 0
    bare = only(reports.check(one, "--no-cache"))
    assert (bare["script"], bare["heads"]) == (again["script"], again["heads"])


@pytest.mark.parametrize("start", ["metadata", "dump:ci/schema.sql"])
def test_on_postgresql(start, older, reports):
    one = older(start, {"ci/schema.sql": POSTGRES_DUMP}, "postgresql")
    one.write("migrations/versions/0002_more.py", EMAIL)
    one.model()
    found = judged(one, reports)
    assert (found["verdict"], found["known_drift"]) == ("pass", 0), found
    assert [step["result"] for step in found["proof"]] == ["pass"] * 4
    one.model(text=NOTE)
    again = judged(one, reports)
    assert rules({"environments": [again]}) == ["history/incomplete-revision"]
    assert again["cached"] == "snapshot"


UNFIT = {
    "no version table": (OLDER, "has no version table", "INSERT INTO alembic_version"),
    "of the schema alone": (OLDER + VERSION, "version table of the dump is empty", "INSERT"),
    "of another history": (DUMP.replace("0001", "abcd"), "at revision abcd, which no", "Take"),
    "broken": (DUMP + "\nCREATE TABEL x;\n", "ci/schema.sql:6", "pg_dump"),
    "of another kind of database": (
        f"--\n-- PostgreSQL database dump\n--\n{POSTGRES_DUMP}",
        "it is a dump of PostgreSQL, and env.py connects to SQLite",
        "environ",
    ),
}


class TestDump:
    def test_what_comes_after_it_is_replayed(self, older, reports):
        one = older(**dumped(DUMP), commit=False)
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        one.commit_all("first")
        one.model(text=NOTE)
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.note"]
        assert (
            "history was not replayed from empty, but on ci/schema.sql, which is at 0001"
            in (found["notes"])
        )

    def test_known_drift_is_counted(self, older, reports):
        one = older(
            **dumped(DUMP.replace("VARCHAR(50)", "VARCHAR(40)") + "CREATE TABLE x (n INT);")
        )
        one.model()
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.email"]
        assert found["known_drift"] == 2

    def test_one_that_has_the_new_revision_already(self, older, reports):
        """Teams that take it anew with each revision commit both together."""
        one = older(**dumped(DUMP))
        one.write("migrations/versions/0002_more.py", EMAIL)
        newer = DUMP.replace("NOT NULL);", "NOT NULL, email VARCHAR(100));", 1)
        one.write("ci/schema.sql", newer.replace("'0001'", "'0002'"))
        one.model()
        found = judged(one, reports)
        assert found["verdict"] == "pass", found
        assert [step["result"] for step in found["proof"]] == ["pass"] * 4
        one.commit_all("second")
        one.model(text=NOTE)
        assert [one["object"] for one in judged(one, reports)["changes"]] == ["users.note"]

    def test_the_first_commit_of_all(self, older, reports):
        one = older(**dumped(DUMP), commit=False)
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        found = judged(one, reports)
        assert (found["verdict"], found["heads"]) == ("pass", ["0002"]), found
        assert [step["result"] for step in found["proof"]] == ["pass"] * 4

    def test_another_content_is_another_snapshot(self, older, reports):
        one = older(**dumped(DUMP))
        reports.check(one, "--all")
        one.write("ci/schema.sql", DUMP.replace("VARCHAR(50)", "VARCHAR(40)"))
        found = judged(one, reports)
        assert found["cached"] == "no"

    @pytest.mark.parametrize("name", UNFIT)
    def test_one_that_does_not_fit(self, name, older, reports):
        text, said, hint = UNFIT[name]
        one = older(**dumped(text))
        one.model()
        found = judged(one, reports)
        assert found["verdict"] == "error"
        assert said in found["error"]
        assert hint in found["hint"]

    def test_what_the_hint_says_mends_it(self, older, reports):
        one = older(**dumped(OLDER))
        one.model()
        hint = judged(one, reports)["hint"]
        lines = hint.partition("`")[2].partition("`")[0].replace("REVISION", "0001")
        one.write("ci/schema.sql", f"{OLDER}\n{lines}\n")
        assert rules({"environments": [judged(one, reports)]}) == ["history/missing-revision"]

    def test_one_that_is_not_in_the_commit(self, older):
        one = older("dump:ci/schema.sql")
        one.model()
        one.git("add", "-A")
        done = one.revguard("check")
        assert done.returncode == 2
        assert "it is not in the commit" in done.stdout + done.stderr

    def test_a_bootstrap_comes_before(self, older, reports):
        one = older(**dumped("INSERT INTO made VALUES (1);\n" + DUMP), commit=False)
        one.write("ci/first.sql", "CREATE TABLE made (n INT);\n")
        one.replace("revguard.toml", "start", "bootstrap = 'ci/first.sql'\nstart")
        one.commit_all("first")
        one.model()
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.email"], found

    def test_a_role_that_only_the_dump_relies_on(self, older, reports):
        text = (
            f"{POSTGRES_DUMP}ALTER TABLE users OWNER TO admin;\nGRANT SELECT ON users TO clerk;\n"
            "CREATE POLICY p ON users TO clerk;\n"
        )
        one = older(**dumped(text), dialect="postgresql")
        one.model()
        found = judged(one, reports)
        assert 'ci/schema.sql:7: role "clerk" does not exist' in found["error"]
        assert "`CREATE ROLE clerk;`" in found["hint"]

    def test_an_extension_that_another_provider_has(self, older, reports, require):
        try:
            for provider in ("local", "embedded"):
                databases.choose(provider, "postgresql", environ=os.environ)
        except databases.CouldNotCheck as reason:
            require(False, f"PostgreSQL twice ({reason})")
        text = "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;\n" + POSTGRES_DUMP
        one = older(**dumped(text), dialect="postgresql")
        one.model()
        found = judged(one, reports)
        assert found["database"]["provider"] == "embedded", found


class TestMetadata:
    def test_the_first_commit_of_all(self, older, reports):
        """Nothing has landed: the first revision makes everything, from empty."""
        one = older("metadata", commit=False)
        (one.home / "migrations/versions/0001_first.py").unlink()
        one.git("add", "-A")
        added = only(reports.read(one.revguard("add", "--format", "json")))
        assert added["verdict"] == "pass", added
        assert {change["object"] for change in added["changes"]} == {"users", "orders"}
        assert added["notes"] == []

    def test_a_model_that_changed_without_a_revision_has_landed(self, older, reports):
        """With --no-verify, say. What is judged is the next change."""
        one = older("metadata")
        one.model()
        one.commit_all("no revision")
        one.model(text=NOTE)
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.note"]

    def test_a_revision_that_is_mended_before_it_is_pushed(self, older, reports):
        """`git commit --amend`: what the parent had of it is not what has landed."""
        one = older("metadata")
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        one.commit_all("second")
        one.model(text=NOTE)
        both = EMAIL.replace(
            '    op.add_column("users", sa.Column("email"',
            '    op.add_column("users", sa.Column("note", sa.String(20), nullable=True))\n'
            '    op.add_column("users", sa.Column("email"',
        ).replace("    op.drop", '    op.drop_column("users", "note")\n    op.drop')
        one.write("migrations/versions/0002_more.py", both)
        found = judged(one, reports)
        assert found["verdict"] == "pass", found
        assert "the models of the commit 2 before" in found["notes"][0]

    def test_a_revision_that_is_only_written_anew(self, older, reports):
        one = older("metadata")
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        one.commit_all("second")
        one.write("migrations/versions/0002_more.py", EMAIL.replace('"', "'"))
        one.model(text=NOTE)
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.note"]
        assert "the parent commit" in found["notes"][0]

    def test_a_range_begins_with_its_base(self, older, reports):
        """The base moved on, and is judged as the merge would land: two heads."""
        one = older("metadata")
        one.git("branch", "topic")
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        one.commit_all("on main")
        one.git("checkout", "-q", "topic")
        one.model("orders", NOTE)
        note = script("0003", "0001", **adds("orders", "note", "sa.String(20)"))
        one.write("migrations/versions/0003_note.py", note)
        one.commit_all("on topic")
        found = only(reports.check(one, "--from-ref", "main", "--to-ref", "topic"))
        assert [step["result"] for step in found["proof"]] == ["pass"] * 4, found
        assert [change["object"] for change in found["changes"]] == ["orders.note"]
        assert "the parent commit, which are taken to be at 0002" in found["notes"][0]

    def test_a_merge(self, older, reports):
        """What the other side brings is replayed on the tables of ours."""
        one = older("metadata")
        one.git("checkout", "-q", "-b", "topic")
        one.write("migrations/versions/0002_more.py", EMAIL)
        one.model()
        one.commit_all("theirs")
        one.git("checkout", "-q", "-")
        one.model("orders", NOTE)
        one.write(
            "migrations/versions/0003_note.py",
            script("0003", "0001", **adds("orders", "note", "sa.String(20)")),
        )
        one.commit_all("ours")
        one.git("merge", "-q", "--no-commit", "topic")
        one.write("migrations/versions/0004_merge.py", script("0004", ("0002", "0003")))
        found = judged(one, reports)
        assert (found["verdict"], found["changes"]) == ("pass", []), found
        assert found["heads"] == ["0004"]

    def test_an_env_that_could_not_run_is_mended(self, older, reports):
        """The models of the commit before are taken, and that is said."""
        one = older("metadata")
        env = one.read("migrations/env.py")
        one.write("migrations/env.py", "raise ValueError('not today')\n" + env)
        one.commit_all("broken")
        one.write("migrations/env.py", env)
        one.model()
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.email"], found
        passed = "the models of the parent commit could not be used: env.py cannot run"
        assert any(note.startswith(passed) for note in found["notes"]), found["notes"]
        assert any("models of the commit 2 before" in note for note in found["notes"])

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            pytest.param("raise ValueError('not today')", "ValueError: not today", id="raises"),
            pytest.param("import nowhere", "No module named 'nowhere'", id="a module is missing"),
        ],
    )
    def test_nothing_but_broken_ones(self, line, said, older, reports):
        one = older("metadata", commit=False)
        env = one.read("migrations/env.py")
        one.write("migrations/env.py", f"{line}\n{env}")
        one.commit_all("broken")
        one.write("migrations/env.py", env)
        one.model()
        found = judged(one, reports)
        assert found["verdict"] == "error"
        assert "the tables of the parent commit cannot be made" in found["error"]
        assert said in found["error"]

    def test_schemas_extensions_and_what_env_leaves_out(self, older, reports):
        one = older("metadata", dialect="postgresql", commit=False)
        models = MODELS.replace(
            "# more of orders\n",
            "# more of orders\n\n\nclass Log(Base):\n"
            '    __tablename__ = "log"\n    __table_args__ = {"schema": "audit"}\n\n'
            "    id = Column(Integer, primary_key=True)\n"
            "    name = Column(CITEXT, server_default=text(\"gen_salt('md5')\"))\n"
            "    # more of log\n\n\n"
            'View = Table("names", Base.metadata, Column("id", Integer), info={"view": True})\n',
        )
        models = "from sqlalchemy import Table, text\n" + models.replace(
            "from sqlalchemy.orm",
            "from sqlalchemy.dialects.postgresql import CITEXT\nfrom sqlalchemy.orm",
        )
        one.write("shop/models.py", models)
        creates = 'op.execute("CREATE EXTENSION citext; CREATE EXTENSION pgcrypto")'
        one.write("migrations/versions/0002_more.py", script("0002", "0001", creates))
        one.replace(
            "migrations/env.py",
            "connection=connection, target_metadata=target_metadata,",
            "connection=connection, target_metadata=target_metadata, include_schemas=True, "
            "include_object=lambda item, *_: not getattr(item, 'info', {}).get('view'),",
        )
        one.commit_all("first")
        one.model("log", NOTE)
        view = {
            "upgrade": 'op.execute("CREATE VIEW names AS SELECT id FROM users")\n'
            'op.add_column("log", sa.Column("note", sa.String(20)), schema="audit")',
            "downgrade": 'op.drop_column("log", "note", schema="audit")\n'
            'op.execute("DROP VIEW names")',
        }
        one.write("migrations/versions/0003_note.py", script("0003", "0002", **view))
        found = judged(one, reports)
        assert (found["verdict"], found["known_drift"]) == ("pass", 0), found

    def test_branches_and_dependencies(self, older, reports):
        one = older("metadata", commit=False)
        head = 'branch_labels = ("other",)\ndepends_on = ("0001",)\n'
        one.write("migrations/versions/0002_other.py", script("0002", None, head=head))
        one.write("migrations/versions/0003_more.py", script("0003", "0001"))
        one.commit_all("first")
        one.write(
            "migrations/versions/0004_more.py", script("0004", "0003", **adds("users", "email"))
        )
        one.model()
        found = judged(one, reports)
        assert [step["result"] for step in found["proof"]] == ["pass"] * 4, found
        assert {*found["heads"]} == {"0002", "0004"}

    def test_with_placeholders(self, older, reports):
        one = older("metadata", dialect="postgresql", commit=False)
        one.write(
            "revguard.toml", f"{SETTINGS}start = 'metadata'\nenviron = {{ URL = '{{url}}' }}\n"
        )
        env = "import os\nimport psycopg2\nplace = os.environ['URL'].replace('+psycopg2', '')\n"
        env += "psycopg2.connect(place).close()\n"
        one.write("migrations/env.py", env + one.read("migrations/env.py"))
        one.commit_all("first")
        one.model()
        found = judged(one, reports)
        assert [change["object"] for change in found["changes"]] == ["users.email"], found

    def test_models_whose_tables_cannot_be_made(self, older, reports):
        one = older("metadata", dialect="postgresql", commit=False)
        one.replace("shop/models.py", "String(50), nullable=False", "CITEXT, nullable=False")
        imported = "from sqlalchemy.dialects.postgresql import CITEXT\nfrom sqlalchemy.orm"
        one.replace("shop/models.py", "from sqlalchemy.orm", imported)
        one.commit_all("first")
        one.model()
        found = judged(one, reports)
        assert 'type "citext" does not exist' in found["error"], found
        assert "CREATE EXTENSION IF NOT EXISTS" in found["hint"], found


@pytest.mark.parametrize("start", ["metadata", "dump:ci/schema.sql"])
def test_an_innocent_history_is_judged_alike(start, shop, reports):
    """One that can replay: what is found is the same, begun in whatever way."""
    one = shop()
    one.write("revguard.toml", SETTINGS)
    one.commit_all("configured")
    one.model()
    plain = judged(one, reports)
    one.write("ci/schema.sql", DUMP)
    one.write("revguard.toml", f"{SETTINGS}start = '{start}'\n")
    other = judged(one, reports)
    for key in ("verdict", "script", "changes", "findings", "heads"):
        assert other[key] == plain[key]


def test_a_dump_by_the_program_itself(older, reports, require):
    """`sqlite3 shop.db .dump`, as users take it."""
    try:
        subprocess.run(["sqlite3", "-version"], check=True, capture_output=True)
    except OSError:
        require(False, "sqlite3")
    one = older(commit=False)
    with sqlite3.connect(one.path / "taken.db") as connection:
        connection.executescript(DUMP)
    connection.close()
    taken = subprocess.run(
        ["sqlite3", "taken.db", ".dump"], cwd=one.path, capture_output=True, check=True
    ).stdout
    one.write("ci/schema.sql", taken)
    one.write("revguard.toml", f"{SETTINGS}start = 'dump:./ci/schema.sql'\n")
    one.commit_all("first")
    one.model()
    found = judged(one, reports)
    assert [change["object"] for change in found["changes"]] == ["users.email"], found
