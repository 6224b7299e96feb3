"""Rules and dashboard are held against the metrics of the code. PromQL itself is promtool's (`make monitoring`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitored import families, metrics, misread, selectors

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


RULES: list[dict[str, Any]] = [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]
TESTS: list[dict[str, Any]] = read("alerts_test.yml")["tests"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")
UNITS = ("seconds", "bytes", "wei", "rows", "number")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_reads_what_the_code_shows(rule: dict[str, Any]) -> None:
    """Its series, labels and values exist: an alert over a misspelt one is silent for ever."""
    assert misread(rule["expr"]) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_is_complete(rule: dict[str, Any]) -> None:
    """Nothing but the known fields; a duration, a severity, one sentence, and its place in the runbook."""
    labels = {label for name, _ in selectors(rule["expr"]) for label in metrics()[name]}
    summary = rule["annotations"]["summary"]

    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"(Oracle|Training)[A-Z]\w+", rule["alert"])
    assert DURATION.fullmatch(rule.get("for", "1m"))
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    assert summary.endswith(".")
    assert set(re.findall(r"\$labels\.(\w+)", summary)) <= labels
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_alerts_have_names_of_their_own() -> None:
    """Two of one name would share a chapter and a test."""
    names = [rule["alert"] for rule in RULES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_each_alert_is_tested_both_ways(rule: dict[str, Any]) -> None:
    """promtool is told series on which it fires, with this severity, and others on which it is silent."""
    fires, silent = [], []
    for test in TESTS:
        for case in test["alert_rule_test"]:
            if case["alertname"] == rule["alert"]:
                (fires if case["exp_alerts"] else silent).append(test["input_series"])
                severities = {alert["exp_labels"]["severity"] for alert in case["exp_alerts"]}
                assert severities <= {rule["labels"]["severity"]}
    read_by = {name for name, _ in selectors(rule["expr"])}

    assert fires and silent
    for given in fires + silent:
        assert {name for series in given for name, _ in selectors(series["series"])} & read_by


def test_series_of_the_tests_exist() -> None:
    """What promtool is fed is what an oracle or a trainer could show."""
    given = [series["series"] for test in TESTS for series in test["input_series"]]

    assert [(one, misread(one)) for one in given if misread(one)] == []
    for one in given:
        for name, matchers in selectors(one):
            assert {label for label, _, _ in matchers} == metrics()[name] | {"job", "instance"}, one


def test_the_tests_are_about_alerts_that_exist() -> None:
    """promtool takes the test of an unknown alert for a silent one."""
    names = {rule["alert"] for rule in RULES}

    assert {case["alertname"] for test in TESTS for case in test["alert_rule_test"]} == names
    assert read("alerts_test.yml")["rule_files"] == ["alerts.yml"] == read("prometheus.yml")["rule_files"]


def test_the_scraped_job_is_the_one_that_rules_name() -> None:
    """The example's jobs, path and ports are what alerts, oracle and trainer's documents expect."""
    job, training = read("prometheus.yml")["scrape_configs"]
    series = [one["series"] for test in TESTS for one in test["input_series"]]
    fed = {value for one in series for _, found in selectors(one) for label, _, value in found if label == "job"}
    named = {v for r in RULES for _, found in selectors(r["expr"]) for label, _, v in found if label == "job"}

    assert named == {job["job_name"]}
    assert job["metrics_path"] == "/metrics"
    assert job["static_configs"][0]["targets"] == ["127.0.0.1:8700"]
    assert fed == {job["job_name"], training["job_name"]}
    port = training["static_configs"][0]["targets"][0].removeprefix("127.0.0.1:")
    assert f"monitor.serve({port})" in (ROOT / "docs" / "training.md").read_text("utf-8")
    assert "port = 8700" in (ROOT / "examples" / "oracle.toml").read_text("utf-8")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_reads_what_the_code_shows(panel: dict[str, Any]) -> None:
    """Its series and labels exist, it has a unit, and its legend names labels that are left."""
    expressions = [t["expr"].replace('=~"$job"', '="x"').replace('=~"$instance"', '="x"') for t in panel["targets"]]
    labels = {label for e in expressions for name, _ in selectors(e) for label in metrics()[name]}
    legends = " ".join(target["legendFormat"] for target in panel["targets"])

    assert [found for e in expressions for found in misread(e)] == []
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert set(re.findall(r"\{\{(\w+)\}\}", legends)) <= labels | {"instance"}


def test_panels_lie_in_rows_and_not_on_each_other() -> None:
    """The rows are those that an operator looks for, ids are unique, no two panels share a place."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    places = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells

    assert rows == [
        "Service",
        "Epochs",
        "Chain",
        "Peers",
        "Rewards by status",
        "Violations by rule",
        "Scorers",
        "Training",
    ]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_grafana_can_take_the_dashboard() -> None:
    """What its import asks for, as far as that can be said without Grafana; PyPI and npm have no schema of it.

    A version of the schema, panels of kinds that every Grafana has, each query with a letter of its own, everything
    asked of the data source that is chosen at the top, and variables that exist.
    """
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    source = {"type": "prometheus", "uid": "${datasource}"}
    text = json.dumps(DASHBOARD)

    assert isinstance(DASHBOARD["schemaVersion"], int) and DASHBOARD["schemaVersion"] >= 36  # data sources by uid
    assert 1 <= len(DASHBOARD["uid"]) <= 40 and DASHBOARD["title"] and "id" not in DASHBOARD
    assert {panel["type"] for panel in DASHBOARD["panels"]} <= {"row", "stat", "timeseries"}
    assert set(re.findall(r"\$\{?([a-z]\w*)", text)) <= variables
    for panel in PANELS:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) and all(re.fullmatch("[A-Z]", letter) for letter in letters)
        assert [panel["datasource"], *(t["datasource"] for t in panel["targets"])] == [source] * (1 + len(letters))
        assert set(panel["fieldConfig"]) == {"defaults", "overrides"} and set(panel["gridPos"]) == {"h", "w", "x", "y"}


def test_every_metric_is_looked_at() -> None:
    """Each metric of the code is in a panel or an alert: one that nobody reads is not worth its line."""
    shown = {name for e in [*EXPRESSIONS, *(rule["expr"] for rule in RULES)] for name, _ in selectors(e)}

    assert families() == {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in shown} - {"up"}


def test_a_misspelt_series_label_or_value_is_found() -> None:
    """The check that the tests above rest on does find them."""
    assert misread("rlhf_contract_cycle_total > 0") == ["no metric rlhf_contract_cycle_total"]
    assert misread('rlhf_contract_cycles_total{state="ok"}') == ["rlhf_contract_cycles_total has no label state"]
    assert misread('rlhf_contract_cycles_total{outcome=~"ok|okay"}') == [
        "rlhf_contract_cycles_total: outcome is never okay"
    ]
    assert misread("sum by (peer) (rlhf_contract_cycles_total)") == ["no label peer"]
    assert misread("vector(1) > 0") == ["it reads nothing"]


def test_durations_have_their_unit_in_the_name() -> None:
    """A gauge is a count or a state, or ends with its unit; a histogram ends with seconds."""
    amounts = {name for name in families() if re.search(r"(age|pending|time|size|held|funds|block|fee)", name)}

    assert {n for n in amounts if not n.endswith(UNITS)} == {
        "rlhf_contract_lease_held", "rlhf_contract_fee_bumps", "rlhf_contract_fee_ceiling_reached",
        "rlhf_contract_scorer_cache_damaged",
    }  # fmt: skip
