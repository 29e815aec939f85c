"""anycastd, or the node's routing daemon, killed at any moment: what the upstreams hear is what was
ordered, and no more.

Orders keep coming, so that kills land before, inside and after apply, verify and confirm. The
seed is printed; ANYCAST_SEED repeats a run. ANYCAST_KILLS says how many on the node with BIRD,
ANYCAST_FRR_KILLS how many on the node with FRR.
"""

import collections
import json
import os
import random
import re
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
from lab.hosts import LabError, left_behind, wait_until

NEEDED = ["bird", "prometheus", "prometheus-blackbox-exporter", "nft", "vtysh"]
MISSING = [program for program in NEEDED if not shutil.which(program)]

BIRD_NODE, FRR_NODE = "hk-idc-1", "hk-tx-1"
SEED = int(os.environ.get("ANYCAST_SEED", random.randrange(1_000_000)))
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
guards:
  confirm: 5s
  hold_after_change: 5s
  max_changes: {count: 1000, per: 1m}
  damping: {ceiling: 50000, normal: 50000}
evidence: {min_samples: 5}
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


def without_repeats(updates, peers):
    """What is left, and how often one of the peers said again what it had just said.

    bgpd sends again what it is asked to send, also where a change was cut off between its lines and
    the clear that would have told the neighbour, and only the way back is cleared.
    """
    last, left, repeats = {}, [], 0
    for update in updates:
        session = (update.peer, update.session)
        again = update.announced and last.get(session) == update.attributes
        if update.announced or update.withdrawn:
            last[session] = update.attributes
        if again and update.peer in peers:
            repeats += 1
        else:
            left.append(update)
    return left, repeats


class Order:
    """An order, and the stances that each upstream may hear because of it."""

    def __init__(self, body, may_hear):
        self.body = {"reason": "kill_test", **body}
        self.may_hear = may_hear

    @staticmethod
    def any(chance, status, upstreams):
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
            return Order({"kind": "drain", "now": now}, {u: heard for u in upstreams})
        if kind == "unpin" and pinned:
            upstream = chance.choice(pinned)
            return Order({"kind": "unpin", "upstream": upstream}, {upstream: {ANNOUNCED}})
        upstream = chance.choice(upstreams)
        is_now = pins[upstream] and stance_of(pins[upstream])
        word = chance.choice([w for w, stance in STANCES.items() if stance != is_now])
        return Order(
            {"kind": "pin", "upstream": upstream, "stance": word}, {upstream: {STANCES[word]}}
        )


def stance_of(entry):
    return entry["state"], entry["prepend"]


def setUpModule():
    """One lab for all: FRR on one of the nodes."""
    global lab
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")
    if MISSING:
        raise unittest.SkipTest(f"not installed: {', '.join(MISSING)}")
    name = f"k{os.getpid()}"
    unittest.addModuleCleanup(assert_nothing_left, name)
    lab = Lab(name, frr=[FRR_NODE])
    unittest.addModuleCleanup(lab.down)
    lab.up(anycastd=False)
    for node in net.NODES:
        drop_ins = lab.folder(node) / "conf.d"
        drop_ins.mkdir()
        (drop_ins / "hasty.yaml").write_text(HASTY)
        lab.start_anycastd(node)
    wait_until(lambda: all(map(lab.ready, net.NODES)), 90, "evidence for every anycastd")


def assert_nothing_left(name):
    assert left_behind(name) == []


