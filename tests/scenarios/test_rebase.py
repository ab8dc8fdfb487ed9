"""The branch's revisions go on top of the base's head, proven; or nothing changes at all."""

import datetime
import json
import os
import re
import subprocess
import sys

import pytest

from revguard import arguments
from revguard.commands import rebase as command
from revguard.errors import RevguardError, UsageError
from revguard.staging import putting_back, repository

from .shop import NOTE, OURS, adds, script

VERSIONS = "migrations/versions"
EMAIL = "    email = Column(String(100), nullable=True)\n"
PHONE = "    phone = Column(String(30), nullable=True)\n"


def email_script(down="0001", id_="aa01", **more):
    return script(id_, down, **{**adds("users", "email"), **more})


def phone_script(down="aa01", id_="aa02"):
    return script(id_, down, **adds("users", "phone", "sa.String(30)"))


def note_script(down="0001", id_="bb01"):
    return script(id_, down, **adds("orders", "note", "sa.String(20)"))


class Branches:
    """A shop with the branches `main` and `mine`, and what is typed on them."""

    def __init__(self, shop):
        self.shop = shop
        self.git = shop.git
        shop.git("branch", "-M", "main")
        shop.git("checkout", "-q", "-b", "mine")

    def commit(self, branch, scripts, *models, **more):
        self.git("checkout", "-q", branch)
        for table, text in models:
            self.shop.model(table, text)
        self.shop.write({f"{VERSIONS}/{name}": text for name, text in scripts.items()})
        self.shop.write(more)
        self.shop.commit_all(f"on {branch}")

    def rebase(self, *words, base="main"):
        """In this process; what it raises comes through."""
        more = ("--from-ref", base) if base else ()
        invocation = arguments.parse(
            ["rebase", *more, *words],
            environ=self.shop.environ,
            directory=str(self.shop.path),
            today=datetime.date(2026, 11, 26),
        )
        return command.run(invocation)

    def moved(self, *words):
        answer = self.rebase(*words)
        assert answer.code == 0, answer.text
        return answer.data

    def downs(self):
        """By file, what the staged scripts say."""
        found = {}
        for name in self.git("ls-files", f"{VERSIONS}/*.py").splitlines():
            text = self.git("show", f":{name}")
            id_ = re.search(r"^revision\S* = (.+)$|^revision: str = (.+)$", text, re.MULTILINE)
            down = re.search(r"^down_revision[^=]*= (.+)$", text, re.MULTILINE)
            said = [
                (one[1] or one[2] if one is id_ else one[1]).strip("\"'") for one in (id_, down)
            ]
            found[name.rpartition("/")[2]] = tuple(said)
        return found

    def is_clean(self):
        """After a commit of what is staged, the whole branch is judged fine."""
        self.shop.commit_all("moved")
        done = self.shop.revguard("check", "--from-ref", "main")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert self.shop.revguard("check").returncode == 0
        answer = self.rebase()
        assert (answer.code, self.shop.status()) == (0, [])
        assert "nothing to move" in answer.text

    def state(self):
        files = {
            path.relative_to(self.shop.path): path.read_bytes()
            for path in self.shop.path.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.shop.path).parts
        }
        return files, self.git("ls-files", "--stage"), self.git("rev-parse", "HEAD")


@pytest.fixture
def empty(shop):
    return Branches(shop())


@pytest.fixture
def two(empty):
    """Both branches brought a revision on top of 0001."""
    empty.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    empty.commit("main", {"bb01_note.py": note_script()}, ("orders", NOTE))
    empty.git("checkout", "-q", "mine")
    return empty


def merge(branches, branch="main", *, conflicts=False):
    done = branches.shop.run_git("merge", "--no-edit", branch)
    assert (done.returncode != 0) == conflicts, (done.stdout, done.stderr)


def git_rebase(branches, *, conflicts=False):
    done = branches.shop.run_git("rebase", "main")
    assert (done.returncode != 0) == conflicts, (done.stdout, done.stderr)


HOWEVER = pytest.mark.parametrize("bring", [merge, git_rebase], ids=["merge", "rebase"])


@HOWEVER
def test_one_revision(two, bring):
    bring(two)
    done = two.shop.revguard("rebase", "--from-ref", "main")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "shop: moved 1 revision on top of main, proven" in done.stdout
    assert two.shop.status() == [f"M  {VERSIONS}/aa01_email.py"]
    assert two.git("diff", "--cached", "-U0", "--format=").splitlines()[-2:] == [
        '-down_revision = "0001"',
        '+down_revision = "bb01"',
    ]
    two.is_clean()


