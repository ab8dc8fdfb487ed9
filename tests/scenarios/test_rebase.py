"""The branch's revisions go on top of the base's head, proven; or nothing changes at all."""

import pytest

from .shop import NOTE, adds, script

EMAIL = "    email = Column(String(100), nullable=True)\n"


def email_script(down="0001", id_="aa01"):
    return script(id_, down, **adds("users", "email"))


def note_script(down="0001", id_="bb01"):
    return script(id_, down, **adds("orders", "note", "sa.String(20)"))


class Branches:
    """A shop with the branches `main` and `mine`, and what is typed on them."""

    def __init__(self, shop):
        self.shop = shop
        self.git = shop.git
        shop.git("branch", "-M", "main")
        shop.git("checkout", "-q", "-b", "mine")

    def commit(self, branch, files, model=None):
        self.git("checkout", "-q", branch)
        if model:
            self.shop.model(*model)
        self.shop.write({f"migrations/versions/{name}": text for name, text in files.items()})
        self.shop.commit_all(f"on {branch}")

    def rebase(self, *words, code=0, **options):
        done = self.shop.revguard("rebase", "--from-ref", "main", *words, **options)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, (done.stdout, done.stderr)
        return done


@pytest.fixture
def two(shop):
    """Both branches brought a revision on top of 0001."""
    branches = Branches(shop())
    branches.commit("mine", {"aa01_email.py": email_script()}, ("users", EMAIL))
    branches.commit("main", {"bb01_note.py": note_script()}, ("orders", NOTE))
    branches.git("checkout", "-q", "mine")
    return branches


def test_one_revision(two):
    two.git("merge", "-q", "--no-edit", "main")
    done = two.rebase()
    print(done.stdout)
    assert two.shop.status() == ["M  migrations/versions/aa01_email.py"]
    assert two.git("diff", "--cached", "-U0", "--format=").splitlines()[-2:] == [
        '-down_revision = "0001"',
        '+down_revision = "bb01"',
    ]
    again = two.rebase()
    assert "nothing to move" in again.stdout
    two.shop.commit_all()
    check = two.shop.revguard("check", "--from-ref", "main")
    assert check.returncode == 0, check.stdout
