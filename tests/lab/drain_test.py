"""What the users lose when a node is drained, beside one that withdraws at once, and one that hangs."""

import os
import signal
import unittest

from anycastd_test import InTheLab, lab_with
from api import call
from clients import Clients

from lab import topology as net
from lab.hosts import wait_until

NODE = "hk-idc-1"
SECONDS = 12  # of each stream; the node leaves in the middle
SHOWN = [
    "requests",
    "requests sent again",
    "requests lost",
    "datagrams",
    "datagrams lost",
    "downloads broken",
]
QUICK = """policy: {drain: {settle: 3s}}
guards: {damping: {ceiling: 50000, normal: 50000}}
"""


class Drained(InTheLab):
    make_lab = lab_with(QUICK)

    def order(self, **order):
        order = {"reason": "drain_test", "force": True, **order}
        code, said = call(self.lab.control_socket(NODE), "POST", "/v1/orders", order)
        self.assertEqual(code, 202, said)

    def last_word(self, upstream):
        peer = str(net.session(NODE, upstream).customer_address)
        last = [u for u in self.lab.updates(upstream) if u.peer == peer and not u.is_end_of_rib][-1]
        return "withdrawn" if last.withdrawn else last.attributes.communities

    def everyone(self, word):
        return {self.last_word(upstream) for upstream in net.NODES[NODE].upstreams} == {word}

    def served_at_home(self):
        return {node for felt in self.lab.users(2).values() for node in felt.nodes} == {NODE}

    def lost(self, leave):
        """What the users tally while the node leaves; it must have served all of them before."""
        wait_until(self.served_at_home, 60, f"all users at {NODE}")
        clients = Clients(self.lab.hosts, net.USERS.values(), net.VIP, SECONDS)
        self.addCleanup(clients.stop)
        wait_until(self.served_at_home, 4, f"all users at {NODE}, still")
        leave()
        tally = clients.tally()
        by = {name for name in tally if name.startswith("by ")}
        self.assertGreater(len(by), 1, "nobody else has served anybody")
        return tally

    def drain(self, now):
        self.order(kind="drain", now=now)
        wait_until(lambda: self.everyone("withdrawn"), 20, "the end of the drain")

    def hang(self):
        """The address is gone and nobody says so, until the upstreams' hold time ends."""
        self.lab.stop_anycastd(NODE, signal.SIGKILL)
        self.lab.hosts.ip([f"addr del {net.VIP}/32 dev lo"], NODE)
        os.kill(self.lab.hosts.running(f"bird.{NODE}"), signal.SIGSTOP)

    def test_a_drain_loses_no_short_request(self):
        leaves = {
            "drained": lambda: self.drain(now=False),
            "withdrawn": lambda: self.drain(now=True),
            "hanging": self.hang,
        }
        tallies = {}
        for how, leave in leaves.items():
            if tallies:
                self.order(kind="undrain")
                wait_until(lambda: self.everyone(()), 30, "the announcements")
            tallies[how] = self.lost(leave)
        print()
        print(f"{'':<20}", *(f"{how:>10}" for how in tallies))
        for what in SHOWN:
            print(f"{what:<20}", *(f"{tally[what]:>10}" for tally in tallies.values()))
        self.assertEqual(tallies["drained"]["requests lost"], 0)
        self.assertEqual(tallies["drained"]["datagrams lost"], 0)
        self.assertGreater(tallies["hanging"]["requests lost"], 0)


if __name__ == "__main__":
    unittest.main()
