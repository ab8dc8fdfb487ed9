"""An image's name in, the image out: as it is here, or pulled with progress told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from revguard.databases import docker_engine, images
from revguard.databases.images import Image
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from revguard.databases.docker_engine import Engine

_MEGABYTE = 1_000_000


def here(client: Any, name: str) -> Image | None:
    """The image, None where the engine has none of this name."""
    from docker.errors import NotFound

    try:
        return images.image(name, client.inspect_image(name))
    except NotFound:
        return None


def names(client: Any) -> list[str]:
    """The names of the images that are here."""
    return [name for one in client.images() for name in one.get("RepoTags") or ()]


def pull(
    client: Any,
    engine: Engine,
    name: str,
    progress: Callable[[str], None],
    cancelled: Callable[[], bool] | None = None,
) -> Image:
    """Pull with the user's own login. CouldNotCheck with the command where that fails."""
    from docker.errors import DockerException

    progress(f"pulling {name}")
    layers: dict[str, tuple[int, int]] = {}
    try:
        for event in client.pull(images.tagged(name), stream=True, decode=True):
            if cancelled is not None and cancelled():
                raise CouldNotCheck("the start of the ephemeral server was given up")
            if "error" in event:
                raise _missing(engine, name, str(event["error"]))
            _note(layers, event)
            done = sum(layer[0] for layer in layers.values()) // _MEGABYTE
            total = sum(layer[1] for layer in layers.values()) // _MEGABYTE
            if total:
                progress(f"pulling {name}: {done} of {total} MB")
    except (DockerException, OSError) as error:
        raise _missing(engine, name, _said(error)) from error
    found = here(client, name)
    if found is None:
        raise _missing(engine, name, "the engine has it not, though it was pulled")
    return found


def _note(layers: dict[str, tuple[int, int]], event: Mapping[str, Any]) -> None:
    detail = event.get("progressDetail") or {}
    if event.get("status") == "Downloading" and "total" in detail:
        layers[str(event.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))
    elif event.get("status") in ("Download complete", "Pull complete"):
        total = layers.get(str(event.get("id")), (0, 0))[1]
        layers[str(event.get("id"))] = (total, total)


def _said(error: BaseException) -> str:
    return str(getattr(error, "explanation", None) or docker_engine.reason(error))


def _missing(engine: Engine, name: str, said: str) -> CouldNotCheck:
    return CouldNotCheck(
        f"the image {name} is not here and cannot be pulled: {said}",
        hint=f"`{engine.program} pull {name}` says more; a private registry needs "
        f"`{engine.program} login` first.",
    )
