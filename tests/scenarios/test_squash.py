"""`revguard squash`: one revision out of the branch's several, the same in schema and rows."""

import json

import pytest

from . import killed
from .shop import NOTE, adds, only, rules, script
from .squashes import EMAIL, bring, landed

# the revisions of the branch; those whose text is taken over; parts of the script in their order
SQUASHED = {
    "generated": (["email", "note"], [], ["add_column", "add_column", "drop_column"]),
    "data last": (
        ["email", "note", "fill"],
        ["0004"],
        ["'note'", "'email'", "UPDATE", "UPDATE users SET email = NULL", "drop_column"],
    ),
    "data between": (
        ["email", "fill", "required"],
        ["0002", "0003", "0004"],
        ["add_column", "UPDATE", "nullable=False", "nullable=True", "UPDATE", "drop_column"],
    ),
    "generated after data": (
        ["email", "fill", "note", "size"],
        ["0002", "0003"],
        ["add_column", "UPDATE", "add_column", "add_column", "def downgrade"],
    ),
    "one revision with all": (
        ["mixed", "note"], ["0002", "0003"], ["UPDATE", "nullable=False", "'note'"],
    ),
    "helper": (["helper", "email"], ["0002", "0003"], ["def _fill", "def upgrade", "_fill(op"]),
    "leaves early": (
        ["email", "leaves"],
        ["0002", "0003"],
        ["def _upgrade_0003", "return", "UPDATE", "def upgrade", "_upgrade_0003()"],
    ),
    "undone on the way": (["size", "email", "no_size"], [], ["'email'", "def downgrade"]),
    "raw ddl": (["email", "view"], ["0002", "0003"], ["add_column", "CREATE VIEW", "DROP VIEW"]),
    "rename": (["rename", "note"], ["0002", "0003"], ["new_column_name", "add_column"]),
    "no way back": (["email", "oneway"], ["0002", "0003"], ["UPDATE", "raise NotImplementedError"]),
    "comment": (["comment", "note"], ["0002", "0003"], ["# a large table", "'note'"]),
}  # fmt: skip


def squash(shop, *words, **options):
    return shop.revguard("squash", *words, **options)


def ready(shop, **options):
    one = shop(more={"revguard.toml": 'base = "main"\n'}, **options)
    one.git("branch", "-M", "main")
    return one


def told(shop, *words):
    """The outcome of the one environment, as a machine gets it."""
    done = squash(shop, "--format", "json", *words)
    assert "Traceback" not in done.stderr
    return only(json.loads(done.stdout))


def in_order(text, parts):
    at = 0
    for part in parts:
        found = text.replace('"', "'").find(part.replace('"', "'"), at)
        assert found >= 0, (part, text)
        at = found + 1


@pytest.mark.parametrize(("names", "kept", "said"), SQUASHED.values(), ids=SQUASHED.keys())
def test_squashed(shop, names, kept, said):
    one = ready(shop)
    paths = bring(one, names)
    before = landed(one)
    found = told(one)
    assert found["outcome"] == "squashed", found
    (chain,) = found["chains"]
    assert chain["kept"] == kept
    last = f"{len(names) + 1:04}"
    assert (chain["id"], chain["path"], chain["down_revision"]) == (last, paths[-1], ["0001"])
    assert one.status() == [*(f"D  {path}" for path in paths[:-1]), f"M  {paths[-1]}"]
    in_order(one.read(paths[-1]), said)
    assert landed(one) == before


def test_values_that_differ_each_time_are_said_not_to_be_compared(shop):
    one = ready(shop)
    bring(one, ["email", "now"])
    found = told(one)
    assert found["outcome"] == "squashed", found
    assert "another value in each run" in " ".join(found["chains"][0]["notes"])


TYPES = """
from sqlalchemy import *
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"

    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)
    made = Column(DateTime(timezone=True), server_default=func.now(), nullable=False)
    tags = Column(pg.ARRAY(String), nullable=False)
    data = Column(pg.JSONB, nullable=False)
    uid = Column(pg.UUID(as_uuid=True), nullable=False, unique=True)
    place = Column(pg.INET, nullable=False)
    kind = Column(Enum("a", "b", name="kind"), nullable=False)
    price = Column(Numeric(10, 2), CheckConstraint("price > 5"), nullable=False)
    level = Column(String(9), CheckConstraint("level IN ('low', 'high')"), nullable=False)
    span = Column(Interval, nullable=False)
    raw = Column(LargeBinary, nullable=False)
    # more of users


class Order(Base):
    __tablename__ = "orders"

    id = Column(BigInteger, Identity(), primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False)
    parent_id = Column(BigInteger, ForeignKey("orders.id"))
    # more of orders
"""


