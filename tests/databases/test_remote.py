"""A scratch database on a server that the user named: beside what is there, and gone afterwards."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from revguard import databases
from revguard.databases import network, remote_server
from revguard.errors import CouldNotCheck

from .byhand import SECRET

HOOKS = str(Path(databases.__file__).parents[2])
SHAPE = re.compile(r"revguard_\d{14}_[0-9a-f]{12}_\d+")
ODD_USER, ODD_PASSWORD = "o'd\"d üs%er", "p@s:s/w?r#d[%41]$x\\`'\""
PLAIN_PASSWORD = "pl41n-s3cr3t"


class Postgres:
    """Roles and databases as a user has them, and ways to look at them."""

    dialect = "postgresql"
    accounts = ("maker", "plain", "other")

    def __init__(self, server):
        self.server = server
        with server.root() as root:
            root.query(f"CREATE ROLE maker LOGIN CREATEDB PASSWORD '{PLAIN_PASSWORD}'")
            root.query(f"CREATE ROLE plain LOGIN PASSWORD '{PLAIN_PASSWORD}'")
            password = ODD_PASSWORD.replace("'", "''")
            name = ODD_USER.replace('"', '""')
            root.query(f"CREATE ROLE \"{name}\" LOGIN CREATEDB PASSWORD '{password}'")
            root.query("CREATE DATABASE theirs OWNER maker")
        with server.root("theirs") as root:
            root.query("CREATE TABLE precious (a int)")
            root.query("INSERT INTO precious VALUES (1)")

    def url(self, user="maker", password=PLAIN_PASSWORD, host="127.0.0.1", database="", query=""):
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{host}:{self.server.port}/{database}{query}"

    def limit(self, account, logins):
        self.root(f"ALTER ROLE {account} CONNECTION LIMIT {logins}")

    def query(self, url, statement):
        with self.visit(url) as connection:
            return connection.query(statement)

    def visit(self, url):
        port, host = url["port"], url["host"]
        return network.PostgresConnection(
            host=host,
            port=port,
            socket=f"{host}/.s.PGSQL.{port}" if host.startswith("/") else None,
            username=url["username"],
            password=url["password"],
            database=url["database"],
            timeout=20,
        )

    def root(self, statement, database="postgres"):
        with self.server.root(database) as connection:
            return connection.query(statement)

    def reload(self, ssl):
        self.root("SELECT pg_reload_conf()")
        while self.root("SHOW ssl") != [(ssl,)]:
            time.sleep(0.01)

    def create(self, name):
        self.root(f'CREATE DATABASE "{name}" OWNER maker')

    def drop(self, name):
        self.root(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def names(self):
        return {row[0] for row in self.root("SELECT datname FROM pg_database")}

    def occupied(self, name):
        return self.server.root(name)

    def everything(self):
        """All that a user could miss or find changed."""
        shared = self.root("SELECT d::text FROM pg_database d ORDER BY oid")
        shared += self.root("SELECT r::text FROM pg_authid r ORDER BY oid")
        shared += self.root("SELECT pg_db_role_setting::text FROM pg_db_role_setting ORDER BY 1")
        for database in ("theirs", "postgres", "template1"):
            for catalog in ("pg_class", "pg_proc", "pg_namespace", "pg_extension"):
                shared += self.root(
                    f"SELECT md5(string_agg(t::text, ',' ORDER BY oid)) FROM {catalog} t", database
                )
        return shared + self.root("SELECT xmin, ctid, a FROM precious", "theirs")


class Maria:
    dialect = "mysql"

    def __init__(self, server):
        self.server = server
        name = ODD_USER.replace("'", "''")
        password = ODD_PASSWORD.replace("\\", "\\\\").replace("'", "''")
        for user, secret in (("maker", PLAIN_PASSWORD), (name, password)):
            self.root(f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{secret}'")
            self.root(rf"GRANT ALL PRIVILEGES ON `revguard\_%`.* TO '{user}'@'127.0.0.1'")
        self.root(f"CREATE USER maker@localhost IDENTIFIED BY '{PLAIN_PASSWORD}'")
        self.root(r"GRANT ALL PRIVILEGES ON `revguard\_%`.* TO maker@localhost")
        self.root(f"CREATE USER plain@'127.0.0.%' IDENTIFIED BY '{PLAIN_PASSWORD}'")
        self.root("CREATE DATABASE theirs CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        self.root("GRANT ALL ON theirs.* TO maker@'127.0.0.1'")
        self.root("CREATE TABLE theirs.precious (a int)")
        self.root("INSERT INTO theirs.precious VALUES (1)")

    def url(self, user="maker", password=PLAIN_PASSWORD, host="127.0.0.1", database="", query=""):
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"mysql+pymysql://{login}@{host}:{self.server.port}/{database}{query}"

    def limit(self, account, logins):
        most = max(0, logins)  # 0: no limit
        self.root(f"ALTER USER '{account}'@'127.0.0.1' WITH MAX_USER_CONNECTIONS {most}")

    def query(self, url, statement):
        with self.visit(url) as connection:
            return connection.query(statement)

    def visit(self, url):
        return network.MysqlConnection(
            host=url.get("host"),
            port=url.get("port", 0),
            socket=url.get("socket"),
            username=url["username"],
            password=url["password"],
            database=url["database"],
            timeout=20,
        )

    def root(self, statement, database=None):
        with self.server.root(database) as connection:
            return connection.query(statement)

    def create(self, name):
        self.root(f"CREATE DATABASE `{name}`")

    def drop(self, name):
        self.root(f"DROP DATABASE IF EXISTS `{name}`")

    def names(self):
        return {row[0] for row in self.root("SHOW DATABASES")}

    def occupied(self, name):
        connection = self.server.root()
        connection.query(f"SELECT GET_LOCK('{name}', 0)")
        return connection

    def everything(self):
        found = self.root("SELECT * FROM information_schema.schemata ORDER BY schema_name")
        found += self.root(
            "SELECT table_schema, table_name, create_time, update_time, check_time "
            "FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_name NOT LIKE 'innodb%stats' ORDER BY 1, 2"
        )
        found += self.root("SELECT user, host, priv FROM mysql.global_priv ORDER BY 1, 2")
        found += self.root("SELECT * FROM mysql.db ORDER BY 1, 2, 3")
        return found + self.root("CHECKSUM TABLE theirs.precious")


@pytest.fixture(scope="module")
def of_postgres(postgres):
    return Postgres(postgres)


@pytest.fixture(scope="module")
def of_maria(mariadb):
    return Maria(mariadb)


@pytest.fixture(params=["postgresql", "mysql"])
def there(request):
    """The user's server; after each test there is no database of ours."""
    found = request.getfixturevalue("of_postgres" if request.param == "postgresql" else "of_maria")
    yield found
    assert {name for name in found.names() if name.startswith("revguard")} == set()


