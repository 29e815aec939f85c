"""Two nodes with FRR and two with BIRD: the evening that deploy/demo tells, beginning at one with FRR,
an operator's own filter between us and a neighbour, and a host that an upstream drops, on each."""

import json
import shutil
import signal
import subprocess
import unittest

from api import call
from faults import CARRIER, NODE, UPSTREAM, FaultLab, FaultTest
from updates import assert_only

from lab import topology as net
from lab.control import SOURCE
from lab.evening import Evening
from lab.frr import DAEMONS, PROGRAMS

WITH_FRR = (NODE, "hk-tx-1")
# The lab's own configuration leaves a prepend alone for a minute.
QUICK = """policy:
  carrier_bad:
    - {do: prepend, count: 2, settle: 30s}
    - {do: withdraw, settle: 10s}
"""
# What users feel at the anycast address is asked for too, and soon told.
FELT = """evidence:
  rtt: 'probe_icmp_duration_seconds{job=~"anycast-icmp|vip-icmp",phase="rtt"}'
  loss: 'probe_success{job=~"anycast-icmp|vip-icmp"}'
  window: 10s
  min_samples: 15
"""
# An upstream that prepends toward its carriers on request, which nobody has tried yet.
ASKED = "unicom=prepend_to:1", "telecom=prepend_to:1"
SURVEYED = "pccw"
OFFERS = f"""upstreams:
  {SURVEYED}:
    communities:
""" + "".join(
    f"      - {{value: '{asn}:{value}', do: prepend_to, count: 1, carrier: {carrier}}}\n"
    for carrier in net.UPSTREAMS[SURVEYED].carries
    for asn, value in [net.prepend_community(SURVEYED, carrier, 1)]
)
# Two of the upstreams drop a host on request, one by a community of its own as well.
DROPPING = """upstreams:
  ntt: {communities: [{value: '65535:666', do: blackhole}]}
  hkbn: {communities: [{value: '65535:666', do: blackhole}, {value: '64503:666', do: blackhole}]}
"""
HOST = "203.0.113.77/32"
NO_EXPORT, BLACKHOLE = (65535, 65281), (65535, 666)


class MixedLab(FaultLab):
    def __init__(self, name):
        super().__init__(name, frr=WITH_FRR)

    def start_anycastd(self, node):
        folder = self.folder(node) / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "quick.yaml").write_text(QUICK + DROPPING)
        (folder / "survey.yaml").write_text(FELT + OFFERS)
        super().start_anycastd(node)

# What a template may not say, by daemon: the text of the packaged one, and what stands there instead.
TAMPERED = {
    "bird": {
        "another origin": ("prepend({{ p.asn | asn }})", "prepend(64511)"),
        "a longer prefix": ("net = {{ r.prefix | prefix }}", "net = 203.0.113.0/25"),
        "no prefix": ("  route {{ r.prefix | prefix }} blackhole;\n", ""),
        "everybody's routes": ("  reject;\n", "  accept;\n"),
    },
    "frr": {
        "another origin": (" {{ p.asn | asn }}", " {{ p.asn | asn }} 64511"),
        "a longer prefix": ("permit {{ r.prefix | prefix }}", "permit {{ r.prefix | prefix }} le 32"),
        "no prefix": ("ip prefix-list {{ r.list | label }} seq 5 permit {{ r.prefix | prefix }}\n", ""),
        "everybody's routes": (" match as-path anycastd.own\n", ""),
    },
}


