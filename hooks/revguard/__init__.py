"""One revision per model change, proven before the commit."""

__version__ = "0.1.0"
