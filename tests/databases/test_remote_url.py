"""What may stand behind `server:`, read as SQLAlchemy reads it; passwords are never shown."""

import pytest
from sqlalchemy.engine import make_url

from revguard import databases
from revguard.databases import remote_tls, remote_url
from revguard.databases.providing import UnavailableError
from revguard.errors import ConfigError, CouldNotCheck
from revguard.masking import masked
from revguard.worker import secured

ENVIRON = {
    "SECRET": "p@s:s/w?r#d[%41]$x",
    "URL": "postgresql://ann:sesame@db.example:5433/shop",
    "PORT": "77",
}


def parse(text, environ=None):
    return remote_url.parse(text, ENVIRON if environ is None else environ)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:sesame@db.example:5433/shop",
        "postgresql+asyncpg://ann@db.example",
        "mysql+pymysql://a%40b:c%3Ad%2Fe%25@h/x",
        "mariadb+mariadbconnector://u:p@[2001:db8::1]:3307/",
        "postgresql://u:a#b?c/d@h/x",
        "postgresql://u:@h/x",
        "postgresql://u:p@h/x?sslmode=require",
        "mysql://u:p@10.0.0.1/x?charset=utf8mb4",
    ],
)
def test_parts_are_those_of_sqlalchemy(url):
    ours, theirs = parse(url), make_url(url)
    assert (ours.host, ours.username) == (theirs.host, theirs.username)
    assert ours.password == (theirs.password or None)
    assert ours.port == (theirs.port or {"postgresql": 5432, "mysql": 3306}[ours.family])
    assert ours.database == (theirs.database or "")
    assert ours.family == {"mariadb": "mysql"}.get(*[theirs.get_backend_name()] * 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$URL", ("db.example", 5433, "ann", "sesame", "shop")),
        ("${URL}", ("db.example", 5433, "ann", "sesame", "shop")),
        ("mysql://u:$SECRET@h:$PORT/d", ("h", 77, "u", ENVIRON["SECRET"], "d")),
        ("mysql://u:a%24${SECRET}@h/", ("h", 3306, "u", "a$" + ENVIRON["SECRET"], "")),
        ("postgresql://h/?user=u&password=p&dbname=d", ("h", 5432, "u", "p", "d")),
    ],
)
def test_variables(text, expected):
    found = parse(text)
    assert (found.host, found.port, found.username, found.password, found.database) == expected


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("postgresql://u@/d?host=/var/run/postgresql", "/var/run/postgresql"),
        ("postgresql://u@/d?host=%2Ftmp&sslmode=disable", "/tmp"),
        ("mysql://u@/d?unix_socket=/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock"),
        ("mariadb://u@localhost/d?unix_socket=/x", "/x"),
    ],
)
def test_sockets(text, socket):
    found = parse(text)
    assert (found.socket, found.host, found.place) == (socket, "", socket)


def test_what_is_left_out_of_a_postgresql_url():
    environ = {"PGHOST": "/sockets", "PGPORT": "99", "PGUSER": "ann", "PGPASSWORD": "sesame"}
    found = parse("postgresql://", environ)
    assert (found.socket, found.port, found.username, found.password) == (
        "/sockets", 99, "ann", "sesame"
    )  # fmt: skip
    assert parse("postgresql://", {"PGHOST": "h"}).host == "h"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server", "`server` is no URL"),
        ("oracle://u:p@h/", "`oracle://u:***@h/`: oracle is none of mariadb, mysql, postgresql"),
        ("postgresql://u:p@ss@h/", "`postgresql://u:***@h/`: an @ in a name or a password"),
        ("postgresql://u:p@ss:x@h/", "`postgresql://u:***@h/`: an @ in a name or a password"),
        ("postgresql://u:p@h:many/", "`postgresql://u:***@h:many/`: `many` is no port"),
        ("postgresql://h:0/", "`0` is no port"),
        ("postgresql://h:70000/", "`70000` is no port"),
        ("postgresql://u:$NOWHERE@h/", "the environment variable NOWHERE is not set"),
        ("$NOWHERE", "the environment variable NOWHERE is not set"),
        ("postgresql://h/?sslmode=on", "sslmode=on is none of disable, allow, prefer, require"),
        ("mysql://h/?ssl_mode=on", "ssl_mode=ON is none of DISABLED, PREFERRED, REQUIRED"),
        ("postgresql://h/?options=-c", "the URL's `options` is not known here"),
        ("postgresql://a,b/", "must name one host"),
    ],
)
def test_what_is_wrong_with_a_url(text, said):
    with pytest.raises(UnavailableError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert "ss@" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server:postgresql://u:p@h/", "server:postgresql://u:***@h/"),
        ("x://u:p@ss:w/o?r#d@h:1/y?a=b", "x://u:***@h:1/y?a=b"),
        ("x://h/?user=u&password=p&a=b", "x://h/?user=u&password=***&a=b"),
        ("x://h/?sslpassword=p", "x://h/?sslpassword=***"),
        ("x://u@h:5432/d", "x://u@h:5432/d"),
        ("x://h/d", "x://h/d"),
        ("docker:postgres:16@sha256:aa", "docker:postgres:16@sha256:aa"),
        ("two x://u:p@h/ and y://v:q@i/", "two x://u:***@h/ and y://v:***@i/"),
    ],
)
def test_masked(text, expected):
    assert masked(text) == expected