@HOWEVER
def test_a_chain(two, bring):
    """Its first revision only."""
    two.commit("mine", {"aa02_phone.py": phone_script()}, ("users", PHONE))
    bring(two)
    data = two.moved()
    (moved,) = data["environments"][0]["moved"]
    assert (moved["id"], moved["down_revision"]) == ("aa01", ["bb01"])
    assert moved["before"]["down_revision"] == ["0001"]
    assert two.shop.status() == [f"M  {VERSIONS}/aa01_email.py"]
    # one commit each, as the rules have it
    two.shop.commit_all()
    assert two.shop.revguard("check", "--from-ref", "main").returncode == 0


def test_on_postgresql(shop):
    branches = Branches(shop("postgresql"))
    branches.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    branches.commit("mine", {"aa02_phone.py": phone_script()}, ("users", PHONE))
    branches.commit("main", {"bb01_phone.py": phone_script("0001", "bb01")}, ("users", PHONE))
    branches.git("checkout", "-q", "mine")
    merge(branches, conflicts=True)
    branches.git("checkout", "-q", "--ours", "shop/models.py")
    branches.git("add", "-A")
    before = branches.state()
    refused = branches.rebase()
    assert refused.code == 1
    assert 'column "phone" of relation "users" already exists' in " ".join(refused.text.split())
    assert branches.state() == before
    branches.git("rm", "-qf", f"{VERSIONS}/aa02_phone.py")
    moved = branches.moved()["environments"][0]["moved"]
    assert [(one["id"], one["down_revision"]) for one in moved] == [("aa01", ["bb01"])]
    branches.shop.commit_all("moved")
    assert branches.shop.revguard("check", "--from-ref", "main").returncode == 0


def test_two_lines_of_one_branch(empty):
    empty.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    empty.commit("mine", {"aa02_phone.py": phone_script("0001")}, ("users", PHONE))
    empty.moved()
    assert empty.downs()["aa02_phone.py"] == ("aa02", "aa01")
    empty.is_clean()


@pytest.mark.parametrize("bring", [merge, git_rebase], ids=["merge", "rebase"])
def test_a_mergepoint_that_is_needless_now(two, bring):
    merge(two)
    two.commit("mine", {"cc01_merge.py": script("cc01", ("aa01", "bb01"))})
    two.commit("main", {"bb02_phone.py": phone_script("bb01", "bb02")}, ("users", PHONE))
    two.git("checkout", "-q", "mine")
    assert two.shop.run_git("merge", "main").returncode == 1  # both columns of users
    two.git("checkout", "-q", "--theirs", "shop/models.py")
    two.shop.model("users", EMAIL)
    two.git("add", "shop/models.py")
    answer = two.rebase()
    assert answer.code == 0, answer.text
    assert "removed, there is nothing left to merge" in answer.text
    assert two.downs() == {
        "0001_first.py": ("0001", "None"),
        "aa01_email.py": ("aa01", "bb02"),
        "bb01_note.py": ("bb01", "0001"),
        "bb02_phone.py": ("bb02", "bb01"),
    }
    two.git("commit", "-q", "-m", "merged")
    two.is_clean()


def test_an_environment_that_came_with_the_branch(shop):
    one = shop(commit=False)
    one.git("commit", "-q", "--allow-empty", "-m", "nothing yet")
    two = Branches(one)
    one.commit_all()
    answer = two.rebase()
    assert (answer.code, one.status()) == (0, [])
    assert answer.text == "shop: nothing to move: main is below every revision\n"


