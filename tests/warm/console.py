"""The console script: unlike `python -m`, it does not put the current folder on the path."""

import sys

from revguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
