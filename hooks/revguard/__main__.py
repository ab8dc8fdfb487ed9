"""`python -m revguard`: the console script, by another door."""

import sys

from revguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
