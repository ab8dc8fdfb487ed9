"""SARIF: valid by the official schema; fingerprints stay where lines and numbers differ."""

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from revguard.reporters import sarif
from revguard.verdict import Finding

from . import hostile
from .test_diagram import MODULES
from .test_reporters import CLEAN, MISSING, REPORTS, report


@pytest.fixture(scope="module")
def schema(require):
    path = MODULES / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    require(path.is_file(), "SARIF's schema, from npm's @microsoft/jest-sarif (`make node`)")
    found = json.loads(path.read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(found)(found)


@pytest.mark.parametrize("name", REPORTS)
def test_the_official_schema_takes_it(name, schema):
    schema.validate(json.loads(sarif.render(REPORTS[name])))


def test_the_official_schema_takes_no_other_thing(schema):
    log = json.loads(sarif.render(REPORTS["missing"]))
    del log["runs"][0]["results"][0]["message"]
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(log)


def test_the_official_schema_takes_hostile_reports(schema):
    @given(report=hostile.REPORTS)
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    def validate(report):
        text = sarif.render(report)
        text.encode()
        schema.validate(json.loads(text))

    validate()


def prints(*findings):
    log = json.loads(sarif.render(report(replace(CLEAN, findings=findings))))
    return [one["partialFingerprints"]["revguard/v1"] for one in log["runs"][0]["results"]]


FOUND = Finding(rule="history/missing-revision", message="3 changes", path="a.py", line=3)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(replace(FOUND, line=99), True, id="line moved"),
        pytest.param(replace(FOUND, message="4 changes"), True, id="number"),
        pytest.param(replace(FOUND, hint="do"), True, id="hint"),
        pytest.param(replace(FOUND, path="b.py"), False, id="file"),
        pytest.param(replace(FOUND, rule="history/x"), False, id="rule"),
        pytest.param(replace(FOUND, message="other"), False, id="message"),
    ],
)
def test_fingerprints(other, same):
    assert (prints(FOUND) == prints(other)) is same


def test_a_script_that_is_only_proposed_is_no_place():
    found = Finding(rule="x/y", message="it drops", path=MISSING.script_path, line=3)
    for one, place in (
        (replace(MISSING, findings=(found,)), ("alembic.ini", 1)),
        (replace(MISSING, script=None, findings=(found,)), (MISSING.script_path, 3)),
    ):
        (result,) = json.loads(sarif.render(report(one)))["runs"][0]["results"]
        physical = result["locations"][0]["physicalLocation"]
        assert (physical["artifactLocation"]["uri"], physical["region"]["startLine"]) == place


def test_two_alike_have_two_fingerprints():
    first, second = prints(FOUND, replace(FOUND, line=9))
    assert first != second


def test_every_result_has_a_place_and_its_rule_a_page():
    log = json.loads(sarif.render(report(MISSING, replace(CLEAN, findings=(
        Finding(rule="history/multiple-heads", message="two heads"),
    )))))  # fmt: skip
    run = log["runs"][0]
    places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    assert [one["artifactLocation"]["uri"] for one in places] == [
        "app/models.py", "billing/alembic.ini",
    ]  # fmt: skip
    assert [one["region"]["startLine"] for one in places] == [12, 1]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [
        one["ruleId"] for one in run["results"]
    ]
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}") for rule in rules)