def start(url, dialect, run, **options):
    options.setdefault("environ", {})
    choice = databases.choose(f"server:{url}", dialect, **options)
    return databases.start(choice, run=run)


def refused(url, dialect, run, timeout=10, **options):
    """What is said where it cannot be used."""
    with pytest.raises(CouldNotCheck) as caught, start(url, dialect, run, **options) as server:
        server.wait(timeout)
    said = str(caught.value)
    for secret in (PLAIN_PASSWORD, SECRET, ODD_PASSWORD, quote(ODD_PASSWORD, safe="")):
        assert secret not in said
    return said


def test_beside_what_is_there(there, run):
    before = there.everything()
    with start(there.url(database="theirs"), there.dialect, run) as server:
        database = server.database()
        name = database.url["database"]
        assert SHAPE.fullmatch(name)
        assert database.provider == f"server:{there.url(database='theirs')}".replace(
            PLAIN_PASSWORD, "***"
        )
        assert database.dialect == there.dialect
        assert re.fullmatch(r"\d+(\.\d+)+", database.server_version)
        there.query(database.url, "CREATE TABLE t (a int)")
        there.query(database.url, "INSERT INTO t VALUES (1)")
        server.mark()
        there.query(database.url, "INSERT INTO t VALUES (2)")
        clone = server.clone("x")
        assert there.query(clone.url, "SELECT a FROM t") == [("1",)]
        server.mark()
        again = server.clone("x")
        assert there.query(again.url, "SELECT a FROM t ORDER BY a") == [("1",), ("2",)]
        assert there.query(clone.url, "SELECT a FROM t") == [("1",)]
        assert server.failure() == ""
        ours = {one for one in there.names() if one.startswith("revguard")}
        assert len(ours) == 4  # main, mark and two clones
        assert all(SHAPE.fullmatch(one) for one in ours)
        assert server.keep_snapshot(revisions={"a": "b"}, extra="") is None
    assert run.notes == []
    assert there.everything() == before


