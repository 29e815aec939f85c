"""Our own origin in a real validator's cache: what is announced stays, what is not stays out.

One stayrtr serves a node with BIRD and one with FRR at the same time; the upstreams tell what each
of them said meanwhile. Their operators have them check, too, what they hear, and say their role.
"""

import json
import shutil
import time
import unittest

from api import call
from faults import PATIENCE, FaultLab, FaultTest

from lab import rpki
from lab import topology as net
from lab.frr import PROGRAMS

# The session of each node that is withdrawn, and has to stay so while its ROA is not there.
OUT = {"hk-aws-1": "ntt", "hk-tx-1": "hkbn"}
NAMES = {"hk-aws-1": "bird", "hk-tx-1": "bgpd"}
PLAIN = (net.ORIGIN_ASN,)
OURS = (net.PREFIX, 24, net.ORIGIN_ASN)
ANOTHERS = (net.PREFIX, 24, 64511)
ELSEWHERE = ("203.0.112.0/24", 24, net.ORIGIN_ASN)
AGE = 8  # seconds
# The age of its ROAs is what BIRD tells; bgpd drops them itself.
CONFIG = {
    "bird": f"rpki: {{router: true, protocol: rtr1, max_age: {AGE}s}}\n",
    "frr": "rpki: {router: true}\n",
}
# No other guard has a word.
HASTY = """guards:
  reannounce: {after: 0s, most: 0s}
  damping: {ceiling: 50000, normal: 50000}
"""
MISSING = [p for p in ("stayrtr", PROGRAMS / "bgpd") if not shutil.which(p)]


