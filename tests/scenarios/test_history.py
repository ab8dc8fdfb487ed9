"""What facts say goes wrong with revisions: each is found, and what only looks like it is not."""

import pytest

from .shop import EMAIL, NOTE, adds, finding, only, rules, script, typed

EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
PATH = "migrations/versions/0002_email.py"


def changed(shop, files=None, *, stage=True):
    """A shop whose staged change is users.email, with further files."""
    shop.model()
    shop.write(files or {})
    if stage:
        shop.git("add", "-A")
    return shop


def names(report):
    return (report["verdict"], rules(report))


# the script that is there and not in the commit


def test_the_second_commit_a_says_that_the_script_is_untracked(shop, reports):
    """The naive hook's hole: the script lies on disk, so nothing seems to be missing."""
    one = changed(shop(), {PATH: EMAIL_SCRIPT}, stage=False)
    one.hook("check")
    done = one.run_git("commit", "-am", "x")
    assert done.returncode == 1
    assert f"git add {PATH}" in done.stderr + done.stdout
    one.git("add", "-u")
    report = reports.settled(one)
    assert set(rules(report)) == {"history/missing-revision", "history/untracked-revision"}
    assert typed(finding(report, "history/untracked-revision")["hint"]) == f"git add {PATH}"
    one.git("add", PATH)
    assert names(reports.settled(one)) == ("pass", [])
    one.git("commit", "-qm", "x")
    assert one.status() == []


def test_add_does_not_write_a_second_script_beside_the_untracked_one(shop):
    one = changed(shop(), {PATH: EMAIL_SCRIPT}, stage=False)
    one.hook("add")
    before = one.versions()
    done = one.run_git("commit", "-am", "x")
    assert done.returncode == 1
    assert f"git add {PATH}" in done.stderr + done.stdout
    assert one.versions() == before


def test_no_stage_then_commit_a(shop):
    """`add --no-stage` writes the script and exits 1; committed without it, it is asked for."""
    one = changed(shop())
    done = one.revguard("add", "--no-stage")
    assert done.returncode == 1
    (name,) = set(one.versions()) - {"0001_first.py"}
    assert f"?? migrations/versions/{name}" in one.status()
    one.hook("check")
    done = one.run_git("commit", "-am", "x")
    assert done.returncode == 1
    assert f"git add migrations/versions/{name}" in done.stdout + done.stderr
    one.git("add", "migrations")
    one.git("commit", "-qam", "x")
    assert one.status() == []


def test_add_after_no_stage_takes_in_what_is_there(shop):
    """The very script, written by a run that was killed or told not to stage it."""
    one = changed(shop())
    assert one.revguard("add", "--no-stage").returncode == 1
    before = one.versions()
    done = one.revguard("add")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "untracked-revision" not in done.stdout
    assert one.versions() == before
    (name,) = set(before) - {"0001_first.py"}
    assert f"A  migrations/versions/{name}" in one.status()


def test_add_after_no_stage_leaves_alone_what_was_edited(shop):
    one = changed(shop())
    assert one.revguard("add", "--no-stage").returncode == 1
    (name,) = set(one.versions()) - {"0001_first.py"}
    path = f"migrations/versions/{name}"
    edited = (one.path / path).read_text() + "# mine\n"
    one.write(path, edited)
    done = one.revguard("add")
    assert done.returncode == 1
    assert f"git add {path}" in done.stdout
    assert (one.path / path).read_text() == edited
    assert f"?? {path}" in one.status()


def test_commit_path_leaves_the_users_own_script_out(shop):
    """Staged, but not named in `git commit PATH`: the finding says where it is."""
    one = changed(shop(), {PATH: EMAIL_SCRIPT})
    one.hook("check")
    done = one.run_git("commit", "-m", "x", "shop/models.py")
    assert done.returncode == 1
    assert "0002_email.py" in done.stdout + done.stderr
    assert "is not staged for this commit" in done.stdout + done.stderr
    one.git("commit", "-qm", "x", "shop/models.py", PATH)
    assert one.status() == []


@pytest.mark.parametrize("command", ["check", "add"])
def test_the_users_own_revision_passes(shop, reports, command):
    one = changed(shop(), {PATH: EMAIL_SCRIPT})
    one.hook(command)
    one.git("commit", "-qm", "x")
    assert one.committed() == {"shop/models.py": "M", PATH: "A"}
    one.git("reset", "-q", "--soft", "HEAD^")
    report = reports.settled(one)
    assert names(report) == ("pass", [])
    (change,) = only(report)["changes"]
    assert (change["object"], change["covered"]) == ("users.email", True)
    assert change["source"] == {"path": "shop/models.py", "line": 14}
    assert [step["result"] for step in only(report)["proof"]] == ["pass"] * 4
    (revision,) = only(report)["new_revisions"]
    assert revision == {
        "id": "0002",
        "path": PATH,
        "down_revision": ["0001"],
        "added_by": "user",
        "anew": False,
        "text": one.read(PATH),
    }
    assert "ALTER TABLE users ADD COLUMN email" in only(report)["sql"]