def test_what_was_replayed_is_copied_only_where_that_is_asked(there, run):
    with start(there.url(), there.dialect, run) as server:
        main = server.database().url
        with there.visit(main) as visitor:
            visitor.query("CREATE TABLE t (a int)")
            visitor.query("BEGIN")
            visitor.query("INSERT INTO t VALUES (1)")
            assert not server.replayed(asked=False)
            assert there.query(main, "SELECT count(*) FROM t") == [("0",)]  # it was thrown out
        assert {one for one in there.names() if one.startswith("revguard")} == {main["database"]}
        assert server.replayed(asked=True)
        lent = server.lend("parent").url
        there.query(main, "DROP TABLE t")
        assert there.query(lent, "SELECT count(*) FROM t") == [("0",)]
        ours = {one for one in there.names() if one.startswith("revguard")}
        assert ours == {main["database"], lent["database"]}
    assert run.notes == []


def test_all_are_dropped_where_the_account_has_one_login_only(there, run):
    there.limit("maker", 1)
    try:
        with start(there.url(), there.dialect, run) as server:
            server.mark()
            server.clone("x")
    finally:
        there.limit("maker", -1)
    assert run.notes == []
    assert not [one for one in there.names() if one.startswith("revguard")]


def test_a_database_that_is_not_there_is_no_hindrance(there, run):
    with start(there.url(database="nowhere"), there.dialect, run) as server:
        assert SHAPE.fullmatch(server.database().url["database"])


def test_the_visitors_of_the_main_database_are_thrown_out(there, run):
    with start(there.url(), there.dialect, run) as server:
        with there.visit(server.database().url) as visitor:
            visitor.query("CREATE TABLE t (a int)")
            visitor.query("BEGIN")
            visitor.query("INSERT INTO t VALUES (1)")
            server.mark()
            clone = server.clone("x")
        assert there.query(clone.url, "SELECT count(*) FROM t") == [("0",)]


def test_names_and_passwords_with_odd_characters(there, run):
    url = there.url(ODD_USER, ODD_PASSWORD)
    with start(url, there.dialect, run) as server:
        database = server.database()
        assert there.query(database.url, "SELECT 1") == [("1",)]
        assert database.provider == f"server:{there.url(ODD_USER, '')}".replace(":@", ":***@")
    environ = {"PASSWORD": ODD_PASSWORD, "URL": url}
    template = there.url(ODD_USER, "X").replace(":X@", ":${PASSWORD}@")
    with start(template, there.dialect, run, environ=environ) as server:
        assert there.query(server.database().url, "SELECT 1") == [("1",)]
    with start("$URL", there.dialect, run, environ=environ) as server:
        database = server.database()
        assert database.provider == "server:$URL"
        assert there.query(database.url, "SELECT 1") == [("1",)]


