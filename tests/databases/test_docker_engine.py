"""Which engine is spoken to, which image is meant: as the docker command would have it."""

import hashlib
import json
import os
import socket
import stat

import pytest

from revguard import databases
from revguard.databases import docker_engine, images, pulling
from revguard.databases.providing import UnavailableError
from revguard.errors import CouldNotCheck


@pytest.fixture
def home(tmp_path_factory):
    """A short folder: a socket's name may not be long."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="rg-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def listen():
    """`listen(path)`: somebody answers there."""
    lines = []

    def make(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        line = socket.socket(socket.AF_UNIX)
        lines.append(line)
        line.bind(path)
        line.listen(5)
        return f"unix://{path}"

    yield make
    for line in lines:
        line.close()


def context(home, name, host, *, tls=False, skip=False):
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = f"{home}/.docker/contexts/meta/{digest}"
    os.makedirs(meta)
    told = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip}}}
    with open(f"{meta}/meta.json", "w") as file:
        json.dump(told, file)
    if tls:
        os.makedirs(f"{home}/.docker/contexts/tls/{digest}/docker")
    return f"{home}/.docker/contexts/tls/{digest}/docker"


def current(home, name):
    os.makedirs(f"{home}/.docker", exist_ok=True)
    with open(f"{home}/.docker/config.json", "w") as file:
        json.dump({"auths": {}, "currentContext": name}, file)


class TestDocker:
    def test_by_its_variable(self, home, listen):
        url = listen(f"{home}/d.sock")
        current(home, "other")
        found = docker_engine.find_docker({"HOME": home, "DOCKER_HOST": url})
        assert (found.url, found.host, found.tls) == (url, "", False)

    def test_with_certificates(self, home):
        environ = {"HOME": home, "DOCKER_HOST": "tcp://ci:2376", "DOCKER_TLS_VERIFY": "1",
                   "DOCKER_CERT_PATH": "/certs"}  # fmt: skip
        found = docker_engine.find_docker(environ)
        assert (found.host, found.tls, found.verify) == ("ci", True, True)
        assert found.certificates == "/certs"

    @pytest.mark.parametrize(
        ("url", "host", "attachable"),
        [
            ("tcp://127.0.0.1:2375", "", True),
            ("tcp://[::1]:2375", "", True),
            ("docker:2375", "docker", True),
            ("tcp://docker:2375", "docker", True),
            ("ssh://me@build.example:22", "build.example", False),
        ],
    )
    def test_where_it_publishes(self, url, host, attachable):
        found = docker_engine.find_docker({"DOCKER_HOST": url})
        assert (found.host, found.attachable) == (host, attachable)

    def test_by_the_current_context(self, home, listen):
        url = listen(f"{home}/c.sock")
        context(home, "mine", url)
        current(home, "mine")
        assert docker_engine.find_docker({"HOME": home}).url == url

    def test_by_a_named_context_with_tls(self, home):
        certificates = context(home, "far", "tcp://far:2376", tls=True, skip=True)
        found = docker_engine.find_docker({"HOME": home, "DOCKER_CONTEXT": "far"})
        assert (found.url, found.host) == ("tcp://far:2376", "far")
        assert (found.tls, found.verify, found.certificates) == (True, False, certificates)

    def test_in_another_configuration_folder(self, home, listen):
        url = listen(f"{home}/c.sock")
        context(home, "mine", url)
        environ = {"DOCKER_CONFIG": f"{home}/.docker", "DOCKER_CONTEXT": "mine"}
        assert docker_engine.find_docker(environ).url == url

    def test_a_context_that_is_not_there(self, home):
        with pytest.raises(UnavailableError, match=r'context "gone" cannot be read.*context ls'):
            docker_engine.find_docker({"HOME": home, "DOCKER_CONTEXT": "gone"})

    @pytest.mark.skipif(os.path.exists("/var/run/docker.sock"), reason="an engine is here")
    @pytest.mark.parametrize("place", ["run/docker.sock", ".docker/run/docker.sock"])
    def test_a_socket_of_the_users_own(self, home, listen, place):
        url = listen(f"{home}/{place}")
        found = docker_engine.find_docker({"HOME": home, "XDG_RUNTIME_DIR": f"{home}/run"})
        assert found.url == url

    @pytest.mark.skipif(os.path.exists("/var/run/docker.sock"), reason="an engine is here")
    def test_none_at_all(self, home):
        current(home, "default")
        with pytest.raises(CouldNotCheck) as caught:
            databases.choose("docker", "postgresql", environ={"HOME": home})
        assert "there is no /var/run/docker.sock nor " in caught.value.message
        assert "`sudo systemctl start docker`" in caught.value.message

    def test_a_socket_on_which_nobody_listens(self, home, listen):
        url = listen(f"{home}/d.sock")
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(f"{home}/dead.sock")
        with pytest.raises(
            UnavailableError, match=r"nobody answers at .*dead.sock \(DOCKER_HOST\)"
        ):
            docker_engine.find_docker({"DOCKER_HOST": url.replace("d.sock", "dead.sock")})

    def test_one_that_may_not_be_used(self, home, listen, monkeypatch):
        url = listen(f"{home}/d.sock")
        os.chmod(f"{home}/d.sock", stat.S_IRUSR)

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        class Line(socket.socket):
            connect = refuse

        monkeypatch.setattr(docker_engine.socket, "socket", Line)
        with pytest.raises(UnavailableError, match=r"you may not use .*`sudo usermod -aG docker"):
            docker_engine.find_docker({"DOCKER_HOST": url})

    def test_one_that_does_not_answer(self):
        engine = docker_engine.find_docker({"DOCKER_HOST": "tcp://127.0.0.1:1"})
        with pytest.raises(UnavailableError, match=r"127.0.0.1:1 \(DOCKER_HOST\): Connection ref"):
            docker_engine.client(engine)

    def test_no_name_of_an_image(self, engine):
        with pytest.raises(CouldNotCheck, match=r"refuses: .*invalid reference format"):
            databases.choose("docker:Not An Image", "postgresql", environ=engine.environ)

    def test_its_version(self, engine):
        assert docker_engine.version(docker_engine.find_docker(engine.environ))


class TestPodman:
    def test_by_its_variable(self, home, listen):
        url = listen(f"{home}/p.sock")
        found = docker_engine.find_podman({"CONTAINER_HOST": url, "DOCKER_HOST": "tcp://x:1"})
        assert (found.url, found.program) == (url, "podman")

    def test_by_the_users_own_socket(self, home, listen):
        url = listen(f"{home}/podman/podman.sock")
        assert docker_engine.find_podman({"XDG_RUNTIME_DIR": home}).url == url

    @pytest.mark.skipif(os.path.exists("/run/podman/podman.sock"), reason="an engine is here")
    def test_none_at_all(self, home):
        with pytest.raises(CouldNotCheck, match=r"systemctl --user start podman\.socket"):
            databases.choose("podman:postgres:16", "postgresql", environ={"HOME": home})

    def test_it_serves(self, run, engine):
        """Its socket speaks as Docker's does."""
        environ = {"CONTAINER_HOST": engine.url, "HOME": engine.environ["HOME"]}
        choice = databases.choose("podman:postgres:15", "postgresql", environ=environ)
        with databases.start(choice, run=run) as server:
            assert server.database().provider == "podman:postgres:15"