def test_two_beginnings(shop):
    """Both branches brought the first revision of all."""
    one = shop(commit=False)
    one.git("rm", "-rq", "--cached", ".", "--ignore-unmatch")
    (one.path / VERSIONS / "0001_first.py").unlink()
    one.write("shop/models.py", one.read("shop/models.py").partition("class User")[0])
    one.commit_all("nothing yet")
    two = Branches(one)
    table = (
        "class {0}(Base):\n    __tablename__ = '{1}'\n    id = Column(Integer, primary_key=True)\n"
    )
    for branch, name, id_ in (("mine", "things", "aa01"), ("main", "others", "bb01")):
        create = f'op.create_table("{name}", sa.Column("id", sa.Integer(), primary_key=True))'
        text = script(id_, None, create, f'op.drop_table("{name}")')
        two.git("checkout", "-q", branch)
        one.write(f"shop/{name}.py", "from sqlalchemy import Column, Integer\n"
                  "from shop.models import Base\n" + table.format(name.title(), name))  # fmt: skip
        env = one.read("migrations/env.py")
        where = "# other values" if branch == "main" else "# add your model's"
        one.write("migrations/env.py", env.replace(where, f"import shop.{name}\n{where}"))
        two.commit(branch, {f"{id_}_{name}.py": text})
    two.git("checkout", "-q", "mine")
    merge(two)
    two.moved()
    assert two.downs() == {"aa01_things.py": ("aa01", "bb01"), "bb01_others.py": ("bb01", "None")}
    two.is_clean()


# conflicts


def torn(branches):
    """Both brought 0002 under the same name: git cannot merge the file."""
    branches.commit("mine", {"0002_more.py": email_script(id_="0002")}, ("users", EMAIL))
    branches.commit("main", {"0002_more.py": note_script(id_="0002")}, ("orders", NOTE))
    branches.git("checkout", "-q", "mine")
    return branches


@HOWEVER
def test_the_head_file(shop, bring):
    """Its conflict is what it is for; it is settled with the scripts, and then it is right."""
    one = shop()
    one.write("revguard.toml", "lock = true\n")
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all()
    heads = f"{VERSIONS}/heads.txt"
    before = one.read(heads)
    two = Branches(one)
    mine, main = (before.replace("\n0001", f"\n{id_}") for id_ in ("aa01", "bb01"))
    two.commit("mine", {"aa01_email.py": email_script(), "heads.txt": mine}, ("users", EMAIL))
    two.commit("main", {"bb01_note.py": note_script(), "heads.txt": main}, ("orders", NOTE))
    two.git("checkout", "-q", "mine")
    bring(two, conflicts=True)
    two.moved()
    assert two.git("show", f":{heads}").endswith("\naa01")
    assert two.downs()["aa01_email.py"] == ("aa01", "bb01")
    words = ("commit", "-qm", "x") if bring is merge else ("rebase", "--continue")
    two.git(*words, environ={"GIT_EDITOR": "true"})
    two.is_clean()


@HOWEVER
def test_the_same_number_and_name(empty, bring):
    """What has landed stays what it is, whichever side it is on."""
    branches = torn(empty)
    landed = branches.git("show", f"main:{VERSIONS}/0002_more.py")
    bring(branches, conflicts=True)
    assert f"AA {VERSIONS}/0002_more.py" in branches.shop.status()
    answer = branches.rebase()
    assert answer.code == 0, answer.text
    go_on = "git commit" if bring is merge else "git rebase --continue"
    assert go_on in answer.text
    assert branches.git("ls-files", "--unmerged") == ""
    assert branches.git("show", f":{VERSIONS}/0002_more.py") == landed
    assert branches.downs()["0003_more.py"] == ("0003", "0002")
    assert branches.shop.read(f"{VERSIONS}/0003_more.py") == email_script("0002", "0003").replace(
        '"""0003"""', '"""0002"""'
    )
    words = ("commit", "-qm", "x") if bring is merge else ("rebase", "--continue")
    branches.git(*words, environ={"GIT_EDITOR": "true"})
    branches.is_clean()


@HOWEVER
def test_the_same_name_and_other_ids(empty, bring):
    """Names that say no id; what stands on the torn one is found, too."""
    empty.commit("mine", {"more.py": email_script(), "rest.py": phone_script()},
                 ("users", EMAIL), ("users", PHONE))  # fmt: skip
    empty.commit("main", {"more.py": note_script()}, ("orders", NOTE))
    empty.git("checkout", "-q", "mine")
    bring(empty, conflicts=True)
    empty.moved()
    assert empty.downs() == {
        "0001_first.py": ("0001", "None"),
        "more.py": ("bb01", "0001"),
        "more_aa01.py": ("aa01", "bb01"),
        "rest.py": ("aa02", "aa01"),
    }