def test_by_its_socket(there, run):
    if there.dialect == "postgresql":
        url = f"postgresql://maker:{PLAIN_PASSWORD}@:{there.server.port}"
        url += f"/?host={there.server.folder}"
    else:
        url = f"mysql://maker:{PLAIN_PASSWORD}@localhost/?unix_socket={there.server.socket}"
    with start(url, there.dialect, run) as server:
        assert there.query(server.database().url, "SELECT 1") == [("1",)]
    said = refused(url, there.dialect, run, network=True)
    assert "asks for a host and a port, the URL has a socket" in said


def test_two_at_once(there, run, session_places):
    with (
        session_places.run() as other,
        start(there.url(), there.dialect, run, timeout=-1) as one,
        start(there.url(), there.dialect, other, timeout=-1) as two,
        start(there.url(), there.dialect, run, timeout=-1) as three,
    ):
        found = [server.database().url for server in (one, two, three)]
        assert len({url["database"] for url in found}) == 3
        for url in found:
            there.query(url, "CREATE TABLE t (a int)")
            assert there.query(url, "SELECT count(*) FROM t") == [("0",)]


KILLED = """
import os, signal, sys
from pathlib import Path
from revguard import databases
from revguard.runs import Run
run = Run(Path(sys.argv[1]), memory=None, temporary=sys.argv[1])
choice = databases.choose("server:$URL", sys.argv[2], environ=os.environ)
with run, databases.start(choice, run=run) as server:
    server.wait()
    server.mark()
    print(server.database().url["database"], flush=True)
    if sys.argv[3] == "wait":
        sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def another(there, folder, how):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), there.dialect, how],
        env={**os.environ, "PYTHONPATH": HOOKS, "URL": there.url()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_a_killed_run_left_is_swept_by_the_next(there, run, tmp_path):
    with another(there, tmp_path, "die") as killed:
        name = killed.stdout.readline().strip()
    assert killed.returncode == -signal.SIGKILL
    assert name in there.names()
    with start(there.url(), there.dialect, run) as server:
        server.wait()
        assert name in there.names()  # it is not an hour old
    with start(there.url(), there.dialect, run, timeout=-1) as server:
        server.wait()
        assert [one for one in there.names() if one.startswith("revguard")] == [
            server.database().url["database"]
        ]


def test_a_living_run_is_left_alone(there, run, tmp_path):
    with another(there, tmp_path, "wait") as living:
        name = living.stdout.readline().strip()
        count = len(there.names())
        with start(there.url(), there.dialect, run, timeout=-1) as server:
            server.wait()
            assert len(there.names()) == count + 1
        assert name in there.names()
        living.stdin.close()
        living.wait()
    with start(there.url(), there.dialect, run, timeout=-1) as server:
        server.wait()
        assert name not in there.names()


def test_only_what_is_ours_and_old_is_swept(there, run):
    old, young = "20200101000000", "29990101000000"
    theirs = ["revguard", "revguard_backup", f"xrevguard_{old}_0123456789ab_1"]
    theirs += [f"revguard_{old}_0123456789ab", f"revguard_{old}_0123456789ab_1_x"]
    kept = [*theirs, f"revguard_{young}_0123456789ab_1", f"revguard_{old}_bbbbbbbbbbbb_2"]
    left = f"revguard_{old}_0123456789ab_1"
    for name in (*kept, left):
        there.create(name)
    in_use = kept[-1]
    with there.occupied(in_use), start(there.url(), there.dialect, run) as server:
        server.wait()
        assert there.names() >= {*kept}
        assert left not in there.names()
    for name in kept:
        there.drop(name)
    assert run.notes == []


def test_a_server_that_dies_and_comes_back(there, run):
    with start(there.url(), there.dialect, run) as server:
        server.mark()
        there.server.kill()
        assert str(there.server.port) in server.failure()
        with pytest.raises(CouldNotCheck, match=str(there.server.port)):
            server.clone("x")
        there.server.start()
        assert server.failure() != ""  # it is another one
    assert run.notes == []


def test_a_server_that_dies_for_good(there, run):
    with start(there.url(), there.dialect, run) as server:
        name = server.database().url["database"]
        there.server.kill()
    there.server.start()
    (note,) = run.notes
    run.notes.clear()
    assert f"the scratch database {name} could not be dropped" in note
    assert "nobody listens there" in note
    assert PLAIN_PASSWORD not in note
    there.drop(name)


def test_refusals_of_a_login(there, run):
    port = there.server.port
    said = refused(there.url(password="wrong"), there.dialect, run)
    assert f"127.0.0.1:{port} refuses the " in said
    assert "Check the user and the password" in said
    said = refused(there.url(user="nobody"), there.dialect, run)
    assert "nobody" in said
    said = refused(there.url().replace(f":{port}", ":1"), there.dialect, run)
    assert "the server 127.0.0.1:1 cannot be used: nobody listens there" in said
    said = refused(there.url(host="no-such-host.invalid"), there.dialect, run)
    assert "there is no such host" in said


def test_another_kind_of_server(of_postgres, of_maria, run):
    url = of_postgres.url().replace(str(of_postgres.server.port), str(of_maria.server.port))
    said = refused(url, "postgresql", run, timeout=1)
    assert f"127.0.0.1:{of_maria.server.port} cannot be used" in said
    url = of_maria.url().replace(str(of_maria.server.port), str(of_postgres.server.port))
    said = refused(url, "mysql", run, timeout=1)
    assert f"127.0.0.1:{of_postgres.server.port} cannot be used" in said


def test_the_right_that_is_missing(of_postgres, of_maria, run):
    said = refused(of_postgres.url("plain"), "postgresql", run)
    assert "plain lacks CREATEDB" in said
    assert '`ALTER ROLE "plain" CREATEDB;`' in said
    said = refused(of_maria.url("plain"), "mysql", run)
    assert "refuses a right that plain lacks" in said
    grant = re.search(r"`(GRANT .*;)`$", said)[1]
    of_maria.root(grant)
    with start(of_maria.url("plain"), "mysql", run) as server:
        server.wait()
    of_maria.root(grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))


def test_too_many_and_read_only(of_postgres, of_maria, run):
    of_postgres.root("ALTER ROLE maker CONNECTION LIMIT 0")
    assert "too many connections for role" in refused(of_postgres.url(), "postgresql", run)
    of_postgres.root("ALTER ROLE maker CONNECTION LIMIT -1")
    of_postgres.root("ALTER ROLE maker SET default_transaction_read_only = on")
    said = refused(of_postgres.url(), "postgresql", run)
    of_postgres.root("ALTER ROLE maker RESET ALL")
    assert "it is a read-only replica" in said
    of_maria.root("SET GLOBAL read_only = 1")
    said = refused(of_maria.url(), "mysql", run)
    of_maria.root("SET GLOBAL read_only = 0")
    assert "it is a read-only replica" in said
    assert "primary" in said
    of_maria.root("ALTER USER maker@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    with start(of_maria.url(), "mysql", run) as server:
        server.wait()
        said = refused(of_maria.url(), "mysql", run)
    of_maria.root("ALTER USER maker@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")
    assert "refuses more connections" in said


def test_somebody_else_is_in_it_when_it_is_dropped(of_postgres, run):
    """A superuser's session may not be ended by a plain role."""
    with start(of_postgres.url(), "postgresql", run) as server:
        name = server.database().url["database"]
        guest = of_postgres.server.root(name)
    (note,) = run.notes
    run.notes.clear()
    assert f"the scratch database {name} could not be dropped" in note
    command = re.search(r"`(DROP DATABASE .*;)`", note)[1]
    of_postgres.root(command)
    guest.close()
    assert name not in of_postgres.names()


