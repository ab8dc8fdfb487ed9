"""What judging an environment takes: options and an environment in, its interpreter and what
surrounds its evaluations out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from revguard import cachedir, fast, project
from revguard.evaluation.case import Surroundings

if TYPE_CHECKING:
    from revguard.environments import Environment
    from revguard.options import Options
    from revguard.project import Interpreter
    from revguard.runs import Run


def interpreter(options: Options, environment: Environment, toplevel: str) -> Interpreter:
    """The project's interpreter. CouldNotCheck, ConfigError."""
    cache = str(cachedir.cache_dir(options.environ))
    python = environment.settings.python
    return project.find(toplevel, environment.root, python, options.environ, cache=cache)


def surroundings(
    options: Options,
    environment: Environment,
    found: Interpreter,
    toplevel: str,
    run: Callable[[], Run],
) -> Surroundings:
    """What the evaluations of an environment share; `run` is entered at the first call."""
    environ = project.worker_environ(
        options.environ,
        found,
        environment.settings,
        own_prefix=sys.prefix,
        folders=[os.path.join(toplevel, environment.root), toplevel],
        cache=str(cachedir.cache_dir(options.environ)),
    )
    return Surroundings(
        environment=environment,
        interpreter=found,
        environ={**environ, fast.RUNNING: "1"},
        run=run,
        progress=options.progress,
        timeout=environment.settings.timeout,
        use_cache=not options.no_cache,
    )