class RpkiLab(FaultLab):
    def __init__(self, name):
        super().__init__(name, frr=["hk-tx-1"])
        self.cache = rpki.Cache(self.hosts)

    def operator_text(self, node):
        text = super().operator_text(node)
        if node.name not in OUT:
            return text
        return {"bird": rpki.bird, "frr": rpki.frr}[self.kind(node.name)](text)

    def upstream_text(self, upstream):
        return rpki.with_role(super().upstream_text(upstream), "provider")

    def start_anycastd(self, node):
        if node in OUT:
            folder = self.folder(node) / "conf.d"
            folder.mkdir(exist_ok=True)
            (folder / "rpki.yaml").write_text(CONFIG[self.kind(node)] + HASTY)
        super().start_anycastd(node)

    def _start_network(self):
        self.cache.serve(OURS)
        super()._start_network()


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class OwnOrigin(FaultTest):
    NAME = "rp"
    make_lab = RpkiLab

    def origin(self, node):
        return self.status(node)["prefixes"][0]["rpki"]

    def metrics(self, node):
        return call(self.lab.control_socket(node), "GET", "/metrics", timeout=PATIENCE)[1]

    def reply(self, node, ticket):
        """What an order was answered, once it was."""
        socket = self.lab.control_socket(node)
        code, said = call(socket, "GET", f"/v1/orders/{ticket}", timeout=PATIENCE)
        return json.loads(said) if code == 200 else None

    def level(self, node):
        """Of the notice about ROAs, if there is one."""
        levels = [n["level"] for n in self.status(node)["notices"] if n["code"] == "rpki"]
        return levels[0] if levels else ""

    def becomes(self, state, what, nodes=tuple(OUT)):
        """Waits until each node says so; prints how long after `what` it did."""
        took = {}

        def said():
            for node in nodes:
                if node not in took and self.origin(node)["state"] == state:
                    took[node] = time.monotonic() - self.began
            return len(took) == len(nodes)

        self.until(said, 60, f"{state} after {what}")
        told = ", ".join(f"{NAMES[node]} {seconds:.1f} s" for node, seconds in took.items())
        print(f"{what}: {state} after {told}", flush=True)
        words = state.replace("_", " ")
        for node in nodes:
            self.assertIn(
                f'anycast_rpki_state{{node="{node}",prefix="{net.PREFIX}",'
                f'origin="{net.ORIGIN_ASN}",state="{state}"}} 1\n',
                self.metrics(node),
            )
            shown = self.lab.anycastctl(node, "status")
            self.assertIn(f"{net.PREFIX} AS{net.ORIGIN_ASN} rpki {words}", shown)

    def serve(self, *roas):
        self.began = time.monotonic()
        self.lab.cache.serve(*roas)

    def ordered(self, node, **order):
        """What an order about the one session is answered in the end."""
        order = {"reason": "rpki_test", "upstream": OUT[node], **order}
        code, said = self.post("/v1/orders", order, node)
        self.assertEqual(code, 202, said)
        answered = self.until(lambda: self.reply(node, said["ticket"]), 30, f"an answer to {order}")
        return answered["text"]

    def last_word(self, node):
        return self.said(node, OUT[node])

    def words(self, session, since):
        """The AS path that the upstream had heard from the node, and what took its place.

        bgpd says its word once more where it is asked to judge again what it has heard.
        """
        words = [PLAIN]
        for update in self.lab.updates(session.provider)[since[session.provider] :]:
            word = "withdrawn" if update.withdrawn else update.attributes.as_path
            if update.peer == str(session.customer_address) and word != words[-1]:
                words.append(word)
        return words

    def withdraw(self):
        """One session of each node is withdrawn by order."""
        for node in OUT:
            self.ordered(node, kind="pin", stance="withdraw", force=True)
        for node in OUT:
            self.until(lambda: self.last_word(node) == "withdrawn", 30, f"{OUT[node]} withdrawn")

    def unpin(self):
        """From now on each node wants its session back by itself."""
        for node in OUT:
            self.ordered(node, kind="unpin", force=False)

    def assert_comes_back(self, what):
        back = {}

        def announced():
            for node in OUT:
                if node not in back and self.last_word(node) == 0:
                    back[node] = time.monotonic() - self.began
            return len(back) == len(OUT)

        self.until(announced, 30, f"announcements of {OUT}")
        told = ", ".join(f"{NAMES[node]} {seconds:.1f} s" for node, seconds in back.items())
        print(f"{what}: announced after {told}", flush=True)

    def assert_stays_out(self, state, level, forces=(False,)):
        """Nobody hears anything, whoever wants it announced; `forces`: orders are refused, too."""
        before = self.heard()
        for node in OUT:
            self.assertEqual(self.level(node), level)
            for force in forces:
                said = self.ordered(node, kind="pin", stance="announce", force=force)
                self.assertIn(f"is {state}", said)
                self.assertTrue(said.endswith("(origin)"), said)
        self.assert_nothing_heard(before, 4)
        for node in OUT:
            for upstream in net.NODES[node].upstreams:
                left = "withdrawn" if upstream == OUT[node] else 0
                self.assertEqual(self.said(node, upstream), left)

    def has_heard(self, node, block):
        """Whether the node has a route to a carrier's users."""
        if node == "hk-aws-1":
            return "via " in self.lab.birdc(node, "show", "route", "where", f"net = {block}")
        # bgpd 8.4 does not look again at what it has once found invalid.
        bgpd = self.lab.frr(node)
        bgpd.ask("clear bgp ipv4 unicast * soft in")
        return bool(json.loads(bgpd.ask(f"show bgp ipv4 unicast {block} json")).get("paths"))

    def test_what_is_heard_is_checked_too_and_roles_are_agreed_on(self):
        for node, upstream in OUT.items():
            session = self.lab.birdc(upstream, "show", "protocols", "all", node.replace("-", "_"))
            neighbor = session[session.index("Neighbor capabilities") :]
            self.assertIn("Role: customer", neighbor)
        block = net.CARRIERS["telecom"].block
        anothers = (str(block), block.prefixlen, 64511)
        print()
        for roas, wanted in (([OURS], True), ([OURS, anothers], False), ([OURS], True)):
            self.serve(*roas)
            for node in OUT:
                self.until(lambda: self.has_heard(node, block) == wanted, 30, f"{wanted} on {node}")
                word = "kept" if wanted else "rejected"
                took = time.monotonic() - self.began
                print(f"{block} from upstreams: {word} by {NAMES[node]} after {took:.1f} s", flush=True)

    def test_what_roas_no_longer_authorise_stays_announced_and_is_not_announced_anew(self):
        before = self.heard()
        print()
        self.serve(OURS)
        self.becomes("valid", "served")
        self.withdraw()
        self.serve(ELSEWHERE)
        self.becomes("not_found", "removed")
        self.unpin()
        self.assert_stays_out("not found by", "warning")
        self.serve(ANOTHERS)
        self.becomes("invalid", "another's")
        self.assert_stays_out("invalid by", "error", forces=(False, True))
        self.serve(OURS)
        self.assert_comes_back("ours again")
        self.becomes("valid", "ours again")

        self.withdraw()
        self.began = time.monotonic()
        self.lab.cache.kill()
        bird, frr = OUT
        self.becomes("unknown", f"killed, and older than {AGE} s", [bird])
        # bgpd keeps what it has for ten minutes at least, and it counts for as long.
        self.assertEqual(self.origin(frr)["state"], "valid")
        self.began = time.monotonic()
        self.lab.frr(frr).ask("rpki reset")
        self.becomes("unknown", "bgpd's own dropped", [frr])
        self.unpin()
        self.assert_stays_out("unknown by", "warning")
        self.serve(OURS)
        # stayrtr 0.5 hangs up on who asks for the session of the one before it, and BIRD 2.0.12
        # mostly goes on asking for that.
        self.lab.birdc(bird, "restart", "rtr1")
        self.assert_comes_back("cache back")
        self.becomes("valid", "cache back")
        for session in net.SESSIONS:
            out = OUT.get(session.customer) == session.provider
            heard = [PLAIN] + (2 * ["withdrawn", PLAIN] if out else [])
            self.assertEqual(self.words(session, before), heard, session.cable)


if __name__ == "__main__":
    unittest.main()
