"""Answers in place of Prometheus on loopback: a fleet's samples, one path of which is bad, and whatever warnings it is given."""

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class Fleet:
    """Samples each half second for NODES x CARRIERS x REGIONS; BAD is a (node, carrier) with lost and late replies.

    Every node says that it announces on its upstreams: {node: "upstream upstream"}.
    """

    def __init__(self, nodes, carriers, regions, bad, scrape=0.5):
        self.nodes, self.bad, self.scrape = nodes, bad, scrape
        self.paths = [(n, c, r) for n in nodes for c in carriers for r in regions]
        self.base = {path: 0.031 + 0.004 * i % 0.05 for i, path in enumerate(self.paths)}
        self.warnings = []

    def value(self, name, path, tick):
        """The sample of a path at a multiple of the scrape interval: the same whenever it is asked for."""
        sick = path[:2] == self.bad
        lost = (tick * 7 + len(path[2])) % 13 == 0 if sick else False
        if name == "probe_success":
            return "0" if lost else "1"
        wobble = (tick * 5 + len(path[0])) % 7 * (0.004 if sick else 0.0004)
        return "0" if lost else f"{self.base[path] + (0.19 if sick else 0) + wobble:.6f}"

    def announcements(self, at):
        return [
            {
                "metric": {"__name__": "anycast_announces", "node": node, "upstream": upstream, "stance": "announce"},
                "values": [[at, "1"]],
            }
            for node, upstreams in self.nodes.items()
            for upstream in upstreams.split()
        ]

    def series(self, name, at, window):
        last = int(at / self.scrape)
        ticks = range(last - int(window / self.scrape) + 1, last + 1)
        return [
            {
                "metric": {"__name__": name, "node": path[0], "carrier": path[1], "region": path[2]},
                "values": [[tick * self.scrape, self.value(name, path, tick)] for tick in ticks],
            }
            for path in self.paths
        ]

    def answer(self, query, at):
        name, window = re.match(r".*?(\w+)[^[]*\[(\d+)ms\]", query).groups()
        found = self.announcements(at) if "announces" in query else self.series(name, at, int(window) / 1000)
        said = {"resultType": "matrix", "result": found}
        return {"status": "success", "data": said} | ({"warnings": self.warnings} if self.warnings else {})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes; together they wait 40 ms

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = json.dumps(self.server.fleet.answer(form["query"][0], float(form["time"][0]))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def prometheus_of(fleet):
    """The port at which the fleet's samples are."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.fleet, server.daemon_threads = fleet, True
    server.handle_error = lambda *_: None  # the daemon may leave in the middle of an answer
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
