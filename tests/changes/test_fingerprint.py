"""The digest of the metadata: another one exactly where the DDL may be another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql, sqlite

import revguard
from revguard.worker.fingerprint import MetadataRegistry

from .project import HEADER

MODELS = """
class Kind(enum.Enum):
    small = 1
    large = 2


kinds = Enum(Kind)
counter = Sequence("counter", metadata=metadata)


class Thing(Base):
    __tablename__ = "things"
    id = Column(Integer, primary_key=True)
    name = Column(String(20), nullable=False, index=True, comment="what")
    price = Column(Numeric(10, 2), server_default=text("0"))
    at = Column(DateTime, server_default=func.now())
    kind = Column(kinds)
    owner_id = Column(ForeignKey("users.id", ondelete="CASCADE"))
    double = Column(Integer, Computed("id * 2", persisted=True))
    number = Column(Integer, Identity(start=3))
    tags = Column(postgresql.ARRAY(String(5)))
    __table_args__ = (
        UniqueConstraint("name", "price", name="uq_name"),
        CheckConstraint("price > 0", name="positive"),
        Index("ix_lower", func.lower(name), postgresql_where=text("price > 1")),
        {"comment": "stuff"},
    )


class Other(Base):
    __tablename__ = "others"
    id = Column(Integer, primary_key=True)
