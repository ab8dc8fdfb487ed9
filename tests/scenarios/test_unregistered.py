"""Tables that the source defines and env.py never imports: who is told, and who is left alone."""

import pytest

from .shop import finding, only, rules, script

RULE = "models/unregistered"
DB = "from sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n"
HEADER = "from sqlalchemy import Column, Integer, MetaData, Table\n\nfrom shop.db import Base\n\n\n"
INVOICE = (
    HEADER + "class Invoice(Base):\n"
    '    __tablename__ = "invoices"\n\n    id = Column(Integer, primary_key=True)\n'
)


@pytest.fixture
def small(shop):
    """``small(files)``: a committed shop whose Base lies in shop/db.py."""

    def make(more=(), **options):
        one = shop(commit=False, **options)
        one.write("shop/db.py", DB)
        one.replace("shop/models.py", "from sqlalchemy.orm import declarative_base\n", "")
        one.replace("shop/models.py", "Base = declarative_base()", "from shop.db import Base")
        one.write(dict(more))
        one.commit_all("first")
        return one

    return make


def names(report):
    errors = [one["error"] for one in report["environments"] if "error" in one]
    return (report["verdict"], errors or rules(report))


def staged(shop, files):
    shop.write(files)
    shop.git("add", "-A")


def test_a_new_module_that_nothing_imports(small, reports):
    """Blocked, also where the quick ways out know the project; the line that is given mends it."""
    one = small()
    reports.check(one)
    one.hook("check")
    staged(one, {"shop/billing.py": INVOICE})
    blocked = one.run_git("commit", "-qm", "invoices")
    assert blocked.returncode == 1, blocked
    report = reports.settled(one)
    assert names(report) == ("fail", [RULE])
    found = finding(report, RULE)
    assert (found["path"], found["line"]) == ("shop/billing.py", 6)
    assert found["message"] == (
        "the table invoices (Invoice) is not in the target metadata: nothing that env.py imports "
        "loads shop.billing, so no revision is made for it"
    )
    assert found["hint"] == (
        "put `import shop.billing  # noqa: F401` into migrations/env.py, after line 21"
    )
    lines = one.read("migrations/env.py").splitlines()
    assert lines[20] == "from shop.models import Base"
    lines.insert(21, "import shop.billing  # noqa: F401")
    staged(one, {"migrations/env.py": "\n".join(lines) + "\n"})
    assert names(reports.settled(one)) == ("fail", ["history/missing-revision"])
    reports.read(one.revguard("add", "--format", "json"))
    one.git("commit", "-qm", "invoices")
    assert one.status() == []


