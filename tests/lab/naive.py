#!/usr/bin/env python3
"""The rule that everybody writes first, on the lab's nodes, so that one can watch what it does.

    if RTT of a carrier > 200 ms or loss > 3 %: withdraw this node, else announce

asked of Prometheus every few seconds on every node, as the scripts in the field do: probes ping the
anycast address, `avg_over_time` of both gauges, a fragment written and `birdc configure`.

It is honest, and it ends with nobody announcing: the probes see one path per carrier, wherever BGP
leads it, so all nodes read the same figures and all withdraw for the fault of one. After that
nothing answers, loss is 100 %, and the condition to come back can never be met.

usage: naive.py LAB SECONDS     the lab must have been brought up with --no-anycastd
"""

import json
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))

from lab import texts  # noqa: E402
from lab import topology as net  # noqa: E402
from lab.control import Lab  # noqa: E402

WORST = "max(avg by (carrier) (%s))"
RTT = WORST % 'avg_over_time(probe_icmp_duration_seconds{job="vip-icmp",phase="rtt"}[20s])'
LOSS = WORST % '1 - avg_over_time(probe_success{job="vip-icmp"}[20s])'


def ask(lab, promql):
    """The value, as a node's script gets it from the central Prometheus; without data, NaN."""
    query = urllib.parse.urlencode({"query": promql})
    url = f"http://{net.MONITOR_ADDRESS}:9090/api/v1/query?{query}"
    answer = json.loads(lab.hosts.run(net.MONITOR, ["curl", "-s", "-m", "2", url]))
    found = answer["data"]["result"]
    return float(found[0]["value"][1]) if found else float("nan")


def naive(lab, node):
    """One turn of one node's loop; returns whether it announces now."""
    announce = not (ask(lab, RTT) > 0.2 or ask(lab, LOSS) > 0.03)
    text = texts.plain_fragment(node)
    fragment = lab.folder(node.name) / "run" / "bird.conf"
    fragment.write_text(text if announce else text.replace("accept;", "reject;"))
    lab.birdc(node.name, "configure")
    return announce


def run(lab, seconds, pause=2):
    """Lets every node follow its own loop; yields (seconds since start, nodes that announce)."""
    start = time.monotonic()
    while (since := time.monotonic() - start) < seconds:
        yield since, [node.name for node in net.NODES.values() if naive(lab, node)]
        time.sleep(pause)


if __name__ == "__main__":
    for at, announcing in run(Lab(sys.argv[1]), float(sys.argv[2])):
        print(f"{at:5.0f} s  announcing: {', '.join(announcing) or 'NOBODY'}", flush=True)
