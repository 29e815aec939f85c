"""The lab itself: what is made bad is bad for its own users only, and nothing is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

from updates import assert_only

from lab import texts
from lab import topology as net
from lab.control import SOURCE, Lab
from lab.hosts import LabError, left_behind, wait_until

NAMES = [f"{letter}{os.getpid()}" for letter in "abc"]
NEEDED = ["bird", "prometheus", "prometheus-blackbox-exporter", "nft", "curl"]
MISSING = [program for program in NEEDED if not shutil.which(program)]


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class LabTest(unittest.TestCase):
    def tearDown(self):
        for name in NAMES:
            self.assertEqual(left_behind(name), [])


class InOneLab(LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(NAMES[0])
        cls.lab.up(anycastd=False)
        cls.addClassCleanup(cls.lab.down)

    def tearDown(self):
        for session, carrier in net.PATHS:
            self.lab.path(session.customer, session.provider, carrier)
        for node in net.NODES.values():
            self.announce(node.name, texts.plain_fragment(node))
        self.served("hk-idc-1", "hk-idc-1", "hk-idc-1")

    def announce(self, node, fragment):
        (self.lab.folder(node) / "run" / "bird.conf").write_text(fragment)
        self.lab.birdc(node, "configure")

    def served(self, telecom, unicom, mobile):
        """Waits until each carrier's users are served by that node only; returns what they felt."""

        def as_expected():
            felt = self.lab.users(1)
            nodes = [felt[carrier].nodes for carrier in ("telecom", "unicom", "mobile")]
            return felt if nodes == [[telecom], [unicom], [mobile]] else None

        return wait_until(as_expected, 15, "users served by the expected nodes")

    def ask(self, promql):
        """{(node, upstream, carrier): value}"""
        query = urllib.parse.urlencode({"query": promql})
        url = f"http://{net.MONITOR_ADDRESS}:9090/api/v1/query?{query}"
        answer = json.loads(self.lab.hosts.run(net.MONITOR, ["curl", "-s", url]))
        return {
            (r["metric"]["node"], r["metric"]["upstream"], r["metric"]["carrier"]): float(
                r["value"][1]
            )
            for r in answer["data"]["result"]
        }

    def test_users_start_at_the_rack_with_real_looking_figures(self):
        for felt in self.served("hk-idc-1", "hk-idc-1", "hk-idc-1").values():
            self.assertEqual((felt.loss_percent, felt.unserved), (0, 0))
            self.assertTrue(25 < felt.rtt_ms < 70, felt.rtt_ms)

    def test_a_bad_path_is_felt_by_its_own_users_only(self):
        self.lab.path("hk-idc-1", "cmi", "mobile", delay=120, loss=15)
        felt = self.lab.users(10)
        self.assertTrue(150 < felt["mobile"].rtt_ms < 200, felt["mobile"].rtt_ms)
        self.assertTrue(5 < felt["mobile"].loss_percent < 30, felt["mobile"].loss_percent)
        for carrier in ("telecom", "unicom"):
            self.assertTrue(felt[carrier].rtt_ms < 70, felt[carrier].rtt_ms)
            self.assertEqual(felt[carrier].loss_percent, 0)

    def test_probes_see_a_bad_path_and_no_other(self):
        self.lab.path("hk-aws-1", "ntt", "unicom", delay=120)
        wait_until(lambda: len(self.ask("probe_success")) == 13 + 3, 15, "samples of every path")
        time.sleep(4)
        rtt = self.ask(
            "avg by (node, upstream, carrier)"
            '(avg_over_time(probe_icmp_duration_seconds{job="anycast-icmp",phase="rtt"}[2s]))'
        )
        bad = [path for path, seconds in rtt.items() if seconds > 0.1]
        self.assertEqual(len(rtt), 13)
        self.assertEqual(bad, [("hk-aws-1", "ntt", "unicom")])

    def test_prepending_on_one_session_moves_only_the_carriers_behind_it(self):
        fragment = texts.plain_fragment(net.NODES["hk-idc-1"]).replace(
            "filter anycastd_cmi {", "filter anycastd_cmi { bgp_path.prepend(64500);", 1
        )
        self.announce("hk-idc-1", fragment)
        self.served("hk-idc-1", "hk-idc-1", "hk-ali-1")
        for upstream in net.UPSTREAMS:
            assert_only(self.lab.updates(upstream), net.PREFIX, net.ORIGIN_ASN)

    def test_replies_leave_through_the_upstream_that_the_request_came_by(self):
        # Away from both upstreams of the tie-break: telecom's way in is now ntt at hk-ali-1, and
        # only that path is bad.
        for node in ("hk-idc-1", "hk-tx-1"):
            fragment = texts.plain_fragment(net.NODES[node]).replace("accept;", "reject;")
            self.announce(node, fragment)
        self.lab.path("hk-ali-1", "ntt", "telecom", delay=100)
        felt = self.served("hk-ali-1", "hk-ali-1", "hk-ali-1")
        self.assertTrue(130 < felt["telecom"].rtt_ms < 180, felt["telecom"].rtt_ms)

    def test_a_path_that_is_none_is_refused(self):
        with self.assertRaisesRegex(LabError, "'cmi' does not carry 'telecom'"):
            self.lab.path("hk-idc-1", "cmi", "telecom", delay=1)

    def test_a_second_lab_does_not_disturb_the_first(self):
        second = Lab(NAMES[1])
        second.up(anycastd=False)
        try:
            second.path("hk-idc-1", "cmi", "mobile", loss=100)
            self.assertEqual(self.lab.users(1)["mobile"].nodes, ["hk-idc-1"])
            self.assertEqual(second.users(1)["mobile"].nodes, [])
        finally:
            second.down()
        self.assertEqual(left_behind(NAMES[1]), [])
        self.assertEqual(self.lab.users(1)["mobile"].nodes, ["hk-idc-1"])


class Leaving(LabTest):
    def test_down_twice_and_without_a_lab_is_fine(self):
        Lab(NAMES[2]).down()
        Lab(NAMES[2]).down()

    def test_an_up_that_fails_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as empty:
            with self.assertRaisesRegex(LabError, "'wire' ended"):
                Lab(NAMES[2], build=empty).up(anycastd=False)

    def test_an_up_that_is_interrupted_leaves_nothing(self):
        for after, how in [(0, signal.SIGINT), (1.0, signal.SIGINT), (0.5, signal.SIGTERM)]:
            with self.subTest(after=after, how=how):
                up = subprocess.Popen(
                    [sys.executable, SOURCE / "deploy/lab/lab", "up", "--no-anycastd", NAMES[2]],
                    stdout=subprocess.DEVNULL,
                    # A shell lets what it starts in the background ignore it.
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )
                self.addCleanup(up.kill)
                # Not before it has made something: a busy machine is long at starting Python alone.
                wait_until(lambda: left_behind(NAMES[2]), 20, "the lab's first host")
                time.sleep(after)
                up.send_signal(how)
                self.assertEqual(up.wait(20), 128 + how)
                self.assertEqual(left_behind(NAMES[2]), [])

    def test_a_daemon_left_running_in_the_lab_goes_with_it(self):
        lab = Lab(NAMES[2])
        lab.up(anycastd=False)
        stray = subprocess.Popen(lab.hosts.command("hk-idc-1", ["sleep", "600"]))
        lab.down()
        self.assertEqual(stray.wait(5), -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
