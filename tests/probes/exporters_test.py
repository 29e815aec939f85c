"""The exporters take our configuration, and our own daemon's page is one that Prometheus likes."""

import http.client
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from known import ROOT, metrics_of_code, metrics_of_page
from processes import UnixConnection, fetch, free_port, needs, running

BUILD = ROOT / "build" / os.environ.get("ANYCAST_PRESET", "dev")
BLACKBOX = "prometheus-blackbox-exporter"
SMOKEPING = "prometheus-smokeping-prober"


def milliseconds(text):
    return float(text[:-2]) if text.endswith("ms") else 1000 * float(text[:-1])


class Blackbox(unittest.TestCase):
    @needs(BLACKBOX)
    def test_blackbox_exporter_takes_the_modules_without_a_warning(self):
        done = subprocess.run(
            [BLACKBOX, "--config.check", f"--config.file={ROOT}/probes/blackbox.yml"], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("level=warn", done.stderr)

    def test_no_icmp_timeout_makes_a_slow_path_a_lossy_one(self):
        fleet = yaml.safe_load((ROOT / "deploy/example/anycastd.yaml").read_text())
        worst = max(milliseconds(t["rtt"]["bad"]) for t in fleet["thresholds"].values() if "rtt" in t)
        modules = yaml.safe_load((ROOT / "probes/blackbox.yml").read_text())["modules"]
        for name, module in modules.items():
            timeout = milliseconds(module["timeout"])
            with self.subTest(name):
                self.assertGreaterEqual(timeout, 4 * worst)
                self.assertLessEqual(timeout, milliseconds(fleet["evidence"]["scrape"]) - 500)


class Smokeping(unittest.TestCase):
    buckets = (ROOT / "probes/smokeping.buckets").read_text().strip()

    def test_every_threshold_of_the_example_is_a_bound_of_a_bucket(self):
        bounds = {round(1000 * float(word), 3) for word in self.buckets.split(",")}
        fleet = yaml.safe_load((ROOT / "deploy/example/anycastd.yaml").read_text())
        for name, thresholds in fleet["thresholds"].items():
            for level, value in thresholds["rtt"].items():
                self.assertIn(milliseconds(value), bounds, f"{name} {level}")

    @needs(SMOKEPING)
    @unittest.skipIf(os.getuid() != 0, "pings want root")
    def test_smokeping_prober_takes_targets_and_buckets(self):
        config = yaml.safe_load((ROOT / "probes/smokeping.yml").read_text())
        for number, target in enumerate(config["targets"], 1):
            target["hosts"] = [f"127.0.0.{number}"]
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "targets.yml").write_text(yaml.safe_dump(config))
            words = [f"--web.listen-address=127.0.0.1:{port}", f"--config.file={folder}/targets.yml"]
            with running(SMOKEPING, f"--buckets={self.buckets}", "--privileged", *words, folder=folder) as process:
                page = fetch(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/metrics", process)
        found = [line for line in page.splitlines() if line.startswith("smokeping_response_duration_seconds_bucket")]
        self.assertEqual(len(found) % (self.buckets.count(",") + 2), 0, page)
        self.assertIn('le="0.19"', page)


OBSERVER = """version: 1
node: hk-idc-1
mode: observe
prometheus: {{urls: ['http://127.0.0.1:{port}'], interval: 1s, timeout: 500ms, max_age: 45s}}
router: {{kind: bird, socket: {folder}/bird.ctl, fragment: {folder}/bird.conf, templates: {root}/templates}}
web: {{listen: '127.0.0.1:{web}'}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
"""


class Daemon(unittest.TestCase):
    """The real daemon in mode observe, with a Prometheus and a router that are not there."""

    @needs("promtool")
    def test_the_live_page_is_one_that_promtool_likes_and_the_manual_explains(self):
        with tempfile.TemporaryDirectory() as folder:
            fleet = Path(folder, "anycastd.yaml")
            config = yaml.safe_load((ROOT / "deploy/example/anycastd.yaml").read_text())
            for secret in ("bearer_token_file", "tls"):
                config["prometheus"].pop(secret)
            config["control"].pop("group")
            fleet.write_text(yaml.safe_dump(config))
            Path(folder, "conf.d").mkdir()
            here = OBSERVER.format(port=free_port(), web=free_port(), folder=folder, root=ROOT)
            Path(folder, "conf.d/here.yaml").write_text(here)
            with running(BUILD / "anycastd", "--config", fleet, folder=folder) as process:
                try:
                    page = fetch(
                        lambda: UnixConnection(f"{folder}/ctl.sock"),
                        "/metrics",
                        process,
                        lambda text: "anycast_evaluations_total" in text,
                    )
                except AssertionError as error:
                    raise AssertionError(f"{error}\n{Path(folder, 'log').read_text()}") from None
        check = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
        self.assertEqual((check.returncode, check.stdout + check.stderr), (0, ""))
        families = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}
        self.assertGreater(len(families), 25)
        self.assertLessEqual(families, set(metrics_of_page()))
        self.assertLessEqual(families, metrics_of_code())


if __name__ == "__main__":
    unittest.main()
