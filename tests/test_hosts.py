"""Which connections of env.py are worth a note."""

import pytest

from revguard.databases import Database
from revguard.evaluation import hosts

PLACES = [
    ("192.0.2.7", 8200, "env.py connected to 192.0.2.7:8200"),
    ("vault.example", 443, "env.py connected to vault.example:443"),
    ("2001:db8::7", 443, "env.py connected to [2001:db8::7]:443"),
    ("192.0.2.7", 53, None),
    ("127.0.0.1", 6379, None),
    ("::1", 6379, None),
    ("localhost", 6379, None),
    ("192.0.2.1", 3306, None),
    ("192.0.2.2", 3306, "env.py connected to 192.0.2.2:3306"),
    ("192.0.2.1", 3307, "env.py connected to 192.0.2.1:3307"),
]


@pytest.mark.parametrize(("host", "port", "said"), PLACES)
def test_notes(host, port, said):
    database = Database(
        provider="docker",
        dialect="mysql",
        server_version="11",
        identity="",
        url={"host": "192.0.2.1", "port": 3306, "database": "app"},
    )
    found = list(hosts.notes([(host, port)], database))
    assert found == ([said] if said else [])


def test_without_a_database():
    assert list(hosts.notes([("192.0.2.7", 5432)], None)) == ["env.py connected to 192.0.2.7:5432"]
