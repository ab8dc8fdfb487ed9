"""Images that honour what the official ones honour, out of the programs that are installed here."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from revguard.databases import installations
from revguard.databases.providing import UnavailableError

TOOLS = [
    *("sh", "bash", "id", "mkdir", "chmod", "chown", "cat", "mktemp", "rm", "ls", "sleep", "grep"),
    *("sed", "head", "tail", "tr", "date", "tar", "touch", "cp", "mv", "setpriv", "basename"),
    *("dirname", "hostname", "uname", "env", "readlink", "locale"),
]
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nserver:x:999:999::/:/bin/sh\n",
    "etc/group": "root:x:0:\nserver:x:999:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
POSTGRES_ENTRY = """\
#!/bin/sh
set -e
case "$1" in postgres) ;; *) exec "$@" ;; esac
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chown -R server:server "$PGDATA" /run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=server --regid=server --clear-groups -- "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$POSTGRES_PASSWORD" ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
  fi
  echo "$POSTGRES_PASSWORD" >/tmp/password
  eval "initdb -U \\"$POSTGRES_USER\\" --pwfile=/tmp/password $POSTGRES_INITDB_ARGS"
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -F -D "$PGDATA" postgres >/dev/null
  echo "PostgreSQL init process complete; ready for start up."
fi
exec "$@"
"""
MARIADB_ENTRY = """\
#!/bin/bash
set -e
case "$1" in mariadbd) ;; *) exec "$@" ;; esac
data=/var/lib/mysql
if [ "$(id -u)" = 0 ]; then
  mkdir -p $data /run/mysqld
  chown -R server:server $data /run/mysqld
  exec setpriv --reuid=server --regid=server --clear-groups -- "$0" "$@"
fi
if [ ! -d $data/mysql ]; then
  if [ -z "$MARIADB_ROOT_PASSWORD" ]; then
    echo "[ERROR] Database is uninitialized and password option is not specified" >&2
    exit 1
  fi
  mariadb-install-db --datadir=$data --auth-root-authentication-method=normal \\
    --skip-test-db --skip-name-resolve "${@:2}" >/dev/null
  {
    echo "FLUSH PRIVILEGES;"
    echo "CREATE USER root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';"
    echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
    echo "CREATE DATABASE $MARIADB_DATABASE;"
  } | mariadbd --bootstrap --datadir=$data "${@:2}" 2>/tmp/log || { cat /tmp/log >&2; exit 1; }
  echo "MariaDB init process done. Ready for start up."
