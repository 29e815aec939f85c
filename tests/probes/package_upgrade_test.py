"""The package is installed, upgraded and removed beside a node that announces, and no upstream hears of it."""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from node import CARRIERS, CONFIG, HERE, NODES, REGIONS, THERE, UPSTREAMS, bird_config
from package import package, run, stubs
from processes import UnixConnection, fetch, free_port, needs, running
from stand_in import Fleet, prometheus_of

INSIDE = ("usr/sbin/anycastd", "usr/bin/anycastctl", "usr/share/anycastd/templates")


def newer(deb, folder):
    """The same package with a higher version."""
    tree = folder / "newer"
    run("dpkg-deb", "-R", deb, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.M))
    run("dpkg-deb", "-Zgzip", "-z1", "-b", tree, folder / "newer.deb")
    return folder / "newer.deb"


@needs("dpkg", "cpack", "bird", "birdc")
@unittest.skipIf(os.getuid() != 0, "dpkg wants root")
class Upgrade(unittest.TestCase):
    def setUp(self):
        self.started = contextlib.ExitStack()
        self.addCleanup(self.started.close)
        self.folder = Path(self.started.enter_context(tempfile.TemporaryDirectory()))
        self.root = self.folder / "root"
        (self.root / "run/systemd/system").mkdir(parents=True)  # it looks as if systemd ran there
        (self.root / "var/lib/dpkg").mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").touch()
        self.called = self.folder / "called"
        self.path = f"{stubs(self.folder / 'stubs', self.called)}:{os.environ['PATH']}"
        self.daemon = None

    def place(self, name):
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def start(self, name, *words):
        return self.started.enter_context(running(*words, folder=self.place(name)))

    def dpkg(self, *words):
        """Runs dpkg on the folder; returns what its scripts asked of systemd's units, and does it."""
        self.called.write_text("")
        options = ["--root", self.root, "--force-depends", "--force-script-chrootless", "--log", "/dev/null"]
        run("dpkg", *options, *words, env={**os.environ, "PATH": self.path})
        asked = re.findall(r"^deb-systemd-invoke (.*)$", self.called.read_text(), re.M)
        for order in asked:
            self.daemon.__exit__(None, None, None)
            if order.startswith("try-restart"):
                self.start_anycastd()
        return asked

    def start_anycastd(self):
        words = [self.root / "usr/sbin/anycastd", "--config", self.folder / "anycastd.yaml"]
        self.daemon = contextlib.ExitStack()
        self.process = self.daemon.enter_context(running(*words, folder=self.place("anycastd")))
        self.addCleanup(self.daemon.close)

    def status(self, good):
        connect = lambda: UnixConnection(self.folder / "ctl.sock")  # noqa: E731
        return json.loads(fetch(connect, "/v1/status", self.process, lambda text: good(json.loads(text))))

    @staticmethod
    def acting(status):
        """Past its first cycles, with evidence, and at one with every upstream about an announcement."""
        return status["uptime_seconds"] > 5 and status["condition"]["state"] == "run" and all(
            cell["rtt_seconds"] for cell in status["cells"]
        ) and all(u["session"]["up"] and u["in_sync"] and u["actual"]["state"] == "announced" for u in status["upstreams"])

    def heard(self):
        """Of each session, by the upstream's own count: its routes, UPDATEs and withdrawals; and since when it is up, in seconds."""
        said = run("birdc", "-s", self.folder / "upstream.ctl", "show", "protocols", "all")
        lines = r"^(\w+ +BGP +.*|\s+BGP state:.*|\s+Routes:.*|\s+Import (?:updates|withdraws):.*)$"
        clock = r"(\d+):(\d+):([\d.]+)"
        found = re.findall(lines, said, re.M)
        since = [(int(h) * 60 + int(m)) * 60 + float(s) for h, m, s in re.findall(clock, "\n".join(found))]
        return [re.sub(clock, "", line) for line in found], since

    def assert_heard(self, before, why=None):
        """Nothing came since. BIRD tells a session's beginning from clocks of its own, to a millisecond or two."""
        (lines, since), (lines_before, since_before) = self.heard(), before
        self.assertEqual(lines, lines_before, why)
        for now, then in zip(since, since_before, strict=True):
            self.assertAlmostEqual(now, then, delta=0.1, msg=why)

    def begin(self, prometheus):
        """A node with three sessions, and its upstreams."""
        web, port = free_port(), free_port()
        nodes = []
        for i, (node, upstreams) in enumerate(NODES.items(), 11):
            sessions = ", ".join(
                f"{u}: {{neighbor: {THERE}.{j}, local: {HERE}.{j}}}" for j, u in enumerate(UPSTREAMS, 1) if u in upstreams
            )
            nodes.append(f"  {node}: {{probe_target: 198.51.100.{i}, sessions: {{{sessions}}}}}")
        config = CONFIG.format(
            folder=self.folder, root=self.root / "usr/share/anycastd", prometheus=prometheus, web=web, nodes="\n".join(nodes)
        )
        (self.folder / "anycastd.yaml").write_text(config.replace("mode: observe", "mode: auto"))
        for name, here, there in (("bird", HERE, THERE), ("upstream", THERE, HERE)):
            text = bird_config(self.folder, port, here, there).replace("import none", "import all")
            (self.folder / f"{name}.conf").write_text(text)
        words = ["--config", self.folder / "anycastd.yaml", "--out", self.folder / "fragment.conf"]
        run(self.root / "usr/bin/anycastctl", "render", *words)
        for name in ("upstream", "bird"):
            control = ["-s", self.folder / f"{name}.ctl", "-P", self.folder / f"{name}.pid"]
            self.start(name, "bird", "-f", "-c", self.folder / f"{name}.conf", *control)

    def test_install_upgrade_and_removal_send_nothing(self):
        self.assertEqual(self.dpkg("-i", package()), [])
        self.begin(self.started.enter_context(prometheus_of(Fleet(NODES, CARRIERS, REGIONS, bad=None))))
        self.start_anycastd()
        before = self.status(self.acting)
        heard = self.heard()
        lines, since = heard
        self.assertEqual(len(lines), 5 * len(UPSTREAMS), heard)  # five lines of each session
        self.assertEqual(len(since), len(UPSTREAMS), heard)
        self.assertEqual(sum(line.split()[:3] == ["Routes:", "1", "imported,"] for line in lines), len(UPSTREAMS), heard)

        self.assertEqual(self.dpkg("-i", newer(package(), self.folder)), ["try-restart anycastd.service"])
        after = self.status(lambda s: self.acting(s) and s["uptime_seconds"] < before["uptime_seconds"] + 60)
        self.assert_heard(heard)
        told = ("mode", "prefixes", "fleet")
        self.assertEqual([after[key] for key in told], [before[key] for key in told])

        self.assertEqual(self.dpkg("-r", "anycastd"), ["stop anycastd.service"])
        self.assert_heard(heard)
        self.assertEqual([path for path in INSIDE if (self.root / path).exists()], [])
        subprocess.run(["birdc", "-s", self.folder / "bird.ctl", "configure"], check=True, capture_output=True)
        self.assert_heard(heard, "the fragment is still there for BIRD to include")


if __name__ == "__main__":
    unittest.main()
