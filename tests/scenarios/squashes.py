"""Branches with several revisions, and what a database is after them, as Alembic runs them."""

import json
import subprocess

from .shop import NOTE, adds, script

EMAIL = "    email = Column(String(100), nullable=True)\n"
FILL = "op.execute(\"UPDATE users SET email = name || '@example.com' WHERE email IS NULL\")"
BATCH = 'with op.batch_alter_table("users") as batch_op:\n    batch_op.'


def steps(*names):
    """Scripts of a chain on top of 0001, by what each does; and the models that they lead to."""
    scripts, models = {}, []
    for number, name in enumerate(names, 2):
        does, model = KINDS[name]
        id_, down = f"{number:04}", f"{number - 1:04}"
        head = does.pop("head", "") if "head" in does else ""
        text = script(id_, down, **{k: does[k] for k in ("upgrade", "downgrade")}, head=head)
        text = text.replace(f'"""{id_}"""', f'"""{name}"""')
        scripts[f"migrations/versions/{id_}_{name}.py"] = does.get("before", "").join(
            [text[: text.index("def upgrade")], text[text.index("def upgrade") :]]
        )
        models += model
    return scripts, models


def _kind(upgrade, downgrade="pass", *, model=(), before="", head=""):
    return {"upgrade": upgrade, "downgrade": downgrade, "before": before, "head": head}, list(model)


def _alter(nullable):
    return f'{BATCH}alter_column("email", existing_type=sa.String(100), nullable={nullable})'


KINDS = {
    "email": _kind(**adds("users", "email"), model=[("users", EMAIL)]),
    "note": _kind(**adds("orders", "note", "sa.String(20)"), model=[("orders", NOTE)]),
    "size": _kind(
        **adds("users", "size", "sa.Integer()"),
        model=[("users", "    size = Column(Integer, nullable=True)\n")],
    ),
    "no_size": _kind(
        'op.drop_column("users", "size")',
        adds("users", "size", "sa.Integer()")["upgrade"],
        model=[("users", "")],
    ),
    "fill": _kind(FILL, 'op.execute("UPDATE users SET email = NULL")'),
    "required": _kind(_alter("False"), _alter("True")),
    "default": _kind(
        'op.add_column("users", sa.Column("email", sa.String(100), server_default="x", '
        "nullable=False))",
        'op.drop_column("users", "email")',
        model=[("users", EMAIL.replace("True", "False"))],
    ),
    "no_default": _kind(
        f'{BATCH}alter_column("email", existing_type=sa.String(100), server_default=None)',
        f'{BATCH}alter_column("email", existing_type=sa.String(100), server_default="x")',
    ),
    "helper": _kind(
        "_fill(op.get_bind())",
        before="def _fill(bind):\n    if bind is None:\n        return\n"
        '    bind.execute(sa.text("UPDATE users SET name = upper(name)"))\n\n\n',
    ),
    "leaves": _kind("bind = op.get_bind()\nif bind is None:\n    return\n" + FILL),
    "mixed": _kind(
        adds("users", "email")["upgrade"] + "\n" + FILL + "\n" + _alter("False"),
        'op.drop_column("users", "email")',
        model=[("users", EMAIL.replace("True", "False"))],
    ),
    "view": _kind(
        'op.execute("CREATE VIEW names AS SELECT name FROM users")',
        'op.execute("DROP VIEW names")',
    ),
    "now": _kind("op.execute(\"UPDATE users SET name = strftime('%f', 'now') || random()\")"),
    "pg_fill": _kind(
        'op.execute("UPDATE users SET email = name || kind::text")\n'
        'op.execute("INSERT INTO orders (user_id) SELECT id FROM users")',
        'op.execute("DELETE FROM orders WHERE id > 3")',
    ),
    "pg_required": _kind(
        'op.alter_column("users", "email", nullable=False)',
        'op.alter_column("users", "email", nullable=True)',
    ),
    "rename": _kind(
        f'{BATCH}alter_column("name", new_column_name="title", existing_type=sa.String(50))',
        f'{BATCH}alter_column("title", new_column_name="name", existing_type=sa.String(50))',
    ),
    "oneway": _kind(FILL, "raise NotImplementedError"),
    "comment": _kind(
        "# a large table: at night\n" + adds("users", "email")["upgrade"],
        'op.drop_column("users", "email")',
        model=[("users", EMAIL)],
    ),
}


def bring(shop, names, branch="mine", edit=None):
    """Commit the chain on a branch of its own, a commit for each."""
    shop.git("checkout", "-q", "-B", branch)
    scripts, models = steps(*names)
    for table, text in models:
        if text:
            shop.model(table, text)
        else:
            shop.replace("shop/models.py", "    size = Column(Integer, nullable=True)\n", "")
    if "required" in names or "pg_required" in names:
        shop.replace("shop/models.py", EMAIL, EMAIL.replace("True", "False"))
    if "rename" in names:
        shop.replace("shop/models.py", "    name = Column", "    title = Column")
    for path, text in scripts.items():
        shop.write(path, (edit or {}).get(path, text))
        shop.commit_all(path)
    return list(scripts)


# by the project's own interpreter, as `alembic` would; prints what there is after each step
RUN = """
import json, pathlib, sqlite3, sys
from alembic import command
from alembic.config import Config

def held():
    with sqlite3.connect("shop.db") as connection:
        listed = "SELECT type, name FROM sqlite_master ORDER BY type, name"
        schema = connection.execute(listed).fetchall()
        found = {"schema": schema}
        for kind, name in schema:
            if kind in ("table", "view"):
                rows = connection.execute(f"SELECT * FROM {name}")
                names = [column[0] for column in rows.description]
                found[name] = sorted(sorted(zip(names, map(repr, row))) for row in rows)
    return found

config, found = Config("alembic.ini"), []
pathlib.Path("shop.db").unlink(missing_ok=True)
command.upgrade(config, "0001")
with sqlite3.connect("shop.db") as connection:
    connection.executescript(sys.argv[1])
command.upgrade(config, "heads")
found.append(held())
try:
    command.downgrade(config, "0001")
    found.append(held())
except NotImplementedError:
    found.append("no way back")
pathlib.Path("shop.db").unlink()
print(json.dumps(found))
"""
ROWS = """
INSERT INTO users (id, name) VALUES (1, 'Ann'), (2, 'Bob'), (7, 'Cy');
INSERT INTO orders (id, user_id) VALUES (1, 1), (2, 7);
"""


def landed(shop):
    """All that a database with rows holds once the branch's revisions have run on it, and once
    they were taken back."""
    done = subprocess.run(
        ["python", "-c", RUN, ROWS], cwd=shop.home, env=shop.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
