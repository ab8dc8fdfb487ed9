"""What a file asks for, read by its text alone: bytes in, imports and signs of more out.

Too much is found rather than too little: an import in a docstring counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

_FROM: Final = re.compile(
    rb"(?:^|[;:])[ \t]*from\b\s*([.\w]+)\s*import\b\s*(\([^)]*\)|(?:[^\n\\]|\\.|\\\r?\n)*)",
    re.MULTILINE | re.DOTALL,
)
_IMPORT: Final = re.compile(
    rb"(?:^|[;:])[ \t]*import\b[ \t]*((?:[^\n\\;]|\\.|\\\r?\n)*)", re.MULTILINE | re.DOTALL
)
_WORD: Final = re.compile(rb"\w+")
_DOTTED: Final = re.compile(rb"\w+(?:\.\w+)*")
_TEXT: Final = re.compile(rb"""["'](\w+(?:\.\w+)*)[:"']""")
_TOKEN: Final = re.compile(rb"[\w.\-]+")
# ways to import by a name that is made, or to find out what there is to import
_DYNAMIC: Final = re.compile(
    rb"import_|__import__|pkgutil|runpy|entry_points|find_spec|spec_from|find_modules|autodiscover"
    rb"|load_|\bexec\b|\beval\b|Scan|scan"
)
# ways to read files, or to find out which there are
_READING: Final = re.compile(
    rb"open\b|read_|glob|iterdir|listdir|scandir|walk|resource|files\(|loadtxt|Loader|\.load\b"
)


class Import(NamedTuple):
    """`from ..module import name`: the dots, the module, and what may be modules of it."""

    level: int
    module: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """A file's text."""

    content: bytes

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """All that its statements import; where it imports by name, what its texts could name."""
        found = []
        for module, names in _FROM.findall(self.content):
            bare = module.lstrip(b".")
            words = _WORD.findall(names.partition(b"#")[0] if names[:1] != b"(" else names)
            found.append(Import(len(module) - len(bare), _parts(bare), _texts(words)))
        for names in _IMPORT.findall(self.content):
            found += [Import(0, _parts(name)) for name in _DOTTED.findall(names)]
        if self.is_dynamic:
            found += [Import(0, _parts(name)) for name in _TEXT.findall(self.content)]
        return tuple(dict.fromkeys(found))

    @cached_property
    def is_dynamic(self) -> bool:
        """Whether it may import what no statement names."""
        return _DYNAMIC.search(self.content) is not None

    @cached_property
    def reads_files(self) -> bool:
        """Whether it may read other files than modules."""
        return _READING.search(self.content) is not None

    @cached_property
    def tokens(self) -> frozenset[bytes]:
        """Words with dots and hyphens: names of files among them."""
        return frozenset(_TOKEN.findall(self.content))


def _parts(dotted: bytes) -> tuple[str, ...]:
    return _texts(filter(None, dotted.split(b".")))


def _texts(words: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(word.decode("utf-8", "replace") for word in words)