# staged scripts that are there and wrong

NOT_NULL = '    email = Column(String(100), nullable=False, server_default="")\n'
RAISING = 'raise NotImplementedError("no way back")'

FOR_ROWS = script(
    "0002", "0001", **adds("users", "email", options="nullable=False, server_default=''")
)
REQUIRED = "    email = Column(String(100), nullable=False)\n"

WRONG = {
    "incomplete": (NOT_NULL, script("0002", "0001", **adds("users", "email")),
                   ["history/incomplete-revision"]),
    "default-for-the-rows": (REQUIRED, FOR_ROWS, []),
    "half": (EMAIL + NOTE, EMAIL_SCRIPT, ["history/incomplete-revision"]),
    "empty": ("", script("0002", "0001"), ["history/empty-revision"]),
    "empty-beside-a-change": (EMAIL, script("0002", "0001"),
                              ["history/empty-revision", "history/incomplete-revision"]),
    "upgrade-fails": (EMAIL, script("0002", "0001", 'op.add_column("nowhere", sa.Column("a"))'),
                      ["proof/upgrade-fails"]),
    "upgrade-raises": (EMAIL, script("0002", "0001", "1 / 0"), ["proof/upgrade-fails"]),
    "downgrade-fails": (EMAIL, script("0002", "0001", adds("users", "email")["upgrade"],
                                      'op.drop_column("users", "mail")'),
                        ["proof/downgrade-fails"]),
    "downgrade-differs": (EMAIL, script("0002", "0001", adds("users", "email")["upgrade"]),
                          ["proof/downgrade-differs"]),
    "downgrade-irreversible": (EMAIL, script("0002", "0001", adds("users", "email")["upgrade"],
                                             RAISING), []),
    "syntax": (EMAIL, EMAIL_SCRIPT + "\n(\n", ["history/broken-graph"]),
    "missing-parent": (EMAIL, script("0002", "0009", **adds("users", "email")),
                       ["history/broken-graph"]),
    "duplicate": (EMAIL, script("0001", None, **adds("users", "email")), ["history/broken-graph"]),
    "cycle": (EMAIL, script("0002", "0002", **adds("users", "email")), ["history/broken-graph"]),
    "no-revision-at-all": (EMAIL, "# a helper\n", ["history/broken-graph"]),
    "second-base": (EMAIL, script("0002", None, **adds("users", "email")),
                    ["history/multiple-heads"]),
    "second-base-labelled": (EMAIL, script("0002", None, **adds("users", "email"),
                                           head='branch_labels = ("mail",)'), []),
}  # fmt: skip


def test_a_default_for_the_rows_where_env_py_compares_them(shop, reports):
    """Who asks Alembic to compare defaults is told of one that the models do not have."""
    one = shop(configure="compare_server_default=True")
    one.model("users", REQUIRED)
    one.write(PATH, FOR_ROWS)
    one.git("add", "-A")
    assert rules(reports.settled(one)) == ["history/incomplete-revision"]


EACH = [
    pytest.param(dialect, *case, id=f"{dialect}-{name}")
    for name, case in WRONG.items()
    for dialect in ("sqlite", "postgresql")
    if dialect == "sqlite" or "history/broken-graph" not in case[2]  # no database has a part in it
]


@pytest.mark.parametrize(("dialect", "model", "text", "expected"), EACH)
def test_staged_scripts(shop, reports, model, text, expected, dialect, request):
    one = shop(dialect)
    one.model("users", model)
    one.write(PATH, text)
    one.git("add", "-A")
    report = reports.settled(one)
    assert sorted(rules(report)) == expected, report
    assert report["verdict"] == ("fail" if expected else "pass")
    if "irreversible" in request.node.callspec.id:
        proof = {step["step"]: step for step in only(report)["proof"]}
        assert proof["downgrade"]["result"] == proof["reupgrade"]["result"] == "skipped"
        assert "no way back" in proof["downgrade"]["reason"]
    for one_finding in only(report)["findings"]:
        assert one_finding["hint"]
        if one_finding["rule"] != "history/missing-revision":
            assert one_finding["path"].startswith("migrations/versions/")


@pytest.mark.parametrize(("dialect", "recorded"), [("sqlite", True), ("postgresql", False)])
def test_what_was_known_before_an_upgrade_that_fails(dialect, recorded, shop, reports):
    """Known drift is no part of the change, and what is left undone is not covered."""
    one = shop(dialect)
    one.model("orders", NOTE)
    one.commit_all("drift")
    if recorded:
        one.replace("shop/models.py", '"""What', '"""All that')
        one.git("add", "-A")
        assert only(reports.check(one))["known_drift"] == 1
    one.model("users", EMAIL)
    one.write(PATH, script("0002", "0001", "1 / 0"))
    one.git("add", "-A")
    report = reports.check(one)
    assert names(report) == ("fail", ["proof/upgrade-fails"])
    assert only(report)["known_drift"] == 1
    changes = [(each["object"], each["covered"]) for each in only(report)["changes"]]
    assert changes == [("users.email", False)]
    # past the hook: what was known is known to the next commit, too
    one.commit_all("broken")
    one.write(PATH, script("0002", "0001"))
    one.git("add", "-A")
    assert only(reports.check(one))["known_drift"] == 1