"""
# ruff: noqa: E501, Q000
# what the text is replaced by, and what it becomes; DDL or autogenerate would be another
CHANGED = {
    "new column": ("    kind = Column(kinds)\n", "    kind = Column(kinds)\n    x = Column(Integer)\n"),
    "dropped column": ("    at = Column(DateTime, server_default=func.now())\n", ""),
    "column name": ("kind = Column(kinds)", 'kind = Column("sort", kinds)'),
    "length": ("String(20)", "String(21)"),
    "precision": ("Numeric(10, 2)", "Numeric(10, 3)"),
    "type": ("Numeric(10, 2)", "Float"),
    "timezone": ("Column(DateTime,", "Column(DateTime(timezone=True),"),
    "type in an array": ("ARRAY(String(5))", "ARRAY(String(6))"),
    "collation": ("String(20)", "String(20, collation='C')"),
    "nullable": (", nullable=False", ""),
    "index": (", index=True", ""),
    "unique": (", index=True", ", index=True, unique=True"),
    "comment": ('comment="what"', 'comment="how"'),
    "table comment": ('"stuff"', '"staff"'),
    "server default": ('text("0")', 'text("1")'),
    "server default of a function": ("func.now()", "func.clock_timestamp()"),
    "server default is a text": ('text("0")', '"0"'),
    "no server default": (', server_default=text("0")', ""),
    "enum value": ("large = 2", "large = 2\n    huge = 3"),
    "enum order": ("small = 1\n    large = 2", "large = 2\n    small = 1"),
    "enum name": ("Enum(Kind)", "Enum(Kind, name='sort')"),
    "enum not native": ("Enum(Kind)", "Enum(Kind, native_enum=False)"),
    "enum values": ("Enum(Kind)", "Enum(Kind, values_callable=lambda e: [str(m.value) for m in e])"),
    "foreign key": ('ForeignKey("users.id"', 'ForeignKey("others.id"'),
    "on delete": ("CASCADE", "SET NULL"),
    "deferrable": ('ondelete="CASCADE"', 'ondelete="CASCADE", deferrable=True'),
    "foreign key name": ('ondelete="CASCADE"', 'ondelete="CASCADE", name="fk"'),
    "match": ('ondelete="CASCADE"', 'ondelete="CASCADE", match="FULL"'),
    "computed": ("id * 2", "id * 3"),
    "computed persisted": ("persisted=True", "persisted=False"),
    "identity": ("start=3", "start=4"),
    "identity always": ("start=3", "start=3, always=True"),
    "sequence": ('Sequence("counter"', 'Sequence("counter", start=5'),
    "sequence name": ('"counter"', '"numbers"'),
    "unique name": ("uq_name", "uq_other"),
    "unique columns": ('"name", "price"', '"name"'),
    "unique column order": ('"name", "price"', '"price", "name"'),
    "check": ("price > 0", "price > 1"),
    "check name": ('"positive"', '"negative"'),
    "index name": ("ix_lower", "ix_upper"),
    "index expression": ("func.lower", "func.upper"),
    "index where": ('"price > 1"', '"price > 2"'),
    "index using": ("postgresql_where=", "postgresql_using='gin', postgresql_where="),
    "index operator class": ("postgresql_where=", "postgresql_ops={'name': 'text_pattern_ops'}, postgresql_where="),
    "index include": ("postgresql_where=", "postgresql_include=['at'], postgresql_where="),
    "table name": ('"others"', '"more"'),
    "schema": ('{"comment": "stuff"}', '{"comment": "stuff", "schema": "sales"}'),
    "new table": ("class Other", "class More(Base):\n    __tablename__ = 'more'\n    id = Column(Integer, primary_key=True)\n\n\nclass Other"),
    "dropped table": ('class Other(Base):\n    __tablename__ = "others"\n    id = Column(Integer, primary_key=True)\n', ""),
    "primary key": ("name = Column(String(20), ", "name = Column(String(20), primary_key=True, "),
    "autoincrement": ('"others"\n    id = Column(Integer, primary_key=True', '"others"\n    id = Column(Integer, primary_key=True, autoincrement=False'),
    "sequence as a default": ("kind = Column(kinds)", "kind = Column(kinds)\n    n = Column(Integer, Sequence('n'))"),
    "info that include_object may ask": ('{"comment": "stuff"}', '{"comment": "stuff", "info": {"skip": True}}'),
    "partition": ('{"comment": "stuff"}', '{"comment": "stuff", "postgresql_partition_by": "RANGE (id)"}'),
    "column order": ('    at = Column(DateTime, server_default=func.now())\n    kind = Column(kinds)\n', '    kind = Column(kinds)\n    at = Column(DateTime, server_default=func.now())\n'),
}  # fmt: skip
# changes that no database can tell
SAME = {
    "relationship": ("    kind = Column(kinds)", "    kind = Column(kinds)\n    owner = relationship(User)"),
    "method": ("    kind = Column(kinds)", "    kind = Column(kinds)\n\n    def total(self):\n        return 1\n"),
    "hybrid property": ("    kind = Column(kinds)", "    kind = Column(kinds)\n\n    @sa.ext.hybrid.hybrid_property\n    def total(self):\n        return self.price\n"),
    "docstring": ('class Other(Base):\n', 'class Other(Base):\n    """Another."""\n\n'),
    "default of python": ("Column(kinds)", "Column(kinds, default=Kind.small)"),
    "default that is a function": ("Column(kinds)", "Column(kinds, default=lambda: Kind.small)"),
    "default that is SQL": ("Column(kinds)", "Column(kinds, default=func.now())"),
    "onupdate": ("Column(kinds)", "Column(kinds, onupdate=func.now())"),
    "attribute name": ("kind = Column(kinds)", 'sort = Column("kind", kinds, key="kind")'),
    "mapper arguments": ('    __tablename__ = "others"', '    __tablename__ = "others"\n    __mapper_args__ = {"eager_defaults": True}'),
    "order of classes": (MODELS[MODELS.index("class Other"):], ""),
    "order of constraints": ('        UniqueConstraint("name", "price", name="uq_name"),\n        CheckConstraint("price > 0", name="positive"),\n', '        CheckConstraint("price > 0", name="positive"),\n        UniqueConstraint("name", "price", name="uq_name"),\n'),
    "alias of an import": ("Column(DateTime,", "Column(sa.DateTime(),"),
    "value of an enum member": ("large = 2", "large = 22"),
    "module constant": ("kinds = Enum(Kind)", "LIMIT = 5\nkinds = Enum(Kind)"),
    "comment in the source": ("    kind = Column(kinds)", "    # the kind\n    kind = Column(kinds)"),
    "doc of a column": ("Column(kinds)", "Column(kinds, doc='which')"),
    "info that holds an object": ("Column(kinds)", "Column(kinds, info={'form': object()})"),
    "validator": ("    kind = Column(kinds)", "    kind = Column(kinds)\n\n    @sa.orm.validates('kind')\n    def valid(self, key, value):\n        return value\n"),
    "listener": ("class Other(Base)", "@sa.event.listens_for(Thing, 'load')\ndef loaded(*_):\n    pass\n\n\nclass Other(Base)"),
    "same default in other words": ("func.now()", "sa.func.now()"),
}  # fmt: skip
IMPORTS = "import sqlalchemy.ext.hybrid\n"
DIALECTS = {"postgresql": postgresql.dialect(), "sqlite": sqlite.dialect()}


def digest(body, dialect="postgresql", metadata="metadata = MetaData()"):
    """As the worker would: of all metadata that a module made."""
    names = {"__name__": "models"}
    exec(IMPORTS + HEADER.replace("{metadata}", metadata) + body, names)
    registry = MetadataRegistry()
    registry._alive.add(names["metadata"])
    return registry.digest(DIALECTS[dialect], {})


def replaced(old, new):
    assert MODELS.count(old) == 1, old
    return MODELS.replace(old, new)


@pytest.mark.parametrize("change", CHANGED)
def test_changed(change):
    assert digest(replaced(*CHANGED[change])) != digest(MODELS)


@pytest.mark.parametrize("change", SAME)
def test_same(change):
    changed = replaced(*SAME[change])
    if change == "order of classes":
        changed = MODELS[MODELS.index("class Other") :] + "\n\n" + changed
    assert digest(changed) == digest(MODELS)


@pytest.mark.parametrize(
    "arguments", ["schema='sales'", "naming_convention={'uq': 'u_%(table_name)s'}"]
)
def test_metadata(arguments):
    body = "Table('t', metadata, Column('n', Integer, unique=True))\n"
    assert digest(body, metadata=f"metadata = MetaData({arguments})") != digest(body)


def test_dialect():
    assert digest(MODELS, "sqlite") != digest(MODELS)


def test_globals_of_env_py():
    """What env.py computes may reach include_object: simple values count, objects do not."""
    registry = MetadataRegistry()
    dialect = DIALECTS["postgresql"]
    plain = registry.digest(dialect, {"names": ["a"]})
    assert plain != registry.digest(dialect, {"names": ["b"]})
    assert plain == registry.digest(dialect, {"names": ["a"], "engine": object()})
    sets = [registry.digest(dialect, {"names": set(names)}) for names in ("ab", "ba")]
    assert sets[0] == sets[1]


SCRIPT = """
import sys
sys.path[:0] = {paths!r}
from changes.test_fingerprint import MODELS, digest
print(digest(MODELS))
"""


def test_other_processes():
    """The same for every process, whatever its hash seed."""
    paths = [str(Path(revguard.__file__).parents[1]), str(Path(__file__).parents[1])]
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT.format(paths=paths)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert found == {digest(MODELS) + "\n"}


def test_many_tables():
    """500 tables of 20 columns have one digest, however often it is asked for."""
    import sqlalchemy as sa

    metadata = sa.MetaData()
    for number in range(500):
        kinds = (sa.Integer, sa.String(20), sa.DateTime, sa.Numeric(10, 2))
        columns = [sa.Column(f"c{i}", kinds[i % 4], index=i == 5) for i in range(19)]
        defaults = sa.Column("at", sa.DateTime, server_default=sa.func.now())
        sa.Table(
            f"t{number}",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            defaults,
            *columns,
        )
    registry = MetadataRegistry()
    registry._alive.add(metadata)
    assert len({registry.digest(DIALECTS["postgresql"], {}) for _ in range(2)}) == 1
