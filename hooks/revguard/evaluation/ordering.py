"""What an evaluation asks of its database: an environment and a tree in, an Order out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from revguard import project
from revguard.databases import Choice, Database, choose, version_numbers
from revguard.environments import Environment, versions
from revguard.environments.server_images import Image
from revguard.environments.versions import Told
from revguard.evaluation import bootstrapping
from revguard.evaluation.bootstrapping import Bootstrap
from revguard.evaluation.case import Surroundings
from revguard.evaluation.starting import METADATA, Dump, dump_of
from revguard.evaluation.subject import Subject
from revguard.options import Progress
from revguard.staging import trees

_NETWORK = frozenset({"host", "port", "password"})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The history that a database is at, and what else its state depends on."""

    revisions: Mapping[str, str] = field(default_factory=dict)  # {revision id: blob id}
    extensions: frozenset[str] = frozenset()  # that revisions create, as far as their text tells
    extra: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a provider besides the dialect."""

    around: Surroundings
    subject: Subject
    bootstrap: Bootstrap | None = None
    dump: Dump | None = None
    missed: frozenset[str] = frozenset()  # extensions that an earlier try was refused

    def told(self, dialect: str) -> Told | None:
        """The server's version, as the project tells it."""
        return version_of(self.around.environment, self.subject, dialect, self.around.progress)

    def choose(self, dialect: str, state: State, told: Told | None, driver: str = "") -> Choice:
        """The provider; `driver` is as a URL begins. CouldNotCheck, ConfigError."""
        around = self.around
        settings = around.environment.settings
        asked = project.placeholders_in(settings)
        extensions = {*state.extensions, *self.missed}
        if self.bootstrap is not None:
            extensions |= {*self.bootstrap.extensions}
        if self.dump is not None:
            extensions |= {*self.dump.extensions(around.environ.get("PATH", ""))}
        return choose(
            settings.database,
            dialect,
            environ=around.environ,
            site_packages=around.interpreter.site_packages,
            version=told.version if told else "",
            extensions=frozenset(extensions) if dialect == "postgresql" else frozenset(),
            network=is_by_network(asked, settings.database),
            keep=settings.keep,
            project=self.subject.repo.toplevel,
            timeout=around.timeout,
            interpreter=around.interpreter.path,
            driver=driver,
            progress=around.progress,
        )

    def watched(self, told: Told | None) -> tuple[str, ...]:
        """Files that the outcome depends on, though env.py does not read them."""
        files = [one.path for one in (self.bootstrap, self.dump) if one is not None]
        paths = (told.source if told else "", *files)
        return tuple(path for path in paths if path in self.subject.listing)

    @property
    def prepares(self) -> bool:
        """Whether something stands in the database before the first revision is replayed."""
        return self.bootstrap is not None or self.starts

    @property
    def starts(self) -> bool:
        """Whether the history is not replayed from its first revision."""
        return self.dump is not None or self.from_metadata

    @property
    def from_metadata(self) -> bool:
        """Whether the tables are made of the models that have landed."""
        return self.around.environment.settings.start == METADATA


def order(around: Surroundings, subject: Subject, *, needed: bool, missed: frozenset[str]) -> Order:
    """The order of one evaluation. ConfigError for a file that is needed and not there."""
    settings = around.environment.settings
    return Order(
        around=around,
        subject=subject,
        bootstrap=bootstrapping.find(subject, settings.bootstrap, needed=needed),
        dump=dump_of(subject, settings.start, needed=needed),
        missed=missed,
    )


def is_by_network(asked: frozenset[str], setting: str) -> bool:
    """Whether a socket is not enough.

    It would be for `{url}`, but there are those who read URLs and refuse one without a host
    (pydantic's PostgresDsn). Where the user names the server, the user says how it is reached.
    """
    return bool(asked & _NETWORK) or ("url" in asked and not setting.startswith("server:"))


def version_of(
    environment: Environment, subject: Subject, dialect: str, note: Progress
) -> Told | None:
    """The version of its server that a project tells for a dialect."""

    def images(paths: list[str]) -> Mapping[str, list[Image]]:
        oids = {path: subject.listing[path].oid for path in paths}

        def load(wanted: list[str]) -> dict[str, bytes]:
            blobs = trees.read_blobs(subject.repo, {oids[path] for path in wanted})
            return {path: blobs[oids[path]] for path in wanted if oids[path] in blobs}

        return versions.Cache(subject.cache / "servers.json").read(oids, load, note)

    folder = (environment.config or "").rpartition("/")[0]
    configured = environment.settings.server_version
    return versions.told(configured, dialect, subject.listing, folder, images)


def mismatch(told: Told | None, database: Database | None) -> tuple[str, ...]:
    """The note on a server of another version than the project's; none where they agree."""
    if database is None:
        return ()
    note = difference(told, database.dialect, database.server_version)
    return (f"proved on {note}",) if note else ()


def difference(told: Told | None, dialect: str, version: str) -> str:
    """How a server's version differs from the project's; empty where they agree."""
    if told is None or any(version_numbers.fits(dialect, version, one) for one in told.versions):
        return ""
    has, says = version_numbers.name(dialect, version), " or ".join(told.versions)
    return f"{has}, the project says {says} ({told.source})"