def test_a_colleague_is_in_it_when_it_is_dropped(of_maria, run):
    with start(of_maria.url(), "mysql", run) as server:
        guest = of_maria.server.root(server.database().url["database"])
        server.clone("x")
    guest.close()
    assert run.notes == []


def test_what_belongs_to_a_database_is_cloned(of_postgres, run):
    with start(of_postgres.url(), "postgresql", run) as server:
        url = server.database().url
        name = url["database"]
        for statement in (
            "CREATE SCHEMA app",
            f'ALTER DATABASE {name} SET search_path TO app, "$user", public',
            f"ALTER DATABASE {name} SET datestyle TO 'SQL, DMY'",
            f"ALTER ROLE maker IN DATABASE {name} SET work_mem TO '5MB'",
            f"COMMENT ON DATABASE {name} IS 'it''s a shop'",
            f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
            f"GRANT TEMPORARY ON DATABASE {name} TO plain WITH GRANT OPTION",
        ):
            of_postgres.query(url, statement)
        server.mark()
        clone = server.clone("x").url
        assert of_postgres.query(
            clone, "SELECT current_setting('search_path'), current_setting('datestyle'), "
            "current_setting('work_mem')"
        ) == [('app, "$user", public', "SQL, DMY", "5MB")]  # fmt: skip
        about = (
            "SELECT shobj_description(oid, 'pg_database'), datdba, "
            "array(SELECT unnest(datacl)::text ORDER BY 1), (SELECT array_agg(setconfig::text "
            "ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid) "
            "FROM pg_database d WHERE datname = "
        )
        source, target = (of_postgres.root(f"{about}'{one}'") for one in (name, clone["database"]))
        assert source == target
        assert "it's a shop" in source[0]


