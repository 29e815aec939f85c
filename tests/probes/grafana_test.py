"""The dashboard asks only for what exists, in PromQL that Prometheus reads."""

import json
import re
import subprocess
import tempfile
import unittest

import yaml
from known import ROOT, all_rules, labels_of, metrics_in

DASHBOARD = json.loads((ROOT / "deploy/grafana/anycastd.json").read_text())
RECORDED = {rule["record"] for rule in all_rules() if "record" in rule}


def queries():
    """{where: PromQL}"""
    out = {}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            out[f"{panel['title']} {target['refId']}"] = target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        out[annotation["name"]] = annotation["expr"]
    return out


def legends():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"], set(re.findall(r"{{(\w+)}}", target["legendFormat"]))


class Dashboard(unittest.TestCase):
    def test_prometheus_reads_every_query(self):
        rules = [
            {"record": f"panel:query:{number}", "expr": text.replace("$__rate_interval", "5m")}
            for number, text in enumerate(queries().values())
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
            file.flush()
            done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_query_is_about_metrics_and_labels_that_exist(self):
        for where, text in queries().items():
            for metric, labels in metrics_in(text):
                with self.subTest(where, metric=metric):
                    if metric not in RECORDED:
                        self.assertIsNotNone(labels_of(metric))
                        self.assertLessEqual(labels, labels_of(metric))

    def test_legends_name_labels_that_the_query_keeps(self):
        for text, names in legends():
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", text))))
            for metric, _ in metrics_in(text):
                kept |= set(re.findall(r"prefix|carrier", metric.split(":")[0])) if metric in RECORDED else set()
                kept |= labels_of(metric) or set() if " by " not in text else set()
            self.assertLessEqual(names, kept, text)

    def test_the_data_source_is_a_variable_everywhere(self):
        text = json.dumps(DASHBOARD)
        self.assertEqual(set(re.findall(r'"uid": "([^"]*)"', text)), {"anycastd", "${datasource}"})
        self.assertNotIn("__inputs", DASHBOARD)

    def test_panels_have_a_title_a_description_and_a_place_of_their_own(self):
        taken = set()
        for panel in DASHBOARD["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertTrue(panel["type"] == "row" or panel["description"])
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    unittest.main()