@HOWEVER
def test_a_chain_of_numbers(empty, bring):
    branches = torn(empty)
    branches.commit("mine", {"0003_phone.py": phone_script("0002", "0003")}, ("users", PHONE))
    done = branches.shop.run_git(*(("merge",) if bring is merge else ("rebase",)), "main")
    assert done.returncode == 1
    branches.moved()
    if bring is git_rebase:  # the second commit comes after: 0003 there is another one
        branches.git("rebase", "--continue", environ={"GIT_EDITOR": "true"})
        branches.moved()
    assert branches.downs() == {
        "0001_first.py": ("0001", "None"),
        "0002_more.py": ("0002", "0001"),
        "0003_more.py": ("0003", "0002"),
        "0004_phone.py": ("0004", "0003"),
    }


def test_numbers_of_one_name_replayed(empty):
    """Each commit of the branch meets what the one before it has become."""
    empty.commit("mine", {"0002_x.py": email_script(id_="0002")}, ("users", EMAIL))
    empty.commit("mine", {"0003_x.py": phone_script("0002", "0003")}, ("users", PHONE))
    empty.commit("main", {"0002_x.py": note_script(id_="0002")}, ("orders", NOTE))
    empty.git("checkout", "-q", "mine")
    git_rebase(empty, conflicts=True)
    empty.moved()
    assert empty.shop.run_git("rebase", "--continue", environ={"GIT_EDITOR": "true"}).returncode
    assert empty.shop.status()[0] == f"AA {VERSIONS}/0003_x.py"
    empty.moved()
    empty.git("rebase", "--continue", environ={"GIT_EDITOR": "true"})
    texts = {name: empty.shop.read(f"{VERSIONS}/{name}") for name in empty.shop.versions()}
    assert [("email" in text, "phone" in text) for text in texts.values()] == [
        (False, False), (False, False), (True, False), (False, True),
    ]  # fmt: skip
    assert empty.downs()["0004_x.py"] == ("0004", "0003")
    empty.is_clean()


def test_the_same_number_under_other_names(empty):
    """No conflict for git, and two revisions of one id for Alembic."""
    empty.commit("mine", {"0002_email.py": email_script(id_="0002")}, ("users", EMAIL))
    (empty.shop.path / VERSIONS / "0002_email.py").chmod(0o755)
    empty.shop.commit_all("executable")
    empty.commit("main", {"0002_note.py": note_script(id_="0002")}, ("orders", NOTE))
    empty.git("checkout", "-q", "mine")
    merge(empty)
    answer = empty.rebase()
    assert answer.code == 0, answer.text
    assert "0002 is 0003 now" in answer.text
    assert empty.downs()["0003_email.py"] == ("0003", "0002")
    assert empty.git("ls-files", "--stage", f"{VERSIONS}/0003_email.py").startswith("100755")
    assert "`git reflog` shows it" in answer.text  # a database at 0002 is at another 0002 now
    empty.is_clean()


def test_both_sides_of_the_branch_changed_its_script(two):
    """Rebased once, edited elsewhere: they differ in what it goes on top of, and in a comment."""
    two.git("branch", "elsewhere")
    merge(two)
    two.moved()
    two.shop.commit_all()
    two.commit("elsewhere", {"aa01_email.py": email_script() + "# a remark\n"})
    two.shop.replace(f"{VERSIONS}/aa01_email.py", 'down_revision = "0001"',
                     'down_revision = "0001"  # first')  # fmt: skip
    two.shop.commit_all()
    two.git("checkout", "-q", "mine")
    merge(two, "elsewhere", conflicts=True)
    two.moved()
    text = two.git("show", f":{VERSIONS}/aa01_email.py")
    assert 'down_revision = "bb01"  # first' in text
    assert text.endswith("# a remark")
    two.git("commit", "-qm", "merged")
    two.is_clean()


@HOWEVER
def test_what_was_moved_and_landed_meanwhile(two, bring):
    """The branch went on from a pull request that was squashed when it was merged."""
    two.git("checkout", "-q", "main")
    two.shop.model("users", EMAIL)
    two.commit("main", {"aa01_email.py": email_script("bb01")})
    two.commit("mine", {"aa02_phone.py": phone_script()}, ("users", PHONE))
    done = two.shop.run_git("merge" if bring is merge else "rebase", "main")
    assert done.returncode == 1
    two.git("checkout", "main", "--", "shop/models.py")
    if bring is merge:
        two.shop.model("users", PHONE)
        two.git("add", "-A", "shop")
    two.moved()
    assert two.git("show", f":{VERSIONS}/aa01_email.py") == email_script("bb01").rstrip("\n")
    if bring is merge:
        two.git("commit", "-qm", "merged")
        assert two.downs()["aa02_phone.py"] == ("aa02", "aa01")
        two.is_clean()


