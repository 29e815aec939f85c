"""Two hosts and their real Keepalived: the one that serves dies, or is stopped, and the other takes over. What a user who
keeps asking loses of it is printed, beside the same with Keepalived alone and a script of its operator's."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from api import call  # noqa: E402

from lab import texts  # noqa: E402
from lab.control import SOURCE, find_build  # noqa: E402
from lab.hosts import Hosts, LabError, left_behind, wait_until  # noqa: E402

HERE = Path(__file__).resolve().parent
NEEDED = ["bird", "birdc", "prometheus", "prometheus-blackbox-exporter", "keepalived", "nft"]
MISSING = [program for program in NEEDED if not shutil.which(program)]

VIP, PREFIX = "203.0.113.1", "203.0.113.0/24"
USER, ISP, SWITCH, PAIR = "user", "isp", "switch", ("hka", "hkb")
HOSTS = (USER, ISP, SWITCH, *PAIR)
ADDRESSES = {"hka": "192.0.2.66", "hkb": "192.0.2.67"}  # in the segment of both
SHARED = "192.0.2.65"
TARGETS = {"hka": "192.0.2.41", "hkb": "192.0.2.42"}
LINKS = {"hka": ("192.0.2.2", "192.0.2.1"), "hkb": ("192.0.2.6", "192.0.2.5")}  # (the host's, the ISP's)
MONITOR = "192.0.2.33"  # on the ISP's host, like its Prometheus
USERS_ADDRESS, USERS_GATEWAY = "198.51.100.2", "198.51.100.1"
ADVERT = "200ms"

ISP_BIRD = """router id 192.0.2.33;
log stderr all;
protocol device {}
protocol kernel { ipv4 { import none; export all; }; }
"""

OPERATORS_BIRD = """router id %s;
log stderr all;
protocol device {}
"""

# What there is where Keepalived alone sees to it: it binds the address, its script announces and withdraws.
ALONE = """protocol static anycast { ipv4; disabled; route 203.0.113.0/24 blackhole; }
filter anycastd_isp { if proto = "anycast" then accept; reject; }
"""
SCRIPT = """#!/bin/sh
case $3 in
  MASTER) exec birdc -s {folder}/bird.ctl enable anycast ;;
  *) exec birdc -s {folder}/bird.ctl disable anycast ;;
esac
"""

CUT = """table ip cut {
  chain arriving { type filter hook input priority 0; ip protocol vrrp drop; }
}
"""


def prometheus(targets):
    return f"""global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: anycast-icmp
    metrics_path: /probe
    params: {{module: [icmp]}}
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{target_label: __address__, replacement: '{USERS_ADDRESS}:9115'}}
    static_configs:
{targets}
  - job_name: anycastd
    honor_labels: true
    static_configs: [{{targets: ['192.0.2.2:9477', '192.0.2.6:9477']}}]
"""


def fleet(nodes):
    return f"""version: 1
mode: auto
prefixes: {{{PREFIX}: {{origin_asn: 64500, vips: [{VIP}/32]}}}}
prometheus: {{urls: ['http://{MONITOR}:9090'], interval: 2s, timeout: 1s, max_age: 5s}}
evidence:
  rtt: 'probe_icmp_duration_seconds{{job="anycast-icmp",phase="rtt"}}'
  loss: 'probe_success{{job="anycast-icmp"}}'
  labels: {{node: node, carrier: carrier, region: region, upstream: upstream}}
  window: 10s
  scrape: 500ms
  min_samples: 12
regions: [beijing]
carriers: [telecom]
thresholds:
  default:
    rtt: {{warn: 90ms, bad: 120ms, clear: 100ms}}
    loss: {{warn: 15%, bad: 30%, clear: 25%}}
    jitter: {{warn: 60ms, bad: 100ms, clear: 80ms}}
    regions: 1
    for: 6s
    clear_for: 6s
upstreams: {{isp: {{asn: 64496, carries: [telecom], prepend_max: 3}}}}
nodes:
{nodes}
policy:
  carrier_bad: [{{do: withdraw, settle: 10s}}]
  restore: {{settle: 10s}}
