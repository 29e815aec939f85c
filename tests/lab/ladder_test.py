"""The whole ladder in the lab: prepended, withdrawn, prepended, announced, as the upstream heard it.

A browser has the node's status page open meanwhile. What Prometheus holds of it afterwards is
recorded and played again.
"""

import time
import unittest

from anycastd_test import InTheLab, lab_with
from onlooker import Onlooker
from processes import needs
from updates import assert_only

from lab import topology as net
from lab.hosts import wait_until

NODE = net.session("hk-idc-1", "cmi")
SHOWN_WITHIN = 2  # seconds from a decision to its row in the page
# The lab's own configuration leaves a prepend alone for a minute; here it is given eight seconds.
QUICK = """policy:
  carrier_bad:
    - {do: prepend, count: 2, settle: 8s}
    - {do: withdraw, settle: 8s}
  restore: {settle: 8s}
"""


def said(update):
    return ("withdraw",) if update.withdrawn else update.attributes.as_path


@needs("chromium", "chromedriver")
class Ladder(InTheLab):
    make_lab = lab_with(QUICK)

    def assert_served(self, nodes):
        """Who serves each carrier's users, all of whom are served."""
        felt = self.lab.users(3)
        self.assertEqual({carrier: f.nodes for carrier, f in felt.items()}, nodes)
        self.assertEqual({f.unserved for f in felt.values()}, {0})

    def assert_replays(self, seconds):
        """A record of the last seconds, played twice, says the same both times, and what was done."""
        folder = self.lab.folder(NODE.customer)
        trace = folder / "run.trace"
        program = self.lab.program("anycastctl")
        config = ["--config", folder / "anycastd.yaml", "--node", NODE.customer]
        said = self.lab.hosts.run(
            NODE.customer, [program, "record", "--last", f"{seconds}s", "--out", trace, *config]
        )
        self.assertRegex(said, r"run\.trace: \d+ series, .*samples")
        first, second = (
            self.lab.hosts.run(NODE.customer, [program, "replay", trace]) for _ in range(2)
        )
        self.assertEqual(first, second)
        self.assertIn(f"{NODE.customer}: prepended 2 on {NODE.provider}", first)
        self.assertRegex(first, r"digest [0-9a-f]+")

    def assert_shown(self, onlooker, steps):
        """Each step came into the page that was open all the time, soon after it was done."""
        delays = onlooker.delays()
        self.assertEqual(len(delays), steps, delays)
        for text, seconds in delays:
            print(f"{seconds * 1000:.0f} ms from the decision to the page: {text}")
            self.assertGreaterEqual(seconds, 0)
            self.assertLess(seconds, SHOWN_WITHIN)

    def test_up_and_down_the_ladder_one_rung_at_a_time(self):
        began = time.monotonic()
        asn = net.ORIGIN_ASN
        home = {carrier: ["hk-idc-1"] for carrier in net.CARRIERS}
        self.assert_served(home)
        onlooker = Onlooker(self.lab, NODE.customer)
        self.addCleanup(onlooker.close)

        self.degrade(NODE)
        wait_until(lambda: len(self.heard()["cmi"]) == 2, 120, "prepend and withdrawal at cmi")
        self.assert_served(home | {"mobile": ["hk-ali-1"]})

        self.lab.path(NODE.customer, NODE.provider, "mobile")
        wait_until(lambda: len(self.heard()["cmi"]) == 4, 120, "prepend and announcement at cmi")
        self.assert_served(home)
        self.assert_shown(onlooker, steps=4)

        heard = self.heard()
        self.assertEqual(
            [said(update) for update in heard["cmi"]],
            [(asn, asn, asn), ("withdraw",), (asn, asn, asn), (asn,)],
        )
        for upstream in net.UPSTREAMS:
            if upstream != "cmi":
                self.assertEqual(heard[upstream], [], upstream)
        for upstream in net.UPSTREAMS:
            assert_only(self.lab.updates(upstream), net.PREFIX, asn)
        self.assert_replays(int(time.monotonic() - began))


if __name__ == "__main__":
    unittest.main()
