"""A node of a made-up fleet: a daemon with a real BIRD, its upstreams' BIRD, real servers, and samples in place of Prometheus."""

import contextlib
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from exporters_test import BUILD
from known import ROOT
from processes import UnixConnection, fetch, free_port, running
from stand_in import Fleet, prometheus_of

NODES = {"hk-ali-1": "cmi hkbn pccw", "hk-aws-1": "cmi pccw", "hk-idc-1": "cmi hkbn pccw", "hk-tx-1": "hkbn pccw"}
CARRIERS = ["telecom", "unicom", "mobile"]
REGIONS = ["beijing", "shenzhen", "chengdu"]
UPSTREAMS = {"cmi": 64501, "hkbn": 64502, "pccw": 64503}
HERE, THERE = "127.1.1", "127.1.2"  # networks of the node's BIRD and of its upstreams'

CONFIG = """version: 1
node: hk-idc-1
mode: observe
prefixes: {{203.0.113.0/24: {{origin_asn: 64500, vips: [203.0.113.1/32]}}}}
prometheus: {{urls: ['http://127.0.0.1:{prometheus}'], interval: 2s, timeout: 1s, max_age: 20s}}
evidence:
  rtt: 'probe_icmp_duration_seconds{{phase="rtt"}}'
  loss: 'probe_success'
  window: 20s
  fast_window: 5s
  slow_window: 30s
  scrape: 500ms
  min_samples: 20
regions: [beijing, shenzhen, chengdu]
carriers: [telecom, unicom, mobile]
thresholds:
  default:
    rtt: {{warn: 140ms, bad: 200ms, clear: 160ms}}
    loss: {{warn: 5%, bad: 20%, clear: 10%}}
    for: 2s
    clear_for: 10s
upstreams:
  cmi: {{asn: 64501, carries: [mobile]}}
  hkbn: {{asn: 64502, carries: [telecom]}}
  pccw: {{asn: 64503, carries: [unicom, telecom]}}
nodes:
{nodes}
policy: {{carrier_bad: [{{do: prepend, count: 2, settle: 3m}}]}}
guards: {{min_nodes: 2, min_paths_per_carrier: 2, anchors: [hk-ali-1]}}
router:
  kind: bird
  socket: {folder}/bird.ctl
  config: {folder}/bird.conf
  fragment: {folder}/fragment.conf
  templates: {root}/templates
web: {{listen: '127.0.0.1:{web}'}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
shadow: {{config: shadow.yaml}}
"""

# Too slow for it is what is good enough for the configuration in force.
SHADOW = "thresholds: {default: {rtt: {warn: 10ms, bad: 20ms, clear: 15ms}}}\n"

# Of the node itself: one real server listens. Nothing of it is done in mode observe.
INSIDE = """, services: {{web: {{check: {{kind: tcp, interval: 500ms, timeout: 400ms}},
    servers: [{{address: '127.0.0.1:{up}'}}, {{address: '127.0.0.1:{down}'}}], lvs: [{{address: '203.0.113.1:{up}'}}]}}}},
    local: {{link: lo, routes: [{{to: 192.0.2.144/28, table: 100, nexthops: [{{via: 192.0.2.1, link: lo}}]}}]}}"""


def bird_config(folder, port, here, there):
    """A BIRD on loopback with one session for each upstream; at HERE it is the node's."""
    lines = ["router id 192.0.2.1;" if here == HERE else "router id 192.0.2.2;", "protocol device { }"]
    lines += [f'include "{folder}/fragment.conf";'] if here == HERE else []
    for i, (upstream, asn) in enumerate(UPSTREAMS.items(), 1):
        ours, theirs, out = (64500, asn, f"export filter anycastd_{upstream};") if here == HERE else (asn, 64500, "export none;")
        lines += [
            f"protocol bgp {upstream} {{ local {here}.{i} port {port} as {ours}; neighbor {there}.{i} port {port} as {theirs};",
            f"  multihop; strict bind yes; connect delay time 1; ipv4 {{ import none; {out} next hop address 192.0.2.9; }}; }}",
        ]
    return "\n".join(lines) + "\n"


class NodeTest(unittest.TestCase):
    """One node for all tests of a class, in mode observe, with one bad path."""

    @classmethod
    def setUpClass(cls):
        cls.started = contextlib.ExitStack()
        cls.addClassCleanup(cls.started.close)
        cls.folder = Path(cls.started.enter_context(tempfile.TemporaryDirectory()))
        cls.fleet = Fleet(NODES, CARRIERS, REGIONS, bad=("hk-idc-1", "mobile"))
        cls.web = free_port()
        cls.write(cls.started.enter_context(prometheus_of(cls.fleet)))
        cls.start_bird("upstream")
        cls.start_bird("bird")
        cls.daemon = cls.start("anycastd", BUILD / "anycastd", "--config", cls.folder / "anycastd.yaml")
        cls.status(cls.settled)

    @classmethod
    def place(cls, name):
        """A folder of a program's own."""
        path = cls.folder / name
        path.mkdir()
        return path

    @classmethod
    def start(cls, name, *words):
        return cls.started.enter_context(running(*words, folder=cls.place(name)))

    @classmethod
    def start_bird(cls, name):
        cls.start(name, "bird", "-f", "-c", cls.folder / f"{name}.conf", "-s", cls.folder / f"{name}.ctl", "-P", f"{name}.pid")

    @classmethod
    def write(cls, prometheus):
        folder, port = cls.folder, free_port()
        nodes = []
        for i, (node, upstreams) in enumerate(NODES.items(), 11):
            sessions = ", ".join(f"{u}: {{neighbor: {THERE}.{i}, local: {HERE}.{i}}}" for i, u in enumerate(UPSTREAMS, 1) if u in upstreams)
            inside = INSIDE.format(up=prometheus, down=free_port()) if node == "hk-idc-1" else ""
            nodes.append(f"  {node}: {{probe_target: 198.51.100.{i}, sessions: {{{sessions}}}{inside}}}")
        config = folder / "anycastd.yaml"
        config.write_text(CONFIG.format(folder=folder, root=ROOT, prometheus=prometheus, web=cls.web, nodes="\n".join(nodes)))
        (folder / "shadow.yaml").write_text(SHADOW)
        (folder / "bird.conf").write_text(bird_config(folder, port, HERE, THERE))
        (folder / "upstream.conf").write_text(bird_config(folder, port, THERE, HERE))
        command = [BUILD / "anycastctl", "render", "--config", config, "--out", folder / "fragment.conf"]
        subprocess.run(command, check=True, capture_output=True)

    @classmethod
    def control(cls):
        return UnixConnection(cls.folder / "ctl.sock")

    @classmethod
    def status(cls, good=lambda status: True):
        return json.loads(fetch(cls.control, "/v1/status", cls.daemon, lambda text: good(json.loads(text))))

    @staticmethod
    def settled(status):
        return status["cells"][-1]["rtt_seconds"] and all(u["session"]["up"] for u in status["upstreams"]) and any(
            cell["state"] == "bad" for cell in status["cells"]
        )

    def report(self, path):
        return json.loads(fetch(self.control, path, self.daemon))
