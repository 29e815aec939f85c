"""What `anycastctl probes render` prints is taken by the programs that it is for, and is what the daemon expects."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from exporters_test import BLACKBOX, BUILD, milliseconds
from known import ROOT
from processes import needs

EXAMPLE = ROOT / "deploy/example/anycastd.yaml"
EXPORTER = "probe-{carrier}-{region}.example.net:9115"


def anycastctl(*words, code=0):
    done = subprocess.run([BUILD / "anycastctl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def render(*words, config=EXAMPLE, code=0):
    return anycastctl("probes", "render", "--config", config, *words, code=code)


def changed(folder, old, new):
    """The example with something else in it."""
    text = EXAMPLE.read_text()
    assert old in text, old
    path = Path(folder, "changed.yaml")
    path.write_text(text.replace(old, new))
    return path


def promtool_says(text):
    """'' where promtool takes the configuration; our rules are where the package puts them, so only the syntax."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text)
        file.flush()
        words = ["promtool", "check", "config", "--syntax-only", file.name]
        done = subprocess.run(words, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def targets(text, job):
    """[(address, labels)] of a job."""
    jobs = {one["job_name"]: one for one in yaml.safe_load(text)["scrape_configs"]}
    return [(entry["targets"][0], entry["labels"]) for entry in jobs[job]["static_configs"]]


def paths(config, carrier):
    """{(node, address)} by the configuration's own words."""
    out = set()
    for name, node in config["nodes"].items():
        if any(carrier in config["upstreams"][upstream]["carries"] for upstream in node["sessions"]):
            out.add((name, node["probe_target"]))
    return out


class Render(unittest.TestCase):
    def test_an_agent_pushes_exactly_the_paths_of_its_carrier(self):
        text = render("--for", "agent", "--probe", "beijing/mobile", "--service", "https://203.0.113.1/healthz")
        self.assertEqual(promtool_says(text), "")
        found = targets(text, "anycast-icmp")
        self.assertEqual(
            {(labels["node"], address) for address, labels in found},
            paths(yaml.safe_load(EXAMPLE.read_text()), "mobile"),
        )
        for _, labels in found:
            del labels["node"]
            self.assertEqual(
                labels,
                {"carrier": "mobile", "region": "beijing", "__param_module": "icmp4", "__probe": "127.0.0.1:9115"},
            )
        self.assertEqual([address for address, _ in targets(text, "vip-icmp")], ["203.0.113.1"])
        self.assertEqual([address for address, _ in targets(text, "anycast-http")], ["https://203.0.113.1/healthz"])
        config = yaml.safe_load(text)
        self.assertEqual(
            [one["url"] for one in config["remote_write"]],
            ["https://prom-a.example.net:9090/api/v1/write", "https://prom-b.example.net:9090/api/v1/write"],
        )
        self.assertNotIn("prometheus-token", text)  # the reader's secret is not the writer's

    def test_the_central_server_loads_the_rules_and_asks_nodes_and_probes(self):
        text = render("--for", "prometheus", "--exporter", EXPORTER, "--metrics", "{node}.example.net:9477")
        self.assertEqual(promtool_says(text), "")
        found = targets(text, "anycast-icmp")
        example = yaml.safe_load(EXAMPLE.read_text())
        want = sum(len(paths(example, carrier)) for carrier in example["carriers"]) * len(example["regions"])
        self.assertEqual(len(found), want)
        self.assertIn("probe-unicom-chengdu.example.net:9115", {labels["__probe"] for _, labels in found})
        self.assertIn("hk-idc-1.example.net:9477", text)

    def test_where_probes_push_the_central_server_only_asks_the_nodes(self):
        text = render("--for", "prometheus", "--metrics", "{node}.example.net:9477")
        self.assertEqual(promtool_says(text), "")
        self.assertEqual([job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]], ["anycastd"])

    def test_targets_of_sessions_carry_their_upstream_and_other_matchers_become_labels(self):
        with tempfile.TemporaryDirectory() as folder:
            config = changed(folder, "region: region}", "region: city, upstream: via}")
            text = config.read_text().replace('job=~"anycast-icmp|vip-icmp"', 'job="pings",team="edge"')
            config.write_text(text.replace("neighbor: 192.0.2.1,", "neighbor: 192.0.2.1, probe_target: 2001:db8::1,"))
            text = render("--for", "agent", "--probe", "beijing/mobile", config=config)
        self.assertEqual(promtool_says(text), "")
        found = {(labels["node"], labels["via"]): (address, labels) for address, labels in targets(text, "pings")}
        address, labels = found["hk-ali-1", "cmi"]
        self.assertEqual((address, labels["__param_module"], labels["team"]), ("2001:db8::1", "icmp6", "edge"))
        self.assertEqual(labels["city"], "beijing")
        self.assertEqual(set(found), {("hk-ali-1", "cmi"), ("hk-idc-1", "cmi"), ("hk-aws-1", "cmi")})

    @needs(BLACKBOX)
    def test_the_exporter_gets_the_shipped_modules_with_timeouts_that_suit(self):
        shipped = yaml.safe_load((ROOT / "probes/blackbox.yml").read_text())
        self.assertEqual(yaml.safe_load(render("--for", "blackbox")), shipped)
        with tempfile.TemporaryDirectory() as folder:
            text = render("--for", "blackbox", config=changed(folder, "scrape: 5s", "scrape: 1s"))
            self.assertIn("--timeout-offset=0.1", text)
            self.assertEqual(milliseconds(yaml.safe_load(text)["modules"]["icmp4"]["timeout"]), 800)
            Path(folder, "blackbox.yml").write_text(text)
            words = [BLACKBOX, "--config.check", f"--config.file={folder}/blackbox.yml"]
            self.assertEqual(subprocess.run(words, capture_output=True).returncode, 0)
            words = ["--for", "blackbox"]
            said = render(*words, config=changed(folder, "scrape: 5s", "scrape: 400ms"), code=64)
        self.assertIn("a scrape of 400ms leaves 320ms for a reply, less than twice the 180ms", said)

    def test_what_cannot_be_right_is_refused_with_the_word_and_what_was_expected(self):
        for words, answer in (
            (["--for", "agent"], "give the probe as REGION/CARRIER"),
            (["--for", "agent", "--probe", "bejing/mobile"], "no region 'bejing', expected one of beijing, "),
            (["--for", "agent", "--probe", "beijing/cmcc"], "no carrier 'cmcc', expected one of telecom, "),
            (["--for", "prometheus"], "nothing to scrape"),
            (["--for", "prometheus", "--exporter", "probe"], "'probe' is no HOST:PORT"),
            (["--for", "agent", "--probe", "beijing/mobile", "--service", "ftp://x"], "'ftp://x' is no URL"),
            (["--for", "grafana"], "grafana"),
        ):
            with self.subTest(words):
                self.assertIn(answer, render(*words, code=64))
        for job, answer in (
            ('job=~"anycast-.*"', "only matchers of the form label"),
            ('job=~"vip-icmp"', "one job pings the nodes, beside 'vip-icmp'"),
            ('job=~"a|b|vip-icmp"', "one job pings the nodes, beside 'vip-icmp'"),
        ):
            with self.subTest(job), tempfile.TemporaryDirectory() as folder:
                config = changed(folder, 'job=~"anycast-icmp|vip-icmp"', job)
                self.assertIn(answer, render("--for", "agent", "--probe", "beijing/mobile", config=config, code=64))

    def test_probes_alone_still_asks_the_daemon(self):
        self.assertIn("/nowhere", anycastctl("-s", "/nowhere", "probes", code=69))

    def test_completion_and_suggestions_know_the_commands_below_probes(self):
        self.assertEqual(anycastctl("__complete", "--", "probes", "").split(), ["render", "sizing"])
        self.assertIn("--exporter", anycastctl("__complete", "--", "probes", "render", "--ex"))
        self.assertIn("did you mean 'render'?", anycastctl("probes", "rendr", code=64))
        self.assertIn("did you mean '--probe'?", anycastctl("probes", "render", "--prob", "x", code=64))

    def test_bash_completes_with_the_script_that_the_package_installs(self):
        script = (
            "source <(anycastctl completion bash); COMP_WORDS=(anycastctl probes render --fo) COMP_CWORD=3; "
            '_anycastctl; echo "${COMPREPLY[@]}"'
        )
        path = f"{BUILD}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env={"PATH": path})
        self.assertEqual((done.stdout, done.stderr), ("--for\n", ""))


class Sizing(unittest.TestCase):
    def test_the_table_has_the_configured_row_first_and_fits_a_terminal(self):
        text = anycastctl("probes", "sizing", "--config", EXAMPLE)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertRegex(text.splitlines()[2], r"^ *\* 3 +5s ")

    def test_more_packets_a_second_see_the_same_loss_sooner(self):
        rows = json.loads(anycastctl("-o", "json", "probes", "sizing", "--config", EXAMPLE))["rows"]
        self.assertEqual(len(rows), 9)
        by_pace = sorted(rows, key=lambda row: row["probes"] / row["every_seconds"])
        for slow, fast in zip(by_pace, by_pace[1:]):
            for before, after in zip(slow["seen"], fast["seen"]):
                if before["seconds"] is None:
                    continue
                self.assertLessEqual(after["seconds"], before["seconds"] + slow["every_seconds"] + fast["every_seconds"])


if __name__ == "__main__":
    unittest.main()
