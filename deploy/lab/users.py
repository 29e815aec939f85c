"""What users feel: RTT and loss to the VIP, and which node answers them.

As a program it is one user: `users.py VIP SECONDS` pings the VIP, asks its web service who it is,
and prints the tallies as JSON. `measure` lets all users of a lab do that at once.
"""

import json
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

PINGS_PER_SECOND = 5
REQUESTS_PER_SECOND = 2
PATIENCE = 1.0  # seconds; a reply later than this is a lost one


@dataclass
class Felt:
    """What the users of one carrier felt, all regions together."""

    carrier: str
    served_by: Counter = field(default_factory=Counter)  # web answers by node
    unserved: int = 0  # web requests without an answer
    sent: int = 0
    rtts_ms: list[float] = field(default_factory=list)

    @property
    def rtt_ms(self):
        """Median; None if nothing came back."""
        return statistics.median(self.rtts_ms) if self.rtts_ms else None

    @property
    def loss_percent(self):
        return 100 * (self.sent - len(self.rtts_ms)) / self.sent if self.sent else None

    @property
    def nodes(self):
        """Who served them, the most frequent first."""
        return [node for node, _ in self.served_by.most_common()]

    def add(self, one):
        self.served_by.update(one["served_by"])
        self.unserved += one["unserved"]
        self.sent += one["sent"]
        self.rtts_ms += one["rtts_ms"]


def measure(hosts, users, vip, seconds):
    """Runs every user for that long, in parallel; returns {carrier: Felt}."""
    running = [
        (
            user,
            subprocess.Popen(
                hosts.command(user.name, [sys.executable, __file__, vip, seconds]),
                stdout=subprocess.PIPE,
            ),
        )
        for user in users
    ]
    felt = {}
    try:
        for user, process in running:
            output, _ = process.communicate(timeout=seconds + 15)
            felt.setdefault(user.carrier, Felt(user.carrier)).add(json.loads(output))
    finally:
        for _, process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return felt


def as_table(felt):
    """One line per carrier for a person."""
    lines = [f"{'CARRIER':<9} {'RTT':>8} {'LOSS':>7}  SERVED BY"]
    for one in felt.values():
        rtt = "-" if one.rtt_ms is None else f"{one.rtt_ms:.0f} ms"
        loss = "-" if one.loss_percent is None else f"{one.loss_percent:.1f} %"
        total = sum(one.served_by.values()) + one.unserved
        nodes = [f"{node} {100 * n // total} %" for node, n in one.served_by.most_common()]
        if one.unserved:
            nodes.append(f"nobody {100 * one.unserved // total} %")
        lines.append(f"{one.carrier:<9} {rtt:>8} {loss:>7}  {', '.join(nodes)}")
    return "\n".join(lines)


def as_json(felt):
    return json.dumps(
        {
            carrier: {
                "rtt_ms": one.rtt_ms,
                "loss_percent": one.loss_percent,
                "sent": one.sent,
                "served_by": one.served_by,
                "unserved": one.unserved,
            }
            for carrier, one in felt.items()
        }
    )


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(identifier, sequence):
    header = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", 8, 0, checksum(header), identifier, sequence)


def ping(vip, seconds):
    """Sends echo requests at a steady pace; returns how many, and the RTTs of those answered."""
    identifier = os.getpid() & 0xFFFF
    line = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    line.connect((vip, 0))
    count = max(1, round(seconds * PINGS_PER_SECOND))
    start = time.monotonic()
    end = start + (count - 1) / PINGS_PER_SECOND + PATIENCE
    sent_at, rtts_ms = [], {}
    while (now := time.monotonic()) < end and len(rtts_ms) < count:
        due = start + len(sent_at) / PINGS_PER_SECOND if len(sent_at) < count else end
        if now >= due:
            send(line, echo_request(identifier, len(sent_at)))
            sent_at.append(now)
        elif select.select([line], [], [], due - now)[0]:
            sequence = receive_reply(line, identifier)
            if sequence is not None and sequence < len(sent_at):
                rtts_ms.setdefault(sequence, 1000 * (time.monotonic() - sent_at[sequence]))
    return count, list(rtts_ms.values())


def send(line, packet):
    try:
        line.send(packet)
    except OSError:
        pass  # no route: sent into the void, and so counted as lost


def receive_reply(line, identifier):
    """The sequence number of an echo reply to us; None for anything else."""
    try:
        packet = line.recv(2048)
    except OSError:
        return None  # an error that a router reported; the request stays lost
    kind, _, _, who, sequence = struct.unpack_from("!BBHHH", packet, 4 * (packet[0] & 0x0F))
    return sequence if kind == 0 and who == identifier else None


def ask(vip, seconds):
    """Asks the web service who it is, again and again; returns the answers and the failures."""
    served_by, unserved = Counter(), 0
    start = time.monotonic()
    for turn in range(max(1, round(seconds * REQUESTS_PER_SECOND))):
        time.sleep(max(0, start + turn / REQUESTS_PER_SECOND - time.monotonic()))
        if time.monotonic() > start + seconds + PATIENCE:
            break  # slow answers have eaten the time
        try:
            with urllib.request.urlopen(f"http://{vip}/", timeout=3) as answer:
                served_by[answer.read().decode().strip()] += 1
        except OSError:
            unserved += 1
    return served_by, unserved


def main(vip, seconds):
    answers = []
    asking = threading.Thread(target=lambda: answers.extend(ask(vip, seconds)))
    asking.start()
    sent, rtts_ms = ping(vip, seconds)
    asking.join()
    served_by, unserved = answers
    print(
        json.dumps(
            {"sent": sent, "rtts_ms": rtts_ms, "served_by": served_by, "unserved": unserved}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
