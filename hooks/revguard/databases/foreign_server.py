"""An image of a server that only the project's own driver speaks to in, ephemeral databases out.

Nothing of it is copied: a second database is empty, and history is replayed in it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from revguard.databases import images, known_images
from revguard.databases.borrowed import Borrowed
from revguard.databases.container_server import ContainerServer
from revguard.databases.providing import Database, UnavailableError, Url
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from revguard.databases.borrowed import Login
    from revguard.databases.containers import Container
    from revguard.databases.dialects import Address
    from revguard.databases.images import Image
    from revguard.databases.known_images import Known
    from revguard.databases.snapshots import Snapshot

_POLL_SECONDS = 0.1  # a driver's attempt costs more than one of our own
_LOGIN_SECONDS = 30.0  # for a driver to say yes or no
_START_SECONDS = 60.0  # for a second container
_WORK_SECONDS = 300.0


class ForeignServer(ContainerServer):
    """One container, and one more for each further database where no SQL makes one."""

    copies = False
    _poll_seconds = _POLL_SECONDS
    _known: Known | None = None
    _refusal = ""
    _serves = False
    _made_by = 0  # statements that made the main database so far

    def _meet(self) -> None:
        wanted, dialect = self._wanted, self._installation.dialect
        self._others: list[Container] = []
        self._borrowed = Borrowed(
            wanted.interpreter, wanted.environ, wanted.driver or dialect, run=self._run
        )
        self._known = known_images.by_name(self._image_name, dialect)
        unknown = images.Family(server=dialect, says=dialect, port=0, user="")
        self._family = self._known.family if self._known else unknown

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Until a login by the project's own driver answers."""
        if self._serves:  # some dialects tell no version
            return
        super().wait(timeout * self._family.patience, cancelled)
        self._serves = True

    def mark(self) -> None:
        """Nothing is copied: `clone` gives an empty database."""
        self.wait()

    def clone(self, name: str) -> Database:
        """An empty one, called `name` or in a container of its own."""
        self.wait()
        assert self._image is not None
        if self._create:
            self._make(name)
            return self._database(name)
        kept = self._container
        self._container = other = self._another(self._image)
        self._others.append(other)
        try:
            if not self._wait(_START_SECONDS * self._family.patience, None):
                raise self._never_ready("it ended by itself")
            return self._database(name)
        finally:
            self._container = kept

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:  # noqa: ARG002
        """None: nothing of it is copied."""
        return None

    def _begin(self, image: Image) -> None:
        self._remove_container()
        if self._known is None:
            try:
                self._known = known_images.by_image(image, self._installation.dialect)
            except UnavailableError as reason:
                raise CouldNotCheck(str(reason)) from None
            self._family = self._known.family
        self._identity = images.identity(image, self._family)
        self._container = self._another(image)

    def _another(self, image: Image) -> Container:
        accepted = known_images.accepted(self._known, self._wanted.environ)
        # SQL Server and Oracle want letters of both cases, a digit and a sign
        password = f"Aa1_{secrets.token_hex(12)}"
        return self._made(image, password=password, environ=accepted)

    def _ready(self, connection: Any) -> None:
        super()._ready(connection)
        for statement in self._create[self._made_by :]:
            try:
                connection.query(self._filled(statement, images.MAIN))
            except ServerError as error:  # it lets in before it is done with its start
                self._refusal = str(error)
                raise ConnectionError(str(error)) from error
            self._made_by += 1

    def _make(self, name: str) -> None:
        with self._connect(_WORK_SECONDS) as login:
            try:
                for statement in self._create:
                    login.query(self._filled(statement, name))
            except (OSError, ServerError) as error:
                raise CouldNotCheck(
                    f"{self._family.says} could not make an ephemeral database: {error}"
                ) from error

    @property
    def _create(self) -> tuple[str, ...]:
        return self._known.create if self._known else ()

    def _filled(self, text: str, name: str) -> str:
        assert self._image is not None
        values = {
            "{name}": name, "{NAME}": name.upper(), "{password}": self._address.password,
            "{data}": images.data_folder(self._image, self._family),
        }  # fmt: skip
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    def _connect(self, timeout: float) -> Login:
        """The administrator's, where SQL makes the databases; else to the one that is there."""
        assert self._known is not None
        named = self._known.login if self._create else self._known.database
        try:
            return self._login_to(self._place(self._filled(named, images.MAIN)), timeout)
        except OSError as error:
            self._refusal = str(error)
            raise

    def _login_to(self, place: Url, timeout: float) -> Login:
        return self._borrowed.login(place, max(timeout, _LOGIN_SECONDS))

    def _place(self, database: str, user: str = "") -> Url:
        assert self._known is not None
        address: Address = self._address
        return Url(
            host=address.host,
            port=address.port,
            username=user or address.user,
            password=address.password,
            database=database,
            query=dict(self._known.query),
        )

    def _database(self, name: str) -> Database:
        self.wait()
        assert self._known is not None
        url = self._place(
            self._filled(self._known.database, name), name if self._known.account else ""
        )
        return Database(
            provider=self._installation.provider,
            dialect=self._installation.dialect,
            server_version=self._version,
            identity=self._identity,
            url=url,
            login=lambda timeout: self._login_to(url, timeout),
        )

    def _never_ready(self, why: str) -> CouldNotCheck:
        told = super()._never_ready(why)
        if not self._refusal or self._ended():
            return told
        said = f"\n  {self._wanted.driver or self._installation.dialect} says: {self._refusal}"
        return CouldNotCheck(told.message + said, hint=told.hint)

    def _keep_pristine(self, *_: object) -> None:
        """Nothing of it is copied."""

    def _remove(self) -> None:
        self._borrowed.close()
        for container in self._others:
            container.remove()
        super()._remove()
