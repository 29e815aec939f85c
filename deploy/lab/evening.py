"""The story that deploy/demo tells: one carrier's evening, felt by the lab's users.

usage: evening.py [--build DIR] [--keep]
"""

import argparse
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import topology as net  # noqa: E402
from lab import users  # noqa: E402
from lab.control import Lab  # noqa: E402
from lab.hosts import LabError, left_behind, wait_until  # noqa: E402

NAME = "demo"
NODE, UPSTREAM, CARRIER = "hk-idc-1", "cmi", "mobile"
BAD_RTT_MS, BAD_LOSS_PERCENT = 120, 10  # as in the lab's anycastd.yaml


class Evening:
    def __init__(self, lab):
        self.lab = lab
        self.felt = {}  # what the users felt, by the name of the time
        self.moved_others = []  # who else was served by another node, or not at all, at any time

    def measure(self, name=None, seconds=2):
        """Lets the users measure for some seconds; nobody but our carrier's may ever be moved."""
        felt = self.lab.users(seconds)
        for one in felt.values():
            if one.carrier != CARRIER and (one.nodes != [NODE] or one.unserved):
                self.moved_others.append(f"{one.carrier}: {one.nodes}, {one.unserved} unserved")
        if name:
            self.felt[name] = felt
        return felt

    def stance(self):
        """What the upstream last heard from the node about the prefix."""
        peer = str(net.session(NODE, UPSTREAM).customer_address)
        heard = [u for u in self.lab.updates(UPSTREAM) if u.peer == peer and not u.is_end_of_rib]
        last = heard[-1]
        return len(last.attributes.as_path) - 1 if last.announced else "withdrawn"

    def watch(self, reached, limit, what):
        """The users go on measuring until `reached`; returns how long that took."""
        start = time.monotonic()
        while not reached():
            if time.monotonic() > start + limit:
                raise LabError(f"{what}: not within {limit} s")
            self.measure(seconds=1)
        return time.monotonic() - start

    def play(self):
        say("The lab: 4 nodes, 4 upstreams, 3 carriers in 3 regions, and Prometheus")
        self.lab.up()
        return self.tell()

    def tell(self):
        """The evening in a lab that is up; returns what was not as it has to be."""
        lab = self.lab
        wait_until(lambda: all(map(lab.ready, net.NODES)), 60, "evidence for every anycastd")
        print("every node announces 203.0.113.0/24 to each of its upstreams")
        heard_before = {u: len(lab.updates(u)) for u in net.UPSTREAMS}
        show(self.measure("before", 6))

        say(f"The evening: {CARRIER} to {NODE} through {UPSTREAM}, 120 ms slower, 15 % lost")
        lab.path(NODE, UPSTREAM, CARRIER, delay=120, loss=15)
        degraded = time.monotonic()
        show(self.measure("bad", 5))

        self.watch(lambda: self.stance() != 0, 90, "a reaction of anycastd")
        say(f"anycastd acts, {time.monotonic() - degraded:.0f} s after the change")
        for words in (["status"], ["plan"], ["explain", NODE, CARRIER]):
            print(f"$ anycastctl {' '.join(words)}\n{lab.anycastctl(NODE, *words)}")
        self.watch(lambda: NODE not in self.measure()[CARRIER].nodes, 30, "the users' move")
        say("After the move; the path itself is as bad as before")
        show(self.measure("moved", 6))

        say("The path heals")
        lab.path(NODE, UPSTREAM, CARRIER)
        healed = time.monotonic()
        self.watch(lambda: self.stance() == 0, 180, "the way back")
        self.watch(lambda: self.measure()[CARRIER].nodes == [NODE], 30, "the users' return")
        print(f"plain again and the users back, {time.monotonic() - healed:.0f} s after that")
        show(self.measure("healed", 6))
        print(lab.anycastctl(NODE, "history"))

        say("What the upstreams heard since the lab was up")
        heard = {u: lab.updates(u)[n:] for u, n in heard_before.items()}
        for upstream, said in heard.items():
            print(f"{upstream}: {len(said)} updates", *said, sep="\n  ")
        return list(self.faults(heard))

    def faults(self, heard):
        """What would have to be otherwise for the evening to be a success."""
        bad, moved, healed = (self.felt[name][CARRIER] for name in ("bad", "moved", "healed"))
        if good(bad):
            yield f"the users of {CARRIER} felt nothing of the bad path"
        if not good(moved):
            yield f"the users of {CARRIER} were not helped by the move"
        if not good(healed):
            yield f"the users of {CARRIER} were not well after the path had healed"
        if self.moved_others:
            yield f"others were moved: {'; '.join(self.moved_others)}"
        peer = str(net.session(NODE, UPSTREAM).customer_address)
        for upstream, said in heard.items():
            if {u.peer for u in said} - ({peer} if upstream == UPSTREAM else set()):
                yield f"{upstream} heard something that was not for it"


def good(felt):
    """Whether users are below the thresholds of the lab's anycastd.yaml."""
    return (
        felt.rtt_ms is not None
        and felt.rtt_ms < BAD_RTT_MS
        and felt.loss_percent < BAD_LOSS_PERCENT
        and not felt.unserved
    )


def say(text):
    print(f"\n== {text}", flush=True)


def show(felt):
    print(users.as_table(felt), flush=True)


def summary(felt_by_time):
    lines = [f"{'':<8}" + "".join(f"{name:>24}" for name in felt_by_time)]
    for carrier in net.CARRIERS:
        cells = [
            f"{f.rtt_ms or 0:.0f} ms {f.loss_percent:.1f} % {'/'.join(f.nodes) or 'nobody'}"
            for f in (felt[carrier] for felt in felt_by_time.values())
        ]
        lines.append(f"{carrier:<8}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--build")
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = Lab(NAME, options.build)
    evening = Evening(lab)
    try:
        faults = evening.play()
    except LabError as error:
        faults = [str(error)]
    finally:
        if not options.keep:
            lab.down()
    say("What the users felt")
    print(summary(evening.felt))
    if options.keep:
        print(f"\nthe lab is up: ANYCAST_LAB={NAME} deploy/lab/lab status; .../lab down {NAME}")
    else:
        faults += [f"left behind: {it}" for it in left_behind(NAME)]
    for fault in faults:
        print(f"FAILED: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