class TestImages:
    @pytest.mark.parametrize(
        ("name", "dialect", "family"),
        [
            ("postgres:16", "postgresql", "PostgreSQL"),
            ("postgis/postgis", "postgresql", "PostgreSQL"),
            ("timescale/timescaledb:latest-pg16", "postgresql", "PostgreSQL"),
            ("pgvector/pgvector:pg17", "postgresql", "PostgreSQL"),
            ("registry.example:5000/team/database", "postgresql", "PostgreSQL"),
            ("registry.example:5000/team/database", "mariadb", "MariaDB"),
            ("registry.example:5000/team/database", "mysql", "MySQL"),
            ("mariadb:11", "mysql", "MariaDB"),
            ("mysql:8.4", "mysql", "MySQL"),
            ("mysql/mysql-server:8.0", "mysql", "MySQL"),
            ("localhost/mariadb@sha256:0123", "mariadb", "MariaDB"),
        ],
    )
    def test_the_server_inside(self, name, dialect, family):
        assert images.family(name, dialect).says == family

    @pytest.mark.parametrize(
        ("name", "dialect"),
        [("mysql:8.4", "postgresql"), ("postgres", "mysql"), ("mysql:8.4", "mariadb")],
    )
    def test_another_server(self, name, dialect):
        with pytest.raises(UnavailableError, match=f"{name} is no image of a {dialect} server"):
            images.family(name, dialect)

    @pytest.mark.parametrize(
        ("dialect", "version", "here", "name"),
        [
            ("postgresql", "16.3", [], "postgres:16"),
            ("postgresql", "9.6.24", [], "postgres:9.6"),
            ("postgresql", "", [], "postgres:17"),
            ("postgresql", "", ["postgres:9.6", "postgres:15", "x:99"], "postgres:15"),
            ("postgresql", "", ["docker.io/library/postgres:15"], "docker.io/library/postgres:15"),
            ("postgresql", "", ["postgres:16-alpine", "my/postgres:18"], "postgres:17"),
            ("mariadb", "10.11.6", [], "mariadb:10.11"),
            ("mariadb", "", ["mariadb:10.11", "mariadb:10.6"], "mariadb:10.11"),
            ("mysql", "8.4.2", [], "mysql:8.4"),
            ("mysql", "10.11", [], "mariadb:10.11"),
            ("mysql", "", [], "mysql:8.4"),
        ],
    )
    def test_none_is_named(self, dialect, version, here, name):
        assert images.default(dialect, version, here) == name

    @pytest.mark.parametrize(
        ("name", "tagged"),
        [
            ("postgres", "postgres:latest"),
            ("postgres:16", "postgres:16"),
            ("registry:5000/postgres", "registry:5000/postgres:latest"),
            ("postgres@sha256:01ab", "postgres@sha256:01ab"),
            ("postgres:16@sha256:01ab", "postgres:16@sha256:01ab"),
        ],
    )
    def test_the_tag(self, name, tagged):
        assert images.tagged(name) == tagged


