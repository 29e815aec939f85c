"""Rules and alerts: right by promtool, tested both ways, with runbooks, about metrics that exist."""

import re
import subprocess
import unittest

import yaml
from known import ROOT, RULES, RUNBOOKS, all_rules, labels_of, metrics_in, metrics_of_code, metrics_of_page

ALERTS = {rule["alert"]: rule for rule in all_rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in all_rules() if "record" in rule}


def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Rules(unittest.TestCase):
    def test_promtool_finds_no_fault_in_the_rules(self):
        code, text = promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.yml")))
        self.assertEqual(code, 0, text)

    def test_every_time_travel_test_passes(self):
        code, text = promtool("test", "rules", *sorted(RULES.glob("tests/*.yml")))
        self.assertEqual(code, 0, text)

    def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        fires, silent = set(), set()
        for path in RULES.glob("tests/*.yml"):
            for case in yaml.safe_load(path.read_text())["tests"]:
                for check in case.get("alert_rule_test", []):
                    (fires if check["exp_alerts"] else silent).add(check["alertname"])
        self.assertEqual((fires, silent), (set(ALERTS), set(ALERTS)))

    def test_every_alert_has_a_severity_a_summary_and_its_runbook(self):
        for name, rule in ALERTS.items():
            with self.subTest(name):
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))
                self.assertEqual(
                    rule["annotations"]["runbook"], f"/usr/share/doc/anycastd/runbooks/{name}.md"
                )
                self.assertRegex(rule["annotations"]["summary"], r"^[^\n]{20,}[^.]$")
                text = (RUNBOOKS / f"{name}.md").read_text()
                self.assertTrue(text.startswith(f"# {name}\n"))

    def test_every_runbook_is_of_an_alert(self):
        self.assertEqual({path.stem for path in RUNBOOKS.glob("*.md")}, set(ALERTS))

    def test_rules_use_metrics_and_labels_that_exist(self):
        for rule in all_rules():
            for metric, labels in metrics_in(rule["expr"]):
                with self.subTest(rule=rule.get("alert") or rule.get("record"), metric=metric):
                    if metric in RECORDED:
                        continue
                    self.assertIsNotNone(labels_of(metric), "no such metric")
                    self.assertLessEqual(labels, labels_of(metric))

    def test_guards_that_rules_and_runbooks_name_exist(self):
        source = (ROOT / "controller/core/guard.cpp").read_text()
        guards = set(re.findall(r'"([a-z_]+)"', source[source.index("kGuards") :]))
        self.assertIn("min_nodes", guards)
        for rule in all_rules():
            for words in re.findall(r'guard(?:=|!=|=~|!~)"([^"]*)"', rule["expr"]):
                self.assertLessEqual(set(words.split("|")), guards, rule)
        table = (RUNBOOKS / "AnycastGuardBlocks.md").read_text()
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        self.assertLessEqual(set(re.findall(r"`(\w+)`", " ".join(rows))), guards)


class Metrics(unittest.TestCase):
    def test_the_manual_page_and_the_code_name_the_same_metrics(self):
        self.assertEqual(set(metrics_of_page()), metrics_of_code())


if __name__ == "__main__":
    unittest.main()
