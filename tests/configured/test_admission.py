"""Hosts of the configured database: what a driver is called with in, let in or not out."""

import pytest

from revguard.worker import admission


@pytest.mark.parametrize(
    ("dialect", "args", "named", "allowed"),
    [
        ("oracle", ("scott/tiger@db.example.com/shop",), {}, []),
        ("firebird", (), {"database": "shop"}, []),
        ("cockroachdb", (), {"host": "db.example.com"}, ["cockroachdb"]),
        ("postgresql", (), {"host": "db.example.com"}, []),
    ],
)
def test_no_other_host(dialect, args, named, allowed):
    one = admission.Admission(read_only=False, allowed=allowed)
    with pytest.raises(admission.Denied):
        one._admit(args, named, dialect)


@pytest.mark.parametrize(
    ("dialect", "named", "allowed"),
    [
        ("cockroachdb", {"host": "127.0.0.1"}, []),
        ("cockroachdb", {"host": "db.example.com"}, ["db.example.com"]),
        ("firebird", {"database": "shop"}, ["firebird"]),
        ("sqlite", {"database": "shop.db"}, []),
        ("oracle", {"dsn": "anywhere"}, None),
    ],
)
def test_this_host_and_those_allowed(dialect, named, allowed):
    admission.Admission(read_only=False, allowed=allowed)._admit((), named, dialect)
