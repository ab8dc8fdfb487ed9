"""What has landed must stay as it is, in all that a commit, a merge and a base can do to it."""

import pytest

from .shop import EMAIL, NOTE, adds, finding, only, rules, script, typed

EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
PATH = "migrations/versions/0002_email.py"
NOTE_PATH = "migrations/versions/0003_note.py"
WAIVER = """
[[tool.revguard.waivers]]
operation = "remove_revision"
object = "0002"
until = {until}
reason = "the release was withdrawn"
"""


def names(report):
    return (report["verdict"], rules(report))


@pytest.fixture
def landed(shop, tmp_path):
    """A shop whose first two commits are the remote's default branch."""
    one = shop()
    one.model()
    one.write(PATH, EMAIL_SCRIPT)
    one.commit_all("email")
    one.git("clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    one.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    one.git("fetch", "-q", "origin")
    one.git("remote", "set-head", "origin", "main")
    return one


def edit(shop):
    shop.replace(PATH, "nullable=True", "nullable=True, comment='edited'")
    shop.git("add", "-A")


def test_an_edited_revision_that_has_landed(landed, reports):
    edit(landed)
    report = reports.settled(landed)
    assert names(report) == ("fail", ["history/edited-revision"])
    command = typed(finding(report, "history/edited-revision")["hint"])
    landed.git(*command.split()[1:])
    assert names(reports.settled(landed)) == ("pass", [])


def test_a_deleted_revision_that_has_landed(landed, reports):
    landed.git("rm", "-q", PATH)
    report = reports.settled(landed)
    assert report["verdict"] == "fail"
    assert "history/deleted-revision" in rules(report)
    command = typed(finding(report, "history/deleted-revision")["hint"])
    landed.git(*command.split()[1:])
    assert names(reports.settled(landed)) == ("pass", [])


def test_a_comment_or_a_new_name_changes_no_landed_revision(landed, reports):
    landed.write(PATH, EMAIL_SCRIPT + "# said later\n")
    landed.git("mv", PATH, "migrations/versions/0002_renamed.py")
    landed.git("add", "-A")
    assert names(reports.settled(landed)) == ("pass", [])


def test_without_a_remote_nothing_has_landed(shop, reports):
    one = shop()
    one.model()
    one.write(PATH, EMAIL_SCRIPT)
    one.commit_all("email")
    edit(one)
    assert names(reports.settled(one)) == ("pass", [])
    # amended away together with its model
    one.git("rm", "-q", "-f", PATH)
    one.replace("shop/models.py", EMAIL, "")
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


def test_an_unreleased_revision_is_edited_in_place(landed, reports):
    """Only what the base reaches is immutable."""
    landed.model("orders", NOTE)
    path = "migrations/versions/0003.py"
    landed.write(path, script("0003", "0002", **adds("orders", "note", "sa.String(30)")))
    landed.commit_all("wrong length")
    landed.replace(path, "String(30)", "String(20)")
    landed.git("add", "-A")
    assert names(reports.settled(landed)) == ("pass", [])


# the ways out, written down in the repository


def without_email(landed):
    landed.git("rm", "-q", PATH)
    landed.replace("shop/models.py", EMAIL, "")
    landed.git("add", "-A")


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2999-01-01", ("pass", [])),
        ("2020-01-01", ("fail", ["history/deleted-revision", "lint/unused-waiver"])),
    ],
)
def test_a_waiver_lets_a_landed_revision_go(until, expected, landed, reports):
    without_email(landed)
    landed.write("pyproject.toml", WAIVER.format(until=until))
    landed.git("add", "-A")
    assert names(reports.settled(landed)) == expected


def test_a_waiver_of_a_removal_is_of_use_until_it_has_landed(landed, reports):
    landed.write("pyproject.toml", WAIVER.format(until="2999-01-01"))
    without_email(landed)
    landed.commit_all("withdrawn")
    landed.write("shop/models.py", landed.read("shop/models.py") + "# more\n")
    landed.git("add", "-A")
    assert names(reports.check(landed)) == ("pass", [])
    landed.commit_all("more")
    landed.git("push", "-q", "origin", "HEAD:main")
    landed.write("shop/models.py", landed.read("shop/models.py") + "# and more\n")
    landed.git("add", "-A")
    report = reports.check(landed)
    assert names(report) == ("pass", ["lint/unused-waiver"])
    assert finding(report, "lint/unused-waiver")["path"] == "pyproject.toml"