PACKAGES = {
    "by names": ("from .users import User\n", "from .billing import Invoice"),
    "by modules": ("from . import users\n", "from . import billing"),
    "absolute": ("from shop.models.users import User\n", "from .billing import Invoice"),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_of_the_models_collects_them(small, reports, name):
    text, statement = PACKAGES[name]
    one = small()
    one.git("mv", "shop/models.py", "shop/users.py")
    (one.path / "shop" / "models").mkdir()
    one.git("mv", "shop/users.py", "shop/models/users.py")
    one.write("shop/models/__init__.py", f"from shop.db import Base\n\n{text}")
    one.commit_all("a package")
    staged(one, {"shop/models/billing.py": INVOICE})
    found = finding(reports.check(one), RULE)
    assert found["hint"] == (
        f"put `{statement}  # noqa: F401` into shop/models/__init__.py, after line 3"
    )


def test_a_table_of_the_database_is_not_dropped(small, reports):
    """The import is lost, not the table: no script, and `add` writes none."""
    one = small()
    one.write("shop/orders.py", "from shop.models import *\n")
    text = one.read("shop/models.py")
    head, _, orders = text.partition("class Order(Base)")
    one.write("shop/models.py", head)
    one.write(
        "shop/orders.py",
        "from sqlalchemy import Column, ForeignKey, Integer\nfrom shop.db import Base\n\n\n"
        f"class Order(Base){orders}",
    )
    one.replace("migrations/env.py", "from shop.models", "import shop.orders\nfrom shop.models")
    one.commit_all("two modules")
    assert names(reports.settled(one)) == ("pass", [])
    one.replace("migrations/env.py", "import shop.orders\n", "")
    one.model()
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", [RULE, "history/missing-revision"])
    assert "would drop it" in finding(report, RULE)["message"]
    assert "orders" not in finding(report, "history/missing-revision")["message"]
    assert (only(report)["script"], only(report)["proof"]) == (None, [])
    refused = reports.read(one.revguard("add", "--format", "json"))
    assert names(refused) == names(report)
    assert one.versions() == ["0001_first.py"]
    # whoever says that it is meant gets the drop as a drop
    one.replace("shop/orders.py", "(Base):", "(Base):  # revguard: ignore[models/unregistered]")
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/missing-revision", "destructive/drop-table"])
    assert "orders" in only(report)["script"]


def test_a_revision_that_drops_what_the_source_still_defines(small, reports):
    one = small({"shop/billing.py": INVOICE})
    one.replace("migrations/env.py", "from shop.models", "import shop.billing\nfrom shop.models")
    made = 'op.create_table("invoices", sa.Column("id", sa.Integer, primary_key=True))'
    back = 'op.drop_table("invoices")'
    one.write("migrations/versions/0002.py", script("0002", "0001", made, back))
    one.commit_all("invoices")
    assert names(reports.settled(one)) == ("pass", [])
    one.replace("migrations/env.py", "import shop.billing\n", "")
    staged(one, {"migrations/versions/0003.py": script("0003", "0002", back, made)})
    assert rules(reports.settled(one)) == [RULE, "destructive/drop-table"]
    # the class goes, too: then it is a drop like any other
    one.git("rm", "-qf", "shop/billing.py")
    assert names(reports.settled(one)) == ("pass", ["destructive/drop-table"])


def test_what_was_forgotten_before_is_known(small, reports):
    """An innocent commit is not blocked, not even one that touches the forgotten file."""
    one = small({"shop/billing.py": INVOICE})
    one.model()
    one.git("add", "-A")
    assert rules(reports.settled(one)) == ["history/missing-revision"]
    one.git("checkout", "-q", "HEAD", "--", "shop")
    note = "    note = Column(Integer)\n"
    staged(one, {"shop/billing.py": INVOICE + note})
    assert names(reports.settled(one)) == ("pass", [])
    one.git("mv", "shop/billing.py", "shop/moved.py")
    assert names(reports.settled(one)) == ("pass", [])
    two = "\n\nclass Line(Base):\n    __tablename__ = 'lines'\n    id = Column(primary_key=True)\n"
    staged(one, {"shop/moved.py": INVOICE + two})
    assert "lines (Line)" in finding(reports.settled(one), RULE)["message"]


TABLES = {
    "a Table": 'bills = Table("bills", Base.metadata, Column("id", Integer, primary_key=True))\n',
    "an abstract base": (
        "class Named(Base):\n    __abstract__ = True\n\n\nclass Bill(Named):\n"
        '    __tablename__ = "bills"\n    id = Column(Integer, primary_key=True)\n'
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_other_ways_to_define_a_table(small, reports, name):
    one = small()
    staged(one, {"shop/billing.py": HEADER + TABLES[name]})
    assert names(reports.check(one)) == ("fail", [RULE])


OTHERS = "from sqlalchemy.orm import declarative_base\nOther = declarative_base()\n"
OTHER = INVOICE.replace("(Base)", "(Other)")
LEFT_ALONE = {
    "another base": {"shop/other.py": OTHERS + OTHER},
    "another base of another module": {
        "shop/o.py": OTHERS,
        "shop/other.py": "from shop.o import Other\n" + OTHER,
    },
    "another metadata": {
        "shop/other.py": HEADER + 'bills = Table("bills", MetaData(), Column("id", Integer))\n',
    },
    "a metadata of its own": {
        "shop/other.py": HEADER + "class Archive(Base):\n    __abstract__ = True\n"
        "    metadata = MetaData()\n\n\n" + INVOICE.replace(HEADER, "").replace("Base", "Archive"),
    },
    "tests": {"tests/models.py": INVOICE, "shop/test_x.py": INVOICE},
    "examples, docs, scripts, somebody else's": {
        "examples/app/models.py": INVOICE,
        "docs/conf/models.py": INVOICE,
        "scripts/load.py": INVOICE,
        "vendor/lib/models.py": INVOICE,
        "shop/_vendor/models.py": INVOICE,
    },
    "a function": {
        "shop/other.py": HEADER + "def make():\n    class I(Base):\n        __tablename__ = 'x'\n",
    },
    "TYPE_CHECKING": {
        "shop/other.py": "from typing import TYPE_CHECKING\n"
        + HEADER
        + "if TYPE_CHECKING:\n    class I(Base):\n        __tablename__ = 'x'\n",
    },
    "a condition": {
        "shop/other.py": HEADER + "if Base.x:\n    class I(Base):\n        __tablename__ = 'x'\n",
    },
    "abstract": {
        "shop/other.py": HEADER + "class I(Base):\n    __abstract__ = True\n",
    },
    "a mixin": {"shop/other.py": "class I:\n    __tablename__ = 'x'\n"},
    "beside the scripts": {"migrations/models.py": INVOICE},
    "no Python": {"shop/other.py": INVOICE + "class (\n"},
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_is_not_meant(small, reports, name):
    one = small()
    staged(one, LEFT_ALONE[name])
    assert names(reports.check(one)) == ("pass", [])


def test_tables_that_env_py_leaves_out(small, reports):
    """include_name and include_object are asked, too."""
    for configure in (
        "include_name=lambda name, kind, parents: name != 'invoices'",
        "include_object=lambda o, name, kind, reflected, other: name != 'invoices'",
        "include_object=lambda o, n, kind, *more: kind != 'table' or o.c['id'] is not None",
    ):
        one = small(configure=configure)
        staged(one, {"shop/billing.py": INVOICE})
        assert names(reports.check(one)) == ("pass", [])
    one = small(configure="include_object=lambda o, name, kind, reflected, other: name != 'old'")
    staged(one, {"shop/billing.py": INVOICE})
    assert names(reports.check(one)) == ("fail", [RULE])


def test_off(small, reports):
    one = small()
    rule = '[tool.revguard.rules]\n"models/unregistered" = "off"\n'
    staged(one, {"pyproject.toml": rule, "shop/billing.py": INVOICE})
    assert names(reports.check(one)) == ("pass", [])


def test_the_first_commit(shop, reports):
    """Nothing was before, so nothing is known."""
    one = shop(commit=False)
    billing = INVOICE.replace("shop.db", "shop.models")
    staged(one, {"shop/billing.py": billing})
    assert names(reports.settled(one)) == ("fail", [RULE])


def test_two_environments_with_one_base(small, reports):
    """A table belongs to the environment whose folder holds it."""
    one = small()
    for service in ("a", "b"):
        for name in ("alembic.ini", "migrations/env.py", "migrations/script.py.mako"):
            text = one.read(name).replace("from shop.models", f"import app_{service}\nfrom shop.db")
            text = text.replace("prepend_sys_path = .", "prepend_sys_path = ..:.")
            one.write(f"{service}/{name}", text.replace("= migrations", "= %(here)s/migrations"))
        one.write(f"{service}/migrations/versions/.gitkeep", "")
        one.write(f"{service}/app_{service}/__init__.py", "")
    one.git("rm", "-rqf", "alembic.ini", "migrations")
    one.commit_all("two services")
    staged(one, {"a/app_a/models.py": INVOICE})
    report = reports.check(one)
    said = {env["name"]: [f["rule"] for f in env["findings"]] for env in report["environments"]}
    assert said == {"a": [RULE], "b": []}


def test_a_table_that_is_defined_twice(small, reports):
    """SQLAlchemy refuses it; the places are said."""
    one = small()
    again = INVOICE.replace("invoices", "orders")
    staged(one, {"shop/billing.py": again})
    one.replace("migrations/env.py", "from shop.models", "import shop.billing\nfrom shop.models")
    one.git("add", "-A")
    (error,) = names(reports.check(one))[1]
    assert error == (
        "the table orders is defined more than once in the same metadata:\n"
        "  shop/billing.py:6\n  shop/models.py:16"
    )
