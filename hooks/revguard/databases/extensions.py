"""Extensions of PostgreSQL: names in, which provider can create them, and what to type for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from revguard.databases import version_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from revguard.databases.providing import Installation

# What comes with the server itself (contrib), and so is in each official image
_CONTRIB = (
    "adminpack amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn "
    "earthdistance file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree "
    "moddatetime old_snapshot pageinspect pg_buffercache pg_freespacemap pg_prewarm "
    "pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks "
    "pgstattuple plpgsql postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows "
    "tsm_system_time unaccent uuid-ossp xml2"
)
CONTRIB: Final = frozenset(_CONTRIB.split())
_POSTGIS: Final = (
    "postgis", "postgis_raster", "postgis_sfcgal", "postgis_tiger_geocoder", "postgis_topology",
    "address_standardizer", "address_standardizer_data_us",
)  # fmt: skip
# The images that have what is not contrib; {} is the major version
_IMAGES: Final[Mapping[str, str]] = {
    **dict.fromkeys(_POSTGIS, "postgis/postgis:{}-3.5"),
    "vector": "pgvector/pgvector:pg{}",
    "timescaledb": "timescale/timescaledb:latest-pg{}",
}
_NEWEST = "17"  # for which all of these images are there
_OFFICIAL = re.compile(r"(docker\.io/)?(library/)?postgres(?![\w/-])")
# The packages of Debian, {} the major version
_PACKAGES: Final[Mapping[str, str]] = {
    **dict.fromkeys(_POSTGIS, "postgresql-{}-postgis-3"),
    "vector": "postgresql-{}-pgvector",
}
_NOT_AVAILABLE = re.compile(
    r'extension "([^"]+)" is not available|extension control file "[^"]*/([\w-]+)\.control"'
)
_OWNERS: Final[Mapping[str, str]] = {  # what an extension brings, by which its lack is known
    "citext": "citext", "hstore": "hstore", "ltree": "ltree", "vector": "vector",
    "geometry": "postgis", "geography": "postgis", "uuid_generate_v4": "uuid-ossp",
    "uuid_generate_v1": "uuid-ossp", "crypt": "pgcrypto", "gen_salt": "pgcrypto",
    "digest": "pgcrypto", "pgp_sym_encrypt": "pgcrypto", "similarity": "pg_trgm",
    "gin_trgm_ops": "pg_trgm", "gist_trgm_ops": "pg_trgm", "unaccent": "unaccent",
}  # fmt: skip
_MISSING = re.compile(
    r'(?:type|function|operator class) (?:"?[\w]+"?\.)?"?(\w+)"?(?:\([^)]*\))? does not exist'
)


def refused(message: str) -> str:
    """The extension that a server says it does not have; empty where it speaks of none."""
    found = _NOT_AVAILABLE.search(message)
    return (found[1] or found[2]) if found else ""


def owner(message: str) -> str:
    """The extension that would bring what a server says does not exist; empty for none known."""
    found = _MISSING.search(message)
    return _OWNERS.get(found[1], "") if found else ""


def lack(found: Installation, wanted: frozenset[str]) -> str:
    """The wanted extensions that an installation cannot create; empty where there is none."""
    if found.dialect != "postgresql":
        return ""
    has = found.extensions
    if has is None:
        has = _of_image(found, wanted)
    return ", ".join(sorted(wanted - has))


def image(wanted: frozenset[str], version: str) -> str:
    """The image that has what the official one has not; empty where that one has all."""
    major = version_numbers.number(version).partition(".")[0] or _NEWEST
    names = {_IMAGES[name].format(major) for name in wanted if name in _IMAGES}
    return min(names) if names else ""


def advice(wanted: frozenset[str], version: str) -> str:
    """What to type to have these extensions."""
    major = version_numbers.number(version).partition(".")[0] or _NEWEST
    typed = [f'`database = "docker:{image(wanted, version) or f"postgres:{major}"}"`']
    packages = {_PACKAGES[name].format(major) for name in wanted if name in _PACKAGES}
    if wanted <= CONTRIB:
        packages = {f"postgresql-{major}"}
    typed += [f"`apt install {' '.join(sorted(packages))}`"] if packages else []
    return " or ".join(typed)


def _of_image(found: Installation, wanted: frozenset[str]) -> frozenset[str]:
    """What a container is taken to have: the official image contrib, any other what is wanted."""
    provider, _, name = found.provider.partition(":")
    if provider in ("docker", "podman") and _OFFICIAL.match(name):
        return CONTRIB
    return wanted