def test_what_landed_under_another_name(two):
    """Its date was moved, too: the branch's own file is one too many."""
    two.git("checkout", "-q", "main")
    two.shop.model("users", EMAIL)
    two.commit("main", {"aa01_email_later.py": email_script("bb01")})
    two.commit("mine", {"aa02_phone.py": phone_script()})
    two.git("merge", "-q", "--no-edit", "main", "-Xtheirs")
    two.shop.model("users", PHONE)
    two.git("add", "-A")
    answer = two.rebase()
    assert "aa01_email.py: removed, it has landed" in answer.text
    assert two.downs() == {
        "0001_first.py": ("0001", "None"),
        "aa01_email_later.py": ("aa01", "bb01"),
        "aa02_phone.py": ("aa02", "aa01"),
        "bb01_note.py": ("bb01", "0001"),
    }
    two.is_clean()


def test_a_conflict_in_the_models_comes_first(empty):
    empty.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    empty.commit("main", {"bb01_phone.py": phone_script("0001", "bb01")}, ("users", PHONE))
    empty.git("checkout", "-q", "mine")
    merge(empty, conflicts=True)
    before = empty.state()
    with pytest.raises(UsageError, match=r"unmerged paths: shop/models\.py"):
        empty.rebase()
    assert empty.state() == before
    empty.git("checkout", "-q", "--ours", "shop/models.py")
    empty.shop.model("users", PHONE)
    empty.git("add", "shop/models.py")
    empty.moved()
    empty.git("commit", "-qm", "merged")
    empty.is_clean()


def landed_and_edited(branches):
    branches.commit("main", {"0001_first.py": branches.shop.read(f"{VERSIONS}/0001_first.py")
                             + "# theirs\n"})  # fmt: skip
    branches.git("checkout", "-q", "mine")
    first = branches.shop.read(f"{VERSIONS}/0001_first.py")
    branches.commit("mine", {"0001_first.py": first + "# ours\n"})
    merge(branches, conflicts=True)


def edited_differently(branches):
    branches.git("branch", "elsewhere")
    branches.commit("elsewhere", {"aa01_email.py": email_script(upgrade="pass")})
    branches.commit("mine", {"aa01_email.py": email_script(upgrade="1 + 1")})
    merge(branches, "elsewhere", conflicts=True)
    branches.git("merge", "--abort")
    merge(branches)
    merge(branches, "elsewhere", conflicts=True)


def one_side_removed(branches):
    branches.git("branch", "elsewhere")
    branches.git("checkout", "-q", "elsewhere")
    branches.git("rm", "-q", f"{VERSIONS}/aa01_email.py")
    branches.shop.commit_all()
    branches.commit("mine", {"aa01_email.py": email_script() + "# more\n"})
    merge(branches)
    merge(branches, "elsewhere", conflicts=True)


def not_merged(branches):
    pass


def removed(branches):
    merge(branches)
    branches.git("rm", "-q", f"{VERSIONS}/bb01_note.py")


def edited(branches):
    merge(branches)
    branches.shop.write(f"{VERSIONS}/aa01_email.py", email_script() + "# more\n")


def computed(branches):
    text = email_script().replace('= "0001"', '= "".join(["0001"])')
    branches.commit("mine", {"aa01_email.py": text})
    merge(branches)


def broken(branches):
    branches.commit("mine", {"aa02_broken.py": "def ("})
    merge(branches)


def dangling(branches):
    branches.commit("mine", {"aa02_phone.py": phone_script("zz99")})
    merge(branches)


def base_with_two_heads(branches):
    branches.commit("main", {"bb02_phone.py": phone_script("0001", "bb02")})
    branches.git("checkout", "-q", "mine")
    merge(branches)


REFUSED = {
    landed_and_edited: r"0001_first\.py has to be resolved by hand: it has landed",
    edited_differently: "is not only about what it goes on top of",
    one_side_removed: "one side has removed or renamed it",
    not_merged: r"main has revisions that are not in this tree: bb01",
    removed: r"bb01 .* of main was removed here",
    edited: r"aa01_email\.py has changes that are not staged",
    computed: "cannot be read: the revision of|cannot be moved|has a `down_revision`",
    broken: r"aa02_broken\.py is not valid Python",
    dangling: "'zz99'",
    base_with_two_heads: "2 heads of this line",
}


