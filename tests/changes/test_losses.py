"""What new revisions take away, as the databases tell it before and after them."""

import re

import pytest

from revguard.rules.destructive import of_schemas

from .test_halfway import judged

EVERY = ("sqlite", "postgresql", "mariadb")
PG, MY, LITE = ("postgresql",), ("mariadb",), ("sqlite",)
FIRST = [
    'key = sa.Column("id", sa.Integer, primary_key=True)',
    'name, email = sa.Column("name", sa.String(50)), sa.Column("email", sa.String(200))',
    'op.create_table("users", key, name, email)',
    'key = sa.Column("id", sa.Integer, primary_key=True)',
    'n, sum_ = sa.Column("n", sa.BigInteger), sa.Column("Total Sum", sa.Numeric(10, 2))',
    'op.create_table("carts", key, n, sum_)',
]
PG_FIRST = [
    *FIRST, 'op.execute("CREATE SCHEMA archive")',
    """op.execute('CREATE SCHEMA "Big archive"')""",
    'op.execute("CREATE TABLE archive.logs (id int, at timestamptz, mood text)")',
    "op.execute(\"CREATE TYPE mood AS ENUM ('sad', 'glad')\")",
    'op.execute("CREATE VIEW named AS SELECT id FROM archive.logs")',
]  # fmt: skip
MY_FIRST = [*FIRST, 'op.execute("CREATE DATABASE lost_archive")',
            "op.execute(\"ALTER TABLE users ADD mood enum('sad', 'glad')\")"]  # fmt: skip


def batch(table, *lines):
    """The same by Alembic's batch mode."""
    return [
        f'with op.batch_alter_table("{table}") as batch:',
        *(f"    batch.{one}" for one in lines),
    ]


