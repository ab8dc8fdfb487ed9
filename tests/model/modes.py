"""What a project asks of its histories: its configuration, and what follows from it."""

from dataclasses import dataclass

HEADS = "heads.txt"
_WAIVER = """
[[waivers]]
operation = "{}"
object = "{}"
until = 2999-12-31
reason = "two-phase work"
"""
# The last one is of nothing: only the whole name is the object's
_WAIVED = (("remove_column", "users.email"), ("add_table", "tags"), ("add_column", "orders.not"))


@dataclass(frozen=True)
class Mode:
    """One way to work. `waived`: {(operation, object)}."""

    settings: str = ""
    for_branch: bool = False  # one revision for the branch, not for each commit
    lock: bool = False
    waived: frozenset = frozenset()

    @property
    def text(self):
        return f'base = "main"\n{self.settings}'


PLAIN = Mode()
BRANCH = Mode(settings='one-per = "branch"\n', for_branch=True)
LOCK = Mode(settings="lock = true\n", lock=True)
WAIVED = Mode(settings="".join(_WAIVER.format(*one) for one in _WAIVED), waived=frozenset(_WAIVED))
# by seed, since those of one mode remember the same contents
MODES = (PLAIN, BRANCH, PLAIN, LOCK, PLAIN, WAIVED)


def head_file(heads):
    """As somebody would write it who does not let revguard."""
    return "".join(f"{id_}\n" for id_ in heads)


def said(text):
    """The heads that a head file names; None where git has left a conflict in it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return None if any(line.startswith(("<<<", "===", ">>>")) for line in lines) else sorted(lines)