@pytest.mark.parametrize(
    ("names", "kept"),
    [(["email", "note"], []), (["email", "pg_fill", "pg_required"], ["0002", "0003", "0004"])],
    ids=["generated", "data between"],
)
def test_on_postgresql(shop, names, kept):
    """Rows go into columns of many types; those with times and by default say nothing."""
    one = shop("postgresql", more={"revguard.toml": ""}, commit=False)
    one.git("checkout", "-q", "-b", "main")
    (one.path / "migrations/versions/0001_first.py").unlink()
    one.write("shop/models.py", TYPES)
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    (first,) = one.versions()
    text = one.read(f"migrations/versions/{first}").replace(first[:12], "0001")
    one.write(f"migrations/versions/{first}", text)
    one.write("revguard.toml", 'base = "main"\n')
    one.commit_all("first")
    bring(one, names)
    found = told(one)
    assert found["outcome"] == "squashed", found
    (chain,) = found["chains"]
    assert (chain["kept"], chain["notes"]) == (
        kept, ["columns that hold another value in each run were not compared"],
    )  # fmt: skip


def test_revisions_that_undo_one_another_are_gone(shop):
    one = ready(shop)
    paths = bring(one, ["size", "no_size"])
    found = told(one)
    assert found["outcome"] == "removed", found
    assert one.status() == [f"D  {path}" for path in paths]


def test_rows_that_would_be_lost_are_lost_as_before(shop):
    """Autogenerate would leave the column alone; the chain empties it."""
    one = ready(shop)
    empties = [
        ("0002", "0001", adds("orders", "user_id", "sa.Integer()")["downgrade"]),
        ("0003", "0002", adds("orders", "user_id", "sa.Integer()")["upgrade"]),
    ]
    one.replace("shop/models.py", 'Column(Integer, ForeignKey("users.id"), nullable=False)',
                "Column(Integer)")  # fmt: skip
    one.replace("migrations/versions/0001_first.py", "nullable=False),\n        sa.Foreign",
                "nullable=True),\n        sa.Foreign")  # fmt: skip
    text = one.read("migrations/versions/0001_first.py")
    start = text.index("        sa.ForeignKey")
    one.write("migrations/versions/0001_first.py",
              text[:start] + text[text.index("\n", start) + 1 :])  # fmt: skip
    one.commit_all("without a key")
    one.git("checkout", "-q", "-b", "mine")
    for id_, down, does in empties:
        back = adds("orders", "user_id", "sa.Integer()")
        other = back["upgrade"] if does == back["downgrade"] else back["downgrade"]
        one.write(f"migrations/versions/{id_}.py", script(id_, down, does, other))
    one.commit_all("empties")
    found = told(one)
    assert found["outcome"] == "squashed", found
    assert found["chains"][0]["kept"] == ["0002", "0003"]


def test_a_message_and_what_was_explained(shop):
    one = ready(shop)
    path = "migrations/versions/0003_fill.py"
    bring(one, ["email", "fill"])
    one.replace(path, '"""fill"""', '"""fill\n\nThe shop of "old" had none.\n"""')
    one.commit_all("explained")
    assert squash(one, "-m", "all about email").returncode == 0
    text = one.read(path)
    assert text.startswith('"""all about email\n\nThe shop of "old" had none.\n"""')


def test_without_a_message_it_is_those_of_the_chain(shop):
    one = ready(shop)
    bring(one, ["email", "note"])
    done = squash(one)
    assert done.returncode == 0, done.stderr
    assert one.read("migrations/versions/0003_note.py").startswith('"""email, note\n')
    assert "2 revisions are one now: migrations/versions/0003_note.py" in done.stdout
    assert "a database at 0003 needs nothing; one that stopped at 0002" in " ".join(
        done.stdout.split()
    )


# what is left alone


def other_head(one):
    bring(one, ["email"])
    one.model("orders", NOTE)
    text = script("0009", "0001", **adds("orders", "note", "sa.String(20)"))
    one.write("migrations/versions/0009.py", text)
    one.commit_all("beside")


def moved_base(one):
    bring(one, ["email", "fill"])
    one.git("checkout", "-q", "main")
    one.model("orders", NOTE)
    text = script("0009", "0001", **adds("orders", "note", "sa.String(20)"))
    one.write("migrations/versions/0009.py", text)
    one.commit_all("landed")
    one.git("checkout", "-q", "mine")


def missing_revision(one):
    bring(one, ["email", "fill"])
    one.model("orders", NOTE)
    one.git("add", "-A")


def two_helpers(one):
    bring(one, ["helper", "helper"])
    path = "migrations/versions/0003_helper.py"
    one.replace(path, "upper", "lower")
    one.commit_all("another way")


def asks_who_it_is(one):
    bring(one, ["email", "fill"])
    one.replace("migrations/versions/0003_fill.py", "op.execute(", "op.execute(revision and ")
    one.commit_all("asks")


