"""The comment, through GitHub's own Markdown parser: what comes from a repository does nothing."""

import html.parser
import re
import unicodedata
from dataclasses import replace

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import HealthCheck, Phase, given, settings

from revguard.reporters import markdown
from revguard.reporters.links import Links
from revguard.reporters.markup import code, fence, one_line, prose
from revguard.verdict import EnvironmentReport, Finding, Report, SchemaChange

from . import hostile
from .test_reporters import MISSING, REPORTS, report

LINKS = Links(server="https://github.com", repository="acme/shop", commit="abc123")
OURS = ("https://github.com/acme/shop/blob/abc123/", "https://github.com/revguard/revguard/blob/")
TAGS = {
    *(
        "h3",
        "h4",
        "p",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "code",
        "pre",
    ),
    *("a", "sub", "em", "details", "summary", "span"),
}


class Page(html.parser.HTMLParser):
    """Tags and links of a page, and the text in which GitHub looks for mentions and the like."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.links, self.open, self.said, self.quoted = [], [], [], "", []
        self.rows, self.comments = [], []
        options = Options.CMARK_OPT_UNSAFE
        self.feed(cmarkgfm.github_flavored_markdown_to_html(source, options=options))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append(0)
        self.rows[-1:] = [self.rows[-1] + 1] if tag in ("td", "th") else self.rows[-1:]
        if tag in ("code", "pre"):
            self.quoted.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        self.comments.append(data)

    def handle_data(self, data):
        if {"code", "pre"} & {*self.open}:
            self.quoted[-1] += data
        else:
            self.said += data


def assert_harmless(text):
    page = Page(text)
    assert {*page.tags} <= TAGS
    assert page.open == []
    assert page.comments == []
    assert [link for link in page.links if not link.startswith(OURS)] == []
    assert not re.search(r"[@#]\w|GH-\d|https?:|www\.|:\w+:|\$\$", page.said)
    assert page.tags.count("details") == page.tags.count("summary")
    assert not [
        c for c in text if unicodedata.category(c) in ("Cf", "Cc", "Cs") and c not in "\n\t"
    ]
    return page


@given(report=hostile.REPORTS)
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a report takes minutes
    suppress_health_check=list(HealthCheck),
)
def test_nothing_from_a_repository_does_anything(report):
    text = markdown.render(report, links=LINKS)
    page = assert_harmless(text)
    headings = [tag for tag in page.tags if tag in ("h3", "h4")]
    assert headings[0] == "h3"
    assert len(headings) <= 1 + len(report.environments)
    assert {*page.rows} <= {2, 3, 4}  # less the columns in which nothing stands


@given(text=hostile.TEXTS)
@settings(max_examples=100, deadline=None)
def test_a_code_span_shows_its_text_also_in_a_table(text):
    shown = code(text, 0)
    for source in (f"x {shown} y\n", f"| a | b |\n| --- | --- |\n| {shown} | y |\n"):
        page = Page(source)
        assert {*page.tags} <= {"p", "table", "thead", "tbody", "tr", "th", "td", "code", "span"}
        assert {*page.rows} <= {2}
        assert [" ".join(q.split()) for q in page.quoted] == [" ".join(one_line(text).split())]


@given(text=hostile.TEXTS)
@settings(max_examples=100, deadline=None)
def test_a_fence_holds_its_text(text):
    page = Page(f"before\n\n{fence(text, 'sql')}\n\nafter\n")
    assert page.tags == ["p", "pre", "code", "p"]
    assert page.said.split() == ["before", "after"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("add column users.email", "add column `users.email`"),
        ("`revguard add` writes it.", "`revguard add` writes it."),
        ("`git add -u`, then `revguard add`", "`git add -u`, then `revguard add`"),
        ("two-phase work (it's rare), no?", "two-phase work (it's rare), no?"),
        ("ask @ann about #1", "ask `@ann` about `#1`"),
        ("one\ntwo", "one<br>two"),
        ("`a``b`", "`a` `b`"),
        ("x <b>bold</b> y", "x `<b>bold</b>` y"),
        ("see https://evil.example.", "see `https://evil.example`."),
        ("GH-1 and - and *", "`GH-1` and `-` and `*`"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_sentences_stay_sentences(text, shown):
    assert prose(text) == shown


BIG = {
    "sql": replace(MISSING, sql="INSERT INTO users VALUES (1);\n```\n" * 5000),
    "script": replace(MISSING, script="x = '````'\n" * 9000),
    "changes": replace(
        MISSING,
        changes=tuple(SchemaChange(op="add_table", object=f"t{n}" * 50) for n in range(3000)),
    ),
    "findings": replace(
        MISSING,
        findings=tuple(Finding(rule="history/x", message="word " * 999) for n in range(3000)),
    ),
    "error": EnvironmentReport(name="x", verdict="error", error="line\n" * 99999),
    "notes of 5 MB": replace(MISSING, sql="x" * 5_000_000, script="y" * 5_000_000),
}


@pytest.mark.parametrize("limit", [60_000, 8_000, 2_000])
@pytest.mark.parametrize("name", BIG)
def test_what_does_not_fit_is_left_out_whole(name, limit):
    text = markdown.render(report(BIG[name]), links=LINKS, limit=limit)
    assert len(text.encode()) <= limit
    page = assert_harmless(text)
    assert text.startswith(("### ❌ revguard: ", "### ⚠️ revguard: "))
    assert "Not all of the report has room here." in page.said or limit == 60_000 or name == "error"


def test_a_great_many_environments_fit():
    many = [replace(MISSING, name=f"service-{number}") for number in range(400)]
    text = markdown.render(report(*many), links=LINKS)
    assert len(text.encode()) <= 60_000
    assert "more" in assert_harmless(text).said


def test_the_tiers():
    sql = "SELECT 1;\n" * 2000
    environment = replace(MISSING, sql=sql)
    sizes = {
        limit: markdown.render(report(environment), limit=limit)
        for limit in (60_000, 9_000, 1_600, 1_000)
    }
    parts = ("Upgrade SQL", "The missing script", "```mermaid", "add `users.email`")
    has = {limit: [part in text for part in parts] for limit, text in sizes.items()}
    assert has == {
        60_000: [True, True, True, True],
        9_000: [False, True, True, True],
        1_600: [False, False, True, True],
        1_000: [False, False, False, True],
    }


def test_of_many_changes_the_others_are_folded():
    """Those that no revision covers come first, and nothing is said twice."""
    changes = tuple(
        SchemaChange(op="add_table", object=f"t{number}", detail="", covered=number != 40)
        for number in range(50)
    )
    text = markdown.render(report(replace(MISSING, changes=changes)))
    shown, folded = text.split("<details><summary>30 more changes</summary>")
    assert shown.count("add table") == 20
    assert "❌ | add table `t40`" in shown
    assert folded.split("</details>")[0].count("✅ | add table") == 30
    few = markdown.render(report(replace(MISSING, changes=changes[:20])))
    assert "more change" not in few


@pytest.mark.parametrize("name", REPORTS)
def test_every_snapshot_is_harmless(name):
    assert_harmless(markdown.render(REPORTS[name], links=LINKS))


def test_links_name_the_commit_the_file_and_the_line():
    text = markdown.render(REPORTS["missing"], links=LINKS)
    assert "](https://github.com/acme/shop/blob/abc123/app/models.py#L12)" in text
    assert "](" not in markdown.render(REPORTS["missing"]).replace("](https://github.com/revg", "")


def test_a_proposed_script_is_no_link():
    found = Finding(rule="x/y", message="it drops", path=MISSING.script_path, line=3)
    environment = replace(MISSING, findings=(found,))
    place = f"{MISSING.script_path}:3"
    for one, linked in ((environment, False), (replace(environment, script=None), True)):
        text = markdown.render(report(one), links=LINKS)
        assert (f"in [`{place}`](" in text, f"in `{place}`" in text) == (linked, not linked)


def test_a_path_is_quoted_in_a_link():
    path = "a b/(c)[d]\n#e?f%\udcff.py"
    assert LINKS.blob(path, 3).removeprefix("https://github.com/acme/shop/blob/abc123/") == (
        "a%20b/%28c%29%5Bd%5D%0A%23e%3Ff%25%FF.py#L3"
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("nothing", "### ✅ revguard: no revision is missing"),
        ("added", "### ✅ revguard: 1 revision, proven"),
        ("missing", "### ❌ revguard: 1 of 2 environments fail"),
        ("many", "### ❌ revguard: the models changed and no revision covers the change"),
        ("several", "### ⚠️ revguard: could not check `stock`"),
        ("usage", "### ⚠️ revguard: could not check"),
    ],
)
def test_the_verdict_comes_first(name, first):
    assert markdown.render(REPORTS[name]).splitlines()[0] == first


def test_the_order():
    text = markdown.render(report(replace(MISSING, sql="SELECT 1")))
    parts = ["### ❌", "→ `revguard add`", "| ❌ | add", "- 🛑 [", "```mermaid", "Upgrade SQL"]
    parts += ["The missing script", "Proof: passed", "<sub>`postgresql 15.10"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_report_without_pictures_is_one_too():
    old = {"version": 1, "verdict": "pass", "environments": [{"name": "x", "verdict": "pass"}]}
    from revguard.verdict import from_dict

    assert from_dict(old) == Report(
        verdict="pass", environments=(EnvironmentReport(name="x", verdict="pass"),)
    )