def test_the_charset_of_the_urls_database(of_maria, run):
    of_charset = "SELECT @@character_set_database, @@collation_database"
    with start(of_maria.url(database="theirs"), "mysql", run) as server:
        url = server.database().url
        assert of_maria.query(url, of_charset) == [("utf8mb4", "utf8mb4_bin")]
        assert of_maria.query(server.clone("x").url, of_charset) == [("utf8mb4", "utf8mb4_bin")]
    with start(of_maria.url(), "mysql", run) as server:
        found = of_maria.query(server.database().url, of_charset)
        assert found == of_maria.root("SELECT @@character_set_server, @@collation_server")


def test_mariadb_by_its_own_name(of_maria, run):
    url = of_maria.url().replace("mysql+pymysql", "mariadb")
    for dialect in ("mysql", "mariadb"):
        with start(url, dialect, run) as server:
            assert server.database().dialect == dialect


def test_tls(of_postgres, run):
    certificate = of_postgres.server.certificate
    of_postgres.root(f"CREATE ROLE secure LOGIN CREATEDB PASSWORD '{PLAIN_PASSWORD}'")
    encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    for query, expected in (
        ("", "True"),
        ("?sslmode=require", "True"),
        ("?sslmode=disable", "False"),
        (f"?sslmode=verify-full&sslrootcert={certificate}", "True"),
    ):
        url = of_postgres.url(host="localhost", query=query)
        with start(url, "postgresql", run) as server:
            server.wait()
            assert server._login._query(encrypted) == [(expected,)]
    said = refused(of_postgres.url("secure", query="?sslmode=disable"), "postgresql", run)
    assert "refuses a connection without TLS" in said
    assert "`?sslmode=require`" in said
    said = refused(of_postgres.url(query="?sslmode=verify-full"), "postgresql", run)
    assert "its certificate cannot be verified" in said
    said = refused(of_postgres.url(query="?sslmode=verify-ca&sslrootcert=/no"), "postgresql", run)
    assert "/no cannot be used" in said
    query = f"?sslmode=verify-full&sslrootcert={certificate}"
    assert "verified" in refused(of_postgres.url(query=query), "postgresql", run)  # 127.0.0.1
    with start(of_postgres.url("secure"), "postgresql", run) as server:
        server.wait()


