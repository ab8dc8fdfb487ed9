"""An initdb in, the folder of its input files out by which its servers stay out of /dev/shm.

Before PostgreSQL 16 initdb takes no settings, and what it leaves in /dev/shm where it is killed has
no name that tells whose it is. The settings that it writes come of a sample: that can be another.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from revguard.databases import accounts

if TYPE_CHECKING:
    from revguard.databases.accounts import Account
    from revguard.runs import Run

_SAMPLE = "postgresql.conf.sample"
_FOLDER = re.compile(r"^share_path=(.+)$", re.MULTILINE)
_SETTING = re.compile(r"^#?(dynamic_shared_memory_type\s*=\s*)\w+", re.MULTILINE)


def made(target: Path, binaries: str, run: Run, account: Account | None) -> list[str]:
    """Make the folder; initdb's argument for it, none where nothing is known of its files."""
    initdb = os.path.join(binaries, "initdb")
    _, said = accounts.run_as(run, [initdb, "--show", "-D", os.fspath(target)], account)
    found = _FOLDER.search(said)
    if found is None:
        return []
    try:
        _fill(target, Path(found[1]))
    except OSError:
        return []
    return ["-L", os.fspath(target)]


def _fill(target: Path, share: Path) -> None:
    text = (share / _SAMPLE).read_text("utf-8")
    target.mkdir(exist_ok=True)
    os.chmod(target, 0o755)  # noqa: S103 - initdb runs as another user
    for path in share.iterdir():
        if path.name != _SAMPLE:
            (target / path.name).symlink_to(path)
    sample = target / _SAMPLE
    sample.write_text(_SETTING.sub(r"\1mmap", text), "utf-8")
    os.chmod(sample, 0o644)
