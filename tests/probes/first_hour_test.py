"""The first hour's steps with real programs on loopback: a probe pushes, the daemon judges by what it pushed."""

import contextlib
import http.client
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from exporters_test import BLACKBOX, BUILD
from known import ROOT
from processes import UnixConnection, fetch, free_port, needs, running

FLEET = """version: 1
node: a
mode: observe
prefixes: {{127.0.1.0/24: {{origin_asn: 64500, vips: [127.0.1.1/32]}}}}
prometheus: {{urls: ['http://127.0.0.1:{prometheus}'], interval: 1s, timeout: 500ms, max_age: 10s}}
evidence:
  rtt: 'probe_icmp_duration_seconds{{job="anycast-icmp",phase="rtt"}}'
  loss: 'probe_success{{job="anycast-icmp"}}'
  window: 10s
  fast_window: 2s
  slow_window: 20s
  scrape: 500ms
  min_samples: 5
regions: [beijing]
carriers: [mobile]
thresholds:
  default:
    rtt: {{warn: 50ms, bad: 100ms, clear: 60ms}}
    loss: {{warn: 30%, bad: 50%, clear: 25%}}
    regions: 1
    for: 2s
    clear_for: 4s
upstreams: {{cmi: {{asn: 64501, carries: [mobile]}}}}
nodes:
  a: {{probe_target: 127.0.0.11, sessions: {{cmi: {{neighbor: 192.0.2.1, local: 192.0.2.2}}}}}}
  b: {{probe_target: 127.0.0.12, sessions: {{cmi: {{neighbor: 192.0.2.5, local: 192.0.2.6}}}}}}
policy: {{carrier_bad: [{{do: prepend, count: 2, settle: 3m}}]}}
router: {{kind: bird, socket: {folder}/bird.ctl, fragment: {folder}/bird.conf, templates: {root}/templates}}
web: {{listen: '127.0.0.1:{web}'}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
"""


class FirstHour(unittest.TestCase):
    def setUp(self):
        cleanup = contextlib.ExitStack()
        self.addCleanup(cleanup.close)
        self.started = cleanup
        self.folder = cleanup.enter_context(tempfile.TemporaryDirectory())
        self.ports = {name: free_port() for name in ("prometheus", "web", "blackbox", "agent")}
        self.fleet = Path(self.folder, "anycastd.yaml")
        self.fleet.write_text(FLEET.format(folder=self.folder, root=ROOT, **self.ports))

    def place(self, name):
        """A folder of a program's own."""
        path = Path(self.folder, name)
        path.mkdir(exist_ok=True)
        return path

    def render(self, name, *words):
        command = [BUILD / "anycastctl", "probes", "render", "--config", self.fleet, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        path = self.place(name) / "config.yml"
        path.write_text(done.stdout)
        return path

    def start(self, name, *words):
        return self.started.enter_context(running(*words, folder=self.place(name)))

    def said(self):
        return "\n".join(f"{path}:\n{path.read_text()[-1500:]}" for path in Path(self.folder).glob("*/log"))

    @needs("prometheus", BLACKBOX)
    @unittest.skipIf(os.getuid() != 0, "pings want root")
    def test_what_render_prints_brings_the_probes_samples_to_the_daemon(self):
        exporter, listen = f"127.0.0.1:{self.ports['blackbox']}", "--web.listen-address=127.0.0.1:{}".format
        config = self.render("blackbox", "--for", "blackbox")
        self.start(
            "blackbox", BLACKBOX, f"--config.file={config}", f"--web.listen-address={exporter}", "--timeout-offset=0.1"
        )
        config = self.render("central", "--for", "prometheus", "--metrics", f"127.0.0.1:{self.ports['web']}")
        data = f"--storage.tsdb.path={self.place('central')}/data"
        receive = "--web.enable-remote-write-receiver"
        central = self.start(
            "central", "prometheus", receive, f"--config.file={config}", listen(self.ports["prometheus"]), data
        )
        daemon = self.start("anycastd", BUILD / "anycastd", "--config", self.fleet)
        # Last, so that it ends first: it would wait a minute for a server that is gone.
        config = self.render("agent", "--for", "agent", "--probe", "beijing/mobile", "--exporter", exporter)
        data = f"--storage.agent.path={self.place('agent')}/data"
        self.start(
            "agent", "prometheus", "--enable-feature=agent", f"--config.file={config}", listen(self.ports["agent"]), data
        )

        def judged(text):
            evidence = json.loads(text)["evidence"]
            return evidence["probes_expected"] == 2 and evidence["probes_fresh"] == 2

        try:
            fetch(lambda: UnixConnection(f"{self.folder}/ctl.sock"), "/v1/status", daemon, judged)
            asked = "/api/v1/query?query=count(probe_success)by(job,node)"
            text = fetch(lambda: http.client.HTTPConnection("127.0.0.1", self.ports["prometheus"]), asked, central)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None
        found = {(one["metric"]["job"], one["metric"]["node"]) for one in json.loads(text)["data"]["result"]}
        self.assertEqual(found, {("anycast-icmp", "a"), ("anycast-icmp", "b"), ("vip-icmp", "anycast")})


if __name__ == "__main__":
    unittest.main()
