"""What the benches of the lab share: a node's orders, and when the upstream hears of them."""

import contextlib
import datetime
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "lab")]

from api import call  # noqa: E402

from lab import mrt  # noqa: E402
from lab import topology as net  # noqa: E402
from lab.hosts import LabError, wait_until  # noqa: E402

NODE, UPSTREAM = "hk-idc-1", "cmi"
PEER = str(net.session(NODE, UPSTREAM).customer_address)
PROCESS = f"anycastd.{NODE}"
SETTLE = 5  # seconds that the daemon holds after a change; the least that may be configured

# Nothing but the orders and what a bench does to a path may cause a change.
HASTY = f"""prometheus: {{interval: 1s, timeout: 900ms}}
evidence: {{min_samples: 5}}
guards:
  confirm: 5s
  hold_after_change: {SETTLE}s
  max_changes: {{count: 1000, per: 1h}}
  damping: {{normal: 50000, ceiling: 50000, half_life: 1s}}  # these flaps are the purpose
  reannounce: {{after: 0s, most: 0s}}
  reversal: {{after: 0s, most: 0s}}
  effect: {{early: 1h, late: 2h}}  # the users' own pings are not what is measured
"""


class Ear:
    """Notices an UPDATE of a peer, by the growth of the dump of who hears it, to about 1 ms."""

    def __init__(self, path, peer):
        self.path, self.peer = path, peer
        self.size = self.path.stat().st_size

    def skip(self):
        self.size = self.path.stat().st_size

    def next(self, seconds):
        """Wall clock when the next UPDATE was there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.path.stat().st_size > self.size:
                now = time.time()
                with self.path.open("rb") as dump:
                    dump.seek(self.size)
                    grown = dump.read()
                # Whole messages are written at once; what else grows it is keepalives.
                self.size += len(grown)
                if any(u.peer == self.peer and not u.is_end_of_rib for u in mrt.updates(grown)):
                    return now
            time.sleep(0.0005)
        raise LabError(f"no update of {self.peer} in {self.path} within {seconds} s")


class Orders:
    """The node's anycastd, given orders."""

    def __init__(self, lab):
        self.lab = lab
        self.socket = lab.control_socket(NODE)

    def up(self, drop_in="", others=(), before=lambda: None):
        """The other nodes' daemons say that these announce: without one, none may withdraw. What has
        to run when the daemon starts is started by `before`."""
        self.lab.up(anycastd=False)
        folder = self.lab.folder(NODE) / "conf.d"
        folder.mkdir()
        (folder / "hasty.yaml").write_text(HASTY)
        (folder / "more.yaml").write_text(drop_in)
        before()
        for node in (*others, NODE):
            self.lab.start_anycastd(node)
        wait_until(lambda: self.lab.ready(NODE), 90, "fresh evidence")
        self.ear = Ear(self.lab.dump(UPSTREAM), PEER)

    def get(self, what):
        code, body = call(self.socket, "GET", what)
        if code != 200:
            raise LabError(f"{what}: {code} {body}")
        return body

    def status(self):
        return json.loads(self.get("/v1/status"))

    def order(self, **body):
        """ms from the POST to the UPDATE, and from the apply's beginning to it."""
        self.ear.skip()
        began = time.time()
        code, answer = call(self.socket, "POST", "/v1/orders", {"reason": "bench", **body})
        if code != 202:
            raise LabError(f"order: {code} {answer}")
        heard = self.ear.next(20)
        return 1000 * (heard - began), 1000 * (heard - self.settled(began))

    def pin(self, stance):
        return self.order(kind="pin", upstream=UPSTREAM, stance=stance)

    def unpin(self):
        return self.order(kind="unpin", upstream=UPSTREAM)

    def settled(self, since):
        """The beginning of the apply that came after `since`, once nothing is under way."""

        def done():
            status = self.status()
            router, last = status["local"]["router"], status["last_apply"]
            at = datetime.datetime.fromisoformat(last["time"].replace("Z", "+00:00")).timestamp()
            same = router["revision"] == router["file_revision"] == router["wanted_revision"]
            return at if same and not router["unconfirmed"] and at >= since - 0.001 else None

        return wait_until(done, 20, "the end of the change")

    @contextlib.contextmanager
    def asleep(self):
        """While somebody else changes things and leaves them as they were."""
        pid = self.lab.hosts.running(PROCESS)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def timed(self, change, seconds=20):
        """ms from the beginning of `change()` to the UPDATE; it returns a process, or nothing."""
        self.ear.skip()
        began = time.time()
        process = change()
        heard = self.ear.next(seconds)
        if process:
            process.wait(seconds)
        return 1000 * (heard - began)


def line(name, values):
    print(
        f"{name:<52} median {statistics.median(values):7.1f} ms   max {max(values):7.1f} ms"
        f"   ({len(values)} runs)",
        flush=True,
    )
