"""Reports whose every text comes from somebody who means no good."""

from hypothesis import strategies as st

from revguard.verdict import (
    Column,
    DatabaseInfo,
    EnvironmentReport,
    Finding,
    ForeignKey,
    HeadFile,
    Lock,
    NewRevision,
    ProofStep,
    Report,
    SchemaChange,
    Source,
    Table,
)

PIECES = [
    "`", "``", "```", "````", "~~~", "|", "\\", "\\|", "\n", "\n\n", "\r", " ", "\t", "*", "_", "[",
    "](", ")", "!", "<", ">", "&", "#", "@everyone", "@ann/team", "a@b.example", "</details>",
    "<details>", "<!--", "-->", "<img src=x onerror=alert(1)>", "<script>", "javascript:",
    "https://evil.example/x", "www.evil.example", "![x](https://evil.example/x.png)", "#1", "GH-1",
    "acme/shop#1", ":tada:", "&#64;all", "&lt;b&gt;", "\u202e", "\u200b", "\ufeff", "\u2028",
    "\u00ad", "\x00", "\x1b[2J", "\udcff", "%", "%%{init: {}}%%", '"', "'", ";", ":", "{", "}",
    "direction LR", "direction\u00a0TB", "accTitle: x", "accDescr {", "classDef a fill:red", "---",
    "===", "- x", "1. x", "$$x$$", "pk", "PK", "fk-x", "UK", "1", "end", "subgraph", "name", "id",
    "\u00e9", "\u6f22", "\U0001f600", "one or more", "to", "||--o{", "o", "u",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=6).map("".join)
STATES = st.sampled_from(["added", "removed", "changed", "same"])
COLUMNS = st.builds(Column, name=TEXTS, type=TEXTS, primary=st.booleans(), state=STATES, was=TEXTS)


@st.composite
def schemas(draw):
    """Tables that refer to each other, and to some that are not there."""
    names = draw(st.lists(TEXTS, min_size=1, max_size=20))
    keys = st.builds(
        ForeignKey,
        columns=st.lists(TEXTS, max_size=3).map(tuple),
        table=st.sampled_from(names) | TEXTS,
        state=STATES,
    )
    return tuple(
        Table(
            name=name,
            state=draw(STATES),
            columns=tuple(draw(st.lists(COLUMNS, max_size=4))),
            foreign_keys=tuple(draw(st.lists(keys, max_size=2))),
        )
        for name in names
    )


SMALL = st.builds(
    Table,
    name=TEXTS,
    state=STATES,
    columns=st.lists(COLUMNS, max_size=2).map(tuple),
)
SOURCES = st.builds(Source, path=TEXTS, line=st.integers(0, 99))


def some(strategy):
    return st.lists(strategy, max_size=2).map(tuple)


ENVIRONMENTS = st.builds(
    EnvironmentReport,
    name=TEXTS,
    config=TEXTS,
    verdict=st.sampled_from(["pass", "fail"]),
    database=st.builds(DatabaseInfo, provider=TEXTS, dialect=TEXTS, server_version=TEXTS),
    new_revisions=some(st.builds(
        NewRevision, id=TEXTS, path=TEXTS, down_revision=some(TEXTS), text=TEXTS,
    )),
    changes=some(st.builds(
        SchemaChange,
        op=TEXTS | st.sampled_from(["add_column", "remove_table"]),
        object=TEXTS, detail=TEXTS, covered=st.booleans(), source=st.none() | SOURCES,
    )),
    tables=some(SMALL),
    script=st.none() | TEXTS,
    script_path=TEXTS,
    head_files=some(st.builds(HeadFile, path=TEXTS, text=TEXTS)),
    sql=TEXTS,
    proof=some(st.builds(
        ProofStep, step=st.sampled_from(["upgrade", "reupgrade"]) | TEXTS,
        result=st.sampled_from(["pass", "fail"]), reason=TEXTS,
    )),
    locks=some(st.builds(Lock, statement=TEXTS, object=TEXTS, mode=TEXTS)),
    findings=some(st.builds(
        Finding,
        rule=st.sampled_from(["history/missing-revision"]) | TEXTS,
        severity=st.sampled_from(["error", "warning"]),
        message=TEXTS, hint=TEXTS, path=TEXTS, line=st.integers(0, 99),
    )),
)  # fmt: skip
REPORTS = st.builds(
    Report,
    verdict=st.sampled_from(["pass", "fail"]),
    environments=st.lists(ENVIRONMENTS, min_size=1, max_size=2).map(tuple),
) | st.builds(Report, verdict=st.just("error"), error=TEXTS, hint=TEXTS)
