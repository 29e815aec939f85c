"""Every alert fires for its fault, in a lab whose Prometheus has loaded the rules that operators load.

The minutes of the rules are seconds here, as everything in the lab is quicker than the real world.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import sqlite3
import sys
import time
import unittest
import urllib.parse
from pathlib import Path

import yaml
from faults import CARRIER, NODE, UPSTREAM, FaultLab, FaultTest, net

from lab import texts

SOURCE = Path(__file__).resolve().parents[2]
RULES = SOURCE / "probes" / "rules"
RUNBOOKS = SOURCE / "deploy" / "docs" / "runbooks"
SECOND, THIRD, FOURTH = (node for node in net.NODES if node != NODE)
PATIENCE = 75  # seconds, for the longest of the alerts on a busy machine
# Figures that mean a time or a rate, as the lab's times and rates are.
FIGURES = {
    "count10m >= 100": "count10m >= 20",
    "timestamp_seconds > 120": "timestamp_seconds > 6",
    'timestamp(probe_success{job="anycast-icmp"})) > 30': (
        'timestamp(probe_success{job="anycast-icmp"})) > 3'
    ),
}


def quicker(rules):
    """The rules with seconds for minutes; what takes hours takes some seconds more."""

    def span(match):
        number, unit = int(match[2]), match[3]
        return f"{match[1]}{max(1, number // 60) if unit == 's' else number}s"

    def window(match):
        return f"[{int(match[1]) * {'m': 1, 'h': 60, 'd': 60}[match[2]]}s]"

    for real, here in FIGURES.items():
        rules = rules.replace(real, here)
    rules = re.sub(r"(for: )(\d+)([smh])\b", span, rules)
    return re.sub(r"\[(\d+)([mhd])\]", window, rules)


class WatchedLab(FaultLab):
    """Its Prometheus also asks for the service, and watches."""

    def start_prometheus(self):
        state = self.hosts.state
        folder = state / "rules"
        folder.mkdir()
        for rules in RULES.glob("*.yml"):
            (folder / rules.name).write_text(quicker(rules.read_text()))
        config = texts.prometheus().replace(
            "global: {", "global: {evaluation_interval: 500ms, ", 1
        )
        targets = ", ".join(
            f"{{targets: ['{net.VIP}'], labels: {{region: {user.region}, carrier: {user.carrier},"
            f" __probe: '{net.MANAGEMENT_ADDRESS[user.name]}:9115'}}}}"
            for user in net.USERS.values()
        )
        config += f"""  - job_name: anycast-http
    scrape_interval: 1s
    metrics_path: /probe
    params: {{module: [http]}}
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__probe], target_label: instance}}
      - {{source_labels: [__probe], target_label: __address__}}
    static_configs: [{targets}]
rule_files: ['{folder}/*.yml']
"""
        (state / "prometheus.yml").write_text(config)
        super().start_prometheus()


def fires(*alerts):
    """Names the alerts that a test's fault has to raise."""

    def named(test):
        test.alerts = alerts
        return test

    return named


def hang(thread):
    """Stops one thread of another process, until the context is left."""
    libc = ctypes.CDLL(None, use_errno=True)
    attach, detach = 16, 17

    @contextlib.contextmanager
    def stopped():
        if libc.ptrace(attach, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"cannot stop thread {thread}")
        os.waitpid(thread, 0x40000000)  # __WALL
        try:
            yield
        finally:
            libc.ptrace(detach, thread, None, None)

    return stopped()