RULES_OF = {
    "edited": ("nullable=True", "nullable=True, comment='edited'"),
    "renumbered": ('revision = "0002"', 'revision = "2"'),
}


@pytest.mark.parametrize("kind", RULES_OF)
def test_an_ignore_on_the_line_lets_a_change_pass(kind, landed, reports):
    landed.replace(PATH, *RULES_OF[kind])
    landed.git("add", "-A")
    report = reports.check(landed)
    assert names(report) == ("fail", [f"history/{kind}-revision"])
    line = finding(report, f"history/{kind}-revision")["line"]
    lines = landed.read(PATH).splitlines(keepends=True)
    indented = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
    lines.insert(line - 1, f"{indented}# revguard: ignore[history/{kind}-revision]\n")
    landed.write(PATH, "".join(lines))
    landed.git("add", "-A")
    assert names(reports.check(landed)) == ("pass", [])


def test_a_revision_that_is_pushed_in_below_a_landed_one(landed, reports):
    landed.model("orders", NOTE)
    landed.write(NOTE_PATH, script("0003", "0001", **adds("orders", "note", "sa.String(20)")))
    landed.replace(PATH, 'down_revision = "0001"', 'down_revision = "0003"')
    landed.git("add", "-A")
    report = reports.check(landed)
    assert "history/renumbered-revision" in rules(report)
    command = typed(finding(report, "history/renumbered-revision")["hint"])
    landed.git(*command.split()[1:])
    assert names(reports.check(landed))[1] == ["history/multiple-heads"]


# version folders


@pytest.mark.parametrize("folder", ["migrations", "migrations/versions"])
def test_scripts_that_move_to_another_folder_are_no_new_ones(folder, landed, reports):
    landed.git("mv", "migrations", "db")
    if folder == "migrations/versions":
        landed.git("mv", "db/versions", "db/history")
        landed.replace("alembic.ini", "[alembic]\n", "[alembic]\nversion_locations = db/history\n")
    landed.replace("alembic.ini", "script_location = migrations", "script_location = db")
    landed.git("add", "-A")
    report = reports.check(landed)
    assert names(report) == ("pass", [])
    assert only(report)["new_revisions"] == []
    folder = "db/history" if folder == "migrations/versions" else "db/versions"
    path = f"{folder}/0002_email.py"
    landed.replace(path, "nullable=True", "nullable=True, comment='edited'")
    landed.git("mv", f"{folder}/0001_first.py", f"{folder}/0001_moved.py")
    landed.git("add", "-A")
    assert "history/edited-revision" in rules(reports.check(landed))


def test_a_copy_in_another_folder_is_a_new_one(landed, reports):
    """One change by dialect: two environments, the same script in both."""
    for name in ("env.py", "script.py.mako", "versions/0001_first.py"):
        landed.write(f"other/{name}", landed.read(f"migrations/{name}"))
    ini = landed.read("alembic.ini").replace("location = migrations", "location = other")
    ini = ini.replace("prepend_sys_path = .", "prepend_sys_path = ..").replace("shop.db", "o.db")
    landed.write("other/alembic.ini", ini)
    landed.git("add", "-A")
    report = reports.check(landed)
    (other,) = [one for one in report["environments"] if one["config"] == "other/alembic.ini"]
    assert [one["id"] for one in other["new_revisions"]] == ["0001"], report


# the base has moved on


@pytest.fixture
def behind(landed):
    """A branch, while the base got a revision that it lacks."""
    landed.git("checkout", "-q", "-b", "theirs")
    landed.model("orders", NOTE)
    landed.write(NOTE_PATH, script("0003", "0002", **adds("orders", "note", "sa.String(20)")))
    landed.commit_all("note")
    landed.git("push", "-q", "origin", "theirs:main")
    landed.git("checkout", "-q", "main")
    landed.git("fetch", "-q", "origin")
    return landed


PHONE_PATH = "migrations/versions/0004_phone.py"


