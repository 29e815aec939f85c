"""A real stayrtr beside the lab's Prometheus, and what operators write to use it (docs/rpki.md)."""

import json
import os
import re
import signal

from . import topology as net

PORT = 8282
PROCESS = "stayrtr"

# Both ask every second, and so does BIRD's age of the data stay below two.
BIRD = f"""roa4 table r4;
protocol rpki rtr1 {{
  roa4 {{ table r4; }};
  remote {net.MONITOR_ADDRESS} port {PORT};
  refresh keep 1;
  retry keep 1;
  expire keep 600;
}}
filter heard {{
  if roa_check(r4, net, bgp_path.last) = ROA_INVALID then reject;
  accept;
}}
"""
FRR = f"""rpki
 rpki polling_period 1
 rpki retry_interval 1
 rpki cache {net.MONITOR_ADDRESS} {PORT} preference 1
exit
route-map heard deny 5
 match rpki invalid
exit
"""


def bird(text):
    """A node's file with ROAs, which what is heard is checked against, and roles (RFC 9234)."""
    text = text.replace("import all;", "import table on; import filter heard;")
    return BIRD + with_role(text, "customer")


def frr(text):
    neighbor = re.compile(r"^( neighbor \S+) timers connect 1$", re.M)
    text = neighbor.sub(r"\g<0>\n\1 local-role customer", text)
    heard = re.compile(r"^(  neighbor \S+) route-map heard in$", re.M)
    return FRR + heard.sub(r"\g<0>\n\1 soft-reconfiguration inbound", text)


def with_role(bird_text, role):
    return bird_text.replace("  hold time 9;", f"  local role {role};\n  hold time 9;")


class Cache:
    """Serves validated ROA payloads over RTR (RFC 8210); it starts with the first of them."""

    def __init__(self, hosts):
        self.hosts = hosts
        self._file = hosts.state / "roas.json"

    def serve(self, *roas):
        """Replaces all of them: (prefix, longest length, AS number)."""
        said = {
            "metadata": {"buildtime": "2026-06-01T12:00:00Z"},
            "roas": [
                {"prefix": prefix, "maxLength": length, "asn": f"AS{asn}", "ta": "lab"}
                for prefix, length, asn in roas
            ],
        }
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(said))
        new.rename(self._file)
        if pid := self.hosts.running(PROCESS):
            os.kill(pid, signal.SIGHUP)
            return
        argv = ["stayrtr", "-bind", f"{net.MONITOR_ADDRESS}:{PORT}", "-metrics.addr", "127.0.0.1:9847"]
        argv += ["-cache", self._file, "-checktime=false", "-refresh", "600", "-protocol", "1"]
        argv += ["-rtr.refresh", "1", "-rtr.retry", "1", "-rtr.expire", "600"]
        self.hosts.start(PROCESS, net.MONITOR, argv)

    def kill(self):
        self.hosts.stop([PROCESS], signal.SIGKILL)
