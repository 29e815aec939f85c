"""The service behind the VIP: answers every GET with the name of its node.

usage: service.py ADDRESS NODE
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS, NODE = sys.argv[1:]


class WhoAmI(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{NODE}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def server_bind(self):
        # HTTPServer's own asks the resolver for our name, which can wait for a name server.
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = NODE, self.server_address[1]


Server.allow_reuse_address = True
Server((ADDRESS, 80), WhoAmI).serve_forever()