@pytest.mark.parametrize(
    ("prepare", "said"), REFUSED.items(), ids=[one.__name__ for one in REFUSED]
)
def test_refused(two, prepare, said):
    prepare(two)
    before = two.state()
    with pytest.raises(UsageError, match=said) as refused:
        two.rebase()
    assert "`" in refused.value.hint
    assert two.state() == before


def test_refused_without_a_base(two):
    with pytest.raises(UsageError, match="nothing says what has landed"):
        two.rebase(base=None)
    with pytest.raises(UsageError, match="'gone' is not in this repository"):
        two.rebase(base="gone")


@pytest.mark.parametrize(
    "named", [{}, {"revguard.toml": 'base = "main"\n'}], ids=["remote", "configured"]
)
def test_the_base_as_it_is_configured(two, named):
    two.git("update-ref", "refs/remotes/origin/main", "main")
    two.shop.write(named)
    merge(two)
    answer = two.rebase(base=None)
    assert answer.code == 0
    assert answer.data["base"] == ("main" if named else "origin/main")
    assert answer.data["environments"][0]["moved"]


# proof


def test_what_does_not_run_on_its_new_parent_is_not_moved(empty):
    """The base has brought the same column."""
    empty.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    empty.commit("main", {"bb01_email.py": email_script(id_="bb01")}, ("users", EMAIL))
    empty.git("checkout", "-q", "mine")
    merge(empty)
    before = empty.state()
    done = empty.shop.revguard("rebase", "--from-ref", "main")
    assert done.returncode == 1
    assert "proof/upgrade-fails" in done.stdout
    assert "duplicate column name: email" in " ".join(done.stdout.split())
    assert done.stdout.endswith("Nothing was moved.\n")
    assert empty.state() == before
    data = empty.rebase("--format", "json").data
    assert (data["written"], data["environments"][0]["report"]["verdict"]) == (False, "fail")


def test_what_cannot_be_checked_is_not_moved(two):
    merge(two)
    two.shop.write("shop/models.py", "import nothing_of_this_name\n")
    two.git("add", "shop/models.py")
    before = two.state()
    answer = two.rebase()
    assert answer.code == 3
    assert "nothing_of_this_name" in answer.text
    assert two.state() == before


def test_models_that_are_ahead_do_not_matter(two):
    """A change that has no revision yet is the business of `add`."""
    merge(two)
    two.shop.model("users", PHONE)
    two.git("add", "-A")
    two.moved()
    assert two.downs()["aa01_email.py"] == ("aa01", "bb01")


def test_edited_while_it_is_proven(two, monkeypatch):
    from revguard import pipeline

    merge(two)
    judged = pipeline.judged

    def meanwhile(*words):
        found = judged(*words)
        two.shop.write(f"{VERSIONS}/aa01_email.py", email_script() + "# more\n")
        two.git("add", "-A")
        return found

    monkeypatch.setattr(pipeline, "judged", meanwhile)
    with pytest.raises(RevguardError, match="were changed while"):
        two.rebase()
    assert two.downs()["aa01_email.py"] == ("aa01", "0001")
    assert two.shop.read(f"{VERSIONS}/aa01_email.py").endswith("# more\n")


# files


