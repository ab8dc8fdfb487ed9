"""Waivers: what they allow, until when, and when they have outlived their reason."""

import datetime

import pytest

from .shop import EMAIL, NOTE, adds, finding, only, rules, script

EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
PATH = "migrations/versions/0002_email.py"


def names(report):
    return (report["verdict"], rules(report))


def changed(shop):
    shop.model()
    shop.git("add", "-A")
    return shop


TODAY = datetime.date.today()
DAYS = {
    "yesterday": TODAY - datetime.timedelta(1),
    "today": TODAY,
    "tomorrow": TODAY + datetime.timedelta(1),
}
ADD_EMAIL = ("add_column", "users.email")
REMOVE_EMAIL = ("remove_column", "users.email")


def waiver(operation, object_, until=None):
    until = f"until = {until}\n" if until else ""
    return (
        f'[[tool.revguard.waivers]]\noperation = "{operation}"\nobject = "{object_}"\n'
        f'{until}reason = "later"\n'
    )


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, ("pass", [])),
        ("tomorrow", ("pass", [])),
        ("today", ("pass", [])),
        ("yesterday", ("fail", ["history/missing-revision", "lint/unused-waiver"])),
    ],
)
def test_of_new_drift_until_its_last_day(until, expected, shop, reports):
    one = changed(shop(more={"pyproject.toml": waiver(*ADD_EMAIL, DAYS.get(until))}))
    report = reports.settled(one)
    assert names(report) == expected
    if until == "yesterday":
        found = finding(report, "lint/unused-waiver")
        assert f"the waiver of add_column users.email ended on {DAYS[until]}" in found["message"]
        assert (found["path"], found["line"]) == ("pyproject.toml", 1)


def test_of_known_drift_it_is_still_of_use(shop, reports):
    one = changed(shop(more={"pyproject.toml": waiver(*ADD_EMAIL)}))
    one.commit_all("waived")
    one.replace("shop/models.py", '"""What', '"""All that')
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


NOT_THIS_ONE = {
    "another operation": ("remove_column", "users.email"),
    "another object": ("add_column", "users.mail"),
    "another table": ("add_column", "orders.email"),
    "the table": ("add_column", "users"),
    "a part of the name": ("add_column", "users.emai"),
}


@pytest.mark.parametrize("named", NOT_THIS_ONE.values(), ids=NOT_THIS_ONE)
def test_it_is_of_what_the_comparison_names_and_nothing_else(named, shop, reports):
    report = reports.check(changed(shop(more={"pyproject.toml": waiver(*named)})))
    assert sorted(rules(report)) == ["history/missing-revision", "lint/unused-waiver"]


def test_the_rest_of_the_change_is_still_asked_for(shop, reports):
    one = shop(more={"pyproject.toml": waiver(*ADD_EMAIL)})
    one.model("orders", NOTE)
    report = reports.check(changed(one))
    assert rules(report) == ["history/missing-revision"]
    assert "email" not in only(report)["script"]


def drops(shop, more=""):
    """A shop whose column has landed; staged are the model without it and its revision."""
    shop.model()
    shop.write(PATH, EMAIL_SCRIPT)
    shop.commit_all("email")
    shop.replace("shop/models.py", EMAIL, "")
    shop.write({"migrations/versions/0003.py": DROP, **({"pyproject.toml": more} if more else {})})
    shop.git("add", "-A")
    return shop


GONE = adds("users", "email")
DROP = script("0003", "0002", GONE["downgrade"], GONE["upgrade"])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["destructive/drop-column"]),
        (waiver(*REMOVE_EMAIL), []),
        (waiver(*REMOVE_EMAIL, DAYS["yesterday"]), ["destructive/drop-column",
                                                    "lint/unused-waiver"]),
        (waiver("remove_table", "users"), ["destructive/drop-column", "lint/unused-waiver"]),
    ],
)  # fmt: skip
def test_it_silences_the_destructive_rule_for_its_object(more, expected, shop, reports):
    assert names(reports.check(drops(shop(), more))) == ("pass", expected)


