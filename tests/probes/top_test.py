"""`anycastctl top` in a real terminal: keys, a change of size, and the screen as it was at the end."""

import contextlib
import json
import os
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from exporters_test import BUILD
from known import ROOT
from processes import needs

GOLDEN = ROOT / "tests/golden/ctl"
ANSWERS = {"/v1/status": "evening-status-json.txt", "/v1/explain": "evening-explain-json.txt", "/v1/plan": "evening-plan-json.txt"}


class Handler(BaseHTTPRequestHandler):
    """A daemon that says one evening over and over."""

    def do_GET(self):
        self.server.asked.append(self.path)
        name = ANSWERS.get(self.path.partition("?")[0])
        text = (GOLDEN / name).read_bytes() if name else json.dumps({"kind": "History", "entries": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@needs("tmux")
class Top(unittest.TestCase):
    def setUp(self):
        cleanup = contextlib.ExitStack()
        self.addCleanup(cleanup.close)
        self.folder = cleanup.enter_context(tempfile.TemporaryDirectory())
        self.server = Server(f"{self.folder}/ctl.sock", Handler)
        self.server.asked = []
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        cleanup.callback(self.server.server_close)
        cleanup.callback(thread.join)
        cleanup.callback(self.server.shutdown)
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", "sh")
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("set-option", "-g", "status", "off")
        self.keys("PS1='shell$ '; clear; echo be''fore", "Enter")
        self.until(lambda screen: "before" in screen)
        self.keys(f"{BUILD}/anycastctl --utc -s {self.folder}/ctl.sock top; echo ended with $?", "Enter")

    def tmux(self, *words):
        command = ["tmux", "-f", "/dev/null", "-S", f"{self.folder}/tmux", *words]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TERM": "xterm"}).stdout

    def keys(self, *words):
        self.tmux("send-keys", *words)

    def until(self, good):
        deadline = time.monotonic() + 30
        while not good(screen := self.tmux("capture-pane", "-p")):
            self.assertLess(time.monotonic(), deadline, screen)
            time.sleep(0.05)
        return screen.rstrip("\n").split("\n")

    def test_keys_show_why_a_new_size_fits_and_leaving_restores_the_screen(self):
        lines = self.until(lambda screen: "> hk-idc-1" in screen and "? keys" in screen)
        self.assertEqual(lines[0], "hk-idc-1  DEGRADED  mode auto  evidence 6s old  12:20:20 UTC")
        self.assertRegex(lines[3], r"^> hk-idc-1 +mobile +BAD +231ms +6.8% +38ms +6m 12s +cmi$")
        self.assertEqual(len(lines), 30)
        self.keys("Down", "Down")
        self.until(lambda screen: "> hk-ali-1" in screen)
        self.keys("Up", "k", "Enter")
        lines = self.until(lambda screen: "1 measured" in screen)
        self.assertIn("hk-idc-1 / mobile: cmi BAD", "\n".join(lines))
        self.assertIn("/v1/explain?carrier=mobile&node=hk-idc-1", self.server.asked)
        self.keys("PageDown")
        self.until(lambda screen: "2 judged" in screen and "1 measured" not in screen)
        self.keys("Escape")
        self.until(lambda screen: "> hk-idc-1" in screen)
        self.tmux("resize-window", "-x", "40", "-y", "10")
        lines = self.until(lambda screen: "> hk-idc-1" in screen and len(screen.rstrip("\n").split("\n")) == 10)
        self.assertLessEqual(max(map(len, lines)), 40)
        self.keys("?")
        self.until(lambda screen: "choose a path" in screen)
        self.keys("q")
        lines = self.until(lambda screen: "ended with 0" in screen)
        self.assertEqual(lines[-1].strip(), "shell$")
        self.assertNotIn("hk-idc-1", "\n".join(lines))

    def test_a_daemon_that_goes_is_said_and_a_signal_restores_the_screen(self):
        self.until(lambda screen: "> hk-idc-1" in screen)
        Path(self.folder, "ctl.sock").unlink()
        self.keys("r")
        self.until(lambda screen: "OLD: no answer at" in screen and "> hk-idc-1" in screen)
        found = subprocess.run(["pgrep", "-f", f"{self.folder}/ctl.sock top$"], capture_output=True, text=True)
        subprocess.run(["kill", "-TERM", found.stdout.split()[0]], check=True)
        self.until(lambda screen: "ended with 0" in screen and "before" in screen)


if __name__ == "__main__":
    unittest.main()
