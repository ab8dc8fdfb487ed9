"""The bytes of a dump in, its text out, whatever it is packed in; and what its text tells."""

from __future__ import annotations

import codecs
import gzip
import re
import subprocess
import zlib
from typing import TYPE_CHECKING, Final

from revguard.databases import installations
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

_GZIP: Final = b"\x1f\x8b"
_CUSTOM: Final = b"PGDMP"  # pg_dump -Fc; a tar of pg_dump -Ft begins with its table of contents
_TAR: Final = b"toc.dat\0"
_OTHERS: Final[Mapping[bytes, str]] = {
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"PK\x03\x04": "unzip",
    b"SQLite format 3\0": "sqlite3 FILE .dump",
}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # what PowerShell makes of `>`
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENCODING: Final = re.compile(rb"^SET client_encoding = '([\w-]+)';", re.MULTILINE)
_HEAD: Final = 65536  # characters in which a dump says what it is
_RESTORE_SECONDS: Final = 60
_KINDS: Final = (
    (
        "postgresql",
        re.compile(r"^-- PostgreSQL database dump|^SET client_encoding = ", re.MULTILINE),
    ),
    ("mysql", re.compile(r"^-- (MySQL|MariaDB) dump|^/\*!40\d{3} SET |^\) ENGINE=", re.MULTILINE)),
    ("sqlite", re.compile(r"\APRAGMA foreign_keys=OFF;\s+BEGIN TRANSACTION;")),
)
# rows of a version table, as the three kinds of dumps have them
_STATED: Final = (
    re.compile(
        r"COPY \S+ \(version_num\) FROM stdin;\r?\n(.*?)^\\\.",
        re.DOTALL | re.MULTILINE | re.IGNORECASE,
    ),
    re.compile(
        r"INSERT INTO \S*version\S*\s*(?:\(\W*version_num\W*\)\s*)?VALUES\s*"
        r"((?:\(\s*'[^']*'\s*\)[\s,]*)+)",
        re.IGNORECASE,
    ),
)


def text(content: bytes, path: str, search_path: str) -> str:
    """The SQL of a dump. CouldNotCheck for one that is packed in a way that we cannot open."""
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise CouldNotCheck(
                f"{path} cannot be unpacked: {error}", hint="Take the dump anew, whole."
            ) from error
    if content.startswith((_CUSTOM, _TAR)):
        content = _restored(content, path, search_path)
    for magic, command in _OTHERS.items():
        if content.startswith(magic):
            raise CouldNotCheck(
                f"{path} is no SQL text, and this version does not open it",
                hint=f"Name the SQL itself; `{command}` makes it.",
            )
    return _decoded(content)


def kind(said: str) -> str:
    """The dialect that a dump is of, "mysql" for MariaDB's too; empty where it does not tell."""
    head = said[:_HEAD]
    return next((name for name, pattern in _KINDS if pattern.search(head)), "")


def stated(said: str) -> set[str]:
    """The revisions that its version table holds, as far as the text tells."""
    found: set[str] = set()
    for pattern in _STATED:
        for rows in pattern.findall(said):
            quoted = re.findall(r"'([^']*)'", rows)
            found.update(quoted or rows.split())
    return found


def _decoded(content: bytes) -> str:
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content.decode(codec, "replace")
    named = _ENCODING.search(content[:_HEAD])
    codec = named[1].decode() if named else "utf-8"
    try:
        found = codecs.lookup(re.sub(r"(?i)^WIN(?=\d)", "cp", codec)).name
    except LookupError:
        found = "utf-8"
    # MySQL's dumps may hold raw bytes, which are sent as they are
    return content.decode(found, "surrogateescape")


def _restored(content: bytes, path: str, search_path: str) -> bytes:
    """What pg_restore makes of an archive: it only writes SQL, and connects to nothing."""
    program = installations.client("pg_restore", search_path)
    mend = f"`pg_restore --no-owner -f {path}.sql {path}` makes SQL of it: name that."
    if not program:
        raise CouldNotCheck(
            f"{path} is an archive of pg_dump, which only pg_restore can open, and there is none "
            "on PATH or in the usual folders",
            hint=mend,
        )
    try:
        done = subprocess.run(
            [program, "--no-owner", "--no-privileges", "-f", "-"],
            input=content,
            capture_output=True,
            timeout=_RESTORE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CouldNotCheck(f"{program} cannot open {path}: {error}", hint=mend) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise CouldNotCheck(f"{program} cannot open {path}: {said}", hint=mend)
    return done.stdout