def test_tls_of_mariadb(of_maria, run):
    certificate = of_maria.server.certificate
    encrypted = "SHOW SESSION STATUS LIKE 'Ssl_version'"
    localhost = of_maria.url(
        host="localhost", query=f"?ssl_mode=verify_identity&ssl_ca={certificate}"
    )
    for url in (of_maria.url(query="?ssl=true"), localhost):
        with start(url, "mysql", run) as server:
            assert server.database().url["options"]["ssl_mode"] in {"REQUIRED", "VERIFY_IDENTITY"}
            assert server._login._query(encrypted)[0][1].startswith("TLS")
    said = refused(of_maria.url(query="?ssl_verify_cert=true"), "mysql", run)
    assert "its certificate cannot be verified" in said
    assert "?ssl_ca=PATH" in said
    of_maria.root("ALTER USER maker@'127.0.0.1' REQUIRE SSL")
    with start(of_maria.url(), "mysql", run) as server:
        assert "options" not in server.database().url  # the driver uses it where it is there
    said = refused(of_maria.url(query="?ssl_disabled=true"), "mysql", run)
    of_maria.root("ALTER USER maker@'127.0.0.1' REQUIRE NONE")
    assert "An account that requires TLS is refused so, too: add `?ssl=true`" in said
    of_maria.root("SET GLOBAL require_secure_transport = ON")
    said = refused(of_maria.url(query="?ssl_disabled=true"), "mysql", run)
    of_maria.root("SET GLOBAL require_secure_transport = OFF")
    assert "add `?ssl=true`" in said


def test_no_tls_where_it_is_asked_for(of_postgres, run):
    of_postgres.root("ALTER SYSTEM SET ssl = off")
    of_postgres.reload(ssl="off")
    said = refused(of_postgres.url(query="?sslmode=require"), "postgresql", run)
    of_postgres.root("ALTER SYSTEM RESET ssl")
    of_postgres.reload(ssl="on")
    assert "it has no TLS, and the URL asks for it" in said


def test_ipv6(of_postgres, run):
    try:
        with start(of_postgres.url(host="[::1]"), "postgresql", run) as server:
            url = server.database().url
    except CouldNotCheck:
        if os.path.exists("/proc/net/if_inet6"):
            raise
        pytest.skip("IPv6 is not here")
    assert url["host"] == "::1"


def test_extensions_that_the_server_lacks(of_postgres, run):
    with start(of_postgres.url(), "postgresql", run, extensions=frozenset({"plpgsql"})) as server:
        server.wait()
    wanted = frozenset({"plpgsql", "no_such_thing"})
    said = refused(of_postgres.url(), "postgresql", run, extensions=wanted)
    assert "has no extension no_such_thing" in said


def test_an_interrupt_while_the_database_is_made(there, run, monkeypatch):
    """What is being made when the run ends is dropped as well."""
    monkeypatch.setattr(remote_server.RemoteServer, "_new_name", _interrupted(there))
    with pytest.raises(KeyboardInterrupt), start(there.url(), there.dialect, run) as server:
        server.wait()


def _interrupted(there):
    original = remote_server.RemoteServer._new_name

    def new_name(self, login):
        login.create(original(self, login))
        raise KeyboardInterrupt

    return new_name


def test_no_password(there, run):
    url = there.url().replace(f":{PLAIN_PASSWORD}@", "@")
    said = refused(url, there.dialect, run)
    assert "The URL has none: write `user:password@host`" in said


def test_template1_is_in_use(of_postgres, run):
    """CREATE DATABASE waits for five seconds, and then refuses."""
    with (
        of_postgres.server.root("template1"),
        start(of_postgres.url(), "postgresql", run) as server,
    ):
        assert of_postgres.query(server.database().url, "SELECT 1") == [("1",)]