@unittest.skipIf(not shutil.which(PROGRAMS / "bgpd"), "not installed: frr")
class MixedFleet(FaultTest):
    NAME = "mf"
    make_lab = MixedLab

    def paths(self, node, upstream):
        """AS paths that the upstream has heard from the node, or "withdrawn", in order."""
        peer = str(net.session(node, upstream).customer_address)
        return [
            u.attributes.as_path if u.announced else "withdrawn"
            for u in self.lab.updates(upstream)
            if u.peer == peer and not u.is_end_of_rib
        ]

    def test_an_evening_ends_well_and_each_upstream_hears_its_part_only(self):
        evening = Evening(self.lab)
        self.assertEqual(evening.tell(), [])
        moved_to = evening.felt["moved"][CARRIER].nodes
        self.assertEqual([self.lab.kind(node) for node in moved_to], ["bird"])
        plain = (net.ORIGIN_ASN,)
        for session in net.SESSIONS:
            acted = (session.customer, session.provider) == (NODE, UPSTREAM)
            heard = [plain, 3 * plain, plain] if acted else [plain]
            self.assertEqual(self.paths(session.customer, session.provider), heard, session.cable)
        for upstream in net.UPSTREAMS:
            assert_only(self.lab.updates(upstream), net.PREFIX, net.ORIGIN_ASN)

    def test_a_template_that_says_anything_else_is_refused_and_nobody_hears_of_it(self):
        before = self.heard()
        for node in ("hk-tx-1", "hk-aws-1"):
            kind = self.lab.kind(node)
            folder = self.lab.folder(node)
            (folder / "templates" / kind).mkdir(parents=True)
            (folder / "conf.d" / "templates.yaml").write_text(
                f"router: {{templates: {folder}/templates}}\n"
            )
            whole = (SOURCE / "templates" / kind / "fragment.tmpl").read_text()
            for what, (text, other) in TAMPERED[kind].items():
                self.assertIn(text, whole, what)
                (folder / "templates" / kind / "fragment.tmpl").write_text(whole.replace(text, other))
                # The configuration stays as it was, and a daemon that starts with it does not.
                self.assertNotEqual(self.post("/v1/reload", node=node)[0], 200, what)
                self.assertTrue(self.lab.ready(node))
                self.lab.stop_anycastd(node)
                super(FaultLab, self.lab).start_anycastd(node)
                name = f"anycastd.{node}"
                self.until(lambda: not self.lab.hosts.running(name), 10, f"the end of {name}")
                reason, end = self.journal(node).splitlines()[-2:]
                print(f"{kind}, {what}: {reason}")
                self.assertIn("fragment", reason)
                self.assertEqual(end, "anycastd: configuration refused; nothing was started")
                (folder / "conf.d" / "templates.yaml").rename(folder / "templates.yaml")
                self.lab.start_anycastd(node)
                self.until(lambda: self.lab.ready(node), 60, f"evidence for {node}")
                (folder / "templates.yaml").rename(folder / "conf.d" / "templates.yaml")
            (folder / "conf.d" / "templates.yaml").unlink()
        self.assertEqual(self.heard(), before)

    def test_survey_tells_which_of_an_upstreams_communities_moves_whom(self):
        """Unicom's users come through it; telecom's do not, so that asking for them shows nothing."""
        self.until_run(NODE)
        words = ["survey", SURVEYED, *ASKED, "--prefix", net.PREFIX]
        self.assertIn("all of it will move", self.lab.anycastctl(NODE, *words[:-1], "192.0.2.0/24"))
        said = self.lab.anycastctl(NODE, *words, "-y", "-o", "json")
        found = json.loads(said)
        self.assertEqual(
            {step["asked"]: step["verdict"] for step in found["steps"]},
            dict(zip(ASKED, ("works", "none"))),
            said,
        )
        moved = {one["carrier"]: one["moved"] for one in found["after"]}
        self.assertEqual(set(moved.values()), {"stayed"}, said)
        asked = [set(u.attributes.communities) for u in self.lab.updates(SURVEYED) if u.announced]
        self.assertEqual(
            asked[-3:], [{net.prepend_community(SURVEYED, c.split("=")[0], 1)} for c in ASKED] + [set()]
        )

    # An operator's filter

    def swallowed(self, node, upstream):
        """An order whose change the daemon takes and the neighbour never hears."""
        self.until_run(node)
        before = self.paths(node, upstream)
        text = self.lab.fragment(node).read_text()
        rolled_back = self.journal(node).count("rolled back: ")
        pin = {"kind": "pin", "upstream": upstream, "stance": "prepend=2", "force": True}
        code, said = self.post("/v1/orders", {"reason": "test", **pin}, node)
        self.assertEqual(code, 202, said)
        self.until(
            lambda: self.journal(node).count("rolled back: ") > rolled_back, 60, "the way back"
        )
        self.assertEqual(self.lab.fragment(node).read_text(), text)
        self.assertNotIn(3 * (net.ORIGIN_ASN,), self.paths(node, upstream)[len(before) :])

    def freed(self, node, upstream):
        """The filter is gone: the order is carried out without another word, and taken back."""
        self.until(lambda: self.said(node, upstream) == 2, 60, "the prepend")
        unpin = {"kind": "unpin", "upstream": upstream, "reason": "test", "force": True}
        code, said = self.post("/v1/orders", unpin, node)
        self.assertEqual(code, 202, said)
        self.until(lambda: self.said(node, upstream) == 0, 60, "the plain announcement")

    def test_what_a_filter_in_bird_swallows_is_found_and_taken_back(self):
        node, upstream = "hk-aws-1", "ntt"
        file = self.lab.folder(node) / "bird.conf"
        text = file.read_text()
        file.write_text(
            text.replace(f"export filter anycastd_{upstream};", 'export where proto = "anycastd4";')
        )
        self.lab.birdc(node, "configure")
        self.swallowed(node, upstream)
        file.write_text(text)
        self.lab.birdc(node, "configure")
        self.freed(node, upstream)

    def test_what_a_filter_in_frr_swallows_is_found_and_taken_back(self):
        node, upstream = "hk-tx-1", "hkbn"
        neighbor = net.session(node, upstream).provider_address

        def say(*lines):
            family = (f"router bgp {net.ORIGIN_ASN}", "address-family ipv4 unicast")
            clear = f"clear bgp ipv4 unicast {neighbor} soft out"
            self.lab.frr(node).ask("configure terminal", *family, *lines, "end", clear)

        self.lab.frr(node).configure("ip prefix-list nobody seq 5 deny any")
        say(f"neighbor {neighbor} prefix-list nobody out")
        self.until(lambda: self.said(node, upstream) == "withdrawn", 30, "the filter's effect")
        self.swallowed(node, upstream)
        say(f"no neighbor {neighbor} prefix-list nobody out")
        self.freed(node, upstream)

    # A host that an upstream drops. The last test: what is heard of it is no stance.

    def ordered(self, node, kind, upstream, host=HOST, **more):
        """How an order ended: "done", "refused" or "failed", and the words."""
        order = {"kind": kind, "upstream": upstream, "host": host, "reason": "test", **more}
        code, said = self.post("/v1/orders", order, node)
        self.assertEqual(code, 202, said)
        ticket = f"/v1/orders/{said['ticket']}"

        def reply():
            said = json.loads(call(self.lab.control_socket(node), "GET", ticket)[1])
            return said if said["kind"] == "OrderReply" else None

        end = self.until(reply, 60, f"an end of {order}")
        return end["outcome"], end["text"]

    def dropping(self, node, since=None):
        """What every upstream of the node last heard of HOST: communities, or "withdrawn".

        With `since` only what an upstream has heard after that many UPDATEs counts.
        """
        out = {}
        for upstream in net.NODES[node].upstreams:
            peer = str(net.session(node, upstream).customer_address)
            for said in self.lab.updates(upstream)[(since or {}).get(upstream, 0) :]:
                if said.peer == peer and HOST in said.announced:
                    out[upstream] = set(said.attributes.communities)
                elif said.peer == peer and HOST in said.withdrawn:
                    out[upstream] = "withdrawn"
        return out

    def until_dropping(self, node, wanted, since=None):
        self.until(
            lambda: self.dropping(node, since) == wanted, 60, f"{wanted} about {HOST} from {node}"
        )

    def reboot(self, node):
        """Everything of the node ends without a word, and what was under /run is gone."""
        kind, fragment = self.lab.kind(node), self.lab.fragment(node)
        daemons = DAEMONS if kind == "frr" else [kind]
        self.lab.hosts.stop(
            [f"{name}.{node}" for name in ("anycastd", *daemons)], signal.SIGKILL
        )
        for file in fragment.parent.iterdir():
            file.unlink()
        config = self.lab.folder(node) / "anycastd.yaml"
        render = [self.lab.program("anycastctl"), "render", "--config", config, "--node", node]
        subprocess.run([*render, "--withdrawn", "--if-missing", "--out", fragment], check=True)
        self.lab.start_router(node)
        self.lab.start_anycastd(node)

    def refused(self, node, upstream, host, why):
        end, text = self.ordered(node, "blackhole", upstream, host, for_seconds=600)
        self.assertEqual(end, "refused", text)
        self.assertIn(why, text)

    def test_within_our_prefix_a_host_is_dropped_by_one_upstream_until_its_time_is_over(self):
        wanted = {
            "hk-aws-1": ("ntt", "cmi", {NO_EXPORT, BLACKHOLE}),
            "hk-tx-1": ("hkbn", "pccw", {NO_EXPORT, BLACKHOLE, (64503, 666)}),
        }
        for node, (upstream, other, communities) in wanted.items():
            self.until_run(node)
            self.refused(node, upstream, "198.51.100.7/32", "is no host of our prefixes")
            self.refused(node, upstream, f"{net.VIP}/32", "would leave no address of 203.0.113.0/24")
            self.refused(node, other, HOST, f"the dictionary of '{other}' does not say")
            self.assertEqual(self.dropping(node), {})
            end, text = self.ordered(node, "blackhole", upstream, for_seconds=600)
            self.assertEqual(end, "done", text)
            self.assertIn(f"blackhole {HOST} on {upstream}", text)
            self.until_dropping(node, {upstream: communities})
        before = {u: len(self.lab.updates(u)) for u in net.UPSTREAMS}
        for node in wanted:
            self.reboot(node)
        for node, (upstream, _, communities) in wanted.items():
            self.until_dropping(node, {upstream: communities}, before)
            self.until_run(node)
            # The new end comes while nobody is there to see to it.
            end, text = self.ordered(node, "blackhole", upstream, for_seconds=3)
            self.assertEqual(end, "done", text)
            self.lab.stop_anycastd(node, signal.SIGKILL)
            self.assertEqual(self.dropping(node), {upstream: communities})
        for node, (upstream, _, _) in wanted.items():
            self.lab.start_anycastd(node)
            self.until_dropping(node, {upstream: "withdrawn"})
            self.until_run(node)
            self.assertNotIn("blackholes", self.status(node))
            self.assertIn("ended by its time", self.journal(node))
            mine = next(u for u in self.status(node)["upstreams"] if u["name"] == upstream)
            self.assertEqual(mine["wanted"]["state"], "announced")
            self.assertTrue(mine["in_sync"])


if __name__ == "__main__":
    unittest.main()
