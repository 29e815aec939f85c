"""anycastd killed at any moment: what the upstreams hear is what was ordered, and no more.

Orders keep coming, so that kills land before, inside and after apply, verify and confirm. The
seed is printed; ANYCAST_SEED repeats a run, ANYCAST_KILLS shortens it.
"""

import collections
import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
import unittest
from pathlib import Path

from api import call
from updates import GRACEFUL_SHUTDOWN, assert_only

from lab import topology as net
from lab.control import Lab
from lab.hosts import left_behind, wait_until

NEEDED = ["bird", "prometheus", "prometheus-blackbox-exporter", "nft"]
MISSING = [program for program in NEEDED if not shutil.which(program)]

NODE = "hk-idc-1"
UPSTREAMS = net.NODES[NODE].upstreams
SEED = int(os.environ.get("ANYCAST_SEED", random.randrange(1_000_000)))
KILLS = int(os.environ.get("ANYCAST_KILLS", "200"))
# A kill between activation and confirm may mean that BIRD first goes back, 5 s later, and that the
# daemon then holds; the rest is for a busy machine.
SETTLES_WITHIN = 60  # seconds

# Nothing but the orders may cause a change: no path is ever bad, however busy the machine.
HASTY = """prometheus: {interval: 1s, timeout: 900ms}
thresholds:
  default:
    rtt: {warn: 3s, bad: 4s, clear: 3s}
    loss: {warn: 70%, bad: 90%, clear: 80%}
    jitter: {warn: 3s, bad: 4s, clear: 3s}
policy: {drain: {settle: 1s}}
guards: {confirm: 5s, hold_after_change: 5s, max_changes: {count: 1000, per: 1m}}
"""

ANNOUNCED, DRAINED, WITHDRAWN = ("announced", 0), ("drained", 0), ("withdrawn", 0)
# What the API takes as a stance, and what status calls it.
STANCES = {
    "announce": ANNOUNCED,
    "prepend=1": ("prepended", 1),
    "prepend=2": ("prepended", 2),
    "drain": DRAINED,
    "withdraw": WITHDRAWN,
}


def said(update):
    """The stance that an UPDATE of the node expresses."""
    if update.withdrawn:
        return WITHDRAWN
    if GRACEFUL_SHUTDOWN in update.attributes.communities:
        return DRAINED
    prepends = len(update.attributes.as_path) - 1
    return ("prepended", prepends) if prepends else ANNOUNCED


def without_repeated_withdrawals(updates):
    """BIRD 2.0.12 withdraws again, at the next configure, what `disable` has withdrawn."""
    gone = set()
    for update in updates:
        session = (update.peer, update.session)
        if update.withdrawn and session in gone:
            continue
        (gone.add if update.withdrawn else gone.discard)(session)
        yield update


class Order:
    """An order, and the stances that each upstream may hear because of it."""

    def __init__(self, body, may_hear):
        self.body = {"reason": "kill_test", **body}
        self.may_hear = may_hear

    @staticmethod
    def any(chance, status):
        """A random one that would change something."""
        pins = {u["name"]: u["pin"] for u in status["upstreams"]}
        # What a session returns to when it is neither drained nor pinned is plain.
        back = {u: {stance_of(pin) if pin else ANNOUNCED} for u, pin in pins.items()}
        if status["drain"]:
            return Order({"kind": "undrain"}, back)
        pinned = [u for u, pin in pins.items() if pin]
        kind = chance.choices(["pin", "unpin", "drain"], [7, 3, 1])[0]
        if kind == "drain":
            now = chance.random() < 0.5
            heard = {WITHDRAWN} if now else {DRAINED, WITHDRAWN}
            return Order({"kind": "drain", "now": now}, {u: heard for u in UPSTREAMS})
        if kind == "unpin" and pinned:
            upstream = chance.choice(pinned)
            return Order({"kind": "unpin", "upstream": upstream}, {upstream: {ANNOUNCED}})
        upstream = chance.choice(UPSTREAMS)
        is_now = pins[upstream] and stance_of(pins[upstream])
        word = chance.choice([w for w, stance in STANCES.items() if stance != is_now])
        return Order(
            {"kind": "pin", "upstream": upstream, "stance": word}, {upstream: {STANCES[word]}}
        )


