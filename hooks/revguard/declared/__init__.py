"""Tables and bases that source code defines: files' bytes in, what SQLAlchemy would know out."""

from revguard.declared.scanning import Scanner, scan
from revguard.declared.values import Base, Declared, Origin, Table

__all__ = ["Base", "Declared", "Origin", "Scanner", "Table", "scan"]
