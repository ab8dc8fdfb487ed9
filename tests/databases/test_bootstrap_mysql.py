"""A bootstrap on a MariaDB: several statements, and where one fails."""

import pytest

from revguard.databases import addresses, standing
from revguard.databases.providing import Database
from revguard.errors import CouldNotCheck
from revguard.evaluation import bootstrapping

SQL = """
-- as the administrators do
CREATE TABLE made (n int, s varchar(20) DEFAULT 'a;b');
INSERT INTO made VALUES (1, 'x; y');
CREATE PROCEDURE twice() BEGIN INSERT INTO made (n) VALUES (2); INSERT INTO made (n) VALUES (3);
END;
CALL twice();
CREATE ROLE IF NOT EXISTS clerk
"""


@pytest.fixture
def database(mariadb_server):
    url = mariadb_server.create()
    yield Database(provider="x", dialect="mysql", server_version="1", identity="", url=url)
    mariadb_server.drop(url)


def bootstrap(text):
    return bootstrapping.Bootstrap(path="b.sql", oid="", content=text.encode(), is_script=False)


def test_several_statements(database):
    bootstrapping._run_on_server(bootstrap(SQL), database, 20)
    assert standing.of(database, 20).tables == ("made",)
    with addresses.connect(database, 20) as login:
        assert login.query("SELECT n FROM made ORDER BY n") == [("1",), ("2",), ("3",)]


def test_one_that_fails(database):
    text = "CREATE TABLE made (n int);\nCREATE TABEL other (n int);\n"
    with pytest.raises(CouldNotCheck, match=r"the bootstrap fails at b\.sql: .*TABEL"):
        bootstrapping._run_on_server(bootstrap(text), database, 20)
