"""anycastd in the lab, judged by what the upstreams heard and what the users felt."""

import os
import shutil
import signal
import time
import unittest

import naive
from updates import assert_only

from lab import topology as net
from lab.control import Lab, find_build
from lab.hosts import LabError, left_behind, wait_until

NAME = f"d{os.getpid()}"
MOBILE_PATHS = [session for session, carrier in net.PATHS if carrier == "mobile"]


def cannot_run():
    if os.geteuid() != 0:
        return "needs root"
    missing = [p for p in ("bird", "prometheus", "nft", "curl") if not shutil.which(p)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        return "" if (find_build() / "anycastd").exists() else "anycastd is not built"
    except LabError as error:
        return str(error)


def lab_with(settings):
    """A lab whose nodes have these settings in a drop-in."""

    class Made(Lab):
        def start_anycastd(self, node):
            folder = self.folder(node) / "conf.d"
            folder.mkdir(exist_ok=True)
            (folder / "test.yaml").write_text(settings)
            super().start_anycastd(node)

    return Made


class InTheLab(unittest.TestCase):
    anycastd = True
    make_lab = Lab

    def setUp(self):
        if reason := cannot_run():
            self.skipTest(reason)
        self.lab = self.make_lab(NAME)
        self.addCleanup(lambda: self.assertEqual(left_behind(NAME), []))
        self.addCleanup(self.lab.down)
        self.lab.up(anycastd=self.anycastd)
        if self.anycastd:
            self.wait_ready()
        self.heard_before = {u: len(self.lab.updates(u)) for u in net.UPSTREAMS}

    def wait_ready(self):
        wait_until(lambda: all(map(self.lab.ready, net.NODES)), 60, "fresh evidence")

    def heard(self):
        """UPDATEs since the nodes were ready, by upstream; all that were ever heard must be right."""
        for upstream in net.UPSTREAMS:
            assert_only(self.lab.updates(upstream), net.PREFIX, net.ORIGIN_ASN)
        return {u: self.lab.updates(u)[n:] for u, n in self.heard_before.items()}

    def assert_nothing_heard(self):
        self.assertEqual(self.heard(), {upstream: [] for upstream in net.UPSTREAMS})

    def degrade(self, *sessions):
        for session in sessions:
            self.lab.path(session.customer, session.provider, "mobile", delay=120, loss=15)


class Announcements(InTheLab):
    def test_taking_over_dying_stopping_and_coming_back_sends_nothing(self):
        self.heard_before = {u: 0 for u in net.UPSTREAMS}
        for upstream, said in self.heard().items():
            sessions = [s for s in net.SESSIONS if s.provider == upstream]
            announced = [u for u in said if u.peer_asn == net.ORIGIN_ASN and u.announced]
            self.assertEqual(len(announced), len(sessions), "one announcement for each session")
        self.heard_before = {u: len(self.lab.updates(u)) for u in net.UPSTREAMS}
        for how in (signal.SIGKILL, signal.SIGTERM):
            for node in net.NODES:
                self.lab.stop_anycastd(node, how)
            self.assertEqual(self.lab.users(2)["mobile"].unserved, 0)
            for node in net.NODES:
                self.lab.start_anycastd(node)
            self.wait_ready()
        self.assert_nothing_heard()

    def test_a_carrier_that_is_bad_everywhere_stays_where_it_is(self):
        # The fault is at the border; wherever its users went, they would fare no better.
        self.degrade(*MOBILE_PATHS)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for carrier, felt in self.lab.users(3).items():
                self.assertEqual(felt.nodes, ["hk-idc-1"], carrier)
        self.assert_nothing_heard()

    def test_without_prometheus_a_bad_path_changes_nothing(self):
        self.lab.hosts.stop(["prometheus"])
        self.degrade(net.session("hk-idc-1", "cmi"))
        time.sleep(30)
        self.assertEqual(self.lab.users(2)["mobile"].nodes, ["hk-idc-1"])
        self.assert_nothing_heard()

    def test_a_restart_on_a_lowered_session_does_not_raise_it(self):
        self.degrade(net.session("hk-idc-1", "cmi"))
        wait_until(lambda: self.heard()["cmi"], 60, "a reaction")
        time.sleep(8)  # past the time in which the router would go back on its own
        heard = self.heard()
        self.lab.stop_anycastd("hk-idc-1", signal.SIGKILL)
        time.sleep(1)
        self.lab.start_anycastd("hk-idc-1")
        wait_until(lambda: self.lab.ready("hk-idc-1"), 60, "fresh evidence")
        self.assertEqual(self.lab.users(2)["mobile"].nodes, ["hk-ali-1"])
        self.assertEqual(self.heard(), heard)


class Naive(InTheLab):
    anycastd = False

    def test_the_naive_rule_ends_with_nobody_announcing_and_stays_there(self):
        turns = naive.run(self.lab, seconds=100)
        for at, announcing in turns:
            if at > 25:
                break
            self.assertEqual(len(announcing), len(net.NODES))
        self.degrade(net.session("hk-idc-1", "cmi"))
        for at, announcing in turns:
            if not announcing:
                break
        self.assertEqual(announcing, [])
        for session in MOBILE_PATHS:
            self.lab.path(session.customer, session.provider, "mobile")
        for at, announcing in turns:
            self.assertEqual(announcing, [], "the path has healed, and still nobody announces")
        self.assertGreater(at, 90)
        for felt in self.lab.users(2).values():
            self.assertEqual(felt.nodes, [])


if __name__ == "__main__":
    unittest.main()