def test_model_before_the_drop(shop, reports):
    """The model goes first under a waiver, the column later with its revision."""
    one = shop()
    one.model()
    one.write(PATH, EMAIL_SCRIPT)
    one.commit_all("email")
    one.replace("shop/models.py", EMAIL, "")
    one.git("add", "-A")
    assert rules(reports.check(one))[0] == "history/missing-revision"
    one.write("pyproject.toml", waiver(*REMOVE_EMAIL))
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])
    one.commit_all("model")
    one.write("migrations/versions/0003.py", DROP)
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])  # what it makes good was there until now
    one.commit_all("column")
    one.replace("shop/models.py", '"""What', '"""All that')
    one.git("add", "-A")
    assert names(reports.check(one)) == ("pass", ["lint/unused-waiver"])


def test_revision_before_the_model(shop, reports):
    """The revision goes first under a waiver of what a comparison then finds; the model follows."""
    one = shop()
    one.write(PATH, EMAIL_SCRIPT)
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/unneeded-revision"])
    found = finding(report, "history/unneeded-revision")
    assert found["path"] == PATH
    assert '`operation = "remove_column"`, `object = "users.email"`' in found["hint"]
    assert only(report)["script"] is None
    one.write("pyproject.toml", waiver(*REMOVE_EMAIL))
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])
    one.commit_all("revision")
    one.model()
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", ["lint/unused-waiver"])


# what leads away from the models, and what only looks so

BOTH = f"{adds('users', 'email')['upgrade']}\n{adds('orders', 'note', 'sa.String(20)')['upgrade']}"
UNDO = f"{adds('orders', 'note')['downgrade']}\n{adds('users', 'email')['downgrade']}"
WIDE = (
    'with op.batch_alter_table("users") as batch:\n'
    '    batch.alter_column("name", existing_type=sa.String({0}), type_=sa.String({1}), '
    "existing_nullable=False)"
)
TABLE = (
    'op.create_table("tags", sa.Column("id", sa.Integer(), nullable=False), '
    'sa.PrimaryKeyConstraint("id"))'
)
AWAY = {
    "a column of no model": (None, EMAIL_SCRIPT, ["history/unneeded-revision"]),
    "a table of no model": (
        None, script("0002", "0001", TABLE, 'op.drop_table("tags")'),
        ["history/unneeded-revision"],
    ),
    "a column that the models have is dropped": (
        None,
        script("0002", "0001", 'op.drop_column("users", "name")',
               'op.add_column("users", sa.Column("name", sa.String(50), nullable=False))'),
        ["destructive/drop-column", "history/unneeded-revision"],
    ),
    "a table that the models have is dropped": (
        None, script("0002", "0001", 'op.drop_table("orders")', "raise NotImplementedError"),
        ["destructive/drop-table", "history/unneeded-revision"],
    ),
    "a narrower type": (
        None, script("0002", "0001", WIDE.format(50, 30), WIDE.format(30, 50)),
        ["destructive/narrow-type", "history/unneeded-revision"],
    ),
    "another type": (
        None, script("0002", "0001", WIDE.format(50, 80), WIDE.format(80, 50)),
        ["history/unneeded-revision"],
    ),
    "more than the models": (EMAIL, script("0002", "0001", BOTH, UNDO),
                             ["history/unneeded-revision"]),
    "less than the models": (EMAIL + NOTE, EMAIL_SCRIPT, ["history/incomplete-revision"]),
    "the right column, made wrongly": (
        EMAIL, script("0002", "0001", **adds("users", "email", "sa.String(20)")),
        ["history/incomplete-revision"],
    ),
    "another column": (
        EMAIL, script("0002", "0001", **adds("users", "mail")),
        ["history/incomplete-revision", "history/unneeded-revision"],
    ),
    "just what the models have": (EMAIL, EMAIL_SCRIPT, []),
    "rows only": (None, script("0002", "0001", 'op.execute("UPDATE users SET name = name")'), []),
}  # fmt: skip