guards:
  min_nodes: 1
  min_paths_per_carrier: 1
  max_changes: {{count: 60, per: 1h}}
  hold_after_change: 6s
  turn: 2s
  confirm: 6s
  damping: {{half_life: 1s}}
  reannounce: {{after: 45m, most: 6h}}  # which a takeover does not wait for
fleet: {{announcements: anycast_announces, max_age: 5s}}
router: {{templates: {SOURCE}/templates, timeout: 2s}}
"""


NODE = """  {host}:
    probe_target: {target}
    sessions: {{isp: {{neighbor: {isp}, local: {local}}}}}
    local:
      link: lo
      drain: 3s
      keepalived: {{fifo: {fifo}, instance: VI_1, address: {shared}, track_file: {track}, config: {config}}}
"""


class PairLab:
    """A user behind an ISP, and two hosts behind the ISP which are a pair."""

    def __init__(self, name):
        self.hosts = Hosts(name)
        self.build = find_build()

    def folder(self, host):
        return self.hosts.state / host

    def fifo(self, host):
        return self.folder(host) / "fifo"

    def up(self):
        self.hosts.destroy()
        self.hosts.create_state()
        ns = self.hosts.namespace
        commands = [f"netns add {ns(host)}" for host in HOSTS]
        commands.append(f"link add isp netns {ns(USER)} type veth peer name user netns {ns(ISP)}")
        for host in PAIR:
            commands.append(f"link add isp netns {ns(host)} type veth peer name {host} netns {ns(ISP)}")
            commands.append(f"link add pair netns {ns(host)} type veth peer name {host} netns {ns(SWITCH)}")
        self.hosts.ip(commands)
        for host in HOSTS:
            self.folder(host).mkdir()
            self.hosts.sysctl(host, {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv4.ip_forward": int(host == ISP)})
        self.plug(USER, "isp", f"{USERS_ADDRESS}/28", f"route add default via {USERS_GATEWAY}")
        self.plug(ISP, "user", f"{USERS_GATEWAY}/28", f"address add {MONITOR}/32 dev lo")
        self.hosts.ip(["link add name br0 type bridge", "link set dev br0 up"], SWITCH)
        for host in PAIR:
            own, isps = LINKS[host]
            self.hosts.ip([f"link set dev {host} master br0 up"], SWITCH)
            self.plug(ISP, host, f"{isps}/30", f"route add {TARGETS[host]} via {own}")
            self.plug(host, "isp", f"{own}/30", f"route add default via {isps}", f"address add {TARGETS[host]}/32 dev lo")
            self.plug(host, "pair", f"{ADDRESSES[host]}/26")
            # It stands for real servers, which do not die with the host before them.
            self.hosts.start(f"real-{host}", host, [sys.executable, SOURCE / "deploy/lab/service.py", "0.0.0.0", host])
        self.start_isp()

    def plug(self, host, device, address, *more):
        commands = ["link set dev lo up", f"address add {address} dev {device}", f"link set dev {device} up"]
        self.hosts.ip([*commands, *more], host)

    def start_isp(self):
        text = ISP_BIRD
        for host in PAIR:
            own, isps = LINKS[host]
            text += texts.define_bgp(host, isps, 64496, own, 64500, f"import where net = {PREFIX}; export none;")
        (self.folder(ISP) / "bird.conf").write_text(text)
        self.start_bird(ISP)
        targets = "\n".join(
            f"      - {{targets: ['{target}'], labels: {{region: beijing, carrier: telecom, node: {host}, upstream: isp}}}}"
            for host, target in TARGETS.items()
        )
        state = self.hosts.state
        (state / "blackbox.yml").write_text(texts.BLACKBOX)
        (state / "prometheus.yml").write_text(prometheus(targets))
        blackbox = [f"--config.file={state}/blackbox.yml", f"--web.listen-address={USERS_ADDRESS}:9115"]
        self.hosts.start("blackbox", USER, ["prometheus-blackbox-exporter", *blackbox, "--timeout-offset=0.1"])
        asked = [f"--config.file={state}/prometheus.yml", f"--storage.tsdb.path={state}/prometheus"]
        self.hosts.start("prometheus", ISP, ["prometheus", *asked, f"--web.listen-address={MONITOR}:9090"])

    def start_bird(self, host):
        folder = self.folder(host)
        argv = ["bird", "-f", "-c", folder / "bird.conf", "-s", folder / "bird.ctl"]
        self.hosts.start(f"bird.{host}", host, argv)

    def bird_of(self, host, ours):
        own, isps = LINKS[host]
        text = OPERATORS_BIRD % own + ours
        text += texts.define_bgp("isp", own, 64500, isps, 64496, "import none; export filter anycastd_isp;")
        (self.folder(host) / "bird.conf").write_text(text)

    # A host and what runs on it

    def start(self, host, alone):
        """Everything of a host, as after it has booted."""
        folder = self.folder(host)
        self.hosts.ip(["link set dev isp up", "link set dev pair up", f"route replace default via {LINKS[host][1]}"], host)
        (folder / "track").unlink(missing_ok=True)
        self.configure(host)
        if alone:
            self.bird_of(host, ALONE)
        else:
            fragment = folder / "run" / "bird.conf"
            fragment.parent.mkdir(exist_ok=True)
            self.render(host, "render", "--withdrawn", "--out", fragment)
            self.bird_of(host, f'include "{fragment}";\n')
        self.configure_keepalived(host, alone)
        self.start_bird(host)
        wait_until(lambda: (folder / "bird.ctl").exists(), 5, f"BIRD of {host}")
        if not alone:
            self.start_anycastd(host)
        self.start_keepalived(host)

    def render(self, host, command, *words):
        file = self.folder(host) / "anycastd.yaml"
        return self.hosts.run(host, [self.build / "anycastctl", command, "--config", file, "--node", host, *words])

    def configure_keepalived(self, host, alone):
        """What `anycastctl keepalived` says; alone with what it takes to do without anycastd."""
        folder = self.folder(host)
        addresses = ["--local", ADDRESSES[host], "--peer", *(one for name, one in ADDRESSES.items() if name != host)]
        words = ["--link", "pair", "--length", 26, *addresses, "--advert", ADVERT, "--user", "root"]
        text = self.render(host, "keepalived", *words)
        if alone:
            script = folder / "notify"
            script.write_text(SCRIPT.format(folder=folder))
            script.chmod(0o755)
            text = re.sub(r"\n  vrrp_notify_fifo .*", "", text)
            text = text.replace("  virtual_ipaddress {", f"  notify {script}\n  virtual_ipaddress {{\n    {VIP}/32 dev lo")
        file = folder / "keepalived.conf"
        file.write_text(text)
        self.hosts.run(host, ["keepalived", "-t", "-f", file])

    def start_keepalived(self, host):
        folder = self.folder(host)
        pids = ["-p", folder / "pid", "-r", folder / "vrrp-pid", "-c", folder / "other-pid"]
        self.hosts.start(f"keepalived.{host}", host, ["keepalived", "-n", "-P", "-l", "-D", "-f", folder / "keepalived.conf", *pids])

    def configure(self, host):
        folder = self.folder(host)
        nodes = "".join(
            NODE.format(
                host=one, target=TARGETS[one], isp=LINKS[one][1], local=LINKS[one][0], fifo=self.fifo(one), shared=SHARED,
                track=self.folder(one) / "track", config=self.folder(one) / "keepalived.conf",
            )
            for one in PAIR
        )  # fmt: skip
        (folder / "anycastd.yaml").write_text(fleet(nodes))
        (folder / "conf.d").mkdir(exist_ok=True)
        (folder / "conf.d" / "node.yaml").write_text(f"""node: {host}
