"""The service behind the VIP: answers every GET with the name of its node, that of /stream again and
again as long as the client stays, and returns every datagram (echo, RFC 862).

usage: service.py ADDRESS NODE
"""

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS, NODE = sys.argv[1:]


class WhoAmI(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{NODE}\n".encode()
        self.send_response(200)
        if self.path == "/stream":
            self.stream(body)
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, line):
        self.end_headers()
        try:
            while True:
                self.wfile.write(line)
                time.sleep(0.05)
        except OSError:
            pass  # the client has left

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def server_bind(self):
        # HTTPServer's own asks the resolver for our name, which can wait for a name server.
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = NODE, self.server_address[1]


def echo():
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((ADDRESS, 7))
    while True:
        data, client = line.recvfrom(2048)
        line.sendto(data, client)


threading.Thread(target=echo, daemon=True).start()
Server.allow_reuse_address = True
Server((ADDRESS, 80), WhoAmI).serve_forever()