@pytest.mark.parametrize(("model", "text", "expected"), AWAY.values(), ids=AWAY)
def test_what_leads_away_from_the_models(model, text, expected, shop, reports):
    one = shop()
    if model:
        one.model("users", model)
    one.write(PATH, text)
    one.git("add", "-A")
    assert sorted(rules(reports.check(one))) == expected


# a narrower type, and what is dropped though the models have it

NARROW = {"migrations/versions/0002.py": script("0002", "0001", WIDE.format(50, 30),
                                                WIDE.format(30, 50))}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["destructive/narrow-type"]),
        (waiver("modify_type", "users.name"), []),
        (waiver("modify_type", "users.id"), ["destructive/narrow-type", "lint/unused-waiver"]),
        ('[tool.revguard.rules]\n"destructive/narrow-type" = "off"\n', []),
    ],
)
def test_a_narrower_type(more, expected, shop, reports):
    one = shop()
    one.replace("shop/models.py", "String(50)", "String(30)")
    one.write({**NARROW, "pyproject.toml": more})
    one.git("add", "-A")
    report = reports.check(one)
    assert names(report) == ("pass", expected)
    if "destructive/narrow-type" in expected:
        said = finding(report, "destructive/narrow-type")["message"]
        assert said == (
            "the revision narrows users.name from VARCHAR(50) to VARCHAR(30): longer values do "
            "not fit"
        )


@pytest.mark.parametrize("wider", [True, False])
def test_a_type_that_add_changes(wider, shop, reports):
    """The script that is missing is spoken of like a staged one."""
    one = shop(configure="render_as_batch=True")
    one.replace("shop/models.py", "String(50)", "String(60)" if wider else "String(40)")
    one.git("add", "-A")
    more = [] if wider else ["destructive/narrow-type"]
    assert rules(reports.check(one)) == ["history/missing-revision", *more]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (waiver("add_column", "users.name"), []),
        (waiver("remove_column", "users.name"), ["history/unneeded-revision"]),
    ],
)
def test_a_column_that_is_dropped_before_the_model(more, expected, shop, reports):
    one = shop()
    one.write({"migrations/versions/0002.py": AWAY["a column that the models have is dropped"][1],
               "pyproject.toml": more})  # fmt: skip
    one.git("add", "-A")
    assert rules(reports.check(one)) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["destructive/drop-schema"]),
        (waiver("remove_schema", "archive"), []),
        (waiver("remove_schema", "attic"), ["destructive/drop-schema", "lint/unused-waiver"]),
    ],
)
def test_a_schema(more, expected, shop, reports):
    one = shop("postgresql")
    make, drop = (f'op.execute("{verb} SCHEMA archive")' for verb in ("CREATE", "DROP"))
    one.write("migrations/versions/0002.py", script("0002", "0001", make, drop))
    one.commit_all("schema")
    one.write({"migrations/versions/0003.py": script("0003", "0002", drop, make),
               "pyproject.toml": more})  # fmt: skip
    one.git("add", "-A")
    assert names(reports.check(one)) == ("pass", expected)


def test_an_ignore_on_the_line_that_drops(shop, reports):
    """In the script that does it, though another one comes after it."""
    one = drops(shop())
    drop = GONE["downgrade"]
    one.model("orders", NOTE)
    added = script("0004", "0003", **adds("orders", "note", "sa.String(20)"))
    one.write("migrations/versions/0004.py", added)
    one.git("add", "-A")
    found = finding(reports.check(one), "destructive/drop-column")
    path = "migrations/versions/0003.py"
    line = one.read(path).splitlines().index(f"    {drop}") + 1
    assert (found["path"], found["line"]) == (path, line)
    one.replace(path, drop, f"{drop}  # revguard: ignore[destructive/drop-column]")
    one.git("add", "-A")
    assert "destructive/drop-column" not in rules(reports.check(one))