fi
exec "$@"
"""
# {} is the prefix of the variables
FIREBIRD_ENTRY = """\
#!/bin/sh
set -e
case "$1" in firebird) ;; *) exec "$@" ;; esac
system=/var/lib/firebird/3.0/system
database=${prefix}_DATABASE
case "$database" in /*) ;; *) database={data}/$database ;; esac
mkdir -p {data} $system /var/log/firebird /run/firebird3.0
if [ ! -f "$database" ]; then
  echo "CREATE DATABASE '$system/security3.fdb';" | isql-fb -q -user SYSDBA
  isql-fb -q -user SYSDBA -i /usr/share/firebird/3.0/security.sql $system/security3.fdb
  {{
    [ -z "${root}" ] || echo "CREATE OR ALTER USER SYSDBA PASSWORD '${root}';"
    echo "CREATE USER ${prefix}_USER PASSWORD '${prefix}_PASSWORD';"
    echo "GRANT CREATE DATABASE TO USER ${prefix}_USER;"
  }} | isql-fb -q -user SYSDBA security.db
  echo "CREATE DATABASE '$database' USER '${prefix}_USER' DEFAULT CHARACTER SET UTF8;" |
    isql-fb -q
fi
exec firebird
"""
MY_CNF = """\
[mysqld]
bind-address=*
socket=/run/mysqld/mysqld.sock
datadir=/var/lib/mysql
character-set-server=utf8mb4
collation-server=utf8mb4_general_ci
"""


def _postgres_binaries():
    try:
        return installations.local_binaries(os.environ.get("PATH", ""))
    except UnavailableError:
        return ""


def _version(program, pattern, otherwise):
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return otherwise
    found = re.search(pattern, said)
    return found[1] if found else otherwise


BINARIES = _postgres_binaries()
# as the official images are called: the tests need no other version than the one that is here
POSTGRES = "postgres:" + _version(f"{BINARIES}/postgres", r"PostgreSQL[)] (\d+)", "15")
MARIADB = "mariadb:" + _version("mariadbd", r"Ver (\d+[.]\d+)", "10.11")
FIREBIRD = "firebirdsql/firebird:3"
UNKNOWN = "acme/birds:1"  # nothing that we know: its ENV and EXPOSE tell
ELEPHANT = "elephant:1"  # likewise, with a PostgreSQL inside
FIREBIRD_LIBRARY = "/usr/lib/x86_64-linux-gnu/firebird/3.0"
NAMES = {"postgresql": POSTGRES, "mariadb": MARIADB}


class Builder:
    """A file system in a tar, as `docker import` takes it."""

    def __init__(self):
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115 - until done
        self._there = set()
        for name in ("bin", "sbin", "lib", "lib64"):
            self._link(name, f"usr/{name}")
        for name in ("tmp", "run", "proc", "sys", "dev", "var/lib"):
            self.folder(name, 0o1777 if name == "tmp" else 0o755)
        self._link("var/run", "/run")

    def folder(self, name, mode=0o755):
        """An empty folder, with those above it."""
        parent = os.path.dirname(name)
        if name in self._there or not name:
            return
        self.folder(parent)
        self._there.add(name)
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def text(self, name, text, mode=0o644):
        """A file with this text."""
        self.folder(os.path.dirname(name))
        self._there.add(name)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text.encode()), mode
        self._tar.addfile(entry, io.BytesIO(text.encode()))

    def copy(self, path):
        """A file of this machine, under its own name; /bin is usr/bin everywhere now."""
        name = re.sub(r"^/(usr/)?(?=(s?bin|lib(64)?)/)", "usr/", path).lstrip("/")
        if name not in self._there:
            self._there.add(name)
            self.folder(os.path.dirname(name))
            self.file(name, os.path.realpath(path))

    def file(self, name, path):
        """The file at `path` as `name`."""
        entry = self._tar.gettarinfo(path, name)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        with open(path, "rb") as file:
            self._tar.addfile(entry, file)

    def tree(self, path, *, without=()):
        """A folder of this machine."""
        for parent, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name not in without]
            for name in names:
                if os.path.isfile(os.path.join(parent, name)):
                    self.copy(os.path.join(parent, name))

    def programs(self, paths):
        """Programs and libraries, with the libraries that they need."""
        said = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False).stdout
        for path in {*paths, *re.findall(r"(?:=> |^\t)(/\S+)", said, re.MULTILINE)}:
            self.copy(path)

    def tools(self):
        """What any image has, and what the entry points use."""
        self.programs([path for name in TOOLS if (path := shutil.which(name))])
        for name, text in ACCOUNTS.items():
            self.text(name, text)

    def done(self, client, name, *options):
        """Import it under a name."""
        self._tar.close()
        changes = ["ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin", "ENV LANG=C.UTF-8", *options]
        client.import_image_from_data(self._buffer.getvalue(), *_split(name), changes=changes)

    def _link(self, name, target):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)


def postgres(client, name):
    """An image like `postgres:15` of Debian's PostgreSQL."""
    binaries, major = BINARIES, POSTGRES.rpartition(":")[2]
    image = Builder()
    image.tools()
    library = Path(binaries).parent / "lib"
    programs = [f"{binaries}/{name}" for name in ("postgres", "initdb", "pg_dump", "psql")]
    needed = ("plpgsql.so", "dict_snowball.so", "citext.so", "libpqwalreceiver.so")
    image.programs([*programs, *(str(library / name) for name in needed)])
    share = f"/usr/share/postgresql/{major}"
    # as in the official image, which listens everywhere
    sample = Path(share, "postgresql.conf.sample").read_text()
    image.text(f"{share[1:]}/postgresql.conf.sample", f"{sample}\nlisten_addresses = '*'\n")
    image.tree(share, without=("man", "contrib"))
    image.tree("/usr/lib/locale/C.utf8")
    image.tree("/usr/share/zoneinfo", without=("right", "posix"))
    image.text("usr/local/bin/docker-entrypoint.sh", POSTGRES_ENTRY, 0o755)
    image.done(
        client,
        name,
        f"ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin:{binaries}",
        f"ENV PG_MAJOR={major}",
        "ENV PGDATA=/var/lib/postgresql/data",
        "VOLUME /var/lib/postgresql/data",
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["postgres"]',
        "EXPOSE 5432",
    )


def mariadb(client, name):
    """An image like `mariadb:10.11` of Debian's MariaDB."""
    image = Builder()
    image.tools()
    programs = ("mariadbd", "mariadb-install-db", "my_print_defaults", "resolveip")
    image.programs([path for one in programs if (path := shutil.which(one))])
    image.tree("/usr/share/mysql")
    image.tree("/usr/share/mariadb")
    image.tree("/usr/lib/locale/C.utf8")
    image.text("etc/my.cnf", MY_CNF)
    image.text("usr/local/bin/docker-entrypoint.sh", MARIADB_ENTRY, 0o755)
    image.done(
        client,
        name,
        "VOLUME /var/lib/mysql",
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["mariadbd"]',
        "EXPOSE 3306",
    )


def firebird(client, name, *options, prefix="FIREBIRD", root="FIREBIRD_ROOT_PASSWORD"):
    """An image like `firebirdsql/firebird:3` of Debian's Firebird."""
    image = Builder()
    image.tools()
    library = Path(FIREBIRD_LIBRARY)
    loaded = [*library.glob("*/lib*.so"), *Path("/usr/lib").glob("*/libicu*.so.*")]  # not linked
    parts = [str(path) for path in loaded]
    image.programs(["/usr/sbin/firebird", "/usr/bin/isql-fb", *parts])
    image.tree("/etc/firebird/3.0", without=())
    image.tree("/usr/share/firebird")
    for one in library.iterdir():
        if one.is_file() and one.name != "firebird.conf":
            image.copy(str(one))
    image.copy(f"{library}/intl/fbintl.conf")
    image.text(f"{library}/firebird.conf"[1:], "RemoteBindAddress =\n")
    data = "/var/lib/firebird/data"
    entry = FIREBIRD_ENTRY.format(data=data, prefix=prefix, root=root)
    image.text("usr/local/bin/entrypoint.sh", entry, 0o755)
    image.done(
        client,
        name,
        f"VOLUME {data}",
        'ENTRYPOINT ["entrypoint.sh"]',
        'CMD ["firebird"]',
        "EXPOSE 3050",
        *options,
    )


