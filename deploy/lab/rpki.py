"""A real stayrtr beside the lab's Prometheus, and what a node's daemon needs to listen to it."""

import json
import os
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
"""
FRR = f"""rpki
 rpki polling_period 1
 rpki retry_interval 1
 rpki cache {net.MONITOR_ADDRESS} {PORT} preference 1
exit
"""


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