def stance_of(entry):
    return entry["state"], entry["prepend"]


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        name = f"k{os.getpid()}"
        cls.addClassCleanup(cls.assert_nothing_left, name)
        cls.lab = Lab(name)
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up(anycastd=False)
        for node in net.NODES:
            drop_ins = cls.lab.folder(node) / "conf.d"
            drop_ins.mkdir()
            (drop_ins / "hasty.yaml").write_text(HASTY)
            cls.lab.start_anycastd(node)
        wait_until(lambda: all(map(cls.lab.ready, net.NODES)), 90, "evidence for every anycastd")

    @staticmethod
    def assert_nothing_left(name):
        assert left_behind(name) == []

    # What is seen from outside

    def status(self):
        """None while the daemon does not answer or has not finished a cycle."""
        try:
            code, body = call(self.lab.control_socket(NODE), "GET", "/v1/status")
        except OSError:
            return None
        return json.loads(body) if code == 200 else None

    def heard(self):
        """{upstream: the stances that it has heard from the node, in order}."""
        out = {}
        for upstream in UPSTREAMS:
            peer = str(net.session(NODE, upstream).customer_address)
            everything = without_repeated_withdrawals(self.lab.updates(upstream))
            updates = [u for u in everything if u.peer == peer]
            self.assertEqual({u.session for u in updates}, {1}, "the BGP session was reset")
            out[upstream] = [said(u) for u in updates if not u.is_end_of_rib]
        return out

    def in_upstreams_table(self, upstream):
        """The same from the upstream's table, so that the log is not believed alone."""
        session = NODE.replace("-", "_")
        shown = self.lab.birdc(
            upstream, "show", "route", net.PREFIX, "protocol", session, "all"
        )
        paths = [line.split()[1:] for line in shown.splitlines() if "BGP.as_path:" in line]
        if not paths:
            return WITHDRAWN
        if "(65535,0)" in shown:
            return DRAINED
        return ("prepended", len(paths[0]) - 1) if len(paths[0]) > 1 else ANNOUNCED

    def unsettled(self):
        """What is not yet as it has to be in the end; empty if all is."""
        status = self.status()
        if not status:
            return "no status"
        router = status["local"]["router"]
        revisions = [router.get(k) for k in ("revision", "file_revision", "wanted_revision")]
        if not router["up"] or len(set(revisions)) != 1 or router["unconfirmed"]:
            return f"router {router}"
        heard = self.heard()
        for upstream in status["upstreams"]:
            name, wanted = upstream["name"], stance_of(upstream["wanted"])
            ordered = stance_of(upstream["pin"]) if upstream["pin"] else ANNOUNCED
            if status["drain"]:
                ordered = WITHDRAWN
            facts = {wanted, ordered, stance_of(upstream["actual"]), heard[name][-1]}
            if len(facts) != 1 or upstream["in_sync"] is not True:
                return f"{upstream}, heard {heard[name][-1]}"
        if status["condition"]["state"] != "run":
            return f"condition {status['condition']}"
        return ""

    def settled(self):
        """Waits until all is as it has to be; returns status and what was heard."""
        deadline = time.monotonic() + SETTLES_WITHIN
        while why := self.unsettled():
            if time.monotonic() > deadline:
                log = self.lab.hosts.log(f"anycastd.{NODE}").read_text()
                self.fail(f"not settled in {SETTLES_WITHIN} s: {why}\n{log[-4000:]}")
            time.sleep(0.05)
        return self.status(), self.heard()

    def assert_store_is_sound(self):
        """On a copy, so that recovering the real one is left to the daemon."""
        with tempfile.TemporaryDirectory() as folder:
            for part in self.lab.folder(NODE).glob("history.db*"):
                shutil.copy(part, folder)
            with sqlite3.connect(Path(folder) / "history.db") as store:
                self.assertEqual(store.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                (body,) = store.execute("SELECT body FROM state").fetchone()
                self.assertEqual(set(json.loads(body)["sessions"]), set(UPSTREAMS))
            store.close()

    # One kill

    def kill(self, chance):
        """Somewhere in the cycle that an order wakes at once, or anywhere in the second after."""
        time.sleep(chance.uniform(0, chance.choices([0.05, 0.2, 1.2], [8, 1, 1])[0]))
        pid = self.lab.hosts.running(f"anycastd.{NODE}")
        os.kill(pid, signal.SIGKILL)
        self.lab.stop_anycastd(NODE, signal.SIGKILL)  # reaps it

    def where(self, before):
        """Which part of the work the kill fell into: for the statistics only."""
        running = self.lab.birdc(NODE, "eval", "ANYCASTD_REVISION").split()[-1]
        waiting = "unconfirmed" in self.lab.birdc(NODE, "configure", "status").lower()
        text = (self.lab.folder(NODE) / "run" / "bird.conf").read_text()
        old = str(before["local"]["router"]["revision"])
        if f" = {running};" not in text:
            return "file written, not activated"
        if running == old:
            return "before the change"
        return "activated, not confirmed" if waiting else "confirmed"

    def one_kill(self, chance, before, heard_before):
        order = Order.any(chance, before)
        code, answer = call(self.lab.control_socket(NODE), "POST", "/v1/orders", order.body)
        self.assertEqual(code, 202, answer)
        self.kill(chance)
        where = self.where(before)
        self.assert_store_is_sound()
        self.lab.start_anycastd(NODE)
        status, heard = self.settled()
        for upstream in UPSTREAMS:
            self.assertEqual(self.in_upstreams_table(upstream), heard[upstream][-1])
            was = heard_before[upstream]
            new = heard[upstream][len(was) :]
            allowed = {was[-1]} | order.may_hear.get(upstream, set())
            self.assertLessEqual(set(new), allowed, f"{upstream} heard {new} for {order.body}")
            # There, back and there again is the most that one change can cost.
            self.assertLessEqual(len(new), 3, f"{upstream} heard {new} for {order.body}")
        return status, heard, where

    def test_what_the_upstreams_hear_survives_any_kill(self):
        print(f"\nANYCAST_SEED={SEED} ANYCAST_KILLS={KILLS}", flush=True)
        chance = random.Random(SEED)
        landed = collections.Counter()
        began = time.monotonic()
        status, heard = self.settled()
        at_first = {u: len(h) for u, h in heard.items()}
        for _ in range(KILLS):
            status, heard, where = self.one_kill(chance, status, heard)
            landed[where] += 1
        files = {p.name for p in (self.lab.folder(NODE) / "run").iterdir()}
        print(f"{sum(landed.values())} kills in {time.monotonic() - began:.0f} s: {dict(landed)}")
        told = {u: len(h) - at_first[u] for u, h in heard.items()}
        print(f"updates heard: {told}; files beside the fragment: {sorted(files)}")
        self.assertLessEqual(len(files), 6, files)
        for upstream in net.UPSTREAMS:
            updates = list(without_repeated_withdrawals(self.lab.updates(upstream)))
            assert_only(updates, net.PREFIX, net.ORIGIN_ASN)
            # Nobody else had a reason to say more than its first word.
            others = [u.peer for u in updates if u.peer_asn == net.ORIGIN_ASN and u.announced]
            for node in net.NODES.values():
                if node.name != NODE and upstream in node.upstreams:
                    peer = str(net.session(node.name, upstream).customer_address)
                    self.assertEqual(others.count(peer), 1, f"{node.name} to {upstream}")


if __name__ == "__main__":
    unittest.main()