def shell(client, name, *options):
    """An image without a server."""
    image = Builder()
    image.tools()
    image.done(client, name, *options)


def bare(client, name):
    """An image without even a shell."""
    image = Builder()
    image.text("hello", "hello")
    image.done(client, name, 'CMD ["/hello"]')


def tells(client, name, base, *options):
    """An image that says more than the one that it is made of."""
    made = client.create_container(base)["Id"]
    client.commit(made, *_split(name), changes=list(options))
    client.remove_container(made, v=True)


def _split(name):
    repository, _, tag = name.rpartition(":")
    return repository, tag


def official(engine, require):
    """The images that are like the official ones of PostgreSQL and MariaDB."""
    require(BINARIES, "PostgreSQL's programs")
    require(shutil.which("mariadbd"), "MariaDB's programs")
    with contextlib.closing(engine.client()) as client:
        postgres(client, POSTGRES)
        mariadb(client, MARIADB)


def build(engine, require):
    """The images that can be made of what is installed here."""
    official(engine, require)
    client = engine.client()
    try:
        shell(client, "nothing:1", 'CMD ["sh", "-c", "echo no server here; exit 3"]')
        shell(client, "sleeper:1", 'CMD ["sh", "-c", "echo just sleeping; sleep 1000"]')
        bare(client, "bare:1")
        tells(client, ELEPHANT, POSTGRES, "ENV POSTGRES_USER=me POSTGRES_PASSWORD= POSTGRES_DB=zoo")
        if shutil.which("firebird", path="/usr/sbin"):  # only some tests need it
            firebird(client, FIREBIRD)
            told = "ENV ACME_USER=bird ACME_PASSWORD=any ACME_DATABASE=/var/lib/firebird/data/n.fdb"
            firebird(client, UNKNOWN, told, prefix="ACME", root="NONE")
    finally:
        client.close()