class Alerts(FaultTest):
    NAME = "al"
    make_lab = WatchedLab

    @classmethod
    def alerts(cls, state=".*"):
        """{alert: its labels} by Prometheus' own word, of those that fire or will."""
        query = urllib.parse.urlencode({"query": f'ALERTS{{alertstate=~"{state}"}}'})
        url = f"http://{net.MONITOR_ADDRESS}:9090/api/v1/query?{query}"
        answer = json.loads(cls.lab.hosts.run(net.MONITOR, ["curl", "-s", "-m", "5", url]))
        return {one["metric"]["alertname"]: one["metric"] for one in answer["data"]["result"]}

    @classmethod
    def firing(cls):
        return cls.alerts("firing")

    def setUp(self):
        self.undo = contextlib.ExitStack()
        self.addCleanup(self.undo.close)

    def expect(self, *alerts):
        """Waits until all of them fire; returns their labels."""
        seen = {}

        def all_fire():
            seen.update(self.firing())
            return set(alerts) <= set(seen)

        with self.subTest(alerts=alerts):
            self.until(all_fire, PATIENCE, ", ".join(alerts))
        self.assertLessEqual(set(alerts), set(seen))
        return seen

    def expect_all(self):
        return self.expect(*getattr(self, self._testMethodName).alerts)

    # What is done to the lab, each with its way back

    def configure(self, node, text):
        """A drop-in for the node, and its removal."""
        path = self.lab.folder(node) / "conf.d" / "zz-test.yaml"

        def load():
            os.kill(self.lab.hosts.running(f"anycastd.{node}"), signal.SIGHUP)

        def remove():
            path.unlink()
            load()
            self.until(lambda: self.status(node)["config"]["last_reload_ok"], 30, "the reload")

        path.write_text(text)
        load()
        self.undo.callback(remove)

    def order(self, node, kind, **members):
        code, said = self.post(
            "/v1/orders", {"kind": kind, "reason": "test", "force": True, **members}, node
        )
        self.assertEqual(code, 202, said)

    def drain(self, node):
        self.order(node, "drain", now=True)
        self.undo.callback(self.order, node, "undrain")

    def freeze(self, node):
        code, said = self.post("/v1/orders", {"kind": "freeze", "reason": "test"}, node)
        self.assertEqual(code, 202, said)
        self.undo.callback(self.post, "/v1/orders", {"kind": "unfreeze", "reason": "test"}, node)

    def spoil(self, node, upstream, **how):
        self.lab.path(node, upstream, CARRIER, **how)
        self.undo.callback(self.lab.path, node, upstream, CARRIER)

    def birdc(self, node, word, protocol):
        self.lab.birdc(node, word, protocol)
        self.undo.callback(self.lab.birdc, node, "enable", protocol)

    def stop(self, names, restart):
        self.lab.hosts.stop(names, signal.SIGKILL)
        self.undo.callback(restart)

    # The tests

    @fires()
    def test_1_a_lab_where_all_is_well_fires_nothing(self):
        # Pending counts, too: what is wrong for good would fire later.
        quiet_since = time.monotonic()

        def quiet():
            nonlocal quiet_since
            if self.alerts():
                quiet_since = time.monotonic()
            return time.monotonic() - quiet_since > 6

        self.until(quiet, PATIENCE, "six seconds without an alert")

    @fires()
    def test_2_every_alert_has_a_test_and_a_runbook(self):
        rules = (RULES / "alerts.yml").read_text()
        tests = unittest.defaultTestLoader.getTestCaseNames(type(self))
        covered = {alert for test in tests for alert in getattr(self, test).alerts}
        self.assertEqual(set(re.findall(r"alert: (\w+)", rules)), covered)
        for runbook in re.findall(r"runbook: .*/(\w+\.md)", rules):
            self.assertTrue((RUNBOOKS / runbook).is_file(), runbook)

    @fires("AnycastCarrierBad", "AnycastGuardBlocks", "AnycastPlanWaits")
    def test_one_path_is_bad(self):
        self.configure(NODE, "guards: {max_changes: {count: 1, per: 1h}}\n")
        self.configure(SECOND, "mode: advise\n")
        self.order(NODE, "pin", upstream=UPSTREAM, stance="prepend=1")
        self.until_said(1, 30)
        self.order(NODE, "unpin", upstream=UPSTREAM)
        self.until_said(0, 30)
        for node in NODE, SECOND:
            self.spoil(node, UPSTREAM, delay=150)
        fired = self.expect_all()
        self.assertEqual(fired["AnycastCarrierBad"]["carrier"], CARRIER)

    @fires("AnycastCarrierBadEverywhere", "AnycastVipLoss")
    def test_a_carrier_is_bad_everywhere(self):
        for session, carrier in net.PATHS:
            if carrier == CARRIER:
                self.spoil(session.customer, session.provider, delay=150, loss=30)
        fired = self.expect_all()
        self.assertEqual(fired["AnycastVipLoss"]["carrier"], CARRIER)

    @fires(
        "AnycastOneNodeLeft",
        "AnycastPathMargin",
        "AnycastHandsOnForgotten",
        "AnycastPrefixNotAnnounced",
        "AnycastServiceDown",
    )
    def test_one_node_after_the_other_is_drained_and_the_last_one_fails(self):
        for node in SECOND, THIRD, FOURTH:
            self.drain(node)
        self.expect("AnycastOneNodeLeft", "AnycastPathMargin", "AnycastHandsOnForgotten")
        # Which no order may do.
        self.birdc(NODE, "disable", "anycastd4")
        self.expect("AnycastPrefixNotAnnounced", "AnycastServiceDown")

    @fires("AnycastFlapping", "AnycastDampingNear")
    def test_a_node_that_changes_its_word_all_the_time(self):
        self.configure(NODE, "guards: {damping: {half_life: 15m}}\n")
        self.undo.callback(self.until_said, 0, 60)
        self.undo.callback(self.order, NODE, "unpin", upstream=UPSTREAM)
        for times in (1, 2, 3) * 3:
            self.order(NODE, "pin", upstream=UPSTREAM, stance=f"prepend={times}")
            self.until_said(times, 30)
        self.expect_all()

    @fires("AnycastCatchmentFlaps")
    def test_the_users_are_answered_by_ever_another_node(self):
        # What tells the nodes apart is the hop limit of their replies.
        def limit(hops):
            for node in net.NODES:
                self.lab.hosts.sysctl(node, {"net.ipv4.ip_default_ttl": hops})

        self.undo.callback(limit, 64)
        for hops in (50, 64) * 5:
            limit(hops)
            time.sleep(1.2)
        self.expect_all()

    @fires("AnycastdDown", "AnycastRouterDown", "AnycastSessionDown", "AnycastOutOfSync")
    def test_a_daemon_a_router_a_session_and_a_route_are_gone(self):
        self.stop([f"anycastd.{SECOND}"], lambda: self.lab.start_anycastd(SECOND))
        self.stop([f"bird.{THIRD}"], lambda: self.lab.start_router(THIRD))
        self.birdc(FOURTH, "disable", net.NODES[FOURTH].upstreams[0])
        self.birdc(NODE, "disable", "anycastd4")
        fired = self.expect_all()
        self.assertIn(str(net.MANAGEMENT_ADDRESS[SECOND]), fired["AnycastdDown"]["instance"])

    @fires("AnycastdStalled")
    def test_a_cycle_that_does_not_end(self):
        pid = self.lab.hosts.running(f"anycastd.{FOURTH}")
        threads = sorted(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
        self.assertEqual(len(threads), 2, "the serve thread and the one that thinks")
        with hang(threads[1]):
            self.expect_all()

    @fires("AnycastConfigRejected", "AnycastConfigDiffers")
    def test_configurations_that_are_wrong_and_that_differ(self):
        self.configure(SECOND, "guards: {min_nodes: many}\n")
        self.configure(THIRD, "guards: {turn: 7s}\n")
        self.expect_all()

    @fires("AnycastApplyFailed")
    def test_a_router_that_refuses_a_change(self):
        conf = self.lab.folder(NODE) / "bird.conf"
        good = conf.read_text()
        self.undo.callback(self.until_run)
        self.undo.callback(self.lab.birdc, NODE, "configure")
        self.undo.callback(conf.write_text, good)
        self.undo.callback(self.order, NODE, "unpin", upstream=UPSTREAM)
        conf.write_text(good + "nonsense;\n")
        self.order(NODE, "pin", upstream=UPSTREAM, stance="prepend=1")
        self.expect_all()

    @fires("AnycastEventsLost")
    def test_a_history_that_cannot_be_written(self):
        history = sqlite3.connect(self.lab.folder(FOURTH) / "history.db", isolation_level=None)
        history.execute("BEGIN EXCLUSIVE")
        try:
            self.freeze(FOURTH)
            self.expect_all()
        finally:
            history.close()

    @fires("AnycastPrometheusFailing", "AnycastSlowCycles")
    def test_a_prometheus_that_does_not_answer(self):
        dead = ", ".join(f"'http://{net.MANAGEMENT_ADDRESS[node]}:9'" for node in (NODE, SECOND))
        table = (
            "table inet unanswered {"
            " chain out { type filter hook output priority 0; tcp dport 9 drop; }; }"
        )
        self.lab.hosts.run(FOURTH, ["nft", "-f", "-"], text=table)
        self.undo.callback(self.lab.hosts.run, FOURTH, ["nft", "delete table inet unanswered"])
        self.configure(FOURTH, f"prometheus: {{urls: [{dead}], interval: 1s, timeout: 900ms}}\n")
        self.expect_all()

    @fires("AnycastBlind", "AnycastEvidenceThin", "AnycastProbeSilent")
    def test_probes_that_are_silent(self):
        probes = [self.lab.hosts.running(f"blackbox.{user}") for user in net.USERS]
        for probe in probes:
            self.undo.callback(os.kill, probe, signal.SIGCONT)
            os.kill(probe, signal.SIGSTOP)
        self.expect_all()

    @fires("AnycastProbeLate")
    def test_a_probe_that_pushes_over_a_slow_connection(self):
        hosts, state = self.lab.hosts, self.lab.hosts.state
        user = next(user for user in net.USERS.values() if user.carrier == CARRIER)
        central = (state / "prometheus.yml").read_text()
        self.undo.callback(self.monitor, central)
        config = yaml.safe_load(central)
        paths = config["scrape_configs"][0]
        exporter = f"{net.MANAGEMENT_ADDRESS[user.name]}:9115"
        own = [p for p in paths["static_configs"] if p["labels"]["__probe"] == exporter]
        queue = {"max_shards": 1, "batch_send_deadline": "500ms"}
        push = {"url": "http://127.0.0.1:9900/api/v1/write", "queue_config": queue}
        agent = {
            "global": config["global"],
            "scrape_configs": [{**paths, "static_configs": own}],
            "remote_write": [push],
        }
        (state / "agent.yml").write_text(json.dumps(agent))
        paths["static_configs"] = [p for p in paths["static_configs"] if p not in own]
        self.monitor(json.dumps(config))
        relay = Path(__file__).resolve().parent / "late_relay.py"
        words = {
            "relay": [sys.executable, relay, 9900, net.MONITOR_ADDRESS, 5],
            "agent": [
                "prometheus",
                "--enable-feature=agent",
                f"--config.file={state}/agent.yml",
                f"--storage.agent.path={state}/agent",
                "--web.listen-address=127.0.0.1:9090",
                "--log.level=warn",
            ],
        }
        self.undo.callback(hosts.stop, list(words), signal.SIGKILL)
        for name, argv in words.items():
            hosts.start(name, user.name, argv)
        fired = self.expect_all()
        self.assertEqual(fired["AnycastProbeLate"]["region"], user.region)

    def monitor(self, config):
        """Lets the lab's Prometheus go on with another configuration."""
        (self.lab.hosts.state / "prometheus.yml").write_text(config)
        os.kill(self.lab.hosts.running("prometheus"), signal.SIGHUP)

    @fires("AnycastProbeSick")
    def test_a_probe_that_is_sick(self):
        user = next(user for user in net.USERS.values() if user.carrier == CARRIER)
        access = f"rule {user.name} {user.network} delay {net.REGIONS[user.region] / 2}"
        self.undo.callback(self.lab.wire, [access])
        self.lab.wire([f"{access} loss 40"])
        fired = self.expect_all()
        self.assertEqual(fired["AnycastProbeSick"]["region"], user.region)

    @fires("AnycastNodeServiceLow", "AnycastNodeServiceDown")
    def test_real_servers_that_die(self):
        ports = [8081, 8082, 8083]
        names = {port: f"real.{port}" for port in ports}
        program = Path(__file__).resolve().parent / "real_server.py"
        for port in ports:
            self.lab.hosts.start(names[port], FOURTH, [sys.executable, program, port])
        self.undo.callback(self.lab.hosts.stop, list(names.values()), signal.SIGKILL)
        servers = ", ".join(f'{{address: "127.0.0.1:{port}"}}' for port in ports)
        check = "{interval: 500ms, fast_interval: 100ms, timeout: 400ms}"
        self.configure(
            FOURTH,
            f"nodes: {{{FOURTH}: {{services: {{web: {{check: {check}, servers: [{servers}],"
            " high: 60%, low: 60%}}}}\n",
        )
        self.until(lambda: self.service(FOURTH)["level"] == "up", 30, "a service")
        self.lab.hosts.stop([names[8081], names[8082]], signal.SIGKILL)
        self.expect("AnycastNodeServiceLow")
        self.lab.hosts.stop([names[8083]], signal.SIGKILL)
        self.expect("AnycastNodeServiceDown")

    def service(self, node):
        return self.status(node)["local"]["services"][0]

    @fires("AnycastRpkiInvalid", "AnycastRoaGone", "AnycastRpkiUnknown")
    def test_roas_that_change(self):
        export = self.lab.folder(FOURTH) / "roas.json"

        def roas(*ours):
            other = {"prefix": "198.51.100.0/24", "maxLength": 24, "asn": 64511, "ta": "test"}
            all_of_them = [other, *({**other, "prefix": net.PREFIX, "asn": asn} for asn in ours)]
            made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            new = export.with_suffix(".new")
            new.write_text(json.dumps({"metadata": {"buildtime": made}, "roas": all_of_them}))
            new.rename(export)

        roas(net.ORIGIN_ASN)
        self.configure(FOURTH, f"rpki: {{validator: {export}}}\n")
        self.until(lambda: self.origin(FOURTH) == "valid", 30, "a valid origin")
        roas(64511)
        self.expect("AnycastRpkiInvalid")
        roas(net.ORIGIN_ASN)
        self.until(lambda: self.origin(FOURTH) == "valid", 30, "a valid origin")
        roas()
        self.expect("AnycastRoaGone")
        export.write_text("nothing of the kind")
        self.expect("AnycastRpkiUnknown")

    def origin(self, node):
        return self.status(node)["prefixes"][0]["rpki"]["state"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