class Killed:
    """The test, for a node, how many kills, and whom they hit how often."""

    node = ""
    kills = 0
    victims = {}  # relative frequency by process
    router = ""  # the one of them whose death ends the BGP sessions
    within = ()  # seconds after an order; the first mostly, which is the time that a change takes

    def setUp(self):
        self.lab = lab
        self.upstreams = net.NODES[self.node].upstreams
        self.sessions = {}  # the number of the last one that was heard, by upstream
        self.cycles_until_right = collections.defaultdict(collections.Counter)

    # What is seen from outside

    def status(self):
        """None while the daemon does not answer or has not finished a cycle."""
        try:
            code, body = call(self.lab.control_socket(self.node), "GET", "/v1/status")
        except OSError:
            return None
        return json.loads(body) if code == 200 else None

    def heard(self):
        """{upstream: the stances that it has heard from the node, in order}.

        The end of a session withdraws as well as words do.
        """
        out = {}
        for upstream in self.upstreams:
            peer = str(net.session(self.node, upstream).customer_address)
            session, stances = 0, []
            for update in without_repeated_withdrawals(self.lab.updates(upstream)):
                if update.peer != peer:
                    continue
                if update.session != session and stances and stances[-1] != WITHDRAWN:
                    stances.append(WITHDRAWN)
                session = update.session
                if not update.is_end_of_rib:
                    stances.append(said(update))
            self.sessions[upstream] = session
            out[upstream] = stances
        return out

    def cycles(self):
        """How many the daemon has finished since its start; None while it does not answer."""
        try:
            _, body = call(self.lab.control_socket(self.node), "GET", "/metrics")
        except OSError:
            return None
        found = re.search(r"^anycast_evaluations_total (\d+)$", body, re.M)
        return int(found[1]) if found else None

    def in_upstreams_table(self, upstream):
        """The same from the upstream's table, so that the log is not believed alone."""
        session = self.node.replace("-", "_")
        try:
            shown = self.lab.birdc(
                upstream, "show", "route", net.PREFIX, "protocol", session, "all"
            )
        except LabError as error:
            # What it says once nobody at all announces the prefix to it.
            if "Network not found" in str(error):
                return WITHDRAWN
            raise
        paths = [line.split()[1:] for line in shown.splitlines() if "BGP.as_path:" in line]
        if not paths:
            return WITHDRAWN
        if "(65535,0)" in shown:
            return DRAINED
        return ("prepended", len(paths[0]) - 1) if len(paths[0]) > 1 else ANNOUNCED

    def ordered(self, status):
        """{upstream: the stance that its session has to have in the end}."""
        if status["drain"]:
            return {upstream: WITHDRAWN for upstream in self.upstreams}
        return {
            upstream["name"]: stance_of(upstream["pin"]) if upstream["pin"] else ANNOUNCED
            for upstream in status["upstreams"]
        }

    def right_on_the_wire(self, status):
        return self.ordered(status) == {u: self.in_upstreams_table(u) for u in self.upstreams}

    def unsettled(self, status):
        """What is not yet as it has to be in the end; empty if all is."""
        router = status["local"]["router"]
        revisions = [router.get(k) for k in ("revision", "file_revision", "wanted_revision")]
        if not router["up"] or len(set(revisions)) != 1 or router["unconfirmed"]:
            return f"router {router}"
        heard, ordered = self.heard(), self.ordered(status)
        for upstream in status["upstreams"]:
            name, wanted = upstream["name"], stance_of(upstream["wanted"])
            facts = {wanted, ordered[name], stance_of(upstream["actual"]), heard[name][-1]}
            if len(facts) != 1 or upstream["in_sync"] is not True:
                return f"{upstream}, heard {heard[name][-1]}"
        if status["condition"]["state"] != "run":
            return f"condition {status['condition']}"
        return "" if self.right_on_the_wire(status) else "another stance in an upstream's table"

    def settled(self, victim="", since=0):
        """Waits until all is as it has to be; returns status and what was heard.

        After a kill it notes how many cycles, beyond `since`, ended before the wire was right.
        """
        deadline = time.monotonic() + SETTLES_WITHIN
        noted = not victim
        while True:
            cycles, status = self.cycles(), self.status()
            if not noted and cycles is not None and status and self.right_on_the_wire(status):
                self.cycles_until_right[victim][max(0, cycles - since)] += 1
                noted = True
            why = self.unsettled(status) if status else "no status"
            if not why:
                return status, self.heard()
            if time.monotonic() > deadline:
                log = self.lab.hosts.log(f"anycastd.{self.node}").read_text()
                after = f" after a kill of {victim}" if victim else ""
                self.fail(f"not settled in {SETTLES_WITHIN} s{after}: {why}\n{log[-4000:]}")
            time.sleep(0.05)

    def assert_store_is_sound(self):
        """On a copy, so that recovering the real one is left to the daemon."""
        with tempfile.TemporaryDirectory() as folder:
            for part in self.lab.folder(self.node).glob("history.db*"):
                shutil.copy(part, folder)
            with sqlite3.connect(Path(folder) / "history.db") as store:
                self.assertEqual(store.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                (body,) = store.execute("SELECT body FROM state").fetchone()
                self.assertEqual(set(json.loads(body)["sessions"]), set(self.upstreams))
            store.close()

    # One kill

    def kill(self, chance):
        """Somewhere in the cycle that an order wakes at once, or anywhere in the second after."""
        time.sleep(chance.uniform(0, chance.choices(self.within, [8, 1, 1])[0]))
        victim = chance.choices(list(self.victims), list(self.victims.values()))[0]
        self.lab.hosts.stop([f"{victim}.{self.node}"], signal.SIGKILL)
        return victim

    def revive(self, victim):
        """Starts it again; returns the cycles that were over when it could be talked to."""
        if victim == "anycastd":
            self.lab.start_anycastd(self.node)
            return 0
        self.lab.start_router(self.node)
        session = self.node.replace("-", "_")
        wait_until(
            lambda: {self.lab.sessions(u)[session] for u in self.upstreams} == {"Established"},
            30,
            f"the sessions after a kill of {victim}",
        )
        return wait_until(self.cycles, 30, "an answer of anycastd")

    def all_newer(self, sessions):
        """Whether something was heard, be it the end of the RIB, in a later session of each."""
        self.heard()
        return all(self.sessions[u] > number for u, number in sessions.items())

    def answered(self, ticket):
        """Whether an order has had its cycle; until then the status is that of the one before."""
        try:
            return call(self.lab.control_socket(self.node), "GET", f"/v1/orders/{ticket}")[0] == 200
        except OSError:
            return False

    def where(self, victim, before):
        """Which part of the work the kill fell into: for the statistics only."""
        raise NotImplementedError

    def one_kill(self, chance, before, heard_before):
        order = Order.any(chance, before, self.upstreams)
        code, answer = call(self.lab.control_socket(self.node), "POST", "/v1/orders", order.body)
        self.assertEqual(code, 202, answer)
        sessions = dict(self.sessions)
        victim = self.kill(chance)
        where = self.where(victim, before)
        self.assert_store_is_sound()
        since = self.revive(victim)
        reset = victim == self.router
        if reset:
            wait_until(lambda: self.all_newer(sessions), 30, "a word in each new session")
        if victim != "anycastd":
            ticket = json.loads(answer)["ticket"]
            wait_until(lambda: self.answered(ticket), 30, f"an answer to {order.body}")
        status, heard = self.settled(victim, since)
        if not reset:
            self.assertEqual(self.sessions, sessions, f"sessions at a kill of {victim}")
        for upstream in self.upstreams:
            self.assertEqual(self.in_upstreams_table(upstream), heard[upstream][-1])
            was = heard_before[upstream]
            new = heard[upstream][len(was) :]
            allowed = {was[-1]} | order.may_hear.get(upstream, set())
            allowed |= {WITHDRAWN} if reset else set()
            what = f"{upstream} heard {new} for {order.body} and a kill of {victim}"
            self.assertLessEqual(set(new), allowed, what)
            # There, back and there again is the most that one change can cost; a drain is two.
            most = 3 + (DRAINED in allowed and WITHDRAWN in allowed) + 2 * reset
            self.assertLessEqual(len(new), most, what)
        return status, heard, f"{victim}: {where}"

    def test_what_the_upstreams_hear_survives_any_kill(self):
        print(f"\n{self.node}: ANYCAST_SEED={SEED}, {self.kills} kills", flush=True)
        chance = random.Random(SEED)
        landed = collections.Counter()
        began = time.monotonic()
        status, heard = self.settled()
        at_first = {u: len(h) for u, h in heard.items()}
        for _ in range(self.kills):
            status, heard, where = self.one_kill(chance, status, heard)
            landed[where] += 1
        files = {p.name for p in (self.lab.folder(self.node) / "run").iterdir()}
        print(f"{sum(landed.values())} kills in {time.monotonic() - began:.0f} s: {dict(landed)}")
        told = {u: len(h) - at_first[u] for u, h in heard.items()}
        print(f"updates heard: {told}; files beside the fragment: {sorted(files)}")
        for victim, cycles in self.cycles_until_right.items():
            print(f"cycles until the wire was right after {victim}: {dict(sorted(cycles.items()))}")
        self.assertLessEqual(len(files), 6, files)
        frr = {str(s.customer_address) for s in net.SESSIONS if s.customer == FRR_NODE}
        repeated = 0
        for upstream in net.UPSTREAMS:
            updates = without_repeated_withdrawals(self.lab.updates(upstream))
            updates, repeats = without_repeats(updates, frr)
            repeated += repeats
            assert_only(updates, net.PREFIX, net.ORIGIN_ASN)
            # Nobody else had a reason to say more than its first word.
            others = [u.peer for u in updates if u.peer_asn == net.ORIGIN_ASN and u.announced]
            for node in net.NODES.values():
                if node.name not in (BIRD_NODE, FRR_NODE) and upstream in node.upstreams:
                    peer = str(net.session(node.name, upstream).customer_address)
                    self.assertEqual(others.count(peer), 1, f"{node.name} to {upstream}")
        print(f"said twice by bgpd: {repeated}")
        self.assertLessEqual(repeated, landed["anycastd: on probation"])


class OnBird(Killed, unittest.TestCase):
    node = BIRD_NODE
    kills = int(os.environ.get("ANYCAST_KILLS", "200"))
    victims = {"anycastd": 12, "bird": 1}
    router = "bird"
    within = (0.05, 0.2, 1.2)

    def where(self, victim, before):
        text = self.lab.fragment(self.node).read_text()
        old = str(before["local"]["router"]["revision"])
        if victim == "bird":
            return "before the change" if f" = {old};" in text else "file written"
        running = self.lab.birdc(self.node, "eval", "ANYCASTD_REVISION").split()[-1]
        waiting = "unconfirmed" in self.lab.birdc(self.node, "configure", "status").lower()
        if f" = {running};" not in text:
            return "file written, not activated"
        if running == old:
            return "before the change"
        return "activated, not confirmed" if waiting else "confirmed"


class OnFrr(Killed, unittest.TestCase):
    node = FRR_NODE
    kills = int(os.environ.get("ANYCAST_FRR_KILLS", "15"))
    victims = {"anycastd": 3, "bgpd": 1, "zebra": 1}
    router = "bgpd"
    within = (0.4, 0.05, 1.2)

    def where(self, victim, before):
        """By the files alone: bgpd may be the one that is dead."""
        fragment = self.lab.fragment(self.node)
        old = before["local"]["router"]["revision"]
        if fragment.with_name(fragment.name + ".probation").exists():
            return "on probation"
        return "before the change" if f"revision {old}\n" in fragment.read_text() else "confirmed"


if __name__ == "__main__":
    unittest.main()
