"""The evening that deploy/demo tells, on a fleet of two nodes with FRR and two with BIRD; the path
that turns bad begins at one with FRR."""

import os
import shutil
import unittest

from faults import MISSING, FaultLab
from updates import assert_only

from lab import topology as net
from lab.evening import CARRIER, NODE, UPSTREAM, Evening
from lab.frr import PROGRAMS
from lab.hosts import left_behind

WITH_FRR = [NODE, "hk-tx-1"]
# The lab's own configuration leaves a prepend alone for a minute.
QUICK = """policy:
  carrier_bad:
    - {do: prepend, count: 2, settle: 30s}
    - {do: withdraw, settle: 10s}
"""


class MixedLab(FaultLab):
    def start_anycastd(self, node):
        folder = self.folder(node) / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "quick.yaml").write_text(QUICK)
        super().start_anycastd(node)


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
@unittest.skipIf(not shutil.which(PROGRAMS / "bgpd"), "not installed: frr")
class MixedFleet(unittest.TestCase):
    def test_the_evening_ends_well_and_each_upstream_hears_its_part_only(self):
        lab = MixedLab(f"mf{os.getpid()}", frr=WITH_FRR)
        self.addCleanup(lambda: self.assertEqual(left_behind(lab.name), []))
        self.addCleanup(lab.down)
        evening = Evening(lab)
        self.assertEqual(evening.play(), [])

        self.assertEqual({node for node in net.NODES if lab.kind(node) == "frr"}, set(WITH_FRR))
        moved_to = evening.felt["moved"][CARRIER].nodes
        self.assertEqual(len(moved_to), 1)
        self.assertEqual(lab.kind(moved_to[0]), "bird")
        for upstream in net.UPSTREAMS:
            updates = lab.updates(upstream)
            assert_only(updates, net.PREFIX, net.ORIGIN_ASN)
            for session in (s for s in net.SESSIONS if s.provider == upstream):
                paths = [
                    u.attributes.as_path if u.announced else "withdrawn"
                    for u in updates
                    if u.peer == str(session.customer_address) and not u.is_end_of_rib
                ]
                plain = (net.ORIGIN_ASN,)
                step = [3 * plain, plain] if (session.customer, upstream) == (NODE, UPSTREAM) else []
                self.assertEqual(paths, [plain, *step], session.cable)


if __name__ == "__main__":
    unittest.main()
