"""What a provider takes and gives: surroundings in, an installation found, a server started."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.borrowed import Login
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run


class Url(TypedDict, total=False):
    """The parts of a URL; for SQLite only `database`, a path."""

    host: str
    port: int
    username: str
    password: str | None
    database: str
    socket: str  # MySQL and MariaDB: a socket's file, in place of host and port
    options: dict[str, str]  # how it is secured, as the query of a URL: remote_tls's
    query: dict[str, str]  # what else SQLAlchemy's URL has to say


def silent(_message: str) -> None:
    """The progress of work that nobody looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One ephemeral database, ready for connections."""

    provider: str
    dialect: str
    server_version: str
    identity: str
    url: Url  # for our connections, which the worker's engines are turned to
    address: Url | None = None  # for other programs, where that is another one
    # a login of ours, by seconds for an answer, where the project's own driver is needed for it
    login: Callable[[float], Login] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a provider may look, and what is wanted of it."""

    environ: Mapping[str, str]
    site_packages: Sequence[str] = ()  # the project's folders
    dialect: str = ""  # SQLAlchemy's name
    argument: str = ""  # what the setting says behind its colon: an image, a URL
    version: str = ""  # the server's version, as far as the project tells it
    extensions: frozenset[str] = frozenset()  # that the database must be able to create
    network: bool = False  # a host, a port and a password are asked for: a socket is not enough
    keep: int = 0  # seconds that a server may stay after the run
    project: str = ""  # whose server it is, where it stays: the working tree's folder
    progress: Callable[[str], None] = silent  # told what takes long: an image that is pulled
    timeout: float = 3600.0  # seconds that a run may take: what is older is left over
    interpreter: str = ""  # the project's, for servers that only its own driver speaks to
    driver: str = ""  # as a URL begins, "oracle+oracledb"; what is known of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A provider's program as found; `binaries` is empty where none is needed.

    `provider` is spelled as in the configuration, with what stands behind the colon.
    """

    provider: str
    dialect: str
    identity: str
    binaries: str = ""
    version: str = ""  # the server's, where it is known before the start
    extensions: frozenset[str] | None = None  # that it can create; None: not known
    ready: bool = True  # False: something has to be fetched before it can start
    found: object = None  # what else the provider knows of it
    wanted: Surroundings = field(default_factory=lambda: Surroundings(environ={}), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The provider to use, and those that were passed over, each with the reason."""

    installation: Installation
    passed_over: tuple[tuple[str, str], ...] = field(default=())

    @property
    def provider(self) -> str:
        """As spelled in the configuration."""
        return self.installation.provider

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name."""
        return self.installation.dialect

    @property
    def identity(self) -> str:
        """What a snapshot depends on besides history."""
        return self.installation.identity


ANY = "any other that SQLAlchemy has"


def serves(provider: Provider, dialect: str) -> bool:
    """Whether a provider has servers of this dialect; a file has none."""
    others = ANY in provider.dialects and dialect != "sqlite"
    return dialect in provider.dialects or others


class UnavailableError(Exception):
    """The provider cannot serve here; the message says why."""


class Server(Protocol):
    """A launched server with one main database; leaving the context removes everything."""

    @property
    def copies(self) -> bool:
        """Whether `clone` gives a copy; else it is empty."""

    @property
    def snapshot(self) -> Snapshot | None:
        """What the main database really started from; known after `wait`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Until a login answers, or until nobody waits for it any more (CouldNotCheck)."""

    def failure(self) -> str:
        """Why it ended by itself, in its own words; empty while it serves."""

    def database(self) -> Database:
        """The main database."""

    def mark(self) -> None:
        """Remember the main database as it is now; whoever is connected is thrown out."""

    def replayed(self, *, asked: bool) -> bool:
        """Mark where that is asked or to be stored; whoever is connected is thrown out anyway.
        Whether it is marked."""

    def clone(self, name: str) -> Database:
        """A copy of the marked state, or of the main database where nothing is marked."""

    def lend(self, name: str) -> Database:
        """The marked state for one who only looks: itself where nothing stores it, else a copy."""

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Stop, and store the marked (else the main) state; None where that is not possible."""


class Storing(ABC):
    """A part of the servers whose marked state is stored for later runs: it has to stay."""

    @abstractmethod
    def mark(self) -> None:
        """Remember the main database as it is now; whoever is connected is thrown out."""

    @abstractmethod
    def clone(self, name: str) -> Database:
        """A copy of the marked state, or of the main database where nothing is marked."""

    def replayed(self, *, asked: bool) -> bool:  # noqa: ARG002 - it will be stored
        """Mark the state that was reached."""
        self.mark()
        return True

    def lend(self, name: str) -> Database:
        """A copy: what is marked will be stored."""
        return self.clone(name)


class Provider(Protocol):
    """One way to have a database."""

    @property
    def name(self) -> str:
        """As spelled in the configuration, without what may follow behind a colon."""

    @property
    def takes_argument(self) -> bool:
        """Whether something may follow."""

    @property
    def automatic(self) -> bool:
        """Whether "auto" may take it."""

    @property
    def dialects(self) -> tuple[str, ...]:
        """SQLAlchemy's names of those it serves."""

    def find(self, surroundings: Surroundings) -> Installation:
        """The installation to use; UnavailableError says why there is none."""

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> Server:
        """Launch, without waiting, at the snapshot's state or empty."""
