"""What the tests of faults share: a lab with shorter times, what a node says, what is heard."""

import json
import os
import shutil
import sys
import time
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from api import call  # noqa: E402
from updates import assert_only  # noqa: E402

from lab import topology as net  # noqa: E402
from lab.control import Lab  # noqa: E402
from lab.hosts import LabError, left_behind, wait_until  # noqa: E402

NODE, UPSTREAM, CARRIER = "hk-idc-1", "cmi", "mobile"
WINDOW = 10  # seconds
PATIENCE = 10  # seconds, for an answer of a control socket on a busy machine
NEEDED = ["bird", "birdc", "prometheus", "prometheus-blackbox-exporter", "nft"]
MISSING = [program for program in NEEDED if not shutil.which(program)]

# A window this short shows less loss than the lab's 20 s do; these paths are bad by their delay.
SHORTER = f"""evidence: {{window: {WINDOW}s, min_samples: 12}}
thresholds:
  default:
    loss: {{warn: 15%, bad: 30%, clear: 25%}}
    for: 6s
    clear_for: 6s
"""


class FaultLab(Lab):
    """A lab whose nodes decide by a shorter window, so that three of them fit into a test."""

    def start_anycastd(self, node):
        folder = self.folder(node) / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "shorter.yaml").write_text(SHORTER)
        super().start_anycastd(node)


def unix(text):
    """Unix seconds of a time in a report."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class FaultTest(unittest.TestCase):
    """One lab for all tests of a class. Each leaves every path well and everything announced."""

    NAME = "faults"
    make_lab = FaultLab

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.make_lab(f"{cls.NAME}{os.getpid()}")
        cls.addClassCleanup(cls.leave)
        cls.lab.up()
        wait_until(cls.all_ready, 60, "evidence for every anycastd")

    @classmethod
    def all_ready(cls):
        for node in net.NODES:
            if not cls.lab.hosts.running(f"anycastd.{node}"):
                raise LabError(cls.lab.hosts.log(f"anycastd.{node}").read_text())
        return all(map(cls.lab.ready, net.NODES))

    @classmethod
    def leave(cls):
        cls.lab.down()
        left = left_behind(cls.lab.name)
        assert left == [], left

    # What a node says

    def status(self, node=NODE):
        """Raises LookupError while a daemon that has just started has no cycle behind it."""
        code, said = call(self.lab.control_socket(node), "GET", "/v1/status", timeout=PATIENCE)
        if code == 503:
            raise LookupError(said)
        self.assertEqual(code, 200, said)
        return json.loads(said)

    def post(self, path, body=None, node=NODE):
        code, said = call(self.lab.control_socket(node), "POST", path, body, timeout=PATIENCE)
        return code, json.loads(said)

    def notices(self, node=NODE):
        return "\n".join(notice["text"] for notice in self.status(node)["notices"])

    def journal(self, node=NODE):
        return self.lab.hosts.log(f"anycastd.{node}").read_text()

    def cell(self, node=NODE, carrier=CARRIER):
        for cell in self.status(node)["cells"]:
            if (cell["node"], cell["carrier"]) == (node, carrier):
                return cell
        raise LookupError(f"no cell of {node} and {carrier}")

    def until(self, condition, seconds, what):
        """`wait_until`, but a control socket that is busy or a status that is not there is "no"."""

        def tried():
            try:
                return condition()
            except (OSError, ValueError, LookupError):
                return None

        try:
            return wait_until(tried, seconds, what)
        except LabError as error:
            try:
                said = self.status()
                said["upstreams"] = [(u["name"], u["wanted"], u["next"]) for u in said["upstreams"]]
                told = {key: said[key] for key in ("condition", "notices", "upstreams", "last_apply")}
            except (OSError, LookupError) as missing:
                told = f"no status: {missing}"
            self.fail(f"{error}; {told}\n{self.journal()[-3000:]}")

    def until_run(self, node=NODE, seconds=60):
        """Until a cycle that ends from now on finds it so: what was heard before is in its status."""
        try:
            seen = self.status(node)["cycle"]["count"]
        except (OSError, LookupError):
            seen = 0

        def runs():
            status = self.status(node)
            return status["cycle"]["count"] != seen and status["condition"]["state"] == "run"

        self.until(runs, seconds, f"{node} runs again")

    # What upstreams heard

    def heard(self):
        return {u: len(self.lab.updates(u)) for u in net.UPSTREAMS}

    def said(self, node=NODE, upstream=UPSTREAM):
        """What the node last said to the upstream: a number of prepends, or "withdrawn"."""
        peer = str(net.session(node, upstream).customer_address)
        heard = [
            u for u in self.lab.updates(upstream) if u.peer == peer and not u.is_end_of_rib
        ]
        return len(heard[-1].attributes.as_path) - 1 if heard[-1].announced else "withdrawn"

    def until_said(self, stance, seconds):
        self.until(lambda: self.said() == stance, seconds, f"{UPSTREAM} hears {stance}")

    def assert_nothing_heard(self, since, seconds):
        """Nobody hears anything more for that long; `since` is what `heard` said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heard = self.heard()
            if heard != since:
                new = [str(u) for name in heard for u in self.lab.updates(name)[since[name] :]]
                self.fail(f"heard {new}\n{self.journal()[-2000:]}")
            time.sleep(1)

    def assert_only_stances(self):
        """Whatever was heard since the lab is up is something that we may say."""
        for upstream in net.UPSTREAMS:
            assert_only(self.lab.updates(upstream), net.PREFIX, net.ORIGIN_ASN)

    def others_plain(self):
        """Nobody but the one session that is made bad has ever said anything but its first word."""
        for session in net.SESSIONS:
            if (session.customer, session.provider) != (NODE, UPSTREAM):
                self.assertEqual(self.said(session.customer, session.provider), 0, session.cable)

    # The path

    def make_bad(self):
        """Makes our path bad and returns once a node has noticed it, before it counts."""
        self.lab.path(NODE, UPSTREAM, CARRIER, delay=150)
        self.until(lambda: self.cell()["bad_since"], 60, "a path measured as bad")

    def heal(self):
        self.lab.path(NODE, UPSTREAM, CARRIER)
