"""The console script: argv in, exit code out. The quick ways out come before any import."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        from revguard import fast

        code = fast.main(arguments, os.environ)
        if code is not None:
            return code
        from revguard import rim

        return rim.run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("revguard: interrupted\n")
        return INTERRUPTED
