"""What source code defines: tables and bases found by reading, held against SQLAlchemy's names."""

import textwrap

import pytest

from revguard.declared import Origin, scan

DB = "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase):\n    pass\n"
FLASK = "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n"
BASE = Origin("app/db.py", "Base")


def scanned(files):
    texts = {"app/__init__.py": "", **files}
    return scan({path: textwrap.dedent(text).encode() for path, text in texts.items()})


def only(files):
    (table,) = scanned(files).tables
    return table


ONE_FILE = {
    "sqlalchemy 1.4": (
        """
        from sqlalchemy.orm import declarative_base
        Base = declarative_base()
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "Base")], 4),
    ),
    "the old place of declarative_base": (
        """
        from sqlalchemy.ext.declarative import declarative_base
        Base: object = declarative_base()
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "Base")], 4),
    ),
    "dataclasses": (
        """
        import sqlalchemy.orm as orm
        class Base(orm.MappedAsDataclass, orm.DeclarativeBase):
            pass
        class User(Base, kw_only=True):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "Base")], 5),
    ),
    "as_declarative": (
        """
        from sqlalchemy.orm import as_declarative, declared_attr
        @as_declarative()
        class Base:
            @declared_attr
            def __tablename__(cls):
                return cls.__name__.lower()
        class UserProfile(Base):
            id = Column(Integer, primary_key=True)
        """,
        ("userprofile", None, "class", "UserProfile", [Origin("app/m.py", "Base")], 8),
    ),
    "a registry's decorator": (
        """
        from sqlalchemy.orm import registry
        mappers = registry()
        @mappers.mapped
        class User:
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "mappers")], 5),
    ),
    "generate_base": (
        """
        from sqlalchemy.orm import registry
        Base = registry().generate_base()
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "Base")], 4),
    ),
    "a base that a function of the project makes": (
        """
        from app.tools import make_base
        Base = make_base()
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("app/m.py", "Base")], 4),
    ),
    "Table": (
        """
        import sqlalchemy as sa
        meta = sa.MetaData()
        users = sa.Table("users", meta, sa.Column("id", sa.Integer), schema="crm")
        """,
        ("users", "crm", "table", "", [Origin("app/m.py", "meta")], 4),
    ),
    "Table by another name, of a base's metadata": (
        """
        from sqlalchemy import Table as T, Column
        from app.db import Base as B
        links = T("links", B.metadata, Column("a", Integer))
        """,
        ("links", None, "table", "", [BASE], 4),
    ),
    "an association table in a class": (
        """
        from sqlalchemy import Table
        from app.db import Base
        users_tags = Table("users_tags", Base.metadata)
        """,
        ("users_tags", None, "table", "", [BASE], 4),
    ),
    "__table__": (
        """
        from sqlalchemy import Table
        from app.db import Base
        class User(Base):
            __table__ = Table("users", Base.metadata)
        """,
        ("users", None, "class", "User", [BASE], 4),
    ),
    "imperative": (
        """
        from sqlalchemy import Table
        from sqlalchemy.orm import registry
        mappers = registry()
        users = Table("users", mappers.metadata)
        def start():
            mappers.map_imperatively(model.User, users)
        """,
        ("users", None, "imperative", "model.User", [Origin("app/m.py", "mappers")], 5),
    ),
    "Flask-SQLAlchemy, derived": (
        """
        from app.ext import db
        class UserProfile(db.Model):
            id = db.Column(db.Integer, primary_key=True)
        """,
        ("user_profile", None, "class", "UserProfile", [Origin("app/ext.py", "db")], 3),
    ),
    "Flask-SQLAlchemy, a module beside": (
        """
        from . import ext
        class HTTPLog(ext.db.Model):
            id = ext.db.Column(ext.db.Integer, primary_key=True)
        """,
        ("http_log", None, "class", "HTTPLog", [Origin("app/ext.py", "db")], 3),
    ),
    "Flask-SQLAlchemy's Table": (
        """
        from app.ext import db
        tags = db.Table("tags", db.Column("id", db.Integer))
        """,
        ("tags", None, "table", "", [Origin("app/ext.py", "db")], 3),
    ),
    "SQLModel": (
        """
        from sqlmodel import Field, SQLModel
        class HeroBase(SQLModel):
            name: str
        class Hero(HeroBase, table=True):
            id: int = Field(primary_key=True)
        """,
        (
            *("hero", None, "sqlmodel", "Hero"),
            [Origin("app/m.py", "HeroBase"), Origin("", "sqlmodel.SQLModel")],
            5,
        ),
    ),
    "a schema by a constant, in a tuple": (
        """
        from sqlalchemy import Index
        from app.db import Base
        ARGS = {"schema": "crm"}
        PREFIX = "crm_"
        class User(Base):
            __tablename__ = PREFIX + "users"
            __table_args__ = (Index("i", "id"), {"schema": "crm"})
        """,
        ("crm_users", "crm", "class", "User", [BASE], 6),
    ),
    "a schema of a mixin": (
        """
        from app.db import Base
        class Crm:
            __table_args__ = {"schema": "crm"}
        class User(Crm, Base):
            __tablename__ = f"users"
        """,
        ("users", "crm", "class", "User", [BASE], 5),
    ),
    "a name that only a run tells": (
        """
        from app.db import Base, prefix
        class User(Base):
            __tablename__ = prefix("users")
        """,
        ("", None, "class", "User", [BASE], 3),
    ),
    "a name that a base makes in its own way": (
        """
        import re
        from app.db import Base
        class Named(Base):
            __abstract__ = True
            @declared_attr.directive
            def __tablename__(cls):
                return re.sub("(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        class User(Named):
            id: Mapped[int] = mapped_column(primary_key=True)
        """,
        ("", None, "class", "User", [Origin("app/m.py", "Named"), BASE], 9),
    ),
    "an optional dependency": (
        """
        try:
            from app.nowhere import Base
        except ImportError:
            from app.db import Base
        from app.db import Base
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [BASE], 7),
    ),
    "else of TYPE_CHECKING": (
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            Base = object
        else:
            from app.db import Base
        class User(Base):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [BASE], 7),
    ),
    "a library's base": (
        """
        from advanced_alchemy.base import UUIDBase
        class User(UUIDBase):
            __tablename__ = "users"
        """,
        ("users", None, "class", "User", [Origin("", "advanced_alchemy.base.UUIDBase")], 3),
    ),
}


@pytest.mark.parametrize("name", ONE_FILE)
def test_a_table_is_found(name):
    text, (table, schema, kind, class_name, belongs, line) = ONE_FILE[name]
    found = only({"app/db.py": DB, "app/ext.py": FLASK, "app/m.py": text})
    assert (found.name, found.schema, found.kind, found.class_name) == (
        *(table, schema, kind, class_name),
    )
    assert (list(found.belongs), found.line, found.path) == (belongs, line, "app/m.py")
    assert (found.module, found.conditional) == ("app.m", False)


NOTHING = {
    "TYPE_CHECKING": """
        from typing import TYPE_CHECKING
        from app.db import Base
        if TYPE_CHECKING:
            class User(Base):
                __tablename__ = "users"
        """,
    "if False": """
        from app.db import Base
        if False:
            class User(Base):
                __tablename__ = "users"
        """,
    "a function": """
        from app.db import Base
        def make():
            class User(Base):
                __tablename__ = "users"
            return User
        """,
    "abstract": """
        from app.db import Base
        class User(Base):
            __abstract__ = True
            __tablename__ = "users"
        """,
    "a mixin": """
        class User:
            __tablename__ = "users"
        """,
    "a SQLModel without a table": """
        from sqlmodel import SQLModel
        class User(SQLModel):
            id: int
        """,
    "another Table": """
        from rich.table import Table
        users = Table("users", title="x")
        """,
    "a Table of a function": """
        from sqlalchemy import Table, MetaData
        def users(): return Table("users", MetaData())
        """,
    "a revision script": """
        import sqlalchemy as sa
        from alembic import op
        def upgrade():
            op.create_table("users", sa.Column("id", sa.Integer()))
            sa.Table("users", sa.MetaData())
        """,
    "Django": """
        from django.db import models
        class User(models.Model):
            id = models.Column(primary_key=True)
        """,
    "no Python": "class User(Base:\n    __tablename__ = 'users'\n",
    "other bytes": "__tablename__ = '\0'\n",
}


@pytest.mark.parametrize("name", NOTHING)
def test_no_table_is_found(name):
    assert scanned({"app/db.py": DB, "app/m.py": NOTHING[name]}).tables == ()


def test_single_table_inheritance_has_one_table():
    found = scanned(
        {
            "app/db.py": DB,
            "app/ext.py": FLASK,
            "app/m.py": """
                from app.db import Base
                class Person(Base):
                    __tablename__ = "people"
                class Boss(Person):
                    grade = Column(Integer)
                class Worker(Person):
                    __tablename__ = "workers"
                    id = Column(ForeignKey("people.id"), primary_key=True)
                """,
            "app/f.py": """
                from app.ext import db
                class Animal(db.Model):
                    id = db.Column(db.Integer, primary_key=True)
                class Cat(Animal):
                    lives = db.Column(db.Integer)
                class Dog(Animal):
                    id = db.Column(db.ForeignKey("animal.id"), primary_key=True)
                """,
        }
    )
    assert [table.name for table in found.tables] == ["animal", "dog", "people", "workers"]


def test_bases_across_files():
    """Abstract bases, mixins, star imports, packages that re-export, aliases."""
    found = scanned(
        {
            "app/db.py": DB,
            "app/core/__init__.py": "from .bases import *\n",
            "app/core/bases.py": """
                from ..db import Base as _Base
                Base = _Base
                class Named:
                    @declared_attr.directive
                    def __tablename__(cls) -> str:
                        return cls.__name__.lower()
                class Timed(Named, Base):
                    __abstract__ = True
                """,
            "app/users/models.py": """
                from app import core
                class User(core.Timed):
                    id: Mapped[int] = mapped_column(primary_key=True)
                """,
        }
    )
    (table,) = found.tables
    assert (table.name, table.path) == ("user", "app/users/models.py")
    assert table.belongs == (Origin("app/core/bases.py", "Timed"), BASE)
    assert [(base.kind, base.origin) for base in found.bases] == [("DeclarativeBase", BASE)]


def test_an_abstract_base_with_a_metadata_of_its_own():
    found = scanned(
        {
            "app/db.py": DB,
            "app/m.py": """
                from sqlalchemy import MetaData
                from app.db import Base
                class Archive(Base):
                    __abstract__ = True
                    metadata = MetaData(schema="archive")
                class Old(Archive):
                    __tablename__ = "old"
                """,
        }
    )
    assert found.tables[0].belongs == (Origin("app/m.py", "Archive"),)
    assert [base.name for base in found.bases] == ["Base", "Archive"]


def test_bind_keys_and_conditions_are_told():
    found = scanned(
        {
            "app/ext.py": FLASK,
            "app/m.py": """
                from app.ext import db
                from app.settings import BIG
                class Event(db.Model):
                    __bind_key__ = "events"
                    __tablename__ = "events"
                if BIG:
                    class Extra(db.Model):
                        __tablename__ = "extra"
                """,
        }
    )
    assert [(t.name, t.bind, t.conditional) for t in found.tables] == [
        ("events", True, False),
        ("extra", False, True),
    ]


BASES = {
    "DeclarativeBase": (DB, "Base"),
    "declarative_base": ("from sqlalchemy.orm import declarative_base as d\nB = d()\n", "B"),
    "registry": ("from sqlalchemy import orm\nmappers = orm.registry()\n", "mappers"),
    "MetaData": ("import sqlalchemy as sa\nm: sa.MetaData = sa.MetaData()\n", "m"),
    "SQLAlchemy": (FLASK, "db"),
}


@pytest.mark.parametrize("kind", BASES)
def test_a_base_is_found(kind):
    text, name = BASES[kind]
    (base,) = scanned({"src/app/__init__.py": "", "src/app/db.py": text}).bases
    assert (base.kind, base.name, base.path, base.module) == (kind, name, "src/app/db.py", "app.db")
    assert base.line == 2


def test_circles_end():
    files = {
        "app/a.py": "from app.b import Base\nfrom app.b import *\n",
        "app/b.py": "from app.a import Base\nfrom app.a import *\n",
        "app/c.py": """
            from app.a import Base
            class C(C):
                __tablename__ = "c"
            class D(Base):
                __tablename__ = "d"
            """,
    }
    assert [(t.name, t.belongs) for t in scanned(files).tables] == []


def test_the_nearest_package_is_meant():
    """Two services of one repository have a package of the same name."""
    files = {
        f"{service}/{path}": text
        for service in ("a", "b")
        for path, text in {
            "app/__init__.py": "",
            "app/db.py": DB,
            "app/m.py": "from app.db import Base\nclass U(Base):\n    __tablename__ = 'u'\n",
        }.items()
    }
    assert [table.belongs for table in scanned(files).tables] == [
        (Origin("a/app/db.py", "Base"),),
        (Origin("b/app/db.py", "Base"),),
    ]
