"""The JSON report, for machines: report.schema.json says what is in it."""

from __future__ import annotations

import json

from revguard.verdict import Report, to_dict


def render(report: Report, *, color: bool, width: int, verbose: bool, quiet: bool) -> str:
    """The report as one JSON object; the options change nothing."""
    del color, width, verbose, quiet
    # ASCII only: what stands on the other end of the pipe may have any encoding
    return json.dumps(to_dict(report), indent=2) + "\n"
