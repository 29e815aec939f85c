"""Real servers of a node die in the lab: first it turns less attractive, then it is gone, and the last
node stays."""

import datetime
import json
import signal
import sys
import time
import unittest
from pathlib import Path

from anycastd_test import InTheLab
from api import call

from lab import topology as net
from lab.control import Lab
from lab.hosts import wait_until

HOME = "hk-idc-1"
PORTS = {node: [8081, 8082, 8083] if node == HOME else [8081] for node in net.NODES}
CHECK = (
    "{kind: http, path: /healthz, body: fine, interval: 500ms, fast_interval: 100ms, timeout: 400ms,"
    " rise: 2, fall: 2}"
)


def services(node):
    servers = ", ".join(f'{{address: "127.0.0.1:{port}"}}' for port in PORTS[node])
    return (
        f"  {node}:\n    services:\n      web: {{check: {CHECK}, servers: [{servers}], high: 60%,"
        " low: 60%}\n"
    )


# One anchor that leads to every carrier is the floor: nobody has to wait for a turn.
CONFIG = (
    "nodes:\n"
    + "".join(map(services, net.NODES))
    + "guards: {min_nodes: 1, anchors: [hk-ali-1]}\n"
)


class ServingLab(Lab):
    def start_anycastd(self, node):
        folder = self.folder(node) / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "services.yaml").write_text(CONFIG)
        for port in PORTS[node]:
            self.start_real_server(node, port)
        super().start_anycastd(node)

    @staticmethod
    def real_server(node, port):
        return f"real.{node}.{port}"

    def start_real_server(self, node, port):
        program = Path(__file__).resolve().parent / "real_server.py"
        argv = [sys.executable, program, str(port)]
        self.hosts.start(self.real_server(node, port), node, argv)

    def kill_real_servers(self, node, ports):
        self.hosts.stop([self.real_server(node, port) for port in ports], signal.SIGKILL)


def once(heard):
    """Without the withdrawals of what was withdrawn already."""
    out, last = [], {}
    for update in heard:
        again = update.withdrawn and not update.announced and last.get(update.peer) == "withdrawn"
        if update.announced or update.withdrawn:
            last[update.peer] = "announced" if update.announced else "withdrawn"
        if not again:
            out.append(update)
    return out


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Services(InTheLab):
    make_lab = ServingLab

    def heard(self):
        """The fast path takes the route away and then configures a filter that refuses it: BIRD says both."""
        updates = self.lab.updates
        self.lab.updates = lambda upstream: once(updates(upstream))
        try:
            return super().heard()
        finally:
            self.lab.updates = updates

    def service(self, node=HOME):
        return self.status(node)["local"]["services"][0]

    def level(self, node=HOME):
        return self.service(node)["level"]

    def status(self, node=HOME):
        code, body = call(self.lab.control_socket(node), "GET", "/v1/status")
        self.assertEqual(code, 200)
        return json.loads(body)

    def proven(self):
        """Whether the cycle that lowered a session is over, its change proven."""
        return any(upstream["wanted"]["prepend"] for upstream in self.status()["upstreams"])

    def wait_for_update(self, upstream, seconds=20):
        """Wall clock when the next UPDATE is in the upstream's log, to about 1 ms."""
        dump = self.lab.dump(upstream)
        before = len(self.heard()[upstream])
        size = dump.stat().st_size
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if dump.stat().st_size > size:
                now, size = time.time(), dump.stat().st_size
                if len(self.heard()[upstream]) > before:
                    return now
            time.sleep(0.0005)
        self.fail(f"no update at {upstream} within {seconds} s")

    def last_said(self, node, upstream):
        """The AS path that a node's session last had at the upstream, () once withdrawn."""
        peer = str(net.session(node, upstream).customer_address)
        said = [u for u in self.lab.updates(upstream) if u.peer == peer and not u.is_end_of_rib]
        return () if said[-1].withdrawn else said[-1].attributes.as_path

    def said(self, node):
        return {u: self.last_said(node, u) for u in net.NODES[node].upstreams}

    def test_weak_then_dead_then_only_the_floor(self):
        asn = net.ORIGIN_ASN
        wait_until(lambda: all(self.level(n) == "up" for n in net.NODES), 20, "services up")
        self.assert_nothing_heard()

        self.lab.kill_real_servers(HOME, PORTS[HOME][:2])
        wait_until(lambda: self.level() == "low", 20, "one of three real servers")
        wait_until(lambda: (asn, asn, asn) in self.said(HOME).values(), 30, "a prepend")

        # The change under way is proven before the next one: what is measured begins after that.
        wait_until(self.proven, 10, "the prepend to be proven")
        self.lab.kill_real_servers(HOME, PORTS[HOME][2:])
        heard = self.wait_for_update("cmi")
        dead = dict.fromkeys(net.NODES[HOME].upstreams, ())
        wait_until(lambda: self.said(HOME) == dead, 5, "withdrawals on all sessions")
        failed = max(seconds_of(one["since"]) for one in self.service()["servers"])
        print(f"last failed check -> UPDATE at cmi: {1000 * (heard - failed):.1f} ms")
        felt = self.lab.users(2)
        self.assertEqual({f.unserved for f in felt.values()}, {0})
        self.assertNotIn(HOME, [node for f in felt.values() for node in f.nodes])

        others = [node for node in net.NODES if node != HOME]
        for node in others:
            self.lab.kill_real_servers(node, PORTS[node])
        wait_until(lambda: all(self.level(n) == "down" for n in others), 20, "all services down")
        for node in ("hk-aws-1", "hk-tx-1"):
            gone = dict.fromkeys(net.NODES[node].upstreams, ())
            wait_until(lambda n=node, g=gone: self.said(n) == g, 30, f"{node} to leave")
        time.sleep(3)
        last = dict.fromkeys(net.NODES["hk-ali-1"].upstreams, (asn,))
        self.assertEqual(self.said("hk-ali-1"), last)
        self.assertIn("this node is an anchor", self.lab.anycastctl("hk-ali-1", "plan"))
        self.heard()


if __name__ == "__main__":
    unittest.main()
