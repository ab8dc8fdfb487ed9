"""Servers started by hand, as a user's own: revguard is told their URL and nothing else."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from revguard.databases import accounts, network

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
ADMIN, SECRET = "admin", "adm%n p@ss/word:"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def open_folder(parent):
    """A short folder that other accounts may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="rg-", dir=parent))
    folder.chmod(0o755)
    return folder


class _Process:
    """A server's process; `_command` starts it."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self._process = None

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, **self._as)
        until = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < until
            time.sleep(0.02)

    def log(self):
        return (self.folder / "log").read_text()

    @property
    def pid(self):
        return self._process.pid

    def kill(self, number=signal.SIGKILL):
        self._process.send_signal(number)
        self._process.wait()

    def _certify(self):
        self._run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                  "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                  "-keyout", "server.key", "-out", "server.crt")  # fmt: skip

    def _run(self, *words):
        done = subprocess.run(words, capture_output=True, text=True, **self._as)
        assert done.returncode == 0, done.stderr

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as trial:  # PyMySQL would leave its own open
            if trial.connect_ex(self.socket) != 0:
                return False
        try:
            self.root().close()
        except (OSError, network.ServerError):  # it is starting up
            return False
        return True


class MariaServer(_Process):
    """A mariadbd started by hand, as a user's own server would be: root without a password on its
    socket, others by TCP on loopback."""

    listing = "SHOW DATABASES"

    def __init__(self, folder, binaries):
        super().__init__(folder)
        self._as = {"cwd": folder}
        self.socket = str(folder / "s.sock")
        self._command = [os.path.join(binaries, "mariadbd"), "--no-defaults"]
        self._command.append(f"--datadir={folder}/data")
        self._command += [f"--socket={self.socket}", f"--pid-file={folder}/pid"]
        self._command += ["--skip-name-resolve", "--bind-address=127.0.0.1", f"--port={self.port}"]
        self.certificate = str(folder / "server.crt")
        self._command += [f"--ssl-cert={self.certificate}", f"--ssl-key={folder}/server.key"]
        self._command += ["--character-set-server=utf8mb4"]  # as Debian's packages configure it
        self._command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
        if os.geteuid() == 0:
            self._command.append("--user=root")

    def install(self):
        self._certify()
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", *user,
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip

    def root(self, database=None, timeout=20):
        return network.MysqlConnection(
            socket=self.socket, username="root", database=database, timeout=timeout
        )

    def account(self, name):
        """The URL of a new user who may do as he likes in our databases and nowhere else."""
        with self.root() as root:
            root.query(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{SECRET}'")
            root.query(rf"GRANT ALL PRIVILEGES ON `revguard\_%`.* TO {name}@'127.0.0.1'")
        return f"mysql://{name}:{quote(SECRET, safe='')}@127.0.0.1:{self.port}/"


class PostgresServer(_Process):
    """PostgreSQL with scram-sha-256 by TCP on loopback and by its socket, with TLS and without."""

    listing = "SELECT datname FROM pg_database"

    def __init__(self, folder, binaries):
        super().__init__(folder)
        self._binaries = binaries
        self._data = folder / "data"
        self.socket = f"{folder}/.s.PGSQL.{self.port}"
        self.certificate = str(folder / "server.crt")
        self._command = [os.path.join(binaries, "postgres"), "-D", str(self._data)]
        settings = {
            "listen_addresses": "127.0.0.1, ::1",
            "port": self.port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "ssl_cert_file": self.certificate,
            "ssl_key_file": folder / "server.key",
            "max_connections": 30,
        }
        for name, value in settings.items():
            self._command += ["-c", f"{name}={value}"]
        account = accounts.server_account()
        self._as = {"cwd": folder}
        if account:
            os.chown(folder, account.uid, account.gid)
            self._as.update(user=account.uid, group=account.gid, extra_groups=[])

    def install(self):
        self._certify()
        (self.folder / "password").write_text(SECRET)
        self._run(os.path.join(self._binaries, "initdb"), "-D", str(self._data), "-U", ADMIN,
                  "--no-sync", "-A", "scram-sha-256", f"--pwfile={self.folder}/password",
                  "-E", "UTF8", "--locale=C")  # fmt: skip
        with open(self._data / "postgresql.conf", "a") as settings:
            settings.write("ssl = on\n")  # not on the command line, where it could not be undone
        (self._data / "pg_hba.conf").write_text(
            "local all all scram-sha-256\n"
            "hostnossl all secure samehost reject\n"
            "host all all samehost scram-sha-256\n"
        )

    def kill(self, number=signal.SIGQUIT):  # its children end with it
        self._process.send_signal(number)
        self._process.wait()

    def root(self, database="postgres"):
        return network.PostgresConnection(
            socket=self.socket, username=ADMIN, password=SECRET, database=database, timeout=20
        )

    def account(self, name):
        """The URL of a new role that may make databases and nothing else."""
        with self.root() as root:
            root.query(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD '{SECRET}'")
        return f"postgresql://{name}:{quote(SECRET, safe='')}@127.0.0.1:{self.port}/"


SERVERS = {"postgresql": PostgresServer, "mariadb": MariaServer}


@contextlib.contextmanager
def running(kind, binaries):
    """A server of this class, for as long as the context lasts."""
    folder = open_folder(MEMORY)
    server = kind(folder, binaries)
    try:
        server.install()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)
