"""The version of a project's server: what tells it, and what does not."""

import os

import pytest

from revguard import databases
from revguard.databases import extensions, installations, version_numbers
from revguard.databases.providing import Installation
from revguard.environments import versions
from revguard.environments.server_images import images_in
from revguard.history.extensions import named_in

MATRIX = (
    "jobs: {t: {strategy: {matrix: {pg: [14, '16']}}, "
    "services: {pg: {image: 'postgres:${{ matrix.pg }}'}}}}"
)
NO_CONTROL = (
    'could not open extension control file "/usr/share/postgresql/12/extension/vector.control": '
    "No such file or directory"
)
COMPOSE = "services:\n  db:\n    image: {}\n"


@pytest.mark.parametrize(
    ("image", "dialect", "version"),
    [
        ("postgres:16-alpine", "postgresql", "16"),
        ("postgis/postgis:15-3.4", "postgresql", "15"),
        ("pgvector/pgvector:pg17", "postgresql", "17"),
        ("timescale/timescaledb:2.14.2-pg16", "postgresql", "16"),
        ("registry.example.com:5000/team/postgres:14.9", "postgresql", "14.9"),
        ("postgres:16@sha256:" + "0" * 64, "postgresql", "16"),
        ("'postgres:${PG_VERSION:-16}'", "postgresql", "16"),
        ("'${REGISTRY:-docker.io}/postgres:${PG-15}-alpine'", "postgresql", "15"),
        ("mariadb:11", "mariadb", "11"),
        ("mariadb:10.11", "mysql", "10.11"),
        ("mysql:8.4", "mysql", "8.4"),
    ],
)
def test_an_image_tells(image, dialect, version):
    found = [one for one in images_in(COMPOSE.format(image).encode()) if dialect in one.dialects]
    assert [one.version for one in found] == [version]


@pytest.mark.parametrize(
    ("image", "dialect"),
    [
        ("postgres", "postgresql"),
        ("postgres:latest", "postgresql"),
        ("'postgres:${PG_VERSION}'", "postgresql"),
        ("mysql:8.4", "mariadb"),
        ("mariadb:11", "postgresql"),
        ("dpage/pgadmin4:8.1 # for postgres", "postgresql"),
        ("prometheuscommunity/postgres-exporter:v0.15", "postgresql"),
        ("edoburu/pgbouncer:1.22 # postgres", "postgresql"),
        ("postgrest/postgrest:12", "postgresql"),
        ("redis:7 # not postgres", "postgresql"),
        ("[a, list, postgres]", "postgresql"),
        ("16 # postgres", "postgresql"),
    ],
)
def test_an_image_tells_nothing(image, dialect):
    found = [one for one in images_in(COMPOSE.format(image).encode()) if dialect in one.dialects]
    assert [one.version for one in found if one.version] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jobs: {t: {services: {pg: {image: 'postgres:15'}}}}", ["15"]),
        (MATRIX, ["14", "16"]),
        ("test: {services: ['postgres:15', {name: 'mysql:8.4', alias: x}]}", ["15", "8.4"]),
        ("test: {services: ['postgres:15'], script: [!reference [a, b]]}", ["15"]),
        ("services: {a: &a {image: 'postgres:15'}, b: *a}", ["15"]),
        ("jobs: [postgres]", []),
        ("postgres", []),
        ("", []),
    ],
)
def test_what_files_tell(text, told):
    assert [one.version for one in images_in(text.encode())] == told


@pytest.mark.parametrize("text", ["postgres: [", "postgres: \x01", "a: &a [*b] # mysql"])
def test_a_file_that_is_no_yaml(text):
    with pytest.raises(ValueError):  # noqa: PT011
        images_in(text.encode())


def test_the_most_telling_file_comes_first():
    names = [
        "docker-compose.yml",
        "app/compose.yaml",
        "compose.override.yml",
        "compose.test.yaml",
        ".github/workflows/b.yml",
        ".github/workflows/a.yaml",
        ".github/dependabot.yml",
        ".gitlab-ci.yml",
        "other/compose.yaml",
        "compose.yaml.bak",
        "decompose.yml",
    ]
    assert versions.sources(dict.fromkeys(names), "app") == [
        "app/compose.yaml",
        "compose.override.yml",
        "docker-compose.yml",
        "compose.test.yaml",
        ".github/workflows/a.yaml",
        ".github/workflows/b.yml",
        ".gitlab-ci.yml",
    ]


