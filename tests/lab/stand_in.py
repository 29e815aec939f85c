#!/usr/bin/env python3
"""Answers in place of Prometheus, and always with the same fault.

usage: stand_in.py ADDRESS PORT FAULT RTT_SECONDS

Behind the fault is an answer that would justify a step: every probe of the lab replies, those of
the path in question with this RTT. Who believed it would act.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))

from lab import topology as net  # noqa: E402

PATH = ("hk-idc-1", "cmi", "mobile")
WINDOW, SCRAPE = 20, 0.5  # seconds; at least the lab's
WELL = 0.05

FAULTS = {
    "html": "a proxy's page with status 502",
    "empty": "a good answer without any series",
    "warnings": "a complete answer with a warning",
    "nan": "NaN for every sample",
    "truncated": "half of the answer",
    "old": "samples 10 min old",
    "none": "no fault",
}


def series(name, at, value):
    """One series per probe; `value(path)` is that of all its samples."""
    count = int(WINDOW / SCRAPE)
    times = [round(at - SCRAPE * (count - i), 3) for i in range(count)]
    return [
        {
            "metric": {
                "__name__": name,
                "job": "anycast-icmp",
                "node": session.customer,
                "upstream": session.provider,
                "carrier": carrier,
                "region": region,
            },
            "values": [[t, value((session.customer, session.provider, carrier))] for t in times],
        }
        for session, carrier in net.PATHS
        for region in net.REGIONS
    ]


def answer(fault, rtt, query, at):
    """(status, content type, body) for an instant query of a range selector."""
    if fault == "html":
        return 502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>"
    at -= 600 if fault == "old" else 0
    found = []
    if fault != "empty" and query.startswith("probe_success"):
        found = series("probe_success", at, lambda _: "NaN" if fault == "nan" else "1")
    if fault != "empty" and query.startswith("probe_icmp_duration_seconds"):
        found = series(
            "probe_icmp_duration_seconds",
            at,
            lambda path: "NaN" if fault == "nan" else str(rtt if path == PATH else WELL),
        )
    said = {"status": "success", "data": {"resultType": "matrix", "result": found}}
    if fault == "warnings":
        said["warnings"] = ["one of the stores did not answer"]
    text = json.dumps(said)
    return 200, "application/json", text[: len(text) // 2] if fault == "truncated" else text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes; together they wait 40 ms

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, kind, text = answer(
            self.server.fault, self.server.rtt, form["query"][0], float(form["time"][0])
        )
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    address, port, fault, rtt = sys.argv[1:]
    if fault not in FAULTS:
        sys.exit(f"'{fault}' is none of {', '.join(FAULTS)}")
    ThreadingHTTPServer.allow_reuse_address = True
    server = ThreadingHTTPServer((address, int(port)), Handler)
    server.fault, server.rtt = fault, float(rtt)
    server.serve_forever()


if __name__ == "__main__":
    main()