def phone(shop, down="0002"):
    """A change of the models with its revision."""
    shop.model("users", "    phone = Column(String(100), nullable=True)\n")
    shop.write(PHONE_PATH, script("0004", down, **adds("users", "phone")))
    shop.git("add", "-A")


def test_a_revision_on_a_head_that_the_base_has_left_is_warned_of(behind, reports):
    phone(behind)
    report = reports.settled(behind)
    assert names(report) == ("pass", ["history/not-on-base-head"])
    found = finding(report, "history/not-on-base-head")
    assert found["severity"] == "warning"
    assert (found["path"], found["line"] > 0) == (PHONE_PATH, True)
    assert "origin/main has moved on to '0003'" in found["message"]
    assert typed(found["hint"]) == "git merge origin/main"


def test_it_is_given_again_from_the_cache_and_not_when_the_base_moves_back(behind):
    phone(behind)
    said = [behind.revguard("check") for _ in range(2)]
    assert [one.returncode for one in said] == [0, 0]
    assert all("history/not-on-base-head" in one.stdout for one in said)
    behind.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert "not-on-base-head" not in behind.revguard("check").stdout


@pytest.mark.parametrize("how", ["detached", "worktree", "a chain"])
def test_wherever_the_commit_is_made(how, behind, reports, tmp_path):
    if how == "detached":
        behind.git("checkout", "-q", "--detach")
    if how == "a chain":
        behind.model("orders", "    mark = Column(String(100), nullable=True)\n")
        behind.write(
            "migrations/versions/0005.py", script("0005", "0002", **adds("orders", "mark"))
        )
        behind.commit_all("mark")
    if how == "worktree":
        behind.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
        behind.path = behind.home = tmp_path / "other"
    phone(behind, "0005" if how == "a chain" else "0002")
    assert names(reports.check(behind)) == ("pass", ["history/not-on-base-head"])


@pytest.mark.parametrize("case", ["models", "no base", "merged", "base is this branch", "ignored"])
def test_where_it_is_silent(case, behind, reports):
    if case == "no base":
        behind.git("remote", "remove", "origin")
    if case == "merged":
        behind.git("merge", "-q", "origin/main")
    if case == "base is this branch":
        behind.write("revguard.toml", 'base = "main"\n')
        behind.commit_all("base")
    if case == "models":
        behind.replace("shop/models.py", '"""What', '"""All that')
        behind.git("add", "-A")
    else:
        phone(behind, "0003" if case == "merged" else "0002")
    if case == "ignored":
        line = 'down_revision = "0002"'
        behind.replace(PHONE_PATH, line, f"{line}  # revguard: ignore[history/not-on-base-head]")
        behind.git("add", "-A")
    report = reports.check(behind)
    assert names(report) == ("pass", [])


def test_a_range_still_blocks(behind, reports):
    phone(behind)
    behind.commit_all("phone")
    done = behind.revguard(
        "check", "--from-ref", "origin/main", "--to-ref", "HEAD", "--format", "json"
    )
    report = reports.read(done)
    assert report["verdict"] == "fail"
    assert finding(report, "history/not-on-base-head")["severity"] == "error"


# a parent that could not be evaluated


def test_what_a_parent_lacked_outside_of_the_tree_is_looked_for_again(shop, reports):
    """Its verdict is not kept: what was wrong with it may be mended meanwhile."""
    one = shop()
    one.replace("migrations/env.py", "from alembic import context", "import wanted\n"
                "from alembic import context")  # fmt: skip
    one.model("orders", NOTE)  # drift that is known, once the parent can be looked at
    one.commit_all("needs a module")
    one.replace("migrations/env.py", "import wanted\n", "")
    one.git("add", "-A")
    report = reports.settled(one)
    assert rules(report) == ["history/missing-revision"]
    assert "the parent commit could not be evaluated" in only(report)["notes"][0]
    wanted = next(one.path.glob("../wanted"), None)
    assert wanted is None
    (package,) = [*_site_packages(one)]
    (package / "wanted.py").write_text("")
    try:
        assert names(reports.check(one)) == ("pass", [])
    finally:
        (package / "wanted.py").unlink()


def _site_packages(one):
    import pathlib

    return pathlib.Path(one.environ["VIRTUAL_ENV"]).glob("lib/python*/site-packages")