def test_names_with_dates(shop):
    one = shop()
    template = "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s"
    one.replace("alembic.ini", "[alembic]\n", f"[alembic]\nfile_template = {template}\n")
    one.commit_all()
    two = Branches(one)
    head = "e\n\nRevision ID: aa01\nRevises: 0001\nCreate Date: 2026-01-05 10:00:30.1\n\n"
    dated = email_script().replace('"""aa01"""', f'"""{head}"""')
    two.commit("mine", {"2026_01_05_1000-aa01_email.py": dated}, ("users", EMAIL))
    two.commit("main", {"2026_01_09_1200-bb01_note.py": note_script()}, ("orders", NOTE))
    two.git("checkout", "-q", "mine")
    merge(two)
    two.moved()
    new = f"{VERSIONS}/2026_01_09_1201-aa01_email.py"
    assert two.shop.read(new) == dated.replace("Revises: 0001", "Revises: bb01").replace(
        '= "0001"', '= "bb01"'
    ).replace("2026-01-05 10:00", "2026-01-09 12:01")
    assert two.shop.versions()[1:] == [
        "2026_01_09_1200-bb01_note.py",
        "2026_01_09_1201-aa01_email.py",
    ]
    two.is_clean()


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# coding: latin-1\n" + text + "# après\n").encode("latin-1"),
    ],
    ids=["crlf", "bom", "latin-1"],
)
def test_bytes_stay(empty, encode):
    empty.commit("mine", {"aa01_email.py": encode(email_script())}, ("users", EMAIL))
    empty.commit("main", {"bb01_note.py": note_script()}, ("orders", NOTE))
    empty.git("checkout", "-q", "mine")
    merge(empty)
    empty.moved()
    path = empty.shop.path / VERSIONS / "aa01_email.py"
    assert path.read_bytes() == encode(email_script("bb01"))


def test_stale_bytecode_is_no_trap(two):
    """An id of the same length within the same second: Python would take the old script."""
    merge(two)
    environ = {name: value for name, value in two.shop.environ.items() if "BYTECODE" not in name}

    def heads():
        done = subprocess.run(
            ["alembic", "heads"], cwd=two.shop.path, env=environ, capture_output=True, text=True
        )
        return sorted(line.split()[0] for line in done.stdout.splitlines())

    assert heads() == ["aa01", "bb01"]
    path = two.shop.path / VERSIONS / "aa01_email.py"
    before = path.stat()
    two.moved()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert heads() == ["aa01"]


def test_the_branch_has_moved_the_folder(two):
    two.git("mv", VERSIONS, "migrations/scripts")
    two.shop.replace("alembic.ini", "[alembic]\n",
                     "[alembic]\nversion_locations = migrations/scripts\n")  # fmt: skip
    two.shop.commit_all()
    merge(two, conflicts=True)  # git follows the rename, and asks whether that is right
    two.git("add", "-A")
    assert two.shop.versions("migrations/scripts")[-1] == "bb01_note.py"
    two.moved()
    text = two.git("show", ":migrations/scripts/aa01_email.py")
    assert 'down_revision = "bb01"' in text


def test_several_environments(shop):
    """Each has its own history; `--env` moves that of one."""
    one = shop(folder="one")
    from .shop import files

    one.home = one.path / "two"
    one.write(files())
    one.commit_all()
    one.home = one.path
    one.git("branch", "-M", "main")
    one.git("checkout", "-q", "-b", "mine")
    for branch, name, text in (("mine", "aa01_email.py", email_script()),
                               ("main", "bb01_note.py", note_script())):  # fmt: skip
        one.git("checkout", "-q", branch)
        for folder in ("one", "two"):
            table, column = ("users", EMAIL) if branch == "mine" else ("orders", NOTE)
            one.model(table, column, f"{folder}/shop/models.py")
            one.write(f"{folder}/{VERSIONS}/{name}", text)
        one.commit_all()
    one.git("checkout", "-q", "mine")
    one.git("merge", "-q", "--no-edit", "main")
    for name in ("one", "two"):
        done = one.revguard("rebase", "--from-ref", "main", "--env", name, "--format", "json")
        data = json.loads(done.stdout)
        assert [env["name"] for env in data["environments"]] == [name]
        assert f"M  {name}/{VERSIONS}/aa01_email.py" in one.status()
    assert len(one.status()) == 2
    done = one.revguard("rebase", "--from-ref", "main")
    assert done.stdout.count("nothing to move") == 2


def test_a_database_that_ran_the_old_ones(two):
    """What the command says is typed, and the database has all of it."""

    def typed(command):
        return subprocess.run(
            command, shell=True, cwd=two.shop.path, env={**two.shop.environ, "PYTHONPATH": OURS},
            capture_output=True, text=True, check=True,
        )  # fmt: skip

    typed("alembic upgrade head")
    merge(two)
    answer = two.rebase()
    (said,) = re.findall(r"`(alembic downgrade[^`]+)`", answer.text)
    assert said == "alembic downgrade bb01 && alembic stamp 0001"
    typed(said)
    typed(f"{sys.executable} -m revguard upgrade")
    done = typed("alembic check && alembic current")
    assert "No new upgrade operations" in done.stdout + done.stderr
    assert "aa01 (head)" in done.stdout


