"""Prometheus fails in every way it can, each time just before a step is due: nothing is announced
otherwise for three windows, every node says what is wrong and since when, and goes on by itself."""

import os
import signal
import time
import unittest
from pathlib import Path

from faults import NODE, WINDOW, FaultTest, net, unix

STAND_IN = Path(__file__).resolve().parent / "stand_in.py"
BAD, WELL = 0.2, 0.05  # seconds

# fault, what a node says about it, the RTT that the path has from now on, what is said to the
# upstream during the fault and what once it is over.
FAULTS = [
    ("stopped", "refused the connection", BAD, 0, 2),
    ("hung", "did not answer within", BAD, 2, "withdrawn"),
    ("html", "answered 502 (text/html)", WELL, "withdrawn", 2),
    ("empty", "0 of 39 probe series are usable", WELL, 2, 0),
    ("warnings", "one of the stores did not answer", BAD, 0, 2),
    ("nan", "neither 0 nor 1", WELL, 2, 0),
    ("truncated", "answered 200 (application/json)", BAD, 0, 2),
    ("old", "old, limit 5s", WELL, 2, 0),
]


class PrometheusFaults(FaultTest):
    NAME = "pf"

    def begin(self, fault, rtt):
        hosts = self.lab.hosts
        if fault == "hung":
            os.kill(hosts.running("prometheus"), signal.SIGSTOP)
            return
        hosts.stop(["prometheus"], signal.SIGKILL)
        if fault != "stopped":
            argv = ["python3", STAND_IN, net.MONITOR_ADDRESS, 9090, fault, rtt]
            hosts.start("stand-in", net.MONITOR, argv)

    def end(self, fault):
        hosts = self.lab.hosts
        if fault == "hung":
            os.kill(hosts.running("prometheus"), signal.SIGCONT)
            return
        hosts.stop(["stand-in"], signal.SIGKILL)
        self.lab.start_prometheus()

    def blind(self, node, words):
        """The status once the node is blind for this reason."""
        said = self.status(node)
        told = "\n".join(notice["text"] for notice in said["notices"])
        return said if said["condition"]["state"] == "blind" and words in told else None

    def test_nothing_is_announced_otherwise_without_evidence(self):
        for fault, words, rtt, during, after in FAULTS:
            with self.subTest(fault=fault):
                began = time.monotonic()
                self.one(fault, words, rtt, during, after)
                print(f"{fault}: {time.monotonic() - began:.0f} s", flush=True)
        self.others_plain()
        self.assert_only_stances()

    def one(self, fault, words, rtt, during, after):
        if during == 0:
            self.make_bad()
        began = time.time()
        self.begin(fault, rtt)
        try:
            if rtt == WELL:
                self.heal()
            self.hold(words, during, began)
        finally:
            self.end(fault)
        for node in net.NODES:
            self.until_run(node, 90)
        self.until_said(after, 120)

    def hold(self, words, during, began):
        """Every node is blind for that reason and says so, and nothing is heard, for 3 windows."""
        blind = {
            node: self.until(
                lambda node=node: self.blind(node, words), 60, f"{node} blind by '{words}'"
            )
            for node in net.NODES
        }
        before = self.heard()
        self.assertEqual(self.said(), during, "the fault came too late")
        self.assert_nothing_heard(before, 3 * WINDOW)
        for node, first in blind.items():
            said = self.blind(node, words)
            self.assertIsNotNone(said, f"{node}: {self.status(node)['condition']}")
            self.assertEqual(said["condition"]["since"], first["condition"]["since"])
            self.assertTrue(began - 4 <= unix(said["condition"]["since"]) <= time.time())
            self.assertEqual(said["health"], "blind")
            self.assertIn("holding", "\n".join(notice["text"] for notice in said["notices"]))
            self.assertFalse(self.lab.ready(node))


if __name__ == "__main__":
    unittest.main(verbosity=2)
