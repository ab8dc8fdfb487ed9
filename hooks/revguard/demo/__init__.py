"""`revguard demo`: a commit blocked, then made with its revision; options in, exit code out."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from revguard import cachedir, runs, terminal
from revguard.demo import serving, surroundings
from revguard.demo.stage import Stage
from revguard.errors import CouldNotCheck
from revguard.options import Options


def run(options: Options, *, color: str = "auto", stream: TextIO | None = None) -> int:
    """Play the demo, and leave nothing of it. CouldNotCheck where it does not come out."""
    if shutil.which("git", path=options.environ.get("PATH")) is None:
        raise CouldNotCheck(
            "git is not found on PATH, and the demo makes real commits",
            hint="Install git (`apt install git`, `brew install git`), then `revguard demo`.",
        )
    out = stream or terminal.stdout()
    colored = terminal.wants_color(color, out, options.environ)
    cache = cachedir.cache_dir(options.environ)
    with _no_new_folders(cache), _once_interrupted(), runs.Run(cache) as own:
        nested = Path(own.folder, "cache")
        environ = surroundings.environ_of(
            own.environ(options.environ),
            programs=surroundings.make_programs(Path(own.folder, "programs")),
            home=str(own.folder),
            cache=str(nested),
            color=colored,
        )
        stage = Stage(str(own.temporary() / "shop"), environ, out, own.id, color=colored)
        try:
            _play(stage, options)
        except BaseException:
            # what an interrupted hook could not end itself; its runs are written down there
            runs.sweep(cachedir.cache_dir(environ))
            raise
    _close(out, quiet=options.quiet)
    return 0


def _play(stage: Stage, options: Options) -> None:
    # GitPython takes 100 ms, and needs the git that was looked for above
    from revguard.demo import story

    with surroundings.as_our_own(stage.environ):
        kind = serving.choose(stage.environ)
        story.play(stage, kind, quiet=options.quiet)


def _close(out: TextIO, *, quiet: bool) -> None:
    if not quiet:
        said = "That was all. The repository, its databases and its cache are gone.\n"
        terminal.write(said, out)


@contextmanager
def _no_new_folders(cache: Path) -> Iterator[None]:
    """Where nothing was kept before, no empty folder stays either."""
    new = [folder for folder in (cache / "runs", cache, cache.parent) if not folder.exists()]
    try:
        yield
    finally:
        for folder in new:
            with suppress(OSError):  # another run keeps something there by now
                os.rmdir(folder)


@contextmanager
def _once_interrupted() -> Iterator[None]:
    """A second Ctrl-C does not end the cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