def test_the_dialect_must_fit():
    with pytest.raises(CouldNotCheck) as caught:
        databases.choose("server:mysql://u:sesame@h/", "postgresql", environ={})
    assert "the URL is one of mysql, the project uses postgresql" in str(caught.value)
    assert "server:mysql://u:***@h/" in str(caught.value)
    assert "sesame" not in str(caught.value)
    with pytest.raises(CouldNotCheck) as caught:
        databases.choose("server:mysql://u:sesame@h/", "sqlite", environ={})
    assert "sesame" not in str(caught.value)
    for dialect in ("mysql", "mariadb"):
        choice = databases.choose("server:mysql://u:sesame@h/", dialect, environ={})
        assert (choice.provider, choice.dialect) == ("server:mysql://u:***@h/", dialect)
        assert choice.installation.provider.partition(":")[0] == "server"


def test_never_by_auto():
    assert "server" not in [one.name for one in databases._candidates("auto")]
    assert "server" in [one.name for one in databases._candidates("server:$URL")]
    with pytest.raises(ConfigError):
        databases.choose("server:", "postgresql", environ={})
    with pytest.raises(CouldNotCheck, match="needs a URL"):
        databases.choose("server", "postgresql", environ={})


TLS = {
    "postgresql": remote_tls.of_postgresql,
    "mysql": remote_tls.of_mysql,
}


@pytest.mark.parametrize(
    ("family", "query", "expected"),
    [
        ("postgresql", {}, {}),
        ("postgresql", {"sslmode": "prefer", "sslrootcert": "/a"}, {}),
        ("postgresql", {"sslmode": "disable"}, {"sslmode": "disable"}),
        (
            "postgresql",
            {"sslmode": "verify-ca", "sslrootcert": "/a", "dbname": "d"},
            {"sslmode": "verify-ca", "sslrootcert": "/a"},
        ),
        (
            "postgresql",
            {"sslmode": "verify-full", "sslrootcert": "system"},
            {"sslmode": "verify-full"},
        ),
        ("mysql", {}, {}),
        ("mysql", {"ssl": "false"}, {}),
        ("mysql", {"ssl": "true"}, {"ssl_mode": "REQUIRED"}),
        ("mysql", {"ssl_ca": "/a"}, {"ssl_mode": "REQUIRED", "ssl_ca": "/a"}),
        (
            "mysql",
            {"ssl_ca": "/a", "ssl_verify_cert": "1"},
            {"ssl_mode": "VERIFY_CA", "ssl_ca": "/a"},
        ),
        ("mysql", {"ssl_check_hostname": "true"}, {"ssl_mode": "VERIFY_IDENTITY"}),
        ("mysql", {"ssl_mode": "verify_identity"}, {"ssl_mode": "VERIFY_IDENTITY"}),
        ("mysql", {"ssl_mode": "preferred", "ssl_ca": "/a"}, {}),
        ("mysql", {"ssl_disabled": "1"}, {"ssl_mode": "DISABLED"}),
    ],
)
def test_how_it_is_secured(family, query, expected):
    assert TLS[family](query) == expected


def test_files_are_found_from_wherever_the_worker_works(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = remote_tls.of_postgresql({"sslmode": "require", "sslrootcert": "ci/ca.pem"})
    assert found["sslrootcert"] == str(tmp_path / "ci/ca.pem")


FULL = {"ssl_mode": "VERIFY_IDENTITY", "ssl_ca": "/a"}


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("psycopg2", {}, {}),
        ("psycopg2", {"sslmode": "disable"}, {"sslmode": "disable"}),
        ("psycopg_async", {"sslmode": "verify-full"}, {"sslmode": "verify-full"}),
        ("asyncpg", {"sslmode": "disable"}, {"ssl": False}),
        ("pg8000", {"sslmode": "disable"}, {"ssl_context": False}),
        ("mysqldb", {"ssl_mode": "REQUIRED"}, {"ssl_mode": "REQUIRED"}),
        ("mysqldb", FULL, {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": "/a"}}),
        (
            "mysqlconnector",
            FULL,
            {"ssl_ca": "/a", "ssl_verify_cert": True, "ssl_verify_identity": True},
        ),
        ("mysqlconnector", {"ssl_mode": "DISABLED"}, {"ssl_disabled": True}),
        ("mariadbconnector", {"ssl_mode": "REQUIRED"}, {"ssl": True, "ssl_verify_cert": False}),
        ("pymysql", {"ssl_mode": "DISABLED"}, {}),
    ],
)
def test_what_each_driver_hears(driver, options, expected):
    assert secured.arguments(driver, options) == expected


@pytest.mark.parametrize(
    ("driver", "option", "required", "full"),
    [
        ("asyncpg", "sslmode", "require", "verify-full"),
        ("pg8000", "sslmode", "require", "verify-full"),
        ("pymysql", "ssl_mode", "REQUIRED", "VERIFY_IDENTITY"),
        ("aiomysql", "ssl_mode", "REQUIRED", "VERIFY_IDENTITY"),
        ("asyncmy", "ssl_mode", "REQUIRED", "VERIFY_IDENTITY"),
    ],
)
def test_drivers_that_want_a_context(driver, option, required, full):
    (context,) = secured.arguments(driver, {option: required}).values()
    assert (context.check_hostname, context.verify_mode.name) == (False, "CERT_NONE")
    (context,) = secured.arguments(driver, {option: full}).values()
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