# what the check says


@HOWEVER
def test_the_hint_of_a_moved_base(two, bring):
    done = two.shop.revguard("check", "--from-ref", "main")
    assert "history/not-on-base-head" in done.stdout
    assert "`git merge main`, then `revguard rebase --from-ref main`" in " ".join(
        done.stdout.split()
    )
    bring(two)
    two.moved()
    two.is_clean()


def test_the_hint_in_the_middle_of_a_merge(two):
    two.git("update-ref", "refs/remotes/origin/main", "main")
    two.git("merge", "-q", "--no-commit", "main")
    done = two.shop.revguard("check")
    assert done.returncode == 1
    assert "`revguard rebase` puts the others on top of bb01" in " ".join(done.stdout.split())
    assert two.shop.revguard("rebase").returncode == 0
    assert two.shop.revguard("check").returncode == 0
    two.git("commit", "-qm", "merged")
    two.is_clean()


@pytest.mark.parametrize("mode", [(), ("-a",)], ids=["plain", "-a"])
def test_the_hint_in_a_hook(empty, mode):
    """A blocked `commit -a` takes back what it staged: that comes first."""
    empty.git("update-ref", "refs/remotes/origin/main", "main")
    empty.commit("mine", {"aa01_email.py": email_script(), "aa02_phone.py": ""},
                 ("users", EMAIL))  # fmt: skip
    empty.shop.model("users", PHONE)
    empty.shop.write(f"{VERSIONS}/aa02_phone.py", phone_script("0001"))
    if not mode:
        empty.git("add", "-A")
    empty.shop.hook()
    done = empty.shop.run_git("commit", *mode, "-m", "x")
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    hint = "`revguard rebase` puts one on top of the other"
    assert (f"`git add -u`, then {hint}" if mode else hint) in said
    if mode:
        empty.git("add", "-u")
    empty.moved()
    empty.git("commit", "-qm", "x")


# killed

KILLED = """
import os, signal, sys
left = int(sys.argv[1])
FILES = {"os.rename", "os.remove", "os.link", "os.chmod"}

def count(event, arguments):
    global left
    ours = event in FILES and sys.argv[2] in os.fspath(arguments[0])
    ours = ours or event == "open" and "rewriting" in str(arguments[0])
    ours = ours or event == "subprocess.Popen" and "--add" in arguments[1]
    if ours:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
from revguard.cli import main
raise SystemExit(main(["rebase", "--from-ref", "main"]))
"""


@pytest.mark.parametrize("conflict", [False, True], ids=["clean", "conflict"])
def test_killed_at_any_point(empty, two, conflict):
    """The next run of `check` or `rebase` finds everything as it was before."""
    if conflict:
        two.commit("main", {"0002_more.py": phone_script("bb01", "0002")})
        memo = adds("orders", "memo", "sa.String(9)")
        two.commit("mine", {"0002_more.py": script("0002", "aa01", **memo)})
        assert two.shop.run_git("merge", "main").returncode == 1
    else:
        merge(two)
    before, ends = two.state(), []
    environ = {**two.shop.environ, "PYTHONPATH": OURS}
    for number in range(1, 60):
        words = [sys.executable, "-c", KILLED, str(number), str(two.shop.path)]
        done = subprocess.run(words, cwd=two.shop.path, env=environ, capture_output=True, text=True)
        if done.returncode >= 0:
            break
        ends.append(number)
        if number % 5 == 0:
            two.shop.revguard("check")
        else:
            putting_back.put_back(repository.find(two.shop.path, two.shop.environ))
        assert two.state() == before
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert len(ends) >= 5
    assert two.state() != before


def test_a_linked_worktree(two):
    two.git("checkout", "-q", "main")
    two.git("worktree", "add", "-q", "../linked", "mine")
    two.shop.path = two.shop.home = two.shop.path.parent / "linked"
    two.git("merge", "-q", "--no-edit", "main")
    two.moved()
    assert two.shop.status() == [f"M  {VERSIONS}/aa01_email.py"]


def test_from_a_subfolder(two):
    merge(two)
    done = two.shop.revguard("rebase", "--from-ref", "main", cwd=two.shop.path / "shop")
    assert done.returncode == 0
    assert two.shop.status() == [f"M  {VERSIONS}/aa01_email.py"]
