"""The SQL of a report is what psql, mysql and sqlite3 take, and leaves what the revision left."""

import shutil
import subprocess

import pytest

from .test_halfway import judged

THINGS = (
    'op.create_table("things", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("name", sa.String(200)), sa.Column("n", sa.Numeric(9, 2)), '
    'sa.Column("on_day", sa.Date), sa.Column("raw", sa.LargeBinary), sa.Column("yes", sa.Boolean))'
)
TABLE = (
    'things = sa.table("things", sa.column("id", sa.Integer), sa.column("name", sa.String), '
    'sa.column("n", sa.Numeric(9, 2)), sa.column("on_day", sa.Date), '
    'sa.column("raw", sa.LargeBinary), sa.column("yes", sa.Boolean))'
)
INSERT = "INSERT INTO things (id, name) VALUES "
EVERY = ("sqlite", "postgresql", "mariadb")
TRIGGER = {
    "sqlite": "CREATE TRIGGER t AFTER DELETE ON things BEGIN UPDATE things SET n = 1; END",
    "mariadb": "CREATE TRIGGER t BEFORE DELETE ON things FOR EACH ROW BEGIN SET @a = 1; "
    "SET @b = 2; END",
    "postgresql": "DO $$ BEGIN PERFORM 1; END $$ -- a; comment",
}
IMPORTS = "import datetime, decimal; from sqlalchemy.dialects import postgresql"
# id, lines of upgrade(), on which databases
CASES = [
    ("comment at the end", ["""op.execute("INSERT INTO things (id) VALUES (1) -- the first")"""],
     EVERY),
    ("semicolon before the comment", [f"""op.execute("{INSERT}(1, 'a'); -- the first")"""], EVERY),
    ("semicolon and text", [f"""op.execute("{INSERT}(1, '-- a;');  ")"""], EVERY),
    ("semicolon in a comment", [f"""op.execute("{INSERT}(1, 'a') -- b;\\n")"""], EVERY),
    ("per cent", [f"""op.execute("{INSERT}(1, '50% of %(x)s ? :a $1')")""".replace(":a", r"\\:a")],
     EVERY),
    ("parameters", [
        TABLE,
        ("op.execute(things.insert().values(id=-1, name=\"it's \\\\ a? %s :b\\nrow -- \", "
        "n=decimal.Decimal('-1.50'), on_day=datetime.date(2026, 1, 2), raw=b\"\\x00'\\xff\", "
        "yes=True))"),
        "op.execute(things.update().where(things.c.id == -1).values(n=things.c.n - (-3)))",
    ], EVERY),
    ("none", [TABLE, "op.execute(things.insert().values(id=1, name=None, yes=False))"], EVERY),
    ("many rows", [TABLE, 'op.bulk_insert(things, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])'
                   ], EVERY),
    ("bound text", [f'op.execute(sa.text("{INSERT}(:id, :name) -- why").bindparams(id=1, name="a"))'
                    ], EVERY),
    ("the driver's own", [f'op.get_bind().exec_driver_sql("{INSERT}(?, ?)", (1, "a?"))',
                          (f'op.get_bind().exec_driver_sql("{INSERT}(:id, :n)", '
                           '{"id": 2, "n": "a:n"})')], ("sqlite",)),
    ("many of the driver's own", [(f'op.get_bind().exec_driver_sql("{INSERT}(%s, %s)", '
                                   '[(1, "a%s"), (2, "b")])')], ("postgresql", "mariadb")),
    ("unformatted", [('op.get_bind().execution_options(no_parameters=True).exec_driver_sql('
                      f'"{INSERT}(1, \'50%\')")'),
                     "op.get_bind().execution_options(no_parameters=False)"], EVERY),
    *(("body", [f'op.execute("{text}")'], (dialect,)) for dialect, text in TRIGGER.items()),
    ("list", ['op.add_column("things", sa.Column("x", postgresql.ARRAY(sa.String)))',
              'op.add_column("things", sa.Column("j", postgresql.JSONB))',
              ('things = sa.table("things", sa.column("id"), '
               'sa.column("x", postgresql.ARRAY(sa.String)), sa.column("j", postgresql.JSONB))'),
              'op.execute(things.insert().values(id=1, x=["a", "it\'s"], j={"a": ["\\\\"]}))'],
     ("postgresql",)),
]  # fmt: skip
SHELLS = {"sqlite": "sqlite3", "postgresql": "psql", "mariadb": "mysql"}


def shell(dialect, url, text):
    """What the database's own shell says to a text."""
    line = {
        "sqlite": lambda: ["sqlite3", "-bail", url["database"]],
        "postgresql": lambda: [
            "psql", "-XqAtv", "ON_ERROR_STOP=1", "-h", url["host"], "-p", str(url["port"]),
            "-U", url["username"], url["database"],
        ],
        "mariadb": lambda: [
            "mysql", "--no-defaults", "-N", "-S", url["socket"], "-u", url["username"],
            url["database"],
        ],
    }[dialect]()  # fmt: skip
    done = subprocess.run(line, input=text, capture_output=True, text=True, errors="replace")
    assert (done.returncode, done.stderr) == (0, ""), (text, done.stderr)
    return done.stdout


@pytest.mark.parametrize("dialect", EVERY)
def test_a_shell_takes_it(dialect, forks, tmp_path, request, require):
    require(shutil.which(SHELLS[dialect]), SHELLS[dialect])
    server = request.getfixturevalue(dialect)
    scripts, names = [("aaa", [IMPORTS], ["pass"])], []
    for number, (name, lines, dialects) in enumerate(CASES):
        if dialect in dialects:
            own = [line.replace("things", f"things{number}") for line in (IMPORTS, THINGS, *lines)]
            scripts.append((f"r{number}", own, [f'op.drop_table("things{number}")']))
            names.append((name, f"things{number}"))
    look = []
    result = judged(forks, tmp_path, request, dialect, scripts, look)
    assert result["failure"] is None, result["failure"]
    texts = [text for upgrade in result["upgrades"] for text in upgrade["statements"]]
    url = server.create()
    request.addfinalizer(lambda: server.drop(url))
    shell(dialect, url, "".join(f"{text}\n" for text in texts))
    for name, table in names:
        looking = f"SELECT * FROM {table} ORDER BY 1;"
        expected = shell(dialect, look[0].now["url"], looking)
        assert shell(dialect, url, looking) == expected, name
        assert bool(expected) == (name != "body"), name


def test_a_value_that_has_no_literal_is_a_comment(forks, tmp_path, request):
    line = f'op.get_bind().exec_driver_sql("{INSERT}(?, ?)", (1, "a\\0\\nb"))'
    scripts = [("aaa", ["pass"], ["pass"]), ("bbb", [THINGS, line], ["raise NotImplementedError"])]
    result = judged(forks, tmp_path, request, "sqlite", scripts)
    said = result["upgrades"][0]["statements"][-1]
    assert said == f"-- with the parameters (1, 'a\\x00\\nb')\n{INSERT}(?, ?);"
