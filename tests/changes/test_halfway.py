"""DDL that no transaction takes back: the proof says where it stopped, and what is left so."""

import pytest

from revguard.rules import proof

from .cases import table
from .evaluating import Databases
from .project import Project

SCRIPT = """\
from alembic import op
import sqlalchemy as sa

revision = "{id}"
down_revision = {down!r}


def upgrade():
    {up}


def downgrade():
    {back}
"""
CARTS = 'op.create_table("carts", sa.Column("id", sa.Integer, primary_key=True))'
EMAIL = 'op.add_column("users", sa.Column("email", sa.String(9)))'
TWICE = 'op.add_column("users", sa.Column("name", sa.String(9)))'
FIRST = (
    'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("name", sa.String(50)))'
)
BACK = 'op.drop_column("users", "email")'
LEFT = "column users.email was left behind, table carts was left behind"
# id, statements of upgrade and downgrade, which step fails, what is said
CASES = [
    ("second", [EMAIL, CARTS, TWICE], ["pass"], "upgrade",
     f"statement 3 of the revision failed; left half done: {LEFT}"),
    ("first", [TWICE, CARTS], ["pass"], "upgrade", ""),
    ("between statements", [EMAIL, CARTS, "1 / 0"], ["pass"], "upgrade",
     f"the revision stopped after its statement 2; left half done: {LEFT}"),
    ("downgrade", [EMAIL, CARTS], ['op.drop_table("carts")', 'op.drop_table("baskets")'],
     "downgrade", "statement 2 of the revision failed; left half done: table carts is missing"),
]  # fmt: skip
DIALECTS = ["mariadb", "sqlite", "postgresql"]


def judged(forks, tmp_path, request, dialect, scripts, look=None):
    """What the worker says of scripts (id, upgrade, downgrade), the first of which has landed.
    `look` takes the databases that it was given."""
    project = Project(tmp_path / "project", dialect)
    project.models(table())
    down = None
    for name, up, back in scripts:
        text = SCRIPT.format(id=name, down=down, up="\n    ".join(up), back="\n    ".join(back))
        project.keep({"path": f"migrations/versions/{name}.py", "text": text})
        down = name
    place = Databases(dialect, request.getfixturevalue(dialect))
    request.addfinalizer(place.drop)
    if look is not None:
        look.append(place)
    names = [name for name, _, _ in scripts]
    asked = {**project.request(names[:1]), "new": names[1:]}
    event = forks.evaluate(asked, place)
    assert event["event"] == "result", event
    return event["result"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace(" ", "-"))
def test_left_half_done(case, dialect, forks, tmp_path, request):
    _, up, back, step, said = case
    scripts = [("aaa", [FIRST], ["pass"]), ("bbb", up, back)]
    result = judged(forks, tmp_path, request, dialect, scripts)
    (failed,) = [one for one in result["proof"] if one["result"] == "fail" and one["step"] == step]
    (finding,) = proof.failed_step(result["failure"])
    if not said or dialect == "postgresql":
        assert "half done" not in failed["reason"] + finding.message
        return
    assert failed["reason"].endswith(said)
    assert finding.message.endswith(said[1:])
    assert "production would be left like that" in finding.hint


def test_of_a_chain_only_the_last_is_half_done(forks, tmp_path, request):
    scripts = [
        ("aaa", [FIRST], ["pass"]), ("bbb", [EMAIL], [BACK]), ("ccc", [CARTS, TWICE], ["pass"]),
    ]  # fmt: skip
    result = judged(forks, tmp_path, request, "mariadb", scripts)
    assert result["failure"]["half_done"] == (
        "statement 2 of the revision failed; left half done: table carts was left behind"
    )