def unstaged(one):
    bring(one, ["email", "fill"])
    one.replace("migrations/versions/0003_fill.py", "UPDATE", "UPDATE  ")


def unstaged_in_one_that_goes(one):
    bring(one, ["email", "fill"])
    path = "migrations/versions/0002_email.py"
    one.write(path, one.read(path) + "# mine\n")


def broken(one):
    bring(one, ["email", "fill"])
    one.replace("migrations/versions/0003_fill.py", '"0002"', '"0008"')
    one.commit_all("broken")


def several_bases(one):
    bring(one, ["email", "fill"])
    text = one.read("migrations/versions/0003_fill.py").replace('"0002"', 'str("0002")')
    one.write("migrations/versions/0003_fill.py", text)
    one.commit_all("only running it tells")


LEFT = {
    "two heads": (other_head, 1, "they end in 2 heads"),
    "the base moved on": (moved_base, 1, "main has moved on to '0009'"),
    "a model without its revision": (missing_revision, 1, "history/incomplete-revision"),
    "two helpers of one name": (two_helpers, 1, "both define `_fill`"),
    "its own id": (asks_who_it_is, 1, "uses its own `revision`"),
    "unstaged edits": (unstaged, 2, "has changes that are not staged"),
    "unstaged edits in one that goes": (
        unstaged_in_one_that_goes, 2, "0002_email.py has changes that are not staged",
    ),
    "a broken history": (broken, 1, "names '0008' in `down_revision`"),
    "a history that only running tells": (several_bases, 1, "only running the scripts would tell"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "code", "said"), LEFT.values(), ids=LEFT.keys())
def test_left_alone(shop, make, code, said):
    one = ready(shop)
    make(one)
    before = one.status(), one.git("write-tree"), one.versions()
    done = squash(one)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in " ".join((done.stdout + done.stderr).split())
    assert (one.status(), one.git("write-tree"), one.versions()) == before


@pytest.mark.parametrize("names", [[], ["email"]], ids=["none", "one"])
def test_nothing_to_squash(shop, names):
    one = ready(shop)
    bring(one, names)
    done = squash(one)
    assert (done.returncode, one.status()) == (0, [])
    assert "nothing to squash" in done.stdout


def test_without_a_base_nobody_knows_what_the_branch_brings(shop):
    one = shop()
    bring(one, ["email", "fill"])
    done = squash(one)
    assert done.returncode == 2
    assert "`base`" in done.stderr


def test_what_has_landed_is_left_alone(shop):
    one = ready(shop)
    bring(one, ["email", "fill"], branch="main")
    one.git("checkout", "-q", "-b", "mine")
    assert "nothing to squash" in squash(one).stdout


def test_a_merge_of_the_branchs_own_is_taken_in(shop):
    """Two own lines that were merged, which run in one order or the other."""
    one = ready(shop)
    bring(one, ["email"])
    one.model("orders", NOTE)
    one.write("migrations/versions/0003.py", script("0003", "0001", **adds("orders", "note",
              "sa.String(20)")))  # fmt: skip
    one.write("migrations/versions/0004.py", script("0004", ("0002", "0003")))
    one.commit_all("merged")
    found = told(one)
    assert found["outcome"] == "squashed", found
    assert found["chains"][0]["down_revision"] == ["0001"]
    assert one.versions() == ["0001_first.py", "0004.py"]


def test_as_the_finding_says(shop, reports):
    one = ready(shop)
    one.write("revguard.toml", 'base = "main"\none-per = "branch"\n')
    one.commit_all("one for the branch")
    bring(one, ["email", "note"])
    report = reports.check(one, "--from-ref", "main")
    assert rules(report) == ["history/several-revisions"]
    (finding,) = only(report)["findings"]
    assert finding["hint"] == "`revguard squash` makes one of them"
    assert told(one)["outcome"] == "squashed"
    one.commit_all("squashed")
    report = reports.check(one, "--from-ref", "main")
    assert (report["verdict"], rules(report)) == ("pass", [])
    assert [it["id"] for it in only(report)["new_revisions"]] == ["0003"]
    # and `add` may go on from there
    one.model("users", "    age = Column(Integer, nullable=True)\n")
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    assert one.versions() == ["0001_first.py", "0003_note.py"]
    assert EMAIL.split()[0] in one.read("migrations/versions/0003_note.py")


# in the middle of it


def test_killed_at_any_change_the_repository_is_as_before(shop):
    one = ready(shop)
    paths = bring(one, ["email", "fill", "note"])
    told = killed.at_each_change(one, "squash")
    assert told["kills"] > 10
    assert told["wrong"] == []
    assert one.status() == [*(f"D  {path}" for path in paths[:-1]), f"M  {paths[-1]}"]
