"""Where a file of the repository can be looked at: server, repository and commit in, URLs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from revguard.rules import RULES
from revguard.verdict import EnvironmentReport, Finding

_PAGES: Final = "https://github.com/revguard/revguard/blob/main/hooks/revguard/rules/pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The files of one commit on a server: `https://github.com`, `owner/name`, the commit's id."""

    server: str
    repository: str
    commit: str

    def blob(self, path: str, line: int = 0) -> str:
        """The page of a file, at a line if there is one."""
        place = f"{quote(self.repository)}/blob/{quote(self.commit, safe='')}/{uri(path)}"
        return f"{self.server.rstrip('/')}/{place}" + (f"#L{int(line)}" if line else "")


def uri(path: str) -> str:
    """A path as part of a URL; also one that is no UTF-8."""
    return quote(path.encode("utf-8", "surrogateescape"))


def page(rule: str) -> str:
    """The page of a rule; empty where it has none."""
    known = RULES.get(rule)
    return "" if known is None or known.reserved else f"{_PAGES}/{rule}.md"


def is_proposed(one: EnvironmentReport, finding: Finding) -> bool:
    """Whether a finding is about the script that is only proposed: it is in no commit yet."""
    return one.script is not None and finding.path == one.script_path
