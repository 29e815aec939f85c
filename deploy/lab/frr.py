"""FRR on a node in place of BIRD: zebra, staticd and bgpd, with their sockets in the node's own folder."""

import shutil
import socket
from pathlib import Path

from .hosts import LabError, wait_until

PROGRAMS = Path("/usr/lib/frr")
DAEMONS = ("zebra", "staticd", "bgpd")


def vty(path, *commands):
    """What a daemon answers to the last of these commands; LabError where it refuses one."""
    text = ""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(path))
        for command in ("enable", *commands):
            line.sendall(command.encode() + b"\0")
            reply = b""
            # The text ends with three NULs and a byte of status (lib/vty.c).
            while len(reply) < 4 or reply[-4:-1] != b"\0\0\0":
                more = line.recv(65536)
                if not more:
                    raise LabError(f"'{path}' hung up after '{command}'")
                reply += more
            text = reply[:-4].decode()
            if reply[-1]:
                raise LabError(f"'{command}' to {path}: status {reply[-1]}: {text.strip()}")
    return text


class Frr:
    def __init__(self, hosts, node, folder):
        self.hosts, self.node = hosts, node
        self.config = folder / "frr.conf"
        self.sockets = folder / "vty"

    def process(self, daemon):
        return f"{daemon}.{self.node}"

    def start(self, text, objects):
        """The daemons with the operator's `text`, and then what runs of our objects."""
        self.sockets.mkdir(parents=True)
        # The daemons give up root before they make their sockets.
        shutil.chown(self.sockets, "frr", "frr")
        self.config.write_text(text)
        for daemon in DAEMONS:
            self.start_daemon(daemon)
        self.configure(objects)

    def start_daemon(self, daemon):
        """Starts one of them, as at first or after a kill, and waits until it can be asked."""
        if daemon not in DAEMONS:
            raise LabError(f"'{daemon}' is none of {', '.join(DAEMONS)}")
        at = self.sockets
        socket_file = at / f"{daemon}.vty"
        socket_file.unlink(missing_ok=True)
        argv = [PROGRAMS / daemon, "-f", self.config, "-i", at / f"{daemon}.pid", "-P", "0"]
        argv += ["-z", at / "zserv.api", "--vty_socket", at, "--log", "stdout"]
        if daemon == "bgpd" and self.config.read_text().startswith("rpki\n"):
            argv += ["-M", "rpki"]
        self.hosts.start(self.process(daemon), self.node, argv)
        wait_until(socket_file.exists, 10, f"the socket of {daemon} on {self.node}")

    def ask(self, *commands, daemon="bgpd"):
        return vty(self.sockets / f"{daemon}.vty", *commands)

    def configure(self, text):
        """A piece of configuration, line by line, to bgpd alone: other daemons need none of it."""
        lines = [line.strip() for line in text.splitlines()]
        self.ask("configure terminal", *(line for line in lines if line), "end")