class Registry:
    """An engine that pulls: what it says while it does."""

    def __init__(self, *events):
        self.events = events

    def pull(self, name, *, stream, decode):
        assert (name, stream, decode) == ("postgres:16", True, True)
        return iter(self.events)

    def inspect_image(self, name):
        return {"Id": "sha256:0", "Config": {"Env": ["PG_MAJOR=16", "A=b=c"]}}


def layer(name, status, current=0, total=0):
    return {"id": name, "status": status, "progressDetail": {"current": current, "total": total}}


class TestPulling:
    ENGINE = docker_engine.Engine(program="docker", url="unix:///x")

    def test_its_progress_is_told(self):
        told = []
        registry = Registry(
            {"status": "Pulling from library/postgres", "id": "16"},
            layer("a", "Downloading", 5_000_000, 20_000_000),
            layer("b", "Downloading", 10_000_000, 80_000_000),
            {"id": "a", "status": "Download complete"},
        )
        found = pulling.pull(registry, self.ENGINE, "postgres:16", told.append)
        assert found.environ == {"PG_MAJOR": "16", "A": "b=c"}
        assert list(dict.fromkeys(told)) == [
            "pulling postgres:16",
            "pulling postgres:16: 5 of 20 MB",
            "pulling postgres:16: 15 of 100 MB",
            "pulling postgres:16: 30 of 100 MB",
        ]

    def test_it_is_refused(self):
        registry = Registry({"error": "pull access denied"})
        with pytest.raises(CouldNotCheck, match="cannot be pulled: pull access denied") as caught:
            pulling.pull(registry, self.ENGINE, "postgres:16", print)
        assert "`docker pull postgres:16`" in caught.value.hint
        assert "`docker login`" in caught.value.hint

    def test_nobody_waits_any_more(self):
        registry = Registry(layer("a", "Downloading", 5, 20))
        with pytest.raises(CouldNotCheck, match="given up"):
            pulling.pull(registry, self.ENGINE, "postgres:16", print, lambda: True)