def test_a_package_of_scripts(shop, reports):
    """__init__.py is no revision, and may lie in the folder."""
    one = changed(shop(), {PATH: EMAIL_SCRIPT, "migrations/versions/__init__.py": ""})
    assert names(reports.settled(one)) == ("pass", [])


def test_two_new_revisions(shop, reports):
    one = changed(shop(), {PATH: EMAIL_SCRIPT})
    one.model("orders", NOTE)
    one.write("migrations/versions/0003.py", script("0003", "0002", **adds(
        "orders", "note", "sa.String(20)")))  # fmt: skip
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/several-revisions"])
    assert [it["id"] for it in only(report)["new_revisions"]] == ["0002", "0003"]
    one.write("revguard.toml", '[rules]\n"history/several-revisions" = "off"\n')
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


def test_two_heads(shop, reports):
    one = shop()
    one.model("users")
    one.write(PATH, EMAIL_SCRIPT)
    one.commit_all("email")
    one.model("orders", NOTE)
    path = "migrations/versions/0003.py"
    one.write(path, script("0003", "0001", **adds("orders", "note", "sa.String(20)")))
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/multiple-heads"])
    assert 'down_revision = "0002"' in finding(report, "history/multiple-heads")["hint"]
    assert sorted(only(report)["heads"]) == ["0002", "0003"]
    one.replace(path, '"0001"', '"0002"')
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


def test_heads_that_were_there_before_do_not_block(shop, reports):
    one = shop()
    one.write(PATH, script("0002", "0001", 'op.execute("select 1")'))
    one.write("migrations/versions/0003.py", script("0003", "0001", 'op.execute("select 2")'))
    one.commit_all("two heads")
    one.replace("shop/models.py", '"""What', '"""All that')
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


# drift


def test_known_drift_is_counted_and_not_generated(shop, reports):
    one = shop()
    one.model("orders", NOTE)
    one.commit_all("without a revision")
    one.replace("shop/models.py", '"""What', '"""All that')
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("pass", [])
    assert only(report)["known_drift"] == 1
    assert only(report)["changes"] == []
    # new drift beside it: only that
    one.model("users")
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/missing-revision"])
    assert only(report)["known_drift"] == 1
    assert [change["object"] for change in only(report)["changes"]] == ["users.email"]
    assert "note" not in only(report)["script"]
    assert one.revguard("add").returncode == 0
    report = reports.settled(one)
    assert names(report) == ("pass", [])
    one.git("commit", "-qm", "x")
    assert only(reports.check(one, "--tree", "HEAD", "--no-cache"))["known_drift"] == 1


def test_a_revision_for_known_drift_passes(shop, reports):
    one = shop()
    one.model()
    one.commit_all("without a revision")
    one.write(PATH, EMAIL_SCRIPT)
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("pass", [])
    assert only(report)["known_drift"] == 0


def test_the_models_go_back(shop, reports):
    """What was known drift is gone with the model: nothing is new."""
    one = shop()
    one.model()
    one.commit_all("without a revision")
    one.replace("shop/models.py", EMAIL, "")
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


# ignores, severities


def test_an_ignore_silences_its_line(shop, reports):
    one = shop()
    column = EMAIL.rstrip() + "  # revguard: ignore[history/missing-revision]\n"
    one.model("users", column)
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


def test_an_ignore_that_is_over_and_one_of_no_use(shop, reports):
    one = shop()
    over = "  # revguard: ignore[history/missing-revision] until=2020-01-01\n"
    one.model("users", EMAIL.rstrip() + over)
    one.git("add", "-A")
    report = reports.settled(one)
    assert sorted(rules(report)) == ["history/missing-revision", "lint/unused-ignore"]
    one.replace(
        "shop/models.py", EMAIL.rstrip() + over, "    # revguard: ignore[proof/upgrade-fails]\n"
    )
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("pass", ["lint/unused-ignore"])


@pytest.mark.parametrize(("severity", "verdict", "count"), [
    ("warning", "pass", 1), ("off", "pass", 0), ("error", "fail", 1),
])  # fmt: skip
def test_severities(shop, reports, severity, verdict, count):
    toml = f'[tool.revguard.rules]\n"history/missing-revision" = "{severity}"\n'
    one = changed(shop(more={"pyproject.toml": toml}))
    report = reports.settled(one)
    assert names(report) == (verdict, ["history/missing-revision"] * count)
