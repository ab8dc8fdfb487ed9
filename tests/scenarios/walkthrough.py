"""What every way to run env.py has to show: a clean commit passes, a change of the models blocks,
and `add` brings a script that is proven."""

from .shop import only, rules

STEPS = ["upgrade", "compare", "downgrade", "reupgrade"]


def check(shop, reports, *args):
    return reports.check(shop, *args)


def passes(shop, reports, *args):
    """Nothing is missing, and it was looked at: heads are known, nothing differs."""
    report = check(shop, reports, "--all", *args)
    assert (report["verdict"], rules(report)) == ("pass", []), report
    return report


def blocks(shop, reports, *args):
    report = check(shop, reports, *args)
    assert (report["verdict"], set(rules(report))) == ("fail", {"history/missing-revision"}), report
    return report


def adds(shop, reports, *args):
    """The texts of the scripts that `add` staged, each proven and judged again; by path."""
    known = set(shop.git("ls-files", "-z").split("\0"))
    report = reports.read(shop.revguard("add", "--format", "json", *args))
    assert report["verdict"] == "pass", report
    for one in report["environments"]:
        assert [(step["step"], step["result"]) for step in one["proof"]] == [
            (step, "pass") for step in STEPS
        ]
    new = set(shop.git("ls-files", "-z").split("\0")) - known
    assert new
    return {path: (shop.path / path).read_text() for path in sorted(new)}


def whole_way(shop, reports, change, *, said="email"):
    """From a clean commit to one with its script; returns the script's text."""
    passes(shop, reports)
    change()
    shop.git("add", "-A")
    report = blocks(shop, reports)
    assert all(only(report)["proof"])
    ((_, text),) = adds(shop, reports).items()
    assert said in text
    passes(shop, reports)
    return text