router: {{kind: bird, socket: {folder}/bird.ctl, config: {folder}/bird.conf, fragment: {folder}/run/bird.conf}}
web: {{listen: '{LINKS[host][0]}:9477'}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
""")

    def start_anycastd(self, host):
        argv = [self.build / "anycastd", "--config", self.folder(host) / "anycastd.yaml", "--node", host]
        self.hosts.start(f"anycastd.{host}", host, argv)

    def processes(self, host):
        return [name for name in self.hosts.processes() if name.endswith(f".{host}")]

    def kill_keepalived(self, host):
        """Both of its processes, before one could see to the other's end."""
        name = f"keepalived.{host}"
        if parent := self.hosts.running(name):
            os.kill(parent, signal.SIGSTOP)
            os.kill(int((self.folder(host) / "vrrp-pid").read_text()), signal.SIGKILL)
            self.hosts.stop([name], signal.SIGKILL)
        for pid in ("pid", "vrrp-pid"):
            (self.folder(host) / pid).unlink(missing_ok=True)

    def power_off(self, host):
        """The links go first: nothing says good-bye."""
        self.hosts.ip(["link set dev isp down", "link set dev pair down"], host)
        self.kill_keepalived(host)
        self.hosts.stop(self.processes(host), signal.SIGKILL)
        for address, device in ((f"{VIP}/32", "lo"), (f"{SHARED}/26", "pair")):
            if self.has(host, address):
                self.hosts.ip([f"address del {address} dev {device}"], host)
        for name in ("fifo", "history.db", "bird.ctl", "ctl.sock"):
            (self.folder(host) / name).unlink(missing_ok=True)

    def down(self):
        self.hosts.destroy()

    # What is to be seen

    def has(self, host, address):
        return address in self.hosts.run(host, ["ip", "-o", "-4", "address", "show"])

    def announcing(self):
        """The hosts from which the ISP has the prefix."""
        argv = ["birdc", "-s", self.folder(ISP) / "bird.ctl", "show", "route", PREFIX]
        said = subprocess.run(argv, text=True, capture_output=True, check=False).stdout
        return {host for host in PAIR if f"via {LINKS[host][0]} " in said}

    def serves(self, host):
        return self.has(host, f"{VIP}/32") and self.announcing() == {host}


class Requests:
    """A user who asks, and what became of it."""

    def __init__(self, lab):
        self.lab = lab
        self.file = lab.hosts.log("requests")
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text("")
        lab.hosts.start("requests", USER, [sys.executable, HERE / "request_log.py", VIP])

    def all(self):
        lines = [line.split() for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return sorted((float(sent), by) for sent, by in lines)

    def answered_by(self, host, since):
        return any(by == host and sent > since for sent, by in self.all())

    def end(self):
        self.lab.hosts.stop(["requests"], signal.SIGTERM)
        return self.all()


def lost(requests, since):
    """(how many requests got no answer, seconds from the first of those to the first after the last of them)."""
    failed = [sent for sent, by in requests if by == "-" and sent > since]
    if not failed:
        return 0, 0.0
    good = [sent for sent, by in requests if by != "-" and sent > failed[-1]]
    return len(failed), good[0] - failed[0]


@unittest.skipIf(os.geteuid() != 0, "needs root")
@unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
class Takeover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = PairLab(f"ka{os.getpid()}")
        cls.addClassCleanup(cls.leave)
        cls.lab.up()

    @classmethod
    def leave(cls):
        cls.lab.down()
        left = left_behind(cls.lab.hosts.lab)
        assert left == [], left

    def until(self, condition, seconds, what):
        def tried():
            try:
                return condition()
            except (OSError, ValueError, LookupError):
                return None

        try:
            return wait_until(tried, seconds, what)
        except LabError as error:
            logs = sorted((self.lab.hosts.state / "log").glob("*.hk?"))
            said = "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-30:]) for log in logs)
            self.fail(f"{error}; announced by {self.lab.announcing()}\n{said}")

    def status(self, host):
        code, said = call(self.lab.folder(host) / "ctl.sock", "GET", "/v1/status")
        if code != 200:
            raise LookupError(said)
        return json.loads(said)

    def word(self, host):
        return self.status(host)["local"]["keepalived"]["state"]

    def takeover(self, what, cause, back):
        """Requests lost and seconds without an answer while hkb takes over from hka, and while hka returns."""
        requests = Requests(self.lab)
        self.until(lambda: requests.answered_by("hka", 0), 10, "answers of hka")
        began = time.time()
        cause()
        self.until(lambda: self.lab.serves("hkb"), 20, f"{what}: hkb to serve alone")
        self.until(lambda: requests.answered_by("hkb", began), 10, "answers of hkb")
        moved = time.time()
        back()
        self.until(lambda: self.lab.serves("hka"), 30, f"{what}: hka to serve alone again")
        self.until(lambda: requests.answered_by("hka", moved), 10, "answers of hka")
        time.sleep(1)
        heard = requests.end()
        away, seconds = lost([one for one in heard if one[0] < moved], began)
        home, more = lost(heard, moved)
        print(f"{what}: {away} requests lost in {seconds:.2f} s, {home} in {more:.2f} s when it was back")
        return away, home

    def start_both(self, alone):
        for host in PAIR:
            self.lab.start(host, alone)
        self.until(lambda: self.lab.serves("hka"), 40, "hka to serve")

    def both_ways(self, alone):
        """Of a host that dies, and of one whose Keepalived is stopped."""
        name = "Keepalived alone" if alone else "with anycastd"
        died = self.takeover(
            f"{name}, MASTER dies", lambda: self.lab.power_off("hka"), lambda: self.lab.start("hka", alone)
        )
        stopped = self.takeover(
            f"{name}, MASTER is stopped",
            lambda: self.lab.hosts.stop(["keepalived.hka"], signal.SIGTERM),
            lambda: self.lab.start_keepalived("hka"),
        )
        return died, stopped

    def settled(self):
        return [self.word(host) for host in PAIR] == ["MASTER", "BACKUP"]

    def told(self, host, words):
        return any(words in notice["text"] for notice in self.status(host)["notices"])

    def killed_keepalived(self):
        """Its addresses stay on the dead one's host, and the other binds them, too."""
        self.lab.kill_keepalived("hka")
        words = "hka: another host may have the address too"
        self.until(lambda: self.told("hka", "another host may have the address too"), 10, words)
        self.until(lambda: self.word("hkb") == "MASTER", 10, "hkb to be MASTER")
        self.assertTrue(all(self.lab.has(host, f"{SHARED}/26") for host in PAIR))
        self.assertIn("hka", self.lab.announcing())
        self.lab.start_keepalived("hka")
        self.until(self.settled, 20, "one MASTER again")

    def cut_vrrp(self):
        """They do not hear each other, and each is MASTER."""
        for host in PAIR:
            self.lab.hosts.run(host, ["nft", "-f", "-"], text=CUT)
        began = time.time()
        self.until(lambda: [self.word(host) for host in PAIR] == 2 * ["MASTER"], 10, "two MASTERs")
        for host, other in zip(PAIR, reversed(PAIR)):
            words = f"{other} still announces: it may be MASTER too"
            self.until(lambda h=host, w=words: self.told(h, w), 40, f"{host}: {words}")
        print(f"VRRP between them cut -> both hosts say that the other may be MASTER too: {time.time() - began:.1f} s")
        self.assertEqual(self.lab.announcing(), set(PAIR))
        for host in PAIR:
            self.lab.hosts.run(host, ["nft", "delete", "table", "ip", "cut"])
        self.until(self.settled, 10, "one MASTER again")
        self.until(lambda: self.lab.serves("hka"), 30, "hka to serve alone again")
        for host in PAIR:
            self.until(lambda h=host: not self.told(h, "may be MASTER too"), 15, f"{host} to be content")

    def test_the_other_host_takes_over_and_two_masters_are_told(self):
        self.start_both(alone=True)
        alone = self.both_ways(alone=True)
        for host in PAIR:
            self.lab.power_off(host)
        self.start_both(alone=False)
        self.until(self.settled, 10, "one MASTER")
        self.assertFalse(self.lab.has("hkb", f"{VIP}/32"))
        ours = self.both_ways(alone=False)
        for what, own, other in zip(("dies", "is stopped"), ours, alone):
            print(f"MASTER {what}: {sum(own)} requests lost with anycastd, {sum(other)} with Keepalived alone")
        self.killed_keepalived()
        self.cut_vrrp()


if __name__ == "__main__":
    unittest.main()