def test_a_file_is_parsed_once(tmp_path):
    content = {"compose.yaml": COMPOSE.format("postgres:16").encode(), "x.yml": b"postgres: ["}
    asked, noted = [], []

    def load(paths):
        asked.append(sorted(paths))
        return {path: content[path] for path in paths}

    for _ in range(2):
        cache = versions.Cache(tmp_path / "servers.json")
        found = cache.read({"compose.yaml": "1", "x.yml": "2"}, load, noted.append)
        assert [image.version for image in found["compose.yaml"]] == ["16"]
        assert found["x.yml"] == []
    assert asked == [["compose.yaml", "x.yml"]]
    assert len(noted) == 1
    assert noted[0].startswith("x.yml cannot be read, so no server version is taken from it: ")
    (tmp_path / "servers.json").write_text("[]")
    assert versions.Cache(tmp_path / "servers.json")._known == {}


@pytest.mark.parametrize(
    ("dialect", "has", "wanted", "fits"),
    [
        ("postgresql", "15.18 (Debian 15.18-0+deb12u1)", "15", True),
        ("postgresql", "15", "15.4", True),
        ("postgresql", "15", "16", False),
        ("postgresql", "9.6.1", "9.5", False),
        ("postgresql", "9.6.1", "9.6", True),
        ("postgresql", "", "16", True),
        ("postgresql", "15", "", True),
        ("mariadb", "10.11.6-MariaDB", "10.11", True),
        ("mariadb", "10.11.6-MariaDB", "10.5", False),
        ("mysql", "11.4", "11", True),
        ("mysql", "8.4.1", "8.0", False),
        ("mysql", "8.0.36", "8.0.30", True),
        ("mysql", "10.11.6-MariaDB", "8.4", False),
    ],
)
def test_which_versions_fit(dialect, has, wanted, fits):
    assert version_numbers.fits(dialect, has, wanted) is fits


@pytest.mark.parametrize(
    ("dialect", "version", "name"),
    [
        ("postgresql", "15.18", "PostgreSQL 15.18"),
        ("mysql", "10.11.6-MariaDB", "MariaDB 10.11.6"),
        ("mysql", "8.4.1", "MySQL 8.4.1"),
        ("mariadb", "11", "MariaDB 11"),
        ("postgresql", "", "PostgreSQL"),
    ],
)
def test_what_a_server_is_called(dialect, version, name):
    assert version_numbers.name(dialect, version) == name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('op.execute("CREATE EXTENSION pgcrypto")', ["pgcrypto"]),
        ("op.execute('create extension if not exists \"uuid-ossp\"')", ["uuid-ossp"]),
        ('op.execute("CREATE EXTENSION IF NOT EXISTS \\"uuid-ossp\\";")', ["uuid-ossp"]),
        ("CREATE EXTENSION\n    IF NOT EXISTS postgis WITH SCHEMA gis;", ["postgis"]),
        ("CREATE EXTENSION hstore; CREATE EXTENSION vector", ["hstore", "vector"]),
        ('PGExtension(schema="public", signature="pg_trgm")', ["pg_trgm"]),
        ("DROP EXTENSION citext", []),
        ("# the extension that we create", []),
        ("f'CREATE EXTENSION {name}'", []),
        ("sa.Column('extension', sa.String())", []),
    ],
)
def test_the_extensions_that_a_script_creates(text, names):
    assert list(named_in(text.encode())) == names


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ('extension "postgis" is not available', "postgis"),
        (NO_CONTROL, "vector"),
        ('extension "citext" already exists', ""),
        ('type "citext" does not exist', ""),
    ],
)
def test_the_extension_that_a_server_refuses(message, name):
    assert extensions.refused(message) == name


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ('type "citext" does not exist', "citext"),
        ("function uuid_generate_v4() does not exist", "uuid-ossp"),
        ('type "public.geometry" does not exist', "postgis"),
        ('operator class "gin_trgm_ops" does not exist for access method "gin"', "pg_trgm"),
        ('type "mood" does not exist', ""),
        ('relation "vector" does not exist', ""),
    ],
)
def test_the_extension_that_would_bring_it(message, name):
    assert extensions.owner(message) == name


class Found:
    """A provider that has one installation, or none."""

    takes_argument = False
    dialects = ("postgresql",)

    def __init__(self, name, version="", *, automatic=True, **more):
        self.name, self.automatic = name, automatic
        self.more = {"version": version, **more} if version else more

    def find(self, surroundings):
        return Installation(provider=self.name, dialect="postgresql", identity="", **self.more)


