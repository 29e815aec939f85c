"""The whole ladder in the lab: prepended, withdrawn, prepended, announced, as the upstream heard it."""

import unittest

from anycastd_test import InTheLab
from updates import assert_only

from lab import topology as net
from lab.control import Lab
from lab.hosts import wait_until

NODE = net.session("hk-idc-1", "cmi")
# The lab's own configuration leaves a prepend alone for a minute; here it is given eight seconds.
QUICK = """policy:
  carrier_bad:
    - {do: prepend, count: 2, settle: 8s}
    - {do: withdraw, settle: 8s}
  restore: {settle: 8s}
"""


class QuickLab(Lab):
    def start_anycastd(self, node):
        folder = self.folder(node) / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "quick.yaml").write_text(QUICK)
        super().start_anycastd(node)


def said(update):
    return ("withdraw",) if update.withdrawn else update.attributes.as_path


class Ladder(InTheLab):
    make_lab = QuickLab

    def assert_served(self, nodes):
        """Who serves each carrier's users, all of whom are served."""
        felt = self.lab.users(3)
        self.assertEqual({carrier: f.nodes for carrier, f in felt.items()}, nodes)
        self.assertEqual({f.unserved for f in felt.values()}, {0})

    def test_up_and_down_the_ladder_one_rung_at_a_time(self):
        asn = net.ORIGIN_ASN
        home = {carrier: ["hk-idc-1"] for carrier in net.CARRIERS}
        self.assert_served(home)

        self.degrade(NODE)
        wait_until(lambda: len(self.heard()["cmi"]) == 2, 120, "prepend and withdrawal at cmi")
        self.assert_served(home | {"mobile": ["hk-ali-1"]})

        self.lab.path(NODE.customer, NODE.provider, "mobile")
        wait_until(lambda: len(self.heard()["cmi"]) == 4, 120, "prepend and announcement at cmi")
        self.assert_served(home)

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


if __name__ == "__main__":
    unittest.main()