# id, lines of upgrade(), what is lost, on which databases
FIRES = [
    ("column", ['op.drop_column("users", "email")'], ["remove_column users.email"], EVERY),
    ("column in batch", batch("users", 'drop_column("email")'), ["remove_column users.email"],
     EVERY),
    ("table", ['op.drop_table("carts")'], ["remove_table carts"], EVERY),
    ("renamed, another dropped", [
        'op.alter_column("users", "name", new_column_name="email2", existing_type=sa.String(50))',
        'op.drop_column("users", "email")'], ["remove_column users.email"], PG + MY),
    ("renamed in batch, another dropped", batch(
        "users", 'alter_column("name", new_column_name="title", existing_type=sa.String(50))',
        'drop_column("email")',
    ), ["remove_column users.email"], EVERY),
    ("dropped in a renamed table", ['op.rename_table("users", "people")',
                                    'op.drop_column("people", "email")'],
     ["remove_column users.email"], EVERY),
    ("renamed into its place", ['op.drop_table("users")', 'op.rename_table("carts", "users")'],
     ["remove_table users"], EVERY),
    ("type", batch("users", 'alter_column("email", type_=sa.String(50), '
                            "existing_type=sa.String(200))"),
     ["modify_type users.email"], EVERY),
    ("type of a renamed column", batch(
        "users", 'alter_column("email", new_column_name="mail", type_=sa.String(50), '
                 "existing_type=sa.String(200))"), ["modify_type users.email"], EVERY),
    ("numbers", batch(
        "carts", 'alter_column("n", type_=sa.SmallInteger, existing_type=sa.BigInteger)',
        'alter_column("Total Sum", type_=sa.Numeric(10, 1), existing_type=sa.Numeric(10, 2))'),
     ["modify_type carts.Total Sum", "modify_type carts.n"], EVERY),
    ("dropped and made again", ['op.drop_column("users", "email")',
                                'op.add_column("users", sa.Column("email", sa.String(200)))'],
     ["remove_column users.email"], PG),
    ("schema", ['op.execute("DROP SCHEMA archive CASCADE")'],
     ["remove_schema archive", "remove_table archive.logs"], PG),
    ("schema in a block", ['op.execute("DO $$ BEGIN DROP SCHEMA archive CASCADE; END $$")'],
     ["remove_schema archive", "remove_table archive.logs"], PG),
    ("empty schema", ["""op.execute('DROP SCHEMA "Big archive"')"""],
     ["remove_schema Big archive"], PG),
    ("type in a schema", ['op.execute("ALTER TABLE archive.logs ALTER at TYPE date")'],
     ["modify_type archive.logs.at"], PG),
    ("database", ['op.execute("DROP DATABASE lost_archive")'], ["remove_schema lost_archive"], MY),
    ("its other word", ['op.execute("drop schema if exists `lost_archive`")'],
     ["remove_schema lost_archive"], MY),
    ("label", ["op.execute(\"ALTER TABLE users MODIFY mood enum('sad')\")"],
     ["modify_type users.mood"], MY),
]  # fmt: skip
KEEPS = [
    ("added", ['op.add_column("users", sa.Column("note", sa.String(9)))'], EVERY),
    ("wider", batch("users", 'alter_column("name", type_=sa.String(80), '
                             "existing_type=sa.String(50))"), EVERY),
    ("renamed", ["old = sa.String(200)",
                 'op.alter_column("users", "email", new_column_name="mail", existing_type=old)'],
     PG + MY),
    ("renamed in batch", batch(
        "users", 'alter_column("email", new_column_name="mail", existing_type=sa.String(200))'),
     EVERY),
    ("swapped", ['op.execute("ALTER TABLE users RENAME COLUMN name TO x")',
                 'op.execute("ALTER TABLE users RENAME COLUMN email TO name")',
                 'op.execute("ALTER TABLE users RENAME COLUMN x TO email")',
                 'op.execute("ALTER TABLE carts RENAME COLUMN \\"Total Sum\\" TO sum")'],
     PG + LITE),
    ("renamed table", ['op.rename_table("users", "people")', *batch(
        "people", 'alter_column("email", new_column_name="mail", existing_type=sa.String(200))')],
     EVERY),
    ("several renamed tables", [
        'op.execute("RENAME TABLE users TO x, carts TO users, x TO carts")'], MY),
    ("table of its own", ['op.create_table("people", sa.Column("id", sa.Integer))',
                          'op.drop_table("people")'], EVERY),
    ("not null", batch("users", 'alter_column("name", nullable=False, '
                                "existing_type=sa.String(50))"), EVERY),
    ("renamed schema", ['op.execute("ALTER SCHEMA archive RENAME TO attic")'], PG),
    ("moved table", ['op.execute("ALTER TABLE users SET SCHEMA archive")'], PG),
    ("view", ['op.execute("DROP VIEW named")'], PG),
    ("schema of its own", ['op.execute("CREATE SCHEMA x")', 'op.execute("DROP SCHEMA x")'], PG),
    ("schema that is not there", ['op.execute("DROP SCHEMA IF EXISTS nothing")'], PG),
    ("database of its own", ['op.execute("CREATE DATABASE lost_own")',
                             'op.execute("DROP DATABASE lost_own")'], MY),
    ("type of ours", [
        'op.execute("ALTER TABLE archive.logs ALTER mood TYPE mood USING mood::mood")'], PG),
    ("said only", ["op.execute(\"UPDATE users SET name = 'DROP SCHEMA archive'\")"], EVERY),
]  # fmt: skip


NAMES = re.compile(r"\b(users|carts|people|archive|lost_archive|lost_own|mood|named)\b")


def numbered(lines, number):
    """With names of its own, for one of many cases in one database."""
    return [NAMES.sub(rf"\g<0>{number}", line) for line in lines]


@pytest.mark.parametrize("dialect", EVERY)
def test_losses(dialect, forks, tmp_path, request):
    first = {"postgresql": PG_FIRST, "mariadb": MY_FIRST}.get(dialect, FIRST)
    cases = [*FIRES, *((*case[:2], [], case[2]) for case in KEEPS)]
    begun, names, expected, scripts = [], {}, [], []
    for number, (name, lines, lost, dialects) in enumerate(cases):
        if dialect in dialects:
            begun += numbered(first, number)
            expected += numbered(lost, number)
            names[number] = name
            more = ["raise NotImplementedError"]
            scripts.append((f"r{number:02}", numbered(lines, number), more))
            if dialect == "mariadb":
                drop = f"DROP DATABASE IF EXISTS lost_archive{number}"
                request.addfinalizer(
                    lambda drop=drop: request.getfixturevalue("mariadb").execute(drop)
                )
    result = judged(forks, tmp_path, request, dialect, [("aaa", begun, ["pass"]), *scripts])
    assert result["failure"] is None, result["failure"]
    found = [f"{one.op} {one.object}" for one in of_schemas(result["lost"], dialect)]
    assert sorted(found) == sorted(expected), names
