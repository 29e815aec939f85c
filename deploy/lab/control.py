"""A lab as one thing: bring it up, change its paths, measure its users, take it down."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from . import mrt, texts, users
from . import topology as net
from .frr import DAEMONS, Frr
from .hosts import Hosts, LabError, wait_until

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def find_build(build=None):
    """The build directory that was asked for, else the one with the newest program of the lab's."""
    if build := build or os.environ.get("ANYCAST_BUILD"):
        return Path(build).resolve()

    def made(wire):
        programs = (wire, wire.with_name("anycastd"))
        return max(program.stat().st_mtime for program in programs if program.exists())

    wires = sorted(SOURCE.glob("build/*/anycast-wire"), key=made)
    if not wires:
        raise LabError(
            "anycast-wire is not built; do: cmake --preset dev &&"
            " cmake --build --preset dev --target anycast-wire anycastd anycastctl"
        )
    return wires[-1].parent


class Lab:
    """`frr` names the nodes of a lab to come that run FRR; all others run BIRD."""

    def __init__(self, name, build=None, frr=()):
        if not re.fullmatch(r"[a-z0-9]{1,16}", name):
            raise LabError(f"'{name}' is no name for a lab: up to 16 of a-z and 0-9")
        self.name = name
        self.build = build
        self.hosts = Hosts(name)
        if unknown := set(frr) - set(net.NODES):
            raise LabError(f"no node '{unknown.pop()}'")
        self._frr = frr

    def folder(self, host):
        return self.hosts.state / host

    def exists(self):
        return self.hosts.state.is_dir()

    # Up and down

    def up(self, anycastd=True):
        """Replaces whatever was left of a lab of this name. If it fails, it leaves nothing."""
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces, which needs root")
        build = find_build(self.build)
        self.down()
        try:
            self.hosts.create_state()
            (self.hosts.state / "build").write_text(f"{build}\n")
            (self.hosts.state / "frr").write_text("\n".join(self._frr))
            self._lay_cables()
            self._address_everything()
            self._start_wire(build)
            self._start_network()
            self._start_monitoring()
            self._wait_until_served()
            if anycastd:
                for node in net.NODES:
                    self.start_anycastd(node)
        except BaseException:
            self.down()
            raise

    def down(self):
        self.hosts.destroy()

    def _lay_cables(self):
        """Hosts and veths. Through the wire go the sessions, and the users' access."""
        ns = self.hosts.namespace
        commands = [f"netns add {ns(host)}" for host in net.HOSTS]

        def join(host, name, peer_host, peer_name):
            commands.append(
                f"link add name {name} netns {ns(host)} type veth"
                f" peer name {peer_name} netns {ns(peer_host)}"
            )

        for i, (host, name, peer_host, peer_name, _) in enumerate(self._wired()):
            join(host, name, net.WIRE, f"a{i}")
            join(peer_host, peer_name, net.WIRE, f"b{i}")
        for link in net.TRANSITS:
            join(link.customer, link.provider, link.provider, link.customer)
        for host in net.MANAGEMENT_ADDRESS:
            join(host, "mgmt", net.MONITOR, host[:15])
        self.hosts.ip(commands)

    @staticmethod
    def _wired():
        """(host, interface, host, interface, cable) of every cable that goes through the wire."""
        for s in net.SESSIONS:
            yield s.customer, s.provider, s.provider, s.customer, s.cable
        for user in net.USERS.values():
            yield user.name, "isp", user.carrier, user.region, user.name

    def _address_everything(self):
        plans = {host: ["link set dev lo up"] for host in net.HOSTS}

        def address(host, device, value):
            plans[host] += [f"address add {value} dev {device}", f"link set dev {device} up"]

        for link in [*net.SESSIONS, *net.TRANSITS]:
            address(link.customer, link.provider, f"{link.customer_address}/30")
            address(link.provider, link.customer, f"{link.provider_address}/30")
        for user in net.USERS.values():
            address(user.name, "isp", f"{user.address}/28")
            address(user.carrier, user.region, f"{user.gateway}/28")
            plans[user.name].append(f"route add default via {user.gateway}")
        plans[net.MONITOR] += ["link add name br0 type bridge"]
        address(net.MONITOR, "br0", f"{net.MONITOR_ADDRESS}/25")
        for host, value in net.MANAGEMENT_ADDRESS.items():
            address(host, "mgmt", f"{value}/25")
            plans[net.MONITOR].append(f"link set dev {host[:15]} master br0 up")
        for i, _ in enumerate(self._wired()):
            plans[net.WIRE] += [f"link set dev a{i} up", f"link set dev b{i} up"]
        for node in net.NODES.values():
            plans[node.name] += self._address_node(node)

        for host, commands in plans.items():
            self.hosts.sysctl(host, self._sysctls(host))
            self.hosts.ip(commands, host)
        for node in net.NODES.values():
            self.hosts.run(node.name, ["nft", "-f", "-"], text=texts.symmetric_marks(node))

    @staticmethod
    def _sysctls(host):
        values = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
        if host in net.ROUTERS:
            values["net.ipv4.ip_forward"] = 1
        if host in net.NODES:
            # Replies carry the mark of what they answer, and so leave through the same upstream.
            values |= {"net.ipv4.fwmark_reflect": 1, "net.ipv4.tcp_fwmark_accept": 1}
        return values

    @staticmethod
    def _address_node(node):
        """VIP, probe targets, and one routing table per upstream.

        A target's replies leave through its own upstream (rule `from`), so a probe measures one
        session both ways. The VIP's replies leave through the upstream that the request came in by
        (rule `fwmark`): the users' way back is as symmetric as their way in.
        """
        commands = [f"address add {net.VIP}/32 dev lo"]
        for upstream in node.upstreams:
            s = net.session(node.name, upstream)
            table = net.table(upstream)
            commands += [
                f"address add {s.target}/32 dev lo",
                f"route add default via {s.provider_address} table {table}",
                f"rule add from {s.target} lookup {table}",
                f"rule add fwmark {table} lookup {table}",
            ]
        return commands

    def _start_wire(self, build):
        self.hosts.start("wire", net.WIRE, [build / "anycast-wire", self._wire_socket])
        wait_until(lambda: self._all_alive() and self._wire_socket.exists(), 5, "the wire's socket")
        self.wire(
            [f"link {cable} a{i} b{i}" for i, (*_, cable) in enumerate(self._wired())]
            + [texts.rule(session, carrier) for session, carrier in net.PATHS]
            + [
                f"rule {user.name} {user.network} delay {net.REGIONS[user.region] / 2}"
                for user in net.USERS.values()
            ]
        )

    def _start_network(self):
        for node in net.NODES.values():
            self.fragment(node.name).parent.mkdir(parents=True)
            if self.kind(node.name) == "frr":
                self._start_frr(node)
            else:
                self._start_bird_of(node)
            service = ["python3", HERE / "service.py", net.VIP, node.name]
            self.hosts.start(f"service.{node.name}", node.name, service)
        for upstream in net.UPSTREAMS.values():
            self._start_bird(upstream.name, self.upstream_text(upstream))
        for carrier in net.CARRIERS.values():
            self._start_bird(carrier.name, texts.carrier_bird(carrier))

    def _start_bird_of(self, node):
        fragment = self.fragment(node.name)
        fragment.write_text(texts.plain_fragment(node))
        self._start_bird(node.name, self.operator_text(node))

    def _start_frr(self, node):
        objects = texts.plain_objects(node)
        self.fragment(node.name).write_text(objects)
        # bgpd announces a network where there is a route for it: import-check is its default.
        self.hosts.ip([f"route add blackhole {net.PREFIX}"], node.name)
        self.frr(node.name).start(self.operator_text(node), objects)

    def _start_bird(self, host, text):
        folder = self.folder(host)
        folder.mkdir(exist_ok=True)
        (folder / "bird.conf").write_text(text)
        self.start_router(host)

    def _start_monitoring(self):
        state = self.hosts.state
        (state / "blackbox.yml").write_text(texts.BLACKBOX)
        (state / "prometheus.yml").write_text(texts.prometheus())
        for user in net.USERS:
            self.hosts.start(
                f"blackbox.{user}",
                user,
                [
                    "prometheus-blackbox-exporter",
                    f"--config.file={state}/blackbox.yml",
                    f"--web.listen-address={net.MANAGEMENT_ADDRESS[user]}:9115",
                    "--timeout-offset=0.1",
                    "--log.level=warn",
                ],
            )
        self.start_prometheus()

    def start_prometheus(self):
        state = self.hosts.state
        self.hosts.start(
            "prometheus",
            net.MONITOR,
            [
                "prometheus",
                f"--config.file={state}/prometheus.yml",
                f"--storage.tsdb.path={state}/prometheus",
                f"--web.listen-address={net.MONITOR_ADDRESS}:9090",
                "--web.enable-remote-write-receiver",
                "--log.level=warn",
            ],
        )

    def _wait_until_served(self):
        def ready():
            self._all_alive()
            sessions = [state for u in net.UPSTREAMS for state in self.sessions(u).values()]
            return set(sessions) == {"Established"} and all(
                one.served_by and not one.unserved for one in self.users(0.1).values()
            )

        wait_until(ready, 20, "all sessions, and an answer from the VIP to every user")

    def _all_alive(self):
        """True; a process that has ended is an error with its last words."""
        for name in self.hosts.processes():
            if not self.hosts.running(name):
                raise LabError(f"'{name}' ended: {self.hosts.log(name).read_text().strip()}")
        return True

    # What one does with it

    @property
    def _wire_socket(self):
        return self.hosts.state / "wire.sock"

    def wire(self, commands):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(self._wire_socket))
            line.sendall("\n".join(commands).encode())
            line.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
        if "error: " in answer:
            raise LabError(f"wire: {answer.strip()}")
        return answer

    def path(self, node, upstream, carrier, delay=0.0, jitter=1.0, loss=0.0):
        """Makes a path that much slower (ms, there and back) and lossy (%) than it is at its best.

        Without figures it heals. Nothing else is touched, neither other carriers nor BGP.
        """
        try:
            session = net.path(node, upstream, carrier)
        except LookupError as error:
            raise LabError(error.args[0]) from error
        self.wire([texts.rule(session, carrier, delay, jitter, loss)])

    def users(self, seconds):
        """What the users feel in the next seconds: {carrier: users.Felt}."""
        return users.measure(self.hosts, net.USERS.values(), net.VIP, seconds)

    def dump(self, upstream):
        return self.folder(upstream) / "updates.mrt"

    def updates(self, upstream):
        """Every UPDATE that an upstream has heard, in order, from nodes and carriers."""
        if upstream not in net.UPSTREAMS:
            raise LabError(f"no upstream '{upstream}'")
        return mrt.updates(self.dump(upstream).read_bytes())

    # Routing daemons

    def kind(self, node):
        """ "bird" or "frr"."""
        return "frr" if node in (self.hosts.state / "frr").read_text().split() else "bird"

    def operator_text(self, node):
        """The file of a node's routing daemon, as its operator wrote it."""
        if self.kind(node.name) == "frr":
            return texts.node_frr(node)
        return texts.node_bird(node, self.fragment(node.name))

    def upstream_text(self, upstream):
        return texts.upstream_bird(upstream, self.dump(upstream.name))

    def fragment(self, node):
        return self.folder(node) / "run" / f"{self.kind(node)}.conf"

    def frr(self, node):
        return Frr(self.hosts, node, self.folder(node))

    def start_router(self, host):
        """Starts a router's daemons again, as far as they do not run."""
        if self.kind(host) == "bird":
            folder = self.folder(host)
            argv = ["bird", "-f", "-c", folder / "bird.conf", "-s", folder / "bird.ctl"]
            self.hosts.start(f"bird.{host}", host, argv)
            return
        for daemon in DAEMONS:
            if not self.hosts.running(self.frr(host).process(daemon)):
                self.frr(host).start_daemon(daemon)

    def birdc(self, host, *words):
        argv = ["birdc", "-s", self.folder(host) / "bird.ctl", *words]
        done = subprocess.run(argv, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise LabError(f"birdc on {host}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def sessions(self, host):
        """{BGP protocol: state} of a router."""
        lines = [line.split() for line in self.birdc(host, "show", "protocols").splitlines()]
        return {words[0]: words[-1] for words in lines if len(words) > 1 and words[1] == "BGP"}

    # anycastd

    def program(self, name):
        return Path((self.hosts.state / "build").read_text().strip()) / name

    def control_socket(self, node):
        return self.folder(node) / "ctl.sock"

    def start_anycastd(self, node):
        if node not in net.NODES:
            raise LabError(f"no node '{node}'")
        program = self.program("anycastd")
        if not program.exists():
            raise LabError(f"'{program}' is not built; --no-anycastd does without")
        folder = self.folder(node)
        drop_ins = folder / "conf.d"
        drop_ins.mkdir(exist_ok=True)
        (folder / "anycastd.yaml").write_text(texts.fleet(SOURCE / "templates"))
        (drop_ins / "node.yaml").write_text(texts.on_node(net.NODES[node], folder, self.kind(node)))
        self.hosts.start(
            f"anycastd.{node}",
            node,
            [program, "--config", folder / "anycastd.yaml", "--node", node],
        )

    def stop_anycastd(self, node, how=signal.SIGTERM):
        self.hosts.stop([f"anycastd.{node}"], how)

    def ready(self, node):
        """True once a node's anycastd has fresh evidence and its router answers."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(2)
                line.connect(str(self.control_socket(node)))
                line.sendall(b"GET /readyz HTTP/1.0\r\nHost: anycastd\r\n\r\n")
                return line.recv(64).split()[1:2] == [b"200"]
        except OSError:
            return False

    def anycastctl(self, node, *words):
        """What the operator sees on a node; a refusal is shown as it is."""
        argv = [self.program("anycastctl"), "-s", self.control_socket(node), *words]
        done = subprocess.run(
            argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.stdout