class Docker(Found):
    takes_argument = True

    def find(self, surroundings):
        image = surroundings.argument or "postgres:17"
        return Installation(
            provider=f"docker:{image}",
            dialect="postgresql",
            identity="",
            version="17",
            **self.more,
        )


CRYPTO, VECTOR = frozenset({"pgcrypto"}), frozenset({"vector"})


@pytest.mark.parametrize(
    ("providers", "wanted", "taken"),
    [
        ([Found("a", "15"), Found("b", "18")], {}, "a"),
        ([Found("a", "15"), Found("b", "18")], {"version": "15"}, "a"),
        ([Found("a", "15"), Found("b", "18")], {"version": "18"}, "b"),
        ([Found("a", "15"), Found("b", "18")], {"version": "16"}, "a"),
        ([Found("a"), Found("b", "18")], {"version": "18"}, "a"),
        ([Found("a", "15"), Docker("docker")], {"version": "17"}, "docker:postgres:17"),
        ([Found("a", "15"), Docker("docker", ready=False)], {"version": "17"}, "a"),
        ([Docker("docker", ready=False)], {"version": "17"}, "docker:postgres:17"),
        ([Found("a", "15"), Found("b", "18", automatic=False)], {"version": "18"}, "a"),
        ([Found("a", extensions=CRYPTO), Found("b", extensions=VECTOR)],
         {"extensions": VECTOR}, "b"),
        ([Found("a", extensions=CRYPTO | VECTOR), Found("b")], {"extensions": VECTOR}, "a"),
        ([Found("a", extensions=CRYPTO), Docker("docker")],
         {"extensions": VECTOR, "version": "17"}, "docker:pgvector/pgvector:pg17"),
        ([Found("a", extensions=VECTOR), Docker("docker")],
         {"extensions": CRYPTO}, "docker:postgres:17"),
        ([Found("a", "15", extensions=CRYPTO), Found("b", "18", extensions=VECTOR)],
         {"extensions": CRYPTO, "version": "18"}, "a"),
    ],
)  # fmt: skip
def test_what_auto_takes(monkeypatch, providers, wanted, taken):
    monkeypatch.setattr(databases, "PROVIDERS", providers)
    assert databases.choose("auto", "postgresql", environ={}, **wanted).provider == taken


def test_each_that_is_passed_over_has_its_reason(monkeypatch):
    monkeypatch.setattr(databases, "PROVIDERS", [Found("a", "15"), Found("b", "18")])
    choice = databases.choose("auto", "postgresql", environ={}, version="18")
    assert choice.passed_over == (("a", "is PostgreSQL 15, the project says 18"),)


def test_local_takes_the_wanted_of_several(tmp_path, monkeypatch):
    for version in ("15", "17"):
        binaries, share = tmp_path / version / "bin", tmp_path / version / "share"
        (share / "extension").mkdir(parents=True)
        binaries.mkdir()
        for name in ("postgres", "initdb"):
            (binaries / name).write_text("")
            (binaries / name).chmod(0o755)
        (share / "postgres.bki").write_text(f"# PostgreSQL {version}\n")
        (share / "extension" / f"only{version}.control").write_text("")
    monkeypatch.setattr(installations, "_USUAL", (f"{tmp_path}/*/bin",))
    for wanted, taken in [("", "17"), ("15", "15"), ("17.2", "17"), ("16", "17")]:
        assert installations.local_binaries("", wanted) == str(tmp_path / taken / "bin")
    assert installations.version_of(str(tmp_path / "15" / "bin")) == "15"
    assert installations.extensions_of(str(tmp_path / "15" / "bin")) == {"only15"}
    assert installations.version_of(str(tmp_path)) == ""
    assert installations.extensions_of(str(tmp_path)) is None


def test_the_servers_of_this_machine_tell_their_version(require):
    found = [one for one in databases.PROVIDERS if "postgresql" in one.dialects]
    for provider in found[:2]:
        try:
            choice = databases.choose(provider.name, "postgresql", environ=os.environ)
        except databases.CouldNotCheck as reason:
            require(False, f"{provider.name} ({reason})")
        assert choice.installation.version.isdigit()
        assert "plpgsql" in installations.extensions_of(choice.installation.binaries)
