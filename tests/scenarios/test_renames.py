"""A drop and an add that look like a rename: asked, and written as it is answered."""

import re
import shlex
import sqlite3

import pytest

from .shop import EMAIL, NOTE, adds, finding, only, rules, script

RULE = "models/probable-rename"
MAIL = EMAIL.replace("email", "mail")
BATCH = "render_as_batch=True"


def renamed(shop, **options):
    """A shop with a landed `users.email`, which the staged models call `mail`."""
    one = shop(configure=BATCH, **options)
    one.model()
    one.write("migrations/versions/0002.py", script("0002", "0001", **adds("users", "email")))
    one.commit_all("email")
    one.replace("shop/models.py", EMAIL, MAIL)
    one.git("add", "-A")
    return one


def new_script(one):
    (name,) = set(one.versions()) - {"0001_first.py", "0002.py"}
    return one.read(f"migrations/versions/{name}")


def added(one, *words):
    done = one.revguard("add", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return new_script(one)


def test_it_blocks_and_gives_both_answers(shop, reports):
    one = renamed(shop)
    report = reports.settled(one)
    errors = [it["rule"] for it in only(report)["findings"] if it["severity"] == "error"]
    assert sorted(errors) == ["history/missing-revision", RULE]
    found = finding(report, RULE)
    assert "users.email is probably renamed to mail" in found["message"]
    assert "`revguard add --rename users.email:mail`" in found["hint"]
    assert "`revguard add --no-rename`" in found["hint"]
    assert (found["path"], found["line"]) == ("shop/models.py", 14)
    assert finding(report, "history/missing-revision")["hint"] == ""  # by one of these two
    done = one.revguard("add")
    assert done.returncode == 1
    assert done.stdout.count("`revguard add") == 2
    assert done.stdout.rstrip().endswith("drops and adds")
    assert len(one.versions()) == 2


def test_what_goes_before_in_a_range(shop, reports):
    one = renamed(shop)
    one.git("switch", "-qc", "mine")
    one.git("commit", "-qm", "mail")
    report = reports.settled(one, "--from-ref", "main", "--to-ref", "mine")
    assert finding(report, RULE)["hint"].startswith("`git reset --soft ")
    assert finding(report, "history/missing-revision")["hint"] == ""


def test_a_warning_leaves_the_way_to_go_on(shop, reports):
    one = renamed(shop, more={"revguard.toml": f'[rules]\n"{RULE}" = "warning"\n'})
    assert "`revguard add`" in finding(reports.settled(one), "history/missing-revision")["hint"]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_renamed(dialect, shop, reports):
    one = renamed(shop, dialect=dialect)
    text = added(one, "--rename", "users.email:mail")
    assert "new_column_name='mail'" in text
    assert "new_column_name='email'" in text  # and back
    assert "drop_column" not in text
    report = reports.check(one)
    assert (report["verdict"], rules(report)) == ("pass", [])
    assert [step["result"] for step in only(report)["proof"]] == ["pass"] * 4


def test_the_values_stay(shop, virtualenv):
    one = renamed(shop)
    added(one, "--rename", "users.email:mail")
    one.run_alembic = lambda *words: one.revguard("upgrade", *words)
    assert one.revguard("upgrade", "0002").returncode == 0
    with sqlite3.connect(one.path / "shop.db") as connection:
        connection.execute("INSERT INTO users (id, name, email) VALUES (1, 'a', 'a@b')")
    connection.close()
    assert one.revguard("upgrade").returncode == 0
    with sqlite3.connect(one.path / "shop.db") as connection:
        assert connection.execute("SELECT mail FROM users").fetchall() == [("a@b",)]
    connection.close()


def test_dropped_and_added(shop, reports):
    one = renamed(shop)
    text = added(one, "--no-rename")
    assert "drop_column('email')" in text
    assert rules(reports.check(one)) == ["destructive/drop-column"]


MODES = [("never", "drop_column", 0), ("source", "new_column_name", 0), ("ask", "", 1)]


@pytest.mark.parametrize(("mode", "written", "code"), MODES)
def test_what_is_configured(mode, written, code, shop):
    one = renamed(shop, more={"revguard.toml": f'renames = "{mode}"\n'})
    assert one.revguard("add").returncode == code
    if not code:
        assert written in new_script(one)


def test_a_formatter_hides_no_rename(shop):
    one = renamed(shop, more={"revguard.toml": 'renames = "source"\n'})
    text = one.read("shop/models.py").replace(" = ", "=").replace('"', "'")
    one.write("shop/models.py", text.replace("class ", "\n\n\nclass "))
    one.git("add", "-A")
    assert "new_column_name" in added(one)


def test_the_source_says_that_it_is_none(shop):
    """The line is another one in more than a word."""
    one = renamed(shop, more={"revguard.toml": 'renames = "source"\n'})
    one.replace("shop/models.py", MAIL, "    mail = Column(String(100), unique=False)\n")
    one.git("add", "-A")
    assert "drop_column('email')" in added(one)


NOT_PROBABLE = {
    "another type": (EMAIL, "    mail = Column(Integer)\n"),
    "another table": (EMAIL, ""),
    "added only": ("    # more of users\n", MAIL + "    # more of users\n"),
    "dropped only": (EMAIL, ""),
}


@pytest.mark.parametrize("name", NOT_PROBABLE)
def test_not_probable(name, shop, reports):
    one = renamed(shop)
    one.replace("shop/models.py", MAIL, EMAIL)
    old, new = NOT_PROBABLE[name]
    one.replace("shop/models.py", old, new)
    if name == "another table":
        one.model("orders", MAIL)
    one.git("add", "-A")
    assert RULE not in rules(reports.check(one))


def test_elsewhere_and_of_another_name(shop, reports):
    """Of the same type, but neither in its place nor alike."""
    one = renamed(shop)
    one.replace("shop/models.py", MAIL, "")
    mark = "    name = Column(String(50), nullable=False)\n"
    one.replace("shop/models.py", mark, "    city = Column(String(100), nullable=True)\n" + mark)
    one.git("add", "-A")
    assert RULE not in rules(reports.check(one))


def test_ones_own_revision_is_judged_by_its_result(shop, reports):
    one = renamed(shop)
    text = script("0003", "0002", 'op.alter_column("users", "email", new_column_name="mail")',
                  'op.alter_column("users", "mail", new_column_name="email")')  # fmt: skip
    one.write("migrations/versions/0003.py", text)
    one.git("add", "-A")
    report = reports.check(one)
    assert (report["verdict"], rules(report)) == ("pass", [])


WRONG = {
    "no such column": (["--rename", "users.emial:mail"], "do not drop users.emial and add mail"),
    "no colon": (["--rename", "users.email"], "is not `table.old:new`"),
    "a table in the new name": (
        ["--rename", "users.email:users.mail"],
        "do not drop users.email and add users.mail a column is `table.old:new`",
    ),
    "nothing": (["--rename", ":"], "is not `table.old:new`"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_wrong_answers(words, said, shop):
    one = renamed(shop)
    done = one.revguard("add", *words)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert said in " ".join((done.stdout + done.stderr).split())
    assert len(one.versions()) == 2


# more than a column


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_table(dialect, shop, reports):
    """What refers to it follows."""
    one = renamed(shop, dialect=dialect)
    one.replace("shop/models.py", MAIL, EMAIL)
    one.replace("shop/models.py", '__tablename__ = "users"', '__tablename__ = "people"')
    one.replace("shop/models.py", 'ForeignKey("users.id")', 'ForeignKey("people.id")')
    one.git("add", "-A")
    found = finding(reports.check(one), RULE)
    assert "the table users is probably renamed to people" in found["message"]
    assert "`revguard add --rename users:people`" in found["hint"]
    text = added(one, "--rename", "users:people")
    assert "op.rename_table('users', 'people')" in text
    assert "create_table" not in text
    assert "foreign" not in text
    report = reports.check(one)
    assert (report["verdict"], rules(report)) == ("pass", [])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_with_its_index_its_type_and_its_key(dialect, shop, reports):
    """All that speaks of the old name, and another type for the new one."""
    one = shop(dialect, configure=BATCH)
    one.replace("shop/models.py", "    # more of orders\n",
                "    note = Column(String(20), index=True)\n    # more of orders\n")  # fmt: skip
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("note")
    one.replace("shop/models.py", "note = Column(String(20)", "remark = Column(String(30)")
    one.replace("shop/models.py", "    user_id = Column", "    owner_id = Column")
    one.git("add", "-A")
    assert "orders.user_id:owner_id" in finding(reports.check(one), RULE)["hint"]
    done = one.revguard("add", "--rename", "orders.note:remark",
                        "--rename", "orders.user_id:owner_id")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = reports.check(one)
    assert (report["verdict"], rules(report)) == ("pass", [])


def test_one_of_two(shop, reports):
    """What is answered is no question any more; `--no-rename` is of the others."""
    one = renamed(shop)
    one.replace("shop/models.py", MAIL, EMAIL)
    one.model("orders", NOTE)
    one.write("migrations/versions/0003.py",
              script("0003", "0002", **adds("orders", "note", "sa.String(20)")))  # fmt: skip
    one.commit_all("note")
    one.replace("shop/models.py", EMAIL, MAIL)
    one.replace("shop/models.py", NOTE, NOTE.replace("note", "notes"))
    one.git("add", "-A")
    done = one.revguard("add", "--rename", "users.email:mail")
    assert done.returncode == 1
    assert "orders.note is probably renamed to notes" in " ".join(done.stdout.split())
    assert "users.email is probably" not in done.stdout
    done = one.revguard("add", "--rename", "users.email:mail", "--no-rename")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_answer_to_two_is_one_command(shop):
    """As it stands, in a shell; what is answered already stays answered."""
    one = shop(configure=BATCH)
    one.model()
    one.model("orders", NOTE)
    both = ['op.add_column("users", sa.Column("email", sa.String(100)))',
            'op.add_column("orders", sa.Column("note", sa.String(20)))']  # fmt: skip
    one.write("migrations/versions/0002.py", script("0002", "0001", "\n".join(both)))
    one.commit_all("both")
    one.replace("shop/models.py", EMAIL, MAIL)
    one.replace("shop/models.py", NOTE, NOTE.replace("note", "notes"))
    one.git("add", "-A")
    asked = " ".join(one.revguard("add").stdout.split())
    (first,) = re.findall(r"`revguard (add --rename[^`]*)`", asked)
    assert sorted(shlex.split(first)[2::2]) == ["orders.note:notes", "users.email:mail"]
    said = " ".join(one.revguard("add", "--rename", "users.email:mail").stdout.split())
    assert "`revguard add --rename users.email:mail --no-rename`" in said
    (command,) = re.findall(r"`revguard (add --rename \S+ --rename [^`]*)`", said)
    assert command.split()[1:3] == ["--rename", "users.email:mail"]
    assert added(one, *shlex.split(command)[1:]).count("new_column_name") == 4


AWKWARD = ["a.b", "a:b", "it's", "Some Thing", "$HOME"]


@pytest.mark.parametrize("name", AWKWARD)
def test_the_answer_works_as_it_stands(name, shop):
    """In a shell, for names that need quoting there, and that look like more than a name."""
    one = renamed(shop)
    one.replace("shop/models.py", MAIL, MAIL.replace("Column(", f"Column({name!r}, "))
    one.git("add", "-A")
    (command,) = re.findall(r"`revguard (add --rename [^`]*)`", one.revguard("add").stdout)
    text = added(one, *shlex.split(command)[1:])
    assert f"new_column_name={name!r}" in text
